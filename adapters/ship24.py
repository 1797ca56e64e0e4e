"""Ship24: one or more parcels per POST, each with the events found since the last one."""

from datetime import datetime
from typing import Any

from adapters import (
    Bearer,
    Ignored,
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

NAME = "Ship24"
DOCS = "https://docs.ship24.com/webhooks/specification"
AUTH = (Bearer(),)
REPLY = Reply(unreadable=422)
PROBE = Probe(methods=("HEAD",))  # the URL cannot be saved unless HEAD gets 200
RETRIES = None
ZONE = None  # a time without an offset is local to the place, which may be any
TRACKING_PAGE = None
REFERENCES = ("tracker.shipmentReference", "tracker.clientTrackerId")

# `statusMilestone`, of the parcel and of each event: the names in `statistics.timestamps` of
# https://github.com/ship24/ship24-node, spec/ship24-tracking-api.yaml
STATUSES = {
    "info_received": Status.ANNOUNCED,
    "in_transit": Status.IN_TRANSIT,
    "out_for_delivery": Status.OUT_FOR_DELIVERY,
    "failed_attempt": Status.IN_TRANSIT,  # who tried to deliver it has it
    "available_for_pickup": Status.IN_TRANSIT,
    "exception": Status.EXCEPTION,
    "delivered": Status.DELIVERED,
}
ON_THE_WAY = (Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)

# Same file, the examples: a code is no name
COURIERS = {"us-post": "USPS"}

History = list[tuple[Status, TrackingEvent]]


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(f"$.trackings[{n}]", each) for n, each in enumerate(payload["trackings"])]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    metadata = payload.get("metadata") or {}
    topic = line(metadata.get("topic"), "$.metadata.topic")
    if topic not in ("", "tracking/events"):
        raise Ignored(f"{topic} carries no parcel status")
    tracker, shipment = payload["tracker"], payload["shipment"]
    status = STATUSES.get(shipment["statusMilestone"] or "", Status.OTHER)
    history = _history(payload.get("events") or [], request)
    generated_at = moment(metadata.get("generatedAt"), "$.metadata.generatedAt", zone=request.zone)
    return [
        Shipment(
            key=name(tracker["trackerId"], "$.tracker.trackerId"),
            status=status,
            # An event found late is older than the status it comes with.
            happened_at=generated_at or max(_times(history, *Status), default=None),
            tracking_number=text(tracker["trackingNumber"], "$.tracker.trackingNumber"),
            courier=_courier(payload.get("events") or []),
            dispatched_at=_dispatched_at(payload, history, request),
            delivered_at=_delivered_at(payload, history, request) if status is Status.DELIVERED else None,
            events=tuple(dict.fromkeys(event for _, event in history if event.description)),
        )
    ]


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    """Each parcel brings the id of its own message, so that several together have none."""
    if len(payload["trackings"]) != 1:
        return None
    metadata = payload["trackings"][0].get("metadata") or {}
    return text(metadata.get("messageId"), "$.trackings[0].metadata.messageId")


def _dispatched_at(payload: dict[str, Any], history: History, request: Request) -> datetime | None:
    """A summary date without a known zone still says that the parcel left before anything in this message."""
    if _stated("inTransitDatetime", payload):
        return _first("inTransitDatetime", payload, request)
    return min(_times(history, *ON_THE_WAY), default=None)


def _stated(milestone: str, payload: dict[str, Any]) -> object:
    return ((payload.get("statistics") or {}).get("timestamps") or {}).get(milestone)


def _first(milestone: str, payload: dict[str, Any], request: Request) -> datetime | None:
    return moment(_stated(milestone, payload), f"$.statistics.timestamps.{milestone}", zone=request.zone)


def _delivered_at(payload: dict[str, Any], history: History, request: Request) -> datetime | None:
    return _first("deliveredDatetime", payload, request) or min(_times(history, Status.DELIVERED), default=None)


def _history(events: list[dict[str, Any]], request: Request) -> History:
    history: History = []
    for index, event in enumerate(events):
        path = f"$.events[{index}]"
        on = day(event.get("occurrenceDatetime"), f"{path}.occurrenceDatetime")
        if on is None:
            continue
        told = TrackingEvent(
            day=on,
            happened_at=moment(event["occurrenceDatetime"], f"{path}.occurrenceDatetime", zone=request.zone),
            description=line(event.get("status"), f"{path}.status"),
            city=line(event.get("location"), f"{path}.location"),
        )
        history.append((STATUSES.get(event.get("statusMilestone") or "", Status.OTHER), told))
    return history


def _times(history: History, *statuses: Status) -> list[datetime]:
    return [event.happened_at for status, event in history if status in statuses and event.happened_at]


def _courier(events: list[dict[str, Any]]) -> str | None:
    codes = [text(event.get("courierCode"), f"$.events[{n}].courierCode") for n, event in enumerate(events)]
    return next((COURIERS[code] for code in codes if code in COURIERS), None)
