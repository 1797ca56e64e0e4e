"""FedEx Advanced Integrated Visibility: the whole state of each parcel in every POST, as the Track API answers it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters import (
    Hmac,
    Ignored,
    Path,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    TrackingEvent,
    day,
    line,
    moment,
    name,
    page,
    text,
)

NAME = "FedEx"
DOCS = "https://developer.fedex.com/api/en-us/catalog/shipment-visibility-webhook/docs"
# "Business rules and best practices" there: its Java snippet is an HMAC in base64, its prose speaks of hex.
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

# API Reference Guide, "Tracking Status Codes" and "Status Code and Statuses for Webhook Tracking Events": eventType of
# a scan. Left out are CA, EA, RC, SP and DS, each of which stands there twice, and what is no movement of a parcel.
STATUSES = {
    "OC": Status.ANNOUNCED,
    "PU": Status.DISPATCHED,
    "PX": Status.DISPATCHED,
    "DO": Status.DISPATCHED,
    "IP": Status.DISPATCHED,
    "OD": Status.OUT_FOR_DELIVERY,
    "DL": Status.DELIVERED,
    "RS": Status.RETURNED,
    "PD": Status.EXCEPTION,  # the pick-up is late
    "DD": Status.EXCEPTION,
    "DE": Status.EXCEPTION,
    "SE": Status.EXCEPTION,
    "CD": Status.EXCEPTION,
    **dict.fromkeys(("AA", "AC", "AF", "AR", "AX", "CC", "CP", "DP", "ED", "EO", "FD", "HL", "HP"), Status.IN_TRANSIT),
    **dict.fromkeys(("IT", "IX", "LO", "OF", "OW", "PF", "PL", "PM", "SF", "TR"), Status.IN_TRANSIT),
}
# Same tables: a new estimate, or what the recipient asked for. The parcel is where it was.
NO_MOVEMENT = ("AE", "AO", "DY", "US", "RR", "RM", "HA", "RT", "RA", "PR", "AS")
UNDERWAY = (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)
DAY = re.compile(r"\d{4}-\d\d-\d\d")
LONG_AGO = datetime.min.replace(tzinfo=UTC)

Told = tuple[str, TrackingEvent]


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    """The results of each number, but of a number that is used again only the shipment with the newest label."""
    members: list[tuple[str, Any]] = []
    for n, number in enumerate(payload["output"]["completeTrackResults"]):
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
        raise Ignored("FedEx has nothing to tell of this number")
    told = payload["trackingNumberInfo"]
    number = name(told["trackingNumber"], "$.trackingNumberInfo.trackingNumber")
    status = _status(scans, latest)
    delivered = _times(scans, Status.DELIVERED) or _dates(payload, request, "ACTUAL_DELIVERY")
    return [
        Shipment(
            key=text(told.get("trackingNumberUniqueId"), "$.trackingNumberInfo.trackingNumberUniqueId") or number,
            status=status,
            happened_at=max(_times(scans), default=None),
            tracking_number=number,
            tracking_url=page(TRACKING_PAGE, number),
            courier=NAME,
            dispatched_at=_dispatched_at(payload, scans, request),
            delivered_at=min(delivered, default=None) if status is Status.DELIVERED else None,
            events=tuple(dict.fromkeys(event for _, event in scans)),
        )
    ]


def _label_day(result: Any) -> str:
    """The label's date as written, ``""`` where none is told; what is wrong with a result, `read` will say."""
    rows = result.get("dateAndTimes") if isinstance(result, dict) else None
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    days = [DAY.match(str(row.get("dateTime"))) for row in rows if row.get("type") == "SHIP"]
    return next((each[0] for each in days if each), "")


def _status(scans: list[Told], latest: str | None) -> Status:
    """The newest scan's, by time: FedEx promises no order. A delivery after a return is one to the sender.

    The label comes before everything else, whatever the times say: a pick-up at midnight seems to precede it.
    """
    moves = sorted(
        (told for told in scans if told[0] not in NO_MOVEMENT),
        key=lambda told: (STATUSES.get(told[0]) is not Status.ANNOUNCED, told[1].happened_at or LONG_AGO),
        reverse=True,
    )
    status = STATUSES.get(moves[0][0] if moves else latest or "", Status.OTHER)
    returning = any(STATUSES.get(code) is Status.RETURNED for code, _ in moves)
    return Status.RETURNED if returning and status is Status.DELIVERED else status


def _dispatched_at(payload: dict[str, Any], scans: list[Told], request: Request) -> datetime | None:
    """The first scan with FedEx. Where no pick-up scan has a time, FedEx's own date of the pick-up counts as well; the
    ship date does not, it is the label's."""
    times = _times(scans, *UNDERWAY)
    if not _times(scans, Status.DISPATCHED):
        times += _dates(payload, request, "ACTUAL_PICKUP") or _dates(payload, request, "ACTUAL_TENDER")
    return min(times, default=None)


def _scans(payload: dict[str, Any], request: Request) -> list[Told]:
    scans: list[Told] = []
    for n, scan in enumerate(payload.get("scanEvents") or []):
        path = f"$.scanEvents[{n}]"
        written = day(scan.get("date"), f"{path}.date")
        if written is None:
            continue
        place = scan.get("scanLocation") or {}
        event = TrackingEvent(
            day=written,
            happened_at=moment(scan.get("date"), f"{path}.date", zone=request.zone),
            description=line(scan.get("eventDescription"), f"{path}.eventDescription"),
            city=line(place.get("city"), f"{path}.scanLocation.city"),
            state=line(place.get("stateOrProvinceCode"), f"{path}.scanLocation.stateOrProvinceCode"),
        )
        scans.append((text(scan.get("eventType"), f"{path}.eventType") or "", event))
    return scans


def _times(scans: list[Told], *statuses: Status) -> list[datetime]:
    """The instants of the scans with these statuses, of all without any."""
    return [
        event.happened_at
        for code, event in scans
        if event.happened_at and (not statuses or STATUSES.get(code) in statuses)
    ]


def _dates(payload: dict[str, Any], request: Request, kind: str) -> list[datetime]:
    rows = enumerate(payload.get("dateAndTimes") or [])
    told = [
        moment(row.get("dateTime"), f"$.dateAndTimes[{n}].dateTime", zone=request.zone)
        for n, row in rows
        if row.get("type") == kind
    ]
    return [time for time in told if time]
