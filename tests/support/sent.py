"""What was sent to VTEX, for tests of what is made of it."""

from receiver.shipments.sent import Sent, Visibility

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
