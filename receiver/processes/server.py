"""The long-running processes: ``serve`` (web and worker in one), ``web`` and ``work``."""

import contextlib
import logging
import re
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from types import FrameType
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

from receiver.carriers import BrokenCarriers
from receiver.config import BadConfig, Config, load
from receiver.processes.process_locks import ProcessLock
from receiver.processes.worker import Worker
from receiver.store import Database, NotMigrated, Queue, StoreUnavailable
from receiver.store.engine import prepare
from receiver.web.app import create_app
from receiver.web.clients import Network, is_trusted
from receiver.web.metrics import MetricsServer, serve_metrics

log = logging.getLogger("receiver.server")

#: Seconds that requests and calls in progress get at shutdown; a call to VTEX ends within 25.
GRACE = 30
#: Lines about malformed requests and the like, per second and process.
_MALFORMED_A_SECOND = 5
#: Seconds in which a request must have arrived whole: a sender that fell silent would keep its thread for ever.
#: The proxy in front has longer patience, if it wants: it holds no thread.
ARRIVAL = 10.0
#: Seconds and bytes for which the rest of a refused body is read and thrown away: a proxy that still sends loses the
#: answer if the connection is closed before. More than `MAX_BODY`, and than the proxy in docs/deploy.md lets through.
_REST, _REST_BYTES = 2.0, 4_000_000
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: The folder of gunicorn's heartbeat files: in memory, because a busy disk looks like a dead process.
_HEARTBEATS = "/dev/shm"  # noqa: S108  gunicorn makes its files there safely


def serve(path: Path, config: Config, *, bind: str, processes: int = 1, threads: int = 16, work: bool = True) -> None:
    """Run gunicorn until it is stopped: the web side, and with ``work`` a worker in the same process.

    SIGHUP reloads the configuration; a faulty one is logged, and the previous one stays. Ends the process, with one
    line if ``bind`` is taken. Raises `receiver.store.NotMigrated`, `receiver.store.StoreUnavailable` before that.
    """
    prepare(config.database)
    _check_address(bind)
    settings = _settings(bind=bind, workers=processes, threads=threads)
    _Application(path, config, settings, work=work).run()


def work(path: Path, config: Config, *, concurrency: int | None = None) -> None:
    """Run a worker in this process until SIGTERM or SIGINT; SIGHUP reloads the configuration.

    Raises `receiver.store.NotMigrated`, `receiver.store.StoreUnavailable`.
    """
    # Signals wait for `sigwait`, in all later threads too, and stay blocked at the end: a second SIGTERM changes
    # nothing.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        _work_until_signalled(path, config, concurrency)
    except (NotMigrated, StoreUnavailable):
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
        raise


def _work_until_signalled(path: Path, config: Config, concurrency: int | None) -> None:
    received: int = signal.SIGHUP
    while received == signal.SIGHUP:
        database = Database(config.database)
        working = _Working(config, database, concurrency=concurrency)
        working.start()
        metrics = serve_metrics(config, database)
        former = config
        while config is former:
            received = signal.sigwait(_SIGNALS)
            if received != signal.SIGHUP:
                break
            config = _reloaded(path, former)
        working.claim_no_more()
        working.end()
        if metrics:
            metrics.stop()
        database.close()


class _Working:
    """A running worker with its own name. `start` raises `StoreUnavailable`, and may be repeated."""

    def __init__(self, config: Config, database: Database, *, concurrency: int | None = None) -> None:
        self._config, self._database, self._concurrency = config, database, concurrency or config.concurrency
        self._presence = ProcessLock(config.database)
        self._worker = Worker(config, database, name=self._presence.name, concurrency=self._concurrency)

    def start(self) -> None:
        for name in self._presence.stale_names():
            freed = Queue(self._database, worker_name=name, lease=self._config.lease).free_own_leases()
            if freed:
                log.warning("leases of a killed process released: leases=%d process=%s", freed, name)
        self._worker.start()
        log.info("worker started: concurrency=%d accounts=%s", self._concurrency, ", ".join(self._config.accounts))

    def claim_no_more(self) -> None:
        self._worker.stop(patience=0)
        log.info("told to stop: nothing new is begun")

    def end(self) -> None:
        """Wait until the work in progress has ended."""
        self._worker.stop(patience=GRACE)
        self._presence.close()


def _reloaded(path: Path, former: Config) -> Config:
    """The configuration from now on: the file's content, or ``former`` if that cannot be used."""
    try:
        config = load(path)
        prepare(config.database)
    except (BadConfig, BrokenCarriers, NotMigrated, StoreUnavailable) as error:
        faults = "; ".join(line.strip(" -") for line in str(error).splitlines())
        log.error("the new configuration cannot be used, the former one stays in force: faults=%s", faults)
        return former
    log.warning("configuration reloaded")
    return config


def _settings(**given: Any) -> dict[str, Any]:
    return {
        "worker_class": WebProcess,
        "logger_class": GunicornLog,
        "errorlog": None,
        "worker_tmp_dir": _HEARTBEATS if Path(_HEARTBEATS).is_dir() else None,
        "timeout": 60,
        "graceful_timeout": GRACE,
        # Longer than proxies keep an idle connection (commonly 60 s): if the proxy closes first, no webhook is lost.
        "keepalive": 75,
        # A proxy's headers about its client are not used, and SCRIPT_NAME as a header would change the path.
        "forwarded_allow_ips": "",
        "control_socket_disable": True,
        "worker_exit": lambda _arbiter, process: process.app.end(),
        **given,
    }


def _check_address(bind: str) -> None:
    """Exit with one line if the address is taken: gunicorn reports it five times in five seconds."""
    host, _, port = bind.rpartition(":")
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host.strip("[]"), int(port)))
    except OSError as error:
        sys.exit(f"cannot listen at {bind}: {error.strerror}")


class _Application(BaseApplication):
    """Gunicorn around `create_app`. The parent only reads the configuration; each child opens its own database."""

    def __init__(self, path: Path, config: Config, settings: Mapping[str, Any], *, work: bool) -> None:
        self._path, self._config, self._settings, self._works = path, config, settings, work
        self._database: Database | None = None
        self._working: _Working | None = None
        self._metrics: MetricsServer | None = None
        super().__init__()

    @property
    def trusted_proxies(self) -> tuple[Network, ...]:
        return self._config.trusted_proxies

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def reload(self) -> None:
        """Reload at SIGHUP, in the parent: new children inherit the configuration."""
        self._config = _reloaded(self._path, self._config)
        super().reload()

    def load(self) -> Any:
        self._database = Database(self._config.database)
        app = create_app(self._config, self._database)
        self._metrics = serve_metrics(self._config, self._database)
        return app

    def start_working(self) -> None:
        """Start the worker, if any. Raises `StoreUnavailable`, and may be repeated."""
        if self._works and self._database:
            self._working = self._working or _Working(self._config, self._database)
            self._working.start()

    def claim_no_more(self) -> None:
        if self._working:
            self._working.claim_no_more()

    def end(self) -> None:
        """Wait for the calls to VTEX, after the requests have ended, then close the database."""
        if self._working:
            self._working.end()
        if self._metrics:
            self._metrics.stop()
        if self._database:
            self._database.close()


class WebProcess(ThreadWorker):
    """A gunicorn child: answers requests, and runs a worker. Every stop signal leads to a graceful stop."""

    app: _Application

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._begun: dict[TConn, float] = {}
        #: Requests that wait because their address has its share of the threads, the oldest first.
        self._waiting: dict[str, deque[TConn]] = {}

    def enqueue_req(self, conn: TConn) -> None:
        """Give a request to a thread, or let it wait: no address holds more than half of them, proxies may."""
        address = _address(conn)
        if self._share_is_taken(address):
            self._waiting.setdefault(address, deque()).append(conn)
            return
        self._begun[conn] = time.monotonic()
        super().enqueue_req(conn)

    def _share_is_taken(self, address: str) -> bool:
        if not address or is_trusted(address, self.app.trusted_proxies):
            return False
        threads: int = self.cfg.threads
        return sum(_address(conn) == address for conn in self._begun) >= max(1, threads // 2)

    def handle(self, conn: TConn) -> Any:
        """Answer a request. Before the connection is closed, take what is left of its body.

        Gunicorn would take 64 KB, and wait for the sender's end up to 2 s in its main thread, which serves all others.
        """
        kept = super().handle(conn)
        if not kept:
            parser: Any = conn.parser
            with contextlib.suppress(Exception):  # closed, cut off, or not HTTP: the answer was given, if there is one
                conn.sock.shutdown(socket.SHUT_WR)
                parser.finish_body(deadline=time.monotonic() + _REST, max_bytes=_REST_BYTES)
            with contextlib.suppress(OSError):  # already closed
                conn.sock.shutdown(socket.SHUT_RDWR)  # no wait for the sender's end
        return kept

    def finish_request(self, conn: TConn, fs: "Future[Any]") -> None:
        self._begun.pop(conn, None)
        super().finish_request(conn, fs)
        for address, waiting in list(self._waiting.items()):
            while waiting and not self._share_is_taken(address):
                self.enqueue_req(waiting.popleft())
            if not waiting:
                del self._waiting[address]

    def notify(self) -> None:
        """Shut down requests that arrive too slowly. Gunicorn calls this about once a second."""
        super().notify()
        late = time.monotonic() - ARRIVAL
        for conn, begun in self._begun.items():
            if begun < late:
                with contextlib.suppress(OSError):  # already closed
                    conn.sock.shutdown(socket.SHUT_RD)  # the thread reads the end, and can still answer

    def load_wsgi(self) -> None:
        """Wait for an unavailable database: if a child failed here, gunicorn would end the parent, too."""
        while self.alive:
            try:
                super().load_wsgi()
                self.app.start_working()
            except StoreUnavailable as error:
                log.error("store unavailable at start, trying again: reason=%s", error)
                self.notify()
                time.sleep(1)
            else:
                return

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop web and worker at the same time."""
        if self.alive:
            self.method_queue.defer(self.app.claim_no_more)  # a signal handler may take no locks
        super().handle_exit(sig, frame)

    handle_quit = handle_exit


def _address(conn: TConn) -> str:
    """The peer's address; nothing for a socket file."""
    return str(conn.client[0]) if isinstance(conn.client, tuple) else ""


class GunicornLog(Logger):
    """Writes gunicorn's own messages to our log."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self.error_log.propagate = True
        self._second, self._many = 0, 0

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        """What could not be parsed is quoted at the end of a message, and may be a secret: it is left out.

        A client that sends nothing but malformed requests gets a few lines a second, and one that counts the others.
        """
        second = int(time.monotonic())
        if second != self._second:
            left_out, self._second, self._many = self._many - _MALFORMED_A_SECOND, second, 0
            if left_out > 0:
                super().warning("messages not logged, too many in one second: messages=%d", left_out)
        self._many += 1
        if self._many > _MALFORMED_A_SECOND:
            return
        super().warning(re.split("['\"]", str(msg))[0], *args, **kwargs)
