"""Karrio: a tracker with its whole history in every POST, from whichever carrier the merchant's own Karrio asks."""

from datetime import datetime
from typing import Any

from adapters import (
    UNDERWAY,
    Header,
    History,
    Ignored,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Scan,
    Shipment,
    Status,
    Unreadable,
    courier_name,
    day,
    line,
    look_up,
    moment,
    name,
    says_returned,
    text,
    url,
)

NAME = "Karrio"
DOCS = "https://github.com/karrioapi/karrio/blob/main/apps/www/docs/reference/guides/webhooks.mdx"
AUTH = (Header("x-event-id", issued=True),)  # no id: Karrio's code puts the webhook's secret there
REPLY = Reply(unreadable=200)  # the sixth failure in a row disables the webhook
PROBE = None
RETRIES = Retries(times=0)
ZONE = None  # dates and times are the carrier's, local to the place
TRACKING_PAGE = None
REFERENCES = ("data.info.order_id", "data.metadata", "data.info.note")

# github.com/karrioapi/karrio, modules/core/karrio/server/core/serializers.py, `TrackerStatus`, read on 2026-11-28: the
# status of the tracker and, in newer versions, of each event
STATUSES = {
    "unknown": Status.OTHER,
    "pending": Status.ANNOUNCED,
    "picked_up": Status.DISPATCHED,
    "in_transit": Status.IN_TRANSIT,
    "out_for_delivery": Status.OUT_FOR_DELIVERY,
    "ready_for_pickup": Status.IN_TRANSIT,  # waits for the shopper
    "delivered": Status.DELIVERED,
    "return_to_sender": Status.RETURNED,
    "cancelled": Status.CANCELLED,
    "on_hold": Status.EXCEPTION,
    "delivery_delayed": Status.EXCEPTION,
    "delivery_failed": Status.EXCEPTION,
}
# modules/events/karrio/server/events/serializers/base.py there, `EventTypes`: what the other events are of
OTHER_OBJECTS = ("batch_", "order_", "pickup_", "shipment_")
TIMES = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %I:%M %p")


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    # The code posts {"event", "data"}; the documentation shows the stored object, whose word for it is "type".
    event = line(payload.get("event") or payload.get("type"), "$.event")
    tracker = payload["data"]
    if event.startswith(OTHER_OBJECTS):
        raise Ignored(f"{event} carries no parcel status")
    if not event.startswith("tracker_"):
        raise Unreadable("$.event", "names no event of Karrio's that is known here")
    if payload.get("test_mode") or tracker.get("test_mode"):
        raise Ignored("test mode")
    history = _history(tracker.get("events") or [], request)
    written, unknown_word = look_up(STATUSES, text(tracker.get("status"), "$.data.status"))
    status = history.settled(written)
    info = tracker.get("info") or {}
    created_at = moment(payload.get("created_at"), "$.created_at", zone=request.zone)
    order = text(info.get("order_id"), "$.data.info.order_id")
    # A tracker of a gateway behind Karrio names that gateway first, and the courier in its `meta`.
    code = text((tracker.get("meta") or {}).get("carrier"), "$.data.meta.carrier") or text(
        tracker.get("carrier_name"), "$.data.carrier_name"
    )
    return [
        Shipment(
            key=name(tracker.get("id"), "$.data.id"),
            status=status,
            happened_at=history.last() or created_at,
            tracking_number=text(tracker.get("tracking_number"), "$.data.tracking_number"),
            tracking_url=url(info.get("carrier_tracking_link"), "$.data.info.carrier_tracking_link"),
            courier=courier_name(code),
            courier_code=code or "",
            dispatched_at=_dispatched_at(info, status, history, request),
            delivered_at=history.first(Status.DELIVERED) if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=history.events,
            returned=history.returned_before(status),
            unknown_words=(*((unknown_word,) if unknown_word else ()), *history.unknown_words),
        )
    ]


def _dispatched_at(info: dict[str, Any], status: Status, history: History, request: Request) -> datetime | None:
    """The dispatch, from dated scans first. ``shipping_date`` exists from the label on, so it counts only if the
    carrier has the parcel, and no scan speaks of the dispatch or of a later label. Both dates are days without an hour:
    only a known zone makes them instants."""
    scanned = history.first(*UNDERWAY)
    if scanned or not status.in_possession:
        return scanned
    dates = [(info.get(field), f"$.data.info.{field}") for field in ("shipment_pickup_date", "shipping_date")]
    said = next((moment(written, path, zone=request.zone) for written, path in dates if written), None)
    return said if history.allows(said) else None


def _history(events: list[dict[str, Any]], request: Request) -> History:
    return History(tuple(_scan(event, f"$.data.events[{n}]", request) for n, event in enumerate(events)))


def _scan(event: dict[str, Any], path: str, request: Request) -> Scan:
    status, unknown_word = look_up(STATUSES, text(event.get("status"), f"{path}.status"))
    words = line(event.get("description"), f"{path}.description")
    on = day(event.get("date"), f"{path}.date")
    return Scan.of(
        Status.RETURNED if says_returned(words) else status,
        unknown_word,
        on=on,
        happened_at=_instant(event, path, request) if on else None,
        words=words,
        city=line(event.get("location"), f"{path}.location"),
    )


def _instant(event: dict[str, Any], path: str, request: Request) -> datetime | None:
    """The event's time; without an hour there is only its day."""
    if text(event.get("timestamp"), f"{path}.timestamp"):
        return moment(event["timestamp"], f"{path}.timestamp", zone=request.zone)
    hour = text(event.get("time"), f"{path}.time")
    if hour is None:
        return None
    return moment(f"{event['date']} {hour}", f"{path}.time", *TIMES, zone=request.zone)
