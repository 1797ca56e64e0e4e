"""The access log: a line for each delivery, and one a minute for each endpoint whose URL a carrier checks, or that a
webhook reaches only in part."""

import logging
import threading
from collections.abc import Callable

from adapters import Request
from receiver.config import Endpoint
from receiver.intake import Outcome, Result
from receiver.log_context import present
from receiver.timing import is_within

log = logging.getLogger("receiver.access")

#: Seconds between two lines about one endpoint's checks, or its webhooks that break off: anybody may send them.
_EVERY = 60.0


class AccessLines:
    """Writes them. A request whose sender is refused has its line elsewhere, bounded. ``clock`` is Unix time in
    seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._written: dict[tuple[str, str], float] = {}

    def write(self, endpoint: Endpoint, request: Request, result: Result, *, status: int, seconds: float) -> None:
        """The line about an answered request; what `receiver.log_context` knows stands in it."""
        if result.outcome is Outcome.PROBE:
            if self._is_due(endpoint.name, "check"):
                log.info(
                    "URL checked by the carrier: endpoint=%s method=%s status=%d client=%s",
                    endpoint.name, request.method, status, request.client,
                )  # fmt: skip
        elif result.outcome is not Outcome.UNAUTHENTICATED:
            known = present()
            log.info(
                "delivery received: endpoint=%s outcome=%s status=%d ms=%.1f delivery=%s shipments=%d shipment=%s "
                "order=%s account=%s client=%s",
                endpoint.name, result.outcome.value, status, seconds * 1000, result.delivery, result.shipments,
                *(known.get(name, "-") for name in ("shipment", "order", "account")), request.client,
            )  # fmt: skip

    def write_incomplete(self, endpoint: Endpoint, client: str) -> None:
        """The line about a webhook that did not arrive whole."""
        if self._is_due(endpoint.name, "incomplete"):
            log.warning(
                "webhook broke off before its end, not stored, one line a minute: endpoint=%s status=400 client=%s",
                endpoint.name, client,
            )  # fmt: skip

    def _is_due(self, endpoint: str, what: str) -> bool:
        now = self._clock()
        with self._lock:
            due = not is_within(_EVERY, self._written.get((endpoint, what), 0.0), now)
            if due:
                self._written[endpoint, what] = now
            return due
