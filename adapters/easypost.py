"""EasyPost: a tracker with its whole history in every POST, and no merchant reference anywhere in it."""

from datetime import timedelta
from typing import Any

from adapters import (
    UNDERWAY,
    Basic,
    Header,
    History,
    Hmac,
    Ignored,
    Path,
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
    nfkd,
    says_returned,
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

# https://docs.easypost.com/docs/trackers, read on 2026-11-28: status, of the tracker and of each tracking detail
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
RETURN = "return"  # same page, the one status_detail that says more than its status

# https://docs.easypost.com/docs/events, read on 2026-11-28: what the other events are of, before the dot
OTHER_OBJECTS = ("batch", "claim", "claims", "insurance", "payment", "refund", "report", "scan_form", "shipment")


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    kind = text(payload["description"], "$.description") or ""
    subject = kind.partition(".")[0]
    if subject in OTHER_OBJECTS:
        raise Ignored(f"{kind} carries no parcel status")
    if not kind.startswith("tracker."):
        raise Unreadable("$.description", "names no event of EasyPost's that is known here")
    tracker = payload["result"]
    if "test" in (payload.get("mode"), tracker.get("mode")):
        raise Ignored("test mode")
    if tracker.get("is_return"):
        raise Ignored("a return label")
    status, unknown_word = look_up(STATUSES, text(tracker["status"], "$.result.status"))
    history = _history(tracker.get("tracking_details") or [], request)
    status = Status.RETURNED if tracker.get("status_detail") == RETURN else history.settled(status)
    updated_at = moment(tracker.get("updated_at"), "$.result.updated_at", zone=request.zone)
    carrier = text(tracker.get("carrier"), "$.result.carrier")
    return [
        Shipment(
            key=name(tracker["id"], "$.result.id"),
            status=status,
            happened_at=history.last() or updated_at,
            tracking_number=text(tracker["tracking_code"], "$.result.tracking_code"),
            tracking_url=url(tracker.get("public_url"), "$.result.public_url"),
            courier=courier_name(carrier) or carrier,
            courier_code=carrier or "",
            dispatched_at=history.first(*UNDERWAY),
            delivered_at=history.first(Status.DELIVERED) if status is Status.DELIVERED else None,
            references=_references(tracker.get("carrier_detail") or {}),
            events=history.events,
            returned=history.returned_before(status),
            unknown_words=(*((unknown_word,) if unknown_word else ()), *history.unknown_words),
        )
    ]


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    return text(payload["id"], "$.id")


def _references(detail: dict[str, Any]) -> tuple[Reference, ...]:
    """The number of the same parcel at the carrier, or at a second one."""
    other = text(detail.get("alternate_identifier"), "$.result.carrier_detail.alternate_identifier")
    return (Reference(ReferenceKind.TRACKING_NUMBER, other),) if other else ()


def _history(details: list[dict[str, Any]], request: Request) -> History:
    """The details in their original order, which is usually ascending, but not guaranteed."""
    return History(tuple(_scan(detail, f"$.result.tracking_details[{n}]", request) for n, detail in enumerate(details)))


def _scan(detail: dict[str, Any], path: str, request: Request) -> Scan:
    status, unknown_word = look_up(STATUSES, text(detail.get("status"), f"{path}.status"))
    message = line(detail.get("message"), f"{path}.message")
    if detail.get("status_detail") == RETURN or says_returned(message):
        status = Status.RETURNED
    place = detail.get("tracking_location") or {}
    return Scan.of(
        status,
        unknown_word,
        on=day(detail.get("datetime"), f"{path}.datetime"),
        happened_at=instant(detail.get("datetime"), f"{path}.datetime", zone=request.zone),
        words=message,
        city=line(place.get("city"), f"{path}.tracking_location.city"),
        state=line(place.get("state"), f"{path}.tracking_location.state"),
    )
