"""Delhivery: one scan of one parcel per POST, to be answered within half a second, repeated once and then dropped."""

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
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
    moment,
    name,
    text,
)

NAME = "Delhivery"
DOCS = "https://delhivery-express-api-doc.readme.io/reference/tracking-via-push-api-webhook-1"
# Nothing is signed. Header and value are the client's choice, agreed by a form.
AUTH = (Header("x-webhook-token"), Header(), Bearer(), Basic(), Path())
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = Retries(times=1, over=timedelta(0))  # at once; what is lost is to be had from the Track API alone
ZONE = ZoneInfo("Asia/Kolkata")  # times have no offset; integrators read them as India's
TRACKING_PAGE = None
REFERENCES = ("Shipment.ReferenceNo",)

# Delhivery's page and its requirement document: the pair of StatusType and Status, since neither means much alone
STATUSES = {
    ("UD", "Manifested"): Status.ANNOUNCED,
    ("UD", "Not Picked"): Status.ANNOUNCED,
    ("UD", "In Transit"): Status.IN_TRANSIT,
    ("UD", "Pending"): Status.IN_TRANSIT,
    ("UD", "Dispatched"): Status.OUT_FOR_DELIVERY,  # from the last hub, not from the shop
    ("DL", "Delivered"): Status.DELIVERED,
    ("DL", "RTO"): Status.RETURNED,  # "delivered", to the merchant
}
RETURN = "RT"
REVERSE = ("PP", "PU", "CN")  # pickups from the shopper
PICKED_UP = "X-PPOM"  # NSLCode, "Shipment picked up"

PLACE = re.compile(r"([^_]+)_.*\(([^()]+)\)")  # "Palwal_NewColony_D (Haryana)": a facility and its state


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    parcel = payload["Shipment"]
    scan = parcel["Status"]
    kind = text(scan["StatusType"], "$.Shipment.Status.StatusType") or ""
    if kind in REVERSE:
        raise Ignored("a pickup from the shopper")
    number = name(parcel["AWB"], "$.Shipment.AWB")
    status = _status(kind, parcel)
    # Not `PickUpDate`: it is there, with the manifest's time, before anybody has picked anything up.
    at = moment(scan.get("StatusDateTime"), "$.Shipment.Status.StatusDateTime", zone=request.zone or ZONE)
    moving = status in (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)
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
        )
    ]


def _status(kind: str, parcel: dict[str, Any]) -> Status:
    if kind == RETURN:
        return Status.RETURNED
    word = text(parcel["Status"]["Status"], "$.Shipment.Status.Status") or ""
    status = STATUSES.get((kind, word), Status.OTHER)
    picked_up = text(parcel.get("NSLCode"), "$.Shipment.NSLCode") == PICKED_UP
    return Status.DISPATCHED if picked_up and status is Status.IN_TRANSIT else status


def _events(scan: dict[str, Any], status: Status, at: datetime | None) -> tuple[TrackingEvent, ...]:
    written = day(scan.get("StatusDateTime"), "$.Shipment.Status.StatusDateTime")
    if not status.in_possession or written is None:
        return ()
    where = line(scan.get("StatusLocation"), "$.Shipment.Status.StatusLocation")
    place = PLACE.fullmatch(where)
    said = line(scan.get("Instructions"), "$.Shipment.Status.Instructions")
    event = TrackingEvent(
        day=written,
        happened_at=at,
        description=said or line(scan["Status"], "$.Shipment.Status.Status"),
        city=place[1] if place else where,
        state=place[2] if place else "",
    )
    return (event,)
