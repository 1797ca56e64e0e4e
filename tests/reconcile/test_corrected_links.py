"""A link that is corrected or forgotten is obeyed for each of its orders: no companion of it is written later."""

import re
from typing import Any

import pytest

from receiver.store import Link
from receiver.store.finding.assigning import NotAssigned
from receiver.store.finding.companions import Place
from receiver.store.operator.discrepancies import Discrepancies
from receiver.vtex.client import Vtex
from tests.support.reconciling import fields
from tests.support.rig import Rig, order, package, posted
from tests.support.times import DAY

COMPANION = "melhor-envio/p1+2-01"


def number_at_second(rig: Rig) -> str | None:
    """What the second order's invoice shows, a day after it was issued."""
    rig.add_order(order("2-01", package("950")))
    rig.works_until(DAY)
    number: str | None = fields(rig, "2-01", "950")["trackingNumber"]
    return number


@pytest.fixture
def served(rig: Rig) -> Rig:
    """A parcel of a link's two orders; the second one has no invoice yet."""
    rig.add_order(order("1-01", package("900")), order("2-01"), order("3-01", package("970")))
    rig.link("TN1BR", "1-01", also=["2-01"])
    rig.post(posted(None))
    rig.works_until(60)
    assert "awaiting_invoice" == rig.shipment(COMPANION)["state"]
    return rig


@pytest.mark.parametrize("also", [(), ("3-01",)])
def test_corrected(served: Rig, also: tuple[str, ...]) -> None:
    """The order that was named by mistake gets no number once it is invoiced; the right one does."""
    served.link("TN1BR", "1-01", also=also)
    assert None is number_at_second(served)
    assert bool(also) == (fields(served, "3-01", "970")["trackingNumber"] == "TN1BR")


def test_forgotten(served: Rig) -> None:
    """A link that is forgotten serves no order any more."""
    assert served.index.unlink("lux", "tracking_number", "TN1BR", now=served.now)
    assert None is number_at_second(served)


def test_by_its_id(rig: Rig) -> None:
    """A link by the carrier's id names the parcel alone; its companions follow the correction all the same."""
    rig.add_order(order("1-01", package("900")), order("2-01"))
    rig.link("melhor-envio/p1", "1-01", kind="shipment", also=["2-01"])
    rig.post(posted(None))
    rig.works_until(60)
    rig.link("melhor-envio/p1", "1-01", kind="shipment")
    assert None is number_at_second(rig)


def test_links_disagree(served: Rig) -> None:
    """While links name two orders for the parcel, a person decides: no companion is written meanwhile."""
    served.link("melhor-envio/p1", "7-01", kind="shipment")
    served.works_until(60)
    assert ("held", None) == (served.shipment()["state"], number_at_second(served))


def test_newest_of_several_names(served: Rig) -> None:
    """Of links by several names that tell other orders, the newest counts."""
    served.link("melhor-envio/p1", "1-01", kind="shipment", also=["3-01"])
    served.works_until(60)
    assert None is number_at_second(served)
    assert "TN1BR" == fields(served, "3-01", "970")["trackingNumber"]


def test_while_in_hand(served: Rig) -> None:
    """A correction that comes after a worker has read the second order stops its write."""
    rig = served
    rig.add_order(order("2-01", package("950")))

    class Correcting(Vtex):
        def get_order(self, order_id: str) -> Any:
            rig.link("TN1BR", "1-01")
            return super().get_order(order_id)

    rig.now += DAY
    queue, reconciler = rig.hands("other", Correcting)
    for claim in queue.claim("lux", most=5, now=rig.now):
        reconciler.run(claim)
    rig.works_until(DAY)
    assert None is fields(rig, "2-01", "950")["trackingNumber"]


def test_told_again(served: Rig) -> None:
    """An order that a link names again is served again; what a correction left behind is listed meanwhile."""
    assert "TN1BR" == number_at_second(served)
    served.link("TN1BR", "1-01")
    served.works_until(60)
    assert "dismissed" == served.shipment(COMPANION)["state"]
    assert [("2-01", "950")] == [
        (row["order_id"], row["invoice_number"]) for row in Discrepancies(served.database).left_over()
    ]

    served.link("TN1BR", "1-01", also=["2-01"])
    served.works_until(60)
    assert "in_step" == served.shipment(COMPANION)["state"]


def test_orders_swapped(served: Rig) -> None:
    """The parcel itself goes to its companion's order, and the other way round."""
    assert "TN1BR" == number_at_second(served)
    served.link("TN1BR", "2-01", also=["1-01"])
    served.works_until(60)
    ends = {(row["id"], row["state"], row["order_id"]) for row in served.queries.shipments()}
    assert {
        ("melhor-envio/p1", "in_step", "2-01"),
        ("melhor-envio/p1+1-01", "in_step", "1-01"),
        (COMPANION, "dismissed", None),
    } == ends


@pytest.mark.parametrize("then", ["news", "link"])
def test_dismissed(served: Rig, then: str) -> None:
    """A companion that a person dismissed stays so, no matter what carrier or link say."""
    served.decisions.dismiss(COMPANION, now=served.now)
    if then == "news":
        served.post(posted(None, self_tracking="ME1BR", at="2026-11-10T13:00:00+00:00"))
    else:
        again = Link((("tracking_number", "TN1BR"),), "1-01", also=(Place("2-01", "950"),))
        served.index.link("lux", [again], now=served.now)
    served.works_until(60)
    assert ("dismissed", None) == (served.shipment(COMPANION)["state"], number_at_second(served))


def test_unassigned(served: Rig) -> None:
    """No person assigned a link's companion, so none takes that back: the answer says what ends it."""
    with pytest.raises(NotAssigned, match=f"to send nothing there: receiver dismiss {re.escape(COMPANION)}"):
        served.decisions.unassign(COMPANION, now=served.now)
