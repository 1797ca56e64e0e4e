"""Requests that failed authentication: for the operator only, and bounded. The sender gets one text for all causes."""

import hmac
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from receiver.intake.redaction import REDACTED
from receiver.store import Inbox, StoreUnavailable
from receiver.timing import is_within

log = logging.getLogger("receiver.intake")

#: Failures written per second, process and route; of more, only the log hears how many there were. Each route has its
#: own, so that a flood at one does not hide why a carrier is refused at another.
_A_SECOND = 5
#: The most characters stored of a header value, and of the target and the reason; the most header names stored.
_MOST_VALUE, _MOST_TARGET, _MOST_NAMES = 200, 500, 50
#: Headers that tell who came and hold no secret.
_HARMLESS = ("content-length", "content-type", "user-agent")
#: What a failure is counted as that is not recorded, because its sender failed too often.
_TOO_MANY = "too_many"
#: Seconds between two log lines about those of one route.
_TOLD_EVERY = 60.0


class AuthFailures:
    """Records authentication failures. ``clock`` is Unix time in seconds."""

    def __init__(self, inbox: Inbox, *, clock: Callable[[], float]) -> None:
        self._inbox, self._clock = inbox, clock
        self._second, self._many = 0, Counter[str]()
        #: Of each route: failures that were only counted since its last log line about them, and when that was.
        self._only_counted: dict[str, tuple[int, float]] = {}

    def count(self, route: str) -> None:
        """Count a failure of a sender that failed too often to be recorded again. The log says how many there were,
        once a minute."""
        now = self._clock()
        self._inbox.reject_unstored(route, _TOO_MANY)
        before, told_at = self._only_counted.get(route, (0, float("-inf")))
        many = before + 1
        if not is_within(_TOLD_EVERY, told_at, now):
            log.warning(
                "authentication failures only counted, too many in a minute: endpoint=%s failures=%d", route, many
            )
            many, told_at = 0, now
        self._only_counted[route] = (many, told_at)

    def note(
        self,
        route: str,
        reason: str,
        *,
        method: str,
        target: str,
        headers: Mapping[str, str],
        client: str,
        status: int = 401,
    ) -> None:
        """Record a failure. ``route`` is the endpoint's or route's name; ``target`` and ``headers`` have no secrets.
        ``client`` is the sender's address, kept beside the headers; ``status`` is what it hears."""
        now, cause = self._clock(), "keys_unavailable" if status == 503 else "not_authenticated"
        if int(now) != self._second:
            if left_out := sum(many - _A_SECOND for many in self._many.values() if many > _A_SECOND):
                log.warning("authentication failures not recorded, too many in one second: failures=%d", left_out)
            self._second, self._many = int(now), Counter()
        self._many[route] += 1
        if self._many[route] > _A_SECOND:
            self._inbox.reject_unstored(route, cause)
            return
        log.warning("authentication failed: endpoint=%s status=%d client=%s reason=%s", route, status, client, reason)
        try:
            self._inbox.reject(
                endpoint=route,
                at=now,
                reason=reason[:_MOST_TARGET],
                cause=cause,
                method=method,
                target=target[:_MOST_TARGET],
                headers={"client": client, **_bounded(headers)},
            )
        except StoreUnavailable as error:
            log.warning("authentication failure not recorded: endpoint=%s reason=%s", route, error)


def _bounded(headers: Mapping[str, str]) -> dict[str, str]:
    """Who came, in a few hundred bytes: the harmless headers, cut, and of the others their names."""
    return {
        name.lower()[:_MOST_VALUE]: value[:_MOST_VALUE] if name.lower() in _HARMLESS else REDACTED
        for name, value in islice(headers.items(), _MOST_NAMES)
    }


def harmless(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The request headers that may be stored."""
    return {name.lower(): value for name, value in headers if name.lower() in _HARMLESS}


def is_one_of(given: str, secrets: Sequence[str]) -> bool:
    """Whether the given text is one of the secrets. The time it takes does not depend on how close it is."""
    offered = given.encode("latin-1", errors="replace")
    fits = [hmac.compare_digest(offered, secret.encode()) for secret in secrets]  # compares all, even after a match
    return any(fits)
