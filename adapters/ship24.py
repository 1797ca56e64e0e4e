"""Ship24: one or more parcels per POST, each with the events found since the last one."""

from datetime import datetime
from typing import Any

from adapters import (
    UNDERWAY,
    Bearer,
    History,
    Ignored,
    Probe,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Scan,
    Shipment,
    Status,
    Unreadable,
    courier_name,
    day,
    instant,
    line,
    look_up,
    moment,
    name,
    says_returned,
    text,
)

NAME = "Ship24"
DOCS = "https://docs.ship24.com/webhooks/specification"
AUTH = (Bearer(issued=True),)
REPLY = Reply(unreadable=422)
PROBE = Probe(methods=("HEAD",))  # the URL cannot be saved unless HEAD gets 200
RETRIES = None
ZONE = None  # a time without an offset is local to the place, which may be any
TRACKING_PAGE = None
REFERENCES = ("tracker.shipmentReference", "tracker.clientTrackerId")

# https://docs.ship24.com/status, as integrators' code repeats it, read on 2026-11-28: `statusMilestone`, of the parcel
# and of each event
MILESTONES = {
    "pending": Status.OTHER,  # Ship24 itself has no news yet
    "info_received": Status.ANNOUNCED,
    "in_transit": Status.IN_TRANSIT,
    "out_for_delivery": Status.OUT_FOR_DELIVERY,
    "failed_attempt": Status.IN_TRANSIT,  # the courier that tried to deliver it has it
    "available_for_pickup": Status.IN_TRANSIT,
    "exception": Status.EXCEPTION,
    "delivered": Status.DELIVERED,
}
# Same page: `statusCode`, which may be null. If a code says no more than the milestone, the milestone decides.
CODES = {
    "data_order_created": Status.OTHER,
    "data_order_cancelled": Status.CANCELLED,
    "data_delivery_proposed": Status.OTHER,
    "data_delivery_decided": Status.OTHER,
    "transit_handover": Status.DISPATCHED,
    "transit_origin_country_departure": Status.IN_TRANSIT,
    "destination_arrival": Status.IN_TRANSIT,
    "customs_received": Status.IN_TRANSIT,
    "customs_exception": Status.EXCEPTION,
    "customs_rejected": Status.EXCEPTION,
    "customs_cleared": Status.IN_TRANSIT,
    "delivery_available_for_pickup": Status.IN_TRANSIT,
    "delivery_out_for_delivery": Status.OUT_FOR_DELIVERY,
    "delivery_attempted": Status.IN_TRANSIT,
    "delivery_exception": Status.EXCEPTION,
    "delivery_refused": Status.EXCEPTION,
    "delivery_delivered": Status.OTHER,  # the milestone says that the parcel is with the shopper
    "delivered": Status.OTHER,  # so in the example of a webhook's history, in Ship24's OpenAPI document
    "exception_return": Status.RETURNED,
    "exception_lost": Status.EXCEPTION,
    "exception_discarded": Status.EXCEPTION,
}


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(f"$.trackings[{n}]", each) for n, each in enumerate(payload["trackings"])]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    metadata = payload.get("metadata") or {}
    topic = line(metadata.get("topic"), "$.metadata.topic")
    if topic not in ("", "tracking/events"):
        raise Unreadable("$.metadata.topic", "is no topic of Ship24's that is known here")
    tracker, shipment, events = payload["tracker"], payload["shipment"], payload.get("events") or []
    written, unknown_words = _status(shipment, "$.shipment")
    if shipment["statusMilestone"] == "pending" and written is Status.OTHER and not events:
        raise Ignored("Ship24 has heard nothing of this parcel so far")
    history = _history(events, request)
    status = history.settled(written)
    generated_at = moment(metadata.get("generatedAt"), "$.metadata.generatedAt", zone=request.zone)
    number = text(tracker["trackingNumber"], "$.tracker.trackingNumber")
    code = _courier_code(events)
    return [
        Shipment(
            key=name(tracker["trackerId"], "$.tracker.trackerId"),
            status=status,
            # An event that was found late is older than its status.
            happened_at=generated_at or history.last(),
            tracking_number=number,
            courier=courier_name(code),
            courier_code=code,
            dispatched_at=_dispatched_at(payload, history, request),
            delivered_at=_delivered_at(payload, history, request) if status is Status.DELIVERED else None,
            references=_other_numbers(shipment, number),
            events=history.events,
            returned=history.returned_before(status),
            unknown_words=tuple(dict.fromkeys((*unknown_words, *history.unknown_words))),
        )
    ]


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    """The message's id. Each parcel has its own, so several parcels together have none."""
    if len(payload["trackings"]) != 1:
        return None
    metadata = payload["trackings"][0].get("metadata") or {}
    return text(metadata.get("messageId"), "$.trackings[0].metadata.messageId")


def _dispatched_at(payload: dict[str, Any], history: History, request: Request) -> datetime | None:
    """The dispatch. A summary date without a known zone still means a dispatch before this message's events."""
    if _stated("inTransitDatetime", payload):
        return _first("inTransitDatetime", payload, request)
    return history.first(*UNDERWAY)


def _stated(milestone: str, payload: dict[str, Any]) -> object:
    return ((payload.get("statistics") or {}).get("timestamps") or {}).get(milestone)


def _first(milestone: str, payload: dict[str, Any], request: Request) -> datetime | None:
    return moment(_stated(milestone, payload), f"$.statistics.timestamps.{milestone}", zone=request.zone)


def _delivered_at(payload: dict[str, Any], history: History, request: Request) -> datetime | None:
    return _first("deliveredDatetime", payload, request) or history.first(Status.DELIVERED)


def _status(update: dict[str, Any], path: str) -> tuple[Status, tuple[str, ...]]:
    """The status of a parcel or of an event, and which of its two words no table has. A return, or a counter where the
    parcel waits, changes the milestone "delivered"."""
    milestone, unknown_milestone = look_up(MILESTONES, text(update.get("statusMilestone"), f"{path}.statusMilestone"))
    of_code, unknown_code = look_up(CODES, text(update.get("statusCode"), f"{path}.statusCode"))
    waits = update.get("statusCode") == "delivery_available_for_pickup"
    speaks = milestone is not Status.DELIVERED or of_code is Status.RETURNED or waits
    return (
        of_code if speaks and of_code is not Status.OTHER else milestone,
        tuple(word for word in (unknown_milestone, unknown_code) if word),
    )


def _history(events: list[dict[str, Any]], request: Request) -> History:
    return History(tuple(_scan(event, f"$.events[{n}]", request) for n, event in enumerate(events)))


def _scan(event: dict[str, Any], path: str, request: Request) -> Scan:
    status, unknown_words = _status(event, path)
    words, written = line(event.get("status"), f"{path}.status"), event.get("occurrenceDatetime")
    at = instant(written, f"{path}.occurrenceDatetime", zone=request.zone)
    return Scan.of(
        Status.RETURNED if says_returned(words) else status,
        next(iter(unknown_words), ""),
        on=day(written, f"{path}.occurrenceDatetime"),
        happened_at=None if event.get("hasNoTime") is True else at,
        words=words,
        city=line(event.get("location"), f"{path}.location"),
    )


def _other_numbers(shipment: dict[str, Any], number: str | None) -> tuple[Reference, ...]:
    """The numbers of the same parcel at other couriers."""
    numbers = [
        text(each.get("tn"), f"$.shipment.trackingNumbers[{n}].tn")
        for n, each in enumerate(shipment.get("trackingNumbers") or [])
    ]
    return tuple(Reference(ReferenceKind.TRACKING_NUMBER, other) for other in numbers if other and other != number)


def _courier_code(events: list[dict[str, Any]]) -> str:
    """The first event's code that has a name, else the first code."""
    codes = [text(event.get("courierCode"), f"$.events[{n}].courierCode") or "" for n, event in enumerate(events)]
    return next((code for code in codes if courier_name(code)), next((code for code in codes if code), ""))
