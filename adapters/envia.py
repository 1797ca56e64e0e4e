"""Envia.com: the newest status of one parcel per POST, in words, and never the merchant's order."""

import re
from datetime import datetime
from typing import Any

from adapters import (
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
    day,
    line,
    moment,
    name,
    text,
)

NAME = "Envia.com"
DOCS = "https://docs.envia.com/docs/webhooks"


def _message(request: Request) -> bytes:
    """``<timestamp>.<event>.<body>``, as the two headers write them."""
    stamp, event = (request.headers.get(f"x-webhook-{part}", "").strip() for part in ("timestamp", "event"))
    if not (stamp and event):
        raise NotAuthentic("header x-webhook-timestamp or x-webhook-event is missing")
    return f"{stamp}.{event}.".encode("latin-1", "replace") + request.body


# The webhooks of types 3 to 5 are signed; those of types 1 and 2 bring a token alone. The page does not say how the
# digest is written (integrators compute hex), nor how old a signed message may be: repeats may be days late.
AUTH = (Hmac(header="x-webhook-signature", encoding="either", prefix="v1=", message=_message), Bearer())
REPLY = Reply(unreadable=200)  # anything but 2xx within 5 s is queued and sent again
PROBE = Probe(  # the panel's "Probar" and POST /ship/webhooktest/, both unsigned
    bodies=(b"{}",), unless_headers=("x-webhook-signature",)
)
RETRIES = None  # there are some; how many the page does not say
ZONE = None  # the one time there is has its Z
TRACKING_PAGE = None
HEADERS = ("x-webhook-event", "x-webhook-id", "x-webhook-timestamp", "x-webhook-version")
REFERENCES = ()

# https://docs.envia.com/docs/webhooks, the 28 statuses, in lower case and with single spaces
STATUSES = {
    "created": Status.ANNOUNCED,
    "pending": Status.ANNOUNCED,
    "pickup attempt": Status.ANNOUNCED,  # they came for it in vain
    "1 pickup attempt": Status.ANNOUNCED,
    "canceled": Status.CANCELLED,
    "cancelled": Status.CANCELLED,
    "picked up": Status.DISPATCHED,
    "shipped": Status.IN_TRANSIT,  # the page has "Shipped" and "In transit" under one number
    "in transit": Status.IN_TRANSIT,
    "redirected": Status.IN_TRANSIT,
    "pickup at office": Status.IN_TRANSIT,  # waiting for the shopper, not handed over
    "1st attempt": Status.IN_TRANSIT,  # who tried to deliver it has it
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
}
ON_THE_WAY = (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)

# The legacy webhook writes codes; shoppers know the name.
COURIERS = {"dhl": "DHL", "fedex": "FedEx", "ups": "UPS", "usps": "USPS"}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    if "type" not in payload:
        return [_legacy(payload)]
    if payload["type"] != "tracking.simple":
        raise Ignored("another of Envia's webhooks: parcels are told of by tracking.simple")
    data = payload["data"]
    status = _status(data["status"], "$.data.status")
    happened_at = moment(payload["created_at"], "$.created_at", zone=request.zone)
    return [
        Shipment(
            key=name(data["shipment_id"], "$.data.shipment_id"),
            status=status,
            happened_at=happened_at,
            tracking_number=text(data.get("tracking_number"), "$.data.tracking_number"),
            courier=_courier(data.get("carrier_name"), "$.data.carrier_name"),
            dispatched_at=happened_at if status in ON_THE_WAY else None,
            delivered_at=happened_at if status is Status.DELIVERED else None,
            events=_events(payload, happened_at),
        )
    ]


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    return text(request.headers.get("x-webhook-id"), "$")


def _legacy(payload: dict[str, Any]) -> Shipment:
    """Types 1 and 2 say neither an id nor a time: the number is the key, and nothing is dated."""
    if "shipment_status" in payload:
        raise Ignored("the panel's test message")
    number = name(payload["trackingNumber"], "$.trackingNumber")
    return Shipment(
        key=number,
        status=_status(payload["status"], "$.status"),
        tracking_number=number,
        courier=_courier(payload.get("carrierName"), "$.carrierName"),
    )


def _status(written: object, path: str) -> Status:
    """A status by its words, of which there are several spellings: "Out for Delivery", "out_for_delivery"."""
    return STATUSES.get(" ".join(re.findall(r"[a-z0-9]+", line(written, path).lower())), Status.OTHER)


def _courier(written: object, path: str) -> str | None:
    carrier = text(written, path)
    return COURIERS.get(carrier.lower(), carrier) if carrier else None


def _events(payload: dict[str, Any], happened_at: datetime | None) -> tuple[TrackingEvent, ...]:
    data = payload["data"]
    happened_on = day(payload["created_at"], "$.created_at")
    words = line(data.get("status_description"), "$.data.status_description") or line(data["status"], "$.data.status")
    if happened_on is None or not words:
        return ()
    place = line(data.get("location"), "$.data.location")  # free text, such as a city with its country
    return (TrackingEvent(day=happened_on, description=words, happened_at=happened_at, city=place),)
