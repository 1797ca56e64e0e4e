"""AfterShip Tracking: one parcel with its whole history in every POST, from more than a thousand couriers."""

from datetime import datetime, timedelta
from typing import Any

from adapters import (
    UNDERWAY,
    Basic,
    Bearer,
    Header,
    History,
    Hmac,
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
    instant,
    line,
    look_up,
    moment,
    name,
    says_returned,
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

# https://www.aftership.com/docs/tracking/enum/delivery-statuses, read on 2026-11-28: tag, of the parcel and of each
# checkpoint
TAGS = {
    "Pending": Status.OTHER,  # AfterShip itself has no news yet
    "InfoReceived": Status.ANNOUNCED,
    "InTransit": Status.IN_TRANSIT,
    "OutForDelivery": Status.OUT_FOR_DELIVERY,
    "AttemptFail": Status.IN_TRANSIT,  # the courier that tried to deliver it has it
    "AvailableForPickup": Status.IN_TRANSIT,
    "Delivered": Status.DELIVERED,
    "Exception": Status.EXCEPTION,
    "Expired": Status.EXCEPTION,
}
# https://www.aftership.com/docs/tracking/enum/delivery-sub-statuses, with those of 2026-03-27, read on 2026-11-28:
# subtag. If a subtag says no more than its tag, the tag decides.
SUBTAGS = {
    "InTransit_002": Status.DISPATCHED,  # acceptance scan
    "Exception_010": Status.RETURNED,  # on its way back
    "Exception_011": Status.RETURNED,
    "Exception_020": Status.CANCELLED,
    "AvailableForPickup_001": Status.OTHER,
    "Expired_001": Status.OTHER,
    "InfoReceived_001": Status.OTHER,
    **{f"AttemptFail_{n:03}": Status.OTHER for n in range(1, 4)},
    **{f"Delivered_{n:03}": Status.OTHER for n in range(1, 6)},
    **{f"Exception_{n:03}": Status.OTHER for n in (*range(1, 10), 12, 13, *range(16, 20), 21)},
    **{f"InTransit_{n:03}": Status.OTHER for n in (1, *range(3, 10))},
    **{f"OutForDelivery_{n:03}": Status.OTHER for n in (1, 3, 4)},
    **{f"Pending_{n:03}": Status.OTHER for n in range(1, 7)},
}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    event = text(payload.get("event"), "$.event")
    if event == "tracking_pending_time":
        raise Ignored("tracking_pending_time: the courier has said nothing so far")
    if event not in ("tracking_update", "edd_revise", None):
        raise Unreadable("$.event", "is no event of AfterShip's that is known here")
    parcel = payload["msg"]
    status, unknown_words = _status(parcel, "$.msg")
    history = _history(parcel.get("checkpoints") or [], request)
    status = Status.RETURNED if parcel.get("return_to_sender") else history.settled(status)
    slug = text(parcel.get("slug"), "$.msg.slug")
    return [
        Shipment(
            key=name(parcel["id"], "$.msg.id"),
            status=status,
            happened_at=history.last() or _moment(parcel, "updated_at", request),
            tracking_number=text(parcel["tracking_number"], "$.msg.tracking_number"),
            tracking_url=url(parcel.get("courier_tracking_link"), "$.msg.courier_tracking_link")
            or url(parcel.get("aftership_tracking_url"), "$.msg.aftership_tracking_url"),
            courier=courier_name(slug) or slug,
            courier_code=slug or "",
            dispatched_at=_dispatched_at(parcel, status, history, request),
            delivered_at=_delivered_at(parcel, history, request) if status is Status.DELIVERED else None,
            references=_references(parcel),
            events=history.events,
            returned=history.returned_before(status),
            unknown_words=tuple(dict.fromkeys((*unknown_words, *history.unknown_words))),
        )
    ]


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    return text(payload["event_id"], "$.event_id")


def _dispatched_at(parcel: dict[str, Any], status: Status, history: History, request: Request) -> datetime | None:
    """The dispatch, from checkpoints first: AfterShip's summary dates were seen in UTC without a zone.

    ``tracking_ship_date`` comes from the merchant, so it counts only if the courier has the parcel, and no checkpoint
    speaks of the dispatch or of a later label.
    """
    scanned = history.first(*UNDERWAY)
    picked_up = _moment(parcel, "shipment_pickup_date", request)
    shipped = _moment(parcel, "tracking_ship_date", request) if status.in_possession else None
    return scanned or picked_up or (shipped if history.allows(shipped) else None)


def _delivered_at(parcel: dict[str, Any], history: History, request: Request) -> datetime | None:
    return history.first(Status.DELIVERED) or _moment(parcel, "shipment_delivery_date", request)


def _references(parcel: dict[str, Any]) -> tuple[Reference, ...]:
    """``order_id`` is documented as globally unique, ``order_number`` as the one people read. A parcel that passes from
    one courier to another has a number for each."""
    order = text(parcel.get("order_id"), "$.msg.order_id") or text(parcel.get("order_number"), "$.msg.order_number")
    numbers = [
        text((parcel.get(mile) or {}).get("tracking_number"), f"$.msg.{mile}.tracking_number")
        for mile in ("first_mile", "last_mile")
    ]
    found = [Reference(ReferenceKind.ORDER_ID, order)] if order else []
    found += [
        Reference(ReferenceKind.TRACKING_NUMBER, number)
        for number in dict.fromkeys(numbers)
        if number and number != parcel["tracking_number"].strip()
    ]
    return tuple(found)


def _status(update: dict[str, Any], path: str) -> tuple[Status, tuple[str, ...]]:
    """The status of a parcel or of a checkpoint, and which of its two words no table has."""
    of_tag, unknown_tag = look_up(TAGS, text(update.get("tag"), f"{path}.tag"))
    of_subtag, unknown_subtag = look_up(SUBTAGS, text(update.get("subtag"), f"{path}.subtag"))
    return (
        of_tag if of_subtag is Status.OTHER else of_subtag,
        tuple(word for word in (unknown_tag, unknown_subtag) if word),
    )


def _history(checkpoints: list[dict[str, Any]], request: Request) -> History:
    return History(tuple(_scan(each, f"$.msg.checkpoints[{n}]", request) for n, each in enumerate(checkpoints)))


def _scan(checkpoint: dict[str, Any], path: str, request: Request) -> Scan:
    status, unknown_words = _status(checkpoint, path)
    words = line(checkpoint.get("message"), f"{path}.message")
    return Scan.of(
        Status.RETURNED if says_returned(words) else status,
        next(iter(unknown_words), ""),
        on=day(checkpoint.get("checkpoint_time"), f"{path}.checkpoint_time"),
        happened_at=instant(checkpoint.get("checkpoint_time"), f"{path}.checkpoint_time", zone=request.zone),
        words=words,
        city=line(checkpoint.get("city"), f"{path}.city"),
        state=line(checkpoint.get("state"), f"{path}.state"),
    )


def _moment(parcel: dict[str, Any], name: str, request: Request) -> datetime | None:
    return moment(parcel.get(name), f"$.msg.{name}", zone=request.zone)
