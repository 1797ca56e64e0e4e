"""The long-running processes: ``serve`` (web and worker in one), ``web`` and ``work``."""

import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from receiver.carriers import BrokenCarriers
from receiver.config import BadConfig, Config, load
from receiver.notify.store_away import Watch
from receiver.notify.task import NotifyTask
from receiver.processes.process_locks import ProcessLock
from receiver.processes.web_process import GunicornLog, Served, WebProcess
from receiver.processes.worker import Worker
from receiver.store import Database, NotMigrated, Queue, StoreUnavailable
from receiver.store.engine import prepare
from receiver.web.app import create_app
from receiver.web.clients import Network
from receiver.web.metrics import MetricsServer, serve_metrics

log = logging.getLogger("receiver.server")

#: Seconds that requests and calls in progress get at shutdown; a call to VTEX ends within 25.
GRACE = 30
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
        database = Database(config.database, connections=config.database_connections)
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
        self._stops = False

    def start(self) -> None:
        for name in self._presence.stale_names():
            freed = Queue(self._database, worker_name=name, lease=self._config.lease).free_own_leases()
            if freed:
                log.warning("leases of a killed process released: leases=%d process=%s", freed, name)
        self._worker.start()
        log.info("worker started: concurrency=%d accounts=%s", self._concurrency, ", ".join(self._config.accounts))

    def claim_no_more(self) -> None:
        """Begin nothing new. May be repeated."""
        if not self._stops:
            self._stops = True
            self._worker.stop(patience=0)
            log.info("told to stop: nothing new is begun")

    def end(self) -> None:
        """Wait until the work in progress has ended."""
        self.claim_no_more()  # a signal between two looks of an idle loop ends it before it hears of the signal
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


class _Application(Served):
    """Gunicorn around `create_app`. The parent only reads the configuration; each child opens its own database."""

    def __init__(self, path: Path, config: Config, settings: Mapping[str, Any], *, work: bool) -> None:
        self._path, self._config, self._settings, self._works = path, config, settings, work
        self._database: Database | None = None
        self._working: _Working | None = None
        self._metrics: MetricsServer | None = None
        self._watch: Watch | None = None
        self._stopping = threading.Event()
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
        self._database = Database(self._config.database, connections=self._config.database_connections)
        app = create_app(self._config, self._database)
        self._watch = app.extensions.get("store_watch")
        self._metrics = serve_metrics(self._config, self._database)
        return app

    def start_working(self) -> None:
        """Start the worker, if any. Raises `StoreUnavailable`, and may be repeated."""
        if self._works and self._database:
            self._working = self._working or _Working(self._config, self._database)
            self._working.start()
        elif self._database:
            self._tell(self._database)

    def _tell(self, database: Database) -> None:
        """Beside the requests, tell people what workers would tell, where no worker does."""
        telling = NotifyTask(self._config, database, clock=time.time, stands_in=True, store=self._watch)
        threading.Thread(target=telling.run, args=(self._stopping,), name="notify", daemon=True).start()

    def claim_no_more(self) -> None:
        self._stopping.set()
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
