"""Frenet: the newest event of one parcel per POST, in an array that may hold more."""

import re
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    UNDERWAY,
    Header,
    Ignored,
    Path,
    Query,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Scan,
    Shipment,
    Status,
    Unreadable,
    line,
    look_up,
    moment,
    oldest_first,
    text,
    unless_returned,
    url,
)

NAME = "Frenet"
DOCS = "https://docs.frenet.com.br/docs/webhook-atualização-de-tracking"
# The merchant chooses name and value. Frenet's example name has an underscore, which proxies drop.
AUTH = (Header("x-webhook-token"), Header(), Query(), Path())
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = ZoneInfo("America/Sao_Paulo")  # times have no offset; integrators read them as Brasília's
TRACKING_PAGE = None
REFERENCES = ("OrderId",)

# "Webhook Atualização de Tracking", https://docs.frenet.com.br/docs/webhook-atualização-de-tracking, EventType, as
# integrators quote it, read 2026-11-28.
STATUSES = {
    "18": Status.ANNOUNCED,  # at a drop-off point, where the carrier has yet to collect it
    "0": Status.DISPATCHED,
    "1": Status.IN_TRANSIT,
    "2": Status.EXCEPTION,  # late
    "3": Status.RETURNED,
    "4": Status.EXCEPTION,  # lost
    "5": Status.OUT_FOR_DELIVERY,
    "9": Status.DELIVERED,
}
TIME_FORMAT = "%d/%m/%Y %H:%M"
CITY_AND_STATE = re.compile(r"(.+)-\s*([A-Z]{2})")  # "Ji-Paraná-RO": the last hyphen, and only before a state


def split(payload: dict[str, Any] | list[Any]) -> list[tuple[str, Any]]:
    return [("$", payload)] if isinstance(payload, dict) else [(f"$[{n}]", each) for n, each in enumerate(payload)]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    if not payload.get("TrackingEvents"):
        other = "ShipmentStatus" in payload
        raise Ignored("data of the order, not tracking" if other else "no tracking events yet")
    number = text(payload.get("TrackingNumber"), "$.TrackingNumber")
    key = text(payload.get("ShipmentId"), "$.ShipmentId") or number
    if key is None:
        raise Unreadable("$.ShipmentId", "is missing, and so is TrackingNumber")
    order = text(payload.get("OrderId"), "$.OrderId")
    zone = request.zone or ZONE
    past = [_scan(event, f"$.TrackingEvents[{n}]", zone) for n, event in enumerate(payload["TrackingEvents"])]
    history = oldest_first(past, "$.TrackingEvents")
    newest = history.scans[-1]
    status = history.settled(newest.status)
    return [
        Shipment(
            key=key,
            status=status,
            happened_at=history.last(),
            tracking_number=number,
            tracking_url=url(payload.get("TrackingUrl"), "$.TrackingUrl"),
            courier=None,  # ServiceDescrition (the typo is Frenet's) names the service, not the courier
            dispatched_at=history.first(*UNDERWAY),
            delivered_at=newest.happened_at if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=history.events,
            returned=history.returned_before(status),
            unknown_words=history.unknown_words,
        )
    ]


def _scan(event: dict[str, Any], path: str, zone: tzinfo) -> Scan:
    happened_at = moment(event["EventDateTime"], f"{path}.EventDateTime", TIME_FORMAT, zone=zone)
    status, unknown = look_up(STATUSES, text(event["EventType"], f"{path}.EventType"))
    words = line(event.get("EventDescription"), f"{path}.EventDescription")
    place = line(event.get("EventLocation"), f"{path}.EventLocation")
    parts = CITY_AND_STATE.fullmatch(place)
    return Scan.of(
        unless_returned(status, words),
        unknown,
        on=happened_at.date() if happened_at else None,
        happened_at=happened_at,
        words=words,
        city=parts[1].strip() if parts else place,
        state=parts[2] if parts else "",
    )
