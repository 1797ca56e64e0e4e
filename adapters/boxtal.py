"""Boxtal, API version 3: the packages of one shipping order in each POST, every one with its state and its history."""

from typing import Any

from adapters import (
    UNDERWAY,
    History,
    Hmac,
    Ignored,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Scan,
    Shipment,
    Status,
    Unreadable,
    day,
    line,
    local_moment,
    look_up,
    name,
    text,
    unless_returned,
    url,
)

NAME = "Boxtal"
DOCS = "https://developer.boxtal.com/fr/en/apiv3/guide/subscriptions-api-v3"
AUTH = (Hmac(header="x-bxt-signature", encoding="either"),)  # the page does not say how the hash is written
REPLY = Reply(unreadable=200)  # a subscription may become SUSPENDED: of what, is not said
PROBE = None
RETRIES = None
ZONE = None  # whether times carry an offset is not documented
TRACKING_PAGE = None
REFERENCES = ("shipmentExternalId", "payload.trackings[*].packageExternalId")

CHANGED = "TRACKING_CHANGED"
DOCUMENT = "DOCUMENT_CREATED"

# The tracking statuses of Boxtal's OpenAPI document, version 3.1.0, as the code of six integrators copies it, with the
# French texts that one of them shows. Read 2026-11-30. PENDING, which two of them add, is a shipping order's.
STATUSES = {
    "ANNOUNCED": Status.ANNOUNCED,
    "SHIPPED": Status.DISPATCHED,  # collected, or handed in at a point of the carrier's
    "IN_TRANSIT": Status.IN_TRANSIT,
    "OUT_FOR_DELIVERY": Status.OUT_FOR_DELIVERY,
    "FAILED_ATTEMPT": Status.EXCEPTION,
    "REACHED_DELIVERY_PICKUP_POINT": Status.IN_TRANSIT,  # it waits for the shopper
    "DELIVERED": Status.DELIVERED,  # to the shopper, or taken by him from the point
    "RETURNED": Status.RETURNED,  # "renvoyé à l'expéditeur"
    "EXCEPTION": Status.EXCEPTION,
}


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    """The message once for each package."""
    if payload["type"] != CHANGED:
        return [("$", payload)]
    return [("$", {**payload, "payload": {"trackings": [each]}}) for each in payload["payload"]["trackings"]]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    if payload["type"] == DOCUMENT:
        raise Ignored("a document, such as a label")
    if payload["type"] != CHANGED:
        raise Unreadable("$.type", "names no event that is known here")
    (tracking,), path = payload["payload"]["trackings"], "$.payload.trackings[0]"
    number = text(tracking.get("trackingNumber"), f"{path}.trackingNumber")
    key = text(tracking.get("packageId"), f"{path}.packageId") or number
    if key is None:
        raise Unreadable(f"{path}.packageId", "is missing, and so is trackingNumber")
    order = text(payload.get("shipmentExternalId"), "$.shipmentExternalId")
    newest = _scan(tracking, path, request)
    past = tracking.get("history") or []
    history = History((*(_scan(each, f"{path}.history[{n}]", request) for n, each in enumerate(past)), newest))
    status = history.settled(newest.status)
    return [
        Shipment(
            key=key,
            status=status,
            happened_at=newest.happened_at or history.last(),
            tracking_number=number,
            tracking_url=url(tracking.get("packageTrackingUrl"), f"{path}.packageTrackingUrl"),
            dispatched_at=history.first(*UNDERWAY),
            delivered_at=history.first(Status.DELIVERED) if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=history.events,
            returned=history.returned_before(status),
            unknown_words=history.unknown_words,
        )
    ]


def _scan(entry: dict[str, Any], path: str, request: Request) -> Scan:
    status, unknown = look_up(STATUSES, name(entry["status"], f"{path}.status"))
    at = local_moment(entry.get("trackingDateTime"), f"{path}.trackingDateTime", zone=request.zone)
    words = line(entry.get("message"), f"{path}.message")
    status = unless_returned(status, words)
    on = at.date() if at else day(entry.get("trackingDateTime"), f"{path}.trackingDateTime")
    return Scan.of(status, unknown, on=on, happened_at=at, words=words or status.words)
