"""Skydropx PRO: the newest status of one package per POST, in JSON:API and without any time."""

from typing import Any

from adapters import Bearer, Hmac, Ignored, Path, Reply, Request, Shipment, Status, name, text, url

NAME = "Skydropx"
DOCS = "https://pro.skydropx.com/es-MX/api-docs"
# The panel offers "HMAC <hex>" over the exact bytes, or a fixed "Bearer <token>", which the page calls less safe.
AUTH = (Hmac(header="authorization", encoding="hex", digest="sha512", prefix="HMAC "), Bearer(), Path())
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = None  # nothing is dated
TRACKING_PAGE = None
REFERENCES = ()  # the message names Skydropx's own shipment and no order of the merchant's

# api-docs, the twelve states of a package
STATUSES = {
    "created": Status.ANNOUNCED,
    "picked_up": Status.DISPATCHED,
    "in_transit": Status.IN_TRANSIT,
    "delivery_attempt": Status.IN_TRANSIT,  # who tried to deliver it has it
    "delivered_to_branch": Status.IN_TRANSIT,  # waits for the shopper
    "last_mile": Status.OUT_FOR_DELIVERY,
    "delivered": Status.DELIVERED,
    "in_return": Status.RETURNED,
    "exception": Status.EXCEPTION,
    "retained": Status.EXCEPTION,
    "destroyed": Status.EXCEPTION,
    "canceled": Status.CANCELLED,
}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:  # noqa: ARG001  the contract's signature
    data = payload["data"]
    if data["type"] != "packages":
        raise Ignored("not about a package: orders, rates, charges and pickups have webhooks too")
    attributes = data["attributes"]
    status = STATUSES.get(name(attributes["status"], "$.data.attributes.status"), Status.OTHER)
    if attributes.get("returned"):  # the page: on the way back the status may go on as if nothing had happened
        status = Status.RETURNED
    return [
        Shipment(
            key=name(data["id"], "$.data.id"),
            status=status,
            tracking_number=text(attributes.get("tracking_number"), "$.data.attributes.tracking_number"),
            tracking_url=url(attributes.get("tracking_url_provider"), "$.data.attributes.tracking_url_provider"),
        )
    ]
