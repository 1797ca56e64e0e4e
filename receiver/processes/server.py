"""The long-running processes that answer requests: ``serve`` (web and worker in one) and ``web``."""

import logging
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from receiver.config import Config
from receiver.notify.store_away import Watch
from receiver.notify.task import NotifyTask
from receiver.processes.chunks import bound_chunks
from receiver.processes.gunicorn_log import GunicornLog
from receiver.processes.open_files import room_for_connections
from receiver.processes.web_process import Served, WebProcess
from receiver.processes.working import GRACE, Working, reloaded
from receiver.store import Database
from receiver.store.engine import prepare
from receiver.web.app import create_app
from receiver.web.clients import Network
from receiver.web.metrics import MetricsServer, serve_metrics

log = logging.getLogger("receiver.server")

#: The folder of gunicorn's heartbeat files: in memory, because a busy disk looks like a dead process.
_HEARTBEATS = "/dev/shm"  # noqa: S108  gunicorn makes its files there safely


def serve(path: Path, config: Config, *, bind: str, processes: int = 1, threads: int = 16, work: bool = True) -> None:
    """Run gunicorn until it is stopped: the web side, and with ``work`` a worker in the same process.

    SIGHUP reloads the configuration; a faulty one is logged, and the previous one stays. Ends the process, with one
    line if ``bind`` is taken. Raises `receiver.store.NotMigrated`, `receiver.store.StoreUnavailable` before that.
    """
    prepare(config.database)
    _check_address(bind)
    connections = room_for_connections()
    settings = _settings(bind=bind, workers=processes, threads=threads, worker_connections=connections)
    _Application(path, config, settings, work=work).run()


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
        # Carriers send ten to twenty headers, proxies add as many.
        "limit_request_fields": 64,
        "pre_request": bound_chunks,
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
        self._working: Working | None = None
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
        self._config = reloaded(self._path, self._config)
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
            self._working = self._working or Working(self._config, self._database)
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
