"""Intelipost: one state of one volume per POST; the volumes of an order are one shipment."""

from datetime import UTC, datetime
from typing import Any

from adapters import (
    Basic,
    Header,
    Ignored,
    Path,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Shipment,
    Status,
    TrackingEvent,
    line,
    moment,
    name,
    text,
    url,
)

NAME = "Intelipost"
DOCS = "https://docs.intelipost.com.br/v1/pedido-de-entrega/recebimento-de-status-webhook"
# Their Magento 2 module puts the API key in Basic's user name; the one for Magento 1 expects it in a header.
AUTH = (Basic(user_is_key=True), Header("api-key"), Header(), Path())
REPLY = Reply(unreadable=422)  # shows as an error in their panel, where it can be sent again by hand
PROBE = None
RETRIES = None
ZONE = None  # times carry their offset, or are milliseconds since 1970
TRACKING_PAGE = None
REFERENCES = ("sales_order_number", "order_number")

# `history.shipment_order_volume_state` as in https://github.com/intelipost/Magento2, Controller/Webhook/Index.php.
# There are hundreds of micro states, which each client may rename: they decide nothing.
STATUSES = {
    "READY_FOR_SHIPPING": Status.ANNOUNCED,
    "SHIPPED": Status.DISPATCHED,  # may never come
    "IN_TRANSIT": Status.IN_TRANSIT,
    "TO_BE_DELIVERED": Status.OUT_FOR_DELIVERY,
    "DELIVERED": Status.DELIVERED,
    "CLARIFY_DELIVERY_FAIL": Status.EXCEPTION,
    "DELIVERY_FAILED": Status.EXCEPTION,  # refused, lost or on its way back: the word covers them all
}
ON_THE_WAY = (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    history = payload["history"]
    if history["shipment_order_volume_state"] == "NEW":
        raise Ignored("the order was created; there is no label yet")
    status = STATUSES.get(history["shipment_order_volume_state"], Status.OTHER)
    happened_at = _happened_at(history, request)
    return [
        Shipment(
            key=name(payload["order_number"], "$.order_number"),
            status=status,
            happened_at=happened_at,
            tracking_number=text(payload.get("tracking_code"), "$.tracking_code"),
            tracking_url=url(payload.get("tracking_url"), "$.tracking_url"),
            dispatched_at=happened_at if status in ON_THE_WAY else None,
            delivered_at=happened_at if status is Status.DELIVERED else None,
            references=_references(payload),
            events=_events(history, status, happened_at),
            volume=text(payload.get("volume_number"), "$.volume_number") or "",
        )
    ]


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    """The id of the row in the volume's history."""
    path = "$.history.shipment_order_volume_state_history"
    return text(payload["history"].get("shipment_order_volume_state_history"), path)


def _happened_at(history: dict[str, Any], request: Request) -> datetime | None:
    written = moment(history.get("event_date_iso"), "$.history.event_date_iso", zone=request.zone)
    if written is not None or history.get("event_date") is None:
        return written
    local = datetime.fromtimestamp(history["event_date"] / 1000, request.zone or UTC)
    return moment(local.isoformat(), "$.history.event_date", zone=None)  # with its offset written out, as all times


def _references(payload: dict[str, Any]) -> tuple[Reference, ...]:
    invoice = payload.get("invoice") or {}
    named = {
        ReferenceKind.ORDER_ID: text(payload.get("sales_order_number"), "$.sales_order_number"),
        ReferenceKind.INVOICE_NUMBER: text(invoice.get("invoice_number"), "$.invoice.invoice_number"),
        ReferenceKind.INVOICE_SERIES: text(invoice.get("invoice_series"), "$.invoice.invoice_series"),
        ReferenceKind.INVOICE_KEY: text(invoice.get("invoice_key"), "$.invoice.invoice_key"),
    }
    return tuple(Reference(kind, value) for kind, value in named.items() if value)


def _events(history: dict[str, Any], status: Status, happened_at: datetime | None) -> tuple[TrackingEvent, ...]:
    """The state in the client's own words; a label alone is no event."""
    micro_state = history.get("shipment_volume_micro_state") or {}
    described = line(
        history.get("shipment_order_volume_state_localized"), "$.history.shipment_order_volume_state_localized"
    ) or line(micro_state.get("name"), "$.history.shipment_volume_micro_state.name")
    if happened_at is None or not described or status is Status.ANNOUNCED:
        return ()
    return (TrackingEvent(day=happened_at.date(), description=described, happened_at=happened_at),)
