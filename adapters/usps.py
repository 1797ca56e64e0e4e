"""USPS Subscriptions - Tracking: one mail piece per POST, as JSON inside a text field of the JSON that is signed."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from adapters import (
    UNDERWAY,
    History,
    Hmac,
    Ignored,
    NotAuthentic,
    Path,
    Probe,
    Reply,
    Request,
    Scan,
    Shipment,
    Status,
    Unreadable,
    day,
    inner_json,
    instant,
    line,
    look_up,
    name,
    page,
    says_returned,
    strict_json,
    text,
    unless_returned,
)
from adapters._members import members, text_of


def signed(request: Request) -> bytes:
    """The envelope's timestamp and the text of its payload, joined: not the body's bytes. Raises `NotAuthentic`."""
    extents = members(request.body)
    parts = [text_of(request.body, extents[part]) for part in ("timestamp", "payload") if part in extents]
    written = [part for part in parts if part is not None]
    if len(written) != 2:
        raise NotAuthentic("the body has no timestamp or no payload, which are what is signed")
    return "".join(written).encode(errors="replace")


NAME = "USPS"
DOCS = "https://developers.usps.com/subscriptions-trackingv3r2"
# USPS signs only where the subscription was made with a secret; hmac-header is the header's older name.
AUTH = (
    Hmac(
        header="x-hmac",
        aliases=("hmac-header",),
        encoding="base64",
        message=signed,
        covers="the texts of the body's `timestamp` and `payload`, joined",
    ),
    Path(),
)
REPLY = Reply(unreadable=200)  # a listener that fails is suspended; what counts as failing is not published
PROBE = Probe(challenge="challenge", unless_fields=("payload", "subscriptionType"))  # stays DISABLED until answered
RETRIES = None
ZONE = None  # local times of the place, beside GMT
TRACKING_PAGE = "https://tools.usps.com/go/TrackConfirmAction?tLabels={number}"
REFERENCES = ()

# Publication 199, appendix G, eventCode, as open-source readers of it have it, read on 2026-11-28. 10 is acceptance to
# some and processing to others: USPS has the piece in either. L1, U1 and NT are scans of regional facilities. What a
# shipping partner holds (80 to 83) is not yet with USPS; 17 and GC do not say where the piece is.
STATUSES = {
    "GX": Status.ANNOUNCED,
    "MA": Status.ANNOUNCED,
    "89": Status.ANNOUNCED,
    "OA": Status.DISPATCHED,
    "03": Status.DISPATCHED,
    "TM": Status.DISPATCHED,
    "PA": Status.DISPATCHED,
    "AD": Status.DISPATCHED,
    "UA": Status.DISPATCHED,
    "OF": Status.OUT_FOR_DELIVERY,
    "01": Status.DELIVERED,
    "04": Status.RETURNED,
    "09": Status.RETURNED,
    "05": Status.EXCEPTION,
    "11": Status.EXCEPTION,
    **dict.fromkeys(("02", "06", "07", "08", "10", "14", "15", "16", "30", "41"), Status.IN_TRANSIT),
    **dict.fromkeys(("51", "52", "53", "54", "55", "56", "71", "EF", "PC", "SF"), Status.IN_TRANSIT),
    **dict.fromkeys(("L1", "NT", "U1"), Status.IN_TRANSIT),
    **dict.fromkeys(("21", "22", "23", "24", "25", "26", "27", "28", "29", "31"), Status.RETURNED),
    **dict.fromkeys(("17", "80", "81", "82", "83", "GC"), Status.OTHER),
}
# The same document's statusCategory, for codes that say nothing. A delivery needs its code: the category does not say
# to whom.
CATEGORIES = {
    "Pre-Shipment": Status.ANNOUNCED,
    "Accepted": Status.DISPATCHED,
    "In Transit": Status.IN_TRANSIT,
    "Out for Delivery": Status.OUT_FOR_DELIVERY,
    "Available for Pickup": Status.IN_TRANSIT,
    "Delivery Attempt": Status.IN_TRANSIT,
    "Delivered": Status.OTHER,
    "Alert": Status.EXCEPTION,
}
MINUTES = re.compile(r"[+-]?[0-9]{1,3}")
LONG_AGO = datetime.min.replace(tzinfo=UTC)


def decode(request: Request) -> Any:
    """The envelope with its payload decoded."""
    envelope = strict_json(request.body)
    if not isinstance(envelope, dict) or "payload" not in envelope:
        return envelope
    return {**envelope, "payload": inner_json(envelope["payload"], "$.payload")}


def encode(payload: Any) -> bytes:
    """The envelope with its payload as text again."""
    if not isinstance(payload, dict) or not isinstance(payload.get("payload"), dict):
        return json.dumps(payload).encode()
    return json.dumps({**payload, "payload": json.dumps(payload["payload"])}).encode()


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    kind = payload.get("subscriptionType")
    if kind not in (None, "TRACKING"):  # a second one exists; its name and shape are not published
        raise Unreadable("$.subscriptionType", "is not TRACKING, and no other is known")
    piece = payload["payload"]
    history = _history(piece, request)
    category = text(piece.get("statusCategory"), "$.payload.statusCategory")
    if not any(field in piece for field in ("trackingEvents", "statusCategory", "status")):
        raise Unreadable("$.payload", "has neither events nor a status")
    if not (history.scans or category or text(piece.get("status"), "$.payload.status")):
        raise Ignored("USPS has nothing to tell of this mail piece")
    number = name(piece["trackingNumber"], "$.payload.trackingNumber")
    of_category, unknown_category = look_up(CATEGORIES, category)
    newest = max(history.scans, key=lambda scan: scan.happened_at or LONG_AGO, default=Scan(status=Status.OTHER))
    settled = of_category if newest.status is Status.OTHER else history.settled(newest.status)
    status = unless_returned(settled, line(piece.get("statusSummary"), "$.payload.statusSummary"))
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=history.last(),
            tracking_number=number,
            tracking_url=page(TRACKING_PAGE, number),
            courier=NAME,
            dispatched_at=history.first(*UNDERWAY),
            delivered_at=history.first(Status.DELIVERED) if status is Status.DELIVERED else None,
            events=history.events,
            returned=history.returned_before(status),
            unknown_words=(*((unknown_category,) if unknown_category else ()), *history.unknown_words),
        )
    ]


def _history(piece: dict[str, Any], request: Request) -> History:
    events = piece.get("trackingEvents") or []
    return History(tuple(_scan(event, f"$.payload.trackingEvents[{n}]", request) for n, event in enumerate(events)))


def _scan(event: dict[str, Any], path: str, request: Request) -> Scan:
    """A scan. For code 01 the words decide: USPS also delivers to the sender, and to agents who deliver themselves."""
    words = line(event.get("eventType"), f"{path}.eventType")
    status, unknown_word = look_up(STATUSES, text(event.get("eventCode"), f"{path}.eventCode"))
    if says_returned(words):
        status = Status.RETURNED
    elif status is Status.DELIVERED and "FOR FINAL DELIVERY" in words.upper():
        status = Status.IN_TRANSIT
    return Scan.of(
        status,
        unknown_word,
        on=day(event.get("eventTimestamp"), f"{path}.eventTimestamp"),
        happened_at=_happened_at(event, path, request),
        words=words,
        city=line(event.get("eventCity"), f"{path}.eventCity"),
        state=line(event.get("eventState"), f"{path}.eventState"),
    )


def _happened_at(event: dict[str, Any], path: str, request: Request) -> datetime | None:
    """The GMT instant, in local time if the two differ by a plausible offset; without GMT, the local time with its own
    offset, with GMTOffset (minutes), or in the endpoint's zone."""
    wall = instant(event.get("eventTimestamp"), f"{path}.eventTimestamp", zone=UTC)
    gmt = instant(event.get("GMTTimestamp"), f"{path}.GMTTimestamp", zone=UTC)
    if wall and gmt:
        ahead = wall.replace(tzinfo=UTC) - gmt.astimezone(UTC)
        plausible = abs(ahead) <= timedelta(hours=14) and not ahead % timedelta(minutes=15)
        return gmt.astimezone(timezone(ahead)) if plausible else gmt
    return instant(event.get("eventTimestamp"), f"{path}.eventTimestamp", zone=_offset(event, path) or request.zone)


def _offset(event: dict[str, Any], path: str) -> timezone | None:
    written = text(event.get("GMTOffset"), f"{path}.GMTOffset") or ""
    return timezone(timedelta(minutes=int(written))) if MINUTES.fullmatch(written) else None
