"""A child of gunicorn: it answers requests.

A webhook is answered by the process's one loop. What has not arrived whole waits there without a thread, and so does a
request whose delivery is on its way to the disk: between threads each of these steps would cost a switch or two, which
is more than all that is done in them. Everything else gets a thread: pages, the API, large bodies, unusual framing.
"""

import contextlib
import gc
import heapq
import logging
import socket
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from itertools import count
from selectors import EVENT_READ
from types import FrameType
from typing import Any, TypeVar

from gunicorn.app.base import BaseApplication
from gunicorn.config import Config as GunicornConfig
from gunicorn.workers.gthread import TConn, ThreadWorker

from receiver.processes.arriving import Connection, Progress
from receiver.processes.poller import Poller
from receiver.processes.turns import TurnsEnd
from receiver.store import StoreUnavailable
from receiver.waiting import OnLoop
from receiver.web.clients import Network, is_trusted

log = logging.getLogger("receiver.server")
T = TypeVar("T")

#: Seconds in which a request must have arrived whole. The proxy in front has longer patience, if it wants.
ARRIVAL = 10.0
#: Seconds after which a thread is freed from a request, even if its client does not take the answer.
_ANSWER = 90.0
#: Seconds for which a process that stops waits for connections that have sent nothing: as long as for kept ones.
_LINGER = 2.0
#: Seconds between two signs of life, and between two looks for what arrives too slowly.
_NOTIFY_EVERY = 0.5
#: Seconds for which a process leaves new connections to the others: for each that it has, and at most.
_COURTESY, _MOST_COURTESY = 0.0001, 0.002
#: Seconds for which no connection is taken after one could not be, as where all files are open that may be; and between
#: two log lines about it.
_AFTER_A_FAILURE, _FAILURES_EVERY = 0.1, 10.0
#: Seconds and bytes for which the rest of a refused body is read and thrown away: a proxy that still sends loses the
#: answer if the connection is closed before. More than `MAX_BODY`, and than the proxy in docs/deploy.md lets through.
_REST, _REST_BYTES = 2.0, 4_000_000


def _done(result: T) -> "Future[T]":
    future: Future[T] = Future()
    future.set_result(result)
    return future


#: What gunicorn hears of requests that the loop has answered, by whether their connection is kept. They share these:
#: to make one for each would cost as much as to send the answer.
_DONE = {kept: _done(kept) for kept in (False, True)}


class Served(BaseApplication):
    """What a web process serves, and what runs beside it."""

    @property
    @abstractmethod
    def trusted_proxies(self) -> tuple[Network, ...]: ...

    @abstractmethod
    def start_working(self) -> None:
        """Start the worker, if any. Raises `StoreUnavailable`, and may be repeated."""

    @abstractmethod
    def claim_no_more(self) -> None: ...


def settle(config: GunicornConfig) -> None:
    """Make gunicorn's settings plain attributes: it asks for dozens in each request, and searches for each."""
    searched = {name: setting for name, setting in config.settings.items() if not hasattr(type(config), name)}
    vars(config).update({name: setting.get() for name, setting in searched.items()})


class _Wait:
    """One wait of one request. It ends once: by the result, or by the clock."""

    __slots__ = ("_request",)

    def __init__(self, request: OnLoop) -> None:
        self._request: OnLoop | None = request

    def end(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.switch()


class WebProcess(ThreadWorker):
    """Answers requests, and runs a worker. Every stop signal leads to a graceful stop."""

    app: Served

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._opened: set[Connection] = set()
        #: Requests of which a part has arrived.
        self._arriving: set[Connection] = set()
        #: Requests that have a thread, and when each began.
        self._begun: dict[Connection, float] = {}
        #: Requests that wait because their address has its share of the threads, the oldest first.
        self._waiting: dict[str, deque[Connection]] = {}
        #: Waits of requests on the loop: those whose result is there, and all with a deadline, the next one first.
        self._ended: deque[_Wait] = deque()
        self._deadlines: list[tuple[float, int, _Wait]] = []
        #: One for each deadline: of two at the same moment the heap compares these, as waits have no order.
        self._numbers = count()
        self._goes_on_soon = False
        self._turns_end = TurnsEnd()
        #: Requests whose answers are made on the loop and not yet sent, and whether their connections are kept.
        self._answered: list[tuple[Connection, bool]] = []
        self._notified = 0.0
        #: Until then new connections are left to other processes.
        self._accept_from = 0.0
        self._failure_logged = float("-inf")
        #: Until then a process that stops waits for connections that have sent nothing.
        self._silent_until = float("inf")

    def run(self) -> None:
        self.poller.close()
        self.poller = Poller()
        settle(self.cfg)
        super().run()

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection; most have sent their request already. Then leave the next one to other processes, the
        longer the more connections this one has: whichever wakes first would take all of them."""
        try:
            accepted, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:  # raised further, it would end the loop, and every request and call with it
            self._accept_later(error)
            return
        if self._has_its_share(address):
            accepted.close()
            return
        self.nr_conns += 1
        if self.cfg.workers > 1:
            self._accept_from = time.monotonic() + min(self.nr_conns * _COURTESY, _MOST_COURTESY)
            self.set_accept_enabled(enabled=False)
        self.enqueue_req(Connection(self.cfg, accepted, address, listener.getsockname(), opened=self._opened))

    def _accept_later(self, error: OSError) -> None:
        """Go on with the connections that are there: those that end make room. New ones wait in the system's queue."""
        now = time.monotonic()
        if now >= self._failure_logged + _FAILURES_EVERY:
            self._failure_logged = now
            reason = error.strerror
            log.error("new connections cannot be taken now, they wait: connections=%d reason=%s", self.nr_conns, reason)
        self._accept_from = now + _AFTER_A_FAILURE
        self.set_accept_enabled(enabled=False)

    def _has_its_share(self, client: Any) -> bool:
        """Whether the client's address has half of the connections that this process takes; proxies may have all."""
        most: int = self.worker_connections // 2
        if self.nr_conns < most or not isinstance(client, tuple):
            return False
        address = str(client[0])
        if is_trusted(address, self.app.trusted_proxies):
            return False
        return sum(conn.address == address for conn in self._opened) >= most

    def set_accept_enabled(self, enabled: bool | None) -> None:  # noqa: FBT001  gunicorn's own signature
        if not enabled or time.monotonic() >= self._accept_from:
            super().set_accept_enabled(enabled)

    def enqueue_req(self, conn: TConn) -> None:
        """Take what has arrived. The loop answers a webhook that is whole; what is not for the loop gets a thread."""
        assert isinstance(conn, Connection)  # noqa: S101  `accept` makes them
        self._arriving.discard(conn)
        came = conn.receive()
        if came is None:
            self.nr_conns -= 1
            conn.close()
        elif came is Progress.MORE:
            self._await_more(conn)
        else:
            conn.give_to_parser()
            if came is Progress.WHOLE:
                conn.sock.on_loop = True
                OnLoop(partial(self._answer, conn), self).switch()
            else:
                self._to_thread(conn)

    def _await_more(self, conn: Connection) -> None:
        """Wait for more of a request, or for its beginning."""
        if conn.has_begun:
            self._arriving.add(conn)
            self.poller.register(conn.sock, EVENT_READ, partial(self._on_more, conn))
        else:
            conn.timeout = time.monotonic() + ARRIVAL
            self.pending_conns.append(conn)
            self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def murder_pending(self) -> None:
        """Close connections that have sent nothing for too long. While the process stops, that is sooner."""
        if not self.alive:
            self._silent_until = min(self._silent_until, time.monotonic() + _LINGER)
            for conn in self.pending_conns:
                conn.timeout = min(conn.timeout or 0.0, self._silent_until)
        super().murder_pending()

    def _on_more(self, conn: Connection, client: socket.socket) -> None:
        self.poller.unregister(client)
        self.enqueue_req(conn)

    def _answer(self, conn: Connection) -> None:
        """Answer a request on the loop."""
        try:
            kept = bool(super().handle(conn))
        except Exception:  # noqa: BLE001  the connection is closed
            kept = False
        self._answered.append((conn, kept))

    def _send_answers(self) -> None:
        """Send the answers that are there, one right after the other: their clients wake once, and do not take the
        processor from those that are still to be made. What they send next comes together, too."""
        while self._answered:  # a request that came together with the one before may be answered meanwhile
            answered, self._answered = self._answered, []
            for conn, kept in answered:
                done = _DONE[self._send_answer(conn, kept=kept)]
                conn.sock.on_loop = False
                self.finish_request(conn, done)

    def _to_thread(self, conn: Connection) -> None:
        """Give a request to a thread, or let it wait: no address holds more than half of them, proxies may."""
        if self._share_is_taken(conn.address):
            self._waiting.setdefault(conn.address, deque()).append(conn)
            return
        self._begun[conn] = time.monotonic()
        super().enqueue_req(conn)

    def _share_is_taken(self, address: str) -> bool:
        if not address or is_trusted(address, self.app.trusted_proxies):
            return False
        threads: int = self.cfg.threads
        return sum(conn.address == address for conn in self._begun) >= max(1, threads // 2)

    def wait(self, request: OnLoop, future: "Future[T]", seconds: float | None) -> None:
        """Do other work until the future is done, or the seconds are over."""
        wait = _Wait(request)
        future.add_done_callback(lambda _: self._go_on_soon(wait))
        if seconds is not None:
            heapq.heappush(self._deadlines, (time.monotonic() + seconds, next(self._numbers), wait))
        request.give_back()

    def _go_on_soon(self, wait: _Wait) -> None:
        """Go on with a request, as soon as the loop comes to it. Any thread may say so; one call serves many."""
        self._ended.append(wait)
        if not self._goes_on_soon:
            self._goes_on_soon = True
            self.method_queue.defer(self._go_on)

    def _go_on(self) -> None:
        self._goes_on_soon = False
        while self._ended:
            self._ended.popleft().end()
        self._send_answers()

    def at_turns_end(self, work: Callable[[], None]) -> None:
        """Do the work once all requests that have arrived are begun: once for all that ask for it meanwhile."""
        self._turns_end.add(work)

    def wait_for_and_dispatch_events(self, timeout: float | None) -> None:
        """Do what is to be done, and end the waits whose time is over."""
        now = time.monotonic()
        moments = [moment for moment, _, _ in self._deadlines[:1]]
        if self._accept_from > now:
            moments.append(self._accept_from)
        if self._turns_end.is_awaited:
            moments.append(now)
        for moment in moments:
            timeout = min(1.0 if timeout is None else timeout, max(0.0, moment - now))
        super().wait_for_and_dispatch_events(timeout)
        now = time.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            heapq.heappop(self._deadlines)[2].end()
        self._send_answers()
        self._turns_end.after_a_look()

    def handle(self, conn: TConn) -> Any:
        """Answer a request."""
        assert isinstance(conn, Connection)  # noqa: S101  `accept` makes them
        return self._send_answer(conn, kept=super().handle(conn))

    @staticmethod
    def _send_answer(conn: Connection, *, kept: bool) -> bool:
        """Send what the loop has answered; returns whether the connection is kept. Before it is closed, take what is
        left of the body.

        Gunicorn would take 64 KB, and wait for the sender's end up to 2 s in its main thread, which serves all others.
        """
        kept = conn.sock.send_answer() and kept
        if not kept:
            parser: Any = conn.parser
            with contextlib.suppress(Exception):  # closed, cut off, or not HTTP: the answer was given, if there is one
                conn.sock.shutdown(socket.SHUT_WR)
                parser.finish_body(deadline=time.monotonic() + _REST, max_bytes=_REST_BYTES)
            with contextlib.suppress(OSError):  # already closed
                conn.sock.shutdown(socket.SHUT_RDWR)  # no wait for the sender's end
        return kept

    def finish_request(self, conn: TConn, fs: "Future[Any]") -> None:
        assert isinstance(conn, Connection)  # noqa: S101  `accept` makes them
        self._begun.pop(conn, None)
        super().finish_request(conn, fs)
        for address, waiting in list(self._waiting.items()):
            while waiting and not self._share_is_taken(address):
                self._to_thread(waiting.popleft())
            if not waiting:
                del self._waiting[address]

    def notify(self) -> None:
        """Shut down requests that arrive too slowly: a thread reads the end, and can still answer. Where the answer is
        not taken, it ends, too. Gunicorn calls this with each turn."""
        now = time.monotonic()
        if now < self._notified + _NOTIFY_EVERY:
            return
        self._notified = now
        super().notify()
        since = [(conn, conn.begun) for conn in self._arriving] + list(self._begun.items())
        for conn, begun in since:
            if begun < now - ARRIVAL:
                with contextlib.suppress(OSError):  # already closed
                    conn.sock.shutdown(socket.SHUT_RD if begun >= now - _ANSWER else socket.SHUT_RDWR)

    def load_wsgi(self) -> None:
        """Wait for an unavailable database: if a child failed here, gunicorn would end the parent, too."""
        while self.alive:
            try:
                super().load_wsgi()
                self._keep_what_is_loaded()
                self.app.start_working()
            except StoreUnavailable as error:
                log.error("store unavailable at start, trying again: reason=%s", error)
                self.notify()
                time.sleep(1)
            else:
                return

    @staticmethod
    def _keep_what_is_loaded() -> None:
        """Exempt from garbage collection what is loaded now, as it stays. To look through all of it stops every request
        for as long as ten commits."""
        gc.collect()
        gc.freeze()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop web and worker at the same time."""
        if self.alive:
            self.method_queue.defer(self.app.claim_no_more)  # a signal handler may take no locks
        super().handle_exit(sig, frame)

    handle_quit = handle_exit
