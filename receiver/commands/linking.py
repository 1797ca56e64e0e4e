"""Commands for links: a person or a file says which order a parcel belongs to."""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, TextIO

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adapters import Unreadable
from receiver.commands._choosing import of_account_option
from receiver.commands._common import account_of, account_option, count, fail, json_option, opened, say
from receiver.commands._deciding import decision_options, decisions_of
from receiver.commands._listing import count_option, form_of, listing, show
from receiver.commands._types import TEXT
from receiver.config import Config
from receiver.operations.decisions import Decisions, NothingToChange
from receiver.operations.link_files import BadHeader, Line, Report, as_line, read_lines, store_lines
from receiver.operations.links import FIELDS, read_link
from receiver.reconcile.names import NAMES
from receiver.store import Link
from receiver.store.finding.companions import also_of
from receiver.store.operator.listed import Listed

_AS = click.option("--as", "kind", type=click.Choice(NAMES), default=NAMES[0], show_default=True, help="What it is.")
_ENDPOINT = click.option(
    "--endpoint", type=TEXT, metavar="NAME", help="Where the --as shipment is known; needed if several."
)


@click.command()
@click.argument("number", required=False)
@click.argument("order_id", metavar="ORDER", required=False)
@click.argument("invoice_number", metavar="[INVOICE]", required=False)
@_AS
@_ENDPOINT
@click.option(
    "--also", type=TEXT, multiple=True, metavar="ORDER", help="One more order that the parcel serves; may be repeated."
)
@click.option(
    "--csv",
    "file",
    type=click.File(encoding="utf-8-sig", errors="surrogateescape"),
    help="Many, from a file with a header; - reads stdin.",
)
@account_option
@decision_options
@json_option
def link(
    number: str | None, order_id: str | None, invoice_number: str | None, kind: str, endpoint: str | None,
    also: tuple[str, ...], file: TextIO | None, account: str | None, by: str, note: str | None, *, as_json: bool,
) -> None:  # fmt: skip
    """Tell which order a parcel belongs to.

    Before the carrier's webhook or after it. NUMBER is its tracking number, or what --as says; without INVOICE the
    rules choose among the order's invoices.
    """
    if (file is None) == (number is None) or (number is not None and order_id is None):
        raise click.UsageError("Give a NUMBER and its ORDER, or --csv FILE.")
    with opened() as (config, database):
        of, decisions = account_of(config, account), decisions_of(config, database, by, note)
        if file is not None:
            sys.exit(_from_csv(file, decisions, of, as_json=as_json))
        item: dict[str, Any] = {kind: number, "order": order_id, "invoice": invoice_number, "also": list(also)}
        one = _read({**item, **({"endpoint": endpoint} if endpoint else {})}, of, config)
        linked = decisions.link(of, one)
        ((_, value),) = one.names
        fields: dict[str, Any] = {"account": of, kind: value, "order_id": one.order_id}
        fields["also"] = [place.order_id for place in one.also]
        fields |= {"invoice_number": one.invoice_number, "woken": len(linked.woken), "replaced": list(linked.replaced)}
        fields["dismissed"] = list(linked.dismissed)
        to = f"order {one.order_id}{f', invoice {one.invoice_number}' if one.invoice_number else ''}"
        to += "".join(f" and order {place.order_id}" for place in one.also)
        former = f" (so far: order {', '.join(linked.replaced)})" if linked.replaced else ""
        woken = count(len(linked.woken), "shipment") + " woken" + "".join(map(_is_dismissed, linked.dismissed))
        say(f"{value} belongs to {to}{former}; {woken}", fields, as_json=as_json)


@click.command()
@click.option("--order", "order_id", type=TEXT, metavar="ORDER", help="Only those to this order.")
@of_account_option
@count_option("account and kind of name")
@listing
def links(
    order_id: str | None, account: str | None, since: float | None, until: float | None, limit: int | None, *,
    counted: bool, as_json: bool, as_csv: bool,
) -> None:  # fmt: skip
    """List the links, the newest first.

    --csv prints an account's links as link --csv reads them.
    """
    form = form_of(limit, as_json=as_json, as_csv=as_csv)
    columns = {
        "account": "account",
        "kind": "what",
        "value": "its value",
        "order_id": "order",
        "invoice_number": "invoice",
        "told_at": "told",
    }
    by = {"account": "account", "kind": "what", "count": "links", "last_at": "last"}
    with opened() as (config, database):
        as_file = as_csv and not counted
        of = account_of(config, account) if account is not None or as_file else None
        listed, period = Listed(database), form.period(since, until)
        read = listed.count_links if counted else listed.links
        rows = read(period, account=of, order=order_id)
        fields = tuple(by) if counted else FIELDS if as_file else (*columns, "also")
        shown = rows if counted else map(as_line if as_file else _listed, rows)
        show(shown, by if counted else columns, form, fields=fields, empty="no links")


@click.command()
@click.argument("number")
@_AS
@_ENDPOINT
@account_option
@decision_options
@json_option
def unlink(
    number: str, kind: str, endpoint: str | None, account: str | None, by: str, note: str | None, *, as_json: bool
) -> None:
    """Forget a link.

    What was written by it stays. NUMBER is a tracking number, or what --as says.
    """
    with opened() as (config, database):
        of = account_of(config, account)
        item = {kind: number, "order": "-", **({"endpoint": endpoint} if endpoint else {})}
        ((_, value),) = _read(item, of, config).names
        try:
            decisions_of(config, database, by, note).unlink(of, kind, value)
        except NothingToChange as error:
            fail(str(error))
        say(f"{value}: the link is forgotten", {"account": of, kind: value}, as_json=as_json)


def _listed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "also": also_of(row)}


def _is_dismissed(shipment: str) -> str:
    again = shlex.join(["receiver", "retry", shipment])
    return f"; {shipment} was dismissed by a person, and nothing is sent for it until: {again}"


def _read(item: dict[str, Any], account: str, config: Config) -> Link:
    try:
        return read_link(item, account, config)
    except Unreadable as error:
        fail(f"{error.path.removeprefix('$.')}: {error.why}")


def _from_csv(file: TextIO, decisions: Decisions, account: str, *, as_json: bool) -> int:
    """Store every good line, tell of every bad one; the exit code."""
    report = Report()
    try:
        for one in store_lines(
            _with_progress(read_lines(file)), lambda items: decisions.link_all(account, items), report
        ):
            fault = {"line": one.line, "column": one.column or None, "why": one.why}
            text = f"line {one.line}: {one.column + ': ' if one.column else ''}{one.why}"
            click.echo(json.dumps(fault) if as_json else text)
    except BadHeader as error:
        fail(str(error))
    text = f"{count(report.stored, 'link')} stored, {count(report.woken, 'shipment')} woken, "
    text += count(report.bad, "bad line") + "".join(map(_is_dismissed, report.dismissed))
    say(text, asdict(report), as_json=as_json)
    return 1 if report.bad or report.stopped_at is not None else 0


def _with_progress(lines: Iterator[Line]) -> Iterator[Line]:
    """A running count on stderr if it is a terminal."""
    if not sys.stderr.isatty():
        yield from lines
        return
    columns = (TextColumn("linking"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(lines, total=None)


COMMANDS = (link, links, unlink)
