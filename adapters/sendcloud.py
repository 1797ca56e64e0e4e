"""Sendcloud: one parcel with its newest status per POST; its beta product sends one event of one parcel instead."""

from datetime import timedelta
from typing import Any

from adapters import (
    UNDERWAY,
    Basic,
    Bearer,
    Header,
    Hmac,
    Ignored,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    Unreadable,
    courier_name,
    day,
    epoch,
    line,
    look_up,
    moment,
    name,
    says_returned,
    single_event,
    text,
    url,
)

NAME = "Sendcloud"
DOCS = "https://sendcloud.dev/api/v3/webhooks/index"
# The classic webhook is signed; a connection of the Event Subscriptions (beta) carries what the merchant chose.
AUTH = (Hmac(header="sendcloud-signature", encoding="hex"), Header(), Bearer(), Basic())
REPLY = Reply(unreadable=200)  # what fails is sent again ten times
PROBE = None
RETRIES = Retries(times=10, over=timedelta(minutes=435))  # after 5 min, doubling up to 1 h
ZONE = None  # Unix times, and in the beta every time carries its offset
TRACKING_PAGE = None
REFERENCES = (
    "parcel.order_number",
    "parcel.external_order_id",
    "parcel.external_reference",
    "parcel.reference",
    "parcel.customs_invoice_nr",
)

# `action` of a classic webhook, https://sendcloud.dev/api/v3/webhooks/index, read 2026-11-28: those about an
# integration, a refund or a return, and the panel's test
OTHER_ACTIONS = (
    "integration_connected",
    "integration_updated",
    "integration_deleted",
    "integration_credentials",
    "return_created",
    "refund_requested",
    "test_webhook",
)
# `parcel.status.id`: https://panel.sendcloud.sc/api/v2/parcels/statuses, copied in src/Model/Parcel.php of the client
# https://github.com/Webador/sendcloud; 62991, 62992 and 62996 from integrators; read 2026-11-28. By number, since
# samples use the same words for two of them.
STATUSES = {
    "0": Status.ANNOUNCED,  # "Ready to send" in Sendcloud's own samples
    "1": Status.ANNOUNCED,
    "3": Status.IN_TRANSIT,  # to the sorting centre
    "4": Status.EXCEPTION,  # late
    "5": Status.IN_TRANSIT,
    "6": Status.EXCEPTION,  # not sorted
    "7": Status.IN_TRANSIT,
    "8": Status.IN_TRANSIT,  # the carrier tried to deliver it, so the carrier has it
    "11": Status.DELIVERED,
    "12": Status.IN_TRANSIT,  # waits at a counter
    "13": Status.EXCEPTION,  # announced, not collected
    "15": Status.EXCEPTION,  # error while collecting
    "22": Status.DISPATCHED,  # picked up by the driver
    "80": Status.EXCEPTION,
    "91": Status.IN_TRANSIT,
    "92": Status.IN_TRANSIT,  # "driver en route"
    "93": Status.DELIVERED,  # collected by the customer
    "999": Status.OTHER,  # no label
    "1000": Status.ANNOUNCED,
    "1001": Status.ANNOUNCED,
    "1002": Status.EXCEPTION,
    "1337": Status.OTHER,  # "unknown status"
    "1998": Status.CANCELLED,
    "1999": Status.OTHER,  # asks for a cancellation
    "2000": Status.CANCELLED,
    "2001": Status.OTHER,  # asks for a cancellation
    "62991": Status.EXCEPTION,  # refused by the recipient
    "62992": Status.RETURNED,  # returned to sender
    "62996": Status.EXCEPTION,
}
# `parcel.status.message` of the statuses that have no published number, in lower case:
# https://sendcloud.dev/docs/archive/tracking/tracking-statuses, read 2026-11-28
MESSAGES = {
    "address invalid": Status.EXCEPTION,
    "at customs": Status.IN_TRANSIT,
    "at sorting centre": Status.IN_TRANSIT,
    "delivery address changed": Status.OTHER,
    "delivery date changed": Status.OTHER,
    "delivery method changed": Status.OTHER,
    "delivery forced": Status.OTHER,  # does not say who handed it to whom
    "exception": Status.EXCEPTION,
    "refused by recipient": Status.EXCEPTION,
    "returned to sender": Status.RETURNED,
}
# `phase` and `exception` of a beta event: https://sendcloud.dev/api/v3/event-subscriptions/parcel-event-created, read
# 2026-11-28
PHASES = {
    "ready_to_send": Status.ANNOUNCED,
    "announcing": Status.ANNOUNCED,
    "announced": Status.ANNOUNCED,
    "labelled": Status.ANNOUNCED,
    "dropped": Status.DISPATCHED,  # left at a point of the carrier's
    "accepted": Status.DISPATCHED,
    "sorted": Status.IN_TRANSIT,
    "in_transit": Status.IN_TRANSIT,
    "customs": Status.IN_TRANSIT,
    "attempted": Status.IN_TRANSIT,
    "pup": Status.IN_TRANSIT,  # at the pick-up point
    "in_delivery": Status.OUT_FOR_DELIVERY,
    "delivered": Status.DELIVERED,
    "delivery_forced": Status.OTHER,  # does not say who handed it to whom
    "cancelled": Status.CANCELLED,
    "no_label": Status.OTHER,
    "none": Status.OTHER,
    "unknown": Status.OTHER,
}
EXCEPTIONS = {
    "returned_sender": Status.RETURNED,
    "cancelled": Status.CANCELLED,
    "cancelled_upstream": Status.CANCELLED,
    "address_error": Status.EXCEPTION,
    "announcement_failed": Status.EXCEPTION,
    "cancellation_failed": Status.EXCEPTION,
    "cancelling": Status.EXCEPTION,
    "cancelling_upstream": Status.EXCEPTION,
    "changed": Status.EXCEPTION,
    "claim": Status.EXCEPTION,
    "claimable": Status.EXCEPTION,
    "customer_rejected": Status.EXCEPTION,
    "customer_support": Status.EXCEPTION,
    "customs_issue": Status.EXCEPTION,
    "damaged": Status.EXCEPTION,
    "delay_unknown": Status.EXCEPTION,
    "delivery_delay": Status.EXCEPTION,
    "dropoff_expiration": Status.EXCEPTION,
    "handover_delay": Status.EXCEPTION,
    "hold": Status.EXCEPTION,
    "missing": Status.EXCEPTION,
    "non_conformity": Status.EXCEPTION,
    "off_radar": Status.EXCEPTION,
    "pup_expiration": Status.EXCEPTION,
    "refused": Status.EXCEPTION,
    "relabelled": Status.EXCEPTION,
    "sorting_delay": Status.EXCEPTION,
    "unknown": Status.EXCEPTION,
}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    if "event_type" in payload:
        return [_from_event(payload, request)]
    action = payload["action"]
    if action in OTHER_ACTIONS:
        raise Ignored(f"{action} is not about a parcel's status")
    if action != "parcel_status_changed":
        raise Unreadable("$.action", f"is {line(action, '$.action')}, which is not a known action")
    return [_from_parcel(payload)]


def _from_parcel(payload: dict[str, Any]) -> Shipment:
    parcel = payload["parcel"]
    if parcel.get("is_return"):
        raise Ignored("a return: another parcel than the one the shopper was sent")
    message = line(parcel["status"].get("message"), "$.parcel.status.message")
    status, unknown = _classic_status(name(parcel["status"]["id"], "$.parcel.status.id"), message)
    field = "timestamp" if payload.get("carrier_status_change_timestamp") is None else "carrier_status_change_timestamp"
    at = epoch(payload[field], f"$.{field}")
    order = text(parcel.get("order_number"), "$.parcel.order_number")
    second = text(parcel.get("awb_tracking_number"), "$.parcel.awb_tracking_number")
    code = text((parcel.get("carrier") or {}).get("code"), "$.parcel.carrier.code")
    references = [Reference(ReferenceKind.ORDER_ID, order)] if order else []
    references += [Reference(ReferenceKind.TRACKING_NUMBER, second)] if second else []
    return Shipment(
        key=name(parcel["id"], "$.parcel.id"),
        status=status,
        happened_at=at,
        tracking_number=text(parcel.get("tracking_number"), "$.parcel.tracking_number"),
        tracking_url=url(parcel.get("tracking_url"), "$.parcel.tracking_url"),
        courier=courier_name(code),
        courier_code=code or "",
        dispatched_at=at if status in UNDERWAY else None,
        delivered_at=at if status is Status.DELIVERED else None,
        references=tuple(references),
        events=single_event(status, on=at.date() if at else None, happened_at=at, words=message),
        unknown_words=(unknown,) if unknown else (),
    )


def _classic_status(number: str, message: str) -> tuple[Status, str]:
    """The status by number; without a published number, by its message."""
    status, unknown = look_up(STATUSES, number)
    if unknown:
        status, unread = look_up(MESSAGES, message.lower())
        unknown = line(f"{number} {message}", "$.parcel.status") if unread or not message else ""
    return (Status.RETURNED, "") if says_returned(message) else (status, unknown)


def _from_event(payload: dict[str, Any], request: Request) -> Shipment:
    if payload["event_type"] != "parcels.event.created":
        event_type = line(payload["event_type"], "$.event_type")
        raise Unreadable("$.event_type", f"is {event_type}, which is not a known event")
    parcel, event = payload["data"]["parcel"], payload["data"]["event"]
    description = line(event.get("description"), "$.data.event.description")
    phase, unknown_phase = look_up(PHASES, name(event["phase"], "$.data.event.phase"))
    status, unknown_exception = _after_exceptions(event, phase, description)
    if event["event_type"] != "carrier" and (phase.in_possession or status.in_possession):
        # Only the carrier knows where a parcel is: Sendcloud estimates, or repeats a claim.
        phase = status = Status.OTHER
    at = moment(event["timestamp"], "$.data.event.timestamp", zone=request.zone)
    on = day(event["timestamp"], "$.data.event.timestamp")
    city = line((event.get("location_details") or {}).get("city"), "$.data.event.location_details.city")
    code = text(parcel.get("carrier_code"), "$.data.parcel.carrier_code")
    return Shipment(
        key=name(parcel["parcel_id"], "$.data.parcel.parcel_id"),
        status=status,
        happened_at=at,
        tracking_number=text(parcel.get("tracking_number"), "$.data.parcel.tracking_number"),
        courier=courier_name(code),
        courier_code=code or "",
        dispatched_at=at if phase in UNDERWAY and status is not Status.RETURNED else None,
        delivered_at=at if status is Status.DELIVERED else None,
        events=single_event(status, on=on, happened_at=at, words=description, city=city),
        unknown_words=tuple(word for word in (unknown_phase, unknown_exception) if word),
    )


def _after_exceptions(event: dict[str, Any], phase: Status, description: str) -> tuple[Status, str]:
    """The status of the phase, unless there is a return or an exception."""
    if event.get("is_returned") or says_returned(description):
        return Status.RETURNED, ""
    exception = text(event.get("exception"), "$.data.event.exception") or "none"
    if exception == "none":
        return phase, ""
    status, unknown = look_up(EXCEPTIONS, exception)
    return (Status.EXCEPTION if unknown else status), unknown
