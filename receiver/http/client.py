"""Calls over HTTP to hosts that the configuration names, always with timeouts and a total deadline."""

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from receiver.http.answer import Answer

if TYPE_CHECKING:
    from receiver.http.transport import Transport

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
TOTAL_SECONDS = 25.0
MOST_BYTES = 8_000_000


class HostNotAllowed(Exception):
    """A URL leads to a host that is not in the configuration."""


class Http:
    """HTTP calls to the hosts of ``allowed`` base URLs, one pooled session per thread.

    ``connect`` and ``read`` are the timeouts of a silence, ``total`` that of a call, in seconds; ``most`` is in bytes.
    """

    def __init__(
        self,
        allowed: Iterable[str],
        *,
        connect: float = CONNECT_SECONDS,
        read: float = READ_SECONDS,
        total: float = TOTAL_SECONDS,
        most: int = MOST_BYTES,
    ) -> None:
        self._origins = frozenset(_origin(url) for url in allowed)
        self._timeout, self._total, self._most = (min(connect, total), min(read, total)), total, most
        self._making = Lock()
        self._made: Transport | None = None

    def call(
        self, method: str, url: str, *, headers: Mapping[str, str], json: Any = None, body: bytes | None = None
    ) -> Answer:
        """Make one request; returns the answer, no matter what its status is. Raises `NoAnswer`, `HostNotAllowed`."""
        if _origin(url) not in self._origins:
            raise HostNotAllowed(f"{_origin(url)} is not configured")
        return self._transport.call(method, url, headers=headers, json=json, body=body)

    @property
    def _transport(self) -> "Transport":
        with self._making:  # many threads make their first calls at once
            if self._made is None:
                from receiver.http.transport import Transport  # noqa: PLC0415  slow for a command that calls no host

                self._made = Transport(timeout=self._timeout, total=self._total, most=self._most)
            return self._made


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port
