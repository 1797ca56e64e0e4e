"""DoorDash Drive: one event of one same-day delivery per POST, under the id that the merchant gave it."""

from datetime import datetime
from typing import Any

from adapters import (
    UNDERWAY,
    Basic,
    Bearer,
    Header,
    Ignored,
    Path,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    TrackingEvent,
    day,
    look_up,
    moment,
    name,
    single_event,
    url,
)

NAME = "DoorDash Drive"
DOCS = "https://developer.doordash.com/en-US/docs/drive/reference/webhooks"
# Nothing is signed: the portal holds a fixed `Authorization`; one of another form is compared as a whole header.
AUTH = (Basic(), Bearer(), Header(), Path())
REPLY = Reply(unreadable=200)  # anything but 200 is sent again
PROBE = None
RETRIES = Retries(times=2)  # three times in all; how far apart is not published
ZONE = None  # every time ends in Z
TRACKING_PAGE = None
REFERENCES = ("external_delivery_id",)
COURIER = "DoorDash"  # what shoppers know

# https://developer.doordash.com/en-US/docs/drive/reference/webhooks, event_name; the optional events, which are written
# in small letters there, as five integrators read them. Read 2026-11-28.
STATUSES = {
    "DELIVERY_CREATED": Status.ANNOUNCED,
    "DASHER_CONFIRMED": Status.ANNOUNCED,
    **dict.fromkeys(("dasher_enroute_to_pickup", "DASHER_ENROUTE_TO_PICKUP"), Status.ANNOUNCED),
    "DASHER_CONFIRMED_PICKUP_ARRIVAL": Status.ANNOUNCED,  # at the shop, still without the parcel
    "DASHER_PICKED_UP": Status.DISPATCHED,
    **dict.fromkeys(("dasher_enroute_to_dropoff", "DASHER_ENROUTE_TO_DROPOFF"), Status.OUT_FOR_DELIVERY),
    "DASHER_CONFIRMED_DROPOFF_ARRIVAL": Status.OUT_FOR_DELIVERY,
    "DASHER_DROPPED_OFF": Status.DELIVERED,
    "DELIVERY_CANCELLED": Status.CANCELLED,
    "DELIVERY_RETURN_INITIALIZED": Status.RETURNED,
    **dict.fromkeys(("dasher_enroute_to_return", "DASHER_ENROUTE_TO_RETURN"), Status.RETURNED),
    "DASHER_CONFIRMED_RETURN_ARRIVAL": Status.RETURNED,
    "DELIVERY_RETURNED": Status.RETURNED,
}
NOTHING_TO_DO = {"DELIVERY_BATCHED": "the delivery shares its route with others"}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    event = name(payload["event_name"], "$.event_name")
    if event in NOTHING_TO_DO:
        raise Ignored(NOTHING_TO_DO[event])
    status, unknown_word = look_up(STATUSES, event)
    number = name(payload["external_delivery_id"], "$.external_delivery_id")
    happened_at = _moment(payload, "created_at", request)
    moving = status in UNDERWAY
    delivered_at = _moment(payload, "dropoff_time_actual", request) or happened_at
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=happened_at,
            tracking_number=number,  # there is no other
            tracking_url=url(payload.get("tracking_url"), "$.tracking_url"),
            courier=COURIER,
            dispatched_at=_moment(payload, "pickup_time_actual", request) or (happened_at if moving else None),
            delivered_at=delivered_at if status is Status.DELIVERED else None,
            events=_events(payload, status, happened_at),
            unknown_words=(unknown_word,) if unknown_word else (),
        )
    ]


def _events(payload: dict[str, Any], status: Status, happened_at: datetime | None) -> tuple[TrackingEvent, ...]:
    """The events for shoppers: where the parcel is, not where the courier is without it."""
    written = day(payload.get("created_at"), "$.created_at")
    if not status.in_possession or written is None:
        return ()
    return single_event(status, on=written, happened_at=happened_at, words=status.words)


def _moment(payload: dict[str, Any], field: str, request: Request) -> datetime | None:
    return moment(payload.get(field), f"$.{field}", zone=request.zone)
