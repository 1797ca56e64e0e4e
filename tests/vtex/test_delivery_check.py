"""What an order shows just before its delivery is told: each finding once, and every notation of the own number."""

import pytest

from receiver.shipments import Sent, Visibility
from receiver.vtex.delivery_check import Shown, delivery_check
from receiver.vtex.orders import read_order
from tests.support.rig import order, package


def found(
    shown: str | None,
    *,
    sent: str = "QS123BR",
    before: str | None = None,
    status: str = "invoiced",
    number: str = "900",
) -> Shown:
    """The finding where the invoice shows this number, and ``sent`` was written."""
    written = Sent(
        order_id="1-01", invoice_number="900", tracking_number=sent, tracking_url=None, courier=None,
        dispatched_date=None, at=0.0, visibility=Visibility.SEEN,
        parcels={"ep/other": (None, "OTHER1")} if ";" in sent else {},
    )  # fmt: skip
    shows = read_order(order("1-01", package(number, trackingNumber=shown), status=status))
    return delivery_check(shows, written, ["QS123BR", "ALIAS-7"], before)


@pytest.mark.parametrize(
    ("shown", "sent"),
    [
        ("QS123BR", "QS123BR"),
        ("qs 123-br", "QS123BR"),
        ("alias7", "QS123BR"),
        ("QS123BR;THEIRS", "QS123BR"),
        ("THEIRS, qs123br", "QS123BR"),
        ("OTHER1;QS123BR", "OTHER1;QS123BR"),
        ("OTHER1", "OTHER1;QS123BR"),
        ("VTEX-OWN", "VTEX-OWN"),
    ],
)
def test_ours(shown: str, sent: str) -> None:
    """Any number of the parcel, in any notation, alone or joined, and whatever we wrote there."""
    assert Shown.OURS is found(shown, sent=sent)


@pytest.mark.parametrize("before", [None, "OLD"])
def test_no_number(before: str | None) -> None:
    """An invoice without a number, no matter what stood there before."""
    assert Shown.NO_NUMBER is found(None, before=before)


def test_former_number() -> None:
    """The number that our write replaced; without a record of it, it is another parcel's."""
    assert [Shown.FORMER_NUMBER, Shown.CHANGED] == [found("OLD", before=before) for before in ("OLD", None)]


@pytest.mark.parametrize("shown", ["THEIRS", "THEIRS;OTHER1", "QS123BRX"])
def test_changed(shown: str) -> None:
    """Another number, though it contains ours."""
    assert Shown.CHANGED is found(shown)


@pytest.mark.parametrize("status", ["canceled", "replaced"])
def test_cancelled(status: str) -> None:
    """Nothing is delivered for such an order, whatever its invoice shows."""
    assert Shown.CHANGED is found("QS123BR", status=status)


def test_no_invoice() -> None:
    """The invoice is gone."""
    assert Shown.NO_INVOICE is found("QS123BR", number="901")


@pytest.mark.parametrize("kind", ["Output", "Input"])
def test_several(kind: str) -> None:
    """Several packages of one number, a return perhaps: VTEX could take the delivery for the other one's."""
    both = [package("900", trackingNumber="QS123BR"), package("900", kind=kind)]
    written = Sent(
        order_id="1-01", invoice_number="900", tracking_number="QS123BR", tracking_url=None, courier=None,
        dispatched_date=None, at=0.0, visibility=Visibility.SEEN,
    )  # fmt: skip
    assert Shown.CHANGED is delivery_check(read_order(order("1-01", *both)), written, ["QS123BR"], None)
