"""Zippin: a notice with a shipment's number; its history is fetched, and then the shipment itself."""

import re
from datetime import datetime, timedelta
from typing import Any

from adapters import (
    Fetch,
    Ignored,
    Path,
    Query,
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
    moment,
    name,
    text,
    url,
)

NAME = "Zippin"
DOCS = "https://docs.zippin.com/api-docs/recursos-api/configuracion"
AUTH = (Path(), Query())  # nothing is signed: the secret stands in the URL that the merchant registers
REPLY = Reply(unreadable=200)  # whatever is not 200 is sent again every hour ("Configuración", Webhooks)
PROBE = None
RETRIES = Retries(times=12, over=timedelta(hours=12))
ZONE = None  # every time carries its offset
TRACKING_PAGE = None
REFERENCES = ("external_id",)

# "URLs y Autenticación": one host per country. A notice does not say which: other countries set `base_url`.
API = "https://api.zippin.com.ar/v2/shipments"
HOSTS = ("api.zippin.com.ar",)
CREDENTIALS = "basic"  # API token and API secret

TOPICS = ("status", "shipment")

# "Estados de envío", column "Código"
STATUSES = {
    "new": Status.ANNOUNCED,
    "documentation_ready": Status.ANNOUNCED,
    "ready_to_ship": Status.ANNOUNCED,
    "shipped": Status.ANNOUNCED,  # the seller may set this one himself
    "cancelled": Status.CANCELLED,
    "expired": Status.CANCELLED,
    "admitted": Status.DISPATCHED,  # handed in at a Zippin point or a branch of the carrier
    "in_transit_to_crossdock": Status.IN_TRANSIT,  # collected, or on its way back to the distribution centre
    "xd_pending": Status.IN_TRANSIT,
    "crossdock": Status.IN_TRANSIT,
    "in_transit_to_carrier": Status.IN_TRANSIT,
    "received_by_carrier": Status.IN_TRANSIT,
    "in_transit": Status.IN_TRANSIT,
    "available_for_pickup": Status.IN_TRANSIT,  # at a branch, not with the shopper
    "out_for_delivery": Status.OUT_FOR_DELIVERY,
    "delivered": Status.DELIVERED,
    "delivered_with_damage": Status.DELIVERED,  # handed over, with a note of the packing's damage
    "delivery_attempt": Status.EXCEPTION,
    "not_delivered": Status.EXCEPTION,
    "rejected": Status.EXCEPTION,
    "reshipped": Status.EXCEPTION,  # another shipment, with another id, goes on
    "in_carrier_ready_to_return": Status.EXCEPTION,
    "lost_in_carrier": Status.EXCEPTION,
    "lost": Status.EXCEPTION,
    "generated_return": Status.RETURNED,
}

# The states of the other shipment, which takes a parcel back to the seller under the same `external_id`
OF_A_RETURN = frozenset({"return_xd_pending", "on_hold_crossdock", "in_transit_to_seller", "returned_to_seller"})

_HISTORY = re.compile(r"/shipments/(\d+)/tracking")


def notice(payload: dict[str, Any], request: Request) -> list[Fetch]:  # noqa: ARG001  the contract's signature
    if payload["topic"] not in TOPICS:
        raise Ignored("of an account or a stock, not of a shipment")
    number = name(payload.get("data", {}).get("shipment_id"), "$.data.shipment_id")
    if not (number.isascii() and number.isdecimal()):
        raise Unreadable("$.data.shipment_id", "is no number")
    # The history first: it has the dates, and a number that is written without one is not written again for it.
    return [Fetch(url=f"{API}/{number}/tracking?sort=oldest")]


def more(payload: dict[str, Any] | list[Any], request: Request) -> list[Fetch]:
    return [Fetch(url=request.fetched.partition("/tracking")[0])] if isinstance(payload, list) else []


def read(payload: dict[str, Any] | list[Any], request: Request) -> list[Shipment]:
    return [_history(payload, request) if isinstance(payload, list) else _shipment(payload)]


def _shipment(payload: dict[str, Any]) -> Shipment:
    code = _code(payload["status"], "$.status")
    order = text(payload.get("external_id"), "$.external_id")
    return Shipment(
        key=name(payload["id"], "$.id"),
        status=STATUSES.get(code, Status.OTHER),
        tracking_number=text(payload.get("delivery_id"), "$.delivery_id"),
        tracking_url=url(payload.get("tracking"), "$.tracking"),
        courier=line((payload.get("carrier") or {}).get("name"), "$.carrier.name") or None,
        references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
    )


def _history(payload: list[Any], request: Request) -> Shipment:
    number = _HISTORY.search(request.fetched)
    if number is None:
        raise Unreadable("$", "is a history, and its URL names no shipment")
    steps = [_step(entry, f"$[{n}]", request) for n, entry in enumerate(payload)]
    if not steps:
        raise Ignored("no history yet")
    steps.sort(key=lambda step: step[0])  # those of one moment keep their order
    held = [at for at, status, _ in steps if status.in_possession and status is not Status.RETURNED]
    handed = [at for at, status, _ in steps if status is Status.DELIVERED]
    return Shipment(
        key=number.group(1),
        status=steps[-1][1],
        happened_at=steps[-1][0],
        dispatched_at=held[0] if held else None,
        delivered_at=handed[0] if handed else None,
        events=tuple(event for _, _, event in steps),
    )


def _step(entry: dict[str, Any], path: str, request: Request) -> tuple[datetime, Status, TrackingEvent]:
    written = entry["created_at"]
    at, on = moment(written, f"{path}.created_at", zone=request.zone), day(written, f"{path}.created_at")
    if at is None or on is None:
        raise Unreadable(f"{path}.created_at", "is no time with an offset")
    status = STATUSES.get(_code(entry["status"]["code"], f"{path}.status.code"), Status.OTHER)
    description = line(entry["status"].get("visible_name"), f"{path}.status.visible_name")
    return at, status, TrackingEvent(day=on, happened_at=at, description=description)


def _code(written: object, path: str) -> str:
    code = name(written, path)
    if code in OF_A_RETURN:
        raise Ignored("a return to the seller, which is a shipment of its own")
    return code
