"""Rows that another version wrote: one of them harms no other shipment."""

import logging

import pytest
from sqlalchemy import select, update

from receiver.store import Database, Inbox, Queue
from receiver.store.tables import shipments, updates
from tests.support.store_cases import NOW, add_shipments, delivery, shipment


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database, worker_name="a", lease=60.0)


def test_unreadable_state(database: Database, queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    """A shipment whose stored state cannot be read is set aside and told of; its account goes on working."""
    add_shipments(database, "ep/odd", "ep/sound", due_at=NOW)
    database.write(lambda c: c.execute(update(shipments).where(shipments.c.id == "ep/odd").values(known="[]")))

    with caplog.at_level(logging.ERROR):
        assert ["ep/sound"] == [claim.id for claim in queue.claim("lux", most=9, now=NOW)]

    odd = shipment(database, "ep/odd")
    assert (None, NOW + 3600.0) == (odd["token"], odd["due_at"])
    assert ["ep/odd"] == [record.args[0] for record in caplog.records]


def test_unreadable_update(database: Database, queue: Queue) -> None:
    """News that cannot be read stays new; the rest of the shipment's news is handed out."""
    box = Inbox(database)
    for _ in range(2):
        box.receive(delivery("p1"))
    first = database.rows(select(updates).order_by(updates.c.id))[0]["id"]
    database.write(lambda c: c.execute(update(updates).where(updates.c.id == first).values(said='{"key": "p1"}')))

    claims = queue.claim("lux", most=9, now=NOW)

    assert 1 == len(claims)
    assert first not in claims[0].update_ids
    assert 1 == len(claims[0].updates)
