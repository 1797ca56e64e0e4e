"""UPS Track Alert: one event per POST, never repeated, with no merchant reference and no tracking URL."""

from datetime import UTC, datetime
from typing import Any

from adapters import (
    UNDERWAY,
    Bearer,
    ClientCredentials,
    Header,
    Ignored,
    Path,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    TrackingEvent,
    day,
    line,
    look_up,
    moment,
    name,
    page,
    says_returned,
    single_event,
    text,
    with_offset_of,
)

NAME = "UPS"
DOCS = "https://developer.ups.com/api/reference/trackalertenhanced/product-info"
# v1 sends the agreed text in `credential`; v2 (since July 2026) first fetches a token from the receiver.
AUTH = (Header("credential"), ClientCredentials(), Bearer(), Header(), Path())
REPLY = Reply(unreadable=200)  # only 200 is documented as received; nothing is ever sent again
PROBE = None
RETRIES = Retries(times=0)
ZONE = None
TRACKING_PAGE = "https://www.ups.com/track?tracknum={number}"
REFERENCES = ()
PICTURES = True  # "deliveryPhoto" of Track Alert Enhanced, in base64; what is refused never comes again

# UPS tracking appendix, "Status/Description Codes" (github.com/karrioapi/karrio, modules/connectors/ups/vendors, read
# on 2026-11-28): activityStatus.descriptionCode, where each code stands alone. A code of requests, claims or new dates
# does not say where the parcel is. 037 reads "Out for Delivery" there and was seen on returns, so it decides nothing.
DESCRIPTION_CODES = {
    **dict.fromkeys(("003", "044", "045", "077", "079", "080", "157", "166"), Status.ANNOUNCED),
    **dict.fromkeys(("065", "131", "135"), Status.ANNOUNCED),  # the pick-up was tried
    "007": Status.CANCELLED,
    **dict.fromkeys(("038", "160", "167", "168", "169"), Status.DISPATCHED),
    **dict.fromkeys(("006", "021", "089", "091", "146", "162"), Status.OUT_FOR_DELIVERY),
    **dict.fromkeys(("011", "026"), Status.DELIVERED),
    **dict.fromkeys(("034", "035", "036", "067", "081"), Status.RETURNED),
    **dict.fromkeys(("005", "010", "025", "039", "047", "087", "158", "159", "164", "165"), Status.IN_TRANSIT),
    **dict.fromkeys(("012", "014", "016", "019", "057", "071", "072", "073", "074", "075"), Status.IN_TRANSIT),
    **dict.fromkeys(("084", "092", "134", "137", "138"), Status.IN_TRANSIT),
    **dict.fromkeys(("017", "040", "143", "144", "161"), Status.IN_TRANSIT),  # it waits where the shopper collects it
    **dict.fromkeys(("022", "023", "024", "060", "061", "062", "066", "145"), Status.IN_TRANSIT),  # delivery was tried
    **dict.fromkeys(("013", "029", "030", "032", "046", "048", "049", "050", "051", "052"), Status.EXCEPTION),
    **dict.fromkeys(("053", "058", "059", "064", "068", "069", "076", "083", "085", "086"), Status.EXCEPTION),
    **dict.fromkeys(("090", "123", "124", "125", "126", "132", "139", "141", "147", "149"), Status.EXCEPTION),
    **dict.fromkeys(("000", "018", "020", "027", "028", "033", "037", "041", "042", "043"), Status.OTHER),
    **dict.fromkeys(("054", "055", "056", "063", "070", "078", "082", "088", "133", "136", "140"), Status.OTHER),
    **dict.fromkeys(("142", "148", "153", "154", "155", "156", "163"), Status.OTHER),
    **{f"{code:03}": Status.OTHER for code in (*range(93, 123), *range(127, 131))},
}

# UPS tracking appendix of 2026-11-28, "Delivery Codes" under type D that report no handover
NO_HANDOVER = {
    Status.OUT_FOR_DELIVERY: "2K",  # with the post office
    Status.IN_TRANSIT: "2D 2J 7A 7K 83 85 AU BN EC EZ F0 F3 FB VS YH",
    # delays, customs, addresses, damage, refusals
    Status.EXCEPTION: (
        "0 9 12 28 32 41 42 44 50 53 57 5F 61 62 70 74 7B 86 98 B2 BI BL BM BO BS CB CR CU DK DZ EF EG EI EJ EK EL EM "
        "EQ ET F2 FC FO GK HI KU L4 LM MV RN RQ SG ST"
    ),
    # pick-ups, requests, papers and door codes, and words that do not say what happened ("Successful", "Cancelled")
    Status.OTHER: "1Z 2C 38 8N 8Q CI CO DI DO EA EB EE F1 FD FI FV FZ GW L6 MY NS NX OE SB SE TW UJ ZE",
}

# The same appendix, "Package Exceptions" under type X of a package that is on its way back, or back. One that "will be"
# returned has not set out.
GOING_BACK = "24 27 65 4S A1 H8 I1 O0 PP TU UA UF YJ YK"

# The same appendix of 2026-11-28, "Movement Scans", "Manifest Codes" and the above: activityStatus.code means something
# only with its type (DP is a departure under I, a manifest under M). Any other code of I, M, U and X, such as the other
# 673 "Package Exceptions" of X, says no more than its type. Its tables for freight and Mail Innovations are of other
# products: Track Alert takes the numbers of packages, and their codes mean other things there (D/RQ, D/PF).
CODES = {
    **{("I", code): Status.DISPATCHED for code in ("OR", "PU", "PC", "PT", "XD")},
    **{("I", code): Status.OUT_FOR_DELIVERY for code in ("OT", "OF", "YF", "2K")},
    **{("I", code): Status.ANNOUNCED for code in ("OC", "PL", "SP")},  # a label, or a pick-up that is planned
    ("M", "VP"): Status.CANCELLED,
    **{("X", code): Status.RETURNED for code in GOING_BACK.split()},
    ("D", "FS"): Status.DELIVERED,
    **{("D", code): status for status, codes in NO_HANDOVER.items() for code in codes.split()},
}

# The same appendix of 2026-11-28, "Delivery Codes", under type D: where, or to whom, the parcel was handed over. UA is
# of a report of October 2026, on returns; F4 is in the table of Mail Innovations alone.
HANDOVERS = {
    **dict.fromkeys(("UA", "B0"), Status.RETURNED),
    **dict.fromkeys(("1N", "2Q", "4X", "EP", "F7", "P5", "ZI", "ZQ"), Status.IN_TRANSIT),  # locker, shop, agent
    **dict.fromkeys(("2W", "A0"), Status.DELIVERED),  # collected there
    **dict.fromkeys(("3F", "3G", "3H", "8O", "9E", "AI", "F4", "NL", "NT", "OO"), Status.DELIVERED),
    **dict.fromkeys(("OZ", "PF", "UC", "YC", "ZF", "ZG", "ZH"), Status.DELIVERED),
    **dict.fromkeys(("M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M9", "MA"), Status.DELIVERED),
    **dict.fromkeys(("MB", "MC", "MD", "ME", "MG", "MH", "MJ", "MK", "ML", "MM"), Status.DELIVERED),
    **dict.fromkeys(("MN", "MP", "MQ", "MR", "MS", "MU", "MW", "MX"), Status.DELIVERED),
}

# The same appendix of 2026-11-28, "Package Activity Types", as in UPSTrackAlert.yaml of
# github.com/UPS-API/api-documentation. D alone says nothing: UPS says that it covers vans being loaded as well. DO, DD
# and W are freight, U is a new date or a photo.
TYPES = {
    "I": Status.IN_TRANSIT,
    "M": Status.ANNOUNCED,
    "MV": Status.CANCELLED,
    "X": Status.EXCEPTION,
    **dict.fromkeys(("D", "DD", "DO", "NA", "U", "W"), Status.OTHER),
}

DATE_TIME = "%Y%m%d%H%M%S"


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    number = name(payload["trackingNumber"], "$.trackingNumber")  # one published sample leads with a space
    if number.startswith("1ZCIETST"):
        raise Ignored("a parcel of UPS's test environment (CIE)")
    status, unknown_words = _status(payload)
    happened_at = _happened_at(payload, request)
    moving = status in UNDERWAY and payload["activityStatus"]["type"].strip() == "I"  # the other types date no dispatch
    other = text(payload.get("alternateTrackingNumber"), "$.alternateTrackingNumber")
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
            references=(Reference(ReferenceKind.TRACKING_NUMBER, other),) if other else (),
            events=_events(payload, status, happened_at),
            unknown_words=unknown_words,
        )
    ]


def _status(payload: dict[str, Any]) -> tuple[Status, tuple[str, ...]]:
    """The activity's status, and those of its codes that no table has."""
    activity = payload["activityStatus"]
    kind = text(activity["type"], "$.activityStatus.type") or ""
    code = text(activity.get("code"), "$.activityStatus.code") or ""
    number = text(activity.get("descriptionCode"), "$.activityStatus.descriptionCode") or ""
    words = line(activity.get("description"), "$.activityStatus.description")
    described, unknown_number = look_up(DESCRIPTION_CODES, number.zfill(3) if number else None)
    of_type, unknown_type = look_up(TYPES, kind)
    handed_over = HANDOVERS.get(code) if kind == "D" else None
    of_code = handed_over or CODES.get((kind, code))
    if handed_over or (described is Status.IN_TRANSIT and of_code in (Status.DISPATCHED, Status.OUT_FOR_DELIVERY)):
        status = of_code or of_type
    elif described is not Status.OTHER:
        status = described
    elif kind == "D" and words == "Delivered":
        status = Status.DELIVERED
    else:
        status = of_code or of_type
    unspoken = not number or unknown_number or status is Status.DELIVERED  # else the code knows better than its words
    if Status.RETURNED in (described, of_code) or (unspoken and says_returned(words)):
        status = Status.RETURNED
    unlisted = f"D/{code}" if kind == "D" and code and not of_code and status is Status.OTHER else ""
    return status, tuple(word for word in (unknown_number, unknown_type, unlisted) if word)


def _happened_at(payload: dict[str, Any], request: Request) -> datetime | None:
    """The instant of the GMT pair, in local time if the two pairs agree on an offset.

    One of UPS's own samples pairs a local time with another zone's GMT; ``gmtOffset`` decides if it is sent.
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
    return with_offset_of(local, gmt)


def _pair(payload: dict[str, Any], clock: str) -> str | None:
    """A pair as ``YYYYMMDDHHMMSS``; v1 sends unknown values as empty strings, v2 leaves them out."""
    date = text(payload.get(f"{clock}ActivityDate"), f"$.{clock}ActivityDate")
    time = text(payload.get(f"{clock}ActivityTime"), f"$.{clock}ActivityTime")
    return f"{date}{time}" if date and time else None


def _events(payload: dict[str, Any], status: Status, happened_at: datetime | None) -> tuple[TrackingEvent, ...]:
    written = day(payload.get("localActivityDate"), "$.localActivityDate", "%Y%m%d")
    if written is None:
        return ()
    place = payload.get("activityLocation") or {}
    return single_event(
        status,
        on=written,
        happened_at=happened_at,
        words=line(payload["activityStatus"].get("description"), "$.activityStatus.description"),
        city=line(place.get("city"), "$.activityLocation.city"),
        state=line(place.get("stateProvince"), "$.activityLocation.stateProvince"),
    )
