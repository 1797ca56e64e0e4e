"""UPS Track Alert: one event per POST, never repeated, with no merchant reference and no tracking URL."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from adapters import (
    Bearer,
    ClientCredentials,
    Header,
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

NAME = "UPS"
DOCS = "https://developer.ups.com/api/reference/trackalertenhanced/product-info"
# v1 sends the agreed word in `credential`; v2 (since July 2026) fetches a token from us first.
AUTH = (Header("credential"), ClientCredentials(), Bearer(), Header(), Path())
REPLY = Reply(unreadable=200)  # only 200 is documented as received; nothing is ever sent again
PROBE = None
RETRIES = Retries(times=0)
ZONE = None
TRACKING_PAGE = "https://www.ups.com/track?tracknum={number}"
REFERENCES = ()

# UPS tracking appendix, activityStatus.descriptionCode: the short list, where each code stands alone
DESCRIPTION_CODES = {
    "006": Status.OUT_FOR_DELIVERY,
    "007": Status.CANCELLED,
    "011": Status.DELIVERED,
    "021": Status.OUT_FOR_DELIVERY,
    "026": Status.DELIVERED,  # by the local post office
    "034": Status.RETURNED,
    "037": Status.OUT_FOR_DELIVERY,
    "038": Status.DISPATCHED,
    "044": Status.ANNOUNCED,  # "on the way to UPS" is not with UPS
    "045": Status.ANNOUNCED,
    "067": Status.RETURNED,  # by the post office
}

# UPS tracking appendix, activityStatus.code: it means something only with its type (DP is a departure under I, a
# manifest under M)
CODES = {
    ("I", "OR"): Status.DISPATCHED,
    ("I", "PU"): Status.DISPATCHED,
    ("I", "PC"): Status.DISPATCHED,
    ("I", "XD"): Status.DISPATCHED,
    ("I", "OT"): Status.OUT_FOR_DELIVERY,
    ("I", "OF"): Status.OUT_FOR_DELIVERY,
    ("M", "VP"): Status.CANCELLED,
    ("D", "FS"): Status.DELIVERED,
}

# UPSTrackAlert.yaml (github.com/UPS-API/api-documentation), activityStatus.type. D is not here on purpose: UPS says
# that it covers vans being loaded as well.
TYPES = {"I": Status.IN_TRANSIT, "M": Status.ANNOUNCED, "MV": Status.CANCELLED, "X": Status.EXCEPTION}

DATE_TIME = "%Y%m%d%H%M%S"


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    number = name(payload["trackingNumber"], "$.trackingNumber")  # one published sample leads with a space
    if number.startswith("1ZCIETST"):
        raise Ignored("a parcel of UPS's test environment (CIE)")
    status = _status(payload)
    happened_at = _happened_at(payload, request)
    moving = status in (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=happened_at,
            tracking_number=number,
            tracking_url=page(TRACKING_PAGE, number),
            courier=NAME,
            dispatched_at=happened_at if moving else None,
            delivered_at=happened_at if status is Status.DELIVERED else None,
            events=_events(payload, happened_at),
        )
    ]


def _status(payload: dict[str, Any]) -> Status:
    activity = payload["activityStatus"]
    kind = text(activity["type"], "$.activityStatus.type") or ""
    code = text(activity.get("code"), "$.activityStatus.code") or ""
    description_code = text(activity.get("descriptionCode"), "$.activityStatus.descriptionCode") or ""
    handed_over = kind == "D" and text(payload.get("actualDeliveryDate"), "$.actualDeliveryDate")
    return (
        DESCRIPTION_CODES.get(description_code)
        or CODES.get((kind, code))
        or (Status.DELIVERED if handed_over else TYPES.get(kind, Status.OTHER))
    )


def _happened_at(payload: dict[str, Any], request: Request) -> datetime | None:
    """The instant that the GMT pair tells, with the local date and clock where the two pairs agree on an offset.

    One of UPS's own samples pairs a local time with another zone's GMT; ``gmtOffset`` settles it where it is sent.
    """
    local_text, gmt_text = _pair(payload, "local"), _pair(payload, "gmt")
    offset = text(payload.get("gmtOffset"), "$.gmtOffset")
    if local_text and offset:
        written = f"{local_text}{offset.replace('.', '')}"  # "-04.00"
        return moment(written, "$.gmtOffset", f"{DATE_TIME}%z", zone=None)
    local = moment(local_text, "$.localActivityDate", DATE_TIME, zone=UTC)
    gmt = moment(gmt_text, "$.gmtActivityDate", DATE_TIME, zone=UTC)
    if gmt is None:
        return moment(local_text, "$.localActivityDate", DATE_TIME, zone=request.zone)
    difference = local - gmt if local else timedelta(0)
    plausible = abs(difference) <= timedelta(hours=14) and not difference % timedelta(minutes=15)
    return gmt.astimezone(timezone(difference)) if plausible else gmt


def _pair(payload: dict[str, Any], clock: str) -> str | None:
    """``YYYYMMDDHHMMSS``; v1 sends what it does not know as an empty string, v2 leaves it out."""
    date = text(payload.get(f"{clock}ActivityDate"), f"$.{clock}ActivityDate")
    time = text(payload.get(f"{clock}ActivityTime"), f"$.{clock}ActivityTime")
    return f"{date}{time}" if date and time else None


def _events(payload: dict[str, Any], happened_at: datetime | None) -> tuple[TrackingEvent, ...]:
    written = day(payload.get("localActivityDate"), "$.localActivityDate", "%Y%m%d")
    if written is None:
        return ()
    place = payload.get("activityLocation") or {}
    event = TrackingEvent(
        day=written,
        happened_at=happened_at,
        description=line(payload["activityStatus"].get("description"), "$.activityStatus.description"),
        city=line(place.get("city"), "$.activityLocation.city"),
        state=line(place.get("stateProvince"), "$.activityLocation.stateProvince"),
    )
    return (event,)
