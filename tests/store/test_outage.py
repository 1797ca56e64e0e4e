"""A store that is locked, away, full or stopped: the sender hears it in time, nothing is half-written, and it recovers
by itself."""

import contextlib
import gc
import os
import resource
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import Connection

from receiver.store import Database, Inbox, OperatorQueries, Queue, StoreUnavailable
from receiver.store.engine import turnstile_of
from receiver.store.tables import shipments
from tests.support.rig import Rig
from tests.support.store_cases import apart, delivery, everything, gathering, shipment, until

#: What a sender waits for its 503, in seconds.
MOST = 4.5


@pytest.fixture
def postgres(migrated_postgres_url: str) -> Iterator[Database]:
    """A PostgreSQL database whose settings a test may change."""
    database = Database(migrated_postgres_url)
    yield database
    database.close()


def raw(url: str) -> "psycopg.Connection[Any]":
    return psycopg.connect(url.replace("+psycopg", ""))


@contextlib.contextmanager
def locked(url: str) -> Iterator[None]:
    """Someone else has the whole store."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            yield
            holder.execute("ROLLBACK")
    else:
        with raw(url) as holder:
            holder.execute("LOCK TABLE shipments IN ACCESS EXCLUSIVE MODE")
            yield
            holder.rollback()


def refused(database: Database) -> float:
    """How many seconds it takes to hear that a delivery cannot be stored."""
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable):
        Inbox(database).receive(delivery("p1"))
    return time.monotonic() - begun


def test_locked(database: Database) -> None:
    """Locked by someone else: each of many senders is told in time, the next at once, and after it all goes on."""
    with locked(database.url):
        with ThreadPoolExecutor(8) as pool:
            assert MOST > max(pool.map(refused, [database] * 8))
        assert 1.0 > refused(database)
    until(lambda: not database._writer._stalled)
    kept = delivery("after")
    Inbox(database).receive(kept)
    assert kept.id == OperatorQueries(database).delivery(kept.id)["id"]
    database.check_writable()


def test_stopped_neighbour(sqlite_url: str) -> None:
    """A process stopped in the middle of its turn: senders are told in time, what they sent is not hoarded, and when
    the turn is given back the store goes on."""
    database = Database(sqlite_url)
    turnstile = turnstile_of(sqlite_url)
    with turnstile.turn():
        assert MOST > refused(database)
        given_up = delivery("given-up", body=bytes(1000))
        hoarded = weakref.ref(_in_a_closure(database, given_up))
        gc.collect()
        assert hoarded() is None
    turnstile.close()
    until(lambda: not database._writer._stalled)
    Inbox(database).receive(delivery("after"))
    assert "ep/given-up" not in {row["id"] for row in OperatorQueries(database).shipments()}
    database.close()


def _in_a_closure(database: Database, given_up: object) -> Any:
    def work(_: Connection) -> object:
        return given_up

    with contextlib.suppress(StoreUnavailable):
        database.write(work)
    return work


def test_slow_is_not_away(database: Database) -> None:
    """Once it was too slow the next ask only briefly; a write that lands late ends that, though no one waits for it."""
    slow = Event()
    with pytest.raises(StoreUnavailable, match="in time"):
        database.write(lambda _: slow.wait(10), deadline=0.05)
    assert database._writer._stalled
    slow.set()
    until(lambda: not database._writer._stalled)


def test_workers_keep_their_patience(database: Database) -> None:
    """What a worker records is worth a longer wait, also while senders are refused at once."""
    go = Event()
    database._writer._stalled = True
    with ThreadPoolExecutor(1) as pool:
        patient = pool.submit(database.write, lambda _: go.wait(10), deadline=15.0)
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable):
            database.write(lambda _: go.wait(10))
        assert 1.0 > time.monotonic() - begun
        go.set()
        assert patient.result()


def test_a_mistake_is_no_outage(database: Database) -> None:
    """What the work itself raises comes back as it is, and says nothing against the store."""
    with pytest.raises(ZeroDivisionError):
        database.write(lambda _: 1 / 0)
    assert not database._writer._stalled


def test_server_connections_cut(postgres: Database) -> None:
    """Connections cut by the server between two writes, or two reads: the next ones succeed."""
    Inbox(postgres).receive(delivery("p1"))
    list(OperatorQueries(postgres).shipments())
    with raw(postgres.url) as server:
        cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'receiver'"
        row = server.execute(f"{cut} AND datname = current_database()").fetchone()
    assert row is not None
    assert 2 <= row[0]
    Inbox(postgres).receive(delivery("p1"))
    assert ["due"] == [row["state"] for row in OperatorQueries(postgres).shipments()]
    assert 2 == shipment(postgres)["update_count"]


def test_a_broken_commit(postgres: Database) -> None:
    """A connection that breaks at the commit is not tried again: it may have been made, and the caller hears so."""
    with raw(postgres.url) as server:
        server.execute(
            "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END$$"
        )
        server.execute(
            "CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON rejects DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION cut()"
        )
    rounds: list[int] = []

    def work(connection: Connection) -> None:
        rounds.append(1)
        connection.exec_driver_sql("INSERT INTO rejects VALUES ('x', '', 0, '', '', '', '')")

    with pytest.raises(StoreUnavailable):
        postgres.write(work)
    assert [1] == rounds
    Inbox(postgres).receive(delivery("p1"))


def test_stopped_writers_are_cut(postgres: Database) -> None:
    """The server itself ends a transaction whose process was stopped, before anybody else's patience does."""
    names = ("lock_timeout", "idle_in_transaction_session_timeout")
    settings = [postgres.write(lambda c, name=name: c.exec_driver_sql(f"SHOW {name}").scalar()) for name in names]
    assert ["3s", "2s"] == settings


def test_frozen_neighbour(postgres: Database) -> None:
    """A worker that froze with an account's row in its hands delays no call of that account, of another, and no
    delivery by three seconds."""
    queue = Queue(postgres, worker_name="a", lease=60)
    queue.accounts.pause("lux", until=0.0, reason="made", own_fault=False)
    begun, thawed = Event(), Event()
    frozen = Database(postgres.url)

    def freeze(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE accounts SET next_slot_at = 0 WHERE name = 'lux'")
        begun.set()
        thawed.wait(10)

    def took(work: Callable[[], Any]) -> float:
        started = time.monotonic()
        work()
        return time.monotonic() - started

    def reserve(account: str) -> float:
        return took(lambda: queue.accounts.reserve_read(account, interval=0.0, now=0.0))

    with ThreadPoolExecutor(24) as pool:
        stopped = pool.submit(frozen.write, freeze, deadline=15.0)
        begun.wait(10)
        calls = [pool.submit(reserve, account) for account in ["lux"] * 16 + ["other"] * 4]
        assert 0.5 > took(lambda: Inbox(postgres).receive(delivery("p99")))
        assert 3.0 > max(one.result() for one in calls)
        thawed.set()
        with contextlib.suppress(StoreUnavailable):
            stopped.result()
    frozen.close()


def test_read_only(postgres: Database) -> None:
    """A standby that takes no writes is an outage, not a mistake of ours; and readiness sees it."""
    with raw(postgres.url) as server:
        server.execute(f'ALTER DATABASE "{server.info.dbname}" SET default_transaction_read_only = on')
    later = Database(postgres.url)
    assert MOST > refused(later)
    with pytest.raises(StoreUnavailable, match="read-only"):
        later.check_writable()
    later.close()


def test_refused_together(sqlite_url: str) -> None:
    """What the database refuses to a whole group it is not asked again row by row, on top of a broken transaction."""
    database = Database(sqlite_url)
    asked: list[list[Any]] = []

    def bulk(connection: Connection, items: list[Any]) -> list[Any]:
        asked.append(items)
        connection.exec_driver_sql("SELECT * FROM nowhere")
        return items

    with ThreadPoolExecutor(2) as pool:
        with gathering(database) as gathered:
            futures = [pool.submit(database.write_bulk, bulk, number) for number in range(2)]
            until(lambda: gathered() == 2)
        assert [StoreUnavailable] * 2 == [type(future.exception()) for future in futures]
    assert [[0, 1]] == [sorted(items) for items in asked]
    database.close()


def test_disk_full(sqlite_url: str) -> None:
    """A full database: refused whole, also in a group, earlier rows intact; with room again it goes on."""
    database = Database(sqlite_url)
    box = Inbox(database)
    box.receive(delivery("before"))
    pages = database.write(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar())
    database.write(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}").scalar())
    before = everything(database)
    with pytest.raises(StoreUnavailable, match="full"):  # a probe of a few bytes would still fit
        database.check_writable()
    big = [delivery(f"p{number}", body=bytes(50_000)) for number in range(8)]

    def receive(item: Any) -> BaseException | None:
        try:
            box.receive(item)
        except StoreUnavailable as error:
            return error
        return None

    with ThreadPoolExecutor(8) as pool, gathering(database) as gathered:
        outcomes = pool.map(receive, big)
        until(lambda: gathered() == len(big))
    told = {str(error) for error in outcomes}
    assert {"the database refuses: database or disk is full"} == told
    assert before == everything(database)
    database.write(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 100000").scalar())
    box.receive(big[0])
    assert big[0].body == OperatorQueries(database).delivery(big[0].id)["body"]
    database.close()


def fill_the_disk(url: str, answers: Any) -> None:
    """In a process of its own, whose files may not grow."""
    database = Database(url)
    box = Inbox(database)
    kept = delivery("before")
    box.receive(kept)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    wal = Path(url.removeprefix("sqlite:///") + "-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal + 2_000, hard))
    told = []
    for attempt in (lambda: box.receive(delivery("full", body=bytes(50_000))), database.check_writable):
        try:
            attempt()
        except StoreUnavailable:
            told.append("unavailable")
    stories = [row["id"] for row in OperatorQueries(database).shipments()]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    database.check_writable()
    box.receive(delivery("after"))
    answers.put((told, stories, sorted(row["id"] for row in OperatorQueries(database).shipments())))
    database.close()


def test_no_room_for_the_log(sqlite_url: str) -> None:
    """A disk that takes no more bytes: refused whole, seen by readiness, and over when there is room again."""
    answers = apart.Queue()
    process = apart.Process(target=fill_the_disk, args=(sqlite_url, answers))
    process.start()
    assert (["unavailable"] * 2, ["ep/before"], ["ep/after", "ep/before"]) == answers.get(timeout=30)
    process.join()


def test_closed(database: Database) -> None:
    """What was handed in before the end is written; who comes later is told at once, and no thread stays."""
    kept = delivery("p1")
    Inbox(database).receive(kept)
    database.close()
    assert 1.0 > refused(database)
    database.close()
    left = {"committer", "writer", "sharer"} & {thread.name.split("_")[0] for thread in threading.enumerate()}
    assert set() == left


def test_closed_while_reading(database: Database) -> None:
    """A reading that someone left after its first row ends with the database, and its connection with it. Who goes on
    is told so, and does not take a part for all."""
    for parcel in ("p1", "p2"):
        Inbox(database).receive(delivery(parcel))
    rows = OperatorQueries(database).shipments()
    assert next(rows)

    database.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        list(rows)


def test_closed_meanwhile(migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database may be closed while another thread begins its first write, as where a process ends at once."""
    database, start, faults = Database(migrated_sqlite_url), threading.Thread.start, list[Exception]()

    def closes_first(thread: threading.Thread) -> None:
        try:
            database.close()
        except RuntimeError as error:
            faults.append(error)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", closes_first)
    with contextlib.suppress(StoreUnavailable):
        Inbox(database).receive(delivery("p1"))
    database.close()

    assert [] == faults
    assert "committer" not in [thread.name for thread in threading.enumerate()]


def write_on_both_sides(url: str, answers: Any) -> None:
    """In a process of its own: open, fork, write here and there."""
    database = Database(url)
    child = os.fork()
    Inbox(database).receive(delivery("child" if child == 0 else "parent"))
    if child == 0:
        os._exit(0)
    _, status = os.waitpid(child, 0)
    answers.put((status, sorted(row["id"] for row in OperatorQueries(database).shipments())))
    database.close()


def test_fork(database_url: str) -> None:
    """A server may open the store and then fork, as gunicorn does with --preload, if nothing was written yet."""
    answers = apart.Queue()
    process = apart.Process(target=write_on_both_sides, args=(database_url, answers))
    process.start()
    assert (0, ["ep/child", "ep/parent"]) == answers.get(timeout=30)
    process.join()


def test_errors_do_not_quote(rig: Rig) -> None:
    """A database's refusal, as the log shows it, does not quote what was to be stored."""
    with pytest.raises(Exception, match="hidden") as caught:
        rig.database.write(lambda c: c.execute(shipments.insert(), {"id": "Rua das Flores"}))

    assert "Flores" not in str(caught.value)
