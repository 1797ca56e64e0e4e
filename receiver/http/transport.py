"""The only user of requests. It follows no redirects, ignores proxies and netrc of the environment, and cuts a call at
its deadline."""

import contextlib
import heapq
import itertools
import socket
import threading
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from receiver.http.answer import Answer, NoAnswer

_TOO_LONG = "the answer took too long"
_clock = time.monotonic
_this_thread = threading.local()  # its ``deadline`` is that of the current call


class Transport:
    """Pooled sessions, one for each thread. ``timeout`` is for a connection and for a silence, ``total`` for a call, in
    seconds; ``most`` is in bytes."""

    def __init__(self, *, timeout: tuple[float, float], total: float, most: int) -> None:
        self._timeout, self._total, self._most = timeout, total, most
        self._local = threading.local()

    def call(self, method: str, url: str, *, headers: Mapping[str, str], json: Any, body: bytes | None) -> Answer:
        """Make one request. Raises `NoAnswer`."""
        with _Deadline(self._total) as deadline:
            try:
                with self._session().request(
                    method,
                    url,
                    headers=dict(headers),
                    json=json,
                    data=body,
                    timeout=self._timeout,
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    content = self._content(response)
            except requests.RequestException as error:
                raise NoAnswer(_TOO_LONG if deadline.passed else _why(error)) from None
            if deadline.passed:  # if the connection's end also ends the body, a cut body looks complete
                raise NoAnswer(_TOO_LONG, response.status_code)
        lower = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, lower, content)

    def _content(self, response: requests.Response) -> bytes:
        content = bytearray()
        for chunk in response.iter_content(65_536):
            content += chunk
            if len(content) > self._most:
                raise NoAnswer(f"the answer is larger than {self._most} bytes", response.status_code)
        return bytes(content)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
            for scheme in ("http://", "https://"):
                session.mount(scheme, _Adapter())
            self._local.session = session
        return session


class _Deadline:
    """Cuts the connection of this thread's call at its deadline: a timeout restarts with every byte that arrives, in
    headers and body. After it nothing is sent, either: a process that was stopped in between would repeat what another
    has done since."""

    def __init__(self, seconds: float) -> None:
        self.passed, self.ends = False, _clock() + seconds
        self._is_over = False
        self._connection: socket.socket | None = None

    def __enter__(self) -> Self:
        _this_thread.deadline = self
        _watch.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over, self._connection = True, None

    def watch(self, connection: socket.socket | None) -> None:
        self._connection = connection
        if self.passed:
            self._cut()

    def check(self) -> None:
        """Raises `OSError` after the deadline."""
        if _clock() >= self.ends:
            self.passed = True
            raise OSError(_TOO_LONG)

    def end(self) -> None:
        """The deadline is now: cut the call, unless it has ended."""
        if not self._is_over:
            self.passed = True
            self._cut()

    def _cut(self) -> None:
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError):  # already closed
                # The plain socket's method: TLS would be shut down while the thread is still reading.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


class _Watch:
    """One thread that ends the calls of this process at their deadlines. A timer for each call would be a thread for
    each call, which costs more than to send the request. It starts with the first call: a process may fork before."""

    def __init__(self) -> None:
        self._is_earlier = threading.Condition()
        self._thread: threading.Thread | None = None
        #: The earliest first. A call that has ended stays until its deadline.
        self._deadlines: list[tuple[float, int, _Deadline]] = []
        self._count = itertools.count()

    def add(self, deadline: _Deadline) -> None:
        """End the call at its deadline."""
        entry = (deadline.ends, next(self._count), deadline)
        with self._is_earlier:
            heapq.heappush(self._deadlines, entry)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            elif self._deadlines[0] is entry:
                self._is_earlier.notify()

    def _run(self) -> None:
        with self._is_earlier:
            while True:
                ahead = self._deadlines[0][0] - time.monotonic() if self._deadlines else None
                if ahead is None or ahead > 0:
                    self._is_earlier.wait(ahead)
                else:
                    heapq.heappop(self._deadlines)[2].end()


_watch = _Watch()


class _Connection(HTTPConnection):
    def send(self, data: Any) -> None:
        _this_thread.deadline.check()
        super().send(data)

    def getresponse(self) -> Any:
        _this_thread.deadline.watch(self.sock)
        return super().getresponse()


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **settings: Any) -> None:
        super().init_poolmanager(*args, **settings)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


def _why(error: requests.RequestException) -> str:
    """The fault in a few words: requests' own texts contain URLs and object addresses."""
    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "the TLS handshake failed"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer broke off"
    if isinstance(error, requests.ConnectionError):
        return "the connection failed or was closed"
    return type(error).__name__
