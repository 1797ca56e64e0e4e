"""Envíame: one numbered status of one delivery per POST, often dated by the day alone, in four countries."""

from datetime import datetime
from typing import Any

from adapters import (
    UNDERWAY,
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
    courier_name,
    day,
    instant,
    line,
    look_up,
    moment,
    name,
    single_event,
    text,
    unless_returned,
    url,
)

NAME = "Envíame"
DOCS = "https://docs.enviame.io/docs/webhooks/"
# Nothing is signed. The merchant gives the webhook a header of its own.
AUTH = (Header("x-webhook-token"), Header(), Path())
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = None  # times have no offset; Chile, Peru, Colombia and Mexico do not share a zone
TRACKING_PAGE = None
REFERENCES = ("imported_id",)

# https://docs.enviame.io/docs/webhooks/, status_id, as integrators map the page. Read 2026-11-28.
STATUSES = {
    "5": Status.ANNOUNCED,
    "6": Status.OTHER,  # "in origin": the store's or the carrier's is not said
    "16": Status.DISPATCHED,  # collected by the carrier
    "7": Status.IN_TRANSIT,
    "8": Status.IN_TRANSIT,  # in the city of destination
    "9": Status.OUT_FOR_DELIVERY,  # its name is DISPATCHED
    "11": Status.IN_TRANSIT,  # "delivered" to a pick-up point, where the shopper has yet to come
    "10": Status.DELIVERED,
    "13": Status.DELIVERED,  # fetched by the shopper
    "12": Status.CANCELLED,
    "49": Status.CANCELLED,
    "14": Status.RETURNED,
    "30": Status.RETURNED,  # delivered back
    "33": Status.RETURNED,
    "44": Status.RETURNED,
    "55": Status.RETURNED,
    "17": Status.EXCEPTION,  # address not found
    "18": Status.EXCEPTION,  # refused
    "19": Status.EXCEPTION,  # not at home
    "20": Status.EXCEPTION,
    "22": Status.EXCEPTION,
    "24": Status.EXCEPTION,
    "27": Status.EXCEPTION,
    "29": Status.EXCEPTION,
    "41": Status.EXCEPTION,
    "97": Status.EXCEPTION,
    "23": Status.OTHER,  # "awaiting": what, is not said
}
PENDING = ("1", "2", "3", "4")


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    code = name(payload["status_id"], "$.status_id")
    if code in PENDING:
        raise Ignored("pending: there is no label yet")
    status, unknown_word = look_up(STATUSES, code)
    spoken = (line(payload.get(field), f"$.{field}") for field in ("status_name", "status_information"))
    status = unless_returned(status, *spoken)
    carrier = text(payload.get("carrier_code"), "$.carrier_code") or ""
    at = moment(payload.get("status_date"), "$.status_date", zone=request.zone)
    happened_at = instant(payload.get("status_date"), "$.status_date", zone=request.zone)
    order = text(payload.get("imported_id"), "$.imported_id")
    return [
        Shipment(
            key=name(payload["identifier"], "$.identifier"),
            status=status,
            happened_at=happened_at,
            tracking_number=text(payload.get("tracking_number"), "$.tracking_number"),
            tracking_url=url(payload.get("tracking_url"), "$.tracking_url"),
            courier=line(payload.get("carrier_name"), "$.carrier_name") or courier_name(carrier),
            courier_code=carrier,
            dispatched_at=at if status in UNDERWAY else None,
            delivered_at=at if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=_events(payload, status, happened_at),
            unknown_words=(unknown_word,) if unknown_word else (),
        )
    ]


def _events(payload: dict[str, Any], status: Status, happened_at: datetime | None) -> tuple[TrackingEvent, ...]:
    """The event with the status's name; ``status_information`` is the courier's free text, which may name people."""
    happened_on = day(payload.get("status_date"), "$.status_date")
    words = line(payload.get("status_name"), "$.status_name")
    if status is Status.ANNOUNCED:
        return ()
    return single_event(status, on=happened_on, happened_at=happened_at, words=words)
