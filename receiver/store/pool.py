"""Connections to PostgreSQL that a process shares: no more than its share, and none that is idle for long.

Other programs use the server, too, and each connection costs it memory. SQLAlchemy's pool would keep for good what one
busy minute opened.
"""

import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlalchemy.util.queue import Empty

#: Connections of one process to PostgreSQL, if the configuration does not say.
CONNECTIONS = 8
#: Seconds for which a connection that is not used stays open, and between two looks for such.
IDLE, _LOOK_EVERY = 60.0, 15.0
_IDLE_SINCE = "receiver_idle_since"


def shares(connections: int) -> tuple[int, int]:
    """How many of a process' connections write, and how many read. Neither waits for the other: a delivery is stored
    while people look at long lists."""
    reading = connections // 2
    return connections - reading, reading


class ClosingPool(QueuePool):
    """Closes connections that have been idle for long. It is made to hand out the one that was used last, so that those
    which are not needed become idle. ``clock`` is in seconds, and never goes back."""

    # What SQLAlchemy says of its pools is not for our log, whose loggers begin with this package's name.
    _sqla_logger_namespace = "sqlalchemy.pool.ClosingPool"

    def __init__(self, *args: Any, clock: Callable[[], float] = time.monotonic, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._clock = clock
        self._starting = threading.Lock()
        self._closer: threading.Thread | None = None
        self._disposed = threading.Event()

    def close_idle(self) -> None:
        """Close the connections that have been idle for long."""
        stay: list[ConnectionPoolEntry] = []
        now = self._clock()
        try:
            while True:
                entry = self._pool.get(block=False)
                if now - entry.info.get(_IDLE_SINCE, now) >= IDLE:
                    entry.close()
                    self._dec_overflow()
                else:
                    stay.append(entry)
        except Empty:
            for entry in reversed(stay):
                self._pool.put(entry, block=False)

    def dispose(self) -> None:
        super().dispose()
        self._disposed.set()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        record.info[_IDLE_SINCE] = self._clock()
        super()._do_return_conn(record)
        self._close_in_time()

    def _close_in_time(self) -> None:
        """Look for idle ones from time to time, beside what the process does: it may have nothing to do for hours."""
        if self._closer is not None and self._closer.is_alive():  # not inherited by a child: threads are not, either
            return
        with self._starting:
            if self._closer is None or not self._closer.is_alive():
                self._disposed = threading.Event()
                self._closer = threading.Thread(
                    target=_close_idle, args=(weakref.ref(self), self._disposed), name="idle-connections", daemon=True
                )
                self._closer.start()


def _close_idle(pool_of: "weakref.ref[ClosingPool]", disposed: threading.Event) -> None:
    """Until nothing is open: the next connection begins it again."""
    while not disposed.wait(_LOOK_EVERY):
        pool = pool_of()
        if pool is None:
            return
        pool.close_idle()
        if pool.checkedin() + pool.checkedout() == 0:
            return
        del pool
