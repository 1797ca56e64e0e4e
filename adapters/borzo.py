"""Borzo (once Dostavista): one event of a courier's tour per POST, perhaps for several of the shop's orders."""

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
    Unreadable,
    local_moment,
    look_up,
    name,
    single_event,
    text,
    url,
)

NAME = "Borzo"
DOCS = "https://borzodelivery.com/in/business-api/doc"
AUTH = (Hmac(header="x-dv-signature", encoding="hex"),)
REPLY = Reply(unreadable=200)  # any 4xx or 5xx is sent again for a day
PROBE = None
RETRIES = Retries(times=None, over=timedelta(hours=24))
ZONE = None  # Borzo is in several countries, so a time without an offset has no zone
TRACKING_PAGE = None
REFERENCES = ("order.points[*].client_order_id", "delivery.client_order_id")

# DOCS, `order.status`, read 2026-11-28, and as two integrators' code repeats it with its descriptions, read 2026-11-30:
# of all stops of the tour together
ORDERS = {
    "new": Status.ANNOUNCED,
    "available": Status.ANNOUNCED,
    "active": Status.OTHER,  # the courier is on tour; whether the shop was visited is not said
    "completed": Status.DELIVERED,
    "canceled": Status.CANCELLED,
    "delayed": Status.EXCEPTION,
    "failed": Status.EXCEPTION,
    "reactivated": Status.OTHER,  # "again available for couriers"; where the parcel is by then is not said
    "draft": Status.OTHER,
}
# `delivery.status` of one stop, as six receivers read it, one of them after version 1.8 of DOCS, read 2026-11-28; the
# drafts and the second attempts as an integrator repeats DOCS, read 2026-11-30
DELIVERIES = {
    "planned": Status.ANNOUNCED,
    "courier_assigned": Status.ANNOUNCED,
    "courier_departed": Status.ANNOUNCED,  # to the shop
    "courier_at_pickup": Status.ANNOUNCED,
    "parcel_picked_up": Status.DISPATCHED,
    "active": Status.IN_TRANSIT,
    "courier_arrived": Status.OUT_FOR_DELIVERY,  # at the shopper's door
    "finished": Status.DELIVERED,
    "canceled": Status.CANCELLED,
    "deleted": Status.CANCELLED,
    "invalid": Status.CANCELLED,
    "failed": Status.EXCEPTION,
    "delayed": Status.EXCEPTION,
    "returned": Status.RETURNED,
    "draft": Status.OTHER,
    "reattempt_planned": Status.IN_TRANSIT,  # after a delivery that failed; Borzo has the parcel
    "reattempt_courier_assigned": Status.IN_TRANSIT,
    "reattempt_courier_departed": Status.IN_TRANSIT,
    "reattempt_courier_picked_up": Status.OUT_FOR_DELIVERY,
    "reattempt_finished": Status.DELIVERED,  # "delivery finished"
}
DRAFTS = ("draft", "invalid")  # `order_id` "is null for a draft of a delivery", says DOCS
MOST_OF_ONE = 2  # the stops of a tour for one order: the shop's and the shopper's
RETURN = "return_"  # how the other words of a return begin, such as return_planned and return_finished

Part = tuple[dict[str, Any], str]  # of the message, with its JSON path


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    """The message once for each of the shop's orders, with the other stops blanked; without orders, as a whole.

    The first stop is the pick-up for all of them: its time stays.
    """
    if payload["event_type"] not in ("order_created", "order_changed"):
        return [("$", payload)]
    order = payload["order"]
    points = order.get("points") or []
    stops = {_client_order(point, f"$.order.points[{n}]"): n for n, point in enumerate(points)}
    stops.pop(None, None)
    blanked = [[_blanked(point, n, stop) for n, point in enumerate(points)] for stop in stops.values() or [None]]
    return [("$", {**payload, "order": {**order, "points": of_one}}) for of_one in blanked]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    event = payload["event_type"]
    if event in ("order_created", "order_changed"):
        order = payload["order"]
        stops = [(point, f"$.order.points[{n}]") for n, point in enumerate(order["points"]) if point]
        tour, stop = (order, "$.order"), stops[-1] if stops else ({}, "$.order")
        picked_up = _picked_up(order["points"], request)
        return [_shipment(payload, tour, stop, _of_tour(order), picked_up, request)]
    if event in ("delivery_created", "delivery_changed"):
        delivery = payload["delivery"], "$.delivery"
        word = _word(*delivery)
        if word in DRAFTS and delivery[0].get("order_id") is None:
            raise Ignored("a draft of a delivery, which has no order at Borzo yet")
        returned = word is not None and word.startswith(RETURN)
        status = (Status.RETURNED, "") if returned else look_up(DELIVERIES, word)
        return [_shipment(payload, delivery, delivery, status, None, request)]
    raise Unreadable("$.event_type", "is none of the four kinds of callbacks")


def _of_tour(order: dict[str, Any]) -> tuple[Status, str]:
    """The tour's status for one stop. A completed tour of several may have failed at this one, whose own word says it:
    the tour tells no more than that the courier had the parcel."""
    status, unknown = look_up(ORDERS, _word(order, "$.order"))
    several = len(order["points"]) > MOST_OF_ONE
    return (Status.IN_TRANSIT if several and status is Status.DELIVERED else status), unknown


def _shipment(
    payload: dict[str, Any],
    tour: Part,
    stop: Part,
    found: tuple[Status, str],
    picked_up: datetime | None,
    request: Request,
) -> Shipment:
    """``tour`` holds Borzo's order number and its status, ``stop`` the shop's order and its page."""
    (status, unknown), (order, path), (point, place) = found, tour, stop
    if order.get("order_id") is None:
        raise Unreadable(f"{path}.order_id", "is missing")
    number = name(order["order_id"], f"{path}.order_id")
    shops_order = _client_order(point, place)
    delivery = text(point.get("delivery_id"), f"{place}.delivery_id")
    moving = status in UNDERWAY and tour is stop  # a tour does not say since when
    words = status.words if moving or status not in UNDERWAY else ""
    at = local_moment(payload.get("event_datetime"), "$.event_datetime", zone=request.zone)
    named = {ReferenceKind.ORDER_ID: shops_order, ReferenceKind.TRACKING_NUMBER: delivery}
    return Shipment(
        key=f"{number}:{shops_order}" if shops_order else number,
        status=status,
        happened_at=at,
        tracking_number=number,
        tracking_url=url(point.get("tracking_url"), f"{place}.tracking_url"),
        courier=NAME,
        dispatched_at=picked_up or (at if moving else None),
        delivered_at=at if status is Status.DELIVERED else None,
        references=tuple(Reference(kind, value) for kind, value in named.items() if value),
        events=single_event(status, on=at.date() if at else None, happened_at=at, words=words),
        unknown_words=(unknown,) if unknown else (),
    )


def _word(part: dict[str, Any], path: str) -> str | None:
    return text(part.get("status"), f"{path}.status")


def _client_order(stop: dict[str, Any] | None, path: str) -> str | None:
    return text((stop or {}).get("client_order_id"), f"{path}.client_order_id")


def _blanked(point: dict[str, Any] | None, index: int, stop: int | None) -> dict[str, Any] | None:
    """The stop itself, the time of the first one, and nothing of the others."""
    if index == stop or point is None:
        return point
    return {"completed_datetime": point.get("completed_datetime")} if index == 0 else None


def _picked_up(points: list[dict[str, Any] | None], request: Request) -> datetime | None:
    """When the courier completed the first stop, which is the pick-up."""
    first = (points[0] if len(points) > 1 else None) or {}
    return local_moment(first.get("completed_datetime"), "$.order.points[0].completed_datetime", zone=request.zone)
