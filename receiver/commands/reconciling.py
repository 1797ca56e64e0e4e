"""`receiver reconcile`: what VTEX shows against what we know."""

import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from receiver.commands._common import account_of, count, json_option, opened, say, show_rows
from receiver.commands._types import AMOUNT, TEXT
from receiver.config import Config
from receiver.http import Http
from receiver.operations.comparing import Comparing
from receiver.store import Database, Paused
from receiver.store.operator.discrepancies import Discrepancies
from receiver.vtex.answers import VtexError
from receiver.vtex.client import Vtex

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
        self._clients = {
            name: Vtex(account, Http([account.base_url]), clock=time.time) for name, account in config.accounts.items()
        }
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


COMMANDS = (reconcile,)
