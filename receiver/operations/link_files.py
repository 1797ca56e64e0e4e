"""Many links from a file of comma-separated values: what the command line, the console and the API take, and what
`receiver links --csv` prints.

The file is stored in bites, each in one transaction, so that webhooks are not kept waiting. Where the database fails in
the middle, the earlier bites are stored, and the person is told from which line on nothing is known to be.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import chain, islice, zip_longest
from typing import IO, Any

from receiver.operations.links import FIELDS, MOST, OF_ONE_PARCEL, LinkResult
from receiver.shipments.numbers import normalised
from receiver.shipments.plain import from_text
from receiver.store import StoreUnavailable
from receiver.store.finding.companions import also_of

#: Bytes of a file that is sent to the console or the API.
LARGEST_FILE = 524_288
_DELIMITERS = ",;\t"
_AS_TEXT = re.compile(r'="([^"]*)"')
#: What a cell counts as that has no column.
_NO_COLUMN = "more cells than columns"
#: What a line says of its parcel.
_WORDS = ("order", "invoice", "also")
_ONE_LINE = "a parcel has one line, and its other orders stand there in the column also"

#: A line's number, and its link as written, or why there is none.
Line = tuple[int, dict[str, Any] | str]


class BadHeader(Exception):
    """The first line does not name the columns. The message says which there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that was not stored; ``column`` is empty where the fault is of the whole line."""

    line: int
    column: str
    why: str


@dataclass(slots=True)
class Report:
    """What became of the lines so far. ``dismissed``: the shipments that they are about and do not change, since a
    person has dismissed them. ``stopped_at``: the first line of the bite in which the database failed; nothing from
    there on is known to be stored."""

    stored: int = 0
    woken: int = 0
    bad: int = 0
    dismissed: list[str] = field(default_factory=list)
    stopped_at: int | None = None


def store_lines(
    lines: Iterable[Line], store: Callable[[list[Any]], list[LinkResult]], report: Report
) -> Iterator[BadLine]:
    """Store every good line in bites of one transaction, add to the report, and tell of each bad line. The last one
    may tell why the file was read no further, or stored no further."""
    left = _without_contradictions(lines)
    while bite := list(islice(left, MOST)):
        try:
            results = iter(store([item for _, item in bite if not isinstance(item, str)]))
        except StoreUnavailable as error:
            report.stopped_at = bite[0][0]
            yield BadLine(line=report.stopped_at, column="", why=_stopped(error))
            return
        for line, item in bite:
            one = LinkResult(index=0, status="rejected", why=item) if isinstance(item, str) else next(results)
            report.woken += one.woken
            report.dismissed += one.dismissed
            if one.status != "rejected":
                report.stored += 1
                continue
            report.bad += 1
            yield BadLine(line=line, column=(one.path or "$").removeprefix("$").removeprefix("."), why=one.why or "")


def _without_contradictions(lines: Iterable[Line]) -> Iterator[Line]:
    """A later line that says something else of a parcel than an earlier one would undo it: it is a fault."""
    said: dict[tuple[str, str, str], tuple[int, list[str]]] = {}
    for line, item in lines:
        fault = None
        for kind in OF_ONE_PARCEL:
            if isinstance(item, dict) and kind in item:
                is_id = kind == "shipment"
                value, of = (item[kind], item.get("endpoint", "")) if is_id else (normalised(item[kind]), "")
                name = (kind, value, of)
                its = [item.get(word, "").lower() for word in _WORDS]
                first, earlier = said.setdefault(name, (line, its))
                if its != earlier:
                    fault = f"line {first} says something else of the same {kind}: {_ONE_LINE}"
        yield line, fault or item


def read_file(stream: IO[bytes]) -> Iterator[Line]:
    """`read_lines` of a file that was sent, as bytes."""
    # A byte that is not UTF-8 stays as `read_lines` wants it.
    return read_lines(TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape"))


def read_lines(file: Iterable[str]) -> Iterator[Line]:
    """The lines with their numbers as links, without empty cells, columns and lines. The header also shows the
    delimiter: spreadsheets write the one of their country. Raises `BadHeader` before the first line.

    Where the file stops being CSV, a text says why: anything may follow a stray quote. ``file`` is decoded as UTF-8
    with ``surrogateescape``: a byte that is none is a fault of its own line, not of all that were read ahead.
    """
    decoded = (line.encode(errors="surrogateescape").decode() for line in file)
    try:
        header = next(decoded, "")
    except UnicodeDecodeError as error:
        yield 1, _unreadable(error)
        return
    reader = csv.reader(chain([header], decoded), strict=True, delimiter=max(_DELIMITERS, key=header.count))
    ended = 0
    try:
        columns = ["_".join(name.lower().split()) for name in next(reader, [])]
        _check([name for name in columns if name])
        ended = reader.line_num
        for row in reader:
            if cells := {
                name or _NO_COLUMN: value for name, cell in zip_longest(columns, row) if (value := _value(cell))
            }:
                yield reader.line_num, cells
            ended = reader.line_num
    except (csv.Error, UnicodeDecodeError) as error:
        yield ended + 1, _unreadable(error)


def as_line(link: Mapping[str, Any]) -> dict[str, str | None]:
    """A stored link as a line of such a file, with every field."""
    line = {**dict.fromkeys(FIELDS), link["kind"]: link["value"]}
    if link["kind"] == "shipment":
        line["endpoint"], _, line["shipment"] = link["value"].partition("/")
    return line | {"order": link["order_id"], "invoice": link["invoice_number"], "also": ";".join(also_of(link))}


def _value(cell: str | None) -> str:
    """What a cell says. Programs write ``="00123"`` so that a spreadsheet takes a number for text."""
    value = (cell or "").strip()
    quoted = _AS_TEXT.fullmatch(value)
    return quoted[1].strip() if quoted else from_text(value)


def _check(columns: list[str]) -> None:
    wrong = [name for name in columns if name not in FIELDS]
    if wrong or "order" not in columns or len(set(columns)) < len(columns):
        given = ", ".join(repr(name[:40]) for name in wrong or columns)
        fields = ", ".join(FIELDS)
        raise BadHeader(f"line 1: the header must name each column once, 'order' among them, of {fields}; got {given}")


def _unreadable(error: Exception) -> str:
    return f"from here on it cannot be read as CSV in UTF-8: {error}; what stood before is stored"


def _stopped(error: StoreUnavailable) -> str:
    again = "send the file again, what is stored already stays as it is"
    return f"from here on nothing is known to be stored ({error}): {again}"
