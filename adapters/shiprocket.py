"""Shiprocket: one parcel with its whole history in every POST, from many Indian couriers.

The endpoint needs another name: Shiprocket refuses URLs with the words shiprocket, kartrocket, sr or kr.
"""

from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    UNDERWAY,
    Header,
    History,
    Ignored,
    Path,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Scan,
    Shipment,
    Status,
    courier_name,
    line,
    look_up,
    moment,
    name,
    says_returned,
    text,
    unless_returned,
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

# `shipment_status_id` and `sr-status` of a scan. 5, 6, 18 and 42 are in the published sample with their words, the
# others in eight integrators' tables that agree (third party); what the words mean:
# https://support.shiprocket.in/support/solutions/articles/43000662858. Read 2026-11-28. `current_status_id` counts
# otherwise: there 20 is "in transit", here a failed pick-up.
STATUSES = {
    "1": Status.ANNOUNCED,  # number assigned
    "2": Status.ANNOUNCED,
    "3": Status.ANNOUNCED,
    "4": Status.ANNOUNCED,
    "5": Status.ANNOUNCED,  # manifest
    "6": Status.DISPATCHED,  # "reaches the courier hub after a successful pickup"
    "7": Status.DELIVERED,
    "8": Status.CANCELLED,
    "9": Status.RETURNED,  # return to origin has begun
    "10": Status.RETURNED,
    "11": Status.OTHER,  # pending
    "12": Status.EXCEPTION,  # lost
    "13": Status.EXCEPTION,  # pick-up error
    "14": Status.RETURNED,
    "15": Status.ANNOUNCED,  # pick-up rescheduled
    "16": Status.OTHER,  # asks for a cancellation
    "17": Status.OUT_FOR_DELIVERY,
    "18": Status.IN_TRANSIT,
    "19": Status.ANNOUNCED,  # out for pick-up
    "20": Status.EXCEPTION,  # pick-up failed
    "21": Status.EXCEPTION,  # undelivered
    "22": Status.EXCEPTION,  # delayed
    "23": Status.EXCEPTION,  # a part of it
    "24": Status.EXCEPTION,  # destroyed
    "25": Status.EXCEPTION,  # damaged
    "26": Status.OTHER,  # fulfilled, by the shop
    "27": Status.ANNOUNCED,
    "38": Status.IN_TRANSIT,  # at the destination's hub
    "39": Status.IN_TRANSIT,  # misrouted
    "40": Status.RETURNED,  # not delivered to the merchant
    "41": Status.RETURNED,  # out for delivery to the merchant
    "42": Status.DISPATCHED,  # "successfully picked up your shipment"
    "43": Status.OTHER,  # fulfilled by the shop itself
    "44": Status.EXCEPTION,  # disposed of
    "45": Status.CANCELLED,  # before dispatch
    "46": Status.RETURNED,
    "47": Status.OTHER,  # quality check of a return
    "48": Status.IN_TRANSIT,
    "49": Status.IN_TRANSIT,
    "50": Status.IN_TRANSIT,
    "51": Status.DISPATCHED,  # handed over to the courier
    "52": Status.ANNOUNCED,
    "54": Status.IN_TRANSIT,
    "55": Status.IN_TRANSIT,
    "56": Status.IN_TRANSIT,
    "57": Status.IN_TRANSIT,
    "59": Status.ANNOUNCED,  # 59 to 68: in the shop's warehouse
    "60": Status.ANNOUNCED,
    "61": Status.ANNOUNCED,
    "62": Status.ANNOUNCED,
    "63": Status.ANNOUNCED,
    "67": Status.ANNOUNCED,
    "68": Status.ANNOUNCED,
    "71": Status.EXCEPTION,
    "72": Status.EXCEPTION,
    "75": Status.RETURNED,
    "76": Status.EXCEPTION,  # untraceable
    "77": Status.EXCEPTION,
    "78": Status.RETURNED,  # back in the merchant's city
}
NO_NUMBER = "NA"
NOW = ("%d %m %Y %H:%M:%S", "%Y-%m-%d %H:%M:%S")  # the second in an older sample
SCANNED = "%Y-%m-%d %H:%M:%S"


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    if text(payload.get("is_return"), "$.is_return") == "1":
        raise Ignored("a return: another parcel than the one the shopper was sent")
    words = line(payload.get("shipment_status"), "$.shipment_status")
    status, unknown = _status(payload.get("shipment_status_id"), "$.shipment_status_id", words)
    scans = payload.get("scans") or []
    history = History(tuple(_scan(scan, f"$.scans[{n}]", request) for n, scan in enumerate(scans)))
    now = moment(payload.get("current_timestamp"), "$.current_timestamp", *NOW, zone=request.zone)
    told = Scan(status=status, on=now.date() if now else None, happened_at=now)
    whole = History((*history.scans, told))
    settled = whole.settled(status)
    order = text(payload.get("channel_order_id"), "$.channel_order_id") or text(payload.get("order_id"), "$.order_id")
    number = name(payload["awb"], "$.awb")
    courier = text(payload.get("courier_name"), "$.courier_name")
    return [
        Shipment(
            key=number,
            status=settled,
            happened_at=now or history.last(),
            tracking_number=number,
            courier=courier_name(courier) or courier,
            courier_code=courier or "",
            dispatched_at=whole.first(*UNDERWAY),
            delivered_at=whole.first(Status.DELIVERED) if settled is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            events=history.events,
            returned=whole.returned_before(settled),
            unknown_words=tuple(dict.fromkeys(word for word in (*history.unknown_words, unknown) if word)),
        )
    ]


def _status(number: object, path: str, words: str) -> tuple[Status, str]:
    """The status by number. The courier's words count for a delivery, and if the number is unknown or missing."""
    written = text(number, path) or ""
    status, unknown = look_up(STATUSES, "" if written == NO_NUMBER else written)
    if (unknown or written in ("", NO_NUMBER)) and says_returned(words):
        return Status.RETURNED, unknown
    return unless_returned(status, words), unknown


def _scan(scan: dict[str, Any], path: str, request: Request) -> Scan:
    at = moment(scan.get("date"), f"{path}.date", SCANNED, zone=request.zone)
    activity = line(scan.get("activity"), f"{path}.activity")
    city = line(scan.get("location"), f"{path}.location")
    status, unknown = _status(scan.get("sr-status"), f"{path}['sr-status']", activity)
    on = at.date() if at else None
    return Scan.of(status, unknown, on=on, happened_at=at, words=activity, city=city)
