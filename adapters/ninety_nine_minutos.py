"""99minutos: the whole history of one shipment in every POST, each event with a code and a time in UTC."""

from datetime import datetime, tzinfo
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    Bearer,
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
    name,
    text,
)

NAME = "99minutos"
DOCS = "https://developers.99minutos.com/reference/post-api-v3-webhooks"
# Nothing is signed; a webhook's configuration holds headers of the merchant's choice, which come with every message.
AUTH = (Header("x-webhook-token"), Header(), Bearer(), Query(), Path())
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = ZoneInfo("UTC")  # as the documentation says of CreatedAt
TRACKING_PAGE = None
REFERENCES = ("InternalKey",)

# DOCS, the list of events: StatusCode, which keeps its meaning where StatusName changes its spelling
STATUSES = {
    "1001": Status.ANNOUNCED,
    "1002": Status.ANNOUNCED,
    "2002": Status.ANNOUNCED,  # on its way to fetch it
    "2101": Status.ANNOUNCED,  # did not get it
    "2003": Status.DISPATCHED,
    "3001": Status.IN_TRANSIT,
    "3002": Status.IN_TRANSIT,
    "3003": Status.IN_TRANSIT,
    "3004": Status.IN_TRANSIT,
    "4001": Status.OUT_FOR_DELIVERY,
    "4002": Status.DELIVERED,
    "4101": Status.IN_TRANSIT,  # who tried to deliver it has it
    "5001": Status.RETURNED,
    "5002": Status.RETURNED,
    "5101": Status.RETURNED,
    "7101": Status.EXCEPTION,
    "7102": Status.OTHER,  # the address was corrected, wherever the parcel is
    "8001": Status.EXCEPTION,
    "8003": Status.CANCELLED,
    "8004": Status.EXCEPTION,
}
UNDERWAY = (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)

Told = tuple[datetime, Status, TrackingEvent]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    number = name(payload["TrackingId"], "$.TrackingId")
    order = text(payload.get("InternalKey"), "$.InternalKey")
    if not payload["Events"]:
        raise Ignored("no events yet")
    zone = request.zone or ZONE
    events = [_told(event, f"$.Events[{n}]", zone) for n, event in enumerate(payload["Events"])]
    # "In ascending order", but the documentation's own sample is not, and its StatusName lags behind its events.
    history = sorted(events, key=itemgetter(0))
    happened_at, status, _ = history[-1]
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=happened_at,
            tracking_number=number,
            courier=NAME,
            dispatched_at=next((time for time, told, _ in history if told in UNDERWAY), None),
            delivered_at=happened_at if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=tuple(dict.fromkeys(event for _, _, event in history if event.description)),
        )
    ]


def _told(event: dict[str, Any], path: str, zone: tzinfo) -> Told:
    happened_at = moment(event["CreatedAt"], f"{path}.CreatedAt", zone=zone)
    if happened_at is None:
        raise Unreadable(f"{path}.CreatedAt", "is blank")
    status = STATUSES.get(text(event["StatusCode"], f"{path}.StatusCode") or "", Status.OTHER)
    # Not Data.comment: it names who drove, and who took the parcel.
    description = line(event.get("StatusName"), f"{path}.StatusName")
    return happened_at, status, TrackingEvent(day=happened_at.date(), description=description, happened_at=happened_at)
