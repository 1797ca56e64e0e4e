"""Loggi: one or more packages per POST, each with its status and its whole history, all in UTC."""

from datetime import datetime
from typing import Any

from adapters import Basic, Ignored, Reply, Request, Shipment, Status, TrackingEvent, day, line, moment, name, text

NAME = "Loggi"
DOCS = "https://docs.api.loggi.com/reference/webhook"
AUTH = (Basic(),)  # user and password are handed to Loggi's sales team, who set up the webhook
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = None  # every time has its Z
TRACKING_PAGE = None
REFERENCES = ("trackingCode",)  # the shipper may choose it, and some choose their order number

# The page shows "5" alone. The others are those that two integrators' code reads alike, one of them with the names
# that came along; not 1, which one takes for "posted" and the other for "created".
STATUSES = {
    "2": Status.CANCELLED,
    "5": Status.DELIVERED,
    "6": Status.EXCEPTION,  # refused
    "7": Status.RETURNED,
    "8": Status.RETURNED,
    "11": Status.IN_TRANSIT,  # "em rota"
    "13": Status.IN_TRANSIT,  # checked in
    "15": Status.IN_TRANSIT,  # measured and weighed
    "16": Status.IN_TRANSIT,  # left a base
    "17": Status.IN_TRANSIT,  # reached a base
    "18": Status.IN_TRANSIT,  # nobody at home: who tried to deliver it has it
    "21": Status.EXCEPTION,  # wrong address
    "22": Status.EXCEPTION,  # waits for the shipper
}

Told = tuple[Status, datetime | None, TrackingEvent | None]


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    """The packages; a receiver in production also gets one package without the list around it.

    What names no package is the other webhook, which confirms that packages were created.
    """
    if "packages" in payload:
        return [(f"$.packages[{index}]", package) for index, package in enumerate(payload["packages"])]
    return [("$", payload)] if "loggiKey" in payload else []


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    if "status" not in payload:
        raise Ignored("a package without a status: it was only created")
    now = _told(payload, "$", request)
    passed = payload.get("trackingHistory") or []
    history = [now, *(_told(entry, f"$.trackingHistory[{index}]", request) for index, entry in enumerate(passed))]
    status, happened_at, _ = now
    delivered = status is Status.DELIVERED
    return [
        Shipment(
            key=name(payload["loggiKey"], "$.loggiKey"),
            status=status,
            happened_at=happened_at,
            tracking_number=text(payload.get("trackingCode"), "$.trackingCode"),
            courier=NAME,
            dispatched_at=_first(history, Status.IN_TRANSIT),
            delivered_at=_first(history, Status.DELIVERED) if delivered else None,
            events=tuple(dict.fromkeys(event for _, _, event in history if event)),
        )
    ]


def _told(entry: dict[str, Any], path: str, request: Request) -> Told:
    said, place = entry["status"], entry.get("location") or {}
    status = STATUSES.get(text(said["code"], f"{path}.status.code") or "", Status.OTHER)
    happened_at = moment(said.get("updatedTime"), f"{path}.status.updatedTime", zone=request.zone)
    happened_on = day(said.get("updatedTime"), f"{path}.status.updatedTime")
    words = line(said.get("description"), f"{path}.status.description")
    words = words or line(said.get("highLevelStatus"), f"{path}.status.highLevelStatus")
    if happened_on is None or not words:
        return status, happened_at, None
    event = TrackingEvent(
        day=happened_on,
        description=words,
        happened_at=happened_at,
        city=line(place.get("city"), f"{path}.location.city"),
        state=line(place.get("state"), f"{path}.location.state"),
    )
    return status, happened_at, event


def _first(history: list[Told], status: Status) -> datetime | None:
    """The history is in no promised order."""
    return min((time for told, time, _ in history if told is status and time), default=None)
