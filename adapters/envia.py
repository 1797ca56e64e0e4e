"""Envia.com: the newest status of one parcel per POST, in words; two of its webhooks name the shop's order."""

import re
from datetime import datetime
from typing import Any

from adapters import (
    UNDERWAY,
    Bearer,
    Hmac,
    Ignored,
    NotAuthentic,
    Probe,
    Reply,
    Request,
    Shipment,
    Status,
    TrackingEvent,
    Unreadable,
    courier_name,
    day,
    line,
    look_up,
    moment,
    name,
    single_event,
    text,
    unless_returned,
)

NAME = "Envia.com"
DOCS = "https://docs.envia.com/docs/webhooks"


def _message(request: Request) -> bytes:
    """The signed bytes: ``<timestamp>.<event>.<body>``, as written in the two headers."""
    stamp, event = (request.headers.get(f"x-webhook-{part}", "").strip() for part in ("timestamp", "event"))
    if not (stamp and event):
        raise NotAuthentic("header x-webhook-timestamp or x-webhook-event is missing")
    return f"{stamp}.{event}.".encode("latin-1", "replace") + request.body


# The webhooks of types 3 to 5 are signed; those of types 1 and 2 bring a token alone. The page does not say how the
# digest is written (integrators compute hex), nor how old a signed message may be: repeats may be days late.
AUTH = (
    Hmac(
        header="x-webhook-signature",
        encoding="either",
        prefix="v1=",
        message=_message,
        covers="`x-webhook-timestamp.x-webhook-event.body`",
    ),
    Bearer(),
)
REPLY = Reply(unreadable=200)  # anything but 2xx within 5 s is queued and sent again
PROBE = Probe(  # the panel's "Probar" and POST /ship/webhooktest/, both unsigned
    bodies=(b"{}",), unless_headers=("x-webhook-signature",)
)
RETRIES = None  # there are some; how many the page does not say
ZONE = None  # the one time there is has its Z
TRACKING_PAGE = None
HEADERS = ("x-webhook-event", "x-webhook-timestamp", "x-webhook-version")
REFERENCES = (
    "data.order_data.order_identifier",
    "data.order_data.order_number",
    "data.order_data.order_name",
    "orderData.orderIdentifier",
    "orderData.orderNumber",
    "orderData.orderName",
)

# https://docs.envia.com/reference/webhooks: types 3 and 4, which differ in the order that they name, and type 5
TRACKING = ("tracking.simple", "tracking.ecommerce", "ecommerceTracking")  # the page and integrators name type 4 apart
SURCHARGE = "surcharge"

# The 28 statuses of https://docs.envia.com/docs/webhooks, in lower case and with single spaces; the last one is a word
# of the legacy webhook (integrators' code). Read 2026-11-28.
STATUSES = {
    "created": Status.ANNOUNCED,
    "pending": Status.ANNOUNCED,
    "pickup attempt": Status.ANNOUNCED,  # the courier came for it and did not get it
    "1 pickup attempt": Status.ANNOUNCED,
    "canceled": Status.CANCELLED,
    "cancelled": Status.CANCELLED,
    "picked up": Status.DISPATCHED,
    "shipped": Status.IN_TRANSIT,  # the page has "Shipped" and "In transit" under one number
    "in transit": Status.IN_TRANSIT,
    "redirected": Status.IN_TRANSIT,
    "pickup at office": Status.IN_TRANSIT,  # waiting for the shopper, not handed over
    "1st attempt": Status.IN_TRANSIT,  # the courier that tried to deliver it has it
    "2nd attempt": Status.IN_TRANSIT,
    "3rd attempt": Status.IN_TRANSIT,
    "delivery attempt": Status.IN_TRANSIT,
    "partially delivered": Status.IN_TRANSIT,
    "out for delivery": Status.OUT_FOR_DELIVERY,
    "delivered": Status.DELIVERED,
    "delivered at origin": Status.RETURNED,
    "returned": Status.RETURNED,
    "return problem": Status.EXCEPTION,
    "lost": Status.EXCEPTION,
    "damaged": Status.EXCEPTION,
    "address error": Status.EXCEPTION,
    "undeliverable": Status.EXCEPTION,
    "delayed": Status.EXCEPTION,
    "rejected": Status.EXCEPTION,
    "information": Status.OTHER,
    "n a": Status.OTHER,
    "out for pickup": Status.OTHER,  # on the way to whom is not said
    "partially shipped": Status.OTHER,  # of several parcels; which ones is not said
    "failed attempt": Status.EXCEPTION,
}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    if "type" not in payload:
        return [_legacy(payload)]
    if payload["type"] == SURCHARGE:
        raise Ignored("a surcharge, which says nothing of where the parcel is")
    if payload["type"] not in TRACKING:
        raise Unreadable("$.type", "is none of Envia's webhooks that are known")
    data = payload["data"]
    status, unknown_words = _status(data["status"], "$.data.status")
    status = unless_returned(status, _words(data))
    happened_at = moment(payload["created_at"], "$.created_at", zone=request.zone)
    carrier = text(data.get("carrier_name"), "$.data.carrier_name") or ""
    return [
        Shipment(
            key=name(data["shipment_id"], "$.data.shipment_id"),
            status=status,
            happened_at=happened_at,
            tracking_number=text(data.get("tracking_number"), "$.data.tracking_number"),
            courier=courier_name(carrier) or carrier or None,
            courier_code=carrier,
            dispatched_at=happened_at if status in UNDERWAY else None,
            delivered_at=happened_at if status is Status.DELIVERED else None,
            events=_events(payload, status, happened_at),
            unknown_words=unknown_words,
        )
    ]


def _legacy(payload: dict[str, Any]) -> Shipment:
    """A shipment of types 1 and 2. They lack an id and a readable time: the number is the key, without dates."""
    if "shipment_status" in payload:
        raise Ignored("the panel's test message")
    number = name(payload["trackingNumber"], "$.trackingNumber")
    status, unknown_words = _status(payload["status"], "$.status")
    carrier = text(payload.get("carrierName"), "$.carrierName") or ""
    return Shipment(
        key=number,
        status=status,
        tracking_number=number,
        courier=courier_name(carrier) or carrier or None,
        courier_code=carrier,
        unknown_words=unknown_words,
    )


def _status(written: object, path: str) -> tuple[Status, tuple[str, ...]]:
    """A status by its words, which come in several spellings: "Out for Delivery", "out_for_delivery"."""
    word = line(written, path)
    status, unknown = look_up(STATUSES, " ".join(re.findall(r"[a-z0-9]+", word.lower())))
    return status, (word,) if unknown else ()


def _words(data: dict[str, Any]) -> str:
    return line(data.get("status_description"), "$.data.status_description")


def _events(payload: dict[str, Any], status: Status, happened_at: datetime | None) -> tuple[TrackingEvent, ...]:
    data = payload["data"]
    happened_on = day(payload["created_at"], "$.created_at")
    words = _words(data) or line(data["status"], "$.data.status")
    place = line(data.get("location"), "$.data.location")  # free text, such as a city with its country
    return single_event(status, on=happened_on, happened_at=happened_at, words=words, city=place)
