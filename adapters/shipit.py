"""Shipit: the whole present shipment in every POST, PUT or PATCH, dated by the courier's last status."""

from typing import Any

from adapters import (
    UNDERWAY,
    Bearer,
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
    TrackingEvent,
    courier_name,
    day,
    line,
    look_up,
    moment,
    name,
    page,
    says_returned,
    single_event,
    text,
    url,
)

NAME = "Shipit"
DOCS = "https://developers.shipit.cl/v1.0/reference/statusespackage_id"
AUTH = (Bearer(), Header(), Query(), Path())  # the panel's webhook takes a token; integrators send it as Bearer
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = None  # times carry their offset
TRACKING_PAGE = "https://seguimiento.shipit.cl/statuses?number={number}"
METHODS = ("POST", "PUT", "PATCH")  # the page names the first two, Shipit's own code sends the last
REFERENCES = ("reference", "integration_reference", "seller_order_id")

# The words of `status` and `sub_status` in Shipit's own code: its Rails application (Package, PackagesHelper), its
# front end (translationState) and its PrestaShop module (available_status). Read 2026-11-28. Shipit fetches parcels and
# hands them to couriers: until received_for_courier the courier, which shoppers know, does not have them.
STATUSES = {
    "created": Status.ANNOUNCED,
    "requested": Status.ANNOUNCED,
    "in_preparation": Status.ANNOUNCED,
    **dict.fromkeys(("fulfillment", "fulfillment_open", "fulfillment_pending"), Status.ANNOUNCED),
    **dict.fromkeys(("fulfillment_success", "fulfillment_partial", "fulfillment_canceled"), Status.ANNOUNCED),
    "pending": Status.ANNOUNCED,  # Shipit could not fetch it
    "retired_by": Status.ANNOUNCED,  # fetched by Shipit
    "crossdock": Status.ANNOUNCED,  # at Shipit
    "ready_to_dispatch": Status.ANNOUNCED,  # checked in at Shipit
    "dispatched": Status.ANNOUNCED,  # checked out of Shipit
    "canceled": Status.CANCELLED,
    "received_for_courier": Status.DISPATCHED,
    "in_route": Status.IN_TRANSIT,
    "in_transit": Status.IN_TRANSIT,
    "by_retired": Status.IN_TRANSIT,  # waits at a counter for the shopper
    "delivered": Status.DELIVERED,
    "returned": Status.RETURNED,
    "returned_in_route": Status.RETURNED,  # "En Devolución Al Remitente"
    "returned_failed": Status.RETURNED,  # "En Devolución"
    "back_in_route": Status.RETURNED,  # "En Proceso De Devolución"
    "at_shipit": Status.RETURNED,  # "Devuelto a Shipit"
    "returned_pending": Status.EXCEPTION,
    **dict.fromkeys(("failed", "failed_with_observations", "almost_failed", "delayed", "objected"), Status.EXCEPTION),
    **dict.fromkeys(("first_closed_address", "second_closed_address", "incomplete_address"), Status.EXCEPTION),
    **dict.fromkeys(("unexisting_address", "unreachable_destiny", "failed_by_retired"), Status.EXCEPTION),
    "reused_by_destinatary": Status.EXCEPTION,  # refused
    **dict.fromkeys(("unkown_destinatary", "unknown_destinatary"), Status.EXCEPTION),  # both spellings are Shipit's
    **dict.fromkeys(("strayed", "damaged", "indemnify", "indemnify_out_of_date"), Status.EXCEPTION),
    "other": Status.OTHER,
    "to_marketplace": Status.OTHER,
    "packaging_solicited": Status.OTHER,
    **dict.fromkeys(("ready_to_ship", "shipped"), Status.OTHER),  # a marketplace's words
}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    reference = text(payload.get("reference"), "$.reference")
    if (reference or "").lower().startswith("test-"):  # as Shipit's own code marks its tests
        raise Ignored("a test of Shipit's: its reference begins with test-")
    status, unknown_words = _status(payload)
    number = text(payload.get("tracking_number"), "$.tracking_number")
    code = text(payload.get("courier_for_client"), "$.courier_for_client") or ""
    # `updated_at` is the last change of any field: it orders messages, and dates nothing.
    at = moment(payload.get("courier_status_updated_at"), "$.courier_status_updated_at", zone=request.zone)
    return [
        Shipment(
            key=name(payload["id"], "$.id"),
            status=status,
            happened_at=at or moment(payload.get("updated_at"), "$.updated_at", zone=request.zone),
            tracking_number=number,
            tracking_url=url(payload.get("tracking_url"), "$.tracking_url")
            or url(payload.get("courier_url"), "$.courier_url")  # "Sin tracking" where there is none
            or page(TRACKING_PAGE, number),
            courier=courier_name(code) or code or None,
            courier_code=code,
            dispatched_at=at if status in UNDERWAY else None,
            delivered_at=at if status is Status.DELIVERED else None,
            references=_references(reference, payload),
            events=_events(payload, status, request),
            reverse=bool(payload.get("is_returned")),
            unknown_words=unknown_words,
        )
    ]


def _status(payload: dict[str, Any]) -> tuple[Status, tuple[str, ...]]:
    """The status. ``sub_status`` is more exact, and Shipit shows it first, but it never makes or hides a delivery."""
    status, unknown = look_up(STATUSES, name(payload["status"], "$.status"))
    detail, unknown_detail = look_up(STATUSES, text(payload.get("sub_status"), "$.sub_status"))
    if status is not Status.DELIVERED and detail not in (Status.OTHER, Status.DELIVERED):
        status = detail
    back = detail is Status.RETURNED or payload.get("is_returned")
    if status is Status.DELIVERED and (back or says_returned(_courier_words(payload))):
        status = Status.RETURNED
    return status, tuple(dict.fromkeys(word for word in (unknown, unknown_detail) if word))


def _references(order: str | None, payload: dict[str, Any]) -> tuple[Reference, ...]:
    sequence = text(payload.get("integration_reference"), "$.integration_reference")
    named = ((ReferenceKind.ORDER_ID, order), (ReferenceKind.SEQUENCE, sequence))
    return tuple(Reference(kind, value) for kind, value in named if value)


def _courier_words(payload: dict[str, Any]) -> str:
    return line(payload.get("courier_status"), "$.courier_status")


def _events(payload: dict[str, Any], status: Status, request: Request) -> tuple[TrackingEvent, ...]:
    """One event, in the courier's own words if there are any. Shoppers see no status before the courier's."""
    written, path = payload.get("courier_status_updated_at"), "$.courier_status_updated_at"
    happened_on = day(written, path)
    if happened_on is None or not status.in_possession:
        return ()
    words = _courier_words(payload) or line(payload["status"], "$.status")
    return single_event(status, on=happened_on, happened_at=moment(written, path, zone=request.zone), words=words)
