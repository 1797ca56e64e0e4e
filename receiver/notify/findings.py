"""Looks for what people should be told of. What was refused and what is not heard have their own modules beside this
one."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from receiver.calls.pause_end import how_it_ends
from receiver.config import Config
from receiver.notify.causes import Cause, Finding
from receiver.notify.refusals import Refusals
from receiver.notify.unheard import Unheard
from receiver.shipments import Reason, State
from receiver.shipments.record import TO_DECIDE
from receiver.store import Database, OperatorQueries
from receiver.store.notify.alerts import Alerts
from receiver.store.notify.conditions import Conditions, Group
from receiver.store.notify.watches import Noted, Watches
from receiver.timing import stamp

_DAY = 86_400.0
#: Seconds after which what happened, and is no state, counts as over.
_LASTS = _DAY
#: A shipment that has been due for longer, in seconds, has waited too long.
OLD_BACKLOG = 900.0
#: VTEX asks for quiet all the time, and is well again within minutes: seconds before such a pause is told.
_VTEX_PAUSE = 600.0
_MOST_LINES = 5
#: Seconds for which a fetch that failed is told: no person can dismiss one.
_FETCH_LASTS = 7 * _DAY
#: Parcels of an endpoint that wait and are told, if no later one reached its invoice; and the seconds that each must
#: have waited: for its order or invoice at an endpoint that never worked, at one that did, where a weekend is no
#: fault; and for the carrier.
_FEWEST_WAITING, _AT_FIRST, _AFTER_SUCCESS, _AT_CARRIER = 3, _DAY, 3 * _DAY, 7 * _DAY
#: What stands for the carriers that have no endpoint.
_NO_ENDPOINT = "carriers without an endpoint"
#: Seconds between a host's clock and VTEX's from which on it is told, and for which a finding about it holds.
WRONG_CLOCK, _CLOCK_HOLDS = 60.0, 300.0
#: Seconds without a worker that are told: a restart takes less.
NO_WORKER = 300.0
#: Seconds for which a configuration counts as one of a process that runs: several looks.
_CONFIGURED_HOLDS = 900.0


class Findings:
    """What the database says. ``clock`` is Unix time in seconds; ``works``: this process has a worker."""

    def __init__(self, config: Config, database: Database, *, clock: Callable[[], float], works: bool = False) -> None:
        self._config, self._clock, self._works = config, clock, works
        self._conditions, self._queries = Conditions(database), OperatorQueries(database)
        self._watches, self._configured = Watches(database), frozenset((*config.endpoints, *config.accounts))
        self._counters, self._alerts = database.counters, Alerts(database)
        self._refusals, self._unheard = Refusals(config, self._conditions), Unheard(config, database)

    def prepare(self) -> None:
        """Store what a look needs, of this process or of `receiver status`: what is configured, since when, and when
        endpoints were heard. Raises `StoreUnavailable`."""
        now = self._clock()
        fresh = self._watches.notes(Noted.CONFIGURED, since=now - _CONFIGURED_HOLDS / 3)
        self._watches.note(Noted.CONFIGURED, self._configured - fresh.keys(), now=now)
        if self._works:
            fresh = self._watches.notes(Noted.WORKED_ON, since=now - _CONFIGURED_HOLDS / 3)
            self._watches.note(Noted.WORKED_ON, self._config.endpoints.keys() - fresh.keys(), now=now)
        self._unheard.prepare(now=now)

    def configured_elsewhere(self) -> frozenset[str]:
        """Endpoints and accounts of the configurations of other processes that look, and not of this one. Raises
        `StoreUnavailable`."""
        seen = self._watches.notes(Noted.CONFIGURED, since=self._clock() - _CONFIGURED_HOLDS)
        return frozenset(seen) - self._configured

    def all(self) -> Iterator[Finding]:
        """Every cause that is there now. Raises `StoreUnavailable`."""
        now, read = self._clock(), self._conditions
        for cause, state in ((Cause.HELD, "held"), (Cause.GAVE_UP, "gave_up")):
            yield from (_finding(cause, group, self._shipment) for group in read.shipments(state))
        yield from (_finding(Cause.UNREADABLE, group, _delivery) for group in read.unreadable())
        yield from (_finding(Cause.UNKNOWN_WORD, group, _word) for group in read.unknown_words(since=now - _LASTS))
        yield from self._addresses(now)
        yield from (_finding(Cause.FETCH_HELD, group, _fetch) for group in read.fetches(since=now - _FETCH_LASTS))
        yield from self._left_behind(now)
        totals = self._counters.totals()
        yield from self._refusals.all(totals, now=now)
        yield from self._nothing_written(now)
        yield from (_channel(row) for row in self._alerts.failing() if row["channel"] in self._config.notify.channels)
        yield from (_finding(Cause.ORDER_UNREAD, group, _unread) for group in read.unread_orders())
        yield from self._accounts(now)
        yield from self._unheard.all(totals, now=now)
        for account, address in self._watches.lost_hooks().items():
            if account in self._config.accounts:
                yield Finding(cause=Cause.ORDER_HOOK, subject=account, lines=(address,))
        yield from self._clocks(now)

    def _clocks(self, now: float) -> Iterator[Finding]:
        for host, note in self._watches.notes(Noted.CLOCK, since=now - _CLOCK_HOLDS).items():
            ahead = f"{abs(note.value):.0f} s {'ahead of' if note.value > 0 else 'behind'} VTEX's"
            yield Finding(cause=Cause.CLOCK, subject=host, lines=(ahead,))
        for host, note in self._watches.notes(Noted.SET_BACK, since=now - _LASTS).items():
            yield Finding(cause=Cause.CLOCK_SET_BACK, subject=host, lines=(f"by {note.value:.0f} s",))

    def _no_worker(self, now: float) -> Finding | None:
        """Where processes expect a worker, and none has been there for minutes."""
        workers, expected = self._watches.notes(Noted.WORKER), self._watches.notes(Noted.EXPECTED)
        host, last = max(workers.items(), key=lambda one: one[1].at, default=(None, expected.get("worker")))
        if last is None or now - last.at <= NO_WORKER:
            return None
        line = f"the last one on host {host}, at {stamp(last.at)}" if host else f"none since {stamp(last.at)}"
        return Finding(cause=Cause.NO_WORKER, subject="all", lines=(line,))

    def _addresses(self, now: float) -> Iterator[Finding]:
        """By endpoint, and one for all carriers that have none: a stranger with many names causes few messages."""
        others: list[Group] = []
        elsewhere = self.configured_elsewhere()
        routes = [one for its in self._config.accounts.values() for one in (its.hook_route, its.links_route)]
        for group in self._conditions.unknown_routes(since=now - _LASTS):
            if group.subject in (*self._config.endpoints, *routes):
                yield _finding(Cause.UNKNOWN_ADDRESS, group, _route)
            elif group.subject not in elsewhere:
                others.append(group)
        if others:
            examples = [row for group in others for row in group.examples][:_MOST_LINES]
            several = Group(_NO_ENDPOINT, sum(group.count for group in others), examples)
            yield _finding(Cause.UNKNOWN_ADDRESS, several, _route)

    def _left_behind(self, now: float) -> Iterator[Finding]:
        """Endpoints with work left that no worker is configured with: they were renamed, removed, or added only where
        webhooks are received."""
        worked = set(self._watches.notes(Noted.WORKED_ON, since=now - _CONFIGURED_HOLDS))
        if self._works or not worked:  # no worker at all is told by itself
            worked |= set(self._config.endpoints)
        for group in self._conditions.left_behind(worked, since=now - _FETCH_LASTS):
            yield _finding(Cause.ENDPOINT_GONE, group, _left)

    def _nothing_written(self, now: float) -> Iterator[Finding]:
        """Endpoints that are heard and of which nothing reaches VTEX: a rule that reads the wrong field, another
        account's orders, a carrier that tells only of labels."""
        for endpoint in self._config.endpoints:
            wait = _AFTER_SUCCESS if self._conditions.has_written(endpoint) else _AT_FIRST
            heard_before = {
                State.AWAITING_ORDER: now - wait, State.AWAITING_INVOICE: now - wait, State.WAITING: now - _AT_CARRIER,
            }  # fmt: skip
            waiting = self._conditions.unwritten(endpoint, heard_before, fewest=_FEWEST_WAITING)
            if waiting is not None:
                yield _finding(Cause.NOTHING_WRITTEN, waiting, self._shipment)

    def _accounts(self, now: float) -> Iterator[Finding]:
        paused = {row["name"]: row for row in self._queries.paused_accounts(now=now)}
        for account in self._config.accounts:
            yield from self._no_answer(account, paused.get(account))
        for row in paused.values():
            if row["name"] in self._config.accounts:
                ends = how_it_ends(row["name"], own_fault=row["own_fault"])
                line = f"until {stamp(row['until'])}: {row['reason']}; it ends {ends}"
                wait = 0.0 if row["own_fault"] else _VTEX_PAUSE
                yield Finding(cause=Cause.ACCOUNT_PAUSED, subject=row["name"], lines=(line,), wait=wait)
        absent, oldest = self._no_worker(now), self._queries.oldest_unsettled(besides=paused)
        if absent is not None:
            yield absent
        # A pause explains its account's backlog, and that no worker runs explains all: both are told.
        elif oldest is not None and now - oldest > OLD_BACKLOG:
            line = f"the oldest for {(now - oldest) / 60:.0f} minutes"
            yield Finding(cause=Cause.BACKLOG, subject="all", lines=(line,))

    def _no_answer(self, account: str, pause: Mapping[str, Any] | None) -> Iterator[Finding]:
        """Shipments that VTEX has not answered about: a few a day open no circuit breaker. While it is open they wait
        for the pause; where the key is at fault, that is told."""
        if pause and pause["own_fault"]:
            return
        reasons = (Reason.VTEX_UNAVAILABLE, Reason.ACCOUNT_PAUSED) if pause else (Reason.VTEX_UNAVAILABLE,)
        waiting = self._conditions.unanswered(account, reasons)
        if waiting is not None:
            yield _finding(Cause.NO_ANSWER, waiting, self._shipment)

    def _shipment(self, row: dict[str, Any]) -> str:
        """A parcel with its order, the reason, the command that decides it, and its page in the console."""
        name, console = row["tracking_number"] or row["id"], self._config.notify.console
        command = (row["note"] or "").partition(TO_DECIDE)[2].strip() or f"receiver show {row['id']}"
        order = f", order {row['order_id']}" if row["order_id"] else ""
        page = f" {console}/parcels/{quote(row['id'])}" if console else ""
        return f"{name}{order}: {row['reason']}. {command}{page}"


def _channel(row: dict[str, Any]) -> Finding:
    line = f"since {stamp(row['since'])}: {row['error']}"
    return Finding(cause=Cause.CHANNEL_FAILS, subject=row["channel"], lines=(line,))


def _finding(cause: Cause, group: Group, line: Callable[[dict[str, Any]], str]) -> Finding:
    return Finding(
        cause=cause, subject=group.subject, count=group.count, lines=tuple(line(row) for row in group.examples)
    )


def _delivery(row: dict[str, Any]) -> str:
    return f"delivery {row['id']}: {row['reason']}"


def _fetch(row: dict[str, Any]) -> str:
    return f"{row['outcome']}, asked for by delivery {row['delivery']}: {row['reason']}"


def _left(row: dict[str, Any]) -> str:
    return f"{row['name']}: {row['state']}"


def _unread(row: dict[str, Any]) -> str:
    return f"order {row['order_id']}, after {row['tries']} tries; tried again once a day"


def _word(row: dict[str, Any]) -> str:
    return f"{row['word']} ({_times(row)})"


def _route(row: dict[str, Any]) -> str:
    address = f"/{row['name']}" if "/" in row["name"] else f"/webhooks/{row['name']}"
    return f"{address}, {row['method']}, {_times(row)}: {row['reason']}"


def _times(row: dict[str, Any]) -> str:
    return "once" if row["count"] == 1 else f"{row['count']} times"
