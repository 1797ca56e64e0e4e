"""The record of decisions: appended with the change or not at all, and never changed."""

import ast
import inspect
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.engine import Connection

from receiver.store import Database, DecisionRecord, Index, Link, OperatorQueries, Queue
from receiver.store import decisions as module
from receiver.store.decisions import Entry, KeyUsed
from receiver.store.operator.bulk import BulkDecisions
from receiver.store.operator.deciding import ShipmentDecisions
from receiver.store.operator.queries import Unknown
from receiver.store.operator.shipment_filter import ShipmentFilter
from receiver.store.people_tables import decisions
from tests.support.store_cases import NOW, add_shipments, shipment

HELD = {"state": "held", "reason": "ambiguous_invoice", "due_at": None}
STANDS = {
    "state": "held",
    "reason": "ambiguous_invoice",
    "order_id": None,
    "invoice_number": None,
    "assigned_order": None,
    "assigned_invoice": None,
}
REOPENED = {**STANDS, "state": "due", "reason": None}


def entry(action: str = "retry", kind: str = "shipment", **changes: Any) -> Entry:
    return Entry(**{"actor": "ana", "via": "api", "action": action, "kind": kind, "at": NOW, **changes})


@pytest.fixture
def record(database: Database) -> DecisionRecord:
    return DecisionRecord(database)


class TestWithTheChange:
    def test_row(self, database: Database, record: DecisionRecord) -> None:
        """A row says who, from where, what, about what, before and after, when and why."""
        add_shipments(database, "ep/p1", **HELD)
        one = entry(note="the label was damaged")

        ShipmentDecisions(database).retry("ep/p1", now=NOW, record=record.recorder(one))

        expected = {
            "id": one.id,
            "at": NOW,
            "actor": "ana",
            "via": "api",
            "action": "retry",
            "kind": "shipment",
            "subject": "ep/p1",
            "before": STANDS,
            "after": REOPENED,
            "note": "the label was damaged",
        }
        assert expected == record.get(one.id)
        assert [expected] == record.of("shipment", "ep/p1")
        assert [] == record.of("shipment", "ep/p2")

    def test_refused(self, database: Database, record: DecisionRecord) -> None:
        """What was not changed is not recorded."""
        with pytest.raises(Unknown):
            ShipmentDecisions(database).dismiss("ep/p9", now=NOW, record=record.recorder(entry("dismiss")))

        assert [] == list(record.latest())

    def test_all_or_nothing(self, database: Database, record: DecisionRecord) -> None:
        """What cannot be recorded is not changed."""

        def broken(_connection: Connection, _turns: Any) -> None:
            raise ZeroDivisionError

        add_shipments(database, "ep/p1", **HELD)
        with pytest.raises(ZeroDivisionError):
            ShipmentDecisions(database).retry("ep/p1", now=NOW, record=broken)

        assert "held" == shipment(database)["state"]

    def test_each_of_many(self, database: Database, record: DecisionRecord) -> None:
        """Where many shipments are retried, each has its row; those of another state have none."""
        many = [f"ep/p{number:04}" for number in range(1_201)]
        add_shipments(database, *many, **HELD)
        add_shipments(database, "ep/other", state="kept")

        changed = BulkDecisions(database).decide(
            "retry", ShipmentFilter(state="held"), now=NOW, recorder=lambda: record.recorder(entry())
        )

        assert 1_201 == changed
        assert many == sorted(one["subject"] for one in record.latest())

    def test_links(self, database: Database, record: DecisionRecord) -> None:
        """A link's row tells the order before and after; where it is forgotten, nothing stands after."""
        index, name = Index(database), ("tracking_number", "TN1")
        for number, order_id in enumerate(("1-01", "2-01")):
            recorder = record.recorder(entry("link", "link", at=NOW + number))
            index.link("lux", [Link((name,), order_id)], now=NOW + number, record=recorder)
        index.unlink("lux", *name, now=NOW + 2, record=record.recorder(entry("unlink", "link", at=NOW + 2)))

        first, second = ({"order_id": order_id, "invoice_number": None} for order_id in ("1-01", "2-01"))
        told = record.of("link", "lux/tracking_number/TN1")
        assert [(None, first), (first, second), (second, None)] == [(one["before"], one["after"]) for one in told]
        assert not index.unlink("lux", *name, now=NOW, record=record.recorder(entry("unlink", "link")))
        assert 3 == len(list(record.latest()))

    def test_pause(self, database: Database, record: DecisionRecord) -> None:
        """A pause that a person ends is over at once; the cause stays, so that one call probes before the rest."""
        accounts = Queue(database, worker_name="w", lease=60).accounts
        accounts.pause("lux", until=NOW + 300, reason="HTTP 401", own_fault=True, now=NOW)

        ended = [
            accounts.end_pause("lux", now=NOW, record=record.recorder(entry("resume", "account"))) for _ in range(2)
        ]

        assert [True, False] == ended
        (row,) = OperatorQueries(database).paused_accounts(now=NOW)
        assert ("HTTP 401", 0.0) == (row["reason"], row["until"])
        (told,) = record.latest()
        assert ({"until": NOW + 300, "reason": "HTTP 401"}, {"until": None}) == (told["before"], told["after"])


class TestKeys:
    def test_once(self, database: Database, record: DecisionRecord) -> None:
        """A second request under a key changes nothing, and the first one's row is found by the key."""
        add_shipments(database, "ep/p1", "ep/p2", **HELD)
        first, second = (entry(request_key="k1", request_digest=digest) for digest in ("a", "b"))
        decide = ShipmentDecisions(database)
        decide.retry("ep/p1", now=NOW, record=record.recorder(first))

        with pytest.raises(KeyUsed):
            decide.retry("ep/p2", now=NOW, record=record.recorder(second))

        assert "held" == shipment(database, "ep/p2")["state"]
        row, digest = record.with_key("ana", "k1") or ({}, "")
        assert (first.id, "a") == (row["id"], digest)

    def test_of_each_person(self, database: Database, record: DecisionRecord) -> None:
        """Two people may choose the same key, and a decision without one is not held to any."""
        add_shipments(database, "ep/p1", **HELD)
        decide = ShipmentDecisions(database)
        for actor, key in (("ana", "k1"), ("bo", "k1"), ("ana", None), ("ana", None)):
            decide.retry("ep/p1", now=NOW, record=record.recorder(entry(actor=actor, request_key=key)))

        assert 4 == len(record.of("shipment", "ep/p1"))
        assert record.with_key("cy", "k1") is None


class TestLatest:
    def test_newest_first(self, database: Database, record: DecisionRecord) -> None:
        """The newest come first, as many as are asked for, none from before a time."""
        add_shipments(database, "ep/p1", **HELD)
        for number in range(4):
            recorder = record.recorder(entry(at=NOW + number, note=str(number)))
            ShipmentDecisions(database).retry("ep/p1", now=NOW, record=recorder)

        assert ["3", "2", "1", "0"] == [one["note"] for one in record.latest()]
        assert ["3", "2"] == [one["note"] for one in record.latest(limit=2)]
        assert ["3", "2"] == [one["note"] for one in record.latest(decisions.c.at >= NOW + 2)]
        assert ["0", "1", "2", "3"] == [one["note"] for one in record.of("shipment", "ep/p1")]


def test_append_only(database: Database) -> None:
    """No method of the store changes or deletes a row of the record."""
    called = {node.id for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Name)}
    assert not {"update", "delete"} & called
    assert {"get", "latest", "of", "recorder", "size_of", "with_key"} == {
        name for name in vars(DecisionRecord) if not name.startswith("_")
    }
    assert [] == database.rows(select(decisions))


def test_index(database: Database, record: DecisionRecord) -> None:
    """A shipment's decisions are found by an index, not by reading the whole record."""
    if not database.is_sqlite:
        pytest.skip("the planner of PostgreSQL reads a small table whole")
    plan = "EXPLAIN QUERY PLAN SELECT * FROM decisions WHERE kind = 'shipment' AND subject = 'x' ORDER BY at, id"
    (step,) = database.rows(text(plan))
    assert "USING INDEX decisions_subject" in step["detail"]
