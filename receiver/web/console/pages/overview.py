"""The first page: what needs a person, what waits by itself, and whether carriers and accounts are well."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, render_template

from receiver.config import Config
from receiver.notify.causes import Cause
from receiver.notify.findings import OLD_BACKLOG
from receiver.shipments import State
from receiver.store import OperatorQueries
from receiver.store.operator.overview import Overview
from receiver.web.console.context import Context
from receiver.web.console.pages._page import Page
from receiver.web.overview import Held, counted

PAGE = Page(name="overview", path="/", position=10)


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person: the kind of thing, the key of its text, how many, the page and filters where
    it is dealt with, and what it is about where its text says so."""

    group: str
    text: str
    count: int
    page: str
    query: Mapping[str, str] = field(default_factory=dict)
    subject: str = ""


#: The alerts that are not among the parcels and counts of this page: under which heading each stands, and the page and
#: the filter that show more of it.
_ALERTS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    Cause.NO_WORKER: ("stopped", "accounts", {}),
    Cause.ACCOUNT_SILENT: ("stopped", "carriers", {}),
    Cause.NOTHING_WRITTEN: ("stopped", "parcels", {"endpoint": "{subject}"}),
    Cause.ENDPOINT_GONE: ("stopped", "parcels", {"endpoint": "{subject}"}),
    Cause.ORDER_HOOK: ("stopped", "accounts", {}),
    Cause.NO_ANSWER: ("stopped", "accounts", {}),
    Cause.ORDER_UNREAD: ("stopped", "accounts", {}),
    Cause.CHANNEL_FAILS: ("stopped", "accounts", {}),
    Cause.CLOCK: ("stopped", "accounts", {}),
    Cause.CLOCK_SET_BACK: ("stopped", "accounts", {}),
    Cause.NOT_PROVEN: ("other", "refused", {"endpoint": "{subject}"}),
    Cause.PARTLY_REFUSED: ("other", "refused", {"endpoint": "{subject}"}),
    Cause.KEYS_AWAY: ("other", "refused", {"endpoint": "{subject}"}),
    Cause.HOOK_REFUSED: ("other", "refused", {"endpoint": "hooks/vtex/{subject}"}),
    Cause.LINKS_REFUSED: ("other", "refused", {"endpoint": "links/{subject}"}),
    Cause.FETCH_HELD: ("other", "deliveries", {"endpoint": "{subject}"}),
}


def add_to(routes: Blueprint, context: Context) -> None:
    """Add the page's routes."""
    reader = Overview(context.database)
    held = Held(lambda: _read(context, reader, context.clock()))

    @routes.get("/")
    def index() -> str:
        return render_template("overview.html", **held.now())


def _read(context: Context, reader: Overview, now: float) -> Mapping[str, Any]:
    config, database = context.config, context.database
    unstored = sum(one.count for one in context.outage.endpoints().values())
    found, accounts = counted(config, database, reader, now=now), _accounts(config, OperatorQueries(database), now)
    endpoints, since = found["endpoints"], found["overdue"]["since"]
    others = (
        Need("stopped", "overview.unstored", unstored, "carriers"),
        Need("stopped", "overview.paused_accounts", sum(one["is_stopped"] for one in accounts), "accounts"),
        Need("stopped", "overview.silent_endpoints", sum(one["is_silent"] for one in endpoints), "carriers"),
        Need("other", "overview.unreadable", found["unreadable"], "deliveries", {"outcome": "quarantined"}),
        Need("other", "overview.unknown_words", found["unknown_words"], "carriers"),
        Need("other", "overview.unknown_routes", found["unknown_addresses"], "refused"),
    )
    return {
        "needs": [*_to_decide(found["unsettled"]), *(one for one in others if one.count), *_alerts(found["alerts"])],
        "waiting": [one for one in found["unsettled"] if not State(one["state"]).needs_a_person],
        "is_late": since is not None and now - since > OLD_BACKLOG,
        "accounts": accounts,
        **{name: found[name] for name in ("overdue", "hours", "endpoints")},
    }


def _to_decide(unsettled: Iterable[Mapping[str, Any]]) -> Iterator[Need]:
    """The parcels that a person must look at, by state and reason."""
    for one in unsettled:
        state, reason = one["state"], one["reason"] or ""
        if State(state).needs_a_person:
            text = f"reasons.{reason}" if reason else f"states.{state}"
            yield Need(state, text, one["count"], "parcels", {"state": state, "reason": reason})


def _alerts(lasting: Iterable[Mapping[str, Any]]) -> Iterator[Need]:
    """What else lasts, as a worker's last look found it."""
    for one in lasting:
        if one["cause"] in _ALERTS:
            group, page, query = _ALERTS[one["cause"]]
            filters = {name: value.format(subject=one["subject"]) for name, value in query.items()}
            yield Need(group, f"alerts.{one['cause']}", 1, page, filters, one["subject"])


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
