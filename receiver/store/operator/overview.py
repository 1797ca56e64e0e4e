"""What the console's first page counts. Each question costs an index alone, no matter how many rows there are."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select, text, union_all

from receiver.store.database import Database
from receiver.store.tables import (
    APPLIED_WRITE,
    PRIORITIES,
    UNREADABLE,
    UNSETTLED,
    attempts,
    deliveries,
    shipments,
    unknown_words,
)

#: What was counted in an hour since the epoch, by name.
_Memory = dict[int, dict[str, int]]
#: Overdue shipments of an account and priority are counted up to so many.
MOST_OVERDUE = 10_000
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Backlog:
    """Shipments that should have been looked at by now: how many (`MOST_OVERDUE` at most), and since when the oldest
    waits, in seconds since the epoch."""

    count: int = 0
    oldest: float | None = None


class Overview:
    """Reads it. Times are Unix time in seconds. Every method raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Hours that are over: they are counted once.
        self._heard: _Memory = {}
        self._written: _Memory = {}

    def unsettled(self) -> dict[tuple[str, str], int]:
        """How many shipments are in each state and reason that is not settled; ``""`` is no reason."""
        s, many = shipments.c, func.count().label("many")
        counted = select(s.state, s.reason, many).where(text(UNSETTLED)).group_by(s.state, s.reason)
        return {(row["state"], row["reason"] or ""): row["many"] for row in self._database.rows(counted)}

    def unreadable(self) -> int:
        """How many deliveries wait for a fix."""
        return self._count(select(func.count().label("many")).select_from(deliveries).where(text(UNREADABLE)))

    def unknown_words(self) -> int:
        """How many status words no adapter knows."""
        return self._count(select(func.count().label("many")).select_from(unknown_words))

    def backlog(self, accounts: Iterable[str], *, now: float) -> Backlog:
        """The backlog of these accounts together."""
        s, found = shipments.c, []
        for account in accounts:
            for priority in PRIORITIES:
                of = (s.account == account, s.priority == priority, s.due_at.is_not(None), s.due_at <= now)
                first = self._database.rows(select(s.due_at).where(*of).order_by(s.due_at).limit(1))
                if first:
                    some = select(literal(1)).where(*of).limit(MOST_OVERDUE).subquery()
                    many = self._count(select(func.count().label("many")).select_from(some))
                    found.append(Backlog(many, first[0]["due_at"]))
        if not found:
            return Backlog()
        return Backlog(min(sum(one.count for one in found), MOST_OVERDUE), min(one.oldest or now for one in found))

    def heard(self, hours: Iterable[int], *, now: float) -> list[Mapping[str, int]]:
        """How many deliveries each endpoint had in each of these hours since the epoch."""
        d = deliveries.c

        def counted(hour: int) -> Select[int, str, int]:
            of_hour = select(literal(hour).label("hour"), d.endpoint.label("name"), func.count().label("many"))
            return of_hour.where(*_within(d.received_at, hour)).group_by(d.endpoint)

        return self._hours(self._heard, hours, counted, now)

    def written(self, hours: Iterable[int], *, now: float) -> list[int]:
        """How many invoices got their tracking in each of these hours since the epoch."""
        a = attempts.c

        def counted(hour: int) -> Select[int, str, int]:
            of_hour = select(literal(hour).label("hour"), literal("").label("name"), func.count().label("many"))
            return of_hour.where(*_within(a.begun_at, hour), text(APPLIED_WRITE))

        return [one.get("", 0) for one in self._hours(self._written, hours, counted, now)]

    def _hours(
        self, memory: _Memory, hours: Iterable[int], counted: Callable[[int], Select[int, str, int]], now: float
    ) -> list[Mapping[str, int]]:
        """What was counted in each hour, by name; one question about all that are not remembered."""
        wanted = list(hours)
        found: _Memory = {hour: {} for hour in wanted if hour not in memory}
        if found:
            for row in self._database.rows(union_all(*map(counted, found))):
                found[row["hour"]][row["name"]] = row["many"]
        told: list[Mapping[str, int]] = [memory.get(hour) or found.get(hour, {}) for hour in wanted]
        for hour, counts in found.items():
            _keep(memory, hour, counts, now)
        return told

    def _count(self, statement: Select[Any]) -> int:
        return int(self._database.rows(statement)[0]["many"])


def last_hours(now: float, many: int) -> range:
    """The last hours since the epoch, the present one included."""
    present = int(now // _HOUR)
    return range(present - many + 1, present + 1)


def _within(column: ColumnElement[float], hour: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return column >= float(hour * _HOUR), column < float((hour + 1) * _HOUR)


def _keep(memory: _Memory, hour: int, counted: dict[str, int], now: float) -> None:
    """Remember an hour that has been over for a minute, and forget those of more than two days ago."""
    if now < (hour + 1) * _HOUR + 60:
        return
    memory[hour] = counted
    for old in [one for one in list(memory) if one < hour - 48]:
        memory.pop(old, None)
