"""What is asked of a record of what was sent."""

from dataclasses import replace

import pytest

from receiver.shipments.sent import Sent, SentTracking, Visibility

SENT = Sent(
    order_id="1-01",
    invoice_number="9",
    tracking_number="TN1",
    tracking_url=None,
    courier=None,
    dispatched_date=None,
    at=0.0,
    visibility=Visibility.SEEN,
)


@pytest.mark.parametrize(
    ("tracking", "is_delivered"),
    [
        (None, False),
        (SentTracking(digest="d", at=0.0, delivered=False), False),
        (SentTracking(digest="d", at=0.0, delivered=True), True),
    ],
)
def test_delivered(tracking: SentTracking | None, is_delivered: bool):
    """A delivery was sent only with the events."""
    assert is_delivered is replace(SENT, tracking=tracking).is_delivered
