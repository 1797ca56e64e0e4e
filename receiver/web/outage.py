"""Reports once a minute that deliveries cannot be stored, and how long their carriers will retry."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from receiver.carriers import Carrier
from receiver.config import Endpoint
from receiver.store import StoreUnavailable

log = logging.getLogger("receiver.web")

#: Seconds between two lines about the same outage.
_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class Unstored:
    """What an endpoint was answered 503 for: how many deliveries, since when, and for how many seconds its carrier goes
    on repeating the first one. ``None``: that is not documented."""

    count: int
    since: float
    seconds_left: float | None


class Outage:
    """Tracks an outage of the database for the web side of one process. ``clock`` is in seconds since the epoch;
    ``begins`` is called when a delivery was refused."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self.begins: Callable[[], None] = lambda: None
        self._refused: dict[str, tuple[Carrier, float, int]] = {}
        self._last_logged = 0.0

    def refused(self, endpoint: Endpoint, error: StoreUnavailable) -> None:
        """Record that a delivery was answered 503."""
        self.begins()
        now = self._clock()
        with self._lock:
            carrier, since, many = self._refused.get(endpoint.name, (endpoint.carrier, now, 0))
            self._refused[endpoint.name] = (carrier, since, many + 1)
            if self._last_logged <= now < self._last_logged + _EVERY:
                return
            self._last_logged = now
        refused = "; ".join(self.lines())
        log.error("deliveries answered 503, they cannot be stored: reason=%s refused=%s", error, refused)

    def lines(self) -> list[str]:
        """How many deliveries of each endpoint were refused, and for how long its carrier goes on trying."""
        now = self._clock()
        with self._lock:
            return [
                f"{name} ({many} refused) {time_left(carrier, now - since)}"
                for name, (carrier, since, many) in sorted(self._refused.items())
            ]

    def endpoints(self) -> dict[str, Unstored]:
        """What this process has refused in the outage that lasts, by endpoint."""
        now = self._clock()
        with self._lock:
            return {
                name: Unstored(many, since, _seconds_left(carrier, now - since))
                for name, (carrier, since, many) in self._refused.items()
            }

    def over(self) -> None:
        """Record that a delivery was stored."""
        if not self._refused:
            return
        with self._lock:
            refused, self._refused, self._last_logged = self._refused, {}, 0.0
        if refused:
            many = sum(count for _, _, count in refused.values())
            log.warning("deliveries stored again: refused=%d endpoints=%s", many, ", ".join(refused))


def time_left(carrier: Carrier, passed: float) -> str:
    """How long the carrier still retries a delivery that was refused ``passed`` seconds ago."""
    retries = carrier.retries
    if retries is None:
        return "repeats for an unknown time"
    if retries.times == 0:
        return "never repeats: what it sends now is lost"
    if retries.over is None:
        return f"repeats {retries.times} times, over an unknown time"
    left = retries.over.total_seconds() - passed
    if left <= 0:
        return "has stopped repeating the first of them"
    return (
        f"repeats for another {left / 3600:.0f} h" if left >= 2 * 3600 else f"repeats for another {left / 60:.0f} min"
    )


def _seconds_left(carrier: Carrier, passed: float) -> float | None:
    retries = carrier.retries
    if retries is not None and retries.times == 0:
        return 0.0
    return None if retries is None or retries.over is None else max(0.0, retries.over.total_seconds() - passed)
