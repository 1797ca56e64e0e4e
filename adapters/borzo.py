"""Borzo (once Dostavista): one event of a courier's tour per POST, perhaps for several of the shop's orders."""

from typing import Any

from adapters import (
    Hmac,
    Ignored,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Shipment,
    Status,
    TrackingEvent,
    Unreadable,
    day,
    line,
    moment,
    name,
    text,
    url,
)

NAME = "Borzo"
DOCS = "https://borzodelivery.com/in/business-api/doc"
AUTH = (Hmac(header="x-dv-signature", encoding="hex"),)
REPLY = Reply(unreadable=200)  # receivers in the open say that Borzo repeats until it is acknowledged
PROBE = None
RETRIES = None
ZONE = None  # nobody says how `event_datetime` is written, so a time without an offset is none
TRACKING_PAGE = None
REFERENCES = ("order.points[*].client_order_id", "delivery.client_order_id")

# DOCS, `order.status`: of all stops of the tour together
ORDERS = {
    "new": Status.ANNOUNCED,
    "available": Status.ANNOUNCED,  # "active" does not say whether the courier has come by yet
    "completed": Status.DELIVERED,
    "canceled": Status.CANCELLED,
    "delayed": Status.EXCEPTION,
}
# What public receivers read; the word for a stop that was delivered is not confirmed
DELIVERIES = {
    "courier_assigned": Status.ANNOUNCED,
    "courier_departed": Status.ANNOUNCED,  # they name it before the pick-up
    "parcel_picked_up": Status.DISPATCHED,
}

Part = tuple[dict[str, Any], str]  # of the message, with its JSON path


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    """The same message once for each order of the shop's, with the other stops blanked; else as a whole."""
    if payload["event_type"] not in ("order_created", "order_changed"):
        return [("$", payload)]
    order = payload["order"]
    points = order.get("points") or []
    stops = {_client_order(point, f"$.order.points[{n}]"): n for n, point in enumerate(points)}
    stops.pop(None, None)
    members = [
        {**payload, "order": {**order, "points": [point if n == stop else None for n, point in enumerate(points)]}}
        for stop in stops.values()
    ]
    return [("$", member) for member in members or [{**payload, "order": {**order, "points": []}}]]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    event = payload["event_type"]
    if event in ("order_created", "order_changed"):
        order = payload["order"]
        stops = [(point, f"$.order.points[{n}]") for n, point in enumerate(order["points"]) if point]
        status = ORDERS.get(order.get("status") or "", Status.OTHER)
        return [_shipment(payload, (order, "$.order"), stops[0] if stops else ({}, "$.order"), status, request)]
    if event in ("delivery_created", "delivery_changed"):
        delivery = payload["delivery"], "$.delivery"
        status = DELIVERIES.get(delivery[0].get("status") or "", Status.OTHER)
        return [_shipment(payload, delivery, delivery, status, request)]
    raise Ignored(f"{line(event, '$.event_type')} carries no parcel status")


def _shipment(payload: dict[str, Any], tour: Part, stop: Part, status: Status, request: Request) -> Shipment:
    """``tour`` holds Borzo's order number and its status, ``stop`` the shop's order and its page."""
    (said, path), (there, place) = tour, stop
    if said.get("order_id") is None:
        raise Unreadable(f"{path}.order_id", "is missing")
    number = name(said["order_id"], f"{path}.order_id")
    order = _client_order(there, place)
    at = moment(payload.get("event_datetime"), "$.event_datetime", zone=request.zone)
    on = day(payload.get("event_datetime"), "$.event_datetime")
    return Shipment(
        key=f"{number}:{order}" if order else number,
        status=status,
        happened_at=at,
        tracking_number=number,
        tracking_url=url(there.get("tracking_url"), f"{place}.tracking_url"),
        courier=NAME,
        dispatched_at=at if status is Status.DISPATCHED else None,
        delivered_at=at if status is Status.DELIVERED else None,
        references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
        events=(TrackingEvent(day=on, description=status.words, happened_at=at),) if on and status.words else (),
    )


def _client_order(stop: dict[str, Any] | None, path: str) -> str | None:
    return text((stop or {}).get("client_order_id"), f"{path}.client_order_id")
