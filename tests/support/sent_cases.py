"""What was sent, for the tests of pure modules: `Sent` from the body of a PATCH."""

from typing import Any

from receiver.shipments import Sent, Visibility


def sent_of(
    body: dict[str, Any], *, order: str = "1-01", invoice: str = "900", visibility: Visibility = Visibility.UNSEEN,
    **rest: Any,
) -> Sent:  # fmt: skip
    """What is kept of a PATCH of ``body`` to that invoice; ``rest`` are further fields of `Sent`."""
    return Sent(
        order_id=order,
        invoice_number=invoice,
        tracking_number=body["trackingNumber"],
        tracking_url=body["trackingUrl"],
        courier=body["courier"],
        dispatched_date=body["dispatchedDate"],
        at=0.0,
        visibility=visibility,
        **rest,
    )
