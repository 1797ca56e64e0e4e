"""Uber Direct: one status of one same-day delivery per POST, and in between a courier's position every 20 seconds."""

from datetime import datetime, timedelta
from typing import Any

from adapters import (
    UNDERWAY,
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
    Unreadable,
    day,
    line,
    look_up,
    moment,
    name,
    single_event,
    text,
    url,
)

NAME = "Uber Direct"
DOCS = "https://developer.uber.com/docs/deliveries/guides/webhooks"
# Each webhook has a signing key of its own. The alias is from Postmates' days; some integrators saw the prefix.
AUTH = (Hmac(header="x-uber-signature", encoding="hex", tolerated="sha256=", aliases=("x-postmates-signature",)),)
REPLY = Reply(unreadable=422)  # only 5xx, timeouts and network faults are said to be sent again
PROBE = None
RETRIES = Retries(times=3, over=timedelta(seconds=210))  # after 30, 60 and 120 s, as readers of the guide have it
ZONE = None  # every time ends in Z
TRACKING_PAGE = None
REFERENCES = ("data.external_id", "data.manifest.reference")
COURIER = "Uber"  # what shoppers know

# https://developer.uber.com/docs/deliveries/daas/references/api/webhooks/delivery-status-webhook, read 2026-11-28
STATUSES = {
    "pending": Status.ANNOUNCED,
    "pickup": Status.ANNOUNCED,  # the courier is on the way to the shop
    "pickup_complete": Status.DISPATCHED,
    "dropoff": Status.OUT_FOR_DELIVERY,
    "delivered": Status.DELIVERED,
    "canceled": Status.CANCELLED,
    "returned": Status.RETURNED,  # another delivery brings it back
}
# Same page, and "related_deliveries" in Uber's reference of a delivery, both read 2026-11-30: the delivery that brings
# the goods back is made by Uber itself, its id begins with "ret_", and it names the one to the shopper as "original".
RETURN_ID, TO_THE_SHOPPER = "ret_", "original"
#: The other kinds of the same guide: positions, refunds and shopping.
NO_STATUS = ("event.courier_update", "event.refund_request", "event.shopping_progress")
# The statuses a shopper may read, with the stop they happened at.
STOPS = {"pickup_complete": "pickup", "dropoff": None, "delivered": "dropoff", "returned": None}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    kind = text(payload["kind"], "$.kind")
    if kind in NO_STATUS:
        raise Ignored(f"{kind} carries no delivery status")
    if kind != "event.delivery_status":
        raise Unreadable("$.kind", "is none of Uber Direct's events that are known")
    data, word = payload["data"], name(payload["status"], "$.status")
    if not (payload["live_mode"] and data.get("live_mode", True)):
        raise Ignored("test mode")  # Robo Courier plays through every status
    status, unknown_word = look_up(STATUSES, word)
    number = name(data["id"], "$.data.id")
    reverse = _brings_back(data, number)
    if reverse and status.in_possession:
        status = Status.RETURNED
    happened_at = moment(payload.get("created"), "$.created", zone=request.zone)
    moving = status in UNDERWAY
    order = text(data.get("external_id"), "$.data.external_id")
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=happened_at,
            tracking_number=number,  # there is no other
            tracking_url=url(data.get("tracking_url"), "$.data.tracking_url"),
            courier=COURIER,
            dispatched_at=None
            if reverse
            else _completed_at(data, "pickup", request) or (happened_at if moving else None),
            delivered_at=_completed_at(data, "dropoff", request) or happened_at if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=() if reverse else _events(payload, word, happened_at),
            reverse=reverse,
            unknown_words=(unknown_word,) if unknown_word else (),
        )
    ]


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    return text(payload["id"], "$.id")


def _brings_back(data: dict[str, Any], number: str) -> bool:
    """Whether it is the delivery back to the store, whose "delivered" is not the shopper's."""
    related = [
        text(each.get("relationship"), "$.data.related_deliveries") for each in data.get("related_deliveries") or []
    ]
    return number.startswith(RETURN_ID) or TO_THE_SHOPPER in related


def _completed_at(data: dict[str, Any], stop: str, request: Request) -> datetime | None:
    """When the courier finished the stop; ``created`` is only the time of this message."""
    visit = data.get(stop) or {}
    if visit.get("status") != "completed":
        return None
    return moment(visit.get("status_timestamp"), f"$.data.{stop}.status_timestamp", zone=request.zone)


def _events(payload: dict[str, Any], word: str, happened_at: datetime | None) -> tuple[TrackingEvent, ...]:
    data = payload["data"]
    written = day(payload.get("created"), "$.created")
    repeated = word == "dropoff" and data.get("courier_imminent")  # the same status, now that the courier is close
    if word not in STOPS or repeated or written is None:
        return ()
    stop = STOPS[word]
    place = (data.get(stop) or {}).get("detailed_address") or {} if stop else {}
    return single_event(
        STATUSES[word],
        on=written,
        happened_at=happened_at,
        words=STATUSES[word].words,
        city=line(place.get("city"), f"$.data.{stop}.detailed_address.city"),
        state=line(place.get("state"), f"$.data.{stop}.detailed_address.state"),
    )
