"""17TRACK: one number with its whole history in every POST, from more than two thousand carriers."""

from datetime import date, datetime
from typing import Any

from adapters import (
    Ignored,
    Path,
    Reply,
    Request,
    Salted,
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

NAME = "17TRACK"
DOCS = "https://asset.17track.net/api/document/v2.4_en/index.html"
AUTH = (Salted(header="sign"), Path())  # the key is the account's API key; version 1, which signs inside, is not read
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = None  # every time comes in UTC as well
TRACKING_PAGE = "https://t.17track.net/en#nums={number}"
REFERENCES = ("data.tag", "data.track_info.misc_info.reference_number", "data.track_info.misc_info.customer_number")

# https://help.17track.net/hc/en-us/articles/37471096573337, "9 Main Statuses"
STATUSES = {
    "NotFound": Status.OTHER,  # 17TRACK itself has heard nothing yet
    "InfoReceived": Status.ANNOUNCED,
    "InTransit": Status.IN_TRANSIT,
    "Expired": Status.EXCEPTION,  # long underway
    "AvailableForPickup": Status.IN_TRANSIT,
    "OutForDelivery": Status.OUT_FOR_DELIVERY,
    "DeliveryFailure": Status.IN_TRANSIT,  # who tried to deliver it has it
    "Undelivered": Status.IN_TRANSIT,  # its name in the first versions
    "Delivered": Status.DELIVERED,
    "Exception": Status.EXCEPTION,
}
# Same page, "30 Substatuses": where they tell more than the main one
SUBSTATUSES = {
    "InTransit_PickedUp": Status.DISPATCHED,
    "Exception_Returning": Status.RETURNED,
    "Exception_Returned": Status.RETURNED,
}
# milestone[].key_stage, and stage of an event
STAGES = {
    "InfoReceived": Status.ANNOUNCED,
    "PickedUp": Status.DISPATCHED,
    "Departure": Status.IN_TRANSIT,
    "Arrival": Status.IN_TRANSIT,
    "AvailableForPickup": Status.IN_TRANSIT,
    "OutForDelivery": Status.OUT_FOR_DELIVERY,
    "Delivered": Status.DELIVERED,
    "Returning": Status.RETURNED,
    "Returned": Status.RETURNED,
}
UNDERWAY = (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)

Timed = list[tuple[Status, datetime]]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    data = payload["data"]
    if payload["event"] == "TRACKING_STOPPED":
        raise Ignored("17TRACK has stopped tracking this number")
    info = data["track_info"]
    number = name(data["number"], "$.data.number")
    carrier = text(data.get("carrier"), "$.data.carrier")
    timed, events = _history(info, request)
    status = _status(info, timed)
    delivered = [time for told, time in timed if told is Status.DELIVERED]
    return [
        Shipment(
            key=f"{carrier}:{number}" if carrier else number,  # 17TRACK registers a number with a carrier
            status=status,
            happened_at=max((time for _, time in timed), default=None),
            tracking_number=number,
            tracking_url=page(TRACKING_PAGE, number),
            courier=_courier(info),
            dispatched_at=min((time for told, time in timed if told in UNDERWAY), default=None),
            delivered_at=min(delivered, default=None) if status is Status.DELIVERED else None,
            events=tuple(dict.fromkeys(events)),
        )
    ]


def _status(info: dict[str, Any], timed: Timed) -> Status:
    """The latest status; what was on its way back is delivered to the sender."""
    latest = info["latest_status"]
    status = SUBSTATUSES.get(latest.get("sub_status") or "") or STATUSES.get(latest["status"], Status.OTHER)
    returning = any(told is Status.RETURNED for told, _ in timed)
    return Status.RETURNED if returning and status is Status.DELIVERED else status


def _stage(event: dict[str, Any]) -> Status:
    """Most events have no stage; their substatus begins with the main status, as in ``InTransit_Other``."""
    substatus = event.get("sub_status") or ""
    main = STATUSES.get(substatus.partition("_")[0], Status.OTHER)
    return SUBSTATUSES.get(substatus) or STAGES.get(event.get("stage") or "", main)


def _courier(info: dict[str, Any]) -> str | None:
    """The first provider is the one the number was registered with; a second one delivers abroad."""
    providers = (info.get("tracking") or {}).get("providers") or [{}]
    told = providers[0].get("provider") or {}
    return text(told.get("name"), "$.data.track_info.tracking.providers[0].provider.name")


def _history(info: dict[str, Any], request: Request) -> tuple[Timed, list[TrackingEvent]]:
    timed: Timed = []
    events: list[TrackingEvent] = []
    for n, milestone in enumerate(info.get("milestone") or []):
        _, reached = _clock(milestone, f"$.data.track_info.milestone[{n}]", request)
        if reached:
            timed.append((STAGES.get(milestone.get("key_stage") or "", Status.OTHER), reached))
    for n, provider in enumerate((info.get("tracking") or {}).get("providers") or []):
        for m, event in enumerate(provider.get("events") or []):
            path = f"$.data.track_info.tracking.providers[{n}].events[{m}]"
            written, happened_at = _clock(event, path, request)
            told = _event(event, path, written, happened_at)
            if told:
                events.append(told)
            if happened_at:
                timed.append((_stage(event), happened_at))
    return timed, events


def _event(
    event: dict[str, Any], path: str, written: date | None, happened_at: datetime | None
) -> TrackingEvent | None:
    if written is None:
        return None
    address = event.get("address") or {}
    city = line(address.get("city"), f"{path}.address.city")
    return TrackingEvent(
        day=written,
        happened_at=happened_at,
        description=line(event.get("description"), f"{path}.description"),
        city=city or line(event.get("location"), f"{path}.location"),
        state=line(address.get("state"), f"{path}.address.state"),
    )


def _clock(told: dict[str, Any], path: str, request: Request) -> tuple[date | None, datetime | None]:
    """The local day as written, and UTC's instant, as the local clock writes it where the two agree."""
    utc = moment(told.get("time_utc"), f"{path}.time_utc", zone=None)
    local = moment(told.get("time_iso"), f"{path}.time_iso", zone=request.zone)
    if local:
        return local.date(), local if local == utc else utc or local
    written = day(told.get("time_iso"), f"{path}.time_iso")
    return written or (utc.date() if utc else day(told.get("time_utc"), f"{path}.time_utc")), utc
