"""Shippo: a parcel with its whole history in every POST, and the label bought for it in another kind of POST."""

from datetime import datetime
from typing import Any

from adapters import (
    Ignored,
    Path,
    Query,
    Reply,
    Request,
    Shipment,
    Stamped,
    Status,
    TrackingEvent,
    day,
    line,
    moment,
    name,
    text,
    url,
)

NAME = "Shippo"
DOCS = "https://docs.goshippo.com/docs/Tracking/Webhooks"
# A token in the URL is what everybody can set up; the signature must be asked for. Its header is named in the README of
# Shippo's @shippo/ucp-fulfillment.
AUTH = (Query(), Stamped(header="shippo-auth-signature"), Path())
REPLY = Reply(unreadable=200)  # repeated failures were documented to disable the webhook
PROBE = None
RETRIES = None  # 5xx is repeated; the documents differ about how often
ZONE = None  # "displayed in UTC", and written so
TRACKING_PAGE = None
REFERENCES = ("data.metadata", "data.transaction")

# https://docs.goshippo.com/docs/Tracking/Webhooks, `status` of the parcel and of each event
STATUSES = {
    "PRE_TRANSIT": Status.ANNOUNCED,
    "TRANSIT": Status.IN_TRANSIT,
    "DELIVERED": Status.DELIVERED,
    "RETURNED": Status.RETURNED,  # on its way back, or back
    "FAILURE": Status.EXCEPTION,
}
ACCEPTED = "package_accepted"  # the substatus that Shippo's own library takes for "shipped"

# https://docs.goshippo.com/api-reference/transaction, `status` of a label
LABELS = {"SUCCESS": Status.ANNOUNCED, "REFUNDED": Status.CANCELLED}

# Same page: tokens are lower-case, shoppers know the name
COURIERS = {"usps": "USPS", "ups": "UPS", "fedex": "FedEx", "dhl_express": "DHL Express"}
TEST_CARRIER = "shippo"  # carries the mock parcels of test mode

History = list[tuple[Status, TrackingEvent]]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    event, data = payload["event"], payload["data"]
    if payload.get("test") or data.get("test") or data.get("carrier") == TEST_CARRIER:
        raise Ignored("test mode")
    if event == "track_updated":
        return [_parcel(data, request)]
    if event in ("transaction_created", "transaction_updated"):
        return [_label(data, request)]
    raise Ignored(f"{line(event, '$.event')} carries no parcel status")


def _parcel(data: dict[str, Any], request: Request) -> Shipment:
    """Up to version 2017-03-29 of the API, ``data`` is the transaction of a label, with the same fields of tracking."""
    newest = data.get("tracking_status") or {}
    if isinstance(newest, str):
        newest = {"status": newest}
    status = _status(newest)
    history = _history(data.get("tracking_history") or [], request)
    updated_at = moment(newest.get("status_date"), "$.data.tracking_status.status_date", zone=request.zone)
    delivered_at = min(_times(history, Status.DELIVERED), default=updated_at)
    return Shipment(
        key=name(data["tracking_number"], "$.data.tracking_number"),
        status=status,
        happened_at=updated_at or max(_times(history, *Status), default=None),
        tracking_number=name(data["tracking_number"], "$.data.tracking_number"),
        tracking_url=url(data.get("tracking_url_provider"), "$.data.tracking_url_provider"),
        courier=_courier(data),
        dispatched_at=min(_times(history, Status.DISPATCHED, Status.IN_TRANSIT), default=None)
        or (updated_at if status in (Status.DISPATCHED, Status.IN_TRANSIT) else None),
        delivered_at=delivered_at if status is Status.DELIVERED else None,
        events=tuple(dict.fromkeys(event for _, event in history if event.description)),
    )


def _label(data: dict[str, Any], request: Request) -> Shipment:
    """A label's own ``tracking_status`` has no date, and comes with its history in ``track_updated``."""
    status = LABELS.get(data.get("status") or "")
    number = text(data.get("tracking_number"), "$.data.tracking_number")
    if status is None or number is None:
        raise Ignored("a label that is neither bought nor refunded")
    updated_at = moment(data.get("object_updated"), "$.data.object_updated", zone=request.zone)
    return Shipment(
        key=number,
        status=status,
        happened_at=updated_at or moment(data.get("object_created"), "$.data.object_created", zone=request.zone),
        tracking_number=number,
        tracking_url=url(data.get("tracking_url_provider"), "$.data.tracking_url_provider"),
        courier=_courier(data),
    )


def _courier(data: dict[str, Any]) -> str | None:
    """A parcel names the carrier by a token, a label by its rate, unless that is only an id."""
    rate = data.get("rate")
    known = COURIERS.get(text(data.get("carrier"), "$.data.carrier") or "")
    return known or (text(rate.get("provider"), "$.data.rate.provider") if isinstance(rate, dict) else None)


def _status(told: dict[str, Any]) -> Status:
    status = STATUSES.get(told.get("status") or "", Status.OTHER)
    accepted = (told.get("substatus") or {}).get("code") == ACCEPTED
    return Status.DISPATCHED if accepted and status is Status.IN_TRANSIT else status


def _history(told: list[dict[str, Any]], request: Request) -> History:
    history: History = []
    for index, event in enumerate(told):
        path = f"$.data.tracking_history[{index}]"
        on = day(event.get("status_date"), f"{path}.status_date")
        if on is None:
            continue
        place = event.get("location") or {}
        written = TrackingEvent(
            day=on,
            happened_at=moment(event["status_date"], f"{path}.status_date", zone=request.zone),
            description=line(event.get("status_details"), f"{path}.status_details"),
            city=line(place.get("city"), f"{path}.location.city"),
            state=line(place.get("state"), f"{path}.location.state"),
        )
        history.append((_status(event), written))
    return history


def _times(history: History, *statuses: Status) -> list[datetime]:
    return [event.happened_at for status, event in history if status in statuses and event.happened_at]
