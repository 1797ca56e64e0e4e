"""What is counted, true with several processes and after a kill.

Each process has rows of its own, so that no two wait for one row. It adds to them in the very commit that it counts.
Readers add the rows up.

Durations are known only after a commit. They gather in memory, and are written every few seconds.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import case, delete, func, select
from sqlalchemy.engine import Connection

from receiver.store.prepared import PreparedInsert
from receiver.store.tables import counters

#: Seconds between two writes of what gathers in memory.
FLUSH_EVERY = 5.0
#: Rows of processes that have counted nothing for so many seconds are added to the one of `RETIRED`.
_RETIRED_AFTER = 86_400.0
RETIRED = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter: its name in the metrics, and the names of its labels. Their values are few, whatever is sent."""

    name: str
    labels: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Timed:
    """A histogram: its name in the metrics, and the upper bounds of its buckets, in seconds."""

    name: str
    bounds: tuple[float, ...]
    sentence: str


DELIVERIES = Counted("receiver_deliveries_total", ("endpoint", "outcome"), "Deliveries stored, and repeats of them.")
REJECTS = Counted("receiver_rejects_total", ("endpoint", "cause"), "Requests that were not let in.")
#: The cause of a request whose body broke off before its end.
INCOMPLETE = "incomplete_body"
PROBES = Counted("receiver_probes_total", ("endpoint",), "Carriers' tests of an endpoint's URL: answered, not stored.")
TAKEN = Counted("receiver_taken_total", ("endpoint",), "Requests to the order hook and to /links/ that were taken.")
VTEX_CALLS = Counted("receiver_vtex_calls_total", ("account", "call", "outcome"), "Calls to VTEX that have ended.")
NEWS_DROPPED = Counted(
    "receiver_order_news_dropped_total", ("account",), "Changed orders that were dropped unread from a full queue."
)
COUNTED = (DELIVERIES, REJECTS, PROBES, TAKEN, VTEX_CALLS, NEWS_DROPPED)
ACCEPT_SECONDS = Timed(
    "receiver_accept_seconds",
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 4.5),
    "From a webhook's arrival to its answer.",
)
VTEX_SECONDS = Timed(
    "receiver_vtex_call_seconds",
    (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0),
    "From a call to VTEX to its answer.",
)
TIMED = (ACCEPT_SECONDS, VTEX_SECONDS)
#: The bucket above all bounds, and the sum of a histogram, in the place of a bound.
_ABOVE, _SUM = "+Inf", "sum"

#: A counter's name, and the values of its labels.
Key = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Total:
    """``last_at``: when it was last added to, in seconds since the epoch."""

    value: float
    last_at: float


@cache
def _adding(insert: Callable[..., Any]) -> PreparedInsert:
    """The upsert that adds to a counter, built and compiled once for each dialect."""
    upsert, c = insert(counters), counters.c
    said = upsert.excluded
    later = case((said.last_at > c.last_at, said.last_at), else_=c.last_at)
    add = upsert.on_conflict_do_update(
        index_elements=["process", "name", "labels"], set_={"value": c.value + said.value, "last_at": later}
    )
    return PreparedInsert(add, ("process", "name", "labels", "value", "last_at"))


class Counters:
    """Those of one process. ``insert`` is the dialect's; ``write_later`` writes without a wait, and calls its second
    argument where that fails; ``rows`` reads."""

    def __init__(
        self,
        process: str,
        *,
        insert: Callable[..., Any],
        write_later: Callable[[Callable[[Connection], None], Callable[[], None]], None],
        rows: Callable[..., Any],
    ) -> None:
        self._process, self._write_later, self._rows = process, write_later, rows
        self._add = _adding(insert)
        self._lock, self._written = threading.Lock(), time.monotonic()
        self._gathered: dict[Key, float] = {}

    def add(self, connection: Connection, counts: Mapping[Key, float], *, now: float) -> None:
        """Count within a transaction, as its last statement: others of this process wait for its end from here on."""
        if counts:
            self._add.run(connection, self._parameters(self._process, counts, now))

    def later(self, what: Counted, *labels: str, many: int = 1) -> None:
        """Count what no transaction is about."""
        self._gather({(what.name, labels): float(many)})

    def time(self, what: Timed, seconds: float) -> None:
        """A duration."""
        bucket = next((f"{bound:g}" for bound in what.bounds if seconds <= bound), _ABOVE)
        self._gather({(what.name, (bucket,)): 1.0, (what.name, (_SUM,)): seconds})

    def flush(self, *, now: float, only_if_due: bool = True) -> None:
        """Write what has gathered, without a wait. ``now`` is Unix time in seconds."""
        with self._lock:
            if not self._gathered or (only_if_due and time.monotonic() < self._written + FLUSH_EVERY):
                return
            taken, self._gathered, self._written = self._gathered, {}, time.monotonic()
        self._write_later(lambda connection: self.add(connection, taken, now=now), lambda: self._gather(taken))

    def totals(self) -> dict[Key, Total]:
        """Everything that was ever counted, of all processes together. Raises `StoreUnavailable`."""
        c = counters.c
        summed = select(c.name, c.labels, func.sum(c.value).label("value"), func.max(c.last_at).label("last_at"))
        rows = self._rows(summed.group_by(c.name, c.labels).order_by(c.name, c.labels))
        return {(row["name"], tuple(json.loads(row["labels"]))): Total(row["value"], row["last_at"]) for row in rows}

    def retire(self, connection: Connection, *, now: float) -> None:
        """Add up the rows of processes that have long ended. One that only slept begins new rows."""
        c = counters.c
        old = delete(counters).where(c.process != RETIRED, c.last_at < now - _RETIRED_AFTER)
        gone = connection.execute(old.returning(c.name, c.labels, c.value, c.last_at)).all()
        summed: dict[Key, float] = {}
        for name, labels, value, _ in gone:
            key = (name, tuple(json.loads(labels)))
            summed[key] = summed.get(key, 0.0) + value
        if summed:
            self._add.run(connection, self._parameters(RETIRED, summed, max(row.last_at for row in gone)))

    def _gather(self, counts: Mapping[Key, float]) -> None:
        with self._lock:
            for key, many in counts.items():
                self._gathered[key] = self._gathered.get(key, 0.0) + many

    @staticmethod
    def _parameters(process: str, counts: Mapping[Key, float], now: float) -> list[dict[str, Any]]:
        """In one order of locks for everybody."""
        return [
            {"process": process, "name": name, "labels": json.dumps(labels), "value": many, "last_at": now}
            for (name, labels), many in sorted(counts.items())
        ]


def counted(what: Counted, each: Iterable[tuple[str, ...]]) -> dict[Key, float]:
    """How often each combination of label values is there."""
    found: dict[Key, float] = {}
    for labels in each:
        found[what.name, labels] = found.get((what.name, labels), 0.0) + 1.0
    return found


def last_deliveries(totals: Mapping[Key, Total]) -> dict[str, float]:
    """When each endpoint last had a delivery, in seconds since the epoch."""
    return last_of(DELIVERIES, totals)


def last_of(what: Counted, totals: Mapping[Key, Total]) -> dict[str, float]:
    """When it was last counted for each value of its first label, in seconds since the epoch."""
    last: dict[str, float] = {}
    for (name, labels), total in totals.items():
        if name == what.name:
            last[labels[0]] = max(last.get(labels[0], 0.0), total.last_at)
    return last


def buckets(what: Timed, totals: Mapping[Key, Total]) -> tuple[list[tuple[str, float]], float]:
    """A histogram as Prometheus takes it: bounds with how many durations were no longer, and the sum in seconds."""
    running, found = 0.0, []
    for bound in (*(f"{bound:g}" for bound in what.bounds), _ABOVE):
        running += totals.get((what.name, (bound,)), Total(0.0, 0.0)).value
        found.append((bound, running))
    return found, totals.get((what.name, (_SUM,)), Total(0.0, 0.0)).value
