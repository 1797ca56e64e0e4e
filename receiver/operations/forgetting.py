"""What one order, number or text left behind: seen first, then blanked as it was seen."""

import hashlib
import json
from dataclasses import dataclass
from typing import Literal, get_args

from receiver.operations.decisions import Decisions, NotAsShown, NothingToChange
from receiver.store import Database
from receiver.store.keeping.forgetting import Forgetting, Traces

Named = Literal["order", "number", "text"]
NAMED: tuple[Named, ...] = get_args(Named)

#: Characters; a shorter text stands in every row.
LEAST_TEXT = 4
#: Rows that one request blanks.
MOST_AT_ONCE = 10_000
#: Shipments that a preview names.
EXAMPLES = 10


def is_too_short(named: Named, value: str) -> bool:
    """Whether a text is so short that it would mean almost every row."""
    return named == "text" and len(value.strip()) < LEAST_TEXT


class TooManyTraces(Exception):
    """More than one person's parcels can have left. Nothing was blanked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What would be blanked: rows by table, and some shipments. ``token`` allows to blank exactly these rows."""

    rows: dict[str, int]
    shipments: int
    examples: tuple[str, ...]
    token: str


def traces_of(database: Database, named: Named, value: str) -> Traces:
    """Raises `receiver.store.StoreUnavailable`."""
    forgetting, value = Forgetting(database), value.strip()
    if named == "order":
        return forgetting.of_order(value)
    return forgetting.of_number(value) if named == "number" else forgetting.of_text(value)


def found(database: Database, named: Named, value: str) -> Found:
    """What a person sees before. Raises `TooManyTraces`, `receiver.store.StoreUnavailable`."""
    traces = traces_of(database, named, value)
    rows = {table: len(keys) for table, keys in traces.by_table().items() if keys}
    if sum(rows.values()) > MOST_AT_ONCE:
        raise TooManyTraces(
            f"more than {MOST_AT_ONCE:,} rows hold it: name less, or use 'receiver forget' where the database is"
        )
    shipments = traces.shipments
    return Found(rows=rows, shipments=len(shipments), examples=shipments[:EXAMPLES], token=_token(named, traces))


def forget_as_shown(database: Database, decisions: Decisions, named: Named, value: str, token: str) -> int:
    """Blank what a preview has shown; how many rows that were. Raises `receiver.operations.decisions.NothingToChange`,
    `receiver.operations.decisions.NotAsShown`, `receiver.store.StoreUnavailable`."""
    traces = traces_of(database, named, value)
    if not traces.found:
        raise NothingToChange("nothing of it is here")
    if _token(named, traces) != token:
        raise NotAsShown("other rows hold it than the preview showed: preview again")
    decisions.forget(traces, named)
    return sum(map(len, traces.found.values()))


def _token(named: Named, traces: Traces) -> str:
    """Tells these rows from others. It says nothing of the person: it is kept as a part of a request's digest."""
    return hashlib.sha256(json.dumps([named, traces.by_table()]).encode()).hexdigest()
