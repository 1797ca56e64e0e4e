"""Easyship: one event of one shipment per POST, in words for people and without any date."""

from datetime import timedelta
from typing import Any

from adapters import (
    Header,
    Ignored,
    Jwt,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    Unreadable,
    line,
    name,
    text,
    url,
)

NAME = "Easyship"
DOCS = "https://developers.easyship.com/reference/webhooks-guide"
# The token names the company alone: it proves the sender, not the body. Of version 1.0 the documentation says that "the
# signature will be your secret key".
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

# https://developers.easyship.com/v2023.01/reference/shipmenttrackingstatuschanged, the list of values
STATUSES = {
    "Shipped": Status.DISPATCHED,
    "Shipped (No Tracking Provided)": Status.DISPATCHED,
    "In Transit to Consolidation Center": Status.IN_TRANSIT,
    "Arrived at Consolidation Center": Status.IN_TRANSIT,
    "Processing at Consolidation Center": Status.IN_TRANSIT,
    "In Transit to Customer": Status.IN_TRANSIT,
    "Out for Delivery": Status.OUT_FOR_DELIVERY,
    "Failed Delivery Attempt": Status.IN_TRANSIT,  # who tried to deliver it has it
    "Delivered": Status.DELIVERED,  # "Delivery Expected (End of Updates)" is a guess of Easyship's
    "Exception": Status.EXCEPTION,
    "Lost by Courier": Status.EXCEPTION,
    "To be returned": Status.EXCEPTION,  # decided, not begun
    "Liquidated": Status.EXCEPTION,
}
TRACKING = ("shipment.tracking.status.changed", "shipment.tracking.checkpoints.created")

# The event's own part of the body: "data" since version 2024.09, before that named after the event
BLOCKS = ("data", "tracking_status", "label", "shipment")
TEST_SHIPMENT = "ESTEST"  # what the dashboard's "Test" button sends


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:  # noqa: ARG001  the contract's signature
    event = payload["event_type"]
    if event not in (*TRACKING, "shipment.label.created", "shipment.cancelled"):
        raise Ignored(f"{line(event, '$.event_type')} carries no parcel status")
    key = name(payload["resource_id"], "$.resource_id")
    if key.startswith(TEST_SHIPMENT):
        raise Ignored("a test of the dashboard")
    block = next((each for each in BLOCKS if payload.get(each)), None)
    if block is None:
        raise Unreadable("$.data", "is missing")
    said = payload[block]
    order = text(said.get("platform_order_number"), f"$.{block}.platform_order_number")
    return [
        Shipment(
            key=key,
            status=_status(event, said),
            tracking_number=text(said.get("tracking_number"), f"$.{block}.tracking_number"),
            tracking_url=url(said.get("tracking_page_url"), f"$.{block}.tracking_page_url"),
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
        )
    ]


def _status(event: str, said: dict[str, Any]) -> Status:
    if event in TRACKING:
        return STATUSES.get(said.get("status") or "", Status.OTHER)
    if event == "shipment.cancelled":
        return Status.CANCELLED
    if said.get("status") != "success":
        raise Ignored("no label was made")
    return Status.ANNOUNCED
