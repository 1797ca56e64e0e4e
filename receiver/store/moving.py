"""A whole SQLite database into an empty PostgreSQL one, for a shop that outgrows one host: rows as they are."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Table, delete, func, insert, select
from sqlalchemy.engine import Connection

from receiver.store.engine import NotMigrated, StoreUnavailable, connected
from receiver.store.migrations import HEAD
from receiver.store.people_tables import decisions
from receiver.store.tables import defaults, updates

#: Rows that are copied by one statement.
_BITE = 500
#: Every table: those about people belong to the same metadata.
_TABLES = decisions.metadata.sorted_tables
#: Seconds that the copy waits for a process that is just ending.
_PATIENCE = 3.0


class NotEmpty(Exception):
    """The database holds rows that a copy would mix with others."""


def copy_into(target: str, file: Path) -> int:
    """Copy every row of the SQLite ``file`` into the migrated, empty PostgreSQL database, all or none; how many.

    Raises `NotEmpty`; `NotMigrated` if the file has another schema; `StoreUnavailable`, also while a process uses it.
    """
    with _alone(file) as source, connected(target, writing=True) as connection, connection.begin():
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        for table in _TABLES:
            if table is not defaults and connection.execute(select(table).limit(1)).first() is not None:
                raise NotEmpty(f"the database is not empty, {table.name} has rows: copy into a new one")
        connection.execute(delete(defaults))
        copied = sum(_copied(source, connection, table) for table in _TABLES)
        numbers = func.pg_get_serial_sequence(updates.name, updates.c.id.name)
        connection.execute(select(func.setval(numbers, select(func.max(updates.c.id)).scalar_subquery())))
        return copied


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[sqlite3.Connection]:
    """The file, which no other process uses until this ends: what another one stored meanwhile would be missing."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None, timeout=_PATIENCE)) as source:
        try:
            source.execute("PRAGMA journal_mode=DELETE")  # SQLite leaves WAL only where no other process is connected
            source.execute("BEGIN EXCLUSIVE")
            found = source.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        except sqlite3.Error as error:
            why = f"{file} cannot be copied: {error}"
            raise StoreUnavailable(f"{why}; stop every process of the receiver that uses it") from None
        if found != HEAD:
            why = f"{file} is at revision {found}, this program needs revision {HEAD}"
            raise NotMigrated(f"{why}: run 'receiver migrate' while the configuration names the file")
        yield source


def _copied(source: sqlite3.Connection, connection: Connection, table: Table) -> int:
    names, many = [column.name for column in table.columns], 0
    rows = source.execute(f"SELECT {', '.join(names)} FROM {table.name}")  # noqa: S608  names of our own
    while bite := rows.fetchmany(_BITE):
        connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in bite])
        many += len(bite)
    return many
