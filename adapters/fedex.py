"""FedEx Advanced Integrated Visibility: the whole state of each parcel in every POST, as the Track API answers it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters import (
    UNDERWAY,
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
    day,
    line,
    look_up,
    moment,
    name,
    page,
    says_returned,
    text,
)

NAME = "FedEx"
DOCS = "https://developer.fedex.com/api/en-us/catalog/shipment-visibility-webhook/docs"
# "Business rules and best practices" there: its Java snippet is an HMAC in base64, its text says hex.
AUTH = (Hmac(header="fdx-signature", encoding="either"), Path())
REPLY = Reply(unreadable=422)  # three repeats, then FedEx's own list of missed events; nothing is disabled
PROBE = None
RETRIES = Retries(times=3, over=timedelta(minutes=15))
ZONE = None  # scans carry the offset of their place; one that does not is without an instant
TRACKING_PAGE = "https://www.fedex.com/fedextrack/?trknbr={number}"
REFERENCES = (
    "additionalTrackingInfo.packageIdentifiers[?type=='CUSTOMER_REFERENCE'].values[]",
    "additionalTrackingInfo.packageIdentifiers[?type=='PURCHASE_ORDER'].values[]",
    "additionalTrackingInfo.packageIdentifiers[?type=='INVOICE'].values[]",
)

# API Reference Guide, "Tracking Status Codes" and "Status Code and Statuses for Webhook Tracking Events", read on
# 2026-11-28: eventType of a scan. CA, DS, EA, RC and SP are there twice, so they decide nothing; CH, DR, IN, MD and OX
# are not movements of a parcel.
STATUSES = {
    "OC": Status.ANNOUNCED,
    "AP": Status.ANNOUNCED,  # the courier is at the merchant's, or on the way there
    "EP": Status.ANNOUNCED,
    "PU": Status.DISPATCHED,
    "PX": Status.DISPATCHED,
    "DO": Status.DISPATCHED,
    "IP": Status.DISPATCHED,
    "OD": Status.OUT_FOR_DELIVERY,
    "DL": Status.DELIVERED,
    "RS": Status.RETURNED,
    "PD": Status.EXCEPTION,  # the pick-up is late
    "PY": Status.EXCEPTION,
    "DD": Status.EXCEPTION,
    "DE": Status.EXCEPTION,
    "SE": Status.EXCEPTION,
    "CD": Status.EXCEPTION,
    **dict.fromkeys(
        ("AA", "AC", "AD", "AF", "AR", "AX", "CC", "CP", "DP", "ED", "EO", "FD", "HL", "HP"), Status.IN_TRANSIT
    ),
    **dict.fromkeys(("IT", "IX", "LO", "OF", "OW", "PF", "PL", "PM", "SF", "TR"), Status.IN_TRANSIT),
    **dict.fromkeys(("CA", "CH", "DR", "DS", "EA", "IN", "MD", "OX", "RC", "SP"), Status.OTHER),
}
# Same tables: a new estimate, or what the recipient asked for. The parcel is where it was.
NO_MOVEMENT = ("AE", "AO", "DY", "US", "RR", "RM", "HA", "RT", "RA", "PR", "AS")
# Same tables: a label that was sent to a shopper for a return
RETURN_LABEL = ("LC", "RD", "RG", "RP")
WORDS = STATUSES | dict.fromkeys((*NO_MOVEMENT, *RETURN_LABEL), Status.OTHER)
# Track API's OpenAPI document, packageIdentifiers[].type: other numbers of the parcel, or of the shipment that it is in
NUMBERS = ("PARTNER_CARRIER_NUMBER", "STANDARD_MPS", "TRACKING_NUMBER_OR_DOORTAG")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
LONG_AGO = datetime.min.replace(tzinfo=UTC)

Coded = tuple[str, Scan]


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    """The results of each number. Of a recycled number, only the shipment with the newest label. A number without a
    list of results is a member that the schema refuses."""
    members: list[tuple[str, Any]] = []
    for n, number in enumerate(payload["output"]["completeTrackResults"]):
        if not (isinstance(number, dict) and isinstance(number.get("trackResults"), list)):
            members.append((f"$.output.completeTrackResults[{n}]", number))
            continue
        labels = [_label_day(result) for result in number["trackResults"]]
        members += [
            (f"$.output.completeTrackResults[{n}].trackResults[{m}]", result)
            for m, result in enumerate(number["trackResults"])
            if labels[m] in ("", max(labels))
        ]
    return members


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    latest = text((payload.get("latestStatusDetail") or {}).get("code"), "$.latestStatusDetail.code")
    scans = _scans(payload, request)
    if not (latest or scans):
        if payload.get("error"):
            raise Ignored("FedEx has nothing to tell of this number")
        raise Unreadable("$", "has neither a latest status nor scans nor an error")
    about = payload["trackingNumberInfo"]
    number = name(about["trackingNumber"], "$.trackingNumberInfo.trackingNumber")
    history = History(tuple(scan for _, scan in scans))
    written, unknown_word = _status(scans, latest)
    status = history.settled(written)
    delivered_at = history.first(Status.DELIVERED) or min(_dates(payload, request, "ACTUAL_DELIVERY"), default=None)
    return [
        Shipment(
            key=text(about.get("trackingNumberUniqueId"), "$.trackingNumberInfo.trackingNumberUniqueId") or number,
            status=status,
            happened_at=history.last(),
            tracking_number=number,
            tracking_url=page(TRACKING_PAGE, number),
            courier=NAME,
            dispatched_at=_dispatched_at(payload, history, request),
            delivered_at=delivered_at if status is Status.DELIVERED else None,
            references=_other_numbers(payload, number),
            events=history.events,
            returned=history.returned_before(status),
            reverse=any(code in RETURN_LABEL for code, _ in scans),
            unknown_words=(*((unknown_word,) if unknown_word else ()), *history.unknown_words),
        )
    ]


def _label_day(result: Any) -> str:
    """The label's date as written, ``""`` if there is none; `read` reports faults of a result."""
    rows = result.get("dateAndTimes") if isinstance(result, dict) else None
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    days = [DAY.match(str(row.get("dateTime"))) for row in rows if row.get("type") == "SHIP"]
    return next((each[0] for each in days if each), "")


def _status(scans: list[Coded], latest: str | None) -> tuple[Status, str]:
    """The newest scan's status, by time, because FedEx promises no order. Without a scan that moves the parcel, the
    latest status counts, with its code if no table has it.

    The label comes first: by its time alone, a pick-up at midnight would precede it.
    """
    moves = [scan for code, scan in scans if code not in NO_MOVEMENT]
    if not moves:
        return look_up(WORDS, latest)
    newest = max(moves, key=lambda scan: (scan.status is not Status.ANNOUNCED, scan.happened_at or LONG_AGO))
    return newest.status, ""


def _dispatched_at(payload: dict[str, Any], history: History, request: Request) -> datetime | None:
    """The first scan with FedEx. If no pick-up scan has a time, FedEx's own date of the pick-up counts as well. The
    ship date does not: it is the label's."""
    times = history.times(*UNDERWAY)
    if not history.times(Status.DISPATCHED):
        times += _dates(payload, request, "ACTUAL_PICKUP") or _dates(payload, request, "ACTUAL_TENDER")
    return min(times, default=None)


def _other_numbers(payload: dict[str, Any], number: str) -> tuple[Reference, ...]:
    """The parcel's other numbers. FedEx sends ``values``, its specification says ``value``: a list or one text."""
    rows = (payload.get("additionalTrackingInfo") or {}).get("packageIdentifiers") or []
    found: list[str | None] = []
    for n, row in enumerate(rows):
        if row and row.get("type") in NUMBERS:
            path = f"$.additionalTrackingInfo.packageIdentifiers[{n}]"
            values = row.get("values") or row.get("value")
            found += [text(each, f"{path}.values") for each in (values if isinstance(values, list) else [values])]
    return tuple(Reference(ReferenceKind.TRACKING_NUMBER, one) for one in dict.fromkeys(found) if one and one != number)


def _scans(payload: dict[str, Any], request: Request) -> list[Coded]:
    scans: list[Coded] = []
    for n, event in enumerate(payload.get("scanEvents") or []):
        path = f"$.scanEvents[{n}]"
        code = text(event.get("eventType"), f"{path}.eventType") or ""
        of_code, unknown_word = look_up(WORDS, code)
        words = line(event.get("eventDescription"), f"{path}.eventDescription")
        returned = says_returned(words) and of_code not in (Status.ANNOUNCED, Status.OTHER)
        place = event.get("scanLocation") or {}
        scan = Scan.of(
            Status.RETURNED if returned else of_code,
            unknown_word,
            on=day(event.get("date"), f"{path}.date"),
            happened_at=moment(event.get("date"), f"{path}.date", zone=request.zone),
            words=words,
            city=line(place.get("city"), f"{path}.scanLocation.city"),
            state=line(place.get("stateOrProvinceCode"), f"{path}.scanLocation.stateOrProvinceCode"),
        )
        scans.append((code, scan))
    return scans


def _dates(payload: dict[str, Any], request: Request, kind: str) -> list[datetime]:
    rows = enumerate(payload.get("dateAndTimes") or [])
    times = [
        moment(row.get("dateTime"), f"$.dateAndTimes[{n}].dateTime", zone=request.zone)
        for n, row in rows
        if row.get("type") == kind
    ]
    return [time for time in times if time]
