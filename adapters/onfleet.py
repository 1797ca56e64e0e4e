"""Onfleet: a merchant's own couriers, one trigger of one task per POST; a task may also be a pick-up."""

from datetime import UTC, datetime, timedelta
from typing import Any

from adapters import (
    UNDERWAY,
    Hmac,
    Ignored,
    Probe,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    TrackingEvent,
    Unreadable,
    epoch,
    from_hex,
    line,
    name,
    single_event,
    text,
    url,
)

NAME = "Onfleet"
DOCS = "https://docs.onfleet.com/reference/webhooks"
AUTH = (Hmac(header="x-onfleet-signature", encoding="hex", digest="sha512", key=from_hex),)
REPLY = Reply(unreadable=200)  # anything but 200 comes again for a day, and 300 failures in a row disable the webhook
PROBE = Probe(methods=("GET",), echo="check")  # creating a webhook requires its own text back
RETRIES = Retries(times=48, over=timedelta(hours=24))  # about every 30 minutes
ZONE = None  # times are Unix milliseconds
TRACKING_PAGE = None
REFERENCES = ("data.task.metadata[?name=='orderId'].value", "data.task.orderShortId", "data.task.notes")

# https://docs.onfleet.com/reference/webhooks, the list of triggers, read 2026-11-28
STATUSES = {
    0: Status.DISPATCHED,  # taskStarted: the courier set out with it
    1: Status.OUT_FOR_DELIVERY,  # taskEta
    2: Status.OUT_FOR_DELIVERY,  # taskArrival
    3: Status.DELIVERED,  # taskCompleted: "cannot be both successful and failed"
    4: Status.EXCEPTION,  # taskFailed
    6: Status.ANNOUNCED,  # taskCreated
    8: Status.CANCELLED,  # taskDeleted
    9: Status.ANNOUNCED,  # taskAssigned
    10: Status.ANNOUNCED,  # taskUnassigned
    12: Status.EXCEPTION,  # taskDelayed
}
# Same list: proofs and feedback that arrive later (7), copies (13), workers, messages, jobs, routes and predictions
OTHER_TRIGGERS = (5, 7, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30)


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    trigger = payload["triggerId"]
    if trigger in OTHER_TRIGGERS:
        raise Ignored(f"trigger {trigger} is no step of a delivery")
    if trigger not in STATUSES:
        raise Unreadable("$.triggerId", f"is {trigger}, which is not a known trigger")
    task = payload["data"]["task"]
    if task["pickupTask"]:  # its completion is not a delivery, and the drop-off is another task
        raise Ignored("a pick-up task")
    details = task.get("completionDetails") or {}
    status = STATUSES[trigger]
    if status is Status.DELIVERED and details.get("success") is False:
        status = Status.EXCEPTION
    happened_at = epoch(payload["time"], "$.time")
    completed_at = epoch(details.get("time"), "$.data.task.completionDetails.time")
    moving = status in UNDERWAY
    return [
        Shipment(
            key=name(payload["taskId"], "$.taskId"),
            status=status,
            happened_at=happened_at,
            tracking_number=text(task.get("shortId"), "$.data.task.shortId"),
            tracking_url=url(task.get("trackingURL"), "$.data.task.trackingURL"),
            courier=None,  # Onfleet is the software; the couriers are the merchant's own
            dispatched_at=_started_at(details) or (happened_at if moving else None),
            delivered_at=completed_at or happened_at if status is Status.DELIVERED else None,
            events=_events(payload, status, happened_at, request),
        )
    ]


def _started_at(details: dict[str, Any]) -> datetime | None:
    """When the courier set out, which a completion repeats."""
    path = "$.data.task.completionDetails.events"
    times = [epoch(event.get("time"), path) for event in details.get("events") or [] if event.get("name") == "start"]
    return min((time for time in times if time), default=None)


def _events(
    payload: dict[str, Any], status: Status, happened_at: datetime | None, request: Request
) -> tuple[TrackingEvent, ...]:
    """The event. No message gives the courier's local day, so it is the day in the endpoint's zone, else in UTC. The
    address is the destination's, so only a delivery is located there."""
    if not status.in_possession or happened_at is None:
        return ()
    delivered = status is Status.DELIVERED
    place = (payload["data"]["task"].get("destination") or {}).get("address") or {} if delivered else {}
    return single_event(
        status,
        on=happened_at.astimezone(request.zone or UTC).date(),
        happened_at=happened_at,
        words=status.words,
        city=line(place.get("city"), "$.data.task.destination.address.city"),
        state=line(place.get("state"), "$.data.task.destination.address.state"),
    )
