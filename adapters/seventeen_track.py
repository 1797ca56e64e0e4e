"""17TRACK: one number with its whole history in every POST, from more than two thousand carriers."""

from datetime import date, datetime
from typing import Any

from adapters import (
    UNDERWAY,
    History,
    Ignored,
    Path,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Salted,
    Scan,
    Shipment,
    Status,
    Unreadable,
    courier_name,
    day,
    instant,
    line,
    look_up,
    name,
    page,
    says_returned,
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

# https://help.17track.net/hc/en-us/articles/37471096573337, "9 Main Statuses", read on 2026-11-28
STATUSES = {
    "NotFound": Status.OTHER,  # 17TRACK itself has no news yet
    "InfoReceived": Status.ANNOUNCED,
    "InTransit": Status.IN_TRANSIT,
    "Expired": Status.EXCEPTION,  # long underway
    "AvailableForPickup": Status.IN_TRANSIT,
    "OutForDelivery": Status.OUT_FOR_DELIVERY,
    "DeliveryFailure": Status.IN_TRANSIT,  # the carrier that tried to deliver it has it
    "Undelivered": Status.IN_TRANSIT,  # its name in the first versions
    "Delivered": Status.DELIVERED,
    "Exception": Status.EXCEPTION,
}
# Same page, "30 Substatuses": if a substatus says no more than its main status, the main status decides
SUBSTATUSES = {
    "InTransit_PickedUp": Status.DISPATCHED,
    "Exception_Cancel": Status.CANCELLED,
    "Exception_Returning": Status.RETURNED,
    "Exception_Returned": Status.RETURNED,
    **dict.fromkeys(("NotFound_InvalidCode", "NotFound_Other", "InfoReceived", "Expired_Other"), Status.OTHER),
    **dict.fromkeys(("InTransit_Arrival", "InTransit_CustomsProcessing", "InTransit_CustomsReleased"), Status.OTHER),
    **dict.fromkeys(("InTransit_CustomsRequiringInformation", "InTransit_Departure"), Status.OTHER),
    **dict.fromkeys(("InTransit_Other", "AvailableForPickup_Other", "OutForDelivery_Other"), Status.OTHER),
    **dict.fromkeys(
        ("DeliveryFailure_InvalidAddress", "DeliveryFailure_NoBody", "DeliveryFailure_Other"), Status.OTHER
    ),
    **dict.fromkeys(("DeliveryFailure_Rejected", "DeliveryFailure_Security", "Delivered_Other"), Status.OTHER),
    **dict.fromkeys(("Exception_Damage", "Exception_Delayed", "Exception_Destroyed", "Exception_Lost"), Status.OTHER),
    **dict.fromkeys(("Exception_NoBody", "Exception_Other", "Exception_Rejected", "Exception_Security"), Status.OTHER),
}
# milestone[].key_stage, and stage of an event, as integrators' code has them, read on 2026-11-28
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


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    data = payload["data"]
    if payload["event"] == "TRACKING_STOPPED":
        raise Ignored("17TRACK has stopped tracking this number")
    if payload["event"] != "TRACKING_UPDATED":
        raise Unreadable("$.event", "is no event of 17TRACK's that is known here")
    info = data["track_info"]
    number = name(data["number"], "$.data.number")
    carrier = text(data.get("carrier"), "$.data.carrier")
    history = _history(info, request)
    written, unknown_words = _status(info["latest_status"], "$.data.track_info.latest_status")
    status = history.settled(written)
    courier = _courier(info)
    return [
        Shipment(
            key=f"{carrier}:{number}" if carrier else number,  # 17TRACK registers a number with a carrier
            status=status,
            happened_at=history.last(),
            tracking_number=number,
            tracking_url=page(TRACKING_PAGE, number),
            courier=courier_name(courier) or courier,
            courier_code=carrier or "",
            dispatched_at=history.first(*UNDERWAY),
            delivered_at=history.first(Status.DELIVERED) if status is Status.DELIVERED else None,
            references=_references(info, number),
            events=history.events,
            returned=history.returned_before(status),
            unknown_words=tuple(dict.fromkeys((*unknown_words, *history.unknown_words))),
        )
    ]


def _references(info: dict[str, Any], number: str) -> tuple[Reference, ...]:
    """The number of the carrier that delivers abroad."""
    other = text((info.get("misc_info") or {}).get("local_number"), "$.data.track_info.misc_info.local_number")
    return (Reference(ReferenceKind.TRACKING_NUMBER, other),) if other and other != number else ()


def _status(latest: dict[str, Any], path: str) -> tuple[Status, tuple[str, ...]]:
    """The latest status, and which of its two words no table has."""
    main, unknown_main = look_up(STATUSES, text(latest["status"], f"{path}.status"))
    finer, unknown_finer = look_up(SUBSTATUSES, text(latest.get("sub_status"), f"{path}.sub_status"))
    return main if finer is Status.OTHER else finer, tuple(word for word in (unknown_main, unknown_finer) if word)


def _stage(event: dict[str, Any], path: str) -> tuple[Status, str]:
    """Most events have no stage; their substatus begins with the main status, as in ``InTransit_Other``."""
    substatus = text(event.get("sub_status"), f"{path}.sub_status")
    finer, unknown_finer = look_up(SUBSTATUSES, substatus)
    stage, unknown_stage = look_up(STAGES, text(event.get("stage"), f"{path}.stage"))
    main, _ = look_up(STATUSES, (substatus or "").partition("_")[0])
    found = (each for each in (finer, stage, main) if each is not Status.OTHER)
    return next(found, Status.OTHER), unknown_finer or unknown_stage


def _courier(info: dict[str, Any]) -> str | None:
    """The first provider's name: the number was registered with it. A second one delivers abroad."""
    providers = (info.get("tracking") or {}).get("providers") or [{}]
    provider = providers[0].get("provider") or {}
    return text(provider.get("name"), "$.data.track_info.tracking.providers[0].provider.name")


def _history(info: dict[str, Any], request: Request) -> History:
    """The events of all providers, and the milestones. Every message lists all milestones; one without a time has not
    been reached."""
    scans: list[Scan] = []
    for n, milestone in enumerate(info.get("milestone") or []):
        path = f"$.data.track_info.milestone[{n}]"
        on, reached = _clock(milestone, path, request)
        if reached:
            status, unknown_word = look_up(STAGES, text(milestone.get("key_stage"), f"{path}.key_stage"))
            scans.append(Scan(status=status, on=on, happened_at=reached, unknown_word=unknown_word))
    for n, provider in enumerate((info.get("tracking") or {}).get("providers") or []):
        for m, event in enumerate(provider.get("events") or []):
            scans.append(_scan(event, f"$.data.track_info.tracking.providers[{n}].events[{m}]", request))
    return History(tuple(scans))


def _scan(event: dict[str, Any], path: str, request: Request) -> Scan:
    status, unknown_word = _stage(event, path)
    on, happened_at = _clock(event, path, request)
    words = line(event.get("description"), f"{path}.description")
    address = event.get("address") or {}
    return Scan.of(
        Status.RETURNED if says_returned(words) else status,
        unknown_word,
        on=on,
        happened_at=happened_at,
        words=words,
        city=line(address.get("city"), f"{path}.address.city") or line(event.get("location"), f"{path}.location"),
        state=line(address.get("state"), f"{path}.address.state"),
    )


def _clock(update: dict[str, Any], path: str, request: Request) -> tuple[date | None, datetime | None]:
    """The local day as written, and the UTC instant, in local time if the two agree."""
    utc = instant(update.get("time_utc"), f"{path}.time_utc", zone=None)
    local = instant(update.get("time_iso"), f"{path}.time_iso", zone=request.zone)
    if local:
        return local.date(), local if local == utc else utc or local
    written = day(update.get("time_iso"), f"{path}.time_iso")
    return written or (utc.date() if utc else day(update.get("time_utc"), f"{path}.time_utc")), utc
