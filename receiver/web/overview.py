"""What needs a person, what waits by itself, and whether carriers are well: counted for the console and the API."""

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from receiver.config import Config
from receiver.notify.causes import Cause, has_lasted
from receiver.store import Database
from receiver.store.counters import last_deliveries
from receiver.store.notify.alerts import Alerts
from receiver.store.notify.conditions import Conditions
from receiver.store.operator.overview import Overview, last_hours

#: Hours that are counted one by one.
_HOURS = 24
_HOUR, _DAY = 3_600.0, 86_400.0
#: What was read holds for so many times as long as it took: a million parcels are not counted with each request.
_HOLD_COST = 5.0


class Held:
    """What was read last, as long as it holds; concurrent requests wait for one reading. ``clock`` is in seconds."""

    def __init__(self, read: Callable[[], Mapping[str, Any]], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._read, self._clock, self._lock = read, clock, threading.Lock()
        self._until, self._found = -math.inf, dict[str, Any]()

    def now(self) -> Mapping[str, Any]:
        with self._lock:
            began = self._clock()
            if began >= self._until:
                self._found = dict(self._read())
                ended = self._clock()
                self._until = ended + _HOLD_COST * (ended - began)
            return self._found


def counted(config: Config, database: Database, reader: Overview, *, now: float) -> dict[str, Any]:
    """``unsettled`` parcels by state and reason, the most first; what else needs a look; the ``alerts`` that last, the
    longest first; ``overdue`` parcels of the configured accounts; the last ``hours``, the oldest first; ``endpoints``.
    Times are seconds since the epoch, ``now`` too. Raises `receiver.store.StoreUnavailable`."""
    hours = last_hours(now, _HOURS)
    heard, backlog = reader.heard(hours, now=now), reader.backlog(config.accounts, now=now)
    unsettled = sorted(reader.unsettled().items(), key=lambda one: -one[1])
    alerts = Alerts(database).all()
    counts = zip(hours, heard, reader.written(hours, now=now), strict=True)
    return {
        "unsettled": [{"state": state, "reason": reason or None, "count": many} for (state, reason), many in unsettled],
        "unreadable": reader.unreadable(),
        "unknown_words": reader.unknown_words(),
        "unknown_addresses": sum(one.count for one in Conditions(database).unknown_routes(since=now - _DAY)),
        "alerts": [_alert(one) for one in alerts if has_lasted(one, now=now)],
        "overdue": {"count": backlog.count, "since": backlog.oldest},
        "hours": [
            {"begins_at": hour * _HOUR, "deliveries": sum(by_endpoint.values()), "writes": writes}
            for hour, by_endpoint, writes in counts
        ],
        "endpoints": _endpoints(config, database, heard, alerts),
    }


def _alert(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("cause", "subject", "severity", "count", "title", "lines", "command")
    return {**{name: row[name] for name in names}, "since": row["opened_at"]}


def _endpoints(
    config: Config, database: Database, heard: list[Mapping[str, int]], alerts: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    silent = {one["subject"] for one in alerts if one["cause"] in (Cause.SILENT, Cause.NEVER_HEARD)}
    last = last_deliveries(database.counters.totals())
    return [
        {
            "name": name,
            "carrier": endpoint.carrier.name,
            "account": endpoint.account,
            "last_at": last.get(name),
            "is_silent": name in silent,
            "hours": [one.get(name, 0) for one in heard],
        }
        for name, endpoint in sorted(config.endpoints.items())
    ]
