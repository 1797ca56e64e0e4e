"""Connections and migrations: one code path, two dialects."""

import contextlib
import fcntl
import sqlite3
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from receiver.store.migrations import HEAD
from receiver.store.pool import ClosingPool


class StoreUnavailable(Exception):
    """The database is unreachable, locked, full, or too slow. A request that got no 2xx may be sent again."""


class NotMigrated(Exception):
    """The database has another schema than this program; ``receiver migrate`` brings it up to date."""


#: Errors of the database itself, not of a row: unreachable, locked, full, read-only. All others are the row's fault.
REFUSALS = (OperationalError, InterfaceError, InternalError, PoolTimeout)

#: Seconds that a statement waits for SQLite's own locks.
SQLITE_PATIENCE = 3.0
#: Pages of SQLite's journal after which a commit takes them over into the file. Under load a page is written again by
#: each commit, and is taken over once: at SQLite's 1,000 pages, deliveries cost a tenth more.
_JOURNAL_PAGES = 4_000
#: Seconds that a start waits for another process that uses the same SQLite file, for example to migrate it.
_START_PATIENCE = 30.0
#: `RETURNING` came with this version of SQLite.
_OLDEST_SQLITE = (3, 35)
#: The mode of files that are made here: deliveries hold personal data, and are for the receiver's own user.
PRIVATE = 0o600
#: Any number, so long as every program that migrates this database takes the same.
_MIGRATION_LOCK = 7_203_114
#: Waits end, and a writer that was stopped in the middle of a transaction does not block the others.
_SERVER_PATIENCE = "SET lock_timeout = '3s'; SET idle_in_transaction_session_timeout = '{idle}'"
#: How long a process may be frozen within a transaction. A writer's locks would stop all others of its account.
_IDLE_WRITER, _IDLE_READER = "2s", "15s"
#: libpq: a silent server is given up after about 11 s, not after TCP's quarter of an hour.
_NETWORK_PATIENCE = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 11_000,
}


def unavailable(error: Exception) -> StoreUnavailable:
    """One of `REFUSALS` as a `StoreUnavailable`, without the statement and its values."""
    return StoreUnavailable(f"the database refuses: {str(getattr(error, 'orig', None) or error).strip()}")


class Turnstile:
    """A file lock in front of SQLite's own lock. SQLite's writers poll for it and may wait seconds; the kernel queues
    them fairly."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=PRIVATE)
        self._file = path.open("w")

    @contextlib.contextmanager
    def turn(self, *, patience: float | None = None) -> Iterator[None]:
        """Wait for the lock: at most ``patience`` seconds, or without limit if the caller has its own deadline.

        Raises `StoreUnavailable` after ``patience`` seconds.
        """
        if patience is None:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        else:
            self._lock_within(patience)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _lock_within(self, patience: float) -> None:
        ends = time.monotonic() + patience
        while True:  # the kernel's queue has no deadline
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= ends:
                    why = f"another process has held {self._file.name} for {patience:g} s"
                    raise StoreUnavailable(f"{why}; does it migrate, or was it stopped?") from None
                time.sleep(0.05)
            else:
                return

    def close(self) -> None:
        self._file.close()


def is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


def insert_of(url: str) -> Callable[..., Any]:
    """The dialect's own ``insert``, which has ``on_conflict``. Only the dialect that is used is imported."""
    return _insert_of("sqlite" if is_sqlite(url) else "postgresql")


@cache
def _insert_of(dialect: str) -> Callable[..., Any]:
    """One for each dialect, with one statement for each table: its ``excluded`` is a copy of every column, and every
    store of the process would make its own."""
    insert: Callable[..., Any] = import_module(f"sqlalchemy.dialects.{dialect}").insert
    return cache(insert)


def sqlite_file(url: str) -> Path:
    return Path(make_url(url).database or "")


def absent_file(url: str) -> Path | None:
    """The SQLite file at ``url``, if there is none yet: `prepare` would make it."""
    file = sqlite_file(url) if is_sqlite(url) else None
    return file if file is not None and not file.exists() else None


def turnstile_of(url: str) -> Turnstile:
    """The file lock in front of the SQLite database at ``url``."""
    file = sqlite_file(url)
    return Turnstile(file.with_name(file.name + "-turn"))


def open_engine(url: str, *, writing: bool, most: int = 1) -> Engine:
    """An engine for ``url``. Readers see each statement alone (autocommit); writers take the write lock at BEGIN.
    ``most``: connections to PostgreSQL."""
    if is_sqlite(url):
        return _sqlite(url, writing=writing)
    return _postgres(url, writing=writing, most=most)


def _postgres(url: str, *, writing: bool, most: int) -> Engine:
    engine = create_engine(
        url,
        poolclass=ClosingPool,
        pool_size=most,
        max_overflow=0,
        pool_use_lifo=True,
        pool_timeout=4,
        hide_parameters=True,  # the values are deliveries, which must not reach a log
        pool_pre_ping=not writing,
        isolation_level="READ COMMITTED" if writing else "AUTOCOMMIT",
        connect_args={"application_name": "receiver", **_NETWORK_PATIENCE},
    )

    @event.listens_for(engine, "connect")
    def _(raw: Any, _record: Any) -> None:
        raw.execute(_SERVER_PATIENCE.format(idle=_IDLE_WRITER if writing else _IDLE_READER))
        raw.commit()

    return engine


def _sqlite(url: str, *, writing: bool) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        hide_parameters=True,
        pool_size=1 if writing else 8,
        max_overflow=0 if writing else 16,
        pool_timeout=4,
        connect_args={"check_same_thread": False, "timeout": SQLITE_PATIENCE},
    )

    @event.listens_for(engine, "connect")
    def _(raw: sqlite3.Connection, _record: Any) -> None:
        raw.isolation_level = None  # this program sends BEGIN itself
        if writing:
            raw.execute("PRAGMA synchronous=FULL")
            raw.execute(f"PRAGMA wal_autocheckpoint={_JOURNAL_PAGES}")
            raw.execute("PRAGMA secure_delete=ON")  # what is emptied leaves the file, too
        else:
            raw.execute("PRAGMA query_only=ON")

    if writing:

        @event.listens_for(engine, "begin")
        def _(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def prepare(url: str, reader: Engine | None = None) -> None:
    """Make the database ready: SQLite is created, switched to WAL and migrated. PostgreSQL is only checked, by
    ``reader`` if the caller has one: an engine's first connection asks the server for much.

    Raises `NotMigrated`, `StoreUnavailable`.
    """
    if is_sqlite(url):
        _prepare_sqlite(url)
    elif (found := revision(url, reader)) != HEAD:
        state = f"at revision {found}" if found else "empty"
        raise NotMigrated(f"the database is {state}, this program needs revision {HEAD}: run 'receiver migrate'")


def _prepare_sqlite(url: str) -> None:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreUnavailable(f"this Python has SQLite {sqlite3.sqlite_version}; 3.35 or newer is needed")
    file = sqlite_file(url)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=PRIVATE)  # SQLite gives its other files the mode of this one
        turnstile = turnstile_of(url)
    except OSError as error:
        raise StoreUnavailable(f"{file}: {error.strerror}") from None
    with contextlib.closing(turnstile), turnstile.turn(patience=_START_PATIENCE):
        if _in_wal(file) != HEAD:
            migrate(url)


def _in_wal(file: Path) -> str | None:
    """Switch to WAL, and return the schema's revision; ``None`` for an empty database. To switch has no effect inside a
    transaction, and fails when two processes do it at once."""
    try:
        with contextlib.closing(sqlite3.connect(file, isolation_level=None, timeout=10)) as raw:
            mode = raw.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            has_revision = raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            found = raw.execute("SELECT version_num FROM alembic_version").fetchone() if has_revision else None
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{file}: {error}") from None
    if mode != "wal":
        raise StoreUnavailable(f"{file}: SQLite refuses WAL (journal mode {mode}); is it a network share?")
    return found[0] if found else None


def revision(url: str, reader: Engine | None = None) -> str | None:
    """The schema's revision; ``None`` for an empty database. Raises `StoreUnavailable`."""
    with connected(url, writing=False, over=reader) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def migrate(url: str) -> None:
    """Bring the schema up to date, all of it or nothing. Safe to repeat, and to run on several hosts at once.

    Raises `NotMigrated` if a newer program has migrated it already, `StoreUnavailable`.
    """
    from alembic import command  # noqa: PLC0415  a slow import that a running receiver never needs
    from alembic.util import CommandError  # noqa: PLC0415

    with connected(url, writing=True) as connection, connection.begin():
        if not is_sqlite(url):
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        try:
            command.upgrade(alembic_config(connection), "head")
        except CommandError as error:
            raise NotMigrated(f"the database was migrated by a newer program than this one: {error}") from None


def alembic_config(connection: Connection) -> Any:
    """What Alembic's commands need to work over ``connection``."""
    from alembic.config import Config  # noqa: PLC0415  see `migrate`

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextlib.contextmanager
def connected(url: str, *, writing: bool, over: Engine | None = None) -> Iterator[Connection]:
    """A connection of its own, for what is done before a start; ``over`` the caller's engine, or a new one. Nothing of
    it stays open: the process may fork. Raises `StoreUnavailable`."""
    engine = over or open_engine(url, writing=writing)
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise StoreUnavailable(f"the database cannot be made ready: {str(error.orig).strip()}") from None
    finally:
        engine.dispose()
