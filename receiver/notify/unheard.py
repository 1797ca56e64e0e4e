"""Looks for endpoints that are not heard: against their own rhythm, or because they never were, or not for weeks."""

from collections.abc import Iterator, Mapping

from receiver.config import Config
from receiver.notify.causes import Cause, Finding
from receiver.notify.rhythm import HORIZON_HOURS, Rhythm, Silence, silences
from receiver.store import Database
from receiver.store.counters import PROBES, Key, Total, last_deliveries, last_of
from receiver.store.notify.heard import Heard
from receiver.timing import stamp

_HOUR = 3600.0
#: Hours without a first delivery after which an endpoint is told, unless it has a limit of its own.
_NEVER_HEARD = 72.0


class Unheard:
    """The silences of the configured endpoints, and of whole accounts."""

    def __init__(self, config: Config, database: Database) -> None:
        self._config, self._hours = config, Heard(database)
        #: In how many minutes of each hour each endpoint was heard, up to the hour in which that was read.
        self._heard: dict[str, dict[int, int]] = {}
        self._read_in: int | None = None

    def prepare(self, *, now: float) -> None:
        """Store since when endpoints are configured, and when they were heard. Raises `StoreUnavailable`."""
        self._hours.note_endpoints(self._config.endpoints, now=now)
        self._hours.add_up(now=now, horizon=HORIZON_HOURS)

    def all(self, totals: Mapping[Key, Total], *, now: float) -> Iterator[Finding]:
        """Every silence that is there at ``now``, Unix time in seconds; ``totals`` is what was counted. Raises
        `StoreUnavailable`."""
        yield from map(_silence, self._silent(int(now // _HOUR)))
        yield from self._without_rhythm(totals, now=now)

    def _silent(self, present: int) -> list[Silence]:
        """The silences of the hour. The last hours are read once each, and again while an endpoint is silent."""
        if self._read_in != present:
            self._read(present)
        found = silences(self._rhythms(), present)
        if found:
            self._read(present)
            found = silences(self._rhythms(), present)
        return found

    def _read(self, present: int) -> None:
        begin = present - HORIZON_HOURS if self._read_in is None else self._read_in
        for endpoint, hours in self._hours.minutes(since=begin).items():
            self._heard.setdefault(endpoint, {}).update(hours)
        self._read_in = present
        for hours in self._heard.values():
            for hour in [hour for hour in hours if hour < present - HORIZON_HOURS]:
                del hours[hour]

    def _without_rhythm(self, totals: Mapping[Key, Total], *, now: float) -> Iterator[Finding]:
        """Endpoints that were not heard within the weeks that are looked at: never, or once, long ago."""
        unheard = [one for one in self._config.endpoints.values() if not self._heard.get(one.name)]
        if not unheard:
            return
        since, last, checked = self._hours.configured_since(), last_deliveries(totals), last_of(PROBES, totals)
        for one in unheard:
            if one.silent_after == 0:
                continue
            if one.name in last:
                if now - last[one.name] < HORIZON_HOURS * _HOUR:  # its hour is not added up yet
                    continue
                yield Finding(cause=Cause.SILENT, subject=one.name, lines=(f"none since {stamp(last[one.name])}",))
            elif now - since.get(one.name, now) >= (one.silent_after or _NEVER_HEARD) * _HOUR:
                check = (
                    f"checked the URL last {stamp(checked[one.name])}" if one.name in checked else "never checked it"
                )
                line = f"configured since {stamp(since[one.name])}; the carrier {check}"
                yield Finding(cause=Cause.NEVER_HEARD, subject=one.name, lines=(line,))

    def _rhythms(self) -> dict[str, Rhythm]:
        return {
            name: Rhythm(endpoint.account, self._heard.get(name, {}), endpoint.silent_after)
            for name, endpoint in self._config.endpoints.items()
        }


def _silence(one: Silence) -> Finding:
    usual = f", while {one.usual:g} were usual at this time of the week" if one.usual else ""
    line = f"none since the hour of {stamp(one.since * _HOUR)}{usual}"
    return Finding(cause=Cause.ACCOUNT_SILENT if one.of_account else Cause.SILENT, subject=one.subject, lines=(line,))
