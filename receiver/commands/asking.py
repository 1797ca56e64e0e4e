"""Asking VTEX itself, by a person's word: posting an invoice, and comparing what VTEX shows with what we know."""

import json
import math
import sys
import time
from collections.abc import Iterator
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from adapters import Unreadable, strict_json
from receiver.carriers.schemas import faults
from receiver.commands._common import account_of, account_option, fail, json_option, opened, printable, show_rows
from receiver.config import Config
from receiver.http import Http
from receiver.operations.comparing import Comparing
from receiver.operations.invoicing import Invoicing, NotPosted, Posted, Request
from receiver.store import Database, Index, Paused, RateLimited
from receiver.store.gaps import Gaps
from receiver.vtex import bills
from receiver.vtex.answers import VtexError
from receiver.vtex.bills import Bill, Leave
from receiver.vtex.client import BadSegment, Vtex
from receiver.vtex.hook import Event
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
def invoice(order_id: str, file: Path, account: str | None, *, dry_run: bool, as_json: bool, **leave: bool) -> None:
    """Post an invoice to an order.

    FILE is its JSON (- for standard input): type, issuanceDate, invoiceNumber, invoiceValue in cents as text, items of
    id, price and quantity; see `schemas/vtex_invoice.json`. Waits until the order shows it. Where the answer is lost
    the order is read; nothing is posted twice.
    """
    bill = _bill(file)
    given = _given(**leave)
    with opened() as (config, database):
        of = account_of(config, account)
        invoicing = Invoicing(database, _vtex(config, of))
        try:
            if dry_run:
                _show_request(invoicing.rehearse(order_id, bill, given), as_json=as_json)
                return
            posted = invoicing.post(order_id, bill, given)
            if posted.outcome == "visible":
                Index(database).wake(of, Event(posted.order_id).names, now=time.time())
        except NotPosted as error:
            fail("\n".join(f"not posted: {printable(reason)}" for reason in error.reasons))
        except (VtexError, UnexpectedOrder, BadSegment, Paused, RateLimited) as error:
            fail(f"account {of}, order {order_id}: {printable(str(error))}")
    _tell(posted, bill, of, as_json=as_json)


def _bill(file: Path) -> Bill:
    """The invoice in a file; one line for each fault ends the command."""
    try:
        with click.open_file(str(file), "rb") as opened_file:
            bill = strict_json(opened_file.read())
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    except Unreadable as error:
        fail(f"{file}: {error}")
    found = [str(fault) for fault in faults(SCHEMA, bill)] or bills.faults(bill)
    if found:
        fail("\n".join(f"{file}: {printable(fault)}" for fault in found))
    checked: Bill = bill
    return checked


def _given(*, replace: bool, return_: bool, differing: bool, again: bool) -> set[Leave]:
    given: dict[Leave, bool] = {"replace": replace, "return": return_, "differing": differing, "again": again}
    return {leave for leave, is_given in given.items() if is_given}


def _vtex(config: Config, account: str) -> Vtex:
    found = config.accounts[account]
    return Vtex(found, Http([found.base_url]), clock=time.time)


def _show_request(request: Request, *, as_json: bool) -> None:
    if as_json:
        click.echo(
            json.dumps({"outcome": "dry_run", "method": request.method, "url": request.url, "body": request.body})
        )
        return
    click.echo(f"{request.method} {request.url}")
    click.echo(json.dumps(request.body, indent=2, ensure_ascii=False))


def _tell(posted: Posted, bill: Bill, account: str, *, as_json: bool) -> None:
    """What came of it; the exit code is 1 unless the order shows it."""
    number = bill["invoiceNumber"]
    said: dict[str, Any] = {
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
        click.echo(json.dumps(said))
    elif posted.outcome == "visible":
        click.echo(texts[posted.outcome])
    if posted.outcome != "visible":
        if not as_json:
            fail(f"{texts[posted.outcome]}; the same command looks again, and posts nothing twice")
        sys.exit(1)


def _is_number(context: click.Context, option: click.Parameter, hours: float) -> float:
    if not math.isfinite(hours):
        raise click.BadParameter(f"{hours} is no number of hours", context, option)
    return hours


@click.command()
@click.option(
    "--older-than",
    "hours",
    type=click.FloatRange(min=0),
    callback=_is_number,
    default=24.0,
    show_default=True,
    metavar="HOURS",
    help="Only what has been so for longer.",
)
@click.option("--account", metavar="NAME", help="Only this VTEX account.")
@click.option("--ask", is_flag=True, help="Ask VTEX, too, whether it still shows what we wrote: one call an order.")
@json_option
def reconcile(hours: float, account: str | None, *, ask: bool, as_json: bool) -> None:
    """List what does not agree.

    Invoices without tracking, as far as orders were read; parcels that the carrier took and that were never written;
    and with --ask the invoices that no longer show what was written to them. The exit code is 1 where VTEX could not be
    asked to the end.
    """
    columns = {
        "gap": "what",
        "account": "account",
        "order_id": "order",
        "invoice_number": "invoice",
        "shipment": "shipment",
        "tracking_number": "number",
        "since": "since",
        "why": "why",
    }
    with opened() as (config, database):
        if account is not None:
            account_of(config, account)
        before = time.time() - hours * 3_600
        gaps = Gaps(database, account=account)
        rows = chain(gaps.without_tracking(before=before), gaps.never_written(before=before))
        unasked: list[str] = []
        if ask:
            written = [one for one in gaps.written() if one["sent"].at < before]
            asked = _asked(config, database, written, unasked, as_json=as_json)
            # A long table is cut: what was asked for is neither cut off behind other rows nor left unasked.
            rows = chain(asked if as_json else list(asked), rows)
        told = (row if as_json else {**row, "why": row.get("reason") or row.get("note")} for row in rows)
        show_rows(told, columns, as_json=as_json, empty="everything agrees, as far as is known here")
    if unasked:
        sys.exit(1)


def _asked(
    config: Config, database: Database, written: list[dict[str, Any]], unasked: list[str], *, as_json: bool
) -> Iterator[dict[str, Any]]:
    """What differs, account by account. One that cannot be asked to the end is a row of its own, is noted in
    ``unasked``, and does not keep the others from being asked."""
    clients = {name: _vtex(config, name) for name in config.accounts}
    comparing = Comparing(database, clients)
    bar = Progress(console=Console(stderr=True), transient=True, disable=as_json or not sys.stderr.isatty())
    with bar:
        task = bar.add_task("asking VTEX", total=len(written))
        for account, parcels in groupby(written, key=itemgetter("account")):
            if account not in clients:
                unasked.append(account)
                yield {"gap": "not_asked", "account": account, "note": "the account is not in the configuration"}
                continue
            try:
                for found in comparing.differing(parcels):
                    bar.advance(task)
                    if found is not None:
                        yield found
            except (VtexError, Paused) as error:
                unasked.append(account)
                yield {"gap": "not_asked", "account": account, "note": f"not asked to the end: {error}"}


COMMANDS = (invoice, reconcile)
