"""A load generator: one thread, keep-alive connections over plain sockets, prebuilt requests."""

import contextlib
import random
import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_CHUNK = 65_536
#: Seconds that an answer may take.
_PATIENCE = 10.0


class LoadFailed(Exception):
    """The server closed the connection or did not answer in time."""


@dataclass(slots=True)
class Load:
    """A run's result. ``seconds`` is its length, ``latencies`` are in seconds, ``cpu`` is the generator's own time."""

    seconds: float = 0.0
    cpu: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds

    @property
    def ceiling(self) -> float:
        """The rate at which the generator alone would fill a core."""
        return len(self.latencies) / self.cpu

    def percentile(self, share: float) -> float:
        """The latency in seconds that ``share`` (0 to 1) of the answers did not exceed."""
        return sorted(self.latencies)[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def saturate(port: int, requests: Iterable[bytes], *, seconds: float, connections: int) -> Load:
    """Send the next request on every connection as soon as it has an answer, until time or requests run out.

    Raises `LoadFailed`.
    """
    run, source = _Run(), iter(requests)
    with run.connected(port, connections) as begun:
        while time.perf_counter() < begun + seconds:
            while run.idle and (request := next(source, None)) is not None:
                run.send(request, time.perf_counter())
            if not run.busy:
                break
            run.collect(_PATIENCE)
    return run.load


def pace(port: int, requests: Iterable[bytes], *, rate: float, seconds: float, connections: int) -> Load:
    """Send requests at random moments, ``rate`` a second on average, even if earlier ones are not answered; at least
    one, however low the rate.

    A latency counts from the moment the request was due: waiting for a free connection is part of it. Raises
    `LoadFailed`.
    """
    run, chance, late = _Run(), random.Random(0), deque[tuple[bytes, float]]()
    with run.connected(port, connections) as begun:
        due = begun
        for number, request in enumerate(requests):
            due += chance.expovariate(rate)
            if due > begun + seconds and number:
                break
            while (now := time.perf_counter()) < due or (late and run.idle):
                run.send_late(late)
                run.collect(max(0.0, due - now), must=False)
            late.append((request, due))
            run.send_late(late)
        while late:
            run.collect(_PATIENCE)
            run.send_late(late)
    return run.load


@dataclass(slots=True, eq=False)
class _Connection:
    socket: socket.socket
    received: bytes = b""
    since: float = 0.0

    def receive(self) -> int | None:
        """The status, once the answer is complete."""
        chunk = self.socket.recv(_CHUNK)
        if not chunk:
            raise LoadFailed("the server hung up")
        self.received += chunk
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator or len(body) < _content_length(head):
            return None
        self.received = b""
        return int(head[9:12])


def _content_length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    if not found:
        raise LoadFailed("an answer without Content-Length")
    return int(rest.partition(b"\r\n")[0])


class _Run:
    def __init__(self) -> None:
        self.load, self.busy = Load(), 0
        self.idle: deque[_Connection] = deque()
        self._selector = selectors.DefaultSelector()

    @contextlib.contextmanager
    def connected(self, port: int, connections: int) -> Iterator[float]:
        """Open connections; yields the start of the run. At the end, wait for the requests in progress."""
        with contextlib.ExitStack() as opened:
            opened.enter_context(self._selector)
            try:
                for _ in range(connections):
                    one = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE))
                    self._selector.register(one, selectors.EVENT_READ, connection := _Connection(one))
                    self.idle.append(connection)
                begun, cpu = time.perf_counter(), time.process_time()
                yield begun
                while self.busy:
                    self.collect(_PATIENCE)
            except OSError as error:
                raise LoadFailed(f"the connection broke: {error}") from error
            self.load.seconds, self.load.cpu = time.perf_counter() - begun, time.process_time() - cpu

    def send(self, request: bytes, since: float) -> None:
        connection = self.idle.popleft()
        connection.since = since
        connection.socket.sendall(request)
        self.busy += 1

    def send_late(self, late: deque[tuple[bytes, float]]) -> None:
        while late and self.idle:
            self.send(*late.popleft())

    def collect(self, timeout: float, *, must: bool = True) -> None:
        ready = self._selector.select(timeout)
        if must and not ready:
            raise LoadFailed(f"no answer within {timeout:.0f} s")
        for key, _ in ready:
            connection: _Connection = key.data
            status = connection.receive()
            if status is None:
                continue
            self.load.latencies.append(time.perf_counter() - connection.since)
            self.load.statuses[status] += 1
            self.busy -= 1
            self.idle.append(connection)
