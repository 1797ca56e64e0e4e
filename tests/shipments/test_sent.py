"""What is asked of a record of what was sent."""

from dataclasses import replace

import pytest

from receiver.shipments.sent import SentTracking
from tests.support.sent import SENT


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
