"""Intelipost: one state of one volume per POST; the volumes of an order are one shipment."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    UNDERWAY,
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
    local_moment,
    look_up,
    moment,
    name,
    says_returned,
    single_event,
    text,
    unless_returned,
    url,
)

NAME = "Intelipost"
DOCS = "https://docs.intelipost.com.br/v1/pedido-de-entrega/recebimento-de-status-webhook"
# Their Magento 2 module puts the API key in Basic's user name; the one for Magento 1 expects it in a header.
AUTH = (Basic(user_is_key=True), Header("api-key"), Header(), Path())
REPLY = Reply(unreadable=422)  # shows as an error in their panel, where it can be sent again by hand
PROBE = None
RETRIES = None
ZONE = ZoneInfo("America/Sao_Paulo")  # times carry their offset, some of them UTC's, or are milliseconds since 1970
TRACKING_PAGE = None
REFERENCES = ("sales_order_number", "order_number")

# `history.shipment_order_volume_state` as in https://github.com/intelipost/Magento2, Controller/Webhook/Index.php, read
# 2026-11-22; LABEL_CREATED and CANCELLED are in integrators' production code, read 2026-11-28. There are hundreds of
# micro states, which each client may rename: they show a return, and decide nothing else.
STATUSES = {
    "LABEL_CREATED": Status.ANNOUNCED,
    "READY_FOR_SHIPPING": Status.ANNOUNCED,
    "SHIPPED": Status.DISPATCHED,  # may never come
    "IN_TRANSIT": Status.IN_TRANSIT,
    "TO_BE_DELIVERED": Status.OUT_FOR_DELIVERY,
    "DELIVERED": Status.DELIVERED,
    "CLARIFY_DELIVERY_FAIL": Status.EXCEPTION,
    "DELIVERY_FAILED": Status.EXCEPTION,  # refused, lost or on its way back: the word covers them all
    "CANCELLED": Status.CANCELLED,
}
LABEL_ONLY = (Status.ANNOUNCED, Status.CANCELLED)


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    history = payload["history"]
    state = name(history["shipment_order_volume_state"], "$.history.shipment_order_volume_state")
    if state == "NEW":
        raise Ignored("the order was created; there is no label yet")
    status, unknown = look_up(STATUSES, state)
    names = _names(history)
    returned = next(filter(says_returned, names), "")
    if returned and status not in LABEL_ONLY:
        status = Status.RETURNED
    status = unless_returned(status, line(history.get("provider_message"), "$.history.provider_message"))
    happened_at = _happened_at(history, request)
    return [
        Shipment(
            key=name(payload["order_number"], "$.order_number"),
            status=status,
            happened_at=happened_at,
            tracking_number=text(payload.get("tracking_code"), "$.tracking_code"),
            tracking_url=url(payload.get("tracking_url"), "$.tracking_url"),
            dispatched_at=happened_at if status in UNDERWAY else None,
            delivered_at=happened_at if status is Status.DELIVERED else None,
            references=_references(payload),
            events=() if status in LABEL_ONLY else _events(history, status, [returned, *names], happened_at),
            volume=text(payload.get("volume_number"), "$.volume_number") or "",
            unknown_words=(unknown,) if unknown else (),
        )
    ]


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    """The id of the row in the volume's history."""
    path = "$.history.shipment_order_volume_state_history"
    return text(payload["history"].get("shipment_order_volume_state_history"), path)


def _happened_at(history: dict[str, Any], request: Request) -> datetime | None:
    written = local_moment(history.get("event_date_iso"), "$.history.event_date_iso", zone=request.zone)
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


def _names(history: dict[str, Any]) -> list[str]:
    """The state and the micro state in the client's own words, then the micro state in Intelipost's."""
    micro_state, path = history.get("shipment_volume_micro_state") or {}, "$.history.shipment_volume_micro_state"
    return [
        line(history.get("shipment_order_volume_state_localized"), "$.history.shipment_order_volume_state_localized"),
        line(micro_state.get("name"), f"{path}.name"),
        line(micro_state.get("default_name"), f"{path}.default_name"),
    ]


def _events(
    history: dict[str, Any], status: Status, names: list[str], happened_at: datetime | None
) -> tuple[TrackingEvent, ...]:
    """The event with the first name that is not empty."""
    described = next(filter(None, names), "")
    if happened_at is None or not described:
        return ()
    place = history.get("location") or {}
    return single_event(
        status,
        on=happened_at.date(),
        words=described,
        happened_at=happened_at,
        city=line(place.get("city"), "$.history.location.city"),
        state=line(place.get("state_code"), "$.history.location.state_code"),
    )
