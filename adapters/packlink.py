"""Packlink PRO: a notice with an event and a shipment's reference; the shipment itself is fetched."""

import re
from typing import Any

from adapters import (
    Fetch,
    Path,
    Query,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Shipment,
    Status,
    Unreadable,
    line,
    look_up,
    name,
    text,
    url,
)

NAME = "Packlink"
DOCS = "https://github.com/packlink-dev/ecommerce_module_core"
AUTH = (Path(), Query())  # nothing is signed: the secret is in the URL that the merchant registers
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = None  # the fetched shipment has no times
TRACKING_PAGE = None
REFERENCES = ("shipment_custom_reference",)

API = "https://api.packlink.com/v1/shipments"
HOSTS = ("api.packlink.com",)
CREDENTIALS = "authorization"  # the bare API key, without "Bearer": DOCS, src/BusinessLogic/Http/Proxy.php

# DOCS, src/BusinessLogic/WebHook/WebHookEventHandler.php, read 2026-11-30
EVENTS = (
    "shipment.carrier.success",
    "shipment.carrier.fail",
    "shipment.label.ready",
    "shipment.label.fail",
    "shipment.tracking.update",
    "shipment.delivered",
    "shipment.carrier.delivered",
    "shipment.incident",
)
PREFIX = "shipments."  # before some names of events

# DOCS, src/BusinessLogic/ShippingMethod/Utility/ShipmentStatus.php, read 2026-11-30
STATES = {
    "AWAITING_COMPLETION": Status.ANNOUNCED,
    "READY_TO_PURCHASE": Status.ANNOUNCED,
    "PURCHASE_SUCCESS": Status.ANNOUNCED,
    "CARRIER_PENDING": Status.ANNOUNCED,
    "RETRY": Status.ANNOUNCED,
    **dict.fromkeys(("CARRIER_KO", "LABELS_KO", "INTEGRATION_KO"), Status.EXCEPTION),  # failed; shown as processing
    "CARRIER_OK": Status.ANNOUNCED,
    "COMPLETED": Status.ANNOUNCED,  # "ready for shipping": the draft is complete, not the delivery
    "READY_TO_PRINT": Status.ANNOUNCED,
    "READY_FOR_COLLECTION": Status.ANNOUNCED,
    "IN_TRANSIT": Status.IN_TRANSIT,
    "INCIDENT": Status.EXCEPTION,  # the answer after shipment.incident, in the tests of DOCS (shipmentIncident.json)
    "DELIVERED": Status.DELIVERED,
    "RETURNED_TO_SENDER": Status.RETURNED,  # which Packlink's own modules show as delivered
}

_REFERENCE = re.compile(r"[A-Za-z0-9_-]+")


def notice(payload: dict[str, Any], request: Request) -> list[Fetch]:  # noqa: ARG001  the contract's signature
    if name(payload["event"], "$.event").removeprefix(PREFIX) not in EVENTS:
        raise Unreadable("$.event", "is none of the events that are known")
    reference = name(payload["data"]["shipment_reference"], "$.data.shipment_reference")
    if not _REFERENCE.fullmatch(reference):
        raise Unreadable("$.data.shipment_reference", "holds more than letters, digits, _ and -")
    return [Fetch(url=f"{API}/{reference}")]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    status, unknown = look_up(STATES, name(payload["state"], "$.state"))
    if payload.get("canceled") is True and not status.in_possession:
        status = Status.CANCELLED
    numbers = [name(one, f"$.trackings[{n}]") for n, one in enumerate(payload.get("trackings") or [])]
    order = text(payload.get("shipment_custom_reference"), "$.shipment_custom_reference")
    named = [(ReferenceKind.ORDER_ID, order)] if order else []
    # VTEX shows one number of an invoice: those of further parcels find the same shipment.
    named += [(ReferenceKind.TRACKING_NUMBER, number) for number in dict.fromkeys(numbers[1:]) if number != numbers[0]]
    return [
        Shipment(
            key=request.fetched.rpartition("/")[2],
            status=status,
            tracking_number=numbers[0] if numbers else None,
            tracking_url=url(payload.get("tracking_url"), "$.tracking_url"),
            courier=line(payload.get("carrier"), "$.carrier") or None,
            references=tuple(Reference(kind, value) for kind, value in named),
            unknown_words=(unknown,) if unknown else (),
        )
    ]
