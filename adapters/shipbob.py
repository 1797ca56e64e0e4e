"""ShipBob: one event of one shipment per POST, its topic in a header; "shipped" there means "label printed"."""

from datetime import timedelta
from typing import Any

from adapters import (
    Ignored,
    Path,
    Query,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Shipment,
    StandardWebhooks,
    Status,
    TrackingEvent,
    Unreadable,
    day,
    line,
    moment,
    text,
    url,
)

NAME = "ShipBob"
DOCS = "https://developer.shipbob.com/2026-07/webhooks"
AUTH = (StandardWebhooks(), Path(), Query())  # subscriptions of the API's first two versions sign nothing
REPLY = Reply(unreadable=200)  # what fails is sent again for a day
PROBE = None
RETRIES = Retries(times=None, over=timedelta(hours=24))
ZONE = None  # every time carries its offset
TRACKING_PAGE = None
REFERENCES = ("reference_id", "order_id")

TOPIC_HEADERS = ("x-webhook-topic", "shipbob-topic")  # the second in old subscriptions
HEADERS = ("webhook-id", *TOPIC_HEADERS)
# https://developer.shipbob.com/2026-07/guides/tracking
TOPICS = {
    "order.shipped": Status.ANNOUNCED,  # "after label purchase/print"
    "order_shipped": Status.ANNOUNCED,  # the same in old subscriptions
    "order.shipment.tracking_received": Status.ANNOUNCED,
    "order.shipment.delivered": Status.DELIVERED,
    "order.shipment.exception": Status.EXCEPTION,
    "order.shipment.on_hold": Status.EXCEPTION,
    "order.shipment.cancelled": Status.CANCELLED,
}
MOVED = "order.shipment.tracking.updated"
# Same page: "carrier status changes (InTransit, OutForDelivery, Delivered, etc.)", under MOVED alone
STATUSES = {
    "LabelCreated": Status.ANNOUNCED,
    "InTransit": Status.IN_TRANSIT,
    "OutForDelivery": Status.OUT_FOR_DELIVERY,
    "Delivered": Status.DELIVERED,
}
ON_THE_WAY = (Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    topic = next((request.headers[header] for header in TOPIC_HEADERS if request.headers.get(header)), "")
    if not topic:
        raise Unreadable("$", f"comes without header {TOPIC_HEADERS[0]}, which says what it tells of")
    if topic != MOVED and topic not in TOPICS:
        raise Ignored(f"{line(topic, '$')} carries no parcel status")
    tracking = payload.get("tracking") or {}
    number = text(tracking.get("tracking_id"), "$.tracking.tracking_id")
    if number is None:
        raise Ignored("a shipment without a tracking number yet")
    said = line(payload.get("status"), "$.status")
    status = STATUSES.get(said, Status.OTHER) if topic == MOVED else TOPICS[topic]
    at = moment(payload.get("event_time"), "$.event_time", zone=request.zone)
    on = day(payload.get("event_time"), "$.event_time")
    order = text(payload.get("reference_id"), "$.reference_id")
    return [
        Shipment(
            key=number,  # `order_id` is the order's, and an order may have several parcels
            status=status,
            happened_at=at,
            tracking_number=number,
            tracking_url=url(tracking.get("tracking_url"), "$.tracking.tracking_url"),
            courier=text(tracking.get("carrier"), "$.tracking.carrier"),
            dispatched_at=at if status in ON_THE_WAY else None,
            delivered_at=at if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=(TrackingEvent(day=on, description=said or topic, happened_at=at),) if on else (),
        )
    ]


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    return text(request.headers.get("webhook-id"), "$")
