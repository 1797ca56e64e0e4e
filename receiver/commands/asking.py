"""Commands that call VTEX: posting an invoice, and comparing what VTEX shows with what we know."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from adapters import Unreadable, strict_json
from receiver.carriers.schemas import faults
from receiver.commands._common import (
    account_of,
    account_option,
    count,
    fail,
    json_option,
    opened,
    printable,
    say,
    show_rows,
)
from receiver.commands._types import AMOUNT, TEXT
from receiver.config import Config
from receiver.http import Http
from receiver.operations.comparing import Comparing
from receiver.operations.invoicing import Invoicing, NotPosted, PlannedPost, Posted
from receiver.store import Database, Index, Paused, RateLimited
from receiver.store.operator.discrepancies import Discrepancies
from receiver.vtex import invoice_checks
from receiver.vtex.answers import VtexError
from receiver.vtex.client import BadSegment, Vtex
from receiver.vtex.hook import Event
from receiver.vtex.invoice_checks import Invoice, Override
from receiver.vtex.orders import UnexpectedOrder

SCHEMA = "vtex_invoice"
#: Field of a discrepancy → heading.
_COLUMNS = {
    "gap": "what",
    "account": "account",
    "order_id": "order",
    "invoice_number": "invoice",
    "shipment": "shipment",
    "tracking_number": "number",
    "since": "since",
    "why": "why",
}


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
        invoicing = Invoicing(database, _vtex(config, of))
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


def _vtex(config: Config, account: str) -> Vtex:
    found = config.accounts[account]
    return Vtex(found, Http([found.base_url]), clock=time.time)


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


@click.command()
@click.option(
    "--older-than",
    "hours",
    type=AMOUNT,
    default=24.0,
    show_default=True,
    metavar="HOURS",
    help="Only what has been so for longer.",
)
@click.option("--account", type=TEXT, metavar="NAME", help="Only this VTEX account.")
@click.option("--ask", is_flag=True, help="Ask VTEX, too, whether it still shows what we wrote: one call an order.")
@json_option
def reconcile(hours: float, account: str | None, *, ask: bool, as_json: bool) -> None:
    """List invoices without tracking and parcels never written.

    As far as orders were read; numbers of ours that were left on a wrong invoice; and deliveries that VTEX was not
    told. With --ask also the invoices that no longer show what was written to them, and numbers that VTEX does not show
    any more disappear. The exit code is 1 where VTEX could not be asked to the end.
    """
    with opened() as (config, database):
        if account is not None:
            account_of(config, account)
        before = time.time() - hours * 3_600
        discrepancies = Discrepancies(database, account=account)
        asking = _Asking(config, database, as_json=as_json)
        telling = [name for name, endpoint in config.endpoints.items() if endpoint.events]
        recent = 0
        asked: Iterator[dict[str, Any]] = iter(())
        if ask:
            written = discrepancies.written()
            old = [one for one in written if one["sent"].at < before]
            recent = len(written) - len(old)
            asked = chain(asking.left_over(discrepancies.left_over()), asking.differing(old))
            # A long table is cut. So all questions are asked first, and their rows come before the others.
            asked = asked if as_json else iter(list(asked))
        known = (
            discrepancies.left_over,
            lambda: discrepancies.without_tracking(before=before),
            lambda: discrepancies.never_written(before=before),
            lambda: discrepancies.delivery_not_told(before=before, endpoints=telling),
        )
        rows = chain(asked, chain.from_iterable(rows() for rows in known))
        shown = (row if as_json else {**row, "why": _why(row)} for row in rows)
        show_rows(shown, _COLUMNS, as_json=as_json, empty=_nothing(hours))
        if recent:
            note = (
                f"{count(recent, 'invoice')} written within {hours:g} h not asked about (--older-than 0 asks about all)"
            )
            say(note, {"gap": "too_recent", "invoices": recent, "note": note}, as_json=as_json)
    if asking.unasked:
        sys.exit(1)


def _why(row: dict[str, Any]) -> str | None:
    """What a person reads of a row: a reason has its sentence elsewhere, a delivery that was not told has none."""
    note: str | None = row.get("note")
    return note if row["gap"] == "delivery_not_told" else row.get("reason") or note


def _nothing(hours: float) -> str:
    return f"nothing older than {hours:g} h is open (--older-than 0 shows all)" if hours else "nothing is open"


class _Asking:
    """Asks VTEX, account by account. If an account cannot be asked to the end, it gets its own row and is added to
    ``unasked``; the other accounts are still asked."""

    def __init__(self, config: Config, database: Database, *, as_json: bool) -> None:
        self.unasked: list[str] = []
        self._clients = {name: _vtex(config, name) for name in config.accounts}
        self._comparing = Comparing(database, self._clients)
        self._quiet = as_json or not sys.stderr.isatty()

    def differing(self, written: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Rows for invoices that do not show what was written there."""
        return self._each(written, self._comparing.differing)

    def left_over(self, left: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Check whether VTEX still shows these; gives rows only for accounts that could not be asked."""
        return self._each(left, self._comparing.left_over)

    def _each(
        self, rows: list[dict[str, Any]], ask: Callable[[Iterator[dict[str, Any]]], Iterator[dict[str, Any] | None]]
    ) -> Iterator[dict[str, Any]]:
        with Progress(console=Console(stderr=True), transient=True, disable=self._quiet) as bar:
            task = bar.add_task("asking VTEX", total=len(rows))
            for account, its in groupby(rows, key=itemgetter("account")):
                if account in self.unasked:
                    continue
                if account not in self._clients:
                    yield self._not_asked(account, "the account is not in the configuration")
                    continue
                try:
                    for found in ask(its):
                        bar.advance(task)
                        if found is not None:
                            yield found
                except (VtexError, Paused) as error:
                    yield self._not_asked(account, f"not asked to the end: {error}")

    def _not_asked(self, account: str, note: str) -> dict[str, Any]:
        self.unasked.append(account)
        return {"gap": "not_asked", "account": account, "note": note}


COMMANDS = (invoice, reconcile)
