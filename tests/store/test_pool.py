"""Connections to PostgreSQL: no more than the setting, under any load, and none that is idle for long."""

import ast
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text

from receiver.store import Database, Inbox, pool
from receiver.store.pool import IDLE, ClosingPool, shares
from tests.support.paths import ROOT
from tests.support.store_cases import delivery, until

MOST = 6
_OPEN = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'receiver'"


@pytest.fixture
def database(migrated_postgres_url: str) -> Iterator[Database]:
    database = Database(migrated_postgres_url, connections=MOST)
    yield database
    database.close()


@pytest.fixture
def seen(migrated_postgres_url: str) -> Iterator["psycopg.Connection[tuple[int]]"]:
    """The server's own view."""
    with psycopg.connect(migrated_postgres_url.replace("+psycopg", ""), autocommit=True) as server:
        yield server


def opened(server: "psycopg.Connection[tuple[int]]") -> int:
    row = server.execute(_OPEN).fetchone()
    assert row is not None
    return row[0]


def pools(database: Database) -> list[ClosingPool]:
    found = [engine.pool for engine in (database._reader, database._writer.engine)]
    assert all(isinstance(one, ClosingPool) for one in found)
    return found  # type: ignore[return-value]


def crowd(database: Database, server: "psycopg.Connection[tuple[int]]") -> int:
    """The most connections while many threads write, store deliveries, and read, more than there are connections."""
    slow = text("SELECT pg_sleep(0.02)")
    most = 0
    with ThreadPoolExecutor(30) as threads:
        busy = [threads.submit(database.write, lambda connection: connection.execute(slow)) for _ in range(30)]
        busy += [threads.submit(database.rows, slow) for _ in range(30)]
        stored = [threads.submit(Inbox(database).receive, delivery(f"p{number}")) for number in range(30)]
        while not all(one.done() for one in (*busy, *stored)):
            most = max(most, opened(server))
        for one in (*busy, *stored):
            one.result()
    return most


def test_bounded(database: Database, seen: "psycopg.Connection[tuple[int]]") -> None:
    """Thirty threads share the connections of the process; each gets its turn, and none is refused."""
    assert MOST == crowd(database, seen)


def test_idle(database: Database, seen: "psycopg.Connection[tuple[int]]") -> None:
    """What a busy minute opened is closed once it was idle for long; what is in use stays. Later work opens more."""
    now = 0.0
    for one in pools(database):
        one._clock = lambda: now
    crowd(database, seen)
    now = IDLE - 1
    database.rows(text("SELECT 1"))
    now = IDLE
    for one in pools(database):
        one.close_idle()
    until(lambda: opened(seen) == 1)
    now = 3 * IDLE
    with database.reading() as connection:
        for one in pools(database):
            one.close_idle()
        assert 1 == connection.execute(text("SELECT 1")).scalar()
    assert MOST == crowd(database, seen)


def test_closed_beside(database: Database, seen: "psycopg.Connection[tuple[int]]", monkeypatch) -> None:
    """Idle ones are closed although the process does nothing more, and again after the next work."""
    monkeypatch.setattr(pool, "IDLE", 0.0)
    monkeypatch.setattr(pool, "_LOOK_EVERY", 0.02)
    for _ in range(2):
        database.rows(text("SELECT 1"))
        database.write(lambda _: time.time())
        until(lambda: opened(seen) == 0)


def test_ended(database: Database) -> None:
    """With the database end the threads that close its idle connections."""
    database.rows(text("SELECT 1"))
    database.write(lambda _: None)
    closers = [one._closer for one in pools(database)]
    database.close()
    for one in closers:
        assert one is not None
        one.join(5)

    assert [False, False] == [one.is_alive() for one in closers if one is not None]


@pytest.mark.parametrize(("connections", "expected"), [(4, (2, 2)), (5, (3, 2)), (8, (4, 4))])
def test_shares(connections: int, expected: tuple[int, int]) -> None:
    """Two write at least: one stores what arrives, and another what waits for a lock."""
    assert expected == shares(connections)


def test_setting_counts() -> None:
    """Every part that opens the configured database opens it with the configured bound."""
    calls = [
        node
        for file in sorted((ROOT / "receiver").rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Database"
    ]
    assert len(calls) >= 5
    assert [] == [ast.unparse(call) for call in calls if "connections" not in {word.arg for word in call.keywords}]
