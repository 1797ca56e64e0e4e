"""Zipnova, once Zippin: a notice with a shipment's number; its history is fetched, and then the shipment itself."""

import re
from datetime import timedelta
from typing import Any

from adapters import (
    UNDERWAY,
    Fetch,
    Ignored,
    Path,
    Query,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Scan,
    Shipment,
    Status,
    Unreadable,
    day,
    line,
    look_up,
    moment,
    name,
    oldest_first,
    text,
    unless_returned,
    url,
)

NAME = "Zipnova"
DOCS = "https://docs.zipnova.com/envios/referencia/estados-de-envio"
AUTH = (Path(), Query())  # nothing is signed: the secret is in the URL that the merchant registers
REPLY = Reply(unreadable=200)  # a notice without 200 is sent again every hour ("Configuración", Webhooks)
PROBE = None
RETRIES = Retries(times=12, over=timedelta(hours=12))
ZONE = None  # every time carries its offset
TRACKING_PAGE = None
REFERENCES = ("external_id",)

# "URLs y Autenticación": one host per country. A notice does not say which, so other countries set `base_url`. The
# hosts of Zippin's days (api.zippin.com.ar …) ended on 1 April 2026.
API = "https://api.zipnova.com.ar/v2/shipments"
HOSTS = ("api.zipnova.com.ar",)
CREDENTIALS = "basic"  # API token and API secret

# github.com/zippin/apidocs, recursos-api/configuracion.md, "Topics": a shipment's, and others. Read 2026-11-29.
TOPICS = ("status", "shipment")
OTHER_TOPICS = ("account", "account_balance", "stock")

# "Estados de envío", column "Código" (github.com/zippin/apidocs; docs.zipnova.com/envios/referencia/estados-de-envio).
# Read 2026-11-28.
STATUSES = {
    "new": Status.ANNOUNCED,
    "documentation_ready": Status.ANNOUNCED,
    "ready_to_ship": Status.ANNOUNCED,
    "shipped": Status.ANNOUNCED,  # the seller may set this one
    "cancelled": Status.CANCELLED,
    "expired": Status.CANCELLED,
    "admitted": Status.DISPATCHED,  # handed in at a Zipnova point or a branch of the carrier
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
    "rejected": Status.EXCEPTION,  # refused by the carrier, not by the shopper
    "reshipped": Status.EXCEPTION,  # another shipment with another id continues
    "in_carrier_ready_to_return": Status.EXCEPTION,
    "lost_in_carrier": Status.EXCEPTION,
    "lost": Status.EXCEPTION,
    "generated_return": Status.RETURNED,
    "return_xd_pending": Status.RETURNED,
    "on_hold_crossdock": Status.RETURNED,
    "in_transit_to_seller": Status.RETURNED,
    "returned_to_seller": Status.RETURNED,
}

# The states of another shipment that takes the parcel back to the seller under the same `external_id`
OF_A_RETURN = frozenset({"return_xd_pending", "on_hold_crossdock", "in_transit_to_seller", "returned_to_seller"})

_HISTORY = re.compile(r"/shipments/(\d+)/tracking")


def notice(payload: dict[str, Any], request: Request) -> list[Fetch]:  # noqa: ARG001  the contract's signature
    if payload["topic"] in OTHER_TOPICS:
        raise Ignored("of an account or a stock, not of a shipment")
    if payload["topic"] not in TOPICS:
        raise Unreadable("$.topic", "is none of Zipnova's topics that are known")
    number = name(payload.get("data", {}).get("shipment_id"), "$.data.shipment_id")
    if not (number.isascii() and number.isdecimal()):
        raise Unreadable("$.data.shipment_id", "is no number")
    # The history first: it has the dates, and a number that is written without a date is not written again for it.
    return [Fetch(url=f"{API}/{number}/tracking?sort=oldest")]


def more(payload: dict[str, Any] | list[Any], request: Request) -> list[Fetch]:
    return [Fetch(url=request.fetched.partition("/tracking")[0])] if isinstance(payload, list) else []


def read(payload: dict[str, Any] | list[Any], request: Request) -> list[Shipment]:
    return [_history(payload, request) if isinstance(payload, list) else _shipment(payload)]


def _shipment(payload: dict[str, Any]) -> Shipment:
    code = name(payload["status"], "$.status")
    status, unknown_word = look_up(STATUSES, code)
    order = text(payload.get("external_id"), "$.external_id")
    # The carrier's number comes later than Zipnova's own, which is on the label.
    carriers = text(payload.get("carrier_tracking_id"), "$.carrier_tracking_id")
    own = text(payload.get("delivery_id"), "$.delivery_id")
    references = [Reference(ReferenceKind.ORDER_ID, order)] if order else []
    if carriers and own and own != carriers:
        references.append(Reference(ReferenceKind.TRACKING_NUMBER, own))
    return Shipment(
        key=name(payload["id"], "$.id"),
        status=status,
        tracking_number=carriers or own,
        tracking_url=url(payload.get("tracking"), "$.tracking")
        or url(payload.get("tracking_external"), "$.tracking_external"),
        courier=line((payload.get("carrier") or {}).get("name"), "$.carrier.name") or None,
        references=tuple(references),
        reverse=code in OF_A_RETURN,
        unknown_words=(unknown_word,) if unknown_word else (),
    )


def _history(payload: list[Any], request: Request) -> Shipment:
    number = _HISTORY.search(request.fetched)
    if number is None:
        raise Unreadable("$", "is a history, and its URL names no shipment")
    if not payload:
        raise Ignored("no history yet")
    history = oldest_first((_scan(entry, f"$[{n}]") for n, entry in enumerate(payload)), "$")
    status = history.settled(history.scans[-1].status)
    return Shipment(
        key=number.group(1),
        status=status,
        happened_at=history.last(),
        dispatched_at=history.first(*UNDERWAY),
        delivered_at=history.first(Status.DELIVERED) if status is Status.DELIVERED else None,
        events=history.events,
        returned=history.returned_before(status),
        reverse=any(entry["status"]["code"].strip() in OF_A_RETURN for entry in payload),
        unknown_words=history.unknown_words,
    )


def _scan(entry: dict[str, Any], path: str) -> Scan:
    written = entry["created_at"]
    status, unknown_word = look_up(STATUSES, name(entry["status"]["code"], f"{path}.status.code"))
    words = line(entry["status"].get("visible_name"), f"{path}.status.visible_name")
    return Scan.of(
        unless_returned(status, words),
        unknown_word,
        on=day(written, f"{path}.created_at"),
        happened_at=moment(written, f"{path}.created_at", zone=None),
        words=words,
    )
