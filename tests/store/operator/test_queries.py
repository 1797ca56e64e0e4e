"""What a person sees, and that what a person decides stands."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from receiver.store import Attempt, Database, Ending, Inbox, Index, LeaseLost, Link, OperatorQueries, Queue
from receiver.store.operator.bulk import BulkDecisions
from receiver.store.operator.deciding import Changed, ShipmentDecisions
from receiver.store.operator.queries import Unknown
from receiver.store.operator.shipment_filter import ShipmentFilter
from receiver.store.tables import BULK, deliveries
from tests.support.store_cases import NOW, add_shipments, claim_one, delivery, everything, settlement, shipment

OPEN_AGAIN = {
    "state": "due",
    "reason": None,
    "note": "",
    "due_at": NOW + 9,
    "check_at": 0.0,
    "input_digest": "",
    "tries": 0,
    "waits": 0,
    "wanted_since": None,
    "changed_at": NOW + 9,
}
HELD: dict[str, Any] = {
    "state": "held",
    "reason": "ambiguous_invoice",
    "note": "the former look's words",
    "due_at": None,
    "check_at": None,
    "input_digest": "abc",
    "tries": 3,
    "waits": 4,
    "wanted_since": NOW,
    "tracking_number": "TN1",
    "sent": '{"trackingNumber": "TN1", "order": "1-01", "invoice": "8"}',
}


@pytest.fixture
def queue(database: Database) -> Queue:
    """A worker's queue on either database."""
    return Queue(database, worker_name="a", lease=60.0)


def ids(rows: Any) -> list[str]:
    return [row["id"] for row in rows]


def test_shipments(database: Database) -> None:
    """All shipments, the latest change first, without the engine's own columns."""
    add_shipments(database, "ep/old", changed_at=NOW - 9, known='{"a": 1}', evidence='{"b": 2}')
    add_shipments(database, "ep/new", state="held", reason="second_parcel", tracking_number="TN1")
    add_shipments(database, "other/x", endpoint="other", changed_at=NOW - 5)
    found = OperatorQueries(database)
    assert ["ep/new", "other/x", "ep/old"] == ids(found.shipments())
    assert not {"token", "worker_name", "update_count", "input_digest"} & next(found.shipments()).keys()
    last = list(found.shipments())[-1]
    assert ({"a": 1}, {"b": 2}, None) == (last["known"], last["evidence"], last["sent"])


def test_deliveries(database: Database) -> None:
    """Deliveries as they came, by any filter, with their bodies and headers."""
    items = [
        delivery(id="1", at=NOW - 9, outcome="ignored", updates=()),
        delivery(id="2", at=NOW - 5, endpoint="other"),
        delivery(id="3", at=NOW, body=b"\x00\xff"),
    ]
    for item in reversed(items):
        Inbox(database).receive(item)
    found = OperatorQueries(database)
    assert ["1", "2", "3"] == ids(found.deliveries())
    assert ["1"] == ids(found.deliveries(outcome="ignored"))
    assert ["2"] == ids(found.deliveries(endpoint="other"))
    assert ["2", "3"] == ids(found.deliveries(since=NOW - 5))
    assert (b"\x00\xff", items[2].headers) == (found.delivery("3")["body"], found.delivery("3")["headers"])
    with pytest.raises(Unknown):
        found.delivery("4")


def test_listings_stream(database: Database) -> None:
    """A long listing is not held in memory at once, and gives its connection back."""
    for _ in range(3):
        rows = [vars_of(delivery(body=bytes(20_000), updates=())) for _ in range(500)]
        database.write(lambda connection, rows=rows: connection.execute(deliveries.insert(), rows), deadline=60)
    listing = OperatorQueries(database).deliveries()
    tracemalloc.start()
    assert 1_500 == sum(1 for _ in listing)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 15_000_000 > peak
    unfinished = OperatorQueries(database).deliveries()
    next(unfinished)
    if not database.is_sqlite:
        reading = "SELECT query FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = {}"
        asked = text(reading.format("current_database()"))
        assert [True] == [row["query"].startswith("FETCH FORWARD") for row in database.rows(asked)]
        unfinished.close()
        assert [] == database.rows(asked)
    unfinished.close()
    assert 0 == database._reader.pool.checkedout()


def vars_of(item: Any) -> dict[str, Any]:
    row = {name: getattr(item, name) for name in item.__slots__ if name not in ("account", "updates")}
    return {**row, "headers": "{}", "proof": row.pop("auth"), "unknown_words": None}


def test_find(database: Database) -> None:
    """A shipment by its id, the carrier's own id or its number; one of several is not guessed, an id wins over a
    number."""
    add_shipments(database, "ep/1", tracking_number="TN1")
    add_shipments(database, "ep/2", tracking_number="TN2")
    add_shipments(database, "ep/3", tracking_number="TN2")
    add_shipments(database, "TN3")
    add_shipments(database, "ep/4", tracking_number="TN3")
    found = OperatorQueries(database)
    assert ["ep/1", "ep/1", "TN3"] == [found.find(name) for name in ("ep/1", "TN1", "TN3")]
    with pytest.raises(Unknown, match=r"ep/2, ep/3: name one"):
        found.find("TN2")
    assert "ep/2" == found.find("2", ["other", "ep"])
    add_shipments(database, "other/2")
    with pytest.raises(Unknown, match=r"ep/2, other/2: name one"):
        found.find("2", ["other", "ep"])
    with pytest.raises(Unknown, match="TN9"):
        found.find("TN9")


def test_story(database: Database, queue: Queue) -> None:
    """Everything that was said of a shipment and done for it, oldest first, and nothing of others."""
    said = [delivery("p1", "p2", id="d1"), delivery("p1", id="d2")]
    for one in said:
        Inbox(database).receive(one)
    claims = {claim.id: claim for claim in queue.claim("lux", most=9, now=NOW)}
    for number, name in enumerate(("ep/p1", "ep/p2", "ep/p1")):
        attempt = Attempt(call="GET order", order_id="1-01", evidence={"n": number}, id=str(number))
        queue.reserve(claims[name], attempt, interval=0.0, now=NOW)
    queue.accounts.attempts.end_now([Ending("0", NOW, "done", 200, None)])
    story = OperatorQueries(database).history("ep/p1")
    assert "ep/p1" == story["shipment"]["id"]
    assert ["d1", "d2"] == ids(story["deliveries"])
    assert "p1" == story["deliveries"][0]["said"]["key"]
    assert [("0", {"n": 0}, "done"), ("2", {"n": 2}, None)] == [
        (one["id"], one["evidence"], one["outcome"]) for one in story["attempts"]
    ]
    with pytest.raises(Unknown):
        OperatorQueries(database).history("ep/p9")


LINK = Link((("tracking_number", "TN1"),), "1-01")
DECISIONS: dict[str, tuple[Callable[[ShipmentDecisions], object], dict[str, Any]]] = {
    "assign": (
        lambda decide: decide.assign("ep/p1", order_id="1-01", invoice_number="9", now=NOW + 9),
        {**OPEN_AGAIN, "assigned_order": "1-01", "assigned_invoice": "9", "assigned_at": NOW + 9, "sent": None},
    ),
    "dismiss": (
        lambda decide: decide.dismiss("ep/p1", now=NOW + 9),
        {"state": "dismissed", "reason": None, "note": "dismissed by a person", "due_at": None, "changed_at": NOW + 9},
    ),
    "retry": (lambda decide: decide.retry("ep/p1", now=NOW + 9), OPEN_AGAIN),
    "retry of many": (
        lambda decide: BulkDecisions(decide._database).decide("retry", ShipmentFilter(state="held"), now=NOW + 9),
        {**OPEN_AGAIN, "priority": BULK},
    ),
    "dismiss many": (
        lambda decide: BulkDecisions(decide._database).decide("dismiss", ShipmentFilter(state="held"), now=NOW + 9),
        {"state": "dismissed", "reason": None, "note": "dismissed by a person", "due_at": None, "changed_at": NOW + 9},
    ),
    "link": (lambda decide: Index(decide._database).link("lux", [LINK], now=NOW + 9), OPEN_AGAIN),
}


@pytest.mark.parametrize("decision", DECISIONS)
def test_decisions(database: Database, decision: str) -> None:
    """Each decision changes the columns it is about, of that shipment only, and rings for the workers."""
    decide, changed = DECISIONS[decision]
    add_shipments(database, "ep/p1", **HELD)
    add_shipments(database, "ep/p2", **{**HELD, "state": "in_step", "tracking_number": "TN2"})
    before, bystander = shipment(database), shipment(database, "ep/p2")
    database.arrived.clear()
    decide(ShipmentDecisions(database))
    after = shipment(database)
    assert {**before, **changed} == {**after, "update_count": 0}
    assert bystander == shipment(database, "ep/p2")
    assert database.arrived.is_set()


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_decision_stands(database: Database, queue: Queue, decision: str) -> None:
    """A worker that has the shipment in hand cannot settle over what a person decided meanwhile, nor call."""
    decide, _ = DECISIONS[decision]
    add_shipments(database, "ep/p1", **{**HELD, "due_at": NOW})
    claim = claim_one(queue)
    decide(ShipmentDecisions(database))
    before = everything(database)
    assert (None, None, None) == tuple(shipment(database)[name] for name in ("token", "worker_name", "lease_until"))
    with pytest.raises(LeaseLost):
        queue.reserve(claim, Attempt(call="PATCH", order_id="1-01", invoice_number="9"), interval=0.1, now=NOW)
    with pytest.raises(LeaseLost):
        queue.settle(claim, settlement(claim), now=NOW)
    assert before == everything(database)


def test_assigned_as_seen(database: Database) -> None:
    """An assignment of a shipment that has changed since a person saw it changes nothing, and is not recorded."""
    add_shipments(database, "ep/1")
    queries, decide, recorded = OperatorQueries(database), ShipmentDecisions(database), []
    seen = queries.version("ep/1")
    decide.retry("ep/1", now=NOW + 1)
    of = {"order_id": "1-01", "invoice_number": None, "now": NOW + 2, "record": lambda *_: recorded.append(1)}

    with pytest.raises(Changed):
        decide.assign("ep/1", version=seen, **of)

    assert (None, []) == (shipment(database, "ep/1")["assigned_order"], recorded)
    decide.assign("ep/1", version=queries.version("ep/1"), **of)
    assert ("1-01", [1]) == (shipment(database, "ep/1")["assigned_order"], recorded)


@pytest.mark.parametrize("decision", ["assign", "dismiss", "retry"])
def test_no_such_shipment(database: Database, decision: str) -> None:
    """A decision about a shipment that does not exist is refused."""
    with pytest.raises(Unknown):
        DECISIONS[decision][0](ShipmentDecisions(database))


def test_oldest_unsettled(database: Database) -> None:
    """Since when the longest-waiting shipment has been due; none if none is."""
    found = OperatorQueries(database)
    add_shipments(database, "ep/p0", due_at=None)
    assert found.oldest_unsettled() is None
    add_shipments(database, "ep/p1", due_at=NOW)
    add_shipments(database, "ep/p2", due_at=NOW - 9, account="other")
    assert NOW - 9 == found.oldest_unsettled()


def test_paused_accounts(database: Database, queue: Queue) -> None:
    """Accounts that take no calls, and why; one that was resumed is not among them."""
    for name in ("b", "a", "c"):
        queue.accounts.pause(name, until=NOW + 9, reason=f"{name} 401", own_fault=True)
    queue.accounts.resume("c")
    assert [("a", "a 401", NOW + 9), ("b", "b 401", NOW + 9)] == [
        (row["name"], row["reason"], row["until"]) for row in OperatorQueries(database).paused_accounts(now=NOW)
    ]
