"""Blue Dart: batches of parcels, the same one often more than once, in three editions of which one is flat."""

from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    Basic,
    Bearer,
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
    text,
)

NAME = "Blue Dart"
# The "Push API Implementation Document - Status Tracking" (August 2024) is sent at onboarding; a copy is kept here.
DOCS = "https://github.com/AnkitPatel-git/sb-webhook"
# Nothing is signed. What proves Blue Dart is agreed at onboarding: a licence key, a user with a password, or a token.
AUTH = (Header("license-key"), Basic(), Bearer(), Header(), Path())
REPLY = Reply(unreadable=200)  # three repeats would bring nothing new
PROBE = None
RETRIES = Retries(times=3)  # nobody says how far apart
ZONE = ZoneInfo("Asia/Kolkata")  # "IST" in two editions, unsaid in the third
TRACKING_PAGE = None
REFERENCES = ("Shipment.RefNo",)

# Push API Implementation Document: a code means something only with its group and type
WORDS = ("ScanGroupType", "ScanType", "ScanCode")
SCANS = {
    ("S", "UD", "001"): Status.IN_TRANSIT,  # arrived, inscan
    ("S", "UD", "002"): Status.OUT_FOR_DELIVERY,  # outscan, out for delivery
    ("T", "UD", "003"): Status.IN_TRANSIT,  # office closed: who tried to deliver it has it
    ("T", "DL", "000"): Status.DELIVERED,
}
RETURN_GROUPS = ("RT", "RS")  # status and scans of the way back
DATE, TIME = "%d-%m-%Y", "%H%M"

History = list[tuple[Status, TrackingEvent]]


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(f"$.statustracking[{n}]", member) for n, member in enumerate(payload["statustracking"])]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    parcel = payload["Shipment"]
    if parcel.get("ShipmentMode") == "R":
        raise Ignored("a pickup from the shopper")
    number = name(parcel["WaybillNo"], "$.Shipment.WaybillNo")
    history = _history(parcel, request.zone or ZONE)
    if not history:
        raise Ignored("no scans yet")
    status, newest = history[-1]
    taken = [at for told, at in _dated(history) if told in (Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)]
    picked_up = _clock(parcel, "$.Shipment", "PickUpDate", "PickUpTime", request.zone or ZONE)
    if picked_up and any(told.in_possession for told, _ in history):
        taken.append(picked_up)
    delivered = [at for told, at in _dated(history) if told is Status.DELIVERED]
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=newest.happened_at,
            tracking_number=number,
            courier=NAME,
            dispatched_at=min(taken, default=None),
            delivered_at=min(delivered, default=None) if status is Status.DELIVERED else None,
            events=tuple(dict.fromkeys(event for told, event in history if told.in_possession)),
        )
    ]


def _history(parcel: dict[str, Any], zone: tzinfo) -> History:
    """The dated scans, oldest first. In the edition "Lite" the parcel itself is its one scan."""
    nested = (parcel.get("Scans") or {}).get("ScanDetail")
    scans = [(f"$.Shipment.Scans.ScanDetail[{n}]", scan) for n, scan in enumerate(nested or [])]
    if nested is None:
        scans = [("$.Shipment", parcel)]
    history: History = []
    for path, scan in scans:
        written = day(scan.get("ScanDate"), f"{path}.ScanDate", DATE)
        if written is None:
            continue
        known = (text(scan.get("StatusTimeZone"), f"{path}.StatusTimeZone") or "IST") == "IST"
        city = line(scan.get("ScannedLocationCity"), f"{path}.ScannedLocationCity")
        event = TrackingEvent(
            day=written,
            happened_at=_clock(scan, path, "ScanDate", "ScanTime", zone) if known else None,
            description=line(scan.get("Scan"), f"{path}.Scan").rstrip(" |"),
            city=city or line(scan.get("ScannedLocation"), f"{path}.ScannedLocation"),
            state=line(scan.get("ScannedLocationStateCode"), f"{path}.ScannedLocationStateCode"),
        )
        history.append((_status(scan, path), event))
    return sorted(history, key=_when)


def _status(scan: dict[str, Any], path: str) -> Status:
    group, kind, code = (text(scan.get(field), f"{path}.{field}") or "" for field in WORDS)
    if group in RETURN_GROUPS or kind == "RT":
        return Status.RETURNED
    return SCANS.get((group, kind, code), Status.OTHER)


def _clock(said: dict[str, Any], path: str, date: str, time: str, zone: tzinfo) -> datetime | None:
    """A date and a time of day; ``None`` where either is blank, or the year is the 0000 that stands for "unknown"."""
    on, at = text(said.get(date), f"{path}.{date}"), text(said.get(time), f"{path}.{time}")
    if on is None or at is None or on.endswith("-0000"):
        return None
    return moment(f"{on} {at}", f"{path}.{date}", f"{DATE} {TIME}", zone=zone)


def _dated(history: History) -> list[tuple[Status, datetime]]:
    return [(status, event.happened_at) for status, event in history if event.happened_at]


def _when(told: tuple[Status, TrackingEvent]) -> tuple[str, str]:
    """By local day and clock; two scans of one minute stay as they came."""
    event = told[1]
    return (event.day.isoformat(), event.happened_at.isoformat() if event.happened_at else "")
