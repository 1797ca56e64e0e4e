"""An endpoint that the configuration gives to another account: what was written stays, everything else goes along."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from receiver.sandbox import create_sandbox, serve
from receiver.store import Attempt, Database, Inbox, IndexChange, Link, Queue, Settlement
from receiver.store.tables import waits
from receiver.store.work.reassigning import reassign_accounts
from tests.support.rig import MELHOR_ENVIO, Rig, eventually, order, package, posted
from tests.support.store_cases import NOW, add_shipments, claim_one, delivery, everything, generation, shipment

HOMES = {"ep": ["second"]}
NAMES = [("order_id", "1-01"), ("tracking_number", "TN1")]


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database, worker_name="a", lease=60.0)


def awaiting(due_at: float | None = NOW + 60, state: str = "awaiting_order") -> Settlement:
    kept = generation(state=state, check_at=due_at, input_digest="b", order_id="1-01")
    return Settlement(due_at=due_at, generation=kept, index=IndexChange(names=tuple(NAMES), named=True))


def waiting(database: Database) -> list[tuple[str, ...]]:
    return sorted(tuple(row.values()) for row in database.rows(select(waits)))


def names_in(account: str) -> list[tuple[str, ...]]:
    return [(account, *name, "ep/p1") for name in NAMES]


def test_waits(database: Database, queue: Queue) -> None:
    """What a shipment waits for is kept under the account in which it waits, also where nothing else changes."""
    add_shipments(database, "ep/p1")
    queue.settle(claim_one(queue), awaiting(), now=NOW)
    assert names_in("lux") == waiting(database)
    Inbox(database).receive(delivery("p1", at=NOW + 1, accounts={"ep/p1": "second"}))
    queue.settle(claim_one(queue, now=NOW + 1, account="second"), awaiting(), now=NOW + 1)

    assert names_in("second") == waiting(database)
    assert [1, 0] == [queue.index.wake(account, NAMES, now=NOW + 2) for account in ("second", "lux")]


@pytest.mark.parametrize("state", ["waiting", "awaiting_order", "awaiting_invoice"])
def test_looks_there(database: Database, queue: Queue, state: str) -> None:
    """Without any news, what is looked for is now looked for in the other account, and found by its names there."""
    add_shipments(database, "ep/p1")
    add_shipments(database, "other/p2", endpoint="other")
    for claim in queue.claim("lux", most=2, now=NOW):
        queue.settle(claim, awaiting(state=state), now=NOW)
    assert {"ep": 1} == reassign_accounts(database, {**HOMES, "other": ["lux"]}, now=NOW)

    assert {"lux": 2, "second": 2} == {
        account: sum(row[0] == account for row in waiting(database)) for account in ("lux", "second")
    }
    claim = claim_one(queue, account="second")
    was = claim.record.generation
    assert ("ep/p1", "due", None, "") == (claim.id, was.state, was.decision.order_id, was.input_digest)


@pytest.mark.parametrize("state", ["held", "gave_up"])
def test_at_rest(database: Database, queue: Queue, state: str) -> None:
    """What only a person, a link or news opens again stays at rest; a link in the other account opens it."""
    add_shipments(database, "ep/p1")
    queue.settle(claim_one(queue), awaiting(None, state), now=NOW)
    assert {"ep": 1} == reassign_accounts(database, HOMES, now=NOW)
    row = shipment(database)
    assert ("second", state, None, "b") == tuple(row[name] for name in ("account", "state", "due_at", "input_digest"))

    told = Link((("tracking_number", "TN1"),), "1-01")
    assert [(), ("ep/p1",)] == [queue.index.link(name, [told], now=NOW)[0].woken for name in ("lux", "second")]


def test_written(database: Database, queue: Queue) -> None:
    """What was written, is being written, or may have been, stays where it is, whatever the carrier says next."""
    add_shipments(database, "ep/sent", sent='{"order": "1-01"}', state="in_step", due_at=None)
    add_shipments(database, "ep/held", sent='{"order": "1-01"}', state="held", due_at=None)
    add_shipments(database, "ep/in-hands", due_at=NOW - 9)
    add_shipments(database, "ep/crashed", due_at=NOW - 8)
    crashed = Queue(database, worker_name="b", lease=1.0)
    lost = {claim.id: claim for claim in crashed.claim("lux", most=2, now=NOW - 5)}
    attempt = Attempt(call="PATCH", order_id="1-01", invoice_number="9", request={})
    crashed.reserve(lost["ep/crashed"], attempt, interval=0.0, now=NOW - 5)
    queue.claim("lux", most=1, now=NOW)
    before = everything(database)

    assert {} == reassign_accounts(database, HOMES, now=NOW)
    assert before == everything(database)
    for name in ("sent", "held"):
        Inbox(database).receive(delivery(name, accounts={f"ep/{name}": "second"}))
    assert {"lux"} == {shipment(database, f"ep/{name}")["account"] for name in ("sent", "held")}


def test_nothing_moved(database: Database, queue: Queue) -> None:
    """Endpoints that stayed, and those that are no longer configured, are left as they are."""
    add_shipments(database, "ep/p1", "ep/p2")
    queue.settle(queue.claim("lux", most=1, now=NOW)[0], awaiting(), now=NOW)
    before = everything(database)

    assert [{}, {}, {}] == [
        reassign_accounts(database, homes, now=NOW)
        for homes in ({"ep": ["lux"]}, {"ep": ["second", "lux"]}, {"another": ["second"]})
    ]
    assert before == everything(database)


@pytest.fixture
def two(rig_on_either: Rig) -> Iterator[tuple[Rig, Any]]:
    """A rig whose endpoint belongs to ``lux``, with another account and its VTEX."""
    other = create_sandbox([order("2-01", package("900")), order("1-01", package("900"))])
    with serve(other) as front:
        rig = rig_on_either
        rig.configure(**_belonging("lux", front.url))
        yield rig, other.extensions["sandbox"]


def _belonging(account: str, url: str) -> dict[str, Any]:
    endpoint = {**MELHOR_ENVIO, "account": account, "events": True}
    return {"accounts": {"second": {"base_url": url}}, "endpoints": {"melhor-envio": endpoint}}


def test_whole(two: tuple[Rig, Any]) -> None:
    """A parcel that lux does not know is written in the other account; one that lux has is told there to its end."""
    rig, second = two
    rig.add_order(order("1-01", package("900")))
    rig.post(posted("1-01"))
    rig.post(posted("2-01", parcel="p2", number="TN2BR"))
    rig.work()
    assert ["in_step", "awaiting_order"] == [rig.shipment(f"melhor-envio/{name}")["state"] for name in ("p1", "p2")]
    rig.configure(**_belonging("second", rig.config.accounts["second"].base_url))
    rig.worker.start()
    eventually(lambda: rig.shipment("melhor-envio/p2")["state"] == "in_step")
    rig.worker.stop()
    rig.post(posted("1-01", event="order.delivered"))
    rig.work()

    assert {"2-01"} == {call.order for call in second.calls if call.method in ("PATCH", "PUT")}
    assert rig.package_of("1-01", "900")["courierStatus"]["finished"]
    rows = [rig.shipment(f"melhor-envio/{name}") for name in ("p1", "p2")]
    assert [("lux", "in_step"), ("second", "in_step")] == [(row["account"], row["state"]) for row in rows]


def test_follows_with_the_next_news(database: Database, queue: Queue) -> None:
    """A shipment follows its endpoint to another account with the next news."""
    box = Inbox(database)
    box.receive(delivery("p1"))
    box.receive(delivery("p1", accounts={"ep/p1": "other"}))

    assert [] == queue.claim("lux", most=9, now=NOW)
    assert ["ep/p1"] == [claim.id for claim in queue.claim("other", most=9, now=NOW)]
