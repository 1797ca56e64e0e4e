"""Blue Dart: batches of parcels, the same one often more than once, in three editions; one of them is flat."""

from datetime import date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    Basic,
    Bearer,
    Header,
    History,
    Ignored,
    Path,
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
    says_returned,
    text,
)

NAME = "Blue Dart"
# The "Push API Implementation Document - Status Tracking" (August 2024) is sent at onboarding; a copy is kept here.
DOCS = "https://github.com/AnkitPatel-git/sb-webhook"
# Nothing is signed. The credential is agreed at onboarding: a licence key, a user with a password, or a token.
AUTH = (Header("license-key"), Basic(), Bearer(), Header(), Path())
REPLY = Reply(unreadable=200)  # three repeats would bring nothing new
PROBE = None
RETRIES = Retries(times=3)  # how far apart is not published
ZONE = ZoneInfo("Asia/Kolkata")  # "IST" in two editions; the third has no zone
TRACKING_PAGE = None
REFERENCES = ("Shipment.RefNo",)

# A code means something only with its group: T for status, S for scan. 000 to 003 are in Blue Dart's "Push API
# Implementation Document" (August 2024), the others in an Indian shipping aggregator's table (third party, public
# code). Both were read on 2026-11-28.
_CODES = (
    ("T", Status.DELIVERED, "000"),  # of the type DL alone
    ("T", Status.OUT_FOR_DELIVERY, "092"),
    ("S", Status.OUT_FOR_DELIVERY, "002"),
    # scans inside Blue Dart's network
    ("S", Status.IN_TRANSIT, "001 003 004 005 006 007 008 009 010 011 012 013 014 015"),
    ("S", Status.IN_TRANSIT, "020 021 022 023 024 025 026 027 100 106"),
    # attempts to deliver it, and delays: Blue Dart has the parcel
    ("T", Status.IN_TRANSIT, "001 002 003 004 005 006 008 009 010 012 013 014 017 019 020 022 024 027 028 029 030"),
    ("T", Status.IN_TRANSIT, "031 032 035 036 037 038 039 040 041 042 045 046 048 049 050 051 052 053 054 055 056"),
    ("T", Status.IN_TRANSIT, "057 058 059 062 064 065 066 067 068 069 071 072 073 075 077 079 080 082 083 085 087"),
    ("T", Status.IN_TRANSIT, "088 089 091 093 100 101 103 106 107 111 120 132 136 137 139 140 142 143 146 152 155"),
    ("T", Status.IN_TRANSIT, "156 157 159 161 166 169 170 171 172 175 176 184 185 187 210 211 212 213 214 215 216"),
    ("T", Status.IN_TRANSIT, "217 218 219 220 221 222 223 224 301 302 303 304 305 306 307 308 309 310 311 312 313"),
    ("T", Status.IN_TRANSIT, "314 315 316"),
    ("T", Status.IN_TRANSIT, "206 208"),  # waits in a parcel locker or shop
    # back to the shipper, on this waybill or on a new one; 209 is taken out of the shop for the way back
    ("T", Status.RETURNED, "016 034 043 060 074 104 105 118 123 188 209"),
    # lost, destroyed, damaged, seized, refused, or closed without a proof of delivery
    ("T", Status.EXCEPTION, "011 021 025 044 047 070 076 078 084 086 090 094 098 099 129 130 135 141 154 173 177 178"),
    ("T", Status.EXCEPTION, "186 190 201 202 203 204 205 777"),
    # papers, proofs, corrections, delays before Blue Dart has the parcel; 207 does not say who emptied the locker
    ("T", Status.OTHER, "007 026 033 061 063 081 095 096 097 102 110 121 133 145 147 148 149 150 151 160 162 163 174"),
    ("T", Status.OTHER, "179 180 181 182 183 189 207"),
)
SCANS = {f"{group} {code}": status for group, status, codes in _CODES for code in codes.split()}
RETURN_GROUPS = ("RT", "RS")  # status and scans of the way back
REWEIGHED = "RW"  # its codes are not published, and a weight says nothing of where the parcel is
WORDS = ("ScanGroupType", "ScanType", "ScanCode")
DATE, TIME = "%d-%m-%Y", "%H%M"


def split(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(f"$.statustracking[{n}]", member) for n, member in enumerate(payload["statustracking"])]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    parcel = payload["Shipment"]
    mode = text(parcel.get("ShipmentMode"), "$.Shipment.ShipmentMode")  # texts are padded in the published samples
    reverse = mode == "R"  # a pickup from the shopper
    number = name(parcel["WaybillNo"], "$.Shipment.WaybillNo")
    history = _history(parcel, request.zone or ZONE)
    if not history.scans:
        if "Scans" in parcel and not (parcel["Scans"] or {}).get("ScanDetail"):
            raise Ignored("no scans yet")
        raise Unreadable("$.Shipment", "has no scan with a date")
    newest = history.scans[-1]
    status = Status.RETURNED if reverse and newest.status.in_possession else history.settled(newest.status)
    taken = history.times(Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)
    picked_up = _clock(parcel, "$.Shipment", "PickUpDate", "PickUpTime", request.zone or ZONE)
    if picked_up and any(scan.status.in_possession for scan in history.scans):
        taken.append(picked_up)
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=newest.happened_at,
            tracking_number=number,
            courier=NAME,
            dispatched_at=None if reverse else min(taken, default=None),
            delivered_at=history.first(Status.DELIVERED) if status is Status.DELIVERED else None,
            events=history.events,
            returned=history.returned_before(status),
            reverse=reverse,
            unknown_words=history.unknown_words,
        )
    ]


def _history(parcel: dict[str, Any], zone: tzinfo) -> History:
    """The dated scans, oldest first. In the edition "Lite" the parcel itself is its only scan."""
    nested = (parcel.get("Scans") or {}).get("ScanDetail")
    written = [(f"$.Shipment.Scans.ScanDetail[{n}]", detail) for n, detail in enumerate(nested or [])]
    if nested is None:
        written = [("$.Shipment", parcel)]
    dated = [(day(detail.get("ScanDate"), f"{path}.ScanDate", DATE), path, detail) for path, detail in written]
    scans = [(on, _scan(detail, path, on, zone)) for on, path, detail in dated if on]
    return History(tuple(scan for _, scan in sorted(scans, key=_by_day_and_clock)))


def _scan(detail: dict[str, Any], path: str, on: date, zone: tzinfo) -> Scan:
    known_zone = (text(detail.get("StatusTimeZone"), f"{path}.StatusTimeZone") or "IST") == "IST"
    at = _clock(detail, path, "ScanDate", "ScanTime", zone) if known_zone else None
    words = line(detail.get("Scan"), f"{path}.Scan").rstrip(" |")
    of_codes, unknown = _status(detail, path)
    status = Status.RETURNED if says_returned(words) else of_codes
    city = line(detail.get("ScannedLocationCity"), f"{path}.ScannedLocationCity")
    return Scan.of(
        status,
        unknown,
        on=on,
        happened_at=at,
        words=words if status.in_possession else "",
        city=city or line(detail.get("ScannedLocation"), f"{path}.ScannedLocation"),
        state=line(detail.get("ScannedLocationStateCode"), f"{path}.ScannedLocationStateCode"),
    )


def _status(detail: dict[str, Any], path: str) -> tuple[Status, str]:
    group, kind, code = (text(detail.get(field), f"{path}.{field}") or "" for field in WORDS)
    if group in RETURN_GROUPS or kind == "RT":
        return Status.RETURNED, ""
    if group == REWEIGHED:
        return Status.OTHER, ""
    status, unknown = look_up(SCANS, f"{group} {code}")
    if unknown or (status is Status.DELIVERED and kind != "DL"):
        return Status.OTHER, f"{group} {kind} {code}".strip()
    return status, ""


def _clock(fields: dict[str, Any], path: str, day_field: str, time_field: str, zone: tzinfo) -> datetime | None:
    """A date and a time of day; ``None`` if either is blank, or the year is 0000, which means "unknown"."""
    on, at = text(fields.get(day_field), f"{path}.{day_field}"), text(fields.get(time_field), f"{path}.{time_field}")
    if on is None or at is None or on.endswith("-0000"):
        return None
    return moment(f"{on} {at}", f"{path}.{day_field}", f"{DATE} {TIME}", zone=zone)


def _by_day_and_clock(dated: tuple[date, Scan]) -> tuple[date, str]:
    """The sort key: local day and clock. Two scans of one minute keep their order."""
    on, scan = dated
    return on, scan.happened_at.isoformat() if scan.happened_at else ""
