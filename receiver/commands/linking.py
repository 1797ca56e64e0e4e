"""Commands for links: a person or a file says which order a parcel belongs to."""

import csv
import json
import sys
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, TextIO

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adapters import Unreadable
from receiver.commands._common import account_of, account_option, count, fail, json_option, opened, say
from receiver.commands._deciding import decision_options, decisions_of
from receiver.commands._listing import form_of, listing, show
from receiver.config import Config
from receiver.operations.decisions import Decisions, NothingToChange
from receiver.operations.links import FIELDS, MOST, LinkResult, read_link
from receiver.reconcile.resolve import NAMES
from receiver.store import Index, Link

#: A line's number, and its link as written, or why there is none.
_Line = tuple[int, dict[str, Any] | str]
_DELIMITERS = ",;\t"
_AS = click.option("--as", "kind", type=click.Choice(NAMES), default=NAMES[0], show_default=True, help="What it is.")
_ENDPOINT = click.option("--endpoint", metavar="NAME", help="Where the --as shipment is known; needed if several.")


@click.command()
@click.argument("number", required=False)
@click.argument("order_id", metavar="ORDER", required=False)
@click.argument("invoice_number", metavar="[INVOICE]", required=False)
@_AS
@_ENDPOINT
@click.option("--also", multiple=True, metavar="ORDER", help="One more order that the parcel serves; may be repeated.")
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
        to = f"order {one.order_id}{f', invoice {one.invoice_number}' if one.invoice_number else ''}"
        to += "".join(f" and order {place.order_id}" for place in one.also)
        former = f" (so far: order {', '.join(linked.replaced)})" if linked.replaced else ""
        say(f"{value} belongs to {to}{former}; {count(len(linked.woken), 'shipment')} woken", fields, as_json=as_json)


@click.command()
@click.option("--order", "order_id", metavar="ORDER", help="Only those to this order.")
@account_option
@listing
def links(
    order_id: str | None, account: str | None, since: float | None, until: float | None, limit: int | None, *,
    as_json: bool, as_csv: bool,
) -> None:  # fmt: skip
    """List the links, the newest first."""
    form = form_of(limit, as_json=as_json, as_csv=as_csv)
    columns = {
        "account": "account",
        "kind": "what",
        "value": "its value",
        "order_id": "order",
        "invoice_number": "invoice",
        "told_at": "told",
    }
    with opened() as (config, database):
        of = account_of(config, account) if account is not None else None
        period = form.period(since, until)
        rows = (row for row in Index(database).links(account=of, order_id=order_id) if period.has(row["told_at"]))
        show(rows, columns, form, fields=(*columns, "also"), empty="no links")


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


def _read(item: dict[str, Any], account: str, config: Config) -> Link:
    try:
        return read_link(item, account, config)
    except Unreadable as error:
        fail(f"{error.path.removeprefix('$.')}: {error.why}")


def _from_csv(file: TextIO, decisions: Decisions, account: str, *, as_json: bool) -> int:
    """Store every good line, tell of every bad one; the exit code."""
    stored = woken = bad = 0
    for line, one in _stored(file, decisions, account):
        woken += one.woken
        if one.status != "rejected":
            stored += 1
            continue
        bad += 1
        column = (one.path or "$").removeprefix("$").removeprefix(".")
        fault = {"line": line, "column": column or None, "why": one.why}
        click.echo(json.dumps(fault) if as_json else f"line {line}: {column + ': ' if column else ''}{one.why}")
    text = f"{count(stored, 'link')} stored, {count(woken, 'shipment')} woken, {count(bad, 'bad line')}"
    say(text, {"stored": stored, "woken": woken, "bad": bad}, as_json=as_json)
    return 1 if bad else 0


def _stored(file: TextIO, decisions: Decisions, account: str) -> Iterator[tuple[int, LinkResult]]:
    """What became of each line, in bites of one transaction; the last one may tell why the file was read no further."""
    lines = _with_progress(_lines(file))
    while bite := list(islice(lines, MOST)):
        items = [item for _, item in bite if not isinstance(item, str)]
        results = decisions.link_all(account, items)
        results += [LinkResult(index=len(items), status="rejected", why=why) for _, why in bite if isinstance(why, str)]
        yield from zip((line for line, _ in bite), results, strict=True)


def _lines(file: TextIO) -> Iterator[_Line]:
    """The lines with their numbers as links, without empty cells. A header that names no column ends the command. It
    also shows the delimiter: spreadsheets write the one of their country.

    Where the file stops being CSV, a text says why: anything may follow a stray quote.
    """
    decoded, ended = _decoded(file), 0
    try:
        header = next(decoded, "")
        delimiter = max(_DELIMITERS, key=header.count)
        reader = csv.DictReader(chain([header], decoded), restkey="", strict=True, delimiter=delimiter)
        columns = [name.strip() for name in reader.fieldnames or ()]
        wrong = [name for name in columns if name not in FIELDS]
        if wrong or "order" not in columns or len(set(columns)) < len(columns):
            given = ", ".join(repr(name[:40]) for name in wrong or columns)
            wanted = f"each column once, 'order' among them, of {', '.join(FIELDS)}"
            fail(f"line 1: the header must name {wanted}; got {given}")
        reader.fieldnames = columns
        ended = reader.line_num
        for row in reader:
            cells = {name: value.strip() for name, value in row.items() if isinstance(value, str) and value.strip()}
            yield reader.line_num, {**cells, **({"more cells than columns": ""} if "" in row else {})}
            ended = reader.line_num
    except (csv.Error, UnicodeDecodeError) as error:
        why = f"from here on it cannot be read as CSV in UTF-8: {error}; what stood before is stored"
        yield ended + 1, why


def _decoded(file: TextIO) -> Iterator[str]:
    """The file's lines. A byte that is not UTF-8 is a fault of its own line, not of all that were read ahead."""
    return (line.encode(errors="surrogateescape").decode() for line in file)


def _with_progress(lines: Iterator[_Line]) -> Iterator[_Line]:
    """A running count on stderr if it is a terminal."""
    if not sys.stderr.isatty():
        yield from lines
        return
    columns = (TextColumn("linking"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(lines, total=None)


COMMANDS = (link, links, unlink)
