"""A shipment is in one pair of hands at a time; who lost it changes nothing; nothing that came is lost."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from receiver.shipments import advance, known_to_json
from receiver.store import Attempt, Database, Ending, Inbox, IndexChange, LeaseLost, OperatorQueries, Queue
from receiver.store.tables import BULK, attempts, orders, updates
from receiver.vtex.facts import Fact
from tests.support.store_cases import NOW, add_shipments, apart, claim_one, delivery, everything, settlement, shipment

LEASE = 60.0


@pytest.fixture
def queue(database: Database) -> Queue:
    """A worker's queue on either database."""
    return Queue(database, worker_name="a", lease=LEASE)


@pytest.fixture
def other(database: Database) -> Queue:
    """Another worker's queue on the same database."""
    return Queue(database, worker_name="b", lease=LEASE)


def claim_all(url: str, barrier: Any, answers: Any) -> None:
    """In a process of its own: two threads claim until nothing is due."""
    database = Database(url)
    queue = Queue(database, worker_name="child", lease=LEASE)
    barrier.wait()

    def work(_: int) -> list[str]:
        found: list[str] = []
        while claims := queue.claim("lux", most=5, now=NOW):
            found += [claim.id for claim in claims]
        return found

    with ThreadPoolExecutor(2) as pool:
        answers.put([name for found in pool.map(work, range(2)) for name in found])
    database.close()


def test_oldest_first(database: Database, queue: Queue) -> None:
    """Due shipments are leased oldest first, and not before their time."""
    for number, due_at in enumerate((NOW - 1, NOW + 1, NOW, NOW - 3, NOW - 2)):
        add_shipments(database, f"ep/{number}", due_at=due_at)
    assert ["ep/3", "ep/4"] == [claim.id for claim in queue.claim("lux", most=2, now=NOW)]
    assert ["ep/0", "ep/2"] == [claim.id for claim in queue.claim("lux", most=9, now=NOW)]
    assert [] == queue.claim("lux", most=9, now=NOW)
    assert not queue.something_due("lux", NOW)
    assert queue.something_due("lux", NOW + 1)


def test_live_first(database: Database, queue: Queue) -> None:
    """Live shipments are leased before bulk work that has been due for longer, and bulk work fills the rest."""
    for number in range(3):
        add_shipments(database, f"ep/bulk{number}", due_at=NOW - 9 + number, priority=BULK)
        add_shipments(database, f"ep/live{number}", due_at=NOW - 3 + number)

    assert ["ep/live0", "ep/live1"] == [claim.id for claim in queue.claim("lux", most=2, now=NOW)]
    assert ["ep/live2", "ep/bulk0", "ep/bulk1"] == [claim.id for claim in queue.claim("lux", most=3, now=NOW)]
    assert ["ep/bulk2"] == [claim.id for claim in queue.claim("lux", most=3, now=NOW)]


def test_claim(database: Database, queue: Queue) -> None:
    """A claim brings the shipment's row and its new updates in the order they came."""
    box = Inbox(database)
    ids = [delivery("p1"), delivery("p1"), delivery("p2")]
    for one in ids:
        box.receive(one)
    first, second = sorted(queue.claim("lux", most=9, now=NOW), key=lambda claim: claim.id)
    assert ("ep/p1", "ep", "lux", "due", 2) == (
        first.id,
        first.endpoint,
        first.account,
        first.record.generation.state,
        first.record.update_count,
    )
    assert [one.digest for one in ids[:2]] == [update.digest for update in first.updates]
    assert [ids[2].digest] == [update.digest for update in second.updates]
    assert ("TN1", NOW) == (first.updates[0].shipment.tracking_number, first.updates[0].received_at.timestamp())
    row = shipment(database)
    assert (first.lease.token, "a", NOW + LEASE) == (row["token"], row["worker_name"], row["lease_until"])


def test_one_pair_of_hands(database: Database, database_url: str) -> None:
    """Four threads in two processes claim every shipment exactly once."""
    names = [f"ep/{number:03}" for number in range(150)]
    add_shipments(database, *names)
    barrier, answers = apart.Barrier(2), apart.Queue()
    processes = [apart.Process(target=claim_all, args=(database_url, barrier, answers)) for _ in range(2)]
    for process in processes:
        process.start()
    found = [name for _ in processes for name in answers.get(timeout=60)]
    for process in processes:
        process.join()
    assert names == sorted(found)


def test_lapsed_lease(database: Database, queue: Queue, other: Queue) -> None:
    """A expired lease is taken over with a new token and the same news; before it expires it is not."""
    Inbox(database).receive(delivery("p1"))
    lost = claim_one(queue)
    assert [] == other.claim("lux", most=9, now=NOW + LEASE - 0.001)
    taken = claim_one(other, now=NOW + LEASE)
    assert lost.lease.token != taken.lease.token
    assert lost.update_ids == taken.update_ids
    assert "b" == shipment(database)["worker_name"]


def test_the_old_holder(database: Database, queue: Queue, other: Queue) -> None:
    """Who lost the lease can neither book nor settle, and changes no column of any row."""
    Inbox(database).receive(delivery("p1"))
    lost = claim_one(queue)
    queue.reserve(lost, Attempt(call="GET order", order_id="1-01", id="x"), interval=0.1, now=NOW)
    claim_one(other, now=NOW + LEASE)
    before = everything(database)
    with pytest.raises(LeaseLost):
        queue.reserve(lost, Attempt(call="PATCH", order_id="1-01", invoice_number="9"), interval=0.1, now=NOW + LEASE)
    end = settlement(lost, note="late", reason="internal_error")
    learnt = IndexChange(learnt=(Fact("invoice_number", "9", "1-01", "9"),))
    end = replace(end, endings=(Ending("x", NOW, "done", 200, None),), index=learnt)
    with pytest.raises(LeaseLost):
        queue.settle(lost, end, now=NOW + LEASE)
    assert before == everything(database)


def test_settle(database: Database, queue: Queue) -> None:
    """A settlement writes its columns, gives up the lease, and marks the updates as folded, all at once."""
    Inbox(database).receive(delivery("p1"))
    claim = claim_one(queue)
    queue.reserve(claim, Attempt(call="GET order", order_id="1-01", id="x"), interval=0.1, now=NOW)
    end = replace(
        settlement(claim, NOW + 30, note="written", tries=3, check_at=NOW + 20),
        known=advance(claim.record.known, claim.updates)[0],
        endings=(Ending("x", NOW + 1, "done", 200, "receipt"),),
        index=IndexChange(learnt=(Fact("invoice_number", "9", "1-01", "9"),)),
    )
    before = shipment(database)
    queue.settle(claim, end, now=NOW + 2)
    changed = {"state": "in_step", "note": "written", "tries": 3, "check_at": NOW + 20, "tracking_number": "TN1"}
    changed["normalised_number"] = "TN1"
    changed["known"] = json.dumps(known_to_json(end.known))
    free = {"token": None, "worker_name": None, "lease_until": None, "due_at": NOW + 30, "changed_at": NOW + 2}
    assert {**before, **changed, **free} == shipment(database)
    assert [1] == [row["folded"] for row in database.rows(select(updates.c.folded))]
    [attempt] = database.rows(select(attempts))
    ended = ("finished_at", "outcome", "status", "answer")
    assert (NOW + 1, "done", 200, "receipt") == tuple(attempt[name] for name in ended)
    [fact] = database.rows(select(orders))
    assert ("lux", "invoice_number", "9", "1-01", "9", NOW + 2, NOW + 2) == tuple(fact.values())
    with pytest.raises(LeaseLost):
        queue.settle(claim, end, now=NOW + 3)


def test_news_during_work(database: Database, queue: Queue) -> None:
    """News that comes during work makes the shipment due at once when it is settled, and only the old is taken."""
    box = Inbox(database)
    box.receive(delivery("p1"))
    claim = claim_one(queue)
    late = delivery("p1", at=NOW + 1)
    box.receive(late)
    queue.settle(claim, settlement(claim, NOW + 3600), now=NOW + 2)
    assert NOW + 2 == shipment(database)["due_at"]
    again = claim_one(queue, now=NOW + 2)
    assert [late.digest] == [update.digest for update in again.updates]
    queue.settle(again, settlement(again), now=NOW + 3)
    assert shipment(database)["due_at"] is None


def test_every_update_once(database: Database) -> None:
    """Producers and workers together on few shipments: each update is taken once, and nothing stays behind."""
    box, done = Inbox(database), threading.Event()
    parcels = [f"p{number}" for number in range(4)]

    def produce(thread: int) -> list[str]:
        deliveries = [delivery(*parcels[thread % 2 :]) for _ in range(25)]
        for one in deliveries:
            box.receive(one)
        return [one.digest for one in deliveries for _ in one.updates]

    def work(thread: int) -> list[str]:
        queue, found = Queue(database, worker_name=f"w{thread}", lease=LEASE), []
        while True:
            last = done.is_set()
            claims = queue.claim("lux", most=2, now=NOW)
            for claim in claims:
                found += [update.digest for update in claim.updates]
                queue.settle(claim, settlement(claim), now=NOW)
            if last and not claims and not queue.something_due("lux", NOW):
                return found

    with ThreadPoolExecutor(7) as pool:
        workers = [pool.submit(work, thread) for thread in range(3)]
        said = [digest for found in pool.map(produce, range(4)) for digest in found]
        done.set()
        taken = [digest for worker in workers for digest in worker.result()]
    assert sorted(said) == sorted(taken)
    assert [] == database.rows(select(updates.c.id).where(updates.c.folded == 0))


def test_open_writes(database: Database, queue: Queue, other: Queue) -> None:
    """The PATCHes whose end no one wrote down come with the next claim; an ended one or a GET does not."""
    add_shipments(database, "ep/p1")
    claim = claim_one(queue)
    for number, call in enumerate(("PATCH", "PATCH", "PATCH", "GET order")):
        attempt = Attempt(call=call, order_id="1-01", invoice_number="9", request={"n": number}, id=str(number))
        queue.reserve(claim, attempt, interval=0.0, now=NOW)
    queue.accounts.attempts.end_now([Ending("2", NOW, "done", 200, None)])
    taken = claim_one(other, now=NOW + LEASE)
    assert [("0", {"n": 0}), ("1", {"n": 1})] == [(write.id, write.request) for write in taken.open_writes]


def test_cut_off(database: Database, queue: Queue, other: Queue) -> None:
    """Reads and events that were cut off with their worker get their end at the next claim; a PATCH keeps waiting for
    what the order shows, and what has ended stays."""
    add_shipments(database, "ep/p1")
    claim = claim_one(queue)
    for call in ("GET order", "PATCH", "PUT", "GET read-back"):
        queue.reserve(claim, Attempt(call=call, order_id="1-01", invoice_number="9", id=call), interval=0.0, now=NOW)
    queue.accounts.attempts.end_now([Ending("GET read-back", NOW, "done", 200, None)])
    other.claim("lux", most=9, now=NOW + LEASE)

    ends = {
        one["call"]: (one["outcome"], one["finished_at"])
        for one in OperatorQueries(database).history(claim.id)["attempts"]
    }
    assert {
        "GET order": ("cut off", NOW + LEASE),
        "PATCH": (None, None),
        "PUT": ("cut off", NOW + LEASE),
        "GET read-back": ("done", NOW),
    } == ends


def test_free_own_leases(database: Database, queue: Queue, other: Queue) -> None:
    """A restarted worker gives back what it held, and no one else's."""
    add_shipments(database, "ep/p1", "ep/p2", "ep/p3")
    mine, theirs = queue.claim("lux", most=2, now=NOW), other.claim("lux", most=2, now=NOW)
    assert 2 == queue.free_own_leases()
    assert {claim.id for claim in mine} == {claim.id for claim in queue.claim("lux", most=9, now=NOW)}
    other.settle(theirs[0], settlement(theirs[0]), now=NOW)
    assert 0 == Queue(database, worker_name="c", lease=LEASE).free_own_leases()
