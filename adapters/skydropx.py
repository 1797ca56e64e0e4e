"""Skydropx PRO: the newest status of one package per POST, in JSON:API and without any time."""

from typing import Any

from adapters import (
    Bearer,
    Header,
    Hmac,
    Ignored,
    OrderNamed,
    Path,
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
    unless_returned,
    url,
)

NAME = "Skydropx"
DOCS = "https://pro.skydropx.com/es-MX/api-docs"
# The panel offers "HMAC <hex>" over the exact bytes, or a fixed "Bearer <token>", which the page calls less safe. The
# header's name is the customer's choice, of 3 to 25 characters.
AUTH = (
    Hmac(header="authorization", encoding="hex", digest="sha512", prefix="HMAC ", renamed=True),
    Bearer(),
    Header(),
    Path(),
)
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = None  # nothing is dated
TRACKING_PAGE = None
# the message names Skydropx's own order and shipment, and none of the merchant's
REFERENCES = ()

# api-docs, the twelve states of a package, and three spellings that integrators know. Read 2026-11-28.
STATUSES = {
    "created": Status.ANNOUNCED,
    "label_created": Status.ANNOUNCED,
    "picked_up": Status.DISPATCHED,
    "in_transit": Status.IN_TRANSIT,
    "delivery_attempt": Status.IN_TRANSIT,  # the courier that tried to deliver it has it
    "delivered_to_branch": Status.IN_TRANSIT,  # waits for the shopper
    "last_mile": Status.OUT_FOR_DELIVERY,
    "out_for_delivery": Status.OUT_FOR_DELIVERY,
    "delivered": Status.DELIVERED,
    "in_return": Status.RETURNED,
    "exception": Status.EXCEPTION,
    "retained": Status.EXCEPTION,
    "destroyed": Status.EXCEPTION,
    "canceled": Status.CANCELLED,
    "cancelled": Status.CANCELLED,
}
#: The other subscriptions of the page: they have no package's status.
NO_PACKAGES = ("quotations", "quotation", "rates", "rate", "extra_charges", "pickups")


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:  # noqa: ARG001  the contract's signature
    data = payload["data"]
    if data["type"] == "orders":
        raise _order(data)
    if data["type"] in NO_PACKAGES:
        raise Ignored("not about a package: rates, charges and pickups have webhooks too")
    if data["type"] != "packages":
        raise Unreadable("$.data.type", "is none of Skydropx's resources that are known")
    attributes = data["attributes"]
    status, unknown_word = look_up(STATUSES, name(attributes["status"], "$.data.attributes.status"))
    # The page: on the way back the status may continue as if nothing had happened.
    words = line(attributes.get("event_description"), "$.data.attributes.event_description")
    status = Status.RETURNED if attributes.get("returned") else unless_returned(status, words)
    return [
        Shipment(
            key=name(data["id"], "$.data.id"),
            status=status,
            tracking_number=text(attributes.get("tracking_number"), "$.data.attributes.tracking_number"),
            tracking_url=url(attributes.get("tracking_url_provider"), "$.data.attributes.tracking_url_provider"),
            references=_references(data),
            unknown_words=(unknown_word,) if unknown_word else (),
        )
    ]


def _order(data: dict[str, Any]) -> Ignored:
    """Skydropx's order with the shop's number for it; the page names two fields."""
    attributes = data.get("attributes") or {}
    numbers = [text(attributes.get(field), f"$.data.attributes.{field}") for field in ("ecommerce_id", "platform_id")]
    shops = next(filter(None, numbers), None)
    own = text(data.get("id"), "$.data.id")
    return OrderNamed(own, shops) if own and shops else Ignored("an order without the shop's number for it")


def _references(data: dict[str, Any]) -> tuple[Reference, ...]:
    order = ((data.get("relationships") or {}).get("order") or {}).get("data") or {}
    own = text(order.get("id"), "$.data.relationships.order.data.id")
    return (Reference(ReferenceKind.CARRIER_ORDER, own),) if own else ()
