"""Loggi: one or more packages per POST, each with its status and its whole history, all in UTC."""

from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    UNDERWAY,
    Basic,
    History,
    Reply,
    Request,
    Scan,
    Shipment,
    Status,
    line,
    local_moment,
    look_up,
    name,
    text,
    unless_returned,
)

NAME = "Loggi"
DOCS = "https://docs.api.loggi.com/reference/webhook"
AUTH = (Basic(),)  # user and password are given to Loggi's sales team, which sets up the webhook
REPLY = Reply(
    unreadable=200
)  # another webhook, which confirms creations, may share the URL; its shape is not published
PROBE = None
RETRIES = None
ZONE = ZoneInfo("America/Sao_Paulo")  # times are in UTC; the parcels are in Brazil
TRACKING_PAGE = None
REFERENCES = ("trackingCode",)  # the shipper may choose it, and some choose their order number

# "30 status, Shipper Status V2", Loggi, as four integrators' code quotes it, read 2026-11-28. The webhook's page (DOCS)
# shows 5 alone.
STATUSES = {
    "1": Status.ANNOUNCED,  # added to the system
    "2": Status.CANCELLED,
    "3": Status.IN_TRANSIT,
    "4": Status.IN_TRANSIT,  # being prepared for the delivery
    "5": Status.DELIVERED,
    "6": Status.EXCEPTION,  # refused
    "7": Status.RETURNED,  # the return began
    "8": Status.RETURNED,
    "9": Status.EXCEPTION,  # lost
    "10": Status.IN_TRANSIT,  # waits for the shopper at a post office
    "11": Status.OUT_FOR_DELIVERY,
    "12": Status.EXCEPTION,  # an unforeseen event
    "13": Status.IN_TRANSIT,  # checked in
    "14": Status.DISPATCHED,  # collected
    "15": Status.IN_TRANSIT,  # measured and weighed
    "16": Status.IN_TRANSIT,  # left a base
    "17": Status.IN_TRANSIT,  # reached a base
    "18": Status.EXCEPTION,  # the recipient is absent
    "19": Status.EXCEPTION,  # damaged
    "20": Status.IN_TRANSIT,  # something is pending inside Loggi
    "21": Status.EXCEPTION,  # wrong address
    "22": Status.EXCEPTION,  # waits for the shipper
    "23": Status.EXCEPTION,  # stolen
    "24": Status.IN_TRANSIT,  # held for fiscal control
    "25": Status.IN_TRANSIT,  # released by fiscal control
    "26": Status.EXCEPTION,  # wrong data
    "27": Status.ANNOUNCED,  # not integrated
    "28": Status.ANNOUNCED,  # the collection is pending
    "29": Status.EXCEPTION,  # held by an inspection
    "30": Status.IN_TRANSIT,  # "entregue à transportadora": another carrier has it, the shopper does not
}


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    """The packages. A receiver in production also gets one package without a list."""
    if "packages" in payload:
        return [(f"$.packages[{index}]", package) for index, package in enumerate(payload["packages"])]
    return [("$", payload)]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    newest = _scan(payload, "$", request)
    past = payload.get("trackingHistory") or []
    history = History((newest, *(_scan(each, f"$.trackingHistory[{n}]", request) for n, each in enumerate(past))))
    status = history.settled(newest.status)
    return [
        Shipment(
            key=name(payload["loggiKey"], "$.loggiKey"),
            status=status,
            happened_at=newest.happened_at,
            tracking_number=text(payload.get("trackingCode"), "$.trackingCode"),
            courier=NAME,
            dispatched_at=history.first(*UNDERWAY),
            delivered_at=history.first(Status.DELIVERED) if status is Status.DELIVERED else None,
            events=history.events,
            returned=history.returned_before(status),
            unknown_words=history.unknown_words,
        )
    ]


def _scan(entry: dict[str, Any], path: str, request: Request) -> Scan:
    state, place = entry["status"], entry.get("location") or {}
    status, unknown = look_up(STATUSES, text(state["code"], f"{path}.status.code"))
    at = local_moment(state.get("updatedTime"), f"{path}.status.updatedTime", zone=request.zone)
    words = line(state.get("description"), f"{path}.status.description")
    words = words or line(state.get("highLevelStatus"), f"{path}.status.highLevelStatus")
    status = unless_returned(status, words)
    return Scan.of(
        status,
        unknown,
        on=at.date() if at else None,
        happened_at=at,
        words="" if status is Status.ANNOUNCED else words,
        city=line(place.get("city"), f"{path}.location.city"),
        state=line(place.get("state"), f"{path}.location.state"),
    )
