"""DHL Shipment Tracking - Unified - Push: parcels of all DHL divisions in batches, once a subscription is activated."""

from datetime import datetime
from typing import Any

from adapters import (
    Fetch,
    Header,
    Ignored,
    Path,
    Reply,
    Request,
    Shipment,
    Status,
    TrackingEvent,
    Unreadable,
    day,
    line,
    moment,
    name,
    page,
    text,
    url,
)

NAME = "DHL"
DOCS = "https://developer.dhl.com/api-reference/shipment-tracking-unified-push"
# The subscription names a header and a token of the merchant's choice (hook.authentication, ApiKeyAuthentication).
AUTH = (Header("x-webhook-token"), Header(), Path())
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = None  # the status is in UTC; events are local, and nobody says where
TRACKING_PAGE = "https://www.dhl.com/us-en/home/tracking/tracking-parcel.html?submit=1&tracking-id={number}"
REFERENCES = ("details.references.number", "details.references[*].number")
SECRET_FIELDS = ("secret",)  # of subscription.validate: whoever has it can activate the subscription
# DHL's push guide names the header; that the activation is a POST to `self` with both headers comes from two
# open-source receivers.
HOSTS = ("api-eu.dhl.com",)
CREDENTIALS, CREDENTIALS_OPTIONAL = "DHL-API-Key", True

# statusCode, the one word that all divisions share. `status` is a division's own: in a published sample it says
# DELIVERED of a parcel in pre-transit.
STATUSES = {
    "pre-transit": Status.ANNOUNCED,
    "transit": Status.IN_TRANSIT,
    "delivered": Status.DELIVERED,
    "failure": Status.EXCEPTION,
    "unknown": Status.OTHER,
}
NO_PARCEL = {"subscription.ready": "the subscription is active"}


def notice(payload: dict[str, Any], request: Request) -> list[Fetch]:  # noqa: ARG001  the contract's signature
    if payload.get("scope") != "subscription.validate":
        return []
    headers = {"DHL-API-Hook-Secret": name(payload["secret"], "$.secret")}
    return [Fetch(url=name(payload["self"], "$.self"), method="POST", wanted=False, headers=headers)]


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    if "shipments" not in payload:
        return [("$", payload)]
    return [(f"$.shipments[{n}]", shipment) for n, shipment in enumerate(payload["shipments"])]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    if "scope" in payload:
        scope = text(payload["scope"], "$.scope") or ""
        if scope in NO_PARCEL:
            raise Ignored(NO_PARCEL[scope])
        raise Unreadable("$.scope", "brings no shipments, and is no step of a subscription that we know")
    number = name(payload["id"], "$.id")
    latest = payload["status"]
    status = STATUSES.get(latest["statusCode"], Status.OTHER)
    at = moment(latest.get("timestamp"), "$.status.timestamp", zone=request.zone)
    history = [_told(event, f"$.events[{n}]", request) for n, event in enumerate(payload.get("events") or [])]
    timed = [(said, event.happened_at) for said, event in history if event and event.happened_at]
    timed += [(status, at)] if at else []
    delivered = _earliest(timed, Status.DELIVERED)
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=max((time for _, time in timed), default=None),
            tracking_number=number,
            tracking_url=_url(payload) or page(TRACKING_PAGE, number),
            courier=NAME,
            dispatched_at=_earliest(timed, Status.IN_TRANSIT),
            delivered_at=delivered if status is Status.DELIVERED else None,
            events=tuple(dict.fromkeys(event for _, event in history if event)),
        )
    ]


def _url(payload: dict[str, Any]) -> str | None:
    """The division's page of this parcel, which DHL writes without the s."""
    written = url(payload.get("serviceUrl"), "$.serviceUrl")
    return written and "https" + written.removeprefix("https").removeprefix("http")


def _told(event: dict[str, Any], path: str, request: Request) -> tuple[Status, TrackingEvent | None]:
    status = STATUSES.get(event.get("statusCode") or "", Status.OTHER)
    written = day(event.get("timestamp"), f"{path}.timestamp")
    if written is None:
        return status, None
    address = (event.get("location") or {}).get("address") or {}
    return status, TrackingEvent(
        day=written,
        happened_at=moment(event.get("timestamp"), f"{path}.timestamp", zone=request.zone),
        # not `description`, free text in which a published sample has a first name
        description=line(event.get("status"), f"{path}.status") or line(event.get("statusCode"), f"{path}.statusCode"),
        city=line(address.get("addressLocality"), f"{path}.location.address.addressLocality"),
    )


def _earliest(timed: list[tuple[Status, datetime]], wanted: Status) -> datetime | None:
    return min((time for status, time in timed if status is wanted), default=None)
