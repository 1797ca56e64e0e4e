"""What a delivery is read as today takes the place of what it was read as before, in the shipment's state too."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, text

from adapters import Shipment, Status
from receiver.shipments import Known, advance, known_from_json, shipment_to_json
from receiver.store import Database, Delivery, Inbox, LeaseLost, OperatorQueries, Queue, Settlement
from receiver.store.tables import updates
from tests.support.store_cases import NOW, claim_one, delivery, generation, shipment


def saying(status: Status, *, hour: int = 12) -> str:
    """An update of parcel p1."""
    at = datetime(2026, 11, 10, hour, tzinfo=UTC)
    return json.dumps(shipment_to_json(Shipment(key="p1", status=status, happened_at=at, tracking_number="TN1")))


def receive(database: Database, said: str, *, dedup: str = "ep:body:1") -> Delivery:
    one = delivery(dedup=dedup, updates=(("ep/p1", said),))
    Inbox(database).receive(one)
    return one


def reread(database: Database, kept: Delivery, *said: str, outcome: str = "accepted", **changes: object) -> None:
    """Store the delivery as it is read now."""
    fresh = replace(kept, updates=tuple(("ep/p1", one) for one in said))
    Inbox(database).reprocess(
        kept.id,
        outcome=outcome,
        reason=None,
        dedup=kept.dedup,
        fresh=fresh,
        **changes,  # type: ignore[arg-type]
    )


def fold_and_settle(database: Database, queue: Queue, *, now: float = NOW) -> Known:
    """What a worker makes of the shipment, stored."""
    claim = claim_one(queue, now=now)
    known, _ = advance(claim.record.known, claim.updates)
    queue.settle(claim, Settlement(due_at=None, generation=generation(), known=known, folded=claim.update_ids), now=now)
    return known_from_json(json.loads(shipment(database)["known"]))


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database, worker_name="w", lease=60)


def test_taken_back(database: Database, queue: Queue) -> None:
    """A delivery that was read as handed over, and is read as returned today, is no delivery any more."""
    kept = receive(database, saying(Status.DELIVERED))
    assert fold_and_settle(database, queue).delivered

    reread(database, kept, saying(Status.RETURNED))
    known = fold_and_settle(database, queue)

    assert (False, "returned") == (known.delivered, known.status and known.status.value)
    assert [(False, True), (True, False)] == [
        (one["folded"], one["replaced"]) for one in OperatorQueries(database).history("ep/p1")["deliveries"]
    ]


def test_the_others_stand(database: Database, queue: Queue) -> None:
    """What other deliveries said of the parcel still counts."""
    receive(database, saying(Status.DISPATCHED, hour=8), dedup="ep:body:0")
    kept = receive(database, saying(Status.DELIVERED))
    fold_and_settle(database, queue)

    reread(database, kept, outcome="ignored")
    known = fold_and_settle(database, queue)

    assert ("dispatched", True, False) == (known.status and known.status.value, known.in_possession, known.delivered)


def test_same(database: Database, queue: Queue) -> None:
    """A delivery that is read as before changes nothing and wakes no one."""
    kept = receive(database, saying(Status.DELIVERED))
    fold_and_settle(database, queue)
    before = shipment(database)

    reread(database, kept, saying(Status.DELIVERED))

    assert before == shipment(database)


def test_lease_revoked(database: Database, queue: Queue) -> None:
    """A worker that has folded the former reading cannot store it any more."""
    kept = receive(database, saying(Status.DELIVERED))
    claim = claim_one(queue)
    reread(database, kept, saying(Status.RETURNED))

    with pytest.raises(LeaseLost):
        queue.settle(claim, Settlement(due_at=None, generation=generation(), folded=claim.update_ids), now=NOW)


def test_oldest_updates_gone(database: Database, queue: Queue) -> None:
    """Where older updates are not stored any more, the shipment keeps what it knew and adds what is new."""
    first = receive(database, saying(Status.DISPATCHED, hour=8), dedup="ep:body:0")
    kept = receive(database, saying(Status.OTHER))
    fold_and_settle(database, queue)
    database.write(lambda connection: connection.execute(delete(updates).where(updates.c.delivery == first.id)))

    reread(database, kept, saying(Status.IN_TRANSIT))
    known = fold_and_settle(database, queue)

    assert ("in_transit", 8) == (known.status and known.status.value, known.first_heard and known.first_heard.hour)


def test_behind(database: Database, queue: Queue) -> None:
    """Many that are read again come behind live work."""
    kept = receive(database, saying(Status.DELIVERED))
    fold_and_settle(database, queue)

    reread(database, kept, bulk=True)

    assert (1, NOW) == (shipment(database)["priority"], shipment(database)["due_at"])


def test_generation_stays(database: Database, queue: Queue) -> None:
    """Of a recycled number, only the present parcel's news is folded again."""
    receive(database, saying(Status.DELIVERED).replace("2026-11", "2026-08"), dedup="ep:body:0")
    fold_and_settle(database, queue)
    later = datetime(2026, 11, 15, tzinfo=UTC)
    said = json.dumps(shipment_to_json(Shipment(key="p1", status=Status.OTHER, happened_at=later, tracking_number="T")))
    kept = receive(database, said)
    assert later == fold_and_settle(database, queue).since

    reread(database, kept, said.replace("other", "in_transit"))
    known = fold_and_settle(database, queue)

    assert (later, False, True) == (known.since, known.delivered, known.in_possession)
    assert 3 == len(database.rows(text("SELECT id FROM updates")))
