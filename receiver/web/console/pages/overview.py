"""The first page: what needs a person, what waits by itself, and whether carriers and accounts are well."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, render_template

from receiver.config import Config
from receiver.notify.causes import Cause
from receiver.notify.findings import OLD_BACKLOG
from receiver.shipments import State
from receiver.store import Database, OperatorQueries
from receiver.store.alerts import Alerts
from receiver.store.conditions import Conditions
from receiver.store.counters import DELIVERIES
from receiver.store.overview import Overview, last_hours
from receiver.web.console.context import Context
from receiver.web.console.pages._page import Page

PAGE = Page(name="overview", path="/", position=10)

#: Hours that the charts show.
_HOURS = 24
_DAY = 86_400.0
#: What was read holds for so many times as long as it took: a million parcels are not counted with each request.
_HOLD_COST = 5.0


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person: the kind of thing, the key of its text, how many, and the page and filters
    where it is dealt with."""

    group: str
    text: str
    count: int
    page: str
    query: Mapping[str, str] = field(default_factory=dict)


def add_to(routes: Blueprint, context: Context) -> None:
    """Add the page's routes."""
    reader = Overview(context.database)
    held = _Held(lambda: _read(context.config, context.database, reader, context.clock()))

    @routes.get("/")
    def index() -> str:
        return render_template("overview.html", **held.now())


class _Held:
    """What was read last, as long as it holds; concurrent requests wait for one reading."""

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


def _read(config: Config, database: Database, reader: Overview, now: float) -> Mapping[str, Any]:
    unsettled, hours = reader.unsettled(), last_hours(now, _HOURS)
    heard, backlog = reader.heard(hours, now=now), reader.backlog(config.accounts, now=now)
    accounts = _accounts(config, OperatorQueries(database), now)
    endpoints = _endpoints(config, database, heard)
    routes = Conditions(database).unknown_routes(since=now - _DAY)
    others = (
        Need("stopped", "overview.paused_accounts", sum(one["is_stopped"] for one in accounts), "accounts"),
        Need("stopped", "overview.silent_endpoints", sum(one["is_silent"] for one in endpoints), "carriers"),
        Need("other", "overview.unreadable", reader.unreadable(), "deliveries", {"outcome": "quarantined"}),
        Need("other", "overview.unknown_words", reader.unknown_words(), "carriers"),
        Need("other", "overview.unknown_routes", len(routes), "refused"),
    )
    return {
        "needs": [*_to_decide(unsettled), *(one for one in others if one.count)],
        "waiting": _waiting(unsettled),
        "backlog": backlog,
        "is_late": backlog.oldest is not None and now - backlog.oldest > OLD_BACKLOG,
        "accounts": accounts,
        "endpoints": endpoints,
        "hours": hours,
        "deliveries": [sum(one.values()) for one in heard],
        "writes": reader.written(hours, now=now),
    }


def _to_decide(unsettled: Mapping[tuple[str, str], int]) -> Iterator[Need]:
    """The parcels that a person must look at, by state and reason, the most first."""
    for (state, reason), many in sorted(unsettled.items(), key=lambda one: -one[1]):
        if State(state).needs_a_person:
            text = f"reasons.{reason}" if reason else f"states.{state}"
            yield Need(state, text, many, "parcels", {"state": state, "reason": reason})


def _waiting(unsettled: Mapping[tuple[str, str], int]) -> list[tuple[str, str, int]]:
    """State, reason and number of what goes on by itself, the most first."""
    rows = [(state, reason, many) for (state, reason), many in unsettled.items() if not State(state).needs_a_person]
    return sorted(rows, key=lambda row: -row[2])


def _accounts(config: Config, queries: OperatorQueries, now: float) -> list[dict[str, Any]]:
    paused = {one["name"]: one for one in queries.paused_accounts(now=now)}
    return [
        {
            "name": name,
            "pace": account.requests_per_minute,
            "pause": paused.get(name),
            "is_stopped": name in paused and paused[name]["own_fault"],
        }
        for name, account in sorted(config.accounts.items())
    ]


def _endpoints(config: Config, database: Database, heard: list[Mapping[str, int]]) -> list[dict[str, Any]]:
    silent = {one["subject"] for one in Alerts(database).all() if one["cause"] in (Cause.SILENT, Cause.NEVER_HEARD)}
    last: dict[str, float] = {}
    for (name, labels), total in database.counters.totals().items():
        if name == DELIVERIES.name:
            last[labels[0]] = max(last.get(labels[0], 0.0), total.last_at)
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
