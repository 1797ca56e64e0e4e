"""Easyship: one event of one shipment per POST, in words for people and without any date."""

from datetime import timedelta
from typing import Any

from adapters import (
    Header,
    History,
    Ignored,
    Jwt,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Scan,
    Shipment,
    Status,
    Unreadable,
    line,
    look_up,
    name,
    says_returned,
    text,
    url,
)

NAME = "Easyship"
DOCS = "https://developers.easyship.com/reference/webhooks-guide"
# The token names only the company: it authenticates the sender, not the body. Of version 1.0 the documentation says
# that "the signature will be your secret key".
AUTH = (Jwt(header="x-easyship-signature"), Header("x-easyship-signature"))
REPLY = Reply(unreadable=200)  # after 30 failures the webhook is switched off
PROBE = None
RETRIES = Retries(times=30, over=timedelta(minutes=30))
ZONE = None
TRACKING_PAGE = None
REFERENCES = (
    "data.platform_order_number",
    "data.company_order_number",
    "tracking_status.platform_order_number",
    "tracking_status.company_order_number",
)

# https://developers.easyship.com/v2023.01/reference/shipmenttrackingstatuschanged, the list of values, and the "latest
# event status" of a tracking in Easyship's API of 2024-09; read 2026-11-28
STATUSES = {
    "Created": Status.ANNOUNCED,
    "Draft": Status.OTHER,
    "Discarded Draft": Status.OTHER,
    "Incomplete": Status.OTHER,
    "Archived": Status.OTHER,
    "Label Pending": Status.ANNOUNCED,
    "Label Ready": Status.ANNOUNCED,
    "Label Printed": Status.ANNOUNCED,
    "Label Rejected": Status.EXCEPTION,
    "Tracking Info Received": Status.ANNOUNCED,
    "Pending Tracking Event": Status.ANNOUNCED,
    "Pickup Scheduled": Status.ANNOUNCED,
    "Assigned Pickup": Status.ANNOUNCED,
    "Awaiting Pickup at Seller": Status.ANNOUNCED,
    "Awaiting Pickup Confirmation by Courier": Status.ANNOUNCED,
    "Pickup Request Failed": Status.EXCEPTION,
    "Awaiting Confirmation by Warehouse": Status.ANNOUNCED,
    "Order Received by Warehouse": Status.ANNOUNCED,
    "Order Failed to Create at Warehouse": Status.EXCEPTION,
    "Order Packed": Status.ANNOUNCED,
    "Awaiting Dispatch by Warehouse": Status.ANNOUNCED,
    "Order Collected": Status.OTHER,  # by whom, it does not say
    "Backorder (No Stock)": Status.EXCEPTION,
    "Received at Fulfillment Center": Status.OTHER,  # the shop's warehouse, or one on the way
    "Received at Local Fulfilment Center": Status.OTHER,
    "Verified": Status.OTHER,
    "Packed": Status.OTHER,
    "Picked Up at Seller": Status.DISPATCHED,
    "Pickup Complete": Status.DISPATCHED,
    "Drop-off Complete": Status.DISPATCHED,
    "Handed Over to Courier": Status.DISPATCHED,
    "Shipped": Status.DISPATCHED,
    "Shipped (No Tracking Provided)": Status.DISPATCHED,
    "In Transit to Consolidation Center": Status.IN_TRANSIT,
    "Arrived at Consolidation Center": Status.IN_TRANSIT,
    "Processing at Consolidation Center": Status.IN_TRANSIT,
    "Dispatched from Sorting Hub": Status.IN_TRANSIT,
    "In Transit to Customer": Status.IN_TRANSIT,
    "Out for Delivery": Status.OUT_FOR_DELIVERY,
    "Failed Delivery Attempt": Status.IN_TRANSIT,  # the courier tried to deliver it, so the courier has it
    "Delivered": Status.DELIVERED,
    "Delivery Expected (End of Updates)": Status.OTHER,  # Easyship's guess
    "No Recent Tracking Updates": Status.OTHER,
    "Exception": Status.EXCEPTION,
    "Lost by Courier": Status.EXCEPTION,
    "To be returned": Status.EXCEPTION,  # decided, not begun
    "Returned To Sender": Status.RETURNED,
    "Liquidated": Status.EXCEPTION,
    "Cancelled": Status.CANCELLED,
    "Cancelled (No Stock)": Status.CANCELLED,
    "Cancelled by Company": Status.CANCELLED,
    "Cancelled by Easyship": Status.CANCELLED,
    "Cancellation Requested": Status.OTHER,
    "Cancellation Request Failed": Status.OTHER,
    "Uncancelled": Status.OTHER,
}
TRACKING = ("shipment.tracking.status.changed", "shipment.tracking.checkpoints.created")

# https://developers.easyship.com/reference/webhooks-guide, the list of events, read 2026-11-28
OTHER_EVENTS = (
    "shipment.label.failed",
    "shipment.warehouse.state.updated",
    "batch.started",
    "batch.finished",
    "batch.item.finished",
    "credit.balance.low",
    "courier.state.changed",
    "oauth.authorization.revoked",
    "enterprise.company.creation",
)

# The event's own part of the body: "data" since version 2024.09, before that named after the event
BLOCKS = ("data", "tracking_status", "label", "shipment")
TEST_SHIPMENT = "ESTEST"  # what the dashboard's "Test" button sends


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:  # noqa: ARG001  the contract's signature
    event = payload["event_type"]
    if event in OTHER_EVENTS:
        raise Ignored(f"{event} carries no parcel status")
    if event not in (*TRACKING, "shipment.label.created", "shipment.cancelled"):
        raise Unreadable("$.event_type", f"is {line(event, '$.event_type')}, which is not a known event")
    key = name(payload["resource_id"], "$.resource_id")
    if key.startswith(TEST_SHIPMENT):
        raise Ignored("a test of the dashboard")
    field = next((each for each in BLOCKS if payload.get(each)), None)
    if field is None:
        raise Unreadable("$.data", "is missing")
    block = payload[field]
    status, unknown = _status(event, block, field)
    order = text(block.get("platform_order_number"), f"$.{field}.platform_order_number")
    references = [Reference(ReferenceKind.ORDER_ID, order)] if order else []
    return [
        Shipment(
            key=key,
            status=_turned_back(block, field).settled(status),
            tracking_number=text(block.get("tracking_number"), f"$.{field}.tracking_number"),
            tracking_url=url(block.get("tracking_page_url"), f"$.{field}.tracking_page_url"),
            references=(*references, Reference(ReferenceKind.TRACKING_NUMBER, key)),
            unknown_words=(unknown,) if unknown else (),
        )
    ]


def _status(event: str, block: dict[str, Any], field: str) -> tuple[Status, str]:
    if event in TRACKING:
        return look_up(STATUSES, text(block.get("status"), f"$.{field}.status"))
    if event == "shipment.cancelled":
        return Status.CANCELLED, ""
    made = text(block.get("status"), f"$.{field}.status")
    if made == "failed":
        raise Ignored("no label was made")
    if made != "success":
        raise Unreadable(f"$.{field}.status", "is no status of a label that is known")
    return Status.ANNOUNCED, ""


def _turned_back(block: dict[str, Any], field: str) -> History:
    """The checkpoints whose text, in the couriers' own words, says that the parcel goes back."""
    checkpoints = block.get("checkpoints") or []
    path = f"$.{field}.checkpoints"
    words = [line(checkpoint.get("message"), path) for checkpoint in checkpoints]
    return History(tuple(Scan(status=Status.RETURNED) for message in words if says_returned(message)))
