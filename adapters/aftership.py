"""AfterShip Tracking: one parcel with its whole history in every POST, from more than a thousand couriers."""

from datetime import datetime, timedelta
from typing import Any

from adapters import (
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
    TrackingEvent,
    day,
    line,
    moment,
    name,
    text,
    url,
)

NAME = "AfterShip"
DOCS = "https://www.aftership.com/docs/tracking/webhook/webhook-specifications"
AUTH = (Hmac(header="aftership-hmac-sha256", encoding="base64"), Header(), Bearer(), Basic())
REPLY = Reply(unreadable=200)  # anything but 2xx is sent again, 14 times over three days
PROBE = None
RETRIES = Retries(times=13, over=timedelta(hours=68))  # 2^n x 30 s, 14 attempts in all
ZONE = None  # a time without an offset is local to the place, which may be any
TRACKING_PAGE = None
HEADERS = ("as-webhook-version",)
REFERENCES = ("msg.order_number", "msg.order_id", "msg.custom_fields")

# https://www.aftership.com/docs/tracking/enum/delivery-statuses: tag, of the parcel and of each checkpoint
STATUSES = {
    "Pending": Status.OTHER,  # AfterShip itself has heard nothing yet
    "InfoReceived": Status.ANNOUNCED,
    "InTransit": Status.IN_TRANSIT,
    "OutForDelivery": Status.OUT_FOR_DELIVERY,
    "AttemptFail": Status.IN_TRANSIT,  # who tried to deliver it has it
    "AvailableForPickup": Status.IN_TRANSIT,
    "Delivered": Status.DELIVERED,
    "Exception": Status.EXCEPTION,
    "Expired": Status.EXCEPTION,
}
RETURNED = ("Exception_010", "Exception_011")  # subtags: returning to the sender, returned

# https://www.aftership.com/docs/tracking/others/supported-couriers: a slug is a code, shoppers know the name
COURIERS = {"dhl": "DHL", "fedex": "FedEx", "ups": "UPS", "usps": "USPS"}

History = list[tuple[Status, TrackingEvent]]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    if payload.get("event") == "tracking_pending_time":
        raise Ignored("tracking_pending_time: the courier has said nothing so far")
    parcel = payload["msg"]
    status = STATUSES.get(parcel["tag"], Status.OTHER)
    if parcel.get("return_to_sender") or parcel.get("subtag") in RETURNED:
        status = Status.RETURNED
    history = _history(parcel.get("checkpoints") or [], request)
    slug = text(parcel.get("slug"), "$.msg.slug") or ""
    return [
        Shipment(
            key=name(parcel["id"], "$.msg.id"),
            status=status,
            happened_at=max(_times(history, *Status), default=_moment(parcel, "updated_at", request)),
            tracking_number=text(parcel["tracking_number"], "$.msg.tracking_number"),
            tracking_url=url(parcel.get("courier_tracking_link"), "$.msg.courier_tracking_link")
            or url(parcel.get("aftership_tracking_url"), "$.msg.aftership_tracking_url"),
            courier=COURIERS.get(slug, slug) or None,
            dispatched_at=_dispatched_at(parcel, status, history, request),
            delivered_at=_delivered_at(parcel, history, request) if status is Status.DELIVERED else None,
            references=_references(parcel),
            events=tuple(dict.fromkeys(event for _, event in history)),
        )
    ]


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    return text(payload["event_id"], "$.event_id")


def _dispatched_at(parcel: dict[str, Any], status: Status, history: History, request: Request) -> datetime | None:
    """Checkpoints first: AfterShip's summary dates were seen in UTC without saying so.

    ``tracking_ship_date`` is the merchant's own word, so the courier must at least have the parcel.
    """
    scanned = min(_times(history, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY), default=None)
    picked_up = _moment(parcel, "shipment_pickup_date", request)
    shipped = _moment(parcel, "tracking_ship_date", request) if status.in_possession else None
    return scanned or picked_up or shipped


def _delivered_at(parcel: dict[str, Any], history: History, request: Request) -> datetime | None:
    return min(_times(history, Status.DELIVERED), default=_moment(parcel, "shipment_delivery_date", request))


def _references(parcel: dict[str, Any]) -> tuple[Reference, ...]:
    """``order_id`` is documented as globally unique, ``order_number`` as the one people read."""
    order = text(parcel.get("order_id"), "$.msg.order_id") or text(parcel.get("order_number"), "$.msg.order_number")
    return (Reference(ReferenceKind.ORDER_ID, order),) if order else ()


def _history(checkpoints: list[dict[str, Any]], request: Request) -> History:
    history: History = []
    for index, checkpoint in enumerate(checkpoints):
        path = f"$.msg.checkpoints[{index}]"
        written = day(checkpoint.get("checkpoint_time"), f"{path}.checkpoint_time")
        if written is None:
            continue
        event = TrackingEvent(
            day=written,
            happened_at=moment(checkpoint.get("checkpoint_time"), f"{path}.checkpoint_time", zone=request.zone),
            description=line(checkpoint.get("message"), f"{path}.message"),
            city=line(checkpoint.get("city"), f"{path}.city"),
            state=line(checkpoint.get("state"), f"{path}.state"),
        )
        history.append((STATUSES.get(checkpoint.get("tag", ""), Status.OTHER), event))
    return history


def _times(history: History, *statuses: Status) -> list[datetime]:
    return [event.happened_at for status, event in history if status in statuses and event.happened_at]


def _moment(parcel: dict[str, Any], name: str, request: Request) -> datetime | None:
    return moment(parcel.get(name), f"$.msg.{name}", zone=request.zone)
