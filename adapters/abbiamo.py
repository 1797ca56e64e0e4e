"""Abbiamo: one status of one order per POST, named together with the order's invoice."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    UNDERWAY,
    Bearer,
    Header,
    Ignored,
    Path,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Shipment,
    Status,
    TrackingEvent,
    Unreadable,
    line,
    local_moment,
    look_up,
    name,
    single_event,
    text,
)

NAME = "Abbiamo"
DOCS = "https://abbiamo.readme.io/reference/order-status-change"
# "It is possible to send a header Authorization": its whole value is agreed with their team.
AUTH = (Header("authorization"), Bearer(), Header(), Path())
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = ZoneInfo("America/Sao_Paulo")  # `event_at` is in UTC; the parcels are in Brazil
TRACKING_PAGE = None
REFERENCES = ("order_number", "external_order_id")

# https://abbiamo.readme.io/reference/status-and-substatus, read 2026-11-22; the bases under HANDLING are in the help
# pages alone, https://abbiamo-guide.netlify.app/log/conceitos/status-de-pedido. A pair comes before its status alone.
STATUSES = {
    "CREATED": Status.ANNOUNCED,
    "PENDING": Status.ANNOUNCED,
    "DISPATCHED": Status.ANNOUNCED,  # a carrier, a route or a driver was found; the goods are in the store
    "IN_TRANSIT": Status.OTHER,  # to the store or to the shopper: the detail says it
    "IN_TRANSIT/COLLECTING": Status.ANNOUNCED,  # the driver is on the way to the store
    "IN_TRANSIT/AT_PICKUP_POINT": Status.ANNOUNCED,
    "COLLECTED": Status.DISPATCHED,
    "HANDLING": Status.OTHER,
    "HANDLING/PACKAGE_RECEIVED": Status.IN_TRANSIT,  # at a base
    "HANDLING/IN_TRANSFER": Status.IN_TRANSIT,
    "HANDLING/TRANSFER_COMPLETED": Status.IN_TRANSIT,
    "START_DELIVERY": Status.OUT_FOR_DELIVERY,
    "MANUAL_HANDLE": Status.OTHER,
    "SUCCESSFUL": Status.OTHER,  # a success alone does not say for whom
    "SUCCESSFUL/DELIVERED": Status.DELIVERED,
    "SUCCESSFUL/RETURNED": Status.RETURNED,
    "RETURNING": Status.RETURNED,
    "RETURNED": Status.RETURNED,
    "FAILED": Status.EXCEPTION,
    "CANCELED": Status.CANCELLED,
}
# https://abbiamo.readme.io/reference/order-status-change, read 2026-11-22: what the order is; a pick-up in the store is
# no parcel
ORDER_TYPES = {"DELIVERY": False, "RETURN": True}  # whether it is the way back
NO_CARRIER = ("PRIVATE-FLEET", "CARRIER")  # what `delivery_type` says where it is not a carrier's name


# https://abbiamo.readme.io/reference/webhook-events, read 2026-11-22
NO_PARCEL = ("ORDER_RECEIVER_UPDATE", "ORDER_CSAT_ANSWER", "TOKEN_GENERATED", "ROUTE_STATUS_CHANGE")


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    if payload["event_type"] in NO_PARCEL:
        raise Ignored("not about a parcel: only ORDER_STATUS_CHANGE is")
    if payload["event_type"] != "ORDER_STATUS_CHANGE":
        raise Unreadable("$.event_type", "is none of the kinds of events that are known")
    if payload.get("order_type") == "TAKEOUT":
        raise Ignored("no parcel to the shopper: a pick-up in the store")
    order_type = text(payload.get("order_type"), "$.order_type") or "DELIVERY"
    reverse = ORDER_TYPES.get(order_type, False)
    state, detail = name(payload["status"], "$.status"), _detail(payload)
    status, unknown = _status(state, detail)
    if reverse and status.in_possession:
        status = Status.RETURNED
    happened_at = local_moment(payload.get("event_at"), "$.event_at", zone=request.zone)  # `timestamp`: of the message
    carrier = line(payload.get("delivery_type"), "$.delivery_type")
    return [
        Shipment(
            key=name(payload["order_id"], "$.order_id"),
            status=status,
            happened_at=happened_at,
            tracking_number=text(payload.get("tracking"), "$.tracking"),
            courier=None if carrier in NO_CARRIER else carrier or None,
            dispatched_at=happened_at if status in UNDERWAY else None,
            delivered_at=happened_at if status is Status.DELIVERED else None,
            references=_references(payload),
            events=_events(detail or state, status, happened_at),
            reverse=reverse,
            unknown_words=tuple(word for word in (unknown, order_type) if word and word not in ORDER_TYPES),
        )
    ]


def _status(state: str, detail: str | None) -> tuple[Status, str]:
    """The pair's entry if the table has it, else that of the status; a detail that would decide is an unknown word."""
    pair = f"{state}/{detail}"
    if detail and pair in STATUSES:
        return STATUSES[pair], ""
    status, unknown = look_up(STATUSES, state)
    return status, pair if detail and status is Status.OTHER else unknown


def _detail(payload: dict[str, Any]) -> str | None:
    """The detail: the table of the fields has "substatus", the examples have "sub_status"."""
    return text(payload.get("sub_status"), "$.sub_status") or text(payload.get("substatus"), "$.substatus")


def _references(payload: dict[str, Any]) -> tuple[Reference, ...]:
    named = {
        ReferenceKind.ORDER_ID: text(payload.get("order_number"), "$.order_number"),
        ReferenceKind.INVOICE_NUMBER: text(payload.get("invoice_number"), "$.invoice_number"),
        ReferenceKind.INVOICE_KEY: text(payload.get("access_key"), "$.access_key"),
    }
    return tuple(Reference(kind, value) for kind, value in named.items() if value)


def _events(words: str, status: Status, happened_at: datetime | None) -> tuple[TrackingEvent, ...]:
    """The event with the status's name: the messages beside it are the driver's own words."""
    if happened_at is None or status is Status.ANNOUNCED:
        return ()
    return single_event(status, on=happened_at.date(), happened_at=happened_at, words=words)
