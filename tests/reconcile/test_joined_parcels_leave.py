"""A parcel that shares an invoice (`join`) and leaves it takes its number along, and no delivery waits for it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters import Shipment, Status
from receiver.reconcile.beside import has_left, rejoined
from receiver.shipments import (
    Assignment,
    Generation,
    Known,
    Sent,
    SentTracking,
    ShipmentRecord,
    State,
    Update,
    Visibility,
    fold,
)
from receiver.vtex.orders import read_order
from receiver.vtex.wanted import Owner
from tests.support.reconciling import fields, rest
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import HOUR

ALL = ("p1", "p2", "p3")
JOINS = {**MELHOR_ENVIO, "events": True, "second_parcel": "join"}
CANCELLED = ("held", "cancelled_after_send")
NOW = datetime(2026, 11, 14, 12, tzinfo=UTC)


def joined(rig: Rig, *, event: str = "order.posted") -> Rig:
    """Three parcels on one invoice, in the order of their dispatch."""
    rig.configure(endpoints={"melhor-envio": JOINS}, send_on="label", read_back_seconds=10)
    rig.add_order(order("1-01", package("900")), order("2-01", package("901")))
    for day, parcel in enumerate(ALL, 10):
        say(rig, parcel, event, day=day)
    assert "P1;P2;P3" == fields(rig)["trackingNumber"]
    return rig


def say(rig: Rig, parcel: str, event: str, *, day: int = 14) -> None:
    rig.post(posted(parcel=parcel, number=parcel.upper(), event=event, at=f"2026-11-{day:02}T12:00:00+00:00"))
    rig.works_until(HOUR)


def stays(rig: Rig, leaves: str) -> None:
    """The invoice shows the other two, and is delivered once both are."""
    others = [parcel for parcel in ALL if parcel != leaves]
    assert ";".join(others).upper() == fields(rig)["trackingNumber"]
    for parcel in others:
        assert True not in told(rig)
        say(rig, parcel, "order.delivered", day=15)
    assert told(rig)[-1]
    assert [("in_step", None)] * 2 == [rest(rig, f"melhor-envio/{parcel}") for parcel in others]
    assert ";".join(others).upper() == fields(rig)["trackingNumber"]


def told(rig: Rig) -> list[bool]:
    """What each PUT said of the invoice's delivery."""
    return [call.body["isDelivered"] for call in rig.calls("PUT") if call.invoice == "900"]


@pytest.mark.parametrize("leaves", ALL)
def test_voided(rig_on_either: Rig, leaves: str):
    """Its label was voided before the carrier had it: at once, and a person hears of it."""
    rig = joined(rig_on_either, event="order.generated")
    say(rig, leaves, "order.cancelled")

    assert CANCELLED == rest(rig, f"melhor-envio/{leaves}")
    stays(rig, leaves)


@pytest.mark.parametrize("leaves", ALL)
def test_cancelled_and_dismissed(rig: Rig, leaves: str):
    """The carrier had it, so it may go all the same: a person decides, and until then all stand there. Dismissed, it is
    gone."""
    joined(rig)
    say(rig, leaves, "order.cancelled")
    assert (CANCELLED, "P1;P2;P3") == (rest(rig, f"melhor-envio/{leaves}"), fields(rig)["trackingNumber"])

    rig.decisions.dismiss(f"melhor-envio/{leaves}", now=rig.now)
    rig.works_until(HOUR)
    first = next(parcel.upper() for parcel in ALL if parcel != leaves)
    assert f"https://track.example/{first}" == fields(rig)["trackingUrl"]
    stays(rig, leaves)


def test_voided_after_an_assignment(rig: Rig):
    """A person had named its order before: that does not say that it goes in spite of the cancellation."""
    joined(rig, event="order.generated")
    rig.decisions.assign("melhor-envio/p2", order_id="1-01", invoice_number=None, now=rig.now)
    rig.works_until(HOUR)
    say(rig, "p2", "order.cancelled")

    assert CANCELLED == rest(rig, "melhor-envio/p2")
    stays(rig, "p2")


def test_goes_all_the_same(rig: Rig):
    """A person who assigns the cancelled parcel keeps it there."""
    joined(rig)
    say(rig, "p2", "order.cancelled")
    rig.decisions.assign("melhor-envio/p2", order_id="1-01", invoice_number="900", now=rig.now)
    rig.works_until(HOUR)
    say(rig, "p1", "order.posted", day=13)

    assert ("in_step", None) == rest(rig, "melhor-envio/p2")
    assert "P2" in fields(rig)["trackingNumber"]


def test_dismissed_alone(rig: Rig):
    """A parcel that no one cancelled keeps its number at VTEX when a person dismisses it."""
    joined(rig)
    rig.decisions.dismiss("melhor-envio/p2", now=rig.now)
    rig.works_until(HOUR)

    assert "P1;P2;P3" == fields(rig)["trackingNumber"]


@pytest.mark.parametrize("stays", ALL)
def test_one_is_named_alone(rig_on_either: Rig, stays: str):
    """A person names the invoice for one of them: its number alone stands there, and the others say so."""
    rig = joined(rig_on_either)
    rig.decisions.assign(f"melhor-envio/{stays}", order_id="1-01", invoice_number="900", now=rig.now)
    rig.works_until(HOUR)

    assert stays.upper() == fields(rig)["trackingNumber"]
    others = [f"melhor-envio/{parcel}" for parcel in ALL if parcel != stays]
    assert [("kept", "other_parcel")] * 2 == [rest(rig, one) for one in others]
    assert f"carries {stays.upper()} of melhor-envio/{stays}" in rig.shipment(others[0])["note"]


def test_assigned_elsewhere(rig: Rig):
    """One that a person has assigned to another order is left out of the next write."""
    joined(rig)
    rig.decisions.assign("melhor-envio/p2", order_id="2-01", invoice_number="901", now=rig.now)
    rig.works_until(HOUR)
    say(rig, "p1", "order.posted", day=9)

    assert ("P2", "P1;P3") == (fields(rig, "2-01", "901")["trackingNumber"], fields(rig)["trackingNumber"])


@pytest.mark.parametrize("leaves", ALL)
@pytest.mark.parametrize("by", ["unassign", "assign", "link"])
def test_comes_back(rig_on_either: Rig, leaves: str, by: str):
    """It was led to another order by mistake. Back again it shares the invoice as before: no number is taken from the
    others, and the invoice is delivered once all are."""
    rig, name = joined(rig_on_either), f"melhor-envio/{leaves}"
    rig.configure(endpoints={"melhor-envio": {**JOINS, "number_changed": "overwrite"}}, read_back_seconds=10)
    if by == "link":
        rig.link(leaves.upper(), "2-01")
    else:
        rig.decisions.assign(name, order_id="2-01", invoice_number="901", now=rig.now)
    rig.works_until(HOUR)
    assert leaves.upper() == fields(rig, "2-01", "901")["trackingNumber"]

    if by == "link":
        rig.link(leaves.upper(), "1-01")
    elif by == "assign":
        rig.decisions.assign(name, order_id="1-01", invoice_number=None, now=rig.now)
    else:
        rig.decisions.unassign(name, now=rig.now)
    rig.works_until(HOUR)
    for parcel in sorted(ALL, key=lambda one: one == leaves):
        assert True not in told(rig)
        say(rig, parcel, "order.delivered", day=15)

    assert ("P1;P2;P3", True) == (fields(rig)["trackingNumber"], told(rig)[-1])
    assert [("in_step", None)] * 3 == [rest(rig, f"melhor-envio/{parcel}") for parcel in ALL]


class TestRecords:
    """What the records say of an invoice, where no order was read since."""

    def record(self, status: Status, *, delivered: bool = False) -> ShipmentRecord:
        shipment = Shipment(key="p2", status=status, tracking_number="P2")
        known = fold(Known(), [Update(shipment=shipment, received_at=NOW, digest="")])
        place = {"order_id": "1-01", "invoice_number": "900", "tracking_number": "P1;P2"}
        bare = {
            "tracking_url": None,
            "courier": None,
            "dispatched_date": None,
            "at": 0.0,
            "visibility": Visibility.SEEN,
        }
        sent = Sent(**place, **bare, tracking=SentTracking(digest="", at=0.0, delivered=delivered))
        generation = Generation(state=State.IN_STEP, sent=sent)
        return ShipmentRecord(id="e/p2", endpoint="e", account="lux", known=known, generation=generation)

    @pytest.mark.parametrize("delivered", [True, False])
    @pytest.mark.parametrize("owners", [{}, {"900": Owner("e/p1", "P1", moved=True)}])
    def test_comes_back(self, owners: dict[str, Owner], *, delivered: bool):
        """Where the owner left and comes back, the invoice is that of those that stayed, with the delivery that VTEX
        was told for them."""
        stayed = {"e/p2": self.record(Status.IN_TRANSIT, delivered=delivered)}
        one = read_order(order("1-01", package("900", trackingNumber="P1;P2")))

        owner = rejoined(owners, "e/p1", ["P1"], one, lambda _: stayed)["900"]
        assert ("e/p2", False, delivered, {"P2"}) == (owner.shipment, owner.moved, owner.is_delivered, owner.numbers)

    def test_another_owner(self):
        """An owner that stayed keeps the invoice, with those that share it."""
        one = read_order(order("1-01", package("900", trackingNumber="P1;P2;P3")))
        stayed = {"e/p2": self.record(Status.IN_TRANSIT)}

        owner = rejoined({"900": Owner("e/p3", "P3")}, "e/p1", ["P1"], one, lambda _: stayed)["900"]
        assert ("e/p3", {"P2", "P3"}) == (owner.shipment, owner.numbers)

    @pytest.mark.parametrize("overruled", [True, False])
    def test_voided(self, *, overruled: bool):
        """A parcel whose label was voided has left the invoice, unless a person has named its order since."""
        one = self.record(Status.CANCELLED)
        assignment = Assignment(order_id="1-01", overrules=one.known.cancelled if overruled else None)
        one = replace(one, generation=replace(one.generation, assignment=assignment))

        assert one.known.voided
        assert overruled is not has_left(one, "1-01", "900")
