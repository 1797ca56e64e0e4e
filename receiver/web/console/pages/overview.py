"""The first page: what needs a person, what waits by itself, and whether carriers and accounts are well."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
_HOLD_COST = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that waits for a person: how many, the key of its text, and where it is dealt with."""

    text: str
    count: int
    page: str
    query: Mapping[str, str]


def add_to(routes: Blueprint, context: Context) -> None:
    """Add the page's routes."""
    reader = Overview(context.database)
    held = _Held(lambda: _read(context.config, context.database, reader, context.clock()))

    @routes.get("/")
    def index() -> str:
        return render_template("overview.html", **held.now())


class _Held:
    """What was read last, as long as it holds; concurrent requests wait for one reading."""

    def __init__(self, read: Callable[[], Mapping[str, Any]]) -> None:
        self._read, self._lock = read, threading.Lock()
        self._until, self._found = 0.0, dict[str, Any]()

    def now(self) -> Mapping[str, Any]:
        with self._lock:
            began = time.monotonic()
            if began >= self._until:
                self._found = dict(self._read())
                ended = time.monotonic()
                self._until = ended + _HOLD_COST * (ended - began)
            return self._found


def _read(config: Config, database: Database, reader: Overview, now: float) -> Mapping[str, Any]:
    unsettled, alerts = reader.unsettled(), Alerts(database).all()
    hours = last_hours(now, _HOURS)
    heard = reader.heard(hours, now=now)
    backlog = reader.backlog(config.accounts, now=now)
    return {
        "needs": _needs(unsettled, reader, Conditions(database), now),
        "waiting": _waiting(unsettled),
        "backlog": backlog,
        "is_late": backlog.oldest is not None and now - backlog.oldest > OLD_BACKLOG,
        "accounts": _accounts(config, OperatorQueries(database), now),
        "endpoints": _endpoints(config, database, heard, alerts),
        "hours": hours,
        "deliveries": [sum(one.values()) for one in heard],
        "writes": reader.written(hours, now=now),
    }


def _needs(
    unsettled: Mapping[tuple[str, str], int], reader: Overview, conditions: Conditions, now: float
) -> list[Need]:
    """The most of each kind first."""
    found = []
    for state in (State.HELD, State.GAVE_UP):
        of = [(reason, many) for (one, reason), many in unsettled.items() if one == state]
        for reason, many in sorted(of, key=lambda one: -one[1]):
            query = {"state": state.value, **({"reason": reason} if reason else {})}
            text = f"reasons.{reason}" if reason else f"states.{state.value}"
            found.append(Need(text=text, count=many, page="parcels", query=query))
    routes = len(conditions.unknown_routes(since=now - _DAY))
    others = (
        Need(
            text="overview.unreadable", count=reader.unreadable(), page="deliveries", query={"outcome": "quarantined"}
        ),
        Need(text="overview.unknown_words", count=reader.unknown_words(), page="carriers", query={}),
        Need(text="overview.unknown_routes", count=routes, page="refused", query={}),
    )
    return [*found, *(one for one in others if one.count)]


def _waiting(unsettled: Mapping[tuple[str, str], int]) -> list[tuple[str, str, int]]:
    """State, reason and number of what goes on by itself, the most first."""
    rows = [(state, reason, many) for (state, reason), many in unsettled.items() if not State(state).needs_a_person]
    return sorted(rows, key=lambda row: -row[2])


def _accounts(config: Config, queries: OperatorQueries, now: float) -> list[dict[str, Any]]:
    paused = {one["name"]: one for one in queries.paused_accounts(now=now)}
    return [
        {"name": name, "pace": account.requests_per_minute, "pause": paused.get(name)}
        for name, account in sorted(config.accounts.items())
    ]


def _endpoints(
    config: Config, database: Database, heard: list[Mapping[str, int]], alerts: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    silent = {one["subject"] for one in alerts if one["cause"] == Cause.SILENT}
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
