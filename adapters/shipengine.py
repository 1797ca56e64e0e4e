"""ShipEngine and the ShipStation API: one parcel with its whole history in every POST, signed with a published key."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from adapters import (
    UNDERWAY,
    Basic,
    Header,
    History,
    Ignored,
    Path,
    Reply,
    Request,
    Retries,
    RsaJwks,
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
    unless_returned,
    url,
    with_offset_of,
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

# https://docs.shipstation.com/apis/docs/guides/webhooks-schemas, read on 2026-11-28; v1 and V2 name the same event
# differently
TRACKING = ("API_TRACK", "TRACK_EVENT_V2")
# Same page and ShipEngine's OpenAPI document, read on 2026-11-28: all other events are notices without data.
# Two are beta: their names are those of integrators' code.
NOTICES = (
    "API_BATCH",
    "API_CARRIER_CONNECTED",
    "API_ORDER_SOURCE_REFRESH_COMPLETE",
    "API_RATE",
    "API_REPORT_COMPLETE",
    "API_SALES_ORDERS_IMPORTED",
    "BATCH_PROCESSED_V2",
    "FULFILLMENT_REJECTED_V2",
    "FULFILLMENT_SHIPPED_V2",
    "LABEL_CREATED_V2",
    "SHIPMENT_CREATED_V2",
)

# ShipEngine's OpenAPI document (github.com/ShipEngine/shipengine-openapi), read on 2026-11-28: status_code of the
# parcel and of an event
CODES = {
    "UN": Status.OTHER,
    "NY": Status.ANNOUNCED,
    "AC": Status.ANNOUNCED,  # "accepted", and yet ShipEngine's own example is a label that was prepared
    "IT": Status.IN_TRANSIT,
    "AT": Status.IN_TRANSIT,  # the courier that tried to deliver it has it
    "SP": Status.IN_TRANSIT,  # delivered, but to a collection point
    "DE": Status.DELIVERED,
    "EX": Status.EXCEPTION,
}
# ShipStation's OpenAPI document, status_detail_code, each by its description there, read on 2026-11-28. If a detail
# says nothing, the code decides; these do not change "DE".
DETAILS = {
    **dict.fromkeys(("AWAITING_DESPATCH", "AWAITING_ELECTRONIC_ADVICE"), Status.ANNOUNCED),
    **dict.fromkeys(("AWAITING_PICKUP_DROP_OFF", "COLLECTION_FAILED", "COLLECTION_REQUESTED"), Status.ANNOUNCED),
    **dict.fromkeys(("ELEC_ADVICE_RECD_BY_CARRIER", "NOT_YET_RECEIVED_BY_CARRIER"), Status.ANNOUNCED),
    "SHIPMENT_CREATED": Status.ANNOUNCED,
    **dict.fromkeys(("CANCELLED", "CANCELLED_BEFORE_DESPATCH"), Status.CANCELLED),
    **dict.fromkeys(("COLLECTION_MADE", "DESPATCHED", "DROPPED_OFF", "PICKED_UP"), Status.DISPATCHED),
    "RECEIVED_BY_CARRIER": Status.DISPATCHED,
    **dict.fromkeys(("ATTEMPTED_DELIVERY", "ATTEMPTED_DELIVERY_2ND", "ATTEMPTED_DELIVERY_3RD"), Status.IN_TRANSIT),
    **dict.fromkeys(("CUSTOMER_CARDED", "CUSTOMS_CLEARED", "CUSTOMS_PROCESSING"), Status.IN_TRANSIT),
    **dict.fromkeys(("DELIVERY_ARRANGED_WITH_RECIPIENT", "HUB_SCAN_IN", "HUB_SCAN_OUT"), Status.IN_TRANSIT),
    **dict.fromkeys(("IN_TRANSIT", "MISSORTED", "PARCEL_OVER_LABELLED", "PARCEL_REPACKED"), Status.IN_TRANSIT),
    **dict.fromkeys(("RECEIVED_LOCAL_DELIVERY_DEPOT", "ROUTING_ERROR"), Status.IN_TRANSIT),
    **dict.fromkeys(("SUB_CONTRACTOR_EVENT", "SUB_CONTRACTOR_RECEIVED"), Status.IN_TRANSIT),
    "OUT_FOR_DELIVERY": Status.OUT_FOR_DELIVERY,
    "PARCEL_COLLECTED_FROM_PICKUP_POINT": Status.DELIVERED,
    **dict.fromkeys(("ADDRESS_QUERY", "CARRIER_DELAYS", "COD_AMOUNT_NOT_PAID"), Status.EXCEPTION),
    **dict.fromkeys(("CUSTOMER_IDENTIFICATION_FAILED", "DELAYED_NOT_CARRIER", "HELD_BY_CARRIER"), Status.EXCEPTION),
    **dict.fromkeys(("HELD_BY_CARRIER_FOR_CLEARANCE_PRE_PROCESSING", "HELD_BY_CUSTOMS"), Status.EXCEPTION),
    **dict.fromkeys(("HELD_BY_EXPORT_CUSTOMS", "HELD_BY_IMPORT_CUSTOMS"), Status.EXCEPTION),
    **dict.fromkeys(("INCORRECT_DECLARATION", "INVALID_METHOD_OF_PAYMENT"), Status.EXCEPTION),
    **dict.fromkeys(("NOT_DELIVERED_ADDRESSEE_DECEASED", "NO_ACCESS_TO_RECIPIENTS_ADDRESS"), Status.EXCEPTION),
    **dict.fromkeys(("PARCEL_DISPOSED", "PARCEL_LOST"), Status.EXCEPTION),
    **dict.fromkeys(("CARRIER_STATUS_NOT_MAPPED", "COD_AMOUNT_PAID", "INFORMATION"), Status.OTHER),
    **dict.fromkeys(("DELIVERED", "DELIVERED_DAMAGED", "DELIVERED_SPECIFIED_SAFE_PLACE"), Status.OTHER),
    **dict.fromkeys(("DELIVERED_TO_NEIGHBOUR", "DELIVERED_TO_PO_BOX", "POST_TRANSIT_STATUS"), Status.OTHER),
    **dict.fromkeys(("PARCEL_UPDATE_NOTIFICATION_VIA_EMAIL", "PARCEL_UPDATE_NOTIFICATION_VIA_SMS"), Status.OTHER),
    **dict.fromkeys(("PROOF_OF_DELIVERY", "RECD_BY_CARRIER_NO_ELEC_ADVICE"), Status.OTHER),
}
# Same document: details that mean that even a "DE" is not with the shopper. For all the returned ones it says that the
# parcel is being returned to the sender.
NOT_HANDED_OVER = {
    **dict.fromkeys(("CUSTOMER_MOVED", "HAZARDOUS_PROHIBITED", "NOT_COLLECTED_FROM_PICKUP_POINT"), Status.RETURNED),
    **dict.fromkeys(("NOT_DELIVERED", "PARCEL_DAMAGED", "PARCEL_OUTSIDE_OF_SERVICE_CAPABILITY"), Status.RETURNED),
    **dict.fromkeys(("REFUSED_BY_CUSTOMER", "RETURN_TO_SENDER"), Status.RETURNED),
    **dict.fromkeys(("AWAITING_COLLECTION_FROM_PICKUP_POINT", "COLLECT_AT_LOCAL_PO"), Status.IN_TRANSIT),
    **dict.fromkeys(("CUSTOMER_TO_COLLECT_FROM_CARRIER", "DELIVERED_IN_PART"), Status.IN_TRANSIT),
    "DELIVERED_TO_ALTERNATIVE_DELIVERY_LOCATION": Status.IN_TRANSIT,  # the shopper collects it there
    "DELIVERED_TO_LOCKER_COLLECTION_POINT": Status.IN_TRANSIT,
}
# Same document: the parcel's newest words, the carrier's and ShipEngine's own
WORDS = ("carrier_status_description", "status_detail_description", "status_description")


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    kind = text(payload["resource_type"], "$.resource_type") or ""
    if kind in NOTICES:
        raise Ignored(f"{kind} is a notice without tracking data")
    if kind not in TRACKING:
        raise Unreadable("$.resource_type", "is no event of ShipEngine's that is known here")
    parcel = payload["data"]
    number = name(parcel["tracking_number"], "$.data.tracking_number")
    status, unknown_words = _status(parcel, "$.data")
    history = _history(parcel.get("events") or [], request)
    status = unless_returned(history.settled(status), *(line(parcel.get(field), f"$.data.{field}") for field in WORDS))
    shipped = _moment(parcel, "ship_date", request) if status.in_possession else None  # labels may have one too
    delivered = history.first(Status.DELIVERED) or _moment(parcel, "actual_delivery_date", request)
    delivered_at = delivered if status is Status.DELIVERED else None
    code = _courier_code(payload)
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=history.last() or delivered_at,
            tracking_number=number,
            tracking_url=url(parcel.get("tracking_url"), "$.data.tracking_url"),
            courier=courier_name(code),
            courier_code=code or "",
            dispatched_at=history.first(*UNDERWAY) or (shipped if history.allows(shipped) else None),
            delivered_at=delivered_at,
            events=history.events,
            returned=history.returned_before(status),
            unknown_words=tuple(dict.fromkeys((*unknown_words, *history.unknown_words))),
        )
    ]


def _status(update: dict[str, Any], path: str) -> tuple[Status, tuple[str, ...]]:
    """The status of a parcel or of an event, and which of its two codes no table has."""
    code = text(update.get("status_code"), f"{path}.status_code")
    detail = text(update.get("status_detail_code"), f"{path}.status_detail_code") or ""
    of_code, unknown_code = look_up(CODES, code)
    of_detail, unknown_detail = look_up(DETAILS | NOT_HANDED_OVER, detail)
    speaks = detail in NOT_HANDED_OVER or (of_detail is not Status.OTHER and of_code is not Status.DELIVERED)
    return of_detail if speaks else of_code, tuple(word for word in (unknown_code, unknown_detail) if word)


def _history(events: list[dict[str, Any]], request: Request) -> History:
    """The events, which may come in any order: ShipEngine sorts by local time, newest first."""
    return History(tuple(_scan(event, f"$.data.events[{n}]", request) for n, event in enumerate(events)))


def _scan(event: dict[str, Any], path: str, request: Request) -> Scan:
    """A scan. Its local day and time are those of ``carrier_occurred_at``, even if it ends in Z."""
    field = "carrier_occurred_at" if event.get("carrier_occurred_at") else "occurred_at"
    at = instant(event.get("occurred_at"), f"{path}.occurred_at", zone=request.zone)
    local = instant(event.get(field), f"{path}.{field}", zone=UTC)
    status, unknown_words = _status(event, path)
    words = line(event.get("description"), f"{path}.description")
    return Scan.of(
        Status.RETURNED if says_returned(words) else status,
        next(iter(unknown_words), ""),
        on=day(event.get(field), f"{path}.{field}"),
        happened_at=with_offset_of(local, at) if at else None,
        words=words,
        city=line(event.get("city_locality"), f"{path}.city_locality"),
        state=line(event.get("state_province"), f"{path}.state_province"),
    )


def _courier_code(payload: dict[str, Any]) -> str | None:
    """``carrier_code``, which version 1 has only in ``resource_url``."""
    code = text(payload["data"].get("carrier_code"), "$.data.carrier_code")
    resource = url(payload.get("resource_url"), "$.resource_url")
    if code is None and resource:
        code = text(dict(parse_qsl(urlsplit(resource).query)).get("carrier_code"), "$.resource_url")
    return code


def _moment(parcel: dict[str, Any], field: str, request: Request) -> datetime | None:
    return moment(parcel.get(field), f"$.data.{field}", zone=request.zone)
