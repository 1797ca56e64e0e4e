"""ShipEngine and the ShipStation API: one parcel with its whole history in every POST, signed with a published key."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from adapters import (
    Basic,
    Header,
    Ignored,
    Path,
    Reply,
    Request,
    Retries,
    RsaJwks,
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

NAME = "ShipEngine"
DOCS = "https://docs.shipstation.com/apis/docs/guides/webhooks-validation"
AUTH = (
    RsaJwks(
        signature_header="x-shipengine-rsa-sha256-signature",
        key_id_header="x-shipengine-rsa-sha256-key-id",
        timestamp_header="x-shipengine-timestamp",
        keys_url="https://api.shipengine.com/jwks",
    ),
    Header(),  # each webhook may have headers of its own
    Basic(),
    Path(),
)
REPLY = Reply(unreadable=200)  # whether failures disable a webhook is not published
PROBE = None
RETRIES = Retries(times=2, over=timedelta(hours=1))  # 30 minutes apart, as integrators cite it
ZONE = None  # `occurred_at` ends in Z; what the parcel's carriers write is local to the place
TRACKING_PAGE = None
REFERENCES = ()

# https://docs.shipstation.com/apis/docs/guides/webhooks-schemas; v1 and V2 name the same event differently, and all
# other events are notices without data
TRACKING = ("API_TRACK", "TRACK_EVENT_V2")

# ShipEngine's OpenAPI document (github.com/ShipEngine/shipengine-openapi), status_code of the parcel and of an event
CODES = {
    "UN": Status.OTHER,
    "NY": Status.ANNOUNCED,
    "AC": Status.ANNOUNCED,  # "accepted", and yet ShipEngine's own example is a label that was prepared
    "IT": Status.IN_TRANSIT,
    "AT": Status.IN_TRANSIT,  # who tried to deliver it has it
    "SP": Status.IN_TRANSIT,  # delivered, but to a collection point
    "DE": Status.DELIVERED,
    "EX": Status.EXCEPTION,
}
# ShipStation's OpenAPI document, status_detail_code, each by its description there: what says more than the code
DETAILS = {
    "SHIPMENT_CREATED": Status.ANNOUNCED,
    "AWAITING_PICKUP_DROP_OFF": Status.ANNOUNCED,
    "AWAITING_DESPATCH": Status.ANNOUNCED,
    "AWAITING_ELECTRONIC_ADVICE": Status.ANNOUNCED,
    "COLLECTION_REQUESTED": Status.ANNOUNCED,
    "COLLECTION_FAILED": Status.ANNOUNCED,
    "ELEC_ADVICE_RECD_BY_CARRIER": Status.ANNOUNCED,
    "NOT_YET_RECEIVED_BY_CARRIER": Status.ANNOUNCED,
    "CANCELLED_BEFORE_DESPATCH": Status.CANCELLED,
    "PICKED_UP": Status.DISPATCHED,
    "COLLECTION_MADE": Status.DISPATCHED,
    "DROPPED_OFF": Status.DISPATCHED,
    "DESPATCHED": Status.DISPATCHED,
    "RECEIVED_BY_CARRIER": Status.DISPATCHED,
    "HUB_SCAN_IN": Status.IN_TRANSIT,
    "HUB_SCAN_OUT": Status.IN_TRANSIT,
    "OUT_FOR_DELIVERY": Status.OUT_FOR_DELIVERY,
}
# Same page: what keeps even a "DE" from being in the shopper's hands
NOT_HANDED_OVER = {
    "RETURN_TO_SENDER": Status.RETURNED,
    "DELIVERED_TO_LOCKER_COLLECTION_POINT": Status.IN_TRANSIT,
    "AWAITING_COLLECTION_FROM_PICKUP_POINT": Status.IN_TRANSIT,
    "COLLECT_AT_LOCAL_PO": Status.IN_TRANSIT,
    "CUSTOMER_TO_COLLECT_FROM_CARRIER": Status.IN_TRANSIT,
}
COURIERS = {
    "dhl_express": "DHL Express",
    "endicia": "USPS",  # it sells postage, and so does the next but two
    "fedex": "FedEx",
    "ups": "UPS",
    "stamps_com": "USPS",
    "usps": "USPS",
}

History = list[tuple[Status, TrackingEvent]]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    kind = text(payload["resource_type"], "$.resource_type") or ""
    if kind not in TRACKING:
        raise Ignored(f"{kind} is a notice without tracking data")
    parcel = payload["data"]
    number = name(parcel["tracking_number"], "$.data.tracking_number")
    status = _status(parcel, "$.data")
    history = _history(parcel.get("events") or [], request)
    scanned = _times(history, Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)
    shipped = _moment(parcel, "ship_date", request) if status.in_possession else None  # labels may have one too
    delivered = min(_times(history, Status.DELIVERED), default=_moment(parcel, "actual_delivery_date", request))
    delivered_at = delivered if status is Status.DELIVERED else None
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=max(_times(history, *Status), default=delivered_at),
            tracking_number=number,
            tracking_url=url(parcel.get("tracking_url"), "$.data.tracking_url"),
            courier=_courier(payload),
            dispatched_at=min(scanned, default=shipped),
            delivered_at=delivered_at,
            events=tuple(dict.fromkeys(event for _, event in history)),
        )
    ]


def _status(said: dict[str, Any], path: str) -> Status:
    code = text(said.get("status_code"), f"{path}.status_code") or ""
    detail = text(said.get("status_detail_code"), f"{path}.status_detail_code") or ""
    of_code = CODES.get(code, Status.OTHER)
    if detail in NOT_HANDED_OVER:
        return NOT_HANDED_OVER[detail]
    return of_code if of_code is Status.DELIVERED else DETAILS.get(detail, of_code)


def _history(events: list[dict[str, Any]], request: Request) -> History:
    """The dated events, each with its local day: ``carrier_occurred_at`` is the place's clock, also where it ends in Z.

    Their order means nothing: ShipEngine sorts by that clock, newest first.
    """
    history: History = []
    for index, event in enumerate(events):
        path = f"$.data.events[{index}]"
        field = "carrier_occurred_at" if event.get("carrier_occurred_at") else "occurred_at"
        written = day(event.get(field), f"{path}.{field}")
        if written is None:
            continue
        told = TrackingEvent(
            day=written,
            happened_at=moment(event.get("occurred_at"), f"{path}.occurred_at", zone=request.zone),
            description=line(event.get("description"), f"{path}.description"),
            city=line(event.get("city_locality"), f"{path}.city_locality"),
            state=line(event.get("state_province"), f"{path}.state_province"),
        )
        history.append((_status(event, path), told))
    return history


def _courier(payload: dict[str, Any]) -> str | None:
    """By ``carrier_code``, which version 1 has in ``resource_url`` alone; a code that is not listed names nobody."""
    code = text(payload["data"].get("carrier_code"), "$.data.carrier_code")
    resource = url(payload.get("resource_url"), "$.resource_url")
    if code is None and resource:
        code = dict(parse_qsl(urlsplit(resource).query)).get("carrier_code")
    return COURIERS.get(code or "")


def _times(history: History, *statuses: Status) -> list[datetime]:
    return [event.happened_at for status, event in history if status in statuses and event.happened_at]


def _moment(parcel: dict[str, Any], field: str, request: Request) -> datetime | None:
    return moment(parcel.get(field), f"$.data.{field}", zone=request.zone)
