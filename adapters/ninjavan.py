"""Ninja Van: one event of one parcel per POST, in either of two versions that an account is set to."""

from datetime import datetime
from typing import Any

from adapters import (
    UNDERWAY,
    Hmac,
    Ignored,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Shipment,
    Status,
    TrackingEvent,
    day,
    line,
    look_up,
    moment,
    name,
    single_event,
    text,
    unless_returned,
)

NAME = "Ninja Van"
DOCS = "https://api-docs.ninjavan.co"
AUTH = (Hmac(header="x-ninjavan-hmac-sha256", encoding="base64"),)  # the key is the client secret
REPLY = Reply(unreadable=200)  # what a failure does to the webhook is not published
PROBE = None
RETRIES = None
ZONE = None  # six countries; version 1 was seen both with an offset and without
TRACKING_PAGE = None  # the page has the country in its path, which no message names
REFERENCES = ("shipper_order_ref_no",)

# Webhook version 1: `status`. https://api-docs.ninjavan.co and https://ninjaorderapibeta.docs.apiary.io, as integrators
# copy them, read 2026-11-28.
STATUSES_1 = {
    "Staging": Status.ANNOUNCED,
    "Pending Pickup": Status.ANNOUNCED,
    "Van En-route to Pickup": Status.ANNOUNCED,
    "Successful Pickup": Status.DISPATCHED,
    "Pickup Fail": Status.EXCEPTION,
    "En-route to Sorting Hub": Status.IN_TRANSIT,
    "Arrived at Sorting Hub": Status.IN_TRANSIT,
    "Arrived at Origin Hub": Status.IN_TRANSIT,
    "Transferred to 3PL": Status.IN_TRANSIT,
    "Cross Border Transit": Status.IN_TRANSIT,
    "Customs Cleared": Status.IN_TRANSIT,
    "Customs Held": Status.EXCEPTION,
    "On Vehicle for Delivery": Status.OUT_FOR_DELIVERY,
    "First Attempt Delivery Fail": Status.IN_TRANSIT,  # Ninja Van tried to deliver it, so it has it
    "Pending Reschedule": Status.IN_TRANSIT,
    "Arrived at Distribution Point": Status.IN_TRANSIT,  # a point of Ninja Van's: dropped off, or to be collected
    "Pending Pickup at Distribution Point": Status.IN_TRANSIT,
    "Successful Delivery": Status.DELIVERED,
    "Completed": Status.DELIVERED,
    "Return to Sender Triggered": Status.RETURNED,
    "On Vehicle for Delivery (RTS)": Status.RETURNED,
    "Returned to Sender": Status.RETURNED,
    "Cancelled": Status.CANCELLED,
}
# Version 2: the short `status`, from the same sources; `event` says the same in more words. "Arrived at Origin Hub",
# "On Vehicle for Delivery", "Pending Pickup" and "Cancelled" are those of version 1.
STATUSES_2 = {
    "Driver dispatched for Pickup": Status.ANNOUNCED,
    "Pickup Exception": Status.EXCEPTION,
    "Picked Up": Status.DISPATCHED,
    "In Transit to Next Sorting Hub": Status.IN_TRANSIT,
    "Arrived at Transit Hub": Status.IN_TRANSIT,
    "Arrived at Destination Hub": Status.IN_TRANSIT,
    "International Transit": Status.IN_TRANSIT,
    "At PUDO": Status.IN_TRANSIT,  # as a distribution point
    "Delivered": Status.DELIVERED,
    "Delivery Exception": Status.EXCEPTION,
    "Return To Sender": Status.RETURNED,
    "Return to Shipper Exception": Status.RETURNED,
}
STATUSES = STATUSES_1 | STATUSES_2
MEASURED = ("Parcel Size", "Parcel Weight", "Parcel Measurements Update")
HUBS = (
    "arrived_at_origin_hub_information",
    "arrived_at_transit_hub_information",
    "arrived_at_destination_hub_information",
    "in_transit_to_next_sorting_hub_information",
)


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    word = name(payload["status"], "$.status")
    if word in MEASURED:
        raise Ignored("the parcel was measured")
    status, unknown = _status(payload, word)
    number = name(payload["tracking_id"], "$.tracking_id")
    happened_at = moment(payload.get("timestamp"), "$.timestamp", zone=request.zone)
    moving = status in UNDERWAY
    order = text(payload.get("shipper_order_ref_no"), "$.shipper_order_ref_no")
    return [
        Shipment(
            key=number,  # `id` and `order_id` are the order's
            status=status,
            happened_at=happened_at,
            tracking_number=number,
            courier=NAME,
            dispatched_at=happened_at if moving else None,
            delivered_at=happened_at if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=_events(payload, status, happened_at),
            unknown_words=(unknown,) if unknown else (),
        )
    ]


def _status(payload: dict[str, Any], word: str) -> tuple[Status, str]:
    """The status. A parcel on its way back has the same status words as any other: version 2 has a flag for it, and
    perhaps words; in version 1 the previous status shows it."""
    status, unknown = look_up(STATUSES, word)
    before, _ = look_up(STATUSES, text(payload.get("previous_status"), "$.previous_status"))
    back = payload.get("is_parcel_on_rts_leg") or before is Status.RETURNED
    if back and status.in_possession:
        return Status.RETURNED, unknown
    return unless_returned(status, line(payload.get("event"), "$.event")), unknown


def _events(payload: dict[str, Any], status: Status, happened_at: datetime | None) -> tuple[TrackingEvent, ...]:
    written = day(payload.get("timestamp"), "$.timestamp")
    if not status.in_possession or written is None:
        return ()
    hub = next((field for field in HUBS if payload.get(field)), "")
    return single_event(
        status,
        on=written,
        happened_at=happened_at,
        words=line(payload.get("event"), "$.event") or line(payload["status"], "$.status"),
        city=line(payload[hub].get("city"), f"$.{hub}.city") if hub else "",
    )
