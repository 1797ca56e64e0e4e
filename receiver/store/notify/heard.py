"""When each endpoint was heard: in how many minutes of each hour.

A worker adds the hours up in a table of their own, so that weeks of deliveries are read once, and not at each start.
The last hours are always read from the deliveries themselves: a commit may be late, and hosts' clocks differ.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from sqlalchemy import BigInteger, cast, delete, distinct, func, select
from sqlalchemy.engine import Connection

from receiver.store.database import Database
from receiver.store.tables import deliveries, endpoints, heard_hours, watches

_HOUR = 3600
#: Seconds after its end in which an hour may still change.
_LATE = 900.0
#: Hours that are added up in one transaction.
_BITE = 24
#: The hour from which on nothing is added up yet, in seconds since the epoch, stands under this name.
_MARK = "heard"

#: Endpoint → hour since the epoch → minutes in which it was heard; hours without any are left out.
Hours = dict[str, dict[int, int]]


class Heard:
    """Times are Unix time in seconds, hours are counted since the epoch. Every method raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        added, marked = database.insert(heard_hours), database.insert(watches)
        self._add = added.on_conflict_do_update(
            index_elements=["endpoint", "hour"],
            set_={"minutes": added.excluded.minutes},
            # Two workers may add up the same hour: the one that read it later knows more.
            where=heard_hours.c.minutes < added.excluded.minutes,
        )
        self._mark = marked.on_conflict_do_update(
            index_elements=["name"], set_={"at": marked.excluded.at}, where=watches.c.at < marked.excluded.at
        )
        self._note = database.insert(endpoints).on_conflict_do_nothing(index_elements=["name"])

    def add_up(self, *, now: float, horizon: int) -> None:
        """Add up the hours that have ended, a day in each transaction, and forget those older than ``horizon``
        hours. Before the first delivery there are none."""
        until = int((now - _LATE) // _HOUR)
        begin = max(self._added_up() or self._first_hour(until), until - horizon)
        while begin < until:
            end = min(begin + _BITE, until)
            rows = [
                {"endpoint": endpoint, "hour": hour, "minutes": minutes}
                for endpoint, hours in self._of_deliveries(begin, end).items()
                for hour, minutes in hours.items()
            ]
            self._database.write(partial(self._store, rows=rows, end=end, horizon=horizon))
            begin = end

    def minutes(self, *, since: int) -> Hours:
        """The hours from ``since`` on, the present one included."""
        mark = self._added_up() or 0
        h, found = heard_hours.c, self._of_deliveries(max(since, mark))
        added = select(h.endpoint, h.hour, h.minutes).where(h.hour >= since, h.hour < mark)
        for row in self._database.rows(added):
            found.setdefault(row["endpoint"], {})[row["hour"]] = row["minutes"]
        return found

    def note_endpoints(self, names: Iterable[str], *, now: float) -> None:
        """Remember since when each is configured."""
        new = [{"name": name, "since": now} for name in sorted(set(names) - self.configured_since().keys())]
        if new:
            self._database.write(lambda connection: connection.execute(self._note, new))

    def configured_since(self) -> dict[str, float]:
        """Since when each endpoint is configured, as far as a worker has seen it."""
        return {row["name"]: row["since"] for row in self._database.rows(select(endpoints))}

    def _added_up(self) -> int | None:
        rows = self._database.rows(select(watches.c.at).where(watches.c.name == _MARK))
        return int(rows[0]["at"] // _HOUR) if rows else None

    def _first_hour(self, until: int) -> int:
        """The hour of the oldest delivery; ``until`` if there is none."""
        (row,) = self._database.rows(select(func.min(deliveries.c.received_at).label("first")))
        return until if row["first"] is None else int(row["first"] // _HOUR)

    def _store(self, connection: Connection, *, rows: list[dict[str, Any]], end: int, horizon: int) -> None:
        if rows:
            connection.execute(self._add, rows)
        connection.execute(delete(heard_hours).where(heard_hours.c.hour < end - horizon))
        connection.execute(self._mark, {"name": _MARK, "at": float(end * _HOUR)})

    def _of_deliveries(self, begin: int, end: int | None = None) -> Hours:
        """From the deliveries of the carriers themselves, without answers that were fetched."""
        d = deliveries.c
        second = cast(d.received_at, BigInteger)
        hour, minutes = (second // _HOUR).label("hour"), func.count(distinct(second // 60)).label("minutes")
        of_period = [d.received_at >= float(begin * _HOUR)] + ([d.received_at < float(end * _HOUR)] if end else [])
        counted = select(d.endpoint, hour, minutes).where(*of_period, d.notice.is_(None)).group_by(d.endpoint, hour)
        found: Hours = {}
        for row in self._database.rows(counted):
            found.setdefault(row["endpoint"], {})[row["hour"]] = row["minutes"]
        return found
