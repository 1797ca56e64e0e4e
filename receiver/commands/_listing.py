"""What every listing has: its options, and its three forms: a table, JSON lines, CSV."""

import csv
import json
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import click

from receiver.commands._common import cell, json_option, show_table
from receiver.commands._types import AT_LEAST_ONE, instant
from receiver.shipments.plain import as_text, plain
from receiver.store.operator.listed import Period

_Command = TypeVar("_Command", bound=Callable[..., Any])
#: The most rows of a table: on a terminal unless --limit says otherwise, and elsewhere. JSON and CSV are complete.
ON_TERMINAL, MOST_ROWS = 50, 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a listing is to be printed."""

    as_json: bool
    as_csv: bool
    limit: int | None

    @property
    def rows(self) -> int | None:
        """The most rows that are printed; ``None``: all."""
        if self.limit is not None or self.as_json or self.as_csv:
            return self.limit
        return ON_TERMINAL if sys.stdout.isatty() else MOST_ROWS

    def period(self, since: float | None, until: float | None) -> Period:
        """What is asked of the store: one row more than is printed, to see whether there are more."""
        return Period(since=since, until=until, limit=None if self.rows is None else self.rows + 1)


def listing(command: _Command) -> _Command:
    """``--limit``, ``--since``, ``--until``, ``--json`` and ``--csv``."""
    options = (
        click.option("--limit", type=AT_LEAST_ONE, metavar="N", help="At most so many; 50 on a terminal."),
        click.option("--since", metavar="DATE", callback=instant, help="Only from then on (UTC)."),
        click.option("--until", metavar="DATE", callback=instant, help="Only before then (UTC)."),
        json_option,
        click.option("--csv", "as_csv", is_flag=True, help="Comma-separated, with a heading, complete."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def count_option(what: str) -> Callable[[_Command], _Command]:
    """``--count``: ``what`` says by what."""
    return click.option("--count", "counted", is_flag=True, help=f"Count them, by {what}.")


def form_of(limit: int | None, *, as_json: bool, as_csv: bool) -> Form:
    """The form that the options ask for. Raises `click.UsageError` where they contradict each other."""
    if as_json and as_csv:
        raise click.UsageError("Give --json or --csv, not both.")
    return Form(as_json=as_json, as_csv=as_csv, limit=limit)


def show(
    rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], form: Form, *, fields: Sequence[str], empty: str
) -> None:
    """Print a listing. ``columns`` maps a field to its heading in the table; ``fields`` are those of JSON and CSV."""
    left = iter(rows)
    if form.as_json:
        for row in islice(left, form.limit):
            click.echo(json.dumps(plain({name: row[name] for name in fields})))
    elif form.as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(fields)
        writer.writerows([as_text(cell(name, row[name])) for name in fields] for row in islice(left, form.limit))
    else:
        more = f"… the newest {form.rows}; --limit N shows more, --json and --csv all"
        show_table(left, columns, most=form.rows, empty=empty, more=more)
    deque(left, maxlen=0)  # the row more that was asked for: a query that is not read to its end holds its connection
