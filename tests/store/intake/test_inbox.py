"""What was received is on disk, once, whole, and wakes its shipments."""

import contextlib
import json
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
import pytest
from sqlalchemy import Text, cast, column, event, func, select, text, update
from sqlalchemy.exc import DBAPIError

from receiver.store import Database, Delivery, Horizons, Inbox, OperatorQueries, Queue, Receipt, Retention
from receiver.store.intake import inbox
from receiver.store.tables import deliveries, rejects, shipments, updates
from tests.support.loop import Loop
from tests.support.store_cases import (
    NOW,
    apart,
    claim_and_settle,
    delivery,
    everything,
    gathering,
    said,
    shipment,
    until,
)


def count(database: Database, table: Any) -> int:
    return int(database.rows(select(func.count().label("many")).select_from(table))[0]["many"])


def receive_for_ever(url: str, pipe: Any) -> None:
    """In a process of its own: tell an id only after `receive` has returned."""
    box, lock = Inbox(Database(url)), threading.Lock()

    def produce(thread: int) -> None:
        for number in range(1_000_000):
            delivered = delivery(f"{thread}-{number}", dedup=f"ep:{thread}-{number}")
            box.receive(delivered)
            with lock:
                os.write(pipe.fileno(), f"{delivered.id}\n".encode())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(produce, range(4)))


def receive_the_same(url: str, barrier: Any, answers: Any, many: int) -> None:
    """In a process of its own: ``many`` threads receive one and the same event."""
    database = Database(url)
    box, gate = Inbox(database), threading.Barrier(many)

    def produce(_: int) -> tuple[str, bool]:
        delivered = delivery("p1", dedup="ep:event:1")
        if gate.wait() == 0:
            barrier.wait()
        gate.wait()
        receipt = box.receive(delivered)
        return receipt.delivery, receipt.duplicate

    with ThreadPoolExecutor(many) as pool:
        answers.put(list(pool.map(produce, range(many))))
    database.close()


def receive_together(database: Database, items: Iterable[Delivery]) -> list[Any]:
    """Receive all in one commit. Receipts or errors."""
    box, items = Inbox(database), list(items)
    with ThreadPoolExecutor(len(items)) as pool:
        with gathering(database) as gathered:
            futures = [pool.submit(box.receive, item) for item in items]
            until(lambda: gathered() == len(items))
        return [future.exception() or future.result() for future in futures]


def test_durable_when_it_returns(database: Database, database_url: str) -> None:
    """What `receive` has returned for, another connection sees, with its update and its shipment due."""
    delivered = delivery("p1")
    assert Receipt(delivered.id, duplicate=False) == Inbox(database).receive(delivered)
    other = Database(database_url)
    try:
        assert b"{}" == OperatorQueries(other).delivery(delivered.id)["body"]
        assert [delivered.id] == [one["id"] for one in OperatorQueries(other).history("ep/p1")["deliveries"]]
        assert NOW == shipment(other)["due_at"]
    finally:
        other.close()


def test_killed_producer(database: Database, database_url: str) -> None:
    """A producer killed with -9 in full flow loses nothing that it was told was received."""
    ours, theirs = apart.Pipe(duplex=False)
    producer = apart.Process(target=receive_for_ever, args=(database_url, theirs))
    producer.start()
    theirs.close()
    told = b""
    with os.fdopen(os.dup(ours.fileno()), "rb") as lines:
        while told.count(b"\n") < 300:
            told += lines.readline()
        producer.kill()
        told += lines.read()
    ours.close()
    producer.join()
    acknowledged = set(told.decode().split("\n")[:-1])
    statement = select(deliveries.c.id).join(updates, updates.c.delivery == deliveries.c.id)
    statement = statement.join(shipments, shipments.c.id == updates.c.shipment).where(shipments.c.due_at == NOW)
    kept = {row["id"] for row in database.rows(statement)}
    assert set() == acknowledged - kept
    assert count(database, deliveries) == count(database, updates) == count(database, shipments) == len(kept)


def test_all_or_nothing(database: Database) -> None:
    """A delivery whose shipments cannot be stored is not stored either."""
    before = everything(database)
    bad = delivery(updates=(("ep/p1", said()), ("ep/\ud800", said())))
    with pytest.raises((UnicodeError, DBAPIError)):
        Inbox(database).receive(bad)
    assert before == everything(database)


def test_duplicates_for_ever(database: Database) -> None:
    """A repeat is known by its key, also when the body of the first is long emptied, and changes nothing."""
    box = Inbox(database)
    first = delivery("p1", dedup="ep:event:1")
    box.receive(first)
    assert 1 == Retention(database).prune(Horizons(bodies=1, unreadable=1), now=NOW + 86_401).bodies
    before = everything(database)
    database.arrived.clear()
    assert Receipt(first.id, duplicate=True) == box.receive(delivery("p1", dedup="ep:event:1", at=NOW + 9))
    assert before == everything(database)
    assert not database.arrived.is_set()


def test_the_same_fifty_times(database: Database, database_url: str) -> None:
    """Fifty at one instant from three processes are one delivery and one update, and all fifty are told its id."""
    barrier, answers = apart.Barrier(3), apart.Queue()
    processes = [
        apart.Process(target=receive_the_same, args=(database_url, barrier, answers, many)) for many in (17, 17, 16)
    ]
    for process in processes:
        process.start()
    receipts = [receipt for _ in processes for receipt in answers.get(timeout=60)]
    for process in processes:
        process.join()
    [kept] = database.rows(select(deliveries.c.id))
    assert [(kept["id"], False)] + 49 * [(kept["id"], True)] == sorted(receipts, key=lambda one: one[1])
    assert 1 == count(database, updates)
    assert 1 == shipment(database)["update_count"]


def test_wakes_workers(database: Database) -> None:
    """Workers of this process are rung for."""
    database.arrived.clear()
    Inbox(database).receive(delivery("p1"))
    assert database.arrived.is_set()


def test_waking(database: Database) -> None:
    """News makes a resting shipment due, never later than it was, and only its account changes with it, where the news
    is certain of that and nothing was written yet."""
    box, queue = Inbox(database), Queue(database, worker_name="a", lease=60)
    box.receive(delivery("p1"))
    claim_and_settle(queue, note="settled")
    box.receive(delivery("p1", at=NOW + 5))
    assert (NOW + 5, "in_step", "settled", 2) == tuple(
        shipment(database)[name] for name in ("due_at", "state", "note", "update_count")
    )
    box.receive(delivery("p1", at=NOW + 9, account="default"))
    assert "lux" == shipment(database)["account"]
    box.receive(delivery("p1", at=NOW + 9, accounts={"ep/p1": "moved"}))
    assert (NOW + 5, "moved") == (shipment(database)["due_at"], shipment(database)["account"])
    database.write(lambda connection: connection.execute(update(shipments).values(sent="{}")))
    box.receive(delivery("p1", at=NOW + 9, accounts={"ep/p1": "lux"}))
    assert "moved" == shipment(database)["account"]


def transactions(database: Database) -> int:
    """In how many transactions the kept deliveries were written."""
    statement = select(func.count(func.distinct(cast(column("xmin"), Text))).label("many")).select_from(deliveries)
    return int(database.rows(statement)[0]["many"])


def test_group_commit(database: Database) -> None:
    """One commit for all who wait, several deliveries of one shipment among them."""
    commits: list[Any] = []
    event.listen(database._writer.engine, "commit", commits.append)
    items = [delivery("p1"), delivery("p1"), delivery("p2"), delivery("p1", "p2"), delivery("p3")]
    assert [Receipt(item.id, duplicate=False) for item in items] == receive_together(database, items)
    if database.is_sqlite:
        assert 2 == len(commits)  # the first is that behind which the others gathered
    else:
        assert 1 == len(commits) == transactions(database)


def test_of_one_turn(database: Database) -> None:
    """What a web process's loop begins in one turn is committed at once, though nothing holds up the first of them."""
    commits: list[Any] = []
    event.listen(database._writer.engine, "commit", commits.append)
    box, items = Inbox(database), [delivery(f"p{number}") for number in range(5)]
    others_run = partial(threading.Event().wait, 0.05)
    receipts = Loop().run(*(work for item in items for work in (partial(box.receive, item), others_run)))
    assert {item.id for item in items} == {receipt.delivery for receipt in receipts if receipt}
    assert 1 == len(commits)


def test_one_connection(sqlite_url: str) -> None:
    """The thread that commits to SQLite keeps its connection; after a transaction that failed it takes another."""
    taken: list[Any] = []
    with contextlib.closing(Database(sqlite_url)) as sqlite:
        event.listen(sqlite._writer.engine, "checkout", lambda *_: taken.append(1))
        for number in range(3):
            Inbox(sqlite).receive(delivery(f"p{number}"))
        assert 1 == len(taken)

        with pytest.raises(ZeroDivisionError):
            sqlite.write(lambda _: 1 / 0)
        Inbox(sqlite).receive(delivery("p3"))
        assert 2 == len(taken)


def test_no_savepoint(database: Database) -> None:
    """Neither a write alone nor a group of deliveries needs a savepoint."""
    savepoints: list[Any] = []

    def note(_1: Any, _2: Any, statement: str, *_3: Any) -> None:
        if statement.startswith("SAVEPOINT"):
            savepoints.append(statement)

    event.listen(database._writer.engine, "before_cursor_execute", note)
    Inbox(database).receive(delivery("p1"))
    receive_together(database, [delivery("p1"), delivery("p2")])
    with pytest.raises(ZeroDivisionError):
        database.write(lambda _: 1 / 0)

    assert [] == savepoints
    assert 2 == len(OperatorQueries(database).history("ep/p1")["deliveries"])


def test_twins_in_a_group(database: Database) -> None:
    """The same event twice in one group is one delivery."""
    twins = [delivery("p1", dedup="ep:event:1") for _ in range(2)]
    receipts = receive_together(database, twins)
    assert [False, True] == sorted(receipt.duplicate for receipt in receipts)
    assert 1 == len({receipt.delivery for receipt in receipts})
    assert 1 == len(OperatorQueries(database).history("ep/p1")["deliveries"])


def test_a_bad_row_in_a_group(database: Database) -> None:
    """A text that cannot be stored is its sender's misfortune; its neighbours in the same commit are stored."""
    good = [delivery(f"p{number}") for number in range(5)]
    bad = delivery("bad", reason="\ud800")
    outcomes = receive_together(database, [*good[:2], bad, *good[2:]])
    assert isinstance(outcomes.pop(2), UnicodeError | DBAPIError)
    assert [Receipt(item.id, duplicate=False) for item in good] == outcomes
    assert {f"ep/p{number}" for number in range(5)} == {row["id"] for row in OperatorQueries(database).shipments()}


@pytest.fixture
def postgres(migrated_postgres_url: str) -> Iterator[Database]:
    """For what SQLite, with its one writer, does not know."""
    database = Database(migrated_postgres_url)
    yield database
    database.close()


def test_nul_on_postgres(postgres: Database) -> None:
    """PostgreSQL takes no NUL in a text: that delivery is refused, the next one stored."""
    with pytest.raises(DBAPIError):
        Inbox(postgres).receive(delivery("p1", reason="a\x00b"))
    Inbox(postgres).receive(delivery("p2"))
    assert ["ep/p2"] == [row["id"] for row in OperatorQueries(postgres).shipments()]


def test_a_held_row_in_a_group(postgres: Database) -> None:
    """A shipment that someone else has locked delays its own delivery only."""
    box = Inbox(postgres)
    box.receive(delivery("held"))
    with ThreadPoolExecutor(2) as pool, psycopg.connect(postgres.url.replace("+psycopg", "")) as somebody:
        somebody.execute("SELECT * FROM shipments FOR UPDATE")
        with gathering(postgres) as gathered:
            held, free = pool.submit(box.receive, delivery("held")), pool.submit(box.receive, delivery("free"))
            until(lambda: gathered() == 2)
        free.result(timeout=30)
        assert not held.done()
        somebody.rollback()
        assert not held.result(timeout=30).duplicate


def test_keys_in_order(postgres: Database) -> None:
    """Repeats wait for each other's keys: whatever was handed in first, keys are taken in one order."""
    taken: list[str] = []

    def note(_1: Any, _2: Any, statement: str, parameters: Any, _3: Any, _4: Any) -> None:
        if "INTO deliveries" in statement:
            taken.extend(row["dedup"] for row in parameters)

    event.listen(postgres._writer.engine, "before_cursor_execute", note)
    receive_together(postgres, [delivery("p1", dedup=f"ep:key:{number}") for number in (3, 1, 5, 2, 4)])
    assert [f"ep:key:{number}" for number in range(1, 6)] == taken


def test_no_deadlocks(postgres: Database) -> None:
    """Deliveries that speak of the same shipments in opposite orders, or repeat each other in them, do not deadlock."""
    names = [f"p{number}" for number in range(20)]
    processes = [Database(postgres.url) for _ in range(2)]  # each shares its transactions with itself only

    def produce(database: Database, order: list[str]) -> None:
        for _ in range(25):
            Inbox(database).receive(delivery(*order))
        for name in order:
            Inbox(database).receive(delivery(dedup=f"ep:event:{name}", updates=()))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(produce, processes * 4, [names, names[::-1]] * 4))
    assert 200 * 20 == count(postgres, updates)
    assert 220 == count(postgres, deliveries)
    assert 1 == len({shipment(postgres, f"ep/{name}")["update_count"] for name in names})
    for database in (*processes, postgres):
        database.close()
    later = Database(postgres.url)  # a server process counts its deadlocks in when its connection ends
    statement = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert 0 == later.rows(statement)[0]["deadlocks"]
    later.close()


def test_rejects_are_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last senders that were not proven are kept, the oldest forgotten."""
    monkeypatch.setattr(inbox, "MOST_REJECTS", 3)
    ids = iter(f"{number:04}" for number in range(9))
    monkeypatch.setattr(inbox, "new_id", lambda: next(ids))
    for number in range(5):
        Inbox(database).reject(
            endpoint="ep", at=NOW, reason=f"r{number}", cause="c", method="POST", target="/", headers={}
        )
    assert ["r4", "r3", "r2"] == [row["reason"] for row in OperatorQueries(database).rejects()]
    assert 3 == count(database, rejects)


def reprocess(database: Database, kept: Delivery, fresh: Delivery) -> bool:
    return Inbox(database).reprocess(kept.id, outcome=fresh.outcome, reason=None, dedup=fresh.dedup, fresh=fresh)


def test_reprocess(database: Database) -> None:
    """After a fix a kept delivery gets its outcome and key, and its shipments are woken."""
    kept = delivery(outcome="quarantined", reason="$.x: odd", dedup="ep:kept:1", updates=())
    Inbox(database).receive(kept)
    fresh = replace(kept, outcome="accepted", dedup="ep:body:1", updates=(("ep/p1", said()),))
    assert reprocess(database, kept, fresh)
    found = OperatorQueries(database).delivery(kept.id)
    assert ("accepted", None, "ep:body:1") == (found["outcome"], found["reason"], found["dedup"])
    assert [json.loads(said())] == [one["said"] for one in OperatorQueries(database).history("ep/p1")["deliveries"]]
    assert Receipt(kept.id, duplicate=True) == Inbox(database).receive(delivery(dedup="ep:body:1"))


def test_reprocess_again(database: Database) -> None:
    """Reprocessed twice, at the same instant too, a delivery says the same once, and only what is new wakes anybody."""
    kept = delivery(outcome="error", dedup="ep:kept:1", updates=())
    Inbox(database).receive(kept)
    fresh = replace(kept, outcome="accepted", dedup="ep:body:1", updates=(("ep/p1", said()),))
    with ThreadPoolExecutor(4) as pool:
        assert [True] * 4 == list(pool.map(lambda _: reprocess(database, kept, fresh), range(4)))
    assert 1 == count(database, updates)
    assert 1 == shipment(database)["update_count"]
    reprocess(database, kept, replace(fresh, updates=(*fresh.updates, ("ep/p2", said("p2")))))
    assert 1 == shipment(database)["update_count"]
    assert 1 == shipment(database, "ep/p2")["update_count"]


def test_reprocess_a_repeat(database: Database) -> None:
    """What another delivery has said already is not said again."""
    kept = delivery(outcome="quarantined", dedup="ep:kept:1", updates=())
    sent_again = delivery("p1", dedup="ep:body:1")
    for one in (kept, sent_again):
        Inbox(database).receive(one)
    fresh = replace(kept, outcome="accepted", dedup="ep:body:1", updates=(("ep/p1", said()),))
    assert not reprocess(database, kept, fresh)
    found = OperatorQueries(database).delivery(kept.id)
    assert ("duplicate", f"same as {sent_again.id}", "ep:kept:1") == (found["outcome"], found["reason"], found["dedup"])
    assert 1 == count(database, updates)
