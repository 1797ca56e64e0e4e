"""Karrio: a tracker with its whole history in every POST, from whichever carrier the merchant's own Karrio asks."""

from datetime import datetime
from typing import Any

from adapters import (
    Header,
    Ignored,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    TrackingEvent,
    day,
    line,
    moment,
    name,
    text,
    url,
)

NAME = "Karrio"
DOCS = "https://github.com/karrioapi/karrio/blob/main/apps/www/docs/reference/guides/webhooks.mdx"
AUTH = (Header("x-event-id"),)  # no id: Karrio's code puts the webhook's secret there
REPLY = Reply(unreadable=200)  # the sixth failure in a row disables the webhook
PROBE = None
RETRIES = Retries(times=0)
ZONE = None  # dates and times are the carrier's, local to the place
TRACKING_PAGE = None
REFERENCES = ("data.info.order_id", "data.metadata", "data.info.note")

# trackers.mdx beside it: `status`, of the tracker and, in newer versions, of each event
STATUSES = {
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
ON_THE_WAY = (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)
TIMES = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %I:%M %p")

# Same page, `carrier_name` and `meta.carrier` of its examples: shoppers know the name
COURIERS = {"fedex": "FedEx", "ups": "UPS"}

History = list[tuple[Status, TrackingEvent]]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    # The code posts {"event", "data"}; the documentation shows the stored object, whose word for it is "type".
    event = line(payload.get("event") or payload.get("type"), "$.event")
    tracker = payload["data"]
    if not event.startswith("tracker_"):
        raise Ignored(f"{event or 'a message without event'} carries no parcel status")
    if payload.get("test_mode") or tracker.get("test_mode"):
        raise Ignored("test mode")
    status = STATUSES.get(tracker.get("status") or "", Status.OTHER)
    info = tracker.get("info") or {}
    history = _history(tracker.get("events") or [], request)
    created_at = moment(payload.get("created_at"), "$.created_at", zone=request.zone)
    order = text(info.get("order_id"), "$.data.info.order_id")
    return [
        Shipment(
            key=name(tracker.get("id"), "$.data.id"),
            status=status,
            happened_at=max(_times(history, *Status), default=created_at),
            tracking_number=text(tracker.get("tracking_number"), "$.data.tracking_number"),
            tracking_url=url(info.get("carrier_tracking_link"), "$.data.info.carrier_tracking_link"),
            courier=COURIERS.get(text(tracker.get("carrier_name"), "$.data.carrier_name") or ""),
            dispatched_at=_dispatched_at(info, status, history, request),
            delivered_at=min(_times(history, status), default=None) if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=tuple(dict.fromkeys(event for _, event in history if event.description)),
        )
    ]


def _dispatched_at(info: dict[str, Any], status: Status, history: History, request: Request) -> datetime | None:
    """Dated scans first. ``shipping_date`` is there from the label on, so the carrier must at least have the parcel.
    Both dates are days without an hour, which only a known zone makes an instant."""
    scanned = min(_times(history, *ON_THE_WAY), default=None)
    if scanned or not status.in_possession:
        return scanned
    dates = [(info.get(field), f"$.data.info.{field}") for field in ("shipment_pickup_date", "shipping_date")]
    return next((moment(written, path, zone=request.zone) for written, path in dates if written), None)


def _history(events: list[dict[str, Any]], request: Request) -> History:
    history: History = []
    for index, event in enumerate(events):
        path = f"$.data.events[{index}]"
        on = day(event.get("date"), f"{path}.date")
        if on is None:
            continue
        told = TrackingEvent(
            day=on,
            happened_at=_moment(event, path, request),
            description=line(event.get("description"), f"{path}.description"),
            city=line(event.get("location"), f"{path}.location"),
        )
        history.append((STATUSES.get(event.get("status") or "", Status.OTHER), told))
    return history


def _moment(event: dict[str, Any], path: str, request: Request) -> datetime | None:
    if text(event.get("timestamp"), f"{path}.timestamp"):
        return moment(event["timestamp"], f"{path}.timestamp", zone=request.zone)
    hour = text(event.get("time"), f"{path}.time")
    if hour is None:
        return moment(event["date"], f"{path}.date", zone=request.zone)
    return moment(f"{event['date']} {hour}", f"{path}.time", *TIMES, zone=request.zone)


def _times(history: History, *statuses: Status) -> list[datetime]:
    return [event.happened_at for status, event in history if status in statuses and event.happened_at]
