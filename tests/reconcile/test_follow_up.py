"""What a dry run of a new reading says that a worker would do, without a call."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from adapters import Shipment, Status, TrackingEvent
from receiver.reconcile.plan import input_digest
from receiver.reconcile.rereading import follow_up
from receiver.shipments import Generation, Known, SentTracking, ShipmentRecord, State, Update, Visibility, fold
from receiver.vtex.patch_body import patch_body
from tests.support.configs import config
from tests.support.sent_cases import sent_of

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
EVENT = TrackingEvent(day=date(2026, 11, 17), description="Arrived")
BODY = patch_body(tracking_number="TN1", tracking_url=None, courier="Loggi", dispatched_date=None)
PLACE = "invoice 900 of order 1-01"


def foreseen(status: Status = Status.DISPATCHED, *, events: bool = True, number: str = "TN1", **sent: Any) -> str:
    """What follows for a parcel that was written, and whose messages say this today."""
    settings = config(endpoints={"melhor-envio": {"secrets": ["s"], "events": events}})
    said = Shipment(key="1", status=status, tracking_number=number, happened_at=NOW, events=(EVENT,))
    first = Update(shipment=replace(said, tracking_number="TN1"), received_at=NOW, digest="")
    known = fold(Known(), [Update(shipment=said, received_at=NOW, digest="")])
    was = sent_of(BODY, **{"visibility": Visibility.SEEN, **sent})
    shipment = ShipmentRecord(id="melhor-envio/1", endpoint="melhor-envio", account="lux", known=known)
    decided = input_digest(shipment, fold(Known(), [first]), settings.endpoints["melhor-envio"])
    shipment = replace(shipment, generation=Generation(state=State.IN_STEP, sent=was, input_digest=decided))
    now = (NOW + timedelta(hours=1)).timestamp()
    return follow_up(shipment, known, settings.endpoints["melhor-envio"], settings, now=now)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, f"would send its events to {PLACE}"),
        ({"status": Status.DELIVERED}, f"would send its events and its delivery to {PLACE}"),
        (
            {"status": Status.DELIVERED, "parcels": {"melhor-envio/1": (None, "TN1"), "melhor-envio/2": (None, "TN2")}},
            f"would send its events and its delivery to {PLACE} once every parcel there is delivered",
        ),
        (
            {"status": Status.DELIVERED, "tracking": SentTracking(digest="", at=0.0, delivered=True)},
            f"would send its events to {PLACE}",
        ),
        ({"events": False}, "nothing is written: in_step"),
        ({"number": "TN2"}, f"would look at {PLACE} again: number, courier changed, then send its events to {PLACE}"),
        ({"visibility": Visibility.UNSEEN}, f"would read {PLACE} back, then send its events to {PLACE}"),
    ],
)
def test_written(changed: dict[str, Any], expected: str):
    """Number, page, courier and date, events and delivery: whatever would be sent is foreseen."""
    assert expected == foreseen(**changed)
