"""The keys that carriers publish, cached in memory. They are fetched at start, when they expire, and at most once a
minute when a request names an unknown key. A failed fetch keeps the cached keys."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from adapters import Request, RsaJwks, UnknownKey
from receiver.config import Endpoint
from receiver.http import Answer, Http, NoAnswer
from receiver.waiting import aside, result_of

log = logging.getLogger("receiver.keys")
T = TypeVar("T")

#: Seconds that a fetch may take: a carrier may be waiting for our answer.
_DEADLINE = 3.0
#: Seconds beyond that for which a request waits: no deadline ends the look for the host's address.
_PATIENCE = 0.5
_MOST_BYTES = 1_000_000
#: Seconds between two fetches of a key set, no matter why.
_LEAST_PAUSE = 60.0
#: Seconds that a key set counts as fresh: at least, without ``max-age``, and at most.
_FRESH_LEAST, _FRESH, _FRESH_MOST = 300.0, 3_600.0, 86_400.0


class KeysUnavailable(Exception):
    """A carrier's published keys are not available: no request can be authenticated or refused without them."""


class KeySet:
    """The keys that a carrier publishes at one URL. ``clock`` is Unix time in seconds."""

    def __init__(self, scheme: RsaJwks, url: str, *, clock: Callable[[], float]) -> None:
        self._scheme, self._url, self._clock = scheme, url, clock
        self._http = Http([url], connect=_DEADLINE, read=_DEADLINE, total=_DEADLINE, most=_MOST_BYTES)
        self._turn, self._starting = threading.Lock(), threading.Lock()
        self._coming: Future[None] | None = None
        #: Until then requests wait for it, by the monotonic clock.
        self._until = 0.0
        self._sets: tuple[str, ...] = ()
        self._etag: str | None = None
        self._failure: str | None = "they were not fetched yet"
        self._fresh_until = self._not_before = 0.0

    def authenticate(self, request: Request, by: Callable[[Request, Sequence[str]], T]) -> T:
        """The result of ``by`` for the request and the keys. Raises `adapters.NotAuthentic`, `KeysUnavailable`."""
        if self._clock() >= max(self._fresh_until, self._not_before) and self._sets:
            self.refresh_beside()
        try:
            return by(request, self._sets)
        except UnknownKey:
            self._refresh_aside()
        try:
            return by(request, self._sets)
        except UnknownKey:
            if self._failure is None:
                raise
            raise self._unavailable(self._failure) from None

    def _unavailable(self, reason: str) -> KeysUnavailable:
        return KeysUnavailable(f"the carrier's keys at {self._url} are not at hand: {reason}")

    def _refresh_aside(self) -> None:
        """`refresh` in one thread for all who wait for it, and in none where it would do nothing: anybody may name an
        unknown key. Raises `KeysUnavailable` where it takes too long: it goes on."""
        with self._starting:
            if self._coming is None or self._coming.done():
                if self._clock() < self._not_before and not self._turn.locked():
                    return
                self._coming, self._until = aside(self.refresh), time.monotonic() + _DEADLINE + _PATIENCE
            coming, seconds = self._coming, max(0.0, self._until - time.monotonic())
        try:
            result_of(coming, seconds)
        except TimeoutError:
            raise self._unavailable("they are still being fetched; does this host's name server answer?") from None

    def refresh_beside(self) -> None:
        """`refresh` in a thread, without waiting for it."""
        if not self._turn.locked():
            threading.Thread(target=self.refresh, name="keys", daemon=True).start()

    def refresh(self) -> None:
        """Fetch the key set again, unless that was tried a moment ago. Concurrent callers wait for the same fetch."""
        with self._turn:
            if self._clock() < self._not_before:
                return
            self._not_before = self._clock() + _LEAST_PAUSE
            try:
                self._failure = self._take(self._fetch())
            except NoAnswer as error:
                self._failure = str(error)
            if self._failure:
                log.warning("published keys not fetched: url=%s reason=%s", self._url, self._failure)

    def _fetch(self) -> Answer:
        headers = {"Accept": "application/json", "Connection": "close"}
        if self._etag:
            headers["If-None-Match"] = self._etag
        return self._http.call("GET", self._url, headers=headers)

    def _take(self, answer: Answer) -> str | None:
        """Store an answer's keys. Returns why it has none; ``None``: it has keys, or confirms the cached ones."""
        if answer.status == 200:
            written = answer.body.decode(errors="replace")
            fault = self._scheme.fault(written)
            if fault:
                return f"what is there {fault}"
            self._sets, self._etag = (written,), answer.headers.get("etag")
        elif not (answer.status == 304 and self._sets):
            return f"HTTP {answer.status}"
        self._fresh_until = self._clock() + _freshness(answer.headers.get("cache-control", ""))
        return None


class Keys:
    """The key sets of all endpoints that authenticate by published keys and have no configured ones."""

    def __init__(self, endpoints: Iterable[Endpoint], *, clock: Callable[[], float] = time.time) -> None:
        self._of: dict[str, KeySet] = {}
        sets: dict[str, KeySet] = {}
        for endpoint in endpoints:
            if isinstance(endpoint.scheme, RsaJwks) and not endpoint.secrets:
                url = endpoint.call_url(endpoint.scheme.keys_url)
                self._of[endpoint.name] = sets.setdefault(url, KeySet(endpoint.scheme, url, clock=clock))
        self._sets = list(sets.values())

    def fetch(self) -> None:
        """Start to fetch every set in the background."""
        for one in self._sets:
            one.refresh_beside()

    def authenticate(self, endpoint: Endpoint, request: Request, by: Callable[[Request, Sequence[str]], T]) -> T:
        """The result of ``by`` for the request and the endpoint's secrets, or else the published keys.

        Raises `adapters.NotAuthentic`, `KeysUnavailable`.
        """
        published = self._of.get(endpoint.name)
        return published.authenticate(request, by) if published else by(request, endpoint.secrets)


def _freshness(cache_control: str) -> float:
    found = re.search(r"max-age=(\d{1,9})", cache_control)
    return min(max(float(found.group(1)), _FRESH_LEAST), _FRESH_MOST) if found else _FRESH
