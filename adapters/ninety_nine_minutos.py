"""99minutos: the whole history of one shipment in every POST, each event with a code and a time in UTC."""

from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    UNDERWAY,
    Bearer,
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
    name,
    oldest_first,
    says_returned,
    text,
)

NAME = "99minutos"
DOCS = "https://developers.99minutos.com/reference/post-api-v3-webhooks"
# Nothing is signed; a webhook's configuration holds headers of the merchant's choice, which come with every message.
AUTH = (Header("x-webhook-token"), Header(), Bearer(), Query(), Path())
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = ZoneInfo("UTC")  # CreatedAt is in UTC; an endpoint's zone says where the parcels are, for their local days
TRACKING_PAGE = None
REFERENCES = ("InternalKey",)

# DOCS, the list of events: StatusCode, which keeps its meaning where StatusName changes its spelling. Read 2026-11-28.
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
    "4101": Status.IN_TRANSIT,  # the courier that tried to deliver it has it
    "5001": Status.RETURNED,
    "5002": Status.RETURNED,
    "5101": Status.RETURNED,
    "7101": Status.EXCEPTION,
    "7102": Status.OTHER,  # the address was corrected, wherever the parcel is
    "8001": Status.EXCEPTION,
    "8003": Status.CANCELLED,
    "8004": Status.EXCEPTION,
}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    number = name(payload["TrackingId"], "$.TrackingId")
    order = text(payload.get("InternalKey"), "$.InternalKey")
    if not payload["Events"]:
        raise Ignored("no events yet")
    zone = request.zone or ZONE
    # "In ascending order", but the documentation's own sample is not, and its StatusName lags behind its events.
    events = (_scan(event, f"$.Events[{n}]", zone) for n, event in enumerate(payload["Events"]))
    history = oldest_first(events, "$.Events", promised=True)
    status = history.settled(history.scans[-1].status)
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=history.last(),
            tracking_number=number,
            courier=NAME,
            dispatched_at=history.first(*UNDERWAY),
            delivered_at=history.first(Status.DELIVERED) if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=history.events,
            returned=history.returned_before(status),
            unknown_words=history.unknown_words,
        )
    ]


def _scan(event: dict[str, Any], path: str, zone: tzinfo) -> Scan:
    at = moment(event["CreatedAt"], f"{path}.CreatedAt", zone=UTC)
    happened_at = _local(at, zone, f"{path}.CreatedAt") if at else None
    status, unknown_word = look_up(STATUSES, text(event["StatusCode"], f"{path}.StatusCode"))
    # Not Data.comment: it names the driver and the recipient.
    words = line(event.get("StatusName"), f"{path}.StatusName")
    if says_returned(words):
        status = Status.RETURNED
    shown = words if " " in words else status.words  # most names are codes, such as onRoadToDelivery
    on = happened_at.date() if happened_at else None
    return Scan.of(status, unknown_word, on=on, happened_at=happened_at, words=shown)


def _local(at: datetime, zone: tzinfo, path: str) -> datetime:
    """The instant in the local time of ``zone``, with a fixed offset, so that it compares as an instant."""
    try:
        return datetime.fromisoformat(at.astimezone(zone).isoformat())
    except (OverflowError, ValueError):
        raise Unreadable(path, "is outside the calendar") from None
