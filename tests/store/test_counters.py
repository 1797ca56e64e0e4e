"""What is counted: in the commit that it counts, by several processes, and kept when a process is gone."""

from contextlib import closing

import pytest
from sqlalchemy import text

from receiver.store import Database, Inbox, StoreUnavailable
from receiver.store.counters import ACCEPT_SECONDS, DELIVERIES, REJECTS, Total, buckets
from tests.support.rig import eventually
from tests.support.store_cases import NOW, delivery


def count(database: Database, *labels: str) -> float:
    return database.counters.totals().get((DELIVERIES.name, labels), Total(0, 0)).value


def test_in_the_commit(database: Database) -> None:
    """A delivery and its repeat are counted when they are durable, each under its outcome."""
    for _ in range(3):
        Inbox(database).receive(delivery(dedup="ep:body:1"))

    assert (1, 2) == (count(database, "ep", "accepted"), count(database, "ep", "duplicate"))


def test_not_without_it(database: Database) -> None:
    """What is rolled back is not counted."""

    def transaction(connection) -> None:
        database.counters.add(connection, {(DELIVERIES.name, ("ep", "accepted")): 1.0}, now=NOW)
        raise ValueError

    with pytest.raises(ValueError):
        database.write(transaction)

    assert 0 == count(database, "ep", "accepted")


def test_several_processes(database: Database) -> None:
    """Each process has a row of its own; the total is of all of them, those that ended included."""
    for number in range(3):
        with closing(Database(database.url)) as process:
            Inbox(process).receive(delivery(dedup=f"ep:body:{number}"))

    assert [1, 1, 1] == [row["value"] for row in database.rows(text("SELECT value FROM counters"))]
    assert 3 == count(database, "ep", "accepted")


def test_retired(database: Database) -> None:
    """Rows of processes that ended long ago become one; a process that only slept goes on counting."""
    for number in range(2):
        with closing(Database(database.url)) as process:
            Inbox(process).receive(delivery(dedup=f"ep:body:{number}"))
    Inbox(database).receive(delivery(dedup="ep:body:2"))
    for _ in range(2):
        database.write(lambda connection: database.counters.retire(connection, now=NOW + 2 * 86_400))

    assert [("", 3)] == [tuple(row.values()) for row in database.rows(text("SELECT process, value FROM counters"))]
    Inbox(database).receive(delivery(dedup="ep:body:3"))
    assert 4 == count(database, "ep", "accepted")


def test_last_time(database: Database) -> None:
    """A total knows when it was last added to."""
    for at in (NOW, NOW + 60, NOW + 30):
        Inbox(database).receive(delivery(at=at, dedup=f"ep:body:{at}"))

    assert Total(3, NOW + 60) == database.counters.totals()[DELIVERIES.name, ("ep", "accepted")]


def test_gathered(database: Database) -> None:
    """What no commit is about gathers in memory, and is written within seconds, or when the process ends."""
    with closing(Database(database.url)) as process:
        process.counters.later(REJECTS, "ep", "not_authenticated")
        process.counters.flush(now=NOW)
        assert {} == database.counters.totals()

    assert 1 == database.counters.totals()[REJECTS.name, ("ep", "not_authenticated")].value


def test_gathered_in_outage(sqlite_url: str) -> None:
    """What could not be written is kept for the next time."""
    database = Database(sqlite_url)
    database.counters.later(REJECTS, "ep", "not_authenticated")
    database.write(lambda connection: connection.execute(text("ALTER TABLE counters RENAME TO elsewhere")))
    database.counters.flush(now=NOW, only_if_due=False)
    with pytest.raises(StoreUnavailable):
        database.write(lambda connection: connection.execute(text("SELECT 1 FROM counters")))
    database.write(lambda connection: connection.execute(text("ALTER TABLE elsewhere RENAME TO counters")))
    eventually(lambda: database.counters._gathered)
    database.close()

    with closing(Database(sqlite_url)) as later:
        assert 1 == later.counters.totals()[REJECTS.name, ("ep", "not_authenticated")].value


def test_histogram(database: Database) -> None:
    """Durations become buckets with how many were no longer, and their sum."""
    for seconds in (0.004, 0.02, 0.02, 60.0):
        database.counters.time(ACCEPT_SECONDS, seconds)
    database.counters.flush(now=NOW, only_if_due=False)
    found, total = buckets(ACCEPT_SECONDS, eventually(database.counters.totals))

    assert [("0.005", 1), ("0.01", 1), ("0.025", 3)] == found[:3]
    assert ("+Inf", 4) == found[-1]
    assert pytest.approx(60.044) == total
