"""ShipBob: an event, a shipment or an order per POST, its topic in a header; "shipped" there means "label printed"."""

from datetime import timedelta
from typing import Any

from adapters import (
    UNDERWAY,
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
    Unreadable,
    courier_name,
    day,
    line,
    look_up,
    moment,
    single_event,
    text,
    unless_returned,
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
HEADERS = ("webhook-id", "svix-id", *TOPIC_HEADERS)
SIGNED_ID = True  # the topic is not signed: a captured message must not come again as another topic's
# https://developer.shipbob.com/2026-07/guides/tracking and /v1.0/webhooks, read 2026-11-28
TOPICS = {
    "order.shipped": Status.ANNOUNCED,  # "after label purchase/print"
    "order.shipment.tracking_received": Status.ANNOUNCED,
    "order.shipment.delivered": Status.DELIVERED,
    "order.shipment.exception": Status.EXCEPTION,
    "order.shipment.on_hold": Status.EXCEPTION,
    "order.shipment.cancelled": Status.CANCELLED,
    # old subscriptions
    "order_shipped": Status.ANNOUNCED,
    "shipment_delivered": Status.DELIVERED,
    "shipment_exception": Status.EXCEPTION,
    "shipment_onhold": Status.EXCEPTION,
    "shipment_cancelled": Status.CANCELLED,
}
MOVED = "order.shipment.tracking.updated"
# https://developer.shipbob.com/2026-07/api/webhooks/create-subscription, read 2026-11-28: the topics that are about
# whole orders, items, returns, stock and bills
OTHER_TOPICS = (
    "order.delivered",
    "order.shipment.address.",
    "order.shipment.line_item.",
    "order.shipment.shipping_service.",
    "return.",
    "wro.",
    "billing.",
)

# Under MOVED. https://developer.shipbob.com/2026-07/guides/tracking, https://developer.shipbob.com/status-reference
# ("Shipment Statuses" and "Status Detail Name") and the types of https://github.com/brianzinn/shipbob-node-sdk, all
# read 2026-11-28
STATUSES = {
    "LabelCreated": Status.ANNOUNCED,
    "LabeledCreated": Status.ANNOUNCED,
    "Labeled": Status.ANNOUNCED,
    "Picked": Status.ANNOUNCED,  # in the warehouse
    "Packed": Status.ANNOUNCED,
    "Processing": Status.ANNOUNCED,  # as a detail of "Completed": it waits for the carrier
    "AwaitingCarrierScan": Status.ANNOUNCED,
    "InTransit": Status.IN_TRANSIT,
    "OutForDelivery": Status.OUT_FOR_DELIVERY,
    "DeliveryAttemptFailed": Status.IN_TRANSIT,  # the carrier tried to deliver it, so the carrier has it
    "Delivered": Status.DELIVERED,
    "DeliveryException": Status.EXCEPTION,
    "Exception": Status.EXCEPTION,
    "OnHold": Status.EXCEPTION,
    "On Hold": Status.EXCEPTION,
    "Cancelled": Status.CANCELLED,
    "Completed": Status.OTHER,  # it left ShipBob, which does not say that a carrier has it
    "CleanSweeped": Status.OTHER,
    "ImportReview": Status.OTHER,
    "None": Status.OTHER,
}


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    """The shipments of an order; an event or a shipment is its own member."""
    if "shipments" not in payload:
        return [("$", payload)]
    return [(f"$.shipments[{n}]", shipment) for n, shipment in enumerate(payload["shipments"])]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    topic = next((request.headers[header] for header in TOPIC_HEADERS if request.headers.get(header)), "")
    if not topic:
        raise Unreadable("$", f"comes without header {TOPIC_HEADERS[0]}, which says what it is about")
    if topic.startswith(OTHER_TOPICS):
        raise Ignored(f"{line(topic, '$')} carries no parcel status")
    if topic != MOVED and topic not in TOPICS:
        raise Unreadable("$", f"is of the unknown topic {line(topic, '$')}")
    if "tracking" not in payload:
        raise Unreadable("$.tracking", "is missing")
    tracking = payload["tracking"] or {}
    field = _number_field(tracking)
    number = text(tracking.get(field), f"$.tracking.{field}")
    if number is None:
        raise Ignored("a shipment without a tracking number yet")
    word = _word(payload)
    told, unknown = look_up(STATUSES, word) if topic == MOVED else (TOPICS[topic], "")
    status = unless_returned(told, word)
    clock = "event_time" if "event_time" in payload else "last_update_at"
    at = moment(payload.get(clock), f"$.{clock}", zone=request.zone)
    on = day(payload.get(clock), f"$.{clock}")
    handed_over = moment(payload.get("delivery_date"), "$.delivery_date", zone=request.zone) or at
    order = text(payload.get("reference_id"), "$.reference_id")
    carrier = text(tracking.get("carrier"), "$.tracking.carrier")
    return [
        Shipment(
            key=number,  # an event has no id of the shipment, and an order may have several parcels
            status=status,
            happened_at=at,
            tracking_number=number,
            tracking_url=url(tracking.get("tracking_url"), "$.tracking.tracking_url"),
            courier=courier_name(carrier) or carrier,
            courier_code=carrier or "",
            dispatched_at=at if status in UNDERWAY else None,
            delivered_at=handed_over if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=single_event(status, on=on, happened_at=at, words=word or status.words),
            unknown_words=(unknown,) if unknown else (),
        )
    ]


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    return text(request.headers.get("webhook-id") or request.headers.get("svix-id"), "$")


def _number_field(tracking: dict[str, Any]) -> str:
    """The number's field: ``tracking_id`` in events, ``tracking_number`` in orders and shipments."""
    fields = [field for field in ("tracking_id", "tracking_number") if field in tracking]
    if tracking and not fields:
        raise Unreadable("$.tracking", "has neither tracking_id nor tracking_number")
    return fields[0] if fields else "tracking_id"


def _word(payload: dict[str, Any]) -> str:
    """The status; for "Completed", its detail, which says how far the carrier is."""
    details = payload.get("status_details") or []
    if payload.get("status") == "Completed" and details:
        return line(details[0].get("name"), "$.status_details[0].name")
    return line(payload.get("status"), "$.status")
