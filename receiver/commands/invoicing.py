"""`receiver invoice`: posting an invoice to an order."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from adapters import Unreadable, strict_json
from receiver.carriers.schemas import faults
from receiver.commands._common import account_of, account_option, fail, json_option, opened, printable
from receiver.http import Http
from receiver.operations.invoicing import Invoicing, NotPosted, PlannedPost, Posted
from receiver.store import Index, Paused, RateLimited
from receiver.vtex import invoice_checks
from receiver.vtex.answers import VtexError
from receiver.vtex.client import BadSegment, Vtex
from receiver.vtex.hook import Event
from receiver.vtex.invoice_checks import Invoice, Override
from receiver.vtex.orders import UnexpectedOrder

SCHEMA = "vtex_invoice"


@click.command()
@click.argument("order_id", metavar="ORDER")
@click.argument("file", type=click.Path(allow_dash=True, path_type=Path))
@account_option
@click.option("--dry-run", is_flag=True, help="Check it against the order and print the request; post nothing.")
@click.option("--replace", is_flag=True, help="Post it although the order has an invoice of that number.")
@click.option("--return", "return_", is_flag=True, help="Post a return (Input): VTEX refunds its value.")
@click.option("--differing", is_flag=True, help="Post it although its value or items differ from the order's.")
@click.option("--again", is_flag=True, help="Post it although an earlier call may have: you know that it was lost.")
@json_option
def invoice(order_id: str, file: Path, account: str | None, *, dry_run: bool, as_json: bool, **override: bool) -> None:
    """Post an invoice to an order.

    FILE is its JSON (- for standard input): type, issuanceDate, invoiceNumber, invoiceValue in cents, items of id,
    price and quantity; see `schemas/vtex_invoice.json`. Waits until the order shows it. Where the answer is lost
    the order is read; nothing is posted twice.
    """
    body = _read_invoice(file)
    for warning in invoice_checks.warnings(body, now=time.time()):
        click.echo(f"{file}: warning: {printable(warning)}", err=True)
    given = _given(**override)
    with opened() as (config, database):
        of = account_of(config, account)
        settings = config.accounts[of]
        invoicing = Invoicing(database, Vtex(settings, Http([settings.base_url]), clock=time.time))
        try:
            if dry_run:
                _show_request(invoicing.rehearse(order_id, body, given), as_json=as_json)
                return
            posted = invoicing.post(order_id, body, given)
            if posted.outcome == "visible":
                Index(database).wake(of, Event(posted.order_id).names, now=time.time())
        except NotPosted as error:
            fail("\n".join(f"not posted: {printable(reason)}" for reason in error.reasons))
        except (VtexError, UnexpectedOrder, BadSegment, Paused, RateLimited) as error:
            fail(f"account {of}, order {order_id}: {printable(str(error))}")
    _report(posted, body, of, as_json=as_json)


def _read_invoice(file: Path) -> Invoice:
    """Read an invoice from a file; faults end the command, with a line for each."""
    try:
        with click.open_file(str(file), "rb") as opened_file:
            body = strict_json(opened_file.read())
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    except Unreadable as error:
        fail(f"{file}: {error}")
    found = [str(fault) for fault in faults(SCHEMA, body)]
    checked: Invoice = body if found else invoice_checks.as_sent(body)
    found = found or invoice_checks.faults(checked)
    if found:
        fail("\n".join(f"{file}: {printable(fault)}" for fault in found))
    return checked


def _given(*, replace: bool, return_: bool, differing: bool, again: bool) -> set[Override]:
    given: dict[Override, bool] = {"replace": replace, "return": return_, "differing": differing, "again": again}
    return {override for override, is_given in given.items() if is_given}


def _show_request(request: PlannedPost, *, as_json: bool) -> None:
    if as_json:
        click.echo(
            json.dumps({"outcome": "dry_run", "method": request.method, "url": request.url, "body": request.body})
        )
        return
    click.echo(f"{request.method} {request.url}")
    click.echo(json.dumps(request.body, indent=2, ensure_ascii=False))


def _report(posted: Posted, body: Invoice, account: str, *, as_json: bool) -> None:
    """Print the result; the exit code is 1 unless the order shows the invoice."""
    number = body["invoiceNumber"]
    fields: dict[str, Any] = {
        "account": account,
        "order_id": posted.order_id,
        "invoice_number": number,
        "outcome": posted.outcome,
        "receipt": posted.receipt,
        "earlier": posted.earlier,
    }
    receipt = f" (receipt {posted.receipt})" if posted.receipt else ""
    where = f"invoice {number} of order {posted.order_id}"
    texts = {
        "visible": f"{where}: {'posted earlier' if posted.earlier else 'posted'}{receipt}, and the order shows it",
        "accepted": f"{where}: VTEX accepted it{receipt}, but the order does not show it yet",
        "unknown": f"{where}: the answer was lost, and the order does not show it yet",
    }
    if as_json:
        click.echo(json.dumps(fields))
    elif posted.outcome == "visible":
        click.echo(texts[posted.outcome])
    if posted.outcome != "visible":
        if not as_json:
            fail(f"{texts[posted.outcome]}; the same command looks again, and posts nothing twice")
        sys.exit(1)


COMMANDS = (invoice,)
