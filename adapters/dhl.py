"""DHL Shipment Tracking - Unified - Push: parcels of all DHL divisions in batches, once a subscription is activated."""

from typing import Any

from adapters import (
    UNDERWAY,
    Fetch,
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
    Unreadable,
    day,
    instant,
    line,
    look_up,
    name,
    page,
    says_returned,
    text,
    url,
)

NAME = "DHL"
DOCS = "https://developer.dhl.com/api-reference/shipment-tracking-unified-push"
# The subscription names a header and a token of the merchant's choice (hook.authentication, ApiKeyAuthentication).
AUTH = (Header("x-webhook-token"), Header(), Path())
REPLY = Reply(unreadable=200)  # a refusal may upset the activation of a subscription
PROBE = None
RETRIES = None
ZONE = None  # the status is in UTC; events are local, and no field says where
TRACKING_PAGE = "https://www.dhl.com/us-en/home/tracking/tracking-parcel.html?submit=1&tracking-id={number}"
REFERENCES = ("details.references.number", "details.references[*].number")
SECRET_FIELDS = ("secret",)  # of subscription.validate: it activates the subscription
# DHL's push guide names the header; that the activation is a POST to `self` with both headers comes from two
# open-source receivers.
HOSTS = ("api-eu.dhl.com",)
CREDENTIALS, CREDENTIALS_OPTIONAL = "DHL-API-Key", True

# statusCode, the one word that all divisions share: "Shipment Tracking - Unified - Push", version 1.2.5, read
# 2026-11-28. `status` is a division's own: in a published sample it says DELIVERED of a parcel in pre-transit.
STATUSES = {
    "pre-transit": Status.ANNOUNCED,
    "transit": Status.IN_TRANSIT,
    "delivered": Status.DELIVERED,
    "failure": Status.EXCEPTION,
    "unknown": Status.OTHER,
}
# A division's own codes, by `service`. They count if there is no statusCode, and if they say that a parcel goes back.
# Express: DHL's list of statuses, copied in https://github.com/karrioapi/karrio; the others: DHL's push guides ("Push
# API 101", 2025). Read 2026-11-28.
DIVISIONS = {
    "express": {
        "PU": Status.DISPATCHED,  # picked up
        "SA": Status.DISPATCHED,  # accepted
        "PL": Status.IN_TRANSIT,
        "DF": Status.IN_TRANSIT,
        "AF": Status.IN_TRANSIT,
        "WC": Status.OUT_FOR_DELIVERY,  # with the courier
        "NH": Status.IN_TRANSIT,  # not at home
        "OK": Status.DELIVERED,
        "DD": Status.DELIVERED,  # damaged
        "PD": Status.EXCEPTION,  # a part of it
        "RD": Status.EXCEPTION,  # refused
        "RT": Status.RETURNED,
        "OH": Status.EXCEPTION,
        "BA": Status.EXCEPTION,
        "CD": Status.EXCEPTION,
        "UD": Status.EXCEPTION,
    },
    "parcel-de": {
        "VA": Status.ANNOUNCED,
        "AE": Status.DISPATCHED,  # picked up
        "ES": Status.IN_TRANSIT,
        "PO": Status.OUT_FOR_DELIVERY,
        "ZN": Status.IN_TRANSIT,  # not at home
        "ZU": Status.DELIVERED,
    },
    "ecommerce": {  # the block of 600 holds deliveries and returns
        **dict.fromkeys(("235", "238"), Status.ANNOUNCED),
        **dict.fromkeys(("100", "130"), Status.DISPATCHED),
        "642": Status.IN_TRANSIT,  # with an agent
        "610": Status.EXCEPTION,  # refused
        **dict.fromkeys(("600", "606", "621", *map(str, range(652, 660))), Status.DELIVERED),
        **dict.fromkeys(("602", "603", *map(str, range(800, 900))), Status.RETURNED),
    },
    "ecommerce-europe": {"1": Status.ANNOUNCED, **dict.fromkeys(map(str, range(2, 9)), Status.DISPATCHED)},
}
WORDS = ("statusCode", "simplifiedStatus", "divisionalStatus", "status", "description", "remark")
NO_PARCEL = {
    "subscription.ready": "the subscription is active",
    "subscription.activate": "the subscription is being activated",
    "subscription.delete": "the subscription is being deleted",
    "subscription.deleted": "the subscription was deleted",
}


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
    service = text(payload.get("service"), "$.service") or ""
    latest = payload["status"]
    status, unknown = _status(latest, "$.status", service)
    on = day(latest.get("timestamp"), "$.status.timestamp")
    at = instant(latest.get("timestamp"), "$.status.timestamp", zone=request.zone)
    events = [_scan(event, f"$.events[{n}]", service, request) for n, event in enumerate(payload.get("events") or [])]
    history = History((*events, Scan(status=status, on=on, happened_at=at, unknown_word=unknown)))
    settled = history.settled(status)
    pieces = [text(piece, "$.details.pieceIds") for piece in (payload.get("details") or {}).get("pieceIds") or []]
    return [
        Shipment(
            key=number,
            status=settled,
            happened_at=history.last(),
            tracking_number=number,
            tracking_url=_url(payload) or page(TRACKING_PAGE, number),
            courier=NAME,
            dispatched_at=history.first(*UNDERWAY),
            delivered_at=history.first(Status.DELIVERED) if settled is Status.DELIVERED else None,
            references=tuple(
                Reference(ReferenceKind.TRACKING_NUMBER, piece) for piece in pieces if piece not in (None, number)
            ),
            events=history.events,
            returned=history.returned_before(settled),
            unknown_words=history.unknown_words,
        )
    ]


def _url(payload: dict[str, Any]) -> str | None:
    """The division's page of this parcel as https; DHL writes it without the s."""
    written = url(payload.get("serviceUrl"), "$.serviceUrl")
    return written and "https" + written.removeprefix("https").removeprefix("http")


def _scan(event: dict[str, Any], path: str, service: str, request: Request) -> Scan:
    status, unknown = _status(event, path, service)
    at = instant(event.get("timestamp"), f"{path}.timestamp", zone=request.zone)
    on = day(event.get("timestamp"), f"{path}.timestamp")
    address = (event.get("location") or {}).get("address") or {}
    city = line(address.get("addressLocality"), f"{path}.location.address.addressLocality")
    words = _for_people(event, path, service)
    return Scan.of(status, unknown, on=on, happened_at=at, words=words, city=city)


def _for_people(event: dict[str, Any], path: str, service: str) -> str:
    """The text for shoppers. It is not ``description``, free text in which a published sample has a first name."""
    written = line(event.get("status"), f"{path}.status")
    code = DIVISIONS.get(service, {}).get(written)
    return (code.words if code else written) or line(event.get("statusCode"), f"{path}.statusCode")


def _status(fields: dict[str, Any], path: str, service: str) -> tuple[Status, str]:
    """The status by the shared code, else by the division's. A return shows in the division's code, or in words."""
    own = DIVISIONS.get(service, {})
    written = {field: line(fields.get(field), f"{path}.{field}") for field in WORDS}
    divisional = written["divisionalStatus"]
    status, unknown = look_up(STATUSES, written["statusCode"] or written["simplifiedStatus"].lower())
    if not written["statusCode"] and divisional and status is Status.OTHER:
        status, unknown = look_up(own, divisional)
    returned = any(own.get(word) is Status.RETURNED or says_returned(word) for word in written.values())
    return (Status.RETURNED, "") if returned and status is not Status.ANNOUNCED else (status, unknown)
