"""The open database: one writer, many readers, and the event that wakes a worker in this process."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from weakref import WeakSet

from sqlalchemy import Executable, delete, insert
from sqlalchemy.engine import Connection, RowMapping

from receiver.store.committers import Bulk
from receiver.store.counters import Counters
from receiver.store.engine import (
    REFUSALS,
    SQLITE_PATIENCE,
    StoreUnavailable,
    insert_of,
    is_sqlite,
    open_engine,
    prepare,
    sqlite_file,
    unavailable,
)
from receiver.store.pool import CONNECTIONS, shares
from receiver.store.tables import rejects
from receiver.store.writer import CLOSED, Writer

log = logging.getLogger("receiver.store")
T = TypeVar("T")


def new_id() -> str:
    """A unique id that sorts by time: 48 bits of milliseconds, 12 of microseconds, 52 of chance, in hex."""
    milliseconds, microseconds = divmod(time.time_ns() // 1_000, 1_000)
    return f"{milliseconds:012x}{microseconds:03x}{secrets.randbits(52):013x}"


#: Milliseconds that writers may be held up for the journal to be emptied.
_BRIEFLY = 500
#: As much as a delivery writes with all its rows and indexes: on a full disk, less may still fit where that does not.
_PROBE = "0" * 96 * 1024


class Database:
    """The database at ``url``. ``deadline`` is how many seconds a write may take, if it is not the senders' patience;
    ``connections`` how many to PostgreSQL are open at once. Raises `NotMigrated` or `StoreUnavailable` when opened."""

    def __init__(self, url: str, *, deadline: float | None = None, connections: int = CONNECTIONS) -> None:
        self.url = url
        self.is_sqlite = is_sqlite(url)
        #: ``insert`` with ``on_conflict``, the one construct that differs between the dialects.
        self.insert: Callable[..., Any] = insert_of(url)
        #: Set after every committed delivery; workers of other processes poll instead.
        self.arrived = threading.Event()
        writing, reading = shares(connections)
        self._reader = open_engine(url, writing=False, most=reading)
        prepare(url, self._reader)
        self._writer = Writer(url, deadline=deadline, connections=writing)
        #: Readings row by row. One that is left unfinished has a connection, which ends with the database.
        self._streams: WeakSet[Generator[RowMapping, None, None]] = WeakSet()
        self._closing, self._closed = threading.Lock(), False
        self.counters = Counters(new_id(), insert=self.insert, write_later=self._writer.write_later, rows=self.rows)

    def write(self, transaction: Callable[[Connection], T], *, deadline: float | None = None) -> T:
        """See `receiver.store.writer.Writer.write`."""
        return self._writer.write(transaction, deadline=deadline)

    def write_bulk(self, bulk: Bulk, item: Any) -> Any:
        """See `receiver.store.writer.Writer.write_bulk`."""
        return self._writer.write_bulk(bulk, item)

    @property
    def refuses_writes(self) -> bool:
        """Whether the last write of this process was refused, or not answered in time."""
        return self._writer.is_stalled

    def check_writable(self) -> None:
        """Write a row and delete it: a full disk shows only at the commit. Raises `StoreUnavailable`."""
        empty = dict.fromkeys(("endpoint", "reason", "method", "target"), "")
        probe = {"id": new_id(), "at": 0.0, **empty, "headers": _PROBE}

        def transaction(connection: Connection) -> None:
            connection.execute(insert(rejects), probe)
            connection.execute(delete(rejects).where(rejects.c.id == probe["id"]))

        self._writer.write(transaction, deadline=2.0)

    def rows(self, statement: Executable, parameters: dict[str, Any] | None = None) -> list[RowMapping]:
        """All rows of a query. Raises `StoreUnavailable`."""
        with self.reading() as connection:
            return list(connection.execute(statement, parameters or {}).mappings())

    def each(self, statement: Executable, parameters: dict[str, Any] | None = None) -> Iterator[RowMapping]:
        """Like `rows`, but one row at a time, for large results. Raises `StoreUnavailable` if the database is closed
        before its end, too: what was read by then is not all."""
        stream = self._stream(statement, parameters or {})
        with self._closing:
            self._streams.add(stream)
        yield from stream
        if self._closed:
            raise StoreUnavailable(CLOSED)

    def _stream(self, statement: Executable, parameters: dict[str, Any]) -> Generator[RowMapping, None, None]:
        with self.reading() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="READ COMMITTED")  # cursors exist only in transactions
            with connection.execution_options(yield_per=500).execute(statement, parameters) as result:
                yield from result.mappings()

    def empty_journal(self) -> None:
        """Have what was blanked leave SQLite's journal, too, which keeps former pages until others take their place. A
        long read is in the way: then a line says so, since writers would wait with this. Raises `StoreUnavailable`."""
        if not self.is_sqlite:
            return
        with self.reading() as connection:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={_BRIEFLY}")
            try:
                busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={SQLITE_PATIENCE * 1000:.0f}")
        if busy:
            journal = f"{sqlite_file(self.url).name}-wal"
            log.warning("database in use, its journal keeps what was blanked until the next prune: file=%s", journal)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        try:
            with self._reader.connect() as connection:
                yield connection
        except REFUSALS as error:
            raise unavailable(error) from None

    def close(self) -> None:
        self.counters.flush(now=time.time(), only_if_due=False)
        self._writer.close()
        with self._closing:
            self._closed, left = True, list(self._streams)
        for stream in left:
            with suppress(ValueError, StoreUnavailable):  # another thread reads at this moment; the server is away
                stream.close()
        self._reader.dispose()
