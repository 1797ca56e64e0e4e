"""Requests that failed authentication: for the operator only, and bounded. The sender gets one text for all causes."""

import hmac
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from receiver.store import Inbox, StoreUnavailable

log = logging.getLogger("receiver.intake")

#: Failures stored per second and process. Beyond that, only their number is logged.
_A_SECOND = 5
#: Headers that help to identify the sender and hold no secret.
_HARMLESS = ("content-length", "content-type", "user-agent")


class AuthFailures:
    """Records authentication failures. ``clock`` is Unix time in seconds."""

    def __init__(self, inbox: Inbox, *, clock: Callable[[], float]) -> None:
        self._inbox, self._clock = inbox, clock
        self._second, self._many = 0, 0

    def note(
        self, route: str, reason: str, *, method: str, target: str, headers: Mapping[str, str], status: int = 401
    ) -> None:
        """Record a failure. ``route`` is the endpoint's or route's name; ``target`` and ``headers`` have no secrets."""
        now = self._clock()
        if int(now) != self._second:
            if self._many > _A_SECOND:
                log.warning(
                    "authentication failures not recorded, too many in one second: failures=%d", self._many - _A_SECOND
                )
            self._second, self._many = int(now), 0
        self._many += 1
        if self._many > _A_SECOND:
            return
        log.warning("authentication failed: endpoint=%s status=%d reason=%s", route, status, reason)
        try:
            self._inbox.reject(
                endpoint=route, at=now, reason=reason, method=method, target=target, headers=dict(headers)
            )
        except StoreUnavailable as error:
            log.warning("authentication failure not recorded: endpoint=%s reason=%s", route, error)


def harmless(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The request headers that may be stored."""
    return {name.lower(): value for name, value in headers if name.lower() in _HARMLESS}


def is_one_of(given: str, secrets: Sequence[str]) -> bool:
    """Whether the given text is one of the secrets. The time it takes does not depend on how close it is."""
    offered = given.encode("latin-1", errors="replace")
    fits = [hmac.compare_digest(offered, secret.encode()) for secret in secrets]  # compares all, even after a match
    return any(fits)
