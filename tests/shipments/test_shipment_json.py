"""A parcel as plain JSON and back, whole and bare: nothing is lost, and what is unknown takes no room."""

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from adapters import Reference, ReferenceKind, Shipment, Status, TrackingEvent
from receiver.shipments import Known, Update, fold, known_from_json, known_to_json, shipment_from_json, shipment_to_json

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=-3)))
FULL = Shipment(
    key="p1",
    status=Status.DELIVERED,
    happened_at=NOON,
    tracking_number="TN1",
    tracking_url="https://t.example/TN1",
    courier="Jadlog",
    dispatched_at=NOON - timedelta(days=2),
    delivered_at=NOON,
    references=(Reference(ReferenceKind.ORDER_ID, "1-01"), Reference(ReferenceKind.INVOICE_NUMBER, "900")),
    events=(
        TrackingEvent(day=date(2026, 3, 1), description="Delivered", happened_at=NOON, city="Recife", state="PE"),
        TrackingEvent(day=date(2026, 2, 27), description="Posted"),
    ),
    volume="2",
    returned=True,
)
BARE = Shipment(key="p1", status=Status.OTHER)


def folded(*shipments: Shipment) -> Known:
    return fold(Known(), [Update(shipment=one, received_at=NOON.astimezone(UTC), digest="d") for one in shipments])


@pytest.mark.parametrize("shipment", [FULL, BARE], ids=["full", "bare"])
def test_shipment(shipment: Shipment) -> None:
    """What one message says of a parcel."""
    assert shipment == shipment_from_json(json.loads(json.dumps(shipment_to_json(shipment))))


@pytest.mark.parametrize(
    "known",
    [
        Known(),
        folded(FULL),
        folded(BARE),
        folded(FULL, Shipment(key="p1", status=Status.RETURNED), Shipment(key="p1", status=Status.CANCELLED)),
        Known(since=NOON),
    ],
    ids=["nothing", "full", "bare", "returned and cancelled", "recycled"],
)
def test_known(known: Known) -> None:
    """What all messages together say of it."""
    assert known == known_from_json(json.loads(json.dumps(known_to_json(known))))


@pytest.mark.parametrize(("newest", "stands"), [("cancelled", True), ("in_transit", False)])
def test_former_cancellation(newest: str, stands: bool) -> None:
    """Rows up to 0.2.0 have one cancellation of the whole parcel, which stood as long as it was the newest word."""
    stamp = [NOON.isoformat(), NOON.isoformat(), "d"]
    plain = {"status": [newest, *stamp], "in_possession": True, "cancelled": stamp, "volumes": {"1": {}, "2": {}}}

    assert stands == known_from_json(plain).cancelled_after_possession


def test_former_possession() -> None:
    """In such rows the newest word says that the carrier has the parcel: an older cancellation does not stand."""
    stamp, before = ([(NOON + timedelta(hours=hours)).isoformat()] * 2 for hours in (2, 0))
    plain = {"status": ["in_transit", *stamp, "d"], "in_possession": True, "volumes": {"": {}}}
    late = {**plain, "volumes": {"": {"cancelled": [*before, "d"], "possessed": [*stamp, "d"]}}}

    assert (NOON + timedelta(hours=2), NOON + timedelta(hours=2), "d") == known_from_json(plain).volumes[""].possessed
    assert not known_from_json(late).cancelled_after_possession


def test_small() -> None:
    """What is unknown is left out."""
    assert {"key": "p1", "status": "other"} == shipment_to_json(BARE)
    assert {} == known_to_json(Known())
