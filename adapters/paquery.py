"""Paquery: one event of one shipment per POST, each parcel's events strictly in turn."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    UNDERWAY,
    Bearer,
    Header,
    Path,
    Query,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    line,
    local_moment,
    look_up,
    name,
    single_event,
    text,
    unless_returned,
)

NAME = "Paquery"
DOCS = "https://docs.ng.paquery.com"
AUTH = (Path(), Header(), Bearer(), Query())  # what the notification proves itself by is not documented
# Exactly 200 is an answer; until then Paquery sends no newer event.
REPLY = Reply(unreadable=200)
PROBE = None
RETRIES = Retries(times=None, over=timedelta(hours=6))
ZONE = ZoneInfo("America/Argentina/Buenos_Aires")  # `received` is in UTC; the parcels are in Argentina
TRACKING_PAGE = None
REFERENCES = ()

# DOCS, "Events notification webhook", `status`, read 2026-11-30. The page names the words and does not explain them.
STATUSES = {
    "created": Status.ANNOUNCED,
    "accepted": Status.OTHER,  # by whom, and with the parcel in hand or not, is not said
    "rejected": Status.EXCEPTION,
    "picked_up": Status.DISPATCHED,
    "crossdocked": Status.IN_TRANSIT,
    "scheduled": Status.OTHER,
    "delivered": Status.DELIVERED,
    "failed_attempt": Status.EXCEPTION,
    "dropped_off": Status.OTHER,  # where, is not said
    "canceled": Status.CANCELLED,
    "returned": Status.RETURNED,
    "damaged": Status.EXCEPTION,
    "incident": Status.EXCEPTION,
}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    status, unknown = look_up(STATUSES, name(payload["status"], "$.status"))
    status = unless_returned(status, _details(payload))
    # The only time of a message: when Paquery's notifications took the event over, the same in each repeat.
    at = local_moment(payload.get("received"), "$.received", zone=request.zone)
    return [
        Shipment(
            key=name(payload["shipment_id"], "$.shipment_id"),
            status=status,
            happened_at=at,
            tracking_number=text(payload.get("tracking_number"), "$.tracking_number"),
            courier=NAME,
            dispatched_at=at if status in UNDERWAY else None,
            delivered_at=at if status is Status.DELIVERED else None,
            events=single_event(status, on=at.date() if at else None, happened_at=at, words=status.words),
            unknown_words=(unknown,) if unknown else (),
        )
    ]


def _details(payload: dict[str, Any]) -> str:
    """The words of a substatus that is the shop's own."""
    info = payload.get("custom_substatus_info") or {}
    return line(info.get("description"), "$.custom_substatus_info.description")


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    """The event. Its repeats differ in ``attempts`` alone."""
    parts = [text(payload.get(field), f"$.{field}") for field in ("shipment_id", "status", "received")]
    return ":".join(part for part in parts if part) if all(parts) else None
