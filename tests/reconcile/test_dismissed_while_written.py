"""A parcel that a person dismisses while it is written: what VTEX has of it is looked up, and nothing more is sent."""

from collections.abc import Callable

import pytest

from receiver.store.operator.bulk import BulkDecisions
from receiver.store.operator.discrepancies import Discrepancies
from receiver.store.operator.shipment_filter import ShipmentFilter
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY, HOUR

P1 = "melhor-envio/p1"
WRITTEN = ("PATCH", "applied, seen later")


def one(rig: Rig) -> None:
    rig.decisions.dismiss(P1, now=rig.now)


def all_of_them(rig: Rig) -> None:
    assert 1 == BulkDecisions(rig.database).decide("dismiss", ShipmentFilter(), now=rig.now)


def dismissed(rig: Rig, by: Callable[[Rig], object] = one, *, applied: bool = True) -> Rig:
    """The parcel, dismissed before the answer to its PATCH."""
    rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO}, read_back_seconds=10)
    rig.add_order(order("1-01", package("A")))
    rig.on_slow = lambda _: by(rig)
    rig.faults(slow=(1.0, 1.0), unapplied=0.0 if applied else 1.0, methods=frozenset({"PATCH"}))
    rig.post(posted())
    rig.work()
    rig.faults()
    assert ("dismissed", None) == tuple(rig.shipment()[name] for name in ("state", "reason"))
    return rig


@pytest.mark.parametrize("by", [one, all_of_them])
def test_applied(rig_on_either: Rig, by: Callable[[Rig], object]) -> None:
    """The story tells the write and where it stands, and no list calls the invoice one without tracking."""
    rig = dismissed(rig_on_either, by)
    rig.works_until(HOUR)

    row = rig.shipment()
    assert ("dismissed", "dismissed by a person", None) == (row["state"], row["note"], row["due_at"])
    assert ("TN1BR", "A") == (row["sent"]["trackingNumber"], row["invoice_number"])
    assert WRITTEN in [(attempt["call"], attempt["outcome"]) for attempt in rig.attempts()]
    assert all(attempt["outcome"] for attempt in rig.attempts())
    assert [] == list(Discrepancies(rig.database).without_tracking(before=rig.now + DAY))
    assert ["GET", "PATCH", "GET"] == [call.method for call in rig.calls()]


def test_not_applied(rig: Rig) -> None:
    """A write that VTEX does not have is told as such, and is not made again."""
    dismissed(rig, applied=False).works_until(DAY)

    assert ("dismissed", None) == (rig.shipment()["state"], rig.shipment()["sent"])
    assert ("PATCH", "not visible later") in [(attempt["call"], attempt["outcome"]) for attempt in rig.attempts()]
    assert 1 == len(rig.calls("PATCH"))


@pytest.mark.parametrize("fault", [{"server_error": 1.0}, {"throttle": 1.0}, {"unauthorized": True}])
def test_no_answer(rig: Rig, fault: dict[str, float]) -> None:
    """While VTEX does not answer, the parcel stays dismissed; then it is looked up, and nothing is sent."""
    dismissed(rig)
    rig.faults(**fault)
    rig.works_until(HOUR)
    assert "dismissed" == rig.shipment()["state"]
    rig.faults()
    rig.works_until(3 * HOUR)

    assert ("dismissed", "TN1BR") == (rig.shipment()["state"], rig.shipment()["sent"]["trackingNumber"])
    assert (1, 0) == (len(rig.calls("PATCH")), len(rig.calls("PUT")))


def test_nothing_under_way(rig: Rig) -> None:
    """A parcel that is dismissed while nothing is written rests at once."""
    rig.add_order(order("1-01", package("A"), package("B")))
    rig.post(posted())
    rig.work()
    one(rig)

    assert (None, "dismissed") == (rig.shipment()["due_at"], rig.shipment()["state"])
