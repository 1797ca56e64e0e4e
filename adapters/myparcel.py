"""MyParcel: states of shipments, as numbers and without times, in an array in every POST."""

from typing import Any

from adapters import (
    Header,
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
    look_up,
    name,
    text,
)

NAME = "MyParcel"
DOCS = "https://developer.myparcel.nl/api-reference/11.webhook-object-definitions.html"
# The header holds "Base64 of your API key" (11.B.2): a secret of one's own in the URL proves as much, and opens less.
AUTH = (Path(), Header("x-myparcel-authorization"), Query())
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = None  # a message has no times
TRACKING_PAGE = None
REFERENCES = ("shipment_reference_identifier",)
HEADERS = ("x-myparcel-hook",)

STATUS_CHANGE = "shipment_status_change"
# The other hooks: developer.myparcel.nl/api-reference/10.webhooks.html, read 2026-11-30
OTHERS = {"shipment_label_created": "a label was made", "order_status_change": "of an order, not of a shipment"}

# https://developer.myparcel.nl/api-reference/04.data-types.html, shipment_status, and 99 of MyParcel's SDK.
# Read 2026-11-30.
STATUSES = {
    "1": Status.ANNOUNCED,  # concept
    "2": Status.ANNOUNCED,  # registered
    "3": Status.DISPATCHED,  # "enroute - handed to carrier"
    **dict.fromkeys(("4", "5", "6"), Status.IN_TRANSIT),  # sorting, distribution, customs
    "7": Status.DELIVERED,  # "delivered - at recipient"
    "8": Status.IN_TRANSIT,  # "delivered - ready for pickup": at a point, not with the shopper
    "9": Status.DELIVERED,  # "delivered - package picked up"
    **dict.fromkeys(("10", "11"), Status.RETURNED),  # "delivered - return shipment" ready, or picked up
    **dict.fromkeys(("12", "14", "18"), Status.ANNOUNCED),  # "printed": letter, digital stamp, untracked
    "17": Status.CANCELLED,
    "19": Status.DELIVERED,  # "delivered - at agreed location"
    **dict.fromkeys(("13", "15", "16"), Status.OTHER),  # credited, external shipment, expired
    # "inactive", and one of the first nine: what makes a shipment inactive is not documented
    **dict.fromkeys(("30", "31", "32", "33", "34", "35", "36", "37", "38", "99"), Status.OTHER),
}


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(f"$.data.hooks[{n}]", hook) for n, hook in enumerate(payload["data"]["hooks"])]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    hook = text(payload.get("event"), "$.event") or request.headers.get("x-myparcel-hook", STATUS_CHANGE)
    if hook in OTHERS:
        raise Ignored(OTHERS[hook])
    if hook != STATUS_CHANGE:
        raise Unreadable("$.event", "names no hook that is known here")
    status, unknown = look_up(STATUSES, name(payload.get("status"), "$.status"))
    order = text(payload.get("shipment_reference_identifier"), "$.shipment_reference_identifier")
    return [
        Shipment(
            key=name(payload.get("shipment_id"), "$.shipment_id"),
            status=status,
            tracking_number=text(payload.get("barcode"), "$.barcode"),
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            unknown_words=(unknown,) if unknown else (),
        )
    ]
