"""The long-running processes: ``serve`` (web and worker in one), ``web`` and ``work``."""

import contextlib
import logging
import re
import signal
import socket
import sys
import time
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
from receiver.web.metrics import MetricsServer, serve_metrics

log = logging.getLogger("receiver.server")

#: Seconds that requests and calls in flight get at shutdown; a call to VTEX ends within 25.
GRACE = 30
#: Seconds in which a request must have arrived whole: a sender that fell silent would keep its thread for ever.
ARRIVAL = 30.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: Where gunicorn's processes tell each other that they live: memory, because a busy disk looks like a dead process.
_HEARTBEATS = "/dev/shm"  # noqa: S108  gunicorn makes its files there safely


def serve(path: Path, config: Config, *, bind: str, processes: int = 1, threads: int = 16, work: bool = True) -> None:
    """Run gunicorn until it is told to stop: the web side, and with ``work`` a worker beside it in the same process.

    SIGHUP reads the configuration anew; a faulty one is told of, and the former stays. Ends the process, with one line
    where ``bind`` is taken. Raises `receiver.store.NotMigrated`, `receiver.store.StoreUnavailable` before that.
    """
    prepare(config.database)
    _check_address(bind)
    settings = _settings(bind=bind, workers=processes, threads=threads)
    _Application(path, config, settings, work=work).run()


def work(path: Path, config: Config, *, concurrency: int | None = None) -> None:
    """Run a worker in this process until SIGTERM or SIGINT; SIGHUP reads the configuration anew.

    Raises `receiver.store.NotMigrated`, `receiver.store.StoreUnavailable`.
    """
    # They wait for `sigwait`, in every thread to come, and stay blocked at the end: a second SIGTERM says nothing new.
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
    """A worker at work under a name of its own. Raises `StoreUnavailable` at `start`, which may be repeated."""

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
        """Returns once what was begun has come to its end."""
        self._worker.stop(patience=GRACE)
        self._presence.close()


def _reloaded(path: Path, former: Config) -> Config:
    """What is in force from now on: the file's content, or ``former`` where that cannot be used."""
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
        # Longer than proxies keep an idle connection (commonly 60 s): who closes first loses no webhook to the other.
        "keepalive": 75,
        # Nothing here depends on what a proxy says of its client, and SCRIPT_NAME as a header would change the path.
        "forwarded_allow_ips": "",
        "control_socket_disable": True,
        "worker_exit": lambda _arbiter, process: process.app.end(),
        **given,
    }


def _check_address(bind: str) -> None:
    """Gunicorn tells of a taken address five times in as many seconds; this tells once."""
    host, _, port = bind.rpartition(":")
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host.strip("[]"), int(port)))
    except OSError as error:
        sys.exit(f"cannot listen at {bind}: {error.strerror}")


class _Application(BaseApplication):
    """Gunicorn around `create_app`. The parent only reads the configuration; each child opens what it uses itself."""

    def __init__(self, path: Path, config: Config, settings: Mapping[str, Any], *, work: bool) -> None:
        self._path, self._config, self._settings, self._works = path, config, settings, work
        self._database: Database | None = None
        self._working: _Working | None = None
        self._metrics: MetricsServer | None = None
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def reload(self) -> None:
        """Called at SIGHUP, in the parent: the children to come inherit what it read."""
        self._config = _reloaded(self._path, self._config)
        super().reload()

    def load(self) -> Any:
        self._database = Database(self._config.database)
        app = create_app(self._config, self._database)
        self._metrics = serve_metrics(self._config, self._database)
        return app

    def start_working(self) -> None:
        """Raises `StoreUnavailable`, and may be repeated."""
        if self._works and self._database:
            self._working = self._working or _Working(self._config, self._database)
            self._working.start()

    def claim_no_more(self) -> None:
        if self._working:
            self._working.claim_no_more()

    def end(self) -> None:
        """The requests have ended; now the calls to VTEX, and last what both need."""
        if self._working:
            self._working.end()
        if self._metrics:
            self._metrics.stop()
        if self._database:
            self._database.close()


class WebProcess(ThreadWorker):
    """A gunicorn child: answers requests, and works beside them. However it is told to stop, it stops in good order."""

    app: _Application

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._begun: dict[TConn, float] = {}

    def enqueue_req(self, conn: TConn) -> None:
        self._begun[conn] = time.monotonic()
        super().enqueue_req(conn)

    def finish_request(self, conn: TConn, fs: "Future[Any]") -> None:
        self._begun.pop(conn, None)
        super().finish_request(conn, fs)

    def notify(self) -> None:
        """Called about once a second."""
        super().notify()
        late = time.monotonic() - ARRIVAL
        for conn, begun in self._begun.items():
            if begun < late:
                with contextlib.suppress(OSError):  # already closed
                    conn.sock.shutdown(socket.SHUT_RD)  # the thread reads an end, and can still answer

    def load_wsgi(self) -> None:
        """A child whose store is away waits for it: gunicorn would end the parent, too."""
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
        """Web and worker use the time to the end together."""
        if self.alive:
            self.method_queue.defer(self.app.claim_no_more)  # a signal handler may take no locks
        super().handle_exit(sig, frame)

    handle_quit = handle_exit


class GunicornLog(Logger):
    """Gunicorn's own messages as lines of our log."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self.error_log.propagate = True

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        """What could not be parsed is quoted at the end of a message, and may be a secret: it is left out."""
        super().warning(re.split("['\"]", str(msg))[0], *args, **kwargs)
