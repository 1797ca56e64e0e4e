"""Sendcloud: one parcel with its newest status per POST; its beta product sends one event of one parcel instead."""

from datetime import datetime, timedelta
from typing import Any

from adapters import (
    Basic,
    Bearer,
    Header,
    Hmac,
    Ignored,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    TrackingEvent,
    day,
    epoch,
    line,
    moment,
    name,
    text,
    url,
)

NAME = "Sendcloud"
DOCS = "https://sendcloud.dev/api/v3/webhooks/index"
# The classic webhook is signed; a connection of the Event Subscriptions (beta) carries what the merchant chose.
AUTH = (Hmac(header="sendcloud-signature", encoding="hex"), Header(), Bearer(), Basic())
REPLY = Reply(unreadable=200)  # what fails is sent again ten times
PROBE = None
RETRIES = Retries(times=10, over=timedelta(minutes=435))  # after 5 min, doubling up to 1 h
ZONE = None  # Unix times, and in the beta every time carries its offset
TRACKING_PAGE = None
REFERENCES = (
    "parcel.order_number",
    "parcel.external_order_id",
    "parcel.external_reference",
    "parcel.reference",
    "parcel.customs_invoice_nr",
)

# `parcel.status.id`: https://panel.sendcloud.sc/api/v2/parcels/statuses, copied in src/Model/Parcel.php of the client
# https://github.com/Webador/sendcloud. By number, since samples use the same words for two of them.
STATUSES = {
    0: Status.ANNOUNCED,  # "Ready to send" in Sendcloud's own samples
    1: Status.ANNOUNCED,
    3: Status.IN_TRANSIT,  # to the sorting centre
    4: Status.EXCEPTION,  # late
    5: Status.IN_TRANSIT,
    6: Status.EXCEPTION,  # not sorted
    7: Status.IN_TRANSIT,
    8: Status.IN_TRANSIT,  # who tried to deliver it has it
    11: Status.DELIVERED,
    12: Status.IN_TRANSIT,  # waits at a counter
    13: Status.EXCEPTION,  # announced, not collected
    15: Status.EXCEPTION,  # error while collecting
    22: Status.DISPATCHED,  # picked up by the driver
    80: Status.EXCEPTION,
    91: Status.IN_TRANSIT,
    93: Status.DELIVERED,  # collected by the customer
    1000: Status.ANNOUNCED,
    1001: Status.ANNOUNCED,
    1002: Status.EXCEPTION,
    1998: Status.CANCELLED,
    2000: Status.CANCELLED,  # 1999 and 2001 only ask for it; 92 is a driver on the way, nobody says to whom
}
# https://sendcloud.dev/api/v3/event-subscriptions/parcel-event-created: `phase` of a beta event
PHASES = {
    "ready_to_send": Status.ANNOUNCED,
    "announcing": Status.ANNOUNCED,
    "announced": Status.ANNOUNCED,
    "labelled": Status.ANNOUNCED,
    "dropped": Status.ANNOUNCED,  # left at a point; "accepted" follows
    "accepted": Status.DISPATCHED,
    "sorted": Status.IN_TRANSIT,
    "in_transit": Status.IN_TRANSIT,
    "customs": Status.IN_TRANSIT,
    "attempted": Status.IN_TRANSIT,
    "pup": Status.IN_TRANSIT,  # at the pick-up point
    "in_delivery": Status.OUT_FOR_DELIVERY,
    "delivered": Status.DELIVERED,  # "delivery_forced" does not say who handed it to whom
    "cancelled": Status.CANCELLED,
}
EXCEPTIONS = {"returned_sender": Status.RETURNED, "cancelled": Status.CANCELLED, "cancelled_upstream": Status.CANCELLED}
ON_THE_WAY = (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)

# `carrier.code` and `carrier_code`, as far as the samples of https://sendcloud.dev/api show them
COURIERS = {"dhl": "DHL", "dpd": "DPD", "postnl": "PostNL"}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    if "event_type" in payload:
        return [_from_event(payload, request)]
    if payload["action"] != "parcel_status_changed":
        raise Ignored(f"{line(payload['action'], '$.action')} tells of no parcel's status")
    return [_from_parcel(payload)]


def _from_parcel(payload: dict[str, Any]) -> Shipment:
    parcel = payload["parcel"]
    if parcel.get("is_return"):
        raise Ignored("a return: another parcel than the one the shopper was sent")
    status = STATUSES.get(parcel["status"]["id"], Status.OTHER)
    field = "timestamp" if payload.get("carrier_status_change_timestamp") is None else "carrier_status_change_timestamp"
    at = epoch(payload[field], f"$.{field}")
    order = text(parcel.get("order_number"), "$.parcel.order_number")
    said = line(parcel["status"].get("message"), "$.parcel.status.message")
    return Shipment(
        key=name(parcel["id"], "$.parcel.id"),
        status=status,
        happened_at=at,
        tracking_number=text(parcel.get("tracking_number"), "$.parcel.tracking_number"),
        tracking_url=url(parcel.get("tracking_url"), "$.parcel.tracking_url"),
        courier=_courier((parcel.get("carrier") or {}).get("code"), "$.parcel.carrier.code"),
        dispatched_at=at if status in ON_THE_WAY else None,
        delivered_at=at if status is Status.DELIVERED else None,
        references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
        events=(TrackingEvent(day=at.date(), description=said, happened_at=at),) if at and said else (),
    )


def _from_event(payload: dict[str, Any], request: Request) -> Shipment:
    if payload["event_type"] != "parcels.event.created":
        raise Ignored(f"{line(payload['event_type'], '$.event_type')} tells of no parcel's status")
    parcel, event = payload["data"]["parcel"], payload["data"]["event"]
    phase = PHASES.get(event["phase"], Status.OTHER)
    status = _status(event, phase)
    if event["event_type"] != "carrier" and (phase.in_possession or status.in_possession):
        phase = status = (
            Status.OTHER
        )  # only the carrier knows where a parcel is; Sendcloud calculates, or repeats a claim
    at = moment(event["timestamp"], "$.data.event.timestamp", zone=request.zone)
    return Shipment(
        key=name(parcel["parcel_id"], "$.data.parcel.parcel_id"),
        status=status,
        happened_at=at,
        tracking_number=text(parcel.get("tracking_number"), "$.data.parcel.tracking_number"),
        courier=_courier(parcel.get("carrier_code"), "$.data.parcel.carrier_code"),
        dispatched_at=at if phase in ON_THE_WAY and status is not Status.RETURNED else None,
        delivered_at=at if status is Status.DELIVERED else None,
        events=_line_of_history(event, at),
    )


def _status(event: dict[str, Any], phase: Status) -> Status:
    """What is left of the phase after a return or an exception."""
    if event.get("is_returned"):
        return Status.RETURNED
    exception = event.get("exception") or "none"
    return phase if exception == "none" else EXCEPTIONS.get(exception, Status.EXCEPTION)


def _line_of_history(event: dict[str, Any], at: datetime | None) -> tuple[TrackingEvent, ...]:
    on = day(event["timestamp"], "$.data.event.timestamp")
    said = line(event.get("description"), "$.data.event.description")
    city = line((event.get("location_details") or {}).get("city"), "$.data.event.location_details.city")
    return (TrackingEvent(day=on, description=said, happened_at=at, city=city),) if on and said else ()


def _courier(code: object, path: str) -> str | None:
    return COURIERS.get(text(code, path) or "")
