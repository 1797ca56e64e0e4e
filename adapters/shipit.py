"""Shipit: the whole shipment as it stands in every POST or PUT, dated only by its last change."""

from typing import Any

from adapters import (
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
    day,
    line,
    moment,
    name,
    page,
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
REFERENCES = ("reference", "seller_order_id")

# Shipit's module for PrestaShop, available_status. Shipit fetches parcels and hands them to couriers: until
# received_for_courier the courier, who is what shoppers know, does not have them.
STATUSES = {
    "created": Status.ANNOUNCED,
    "requested": Status.ANNOUNCED,
    "in_preparation": Status.ANNOUNCED,
    "fulfillment": Status.ANNOUNCED,
    "pending": Status.ANNOUNCED,  # Shipit could not fetch it
    "retired_by": Status.ANNOUNCED,  # fetched by Shipit
    "ready_to_dispatch": Status.ANNOUNCED,  # checked in at Shipit
    "dispatched": Status.ANNOUNCED,  # checked out of Shipit
    "canceled": Status.CANCELLED,
    "received_for_courier": Status.DISPATCHED,
    "in_route": Status.IN_TRANSIT,
    "in_transit": Status.IN_TRANSIT,
    "back_in_route": Status.IN_TRANSIT,
    "by_retired": Status.IN_TRANSIT,  # waits at a counter for the shopper
    "delivered": Status.DELIVERED,
    "returned": Status.RETURNED,
    "returned_in_route": Status.RETURNED,
    "at_shipit": Status.EXCEPTION,  # came back to Shipit, which asks what to do
    "returned_pending": Status.EXCEPTION,
    **dict.fromkeys(("failed", "failed_with_observations", "almost_failed", "delayed", "objected"), Status.EXCEPTION),
    **dict.fromkeys(("strayed", "damaged", "indemnify", "indemnify_out_of_date"), Status.EXCEPTION),
}
UNDERWAY = (Status.DISPATCHED, Status.IN_TRANSIT)

# courier_for_client is a code, shoppers know the name
COURIERS = {
    "bluexpress": "Blue Express",
    "chilexpress": "Chilexpress",
    "correoschile": "CorreosChile",
    "starken": "Starken",
}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    reference = text(payload.get("reference"), "$.reference")
    if (reference or "").lower().startswith("test-"):  # as Shipit's own code tells its tests
        raise Ignored("a test of Shipit's: its reference begins with test-")
    if payload.get("is_returned"):
        raise Ignored("goods on their way back to the merchant")
    number = text(payload.get("tracking_number"), "$.tracking_number")
    courier = text(payload.get("courier_for_client"), "$.courier_for_client") or ""
    status = STATUSES.get(payload["status"], Status.OTHER)
    at = moment(payload.get("updated_at"), "$.updated_at", zone=request.zone)
    return [
        Shipment(
            key=name(payload["id"], "$.id"),
            status=status,
            happened_at=at,
            tracking_number=number,
            tracking_url=url(payload.get("courier_url"), "$.courier_url")  # "Sin tracking" where there is none
            or url(payload.get("tracking_url"), "$.tracking_url")
            or page(TRACKING_PAGE, number),
            courier=COURIERS.get(courier.lower(), courier) or None,
            dispatched_at=at if status in UNDERWAY else None,
            delivered_at=at if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, reference),) if reference else (),
            events=_events(payload, status, request),
        )
    ]


def _events(payload: dict[str, Any], status: Status, request: Request) -> tuple[TrackingEvent, ...]:
    """One line, in the courier's own words where it gave some; what precedes the courier is none of the shopper's."""
    written = day(payload.get("updated_at"), "$.updated_at")
    if written is None or not status.in_possession:
        return ()
    words = line(payload.get("courier_status"), "$.courier_status") or line(payload["status"], "$.status")
    happened_at = moment(payload.get("updated_at"), "$.updated_at", zone=request.zone)
    return (TrackingEvent(day=written, description=words, happened_at=happened_at),)
