"""What two endpoints know of one parcel, together."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from adapters import Shipment, Status
from receiver.shipments import Known, Update, fold
from receiver.shipments.twins import in_local_time, same_parcel, together, undelivered

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BRASILIA = timezone(timedelta(hours=-3))


def known(*volumes: tuple[str, str | None], delivered: bool = False, **rest: Any) -> Known:
    """A parcel with volumes by name and number."""
    status = Status.DELIVERED if delivered else Status.IN_TRANSIT
    said = [
        Shipment(key="p", volume=name, tracking_number=number, status=status, happened_at=NOON, **rest)
        for name, number in volumes
    ]
    return fold(Known(), [Update(shipment=one, received_at=NOON, digest="") for one in said])


def volumes(one: Known, other: Known) -> dict[str, bool]:
    return {name: volume.delivered for name, volume in together(one, other).volumes.items()}


def test_same_parcel():
    """A number in common makes two one, in any notation."""
    assert same_parcel(known(("1", "TN1"), ("2", "TN2")), known(("", "tn-2")))
    assert not same_parcel(known(("", "TN1")), known(("", "TN2")))
    assert not same_parcel(known(("", None)), known(("", None)))


class TestVolumes:
    def test_by_number(self):
        """A volume is known by its number, whatever its name; one that neither tells as delivered is not."""
        gateway = known(("1", "TN1"), ("2", "TN2"))

        assert {"1": False, "2": True} == volumes(gateway, known(("", "TN2"), delivered=True))
        assert {"1": True, "2": True} == volumes(known(("", "TN1")), known(("1", "TN1"), ("2", "TN2"), delivered=True))

    def test_one_of_several(self):
        """The delivery of a volume that one of them tells without a name is not that of all."""
        gateway, carrier = known(("1", "TN1"), ("2", "TN2")), known(("", "TN2"), delivered=True)

        assert carrier.delivered
        assert not together(gateway, carrier).delivered
        assert not together(carrier, gateway).delivered

    def test_only_one(self):
        """Where both know of one volume, it is the same, also under another number."""
        assert {"": True} == volumes(known(("", "TN1")), known(("1", "PARTNER"), delivered=True))

    def test_by_name(self):
        """A name counts where a number is missing, and else makes a volume of its own."""
        one = known(("1", "TN1"), ("2", None))

        assert {"1": False, "2": True} == volumes(one, known(("2", "TN2"), delivered=True))
        assert {"1": False, "2": False, "TN9": True} == volumes(one, known(("1", "TN9"), delivered=True))

    def test_cancelled(self):
        """A volume whose label was cancelled is none of the parcel, no matter which of them says so."""
        said = [
            Shipment(key="p", volume="2", tracking_number="TN2", status=Status.CANCELLED, happened_at=NOON + HOUR),
            Shipment(key="p", volume="1", tracking_number="TN1", status=Status.DELIVERED, happened_at=NOON),
        ]
        gateway = fold(Known(), [Update(shipment=one, received_at=NOON, digest="") for one in said])
        carrier = known(("1", "TN1"), ("2", "TN2"))

        assert ["1"] == list(together(gateway, carrier).boxes) == list(together(carrier, gateway).boxes)
        assert together(carrier, gateway).delivered


def test_earliest_dispatch():
    """The earliest dispatch counts, no matter which of them told it."""
    later, sooner = known(("", "TN1"), dispatched_at=NOON), known(("", "TN1"), dispatched_at=NOON - timedelta(hours=1))

    assert sooner.dispatched_at == together(later, sooner).dispatched_at == together(sooner, later).dispatched_at


def test_pages():
    """A parcel keeps its own page; where it has none, the other endpoint's is known."""
    one, other = (known(("", "TN1"), tracking_url=url) for url in ("https://a.example", "https://b.example"))

    assert "https://a.example" == together(one, other).tracking_url
    assert "https://b.example" == together(known(("", "TN1")), other).tracking_url


def test_local_time():
    """Each is told in the local time of its own endpoint's zone."""
    utc = known(("", "TN1"), delivered=True, dispatched_at=NOON, delivered_at=NOON)
    local = in_local_time(utc, BRASILIA)

    assert {9} == {at.hour for at in (local.dispatched_at, local.delivered_at) if at}
    assert known(("", "TN1")) == in_local_time(known(("", "TN1")), BRASILIA)


class TestUndelivered:
    """What a dismissed parcel says against a delivery."""

    def test_missing(self):
        """A volume of its that is not delivered is missed, and it gives no events."""
        dismissed = together(known(("1", "TN1"), ("2", "TN2")), known(("1", "TN1"), delivered=True))
        carrier = known(("", "TN1"), delivered=True)
        both = together(carrier, undelivered(dismissed, carrier))

        assert (["2"], False) == (both.missing, both.delivered)
        assert frozenset() == undelivered(dismissed, carrier).events

    def test_delivered(self):
        """That it was delivered counts for nothing: neither for the other's volume, nor for one of its own."""
        dismissed = known(("1", "TN1"), ("2", "TN2"), delivered=True)

        for delivered in (True, False):
            carrier = known(("", "TN1"), delivered=delivered)
            assert delivered is together(carrier, undelivered(dismissed, carrier)).delivered
