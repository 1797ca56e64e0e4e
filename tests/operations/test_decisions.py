"""What a person may do: one path for every way in, and each decision recorded with its change."""

import time
from typing import Any

import pytest

from receiver.operations.decisions import LONGEST_NOTE, Actor, Decisions, NothingToChange, RequestKey
from receiver.operations.links import read_link
from receiver.operations.order_check import NotShown
from receiver.store import DecisionRecord, Horizons, Retention, StoreUnavailable
from receiver.store.decisions import KeyUsed
from receiver.store.finding.assigning import NotAssigned
from receiver.store.operator.queries import Unknown
from receiver.store.operator.shipment_filter import ShipmentFilter
from receiver.vtex.client import BadSegment
from tests.support.rig import UNREADABLE, Rig, order, package, posted

SHIPMENT = "melhor-envio/p1"
ANA = Actor("ana", "api")


def decide(rig: Rig, **settings: Any) -> Decisions:
    return Decisions(rig.config, rig.database, ANA, clock=lambda: rig.now, **settings)


def recorded(rig: Rig) -> list[dict[str, Any]]:
    return list(DecisionRecord(rig.database).latest())


@pytest.fixture
def held(rig_on_either: Rig) -> Rig:
    """A parcel that could belong to either of two invoices. The clock is the real one's: a person's call sleeps."""
    rig_on_either.now = time.time()
    rig_on_either.add_order(order("1-01", package("A", value=5_000), package("B", value=5_000)))
    rig_on_either.post(posted())
    rig_on_either.work()
    return rig_on_either


class TestAssign:
    def test_read_first(self, held):
        """The order is read once, and what VTEX writes is stored; the record tells both sides."""
        before = len(held.calls())

        done = decide(held, note=" the buyer wrote ").assign(SHIPMENT, "1-01", "B")

        assert ["GET"] == [call.method for call in held.calls()[before:]]
        assert ("1-01", "B", None, None) == (done.order_id, done.invoice_number, done.unchecked, done.stays)
        (row,) = recorded(held)
        assert ("ana", "api", "assign", "shipment", SHIPMENT, "the buyer wrote") == tuple(
            row[name] for name in ("actor", "via", "action", "kind", "subject", "note")
        )
        assert ("held", "ambiguous_invoice", None) == tuple(
            row["before"][name] for name in ("state", "reason", "assigned_order")
        )
        assert ("due", None, "1-01", "B") == tuple(
            row["after"][name] for name in ("state", "reason", "assigned_order", "assigned_invoice")
        )

    def test_not_shown(self, held):
        """What VTEX does not show is neither stored nor recorded."""
        with pytest.raises(NotShown):
            decide(held).assign(SHIPMENT, "9-01")

        assert (None, []) == (held.shipment()["assigned_order"], recorded(held))

    def test_unchecked(self, held):
        """That VTEX was not asked stands in the record."""
        decide(held).assign(SHIPMENT, "9-01", unseen=True)

        assert "not looked up at VTEX (--unseen)" == recorded(held)[0]["after"]["unchecked"]

    def test_stays(self, held):
        """What was written before, and stays there, stands in the record."""
        decide(held).assign(SHIPMENT, "1-01", "A")
        held.work()
        decide(held).assign(SHIPMENT, "1-01", "B")

        expected = {"order_id": "1-01", "invoice_number": "A", "tracking_number": "TN1BR"}
        assert expected == recorded(held)[0]["after"]["stays"]

    def test_bad_segment(self, held):
        """What cannot stand in a URL is refused before anything is asked."""
        with pytest.raises(BadSegment):
            decide(held).assign(SHIPMENT, "..")


class TestShipments:
    def test_every_one(self, held):
        """Retry, dismiss and unassign each leave a row; one that would change nothing leaves none."""
        decide(held).dismiss(SHIPMENT)
        with pytest.raises(NothingToChange, match="melhor-envio/p1 is dismissed already"):
            decide(held).dismiss(SHIPMENT)
        decide(held).retry(SHIPMENT)
        decide(held).assign(SHIPMENT, "1-01", unseen=True)
        decide(held).unassign(SHIPMENT)
        with pytest.raises(NotAssigned):
            decide(held).unassign(SHIPMENT)
        with pytest.raises(Unknown):
            decide(held).retry("melhor-envio/p9")

        told = [(one["action"], one["before"]["state"], one["after"]["state"]) for one in recorded(held)]
        assert {
            ("unassign", "due", "due"), ("assign", "due", "due"), ("retry", "dismissed", "due"),
            ("dismiss", "held", "dismissed"),
        } == set(told)  # fmt: skip
        assert 4 == len(told)

    def test_many(self, held):
        """Each shipment of many that are retried has its row."""
        held.post(posted(parcel="p2", number="TN2BR"))
        held.work()

        batch = decide(held).decide_all("retry", ShipmentFilter(state="held", reason="ambiguous_invoice"))

        assert 2 == batch.decided
        rows = recorded(held)
        assert {SHIPMENT, "melhor-envio/p2"} == {one["subject"] for one in rows}
        assert {batch.id} == {one["after"]["batch"] for one in rows}

    def test_note(self, held):
        """A note is cut to its length, and freed of what no database takes."""
        decide(held, note="\x00a\ud800" + "b" * LONGEST_NOTE).retry(SHIPMENT)
        decide(held, note="  ").retry(SHIPMENT)

        notes = {one["note"] for one in recorded(held)}
        assert {None, f"\N{REPLACEMENT CHARACTER}a\N{REPLACEMENT CHARACTER}{'b' * (LONGEST_NOTE - 3)}"} == notes


class TestOthers:
    def test_resume(self, held):
        """A pause ends by a person's word, and the shipment that waited is written."""
        queue, _ = held.hands("other")
        queue.accounts.pause("lux", until=held.now + 300, reason="HTTP 401", own_fault=True, now=held.now)
        decide(held).resume("lux")

        assert ("resume", "account", "lux") == tuple(recorded(held)[0][name] for name in ("action", "kind", "subject"))
        decide(held).assign(SHIPMENT, "1-01", "B", unseen=True)
        held.work()
        assert "in_step" == held.shipment()["state"]
        with pytest.raises(NothingToChange):
            decide(held).resume("lux")
        with pytest.raises(Unknown):
            decide(held).resume("luxe")

    def test_reprocess(self, rig_on_either):
        """A delivery that is read again has its outcome before and after in the record."""
        rig = rig_on_either
        delivery = rig.post(UNREADABLE).json["delivery"]

        assert "quarantined" == decide(rig).reprocess(delivery).outcome
        (row,) = recorded(rig)
        assert ("reprocess", "delivery", delivery) == (row["action"], row["kind"], row["subject"])
        assert ("quarantined", "quarantined") == (row["before"]["outcome"], row["after"]["outcome"])
        with pytest.raises(Unknown):
            decide(rig).reprocess("none")

    def test_reprocess_of_nothing(self, rig):
        """A delivery that cannot be read at all stays as it was, and nothing is recorded."""
        delivery = rig.post(posted()).json["delivery"]
        Retention(rig.database).prune(Horizons(bodies=0, unreadable=9e9), now=rig.now + 1)

        assert "error" == decide(rig).reprocess(delivery).outcome
        assert ("accepted", []) == (rig.queries.delivery(delivery)["outcome"], recorded(rig))

    def test_links(self, held):
        """A link and its end are recorded under its account, kind and value, a row of a file as well."""
        one = read_link({"tracking_number": "TN 1BR", "order": "1-01"}, "lux", held.config)
        decide(held).link("lux", one)
        decide(held).link_all("lux", [{"tracking_number": "TN2BR", "order": "1-01"}, {"order": "1-01"}])
        decide(held).unlink("lux", "tracking_number", "tn1-br")
        with pytest.raises(NothingToChange):
            decide(held).unlink("lux", "tracking_number", "tn1-br")

        told = {(one["action"], one["subject"]) for one in recorded(held)}
        named = "lux/tracking_number/TN"
        assert {("link", f"{named}1BR"), ("link", f"{named}2BR"), ("unlink", f"{named}1BR")} == told


def test_key(held):
    """A decision under a key that was used changes nothing."""
    key = RequestKey("k", "digest")
    first = decide(held, key=key)
    first.dismiss(SHIPMENT)

    with pytest.raises(KeyUsed):
        decide(held, key=key).retry(SHIPMENT)
    assert "dismissed" == held.shipment()["state"]
    assert [first.last_id] == [one["id"] for one in recorded(held)]


def test_away(rig):
    """Where the store is away nothing is decided, and that is said."""
    rig.database.close()

    with pytest.raises(StoreUnavailable):
        decide(rig).dismiss(SHIPMENT)
