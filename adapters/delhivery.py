"""Delhivery: one scan of one parcel per POST, to be answered within half a second, repeated once and then dropped."""

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    UNDERWAY,
    Basic,
    Bearer,
    Header,
    Ignored,
    Path,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    TrackingEvent,
    day,
    line,
    look_up,
    moment,
    name,
    single_event,
    text,
    unless_returned,
)

NAME = "Delhivery"
DOCS = "https://delhivery-express-api-doc.readme.io/reference/tracking-via-push-api-webhook-1"
# Nothing is signed. Header and value are the client's choice, agreed by a form.
AUTH = (Header("x-webhook-token"), Header(), Bearer(), Basic(), Path())
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = Retries(times=1, over=timedelta(0))  # at once; only the Track API has what is lost
ZONE = ZoneInfo("Asia/Kolkata")  # times have no offset; integrators read them as India's
TRACKING_PAGE = None
REFERENCES = ("Shipment.ReferenceNo",)

# StatusType and Status, since neither means much alone: DOCS, and Delhivery's requirement document; the pairs of
# pickups from shoppers (PP, PU, CN, DTO) from integrators' tables that agree. Read 2026-11-28.
STATUSES = {
    "UD Manifested": Status.ANNOUNCED,
    "UD Not Picked": Status.ANNOUNCED,
    "UD In Transit": Status.IN_TRANSIT,
    "UD Pending": Status.IN_TRANSIT,
    "UD Dispatched": Status.OUT_FOR_DELIVERY,  # from the last hub, not from the shop
    "DL Delivered": Status.DELIVERED,
    "DL RTO": Status.RETURNED,  # "delivered", to the merchant
    "RT In Transit": Status.RETURNED,
    "RT Pending": Status.RETURNED,
    "RT Dispatched": Status.RETURNED,
    "PU In Transit": Status.RETURNED,  # picked up from the shopper
    "PU Pending": Status.RETURNED,
    "PU Dispatched": Status.RETURNED,
    "DL DTO": Status.RETURNED,  # a pickup from the shopper, delivered to the merchant
}
NOT_PICKED_UP = ("PP", "CN")  # pickups from the shopper that are planned or cancelled
BACK = ("RT", "PU")  # on its way to the merchant, under any status
REVERSE = ("PU", "DL DTO")
PICKED_UP = "X-PPOM"  # NSLCode, "Shipment picked up"

PLACE = re.compile(r"([^_]+)_.*\(([^()]+)\)")  # "Palwal_NewColony_D (Haryana)": a facility and its state


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    parcel = payload["Shipment"]
    scan = parcel["Status"]
    kind = text(scan["StatusType"], "$.Shipment.Status.StatusType") or ""
    if kind in NOT_PICKED_UP:
        raise Ignored("a pickup from the shopper that is planned or cancelled")
    number = name(parcel["AWB"], "$.Shipment.AWB")
    pair = f"{kind} {text(scan['Status'], '$.Shipment.Status.Status') or ''}".strip()
    told, unknown = _status(kind, pair, parcel)
    status = unless_returned(told, line(scan.get("Instructions"), "$.Shipment.Status.Instructions"))
    # Not `PickUpDate`: it holds the manifest's time before the parcel is picked up.
    at = moment(scan.get("StatusDateTime"), "$.Shipment.Status.StatusDateTime", zone=request.zone or ZONE)
    moving = status in UNDERWAY
    order = text(parcel.get("ReferenceNo"), "$.Shipment.ReferenceNo")
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=at,
            tracking_number=number,
            courier=NAME,
            dispatched_at=at if moving else None,
            delivered_at=at if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=_events(scan, status, at),
            reverse=kind in REVERSE or pair in REVERSE,
            unknown_words=(unknown,) if unknown else (),
        )
    ]


def _status(kind: str, pair: str, parcel: dict[str, Any]) -> tuple[Status, str]:
    status, unknown = look_up(STATUSES, pair)
    if kind in BACK:
        return Status.RETURNED, unknown
    picked_up = text(parcel.get("NSLCode"), "$.Shipment.NSLCode") == PICKED_UP
    return (Status.DISPATCHED if picked_up and status is Status.IN_TRANSIT else status), unknown


def _events(scan: dict[str, Any], status: Status, at: datetime | None) -> tuple[TrackingEvent, ...]:
    written = day(scan.get("StatusDateTime"), "$.Shipment.Status.StatusDateTime")
    if not status.in_possession or written is None:
        return ()
    where = line(scan.get("StatusLocation"), "$.Shipment.Status.StatusLocation")
    place = PLACE.fullmatch(where)
    instructions = line(scan.get("Instructions"), "$.Shipment.Status.Instructions")
    return single_event(
        status,
        on=written,
        happened_at=at,
        words=instructions or line(scan["Status"], "$.Shipment.Status.Status"),
        city=place[1] if place else where,
        state=place[2] if place else "",
    )
