"""Shared by the commands: the configuration, the open database, and the printing of results."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from shutil import get_terminal_size
from textwrap import wrap
from typing import Any, Never, TypeVar

import click
from rich.cells import cell_len, set_cell_size

from receiver.carriers import BrokenCarriers
from receiver.commands._types import TEXT
from receiver.config import BadConfig, Config, default_path, load
from receiver.shipments import Reason, State
from receiver.shipments.plain import plain
from receiver.store import Database, NotMigrated, OperatorQueries, StoreUnavailable
from receiver.store.engine import absent_file
from receiver.store.operator.queries import OUTCOMES, Unknown

_Command = TypeVar("_Command", bound=Callable[..., Any])
STATES = tuple(state.value for state in State)
#: The most rows that a table shows; ``--json`` shows all.
MOST_ROWS = 1_000

#: Seconds that a command waits for a write: no sender waits for it.
_PATIENCE = 30.0


def fail(message: str) -> Never:
    """End the command with one text on stderr and exit code 1."""
    click.echo(message, err=True)
    sys.exit(1)


def _host_and_port(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal() and int(port) < 65_536):
        raise click.BadParameter(f"{value!r} is not HOST:PORT, such as 127.0.0.1:8000")
    return value


def bind_option(default: str) -> Callable[[_Command], _Command]:
    """``--bind HOST:PORT``."""
    return click.option("--bind", default=default, show_default=True, metavar="HOST:PORT", callback=_host_and_port)


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object per line, complete.")
state_option = click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
reason_option = click.option(
    "--reason",
    type=click.Choice(sorted(reason.value for reason in Reason)),
    metavar="CODE",
    help="Only those with this reason (vtex_rejected).",
)
outcome_option = click.option("--outcome", type=click.Choice(OUTCOMES), help="Only those of this outcome.")
endpoint_option = click.option("--endpoint", type=TEXT, metavar="NAME", help="Only those of this endpoint.")
carrier_option = click.option("--carrier", type=TEXT, metavar="SLUG", help="Only those of this carrier.")


def configuration(*, every_carrier: bool = True) -> tuple[Path, Config]:
    """Load the configuration; a faulty one ends the command. Without ``every_carrier`` only those that endpoints name
    are loaded now, and another one when it is looked up."""
    path = default_path()
    try:
        return path, load(path, every_carrier=every_carrier)
    except (BadConfig, BrokenCarriers) as error:
        fail(str(error))


@contextlib.contextmanager
def clear_faults() -> Iterator[None]:
    """End the command with one line if the database is unavailable or not migrated, or a carrier does not load."""
    try:
        yield
    except (BrokenCarriers, NotMigrated, StoreUnavailable) as error:
        fail(" ".join(str(error).split()))


def absent_database(config: Config) -> str | None:
    """That there is no database yet, where, and what makes it; ``None`` where there is one."""
    file = absent_file(config.database)
    return (
        None
        if file is None
        else f"the database {file} does not exist yet: receiver serve makes it, or receiver migrate"
    )


@contextlib.contextmanager
def opened() -> Iterator[tuple[Config, Database]]:
    """The configuration and its open database; if either fails, the command ends. So it does where there is no SQLite
    file yet: a mistyped path would look like a receiver without work."""
    _, config = configuration(every_carrier=False)
    if absence := absent_database(config):
        fail(absence)
    url, connections = config.database, config.database_connections
    with clear_faults(), contextlib.closing(Database(url, deadline=_PATIENCE, connections=connections)) as database:
        yield config, database


def account_of(config: Config, name: str | None) -> str:
    """The chosen account, or the only one. An unknown one, or none of several, ends the command."""
    if name is None and len(config.accounts) == 1:
        return next(iter(config.accounts))
    if name not in config.accounts:
        wrong = "--account is missing" if name is None else f"no account {name!r}"
        fail(f"{wrong}; there are {', '.join(config.accounts)}")
    return str(name)


def named(config: Config, database: Database, name: str) -> str:
    """The id of the shipment with that id, carrier's id or tracking number; an unknown one ends the command."""
    try:
        return OperatorQueries(database).find(name.strip(), config.endpoints)
    except Unknown as error:
        fail(str(error))


def known(rows: Iterator[dict[str, Any]], config: Config, endpoint: str | None) -> Iterator[dict[str, Any]]:
    """The rows, only ``endpoint``'s if given; a name that is neither stored nor configured ends the command."""
    first = next(rows, None)
    if first is not None:
        return chain([first], rows)
    if endpoint is not None and endpoint not in config.endpoints:
        fail(f"no endpoint {endpoint!r}; there are {', '.join(config.endpoints)}")
    return rows


def endpoints_of(config: Config, account: str | None, endpoint: str | None) -> list[str] | None:
    """The names of endpoints that are meant by both; ``None``: all. An unknown account ends the command."""
    if account is None:
        return None if endpoint is None else [endpoint]
    of = account_of(config, account)
    names = [one.name for one in config.endpoints.values() if of in one.accounts_served]
    return [name for name in names if endpoint in (None, name)]


account_option = click.option(
    "--account", type=TEXT, metavar="NAME", help="The VTEX account; needed if there are several."
)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Aligned lines, never cut: a narrow terminal wraps them, and a name stays whole."""
    lines = [headings, *([printable(text.replace("\n", " ")) for text in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(map(set_cell_size, line, widths)).rstrip()


def terminal_width() -> int | None:
    """Columns of the terminal; ``None`` where the output goes elsewhere, and a row stays one line."""
    return get_terminal_size().columns if sys.stdout.isatty() else None


def lines(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> Iterator[str]:
    """A table; where it is wider than ``width``, each row as a head and indented lines below it. Names stay whole."""
    wide = list(table(headings, rows))
    if width is None or max(map(cell_len, wide)) <= width:
        yield from wide
        return
    for row in rows:
        first, *rest = [printable(text.replace("\n", " ")) for text in row]
        yield from wrap(first, width, break_on_hyphens=False) or [""]
        pieces = [f"{heading} {text}" for heading, text in zip(headings[1:], rest, strict=True) if text]
        yield from _flowing(pieces, width)


def _flowing(pieces: Iterable[str], width: int) -> Iterator[str]:
    """The pieces in indented lines, broken between two pieces where that is possible."""
    line = ""
    for piece in pieces:
        joined = f"{line}  {piece}" if line else f"    {piece}"
        if line and cell_len(joined) > width:
            yield line
            joined = f"    {piece}"
        if cell_len(joined) > width:
            *full, joined = wrap(
                piece, width, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False
            )
            yield from full
        line = joined
    if line:
        yield line


def show_rows(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], *, as_json: bool, empty: str) -> None:
    """A listing: ``columns`` maps a row's field to its heading. ``empty`` is printed if there are no rows."""
    if as_json:
        for row in rows:
            click.echo(json.dumps(plain(row)))
        return
    more = f"… the first {MOST_ROWS}; --json gives all, filters give fewer"
    show_table(iter(rows), columns, most=MOST_ROWS, empty=empty, more=more)


def show_table(
    rows: Iterator[Mapping[str, Any]], columns: Mapping[str, str], *, most: int | None, empty: str, more: str
) -> None:
    """Print at most so many rows. ``empty`` is printed if there are none, ``more`` if rows are left."""
    shown = [[cell(name, row.get(name)) for name in columns] for row in islice(rows, most)]
    if not shown:
        click.echo(empty)
        return
    for line in lines(list(columns.values()), shown, terminal_width()):
        click.echo(line)
    if next(rows, None) is not None:
        click.echo(more)


def cell(name: str, value: Any) -> str:
    """A value as text for people."""
    shown = plain(value, name)
    if isinstance(shown, list) and all(isinstance(item, str) for item in shown):
        return ", ".join(shown)
    return "" if shown is None else shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)


def standing(side: Mapping[str, Any] | None) -> str:
    """How a thing stood before or after a decision, in a line."""
    return ", ".join(f"{name} {cell(name, value)}" for name, value in (side or {}).items() if value is not None)


def printable(text: str) -> str:
    """The text without control characters for terminals, because carriers' and VTEX's words are printed."""
    return "".join(letter if letter.isprintable() or letter == "\n" else f"\\x{ord(letter):02x}" for letter in text)


def count(many: int, singular: str, plural: str | None = None) -> str:
    """``1 delivery``, ``2 deliveries``."""
    return f"{many} {singular if many == 1 else plural or singular + 's'}"


def say(text: str, plain_form: dict[str, Any], *, as_json: bool) -> None:
    """Print one result, as text for people or as JSON."""
    click.echo(json.dumps(plain_form) if as_json else text)
