"""ShipStation V1: a notice that labels were made; they are fetched as a list. It never says where a parcel is."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from adapters import (
    Basic,
    Fetch,
    Ignored,
    Path,
    Query,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Shipment,
    Status,
    Unreadable,
    courier_name,
    moment,
    name,
    text,
)

NAME = "ShipStation"
DOCS = "https://www.shipstation.com/docs/api/models/webhook/"
AUTH = (Path(), Query(), Basic())  # nothing is signed: the secret is in the URL that the merchant registers
REPLY = Reply(unreadable=200)  # nothing is documented about retries: nothing suggests that a 4xx would help
PROBE = None
RETRIES = None
ZONE = None  # by reputation Pacific time; the documentation does not say
TRACKING_PAGE = None
REFERENCES = ("orderNumber", "orderKey")

# The documentation shows resource URLs at "ssapiX.shipstation.com"; numbered hosts are in use.
HOSTS = (re.compile(r"ssapi\d{0,3}\.shipstation\.com"),)
CREDENTIALS = "basic"  # API key and API secret

# models/webhook, "resource_type", read on 2026-11-28. Fulfillments are another resource; its structure is not
# documented there.
SHIPMENTS = ("SHIP_NOTIFY", "ITEM_SHIP_NOTIFY")
OTHER_RESOURCES = ("ORDER_NOTIFY", "ITEM_ORDER_NOTIFY", "FULFILLMENT_SHIPPED", "FULFILLMENT_REJECTED")

#: Accounts that sell the postage of several carriers; the service names the carrier
ACCOUNTS = ("endicia", "stamps_com")

#: More pages than any batch of labels has; a list that claims more is not read to its end.
MOST_PAGES = 200


def notice(payload: dict[str, Any], request: Request) -> list[Fetch]:  # noqa: ARG001  the contract's signature
    kind = text(payload["resource_type"], "$.resource_type") or ""
    if kind in OTHER_RESOURCES:
        raise Ignored("orders or fulfillments, not shipments")
    if kind not in SHIPMENTS:
        raise Unreadable("$.resource_type", "is no resource of ShipStation's that is known here")
    return [Fetch(url=name(payload["resource_url"], "$.resource_url"))]


def more(payload: dict[str, Any], request: Request) -> list[Fetch]:
    page, pages = payload.get("page") or 1, payload.get("pages") or 1
    if page >= min(pages, MOST_PAGES):
        return []
    parts = urlsplit(request.fetched)
    kept = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "page"]
    return [Fetch(url=urlunsplit(parts._replace(query=urlencode([*kept, ("page", page + 1)]))))]


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(f"$.shipments[{n}]", each) for n, each in enumerate(payload["shipments"])]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    if payload.get("isReturnLabel"):
        raise Ignored("a return label")
    voided = bool(payload.get("voided"))
    number = text(payload.get("trackingNumber"), "$.trackingNumber")
    dated = "voidDate" if voided else "createDate"
    order = text(payload.get("orderNumber"), "$.orderNumber")
    code = text(payload.get("carrierCode"), "$.carrierCode") or ""
    service = text(payload.get("serviceCode"), "$.serviceCode") or ""
    return [
        Shipment(
            key=name(payload["shipmentId"], "$.shipmentId"),
            # A label was printed. `shipDate` is the day printed on it, not news from the carrier.
            status=Status.CANCELLED if voided else Status.ANNOUNCED,
            happened_at=moment(payload.get(dated), f"$.{dated}", zone=request.zone),
            tracking_number=number,
            courier=_courier(code, service),
            courier_code=code,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
        )
    ]


def _courier(code: str, service: str) -> str | None:
    """The carrier, or else the carrier with which a service such as ``usps_priority_mail`` begins."""
    carrier = None if code in ACCOUNTS else courier_name(code)
    return carrier or courier_name(service.partition("_")[0])
