"""Requests that failed authentication: for the operator only, and bounded. The sender hears one text for all causes."""

import hmac
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from receiver.store import Inbox, StoreUnavailable

log = logging.getLogger("receiver.intake")

#: Failures written per second and process; of more, only the log hears how many there were.
_A_SECOND = 5
#: Headers that tell who came and hold no secret.
_HARMLESS = ("content-length", "content-type", "user-agent")


class AuthFailures:
    """Records authentication failures. ``clock`` is Unix time in seconds."""

    def __init__(self, inbox: Inbox, *, clock: Callable[[], float]) -> None:
        self._inbox, self._clock = inbox, clock
        self._second, self._many = 0, 0

    def note(
        self, route: str, reason: str, *, method: str, target: str, headers: Mapping[str, str], status: int = 401
    ) -> None:
        """``route`` is the endpoint's name, or the route's; ``target`` and ``headers`` come without secrets."""
        now, cause = self._clock(), "not_authenticated" if status == 401 else "keys_unavailable"
        if int(now) != self._second:
            if self._many > _A_SECOND:
                log.warning(
                    "authentication failures not recorded, too many in one second: failures=%d", self._many - _A_SECOND
                )
            self._second, self._many = int(now), 0
        self._many += 1
        if self._many > _A_SECOND:
            self._inbox.reject_unstored(route, cause)
            return
        log.warning("authentication failed: endpoint=%s status=%d reason=%s", route, status, reason)
        try:
            self._inbox.reject(
                endpoint=route, at=now, reason=reason, cause=cause, method=method, target=target, headers=dict(headers)
            )
        except StoreUnavailable as error:
            log.warning("authentication failure not recorded: endpoint=%s reason=%s", route, error)


def harmless(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Of request headers, those that may be kept."""
    return {name.lower(): value for name, value in headers if name.lower() in _HARMLESS}


def is_one_of(given: str, secrets: Sequence[str]) -> bool:
    """Whether a sender knows one of the secrets; how long it takes does not tell how nearly."""
    offered = given.encode("latin-1", errors="replace")
    fits = [hmac.compare_digest(offered, secret.encode()) for secret in secrets]  # every one, whichever fits
    return any(fits)
