"""EasyPost: a tracker with its whole history in every POST, and no merchant reference anywhere in it."""

from datetime import datetime, timedelta
from typing import Any

from adapters import (
    Basic,
    Header,
    Hmac,
    Ignored,
    Path,
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
    nfkd,
    text,
    url,
)

NAME = "EasyPost"
DOCS = "https://docs.easypost.com/guides/webhooks-guide"
AUTH = (Hmac(header="x-hmac-signature", encoding="hex", prefix="hmac-sha256-hex=", key=nfkd), Basic(), Header(), Path())
REPLY = Reply(unreadable=200)  # a webhook that keeps failing may be disabled
PROBE = None
# "Progressive back-off"; EasyPost's older knowledge base calls outages of less than a day safe.
RETRIES = Retries(times=None, over=timedelta(hours=24))
ZONE = None  # every published time ends in Z
TRACKING_PAGE = None
REFERENCES = ()

# https://docs.easypost.com/docs/trackers: status, of the tracker and of each tracking detail
STATUSES = {
    "unknown": Status.OTHER,
    "pre_transit": Status.ANNOUNCED,
    "in_transit": Status.IN_TRANSIT,
    "out_for_delivery": Status.OUT_FOR_DELIVERY,
    "available_for_pickup": Status.IN_TRANSIT,  # at a counter: no longer on the road, not yet handed over
    "delivered": Status.DELIVERED,
    "return_to_sender": Status.RETURNED,
    "failure": Status.EXCEPTION,
    "cancelled": Status.CANCELLED,
    "error": Status.EXCEPTION,
}

History = list[tuple[Status, TrackingEvent]]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    kind = text(payload["description"], "$.description") or ""
    if not kind.startswith("tracker."):
        raise Ignored(f"{kind} carries no parcel status")
    tracker = payload["result"]
    if "test" in (payload.get("mode"), tracker.get("mode")):
        raise Ignored("test mode")
    status = STATUSES.get(tracker["status"], Status.OTHER)
    if status is Status.DELIVERED and tracker.get("is_return"):
        status = Status.RETURNED
    history = _history(tracker.get("tracking_details") or [], request)
    updated_at = moment(tracker.get("updated_at"), "$.result.updated_at", zone=request.zone)
    return [
        Shipment(
            key=name(tracker["id"], "$.result.id"),
            status=status,
            happened_at=max(_times(history, *Status), default=updated_at),
            tracking_number=text(tracker["tracking_code"], "$.result.tracking_code"),
            tracking_url=url(tracker.get("public_url"), "$.result.public_url"),
            courier=text(tracker.get("carrier"), "$.result.carrier"),
            dispatched_at=min(_times(history, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY), default=None),
            delivered_at=min(_times(history, status), default=None) if status is Status.DELIVERED else None,
            events=tuple(dict.fromkeys(event for _, event in history)),
        )
    ]


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    return text(payload["id"], "$.id")


def _history(details: list[dict[str, Any]], request: Request) -> History:
    """The dated details, in the order they came in: it is usually ascending, which nobody promises."""
    history: History = []
    for index, detail in enumerate(details):
        path = f"$.result.tracking_details[{index}]"
        written = day(detail.get("datetime"), f"{path}.datetime")
        if written is None:
            continue
        place = detail.get("tracking_location") or {}
        event = TrackingEvent(
            day=written,
            happened_at=moment(detail.get("datetime"), f"{path}.datetime", zone=request.zone),
            description=line(detail.get("message"), f"{path}.message"),
            city=line(place.get("city"), f"{path}.tracking_location.city"),
            state=line(place.get("state"), f"{path}.tracking_location.state"),
        )
        history.append((STATUSES.get(detail.get("status", ""), Status.OTHER), event))
    return history


def _times(history: History, *statuses: Status) -> list[datetime]:
    return [event.happened_at for status, event in history if status in statuses and event.happened_at]
