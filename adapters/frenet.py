"""Frenet: the newest event of one parcel per POST, in an array that may hold more."""

import re
from datetime import datetime, tzinfo
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    Header,
    Ignored,
    Path,
    Query,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Shipment,
    Status,
    TrackingEvent,
    Unreadable,
    line,
    moment,
    text,
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

# https://docs.frenet.com.br/docs/webhook-atualização-de-tracking, EventType.
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
ON_THE_WAY = (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)
TIME_FORMAT = "%d/%m/%Y %H:%M"
CITY_AND_STATE = re.compile(r"(.+)-\s*([A-Z]{2})")  # "Ji-Paraná-RO": the last hyphen, and only before a state

Told = tuple[datetime, Status, TrackingEvent]


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
    events = [_told(event, f"$.TrackingEvents[{n}]", zone) for n, event in enumerate(payload["TrackingEvents"])]
    history = sorted(events, key=itemgetter(0))
    happened_at, status, _ = history[-1]
    return [
        Shipment(
            key=key,
            status=status,
            happened_at=happened_at,
            tracking_number=number,
            tracking_url=url(payload.get("TrackingUrl"), "$.TrackingUrl"),
            courier=None,  # ServiceDescrition (the typo is Frenet's) names the service, not who carries it
            dispatched_at=next((time for time, told, _ in history if told in ON_THE_WAY), None),
            delivered_at=happened_at if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=tuple(event for _, _, event in history if event.description),
        )
    ]


def _told(event: dict[str, Any], path: str, zone: tzinfo) -> Told:
    happened_at = moment(event["EventDateTime"], f"{path}.EventDateTime", TIME_FORMAT, zone=zone)
    if happened_at is None:
        raise Unreadable(f"{path}.EventDateTime", "is blank")
    status = STATUSES.get(text(event["EventType"], f"{path}.EventType") or "", Status.OTHER)
    place = line(event.get("EventLocation"), f"{path}.EventLocation")
    split = CITY_AND_STATE.fullmatch(place)
    return (
        happened_at,
        status,
        TrackingEvent(
            day=happened_at.date(),
            description=line(event.get("EventDescription"), f"{path}.EventDescription"),
            happened_at=happened_at,
            city=split[1].strip() if split else place,
            state=split[2] if split else "",
        ),
    )
