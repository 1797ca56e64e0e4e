"""Chazki: one status of one delivery per POST."""

from typing import Any

from adapters import (
    UNDERWAY,
    Bearer,
    Header,
    Path,
    Query,
    Reply,
    Request,
    Shipment,
    Status,
    local_moment,
    look_up,
    name,
    single_event,
    url,
)

NAME = "Chazki"
DOCS = "https://docs.chazki.com/tonny"
# Chazki is told a URL; that it can send headers of the shop's choice is second-hand.
AUTH = (Path(), Header(), Bearer(), Query())
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = None  # `timestamp` is in UTC, and Chazki is in five countries
TRACKING_PAGE = None
REFERENCES = ("delivery_code",)

# DOCS, "Order status", read 2026-11-30. The older interface of Peru has other words, and no webhook.
STATUSES = {
    "NEW": Status.ANNOUNCED,
    "PICKUP": Status.ANNOUNCED,  # waits for a route to be picked up
    "GOTO_PICK": Status.ANNOUNCED,
    "ARRIVED_PICK": Status.ANNOUNCED,
    "FAILED_PICK": Status.ANNOUNCED,  # Chazki does not have it
    "PICKING": Status.DISPATCHED,  # "the package was picked up"
    "COLLECTED": Status.IN_TRANSIT,  # "found in Chazki's possession"
    "GOTO_DELIVER": Status.OUT_FOR_DELIVERY,
    "ARRIVED_DELIVER": Status.OUT_FOR_DELIVERY,
    "DELIVERED": Status.DELIVERED,
    "FAILED_DROP": Status.EXCEPTION,
    "RETURNED": Status.RETURNED,
    "CANCELED": Status.CANCELLED,
}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    number = name(payload["delivery_code"], "$.delivery_code")
    status, unknown = look_up(STATUSES, name(payload["delivery_status"], "$.delivery_status"))
    at = local_moment(payload.get("timestamp"), "$.timestamp", zone=request.zone)
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=at,
            tracking_number=number,
            tracking_url=url(payload.get("url_delivery_code"), "$.url_delivery_code"),
            courier=NAME,
            dispatched_at=at if status in UNDERWAY else None,
            delivered_at=at if status is Status.DELIVERED else None,
            events=single_event(status, on=at.date() if at else None, happened_at=at, words=status.words),
            unknown_words=(unknown,) if unknown else (),
        )
    ]
