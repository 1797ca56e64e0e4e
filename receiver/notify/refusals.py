"""Looks for requests that were refused, and probably should not be: their sender hears no reason, people do."""

from collections.abc import Iterator, Mapping

from receiver.config import Config
from receiver.notify.causes import Cause, Finding
from receiver.store.counters import REJECTS, TAKEN, Key, Total, last_deliveries, last_of
from receiver.store.notify.conditions import Conditions

_HOUR = 3600.0
#: Seconds after which a refusal counts as over.
_LASTS = 24 * _HOUR
#: Refused requests that are told: a sender tries again, and a stray request does not.
_FEWEST, _MOST_LINES = 3, 5
#: Seconds without a refusal that do not end a series: a night.
_PAUSE = 12 * _HOUR


class Refusals:
    """Those of the configured endpoints, and of the routes of the configured accounts."""

    def __init__(self, config: Config, conditions: Conditions) -> None:
        self._config, self._conditions = config, conditions

    def all(self, totals: Mapping[Key, Total], *, now: float) -> Iterator[Finding]:
        """Every cause that is there at ``now``, Unix time in seconds; ``totals`` is what was counted. Raises
        `StoreUnavailable`."""
        let_in = {**last_of(TAKEN, totals), **last_deliveries(totals)}
        without_keys, refused = _last(totals, "keys_unavailable"), last_refused(totals)
        every: dict[str, list[str]] = {}
        since: dict[str, list[str]] = {}  # that which was let in last
        for row in self._conditions.rejects(since=now - _LASTS):
            every.setdefault(row["endpoint"], []).append(row["reason"])
            if row["at"] > let_in.get(row["endpoint"], 0.0):
                since.setdefault(row["endpoint"], []).append(row["reason"])
        for endpoint in self._config.endpoints:
            reasons = since.get(endpoint, [])
            if reasons and without_keys.get(endpoint, 0.0) > max(now - _LASTS, let_in.get(endpoint, 0.0)):
                # Not the sender's doing, so the first one is told.
                yield Finding(cause=Cause.KEYS_AWAY, subject=endpoint, count=len(reasons), lines=(reasons[0],))
            else:
                yield from _only_refused(Cause.NOT_PROVEN, endpoint, reasons)
            if min(let_in.get(endpoint, 0.0), refused.get(endpoint, 0.0)) > now - _PAUSE:
                reasons = every.get(endpoint, [])
                yield Finding(cause=Cause.PARTLY_REFUSED, subject=endpoint, lines=_few(reasons))
        for account in self._config.accounts.values():
            yield from _only_refused(Cause.HOOK_REFUSED, account.name, since.get(account.hook_route, []))
            yield from _only_refused(Cause.LINKS_REFUSED, account.name, since.get(account.links_route, []))


def _only_refused(cause: Cause, subject: str, reasons: list[str]) -> Iterator[Finding]:
    """Nothing that was let in came since: more likely a wrong secret than a stranger."""
    if len(reasons) >= _FEWEST:
        yield Finding(cause=cause, subject=subject, count=len(reasons), lines=_few(reasons))


def _few(reasons: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reasons))[:_MOST_LINES]


def last_refused(totals: Mapping[Key, Total]) -> dict[str, float]:
    """When each endpoint last refused a request whose sender was not proven."""
    return _last(totals, "not_authenticated", "too_many")


def _last(totals: Mapping[Key, Total], *causes: str) -> dict[str, float]:
    """When each endpoint last refused a request for one of these causes."""
    return last_of(REJECTS, {key: total for key, total in totals.items() if key[1][-1:] and key[1][-1] in causes})
