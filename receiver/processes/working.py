"""A process that works: ``work``, and what of ``serve`` does the same."""

import logging
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.carriers import BrokenCarriers
from receiver.config import BadConfig, Config, load
from receiver.processes.process_locks import ProcessLock
from receiver.processes.worker import Worker
from receiver.store import Database, NotMigrated, Queue, StoreUnavailable
from receiver.store.engine import prepare

if TYPE_CHECKING:
    from receiver.web.metrics import MetricsServer

log = logging.getLogger("receiver.server")

#: Seconds that requests and calls in progress get at shutdown; a call to VTEX ends within 25.
GRACE = 30
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


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
        working = Working(config, database, concurrency=concurrency)
        working.start()
        metrics = _metrics(config, database)
        former = config
        while config is former:
            received = signal.sigwait(_SIGNALS)
            if received != signal.SIGHUP:
                break
            config = reloaded(path, former)
        working.claim_no_more()
        working.end()
        if metrics:
            metrics.stop()
        database.close()


def _metrics(config: Config, database: Database) -> "MetricsServer | None":
    if not config.metrics.bind:
        return None
    from receiver.web.metrics import serve_metrics  # noqa: PLC0415  a worker without this address needs no Flask

    return serve_metrics(config, database)


class Working:
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
            log.info("told to stop, nothing new is begun")

    def end(self) -> None:
        """Wait until the work in progress has ended."""
        self.claim_no_more()  # a signal between two looks of an idle loop ends it before it hears of the signal
        self._worker.stop(patience=GRACE)
        self._presence.close()


def reloaded(path: Path, former: Config) -> Config:
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
