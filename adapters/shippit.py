"""Shippit: a parcel's present state and its whole history in every POST."""

from datetime import date, datetime
from typing import Any

from adapters import (
    UNDERWAY,
    Bearer,
    Header,
    Path,
    Query,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Scan,
    Shipment,
    Status,
    day,
    line,
    local_moment,
    look_up,
    name,
    oldest_first,
    text,
    url,
)

NAME = "Shippit"
DOCS = "https://developer.shippit.com/api_guide/webhook.html"
AUTH = (Bearer(), Header(), Path(), Query())  # "You can also add headers": nothing is signed
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = None  # every time is in UTC, and Shippit is in four countries
TRACKING_PAGE = None
REFERENCES = ("retailer_order_number", "retailer_reference")

# The words: developer.shippit.com/api_guide/webhook/webhook-schema.html, and those of the sample's history. What they
# mean: support.shippit.com/en/articles/9250729-tracking-status-definitions, and its predecessor, "Understanding the
# Order Status". Read 2026-11-30.
STATUSES = {
    "processing": Status.OTHER,  # "moved from one tab to the next" of Shippit's pages
    "order_placed": Status.ANNOUNCED,
    "despatch_in_progress": Status.ANNOUNCED,  # "ready to ship"
    "ready_for_pickup": Status.ANNOUNCED,  # by the carrier, from the sender
    "awaiting_drop_off": Status.ANNOUNCED,  # shown as "Awaiting Pickup/Dropoff"
    "pickup_failed": Status.ANNOUNCED,
    "invalidated": Status.ANNOUNCED,  # booked for the same day, and no driver is there
    "cancelled": Status.CANCELLED,  # "booked but not yet picked up"
    "untrackable": Status.OTHER,  # a label for click and collect
    "in_transit": Status.IN_TRANSIT,  # "collected by the carrier"
    "with_customs": Status.IN_TRANSIT,
    "with_driver": Status.OUT_FOR_DELIVERY,
    "awaiting_collection": Status.IN_TRANSIT,  # at a collection point, not with the shopper
    "completed": Status.DELIVERED,
    **dict.fromkeys(("delivery_attempted", "delivery_failed", "insufficient_address"), Status.EXCEPTION),
    **dict.fromkeys(("damaged", "lost"), Status.EXCEPTION),
    **dict.fromkeys(("customs_on_hold", "customs_failed", "customs_awaiting_paym"), Status.EXCEPTION),
    "returned_to_sender": Status.RETURNED,
    # Listed, and not explained
    "await_collection": Status.OTHER,
    **dict.fromkeys(("parcel_completed", "partially_completed"), Status.OTHER),  # not all of an order's parcels
    **dict.fromkeys(("return_requested", "return_booked", "return_booking_failed"), Status.OTHER),
}
# A delivery that follows one of these may be to the shop.
OF_A_RETURN = frozenset({"return_requested", "return_booked", "return_booking_failed"})

# A line of the history: its time and its day, where they are known, and its word
_Line = tuple[datetime | None, date | None, str]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    state, unknown = look_up(STATUSES, name(payload["current_state"], "$.current_state"))
    number = name(payload["tracking_number"], "$.tracking_number")
    order = text(payload.get("retailer_order_number"), "$.retailer_order_number")
    past = _past(payload, request)
    history = oldest_first((_scan(*one) for one in past), "$.status_history")
    status = history.settled(state)
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=history.last(),
            tracking_number=number,
            tracking_url=url(payload.get("tracking_url"), "$.tracking_url"),
            courier=line(payload.get("courier_name"), "$.courier_name") or None,
            dispatched_at=history.first(*UNDERWAY),
            delivered_at=history.first(Status.DELIVERED) if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=history.events,
            returned=history.returned_before(status) or (status is Status.DELIVERED and _turned_before(past)),
            unknown_words=tuple(dict.fromkeys(word for word in (unknown, *history.unknown_words) if word)),
        )
    ]


def _past(payload: dict[str, Any], request: Request) -> list[_Line]:
    """The history from its end on: Shippit writes the newest first."""
    past = []
    for n, entry in enumerate(payload.get("status_history") or []):
        path = f"$.status_history[{n}]"
        at = local_moment(entry["time"], f"{path}.time", zone=request.zone)
        on = at.date() if at is not None else day(entry["time"], f"{path}.time")
        past.append((at, on, name(entry["status"], f"{path}.status")))
    return past[::-1]


def _scan(at: datetime | None, on: date | None, word: str) -> Scan:
    status, unknown = look_up(STATUSES, word)
    return Scan.of(status, unknown, on=on, happened_at=at, words=status.words)


def _turned_before(past: list[_Line]) -> bool:
    """Whether a return was spoken of before the first delivery, or where one of the two has no date."""
    done = [at for at, _, word in past if at is not None and word == "completed"]
    return any(at is None or not done or at <= min(done) for at, _, word in past if word in OF_A_RETURN)
