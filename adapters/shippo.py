"""Shippo: a parcel with its whole history in every POST, and the label bought for it in another kind of POST."""

from typing import Any

from adapters import (
    UNDERWAY,
    History,
    Ignored,
    Path,
    Query,
    Reply,
    Request,
    Scan,
    Shipment,
    Stamped,
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

NAME = "Shippo"
DOCS = "https://docs.goshippo.com/docs/Tracking/Webhooks"
# Everyone can set up a token in the URL; the signature must be requested. Its header is named in the README of Shippo's
# @shippo/ucp-fulfillment.
AUTH = (Query(), Stamped(header="shippo-auth-signature"), Path())
REPLY = Reply(unreadable=200)  # repeated failures were documented to disable the webhook
PROBE = None
RETRIES = None  # 5xx is repeated; the documents differ about how often
ZONE = None  # "displayed in UTC", and written so
TRACKING_PAGE = None
REFERENCES = ("data.metadata",)

# https://docs.goshippo.com/docs/tracking/tracking, read on 2026-11-28: `status` of the parcel and of each event
STATUSES = {
    "UNKNOWN": Status.OTHER,
    "PRE_TRANSIT": Status.ANNOUNCED,
    "TRANSIT": Status.IN_TRANSIT,
    "DELIVERED": Status.DELIVERED,
    "RETURNED": Status.RETURNED,  # on its way back, or back
    "FAILURE": Status.EXCEPTION,
}
# Same page, `substatus.code` under TRANSIT, if it says more than the status
SUBSTATUSES = {
    "package_accepted": Status.DISPATCHED,
    "out_for_delivery": Status.OUT_FOR_DELIVERY,
    **dict.fromkeys(("delivery_attempted", "delivery_rescheduled", "delivery_scheduled"), Status.IN_TRANSIT),
    **dict.fromkeys(("notice_left", "package_arrived", "package_departed", "package_forwarded"), Status.IN_TRANSIT),
    **dict.fromkeys(("package_processed", "package_processing", "reschedule_delivery"), Status.IN_TRANSIT),
    "delayed": Status.IN_TRANSIT,
    "pickup_available": Status.IN_TRANSIT,  # it waits for the shopper
    **dict.fromkeys(("address_issue", "contact_carrier", "location_inaccessible"), Status.EXCEPTION),
    **dict.fromkeys(("package_damaged", "package_held"), Status.EXCEPTION),
}
RETURN = "return_to_sender"  # same page: a return under any status
# Same page, `substatus.code` under the other statuses: it says the same as the status
OTHER_SUBSTATUSES = (
    "delivered",
    "information_received",
    "other",
    "package_disposed",
    "package_lost",
    "package_unclaimed",
    "package_undeliverable",
    RETURN,
)

# https://docs.goshippo.com/api-reference/transaction, read on 2026-11-28: `status` of a label
LABELS = {"SUCCESS": Status.ANNOUNCED, "REFUNDED": Status.CANCELLED}
# Same page: a label in the making, refused, or about to be refunded
NO_LABELS = ("ERROR", "QUEUED", "REFUNDPENDING", "REFUNDREJECTED", "WAITING", None)

TEST_CARRIER = "shippo"  # carries the mock parcels of test mode


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    event, data = payload["event"].strip(), payload["data"]
    if payload.get("test") or data.get("test") or data.get("carrier") == TEST_CARRIER:
        raise Ignored("test mode")
    if event == "track_updated":
        return [_parcel(data, request)]
    if event in ("transaction_created", "transaction_updated"):
        return [_label(data, request)]
    if event in ("batch_created", "batch_purchased"):
        raise Ignored(f"{event} carries no parcel status")
    raise Unreadable("$.event", "names no event of Shippo's that is known here")


def _parcel(data: dict[str, Any], request: Request) -> Shipment:
    """A parcel. Up to API version 2017-03-29, ``data`` is a label's transaction, with the same tracking fields."""
    newest = data.get("tracking_status") or {}
    if isinstance(newest, str):
        newest = {"status": newest}
    scan = _scan(newest, "$.data.tracking_status", request)
    history = _history(data.get("tracking_history") or [], request)
    whole = History((*history.scans, scan))
    status = whole.settled(scan.status)
    number = name(data["tracking_number"], "$.data.tracking_number")
    carrier = text(data.get("carrier"), "$.data.carrier")
    return Shipment(
        key=number,
        status=status,
        happened_at=scan.happened_at or history.last(),
        tracking_number=number,
        tracking_url=url(data.get("tracking_url_provider"), "$.data.tracking_url_provider"),
        courier=courier_name(carrier) or _provider(data),
        courier_code=carrier or "",
        dispatched_at=whole.first(*UNDERWAY),
        delivered_at=whole.first(Status.DELIVERED) if status is Status.DELIVERED else None,
        events=history.events,
        returned=whole.returned_before(status),
        unknown_words=History((scan, *history.scans)).unknown_words,
    )


def _label(data: dict[str, Any], request: Request) -> Shipment:
    """A label's own ``tracking_status`` has no date, and comes with its history in ``track_updated``."""
    written = text(data.get("status"), "$.data.status")
    if written not in LABELS and written not in NO_LABELS:
        raise Unreadable("$.data.status", "is no status of a label that is known here")
    number = text(data.get("tracking_number"), "$.data.tracking_number")
    if written not in LABELS or number is None:
        raise Ignored("a label that is neither bought nor refunded")
    provider = _provider(data)
    updated_at = moment(data.get("object_updated"), "$.data.object_updated", zone=request.zone)
    return Shipment(
        key=number,
        status=LABELS[written],
        happened_at=updated_at or moment(data.get("object_created"), "$.data.object_created", zone=request.zone),
        tracking_number=number,
        tracking_url=url(data.get("tracking_url_provider"), "$.data.tracking_url_provider"),
        courier=courier_name(provider) or provider,
        courier_code=provider or "",
    )


def _provider(data: dict[str, Any]) -> str | None:
    """The carrier, which a label names in its rate, unless that is only an id."""
    rate = data.get("rate")
    return text(rate.get("provider"), "$.data.rate.provider") if isinstance(rate, dict) else None


def _history(events: list[dict[str, Any]], request: Request) -> History:
    return History(tuple(_scan(event, f"$.data.tracking_history[{n}]", request) for n, event in enumerate(events)))


def _scan(event: dict[str, Any], path: str, request: Request) -> Scan:
    status, unknown_word = _status(event, path)
    words = line(event.get("status_details"), f"{path}.status_details")
    if says_returned(words) or (event.get("substatus") or {}).get("code") == RETURN:
        status = Status.RETURNED
    place = event.get("location") or {}
    return Scan.of(
        status,
        unknown_word,
        on=day(event.get("status_date"), f"{path}.status_date"),
        happened_at=instant(event.get("status_date"), f"{path}.status_date", zone=request.zone),
        words=words,
        city=line(place.get("city"), f"{path}.location.city"),
        state=line(place.get("state"), f"{path}.location.state"),
    )


def _status(event: dict[str, Any], path: str) -> tuple[Status, str]:
    status, unknown_word = look_up(STATUSES, text(event.get("status"), f"{path}.status"))
    code = text((event.get("substatus") or {}).get("code"), f"{path}.substatus.code")
    finer, unknown_code = look_up(SUBSTATUSES, code)
    return (
        finer if status is Status.IN_TRANSIT and finer is not Status.OTHER else status,
        unknown_word or ("" if unknown_code in OTHER_SUBSTATUSES else unknown_code),
    )
