"""Shiprocket: one parcel with its whole history in every POST, from many Indian couriers.

The endpoint needs a name of its own: Shiprocket refuses URLs with the words shiprocket, kartrocket, sr or kr.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    Header,
    Ignored,
    Path,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Shipment,
    Status,
    TrackingEvent,
    line,
    moment,
    name,
    text,
)

NAME = "Shiprocket"
DOCS = "https://apidocs.shiprocket.in/"
# The token is optional there, and some panels name its header anx-api-key.
AUTH = (Header("x-api-key"), Header(), Path())
REPLY = Reply(unreadable=200)  # "send only code 200 in response"
PROBE = None
RETRIES = None
ZONE = ZoneInfo("Asia/Kolkata")  # times have no offset; all of India has one zone
TRACKING_PAGE = None
REFERENCES = ("channel_order_id", "order_id", "sr_order_id")

# `shipment_status_id` and `sr-status` of a scan. 5, 6, 18 and 42 stand with their words in the published sample; the
# others are what integrators' tables agree on. What the words mean:
# https://support.shiprocket.in/support/solutions/articles/43000662858
# `current_status_id` counts otherwise: there 20 is "in transit", here a failed pick-up.
STATUSES = {
    "5": Status.ANNOUNCED,  # manifest
    "8": Status.CANCELLED,
    "42": Status.DISPATCHED,  # "successfully picked up your shipment"
    "6": Status.DISPATCHED,  # "reaches the courier hub after a successful pickup"
    "18": Status.IN_TRANSIT,
    "17": Status.OUT_FOR_DELIVERY,
    "21": Status.EXCEPTION,  # undelivered
    "12": Status.EXCEPTION,  # lost
    "7": Status.DELIVERED,
    "9": Status.RETURNED,  # return to origin has begun
    "10": Status.RETURNED,
    "14": Status.RETURNED,
}
ON_THE_WAY = (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)
NOW = ("%d %m %Y %H:%M:%S", "%Y-%m-%d %H:%M:%S")  # the second in an older sample
SCANNED = "%Y-%m-%d %H:%M:%S"

History = list[tuple[Status, TrackingEvent]]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    if text(payload.get("is_return"), "$.is_return") == "1":
        raise Ignored("a return: another parcel than the one the shopper was sent")
    status = _status(payload.get("shipment_status_id"), "$.shipment_status_id")
    history = _history(payload.get("scans") or [], request)
    now = moment(payload.get("current_timestamp"), "$.current_timestamp", *NOW, zone=request.zone)
    order = text(payload.get("channel_order_id"), "$.channel_order_id") or text(payload.get("order_id"), "$.order_id")
    first = min(_times(history, *ON_THE_WAY), default=now if status in ON_THE_WAY else None)
    delivered = min(_times(history, Status.DELIVERED), default=now)
    return [
        Shipment(
            key=name(payload["awb"], "$.awb"),
            status=status,
            happened_at=now or max(_times(history, *Status), default=None),
            tracking_number=name(payload["awb"], "$.awb"),
            courier=text(payload.get("courier_name"), "$.courier_name"),
            dispatched_at=first,
            delivered_at=delivered if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=tuple(dict.fromkeys(event for _, event in history if event.description)),
        )
    ]


def _status(number: object, path: str) -> Status:
    return STATUSES.get(text(number, path) or "", Status.OTHER)


def _history(scans: list[dict[str, Any]], request: Request) -> History:
    history: History = []
    for index, scan in enumerate(scans):
        path = f"$.scans[{index}]"
        at = moment(scan.get("date"), f"{path}.date", SCANNED, zone=request.zone)
        if at is None:
            continue
        told = TrackingEvent(
            day=at.date(),
            happened_at=at,
            description=line(scan.get("activity"), f"{path}.activity"),
            city=line(scan.get("location"), f"{path}.location"),
        )
        history.append((_status(scan.get("sr-status"), f"{path}['sr-status']"), told))
    return history


def _times(history: History, *statuses: Status) -> list[datetime]:
    return [event.happened_at for status, event in history if status in statuses and event.happened_at]
