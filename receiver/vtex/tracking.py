"""PURE: the body of "Update order tracking status" (Orders API, ``PUT …/invoice/{number}/tracking``): a parcel's
history and its delivery, of what the carrier said and nothing else.

VTEX takes days for events and local minutes for the delivery, both without a zone: the carrier's own local times.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from typing import Any

from adapters import TrackingEvent
from receiver.shipments import Known, SentTracking, Stamp, local_time

Body = dict[str, Any]

#: The longest description VTEX takes, in characters (Orders API).
MOST_DESCRIPTION = 5_000
#: A delivery so far ahead of us is a clock's lead, and is told once it has passed; beyond, its date is wrong.
MOST_AHEAD = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Tracking:
    """``body`` is the PUT's; ``note`` says why it tells less of the delivery than the carrier; ``again``: when it may
    tell more, in seconds since the epoch. ``doubt``: what speaks against the delivery, for a person."""

    body: Body
    note: str = ""
    again: float | None = None
    doubt: str = ""

    @property
    def is_empty(self) -> bool:
        """No event and no delivery: nothing to send."""
        return not self.body["events"] and not self.body["isDelivered"]

    @property
    def digest(self) -> str:
        """Equal for equal bodies."""
        return hashlib.sha256(json.dumps(self.body, sort_keys=True).encode()).hexdigest()[:16]


def tracking(
    parcels: Sequence[Known], *, now: float, zone: tzinfo | None = None, told: SentTracking | None = None
) -> Tracking:
    """What VTEX should show of the parcels of one invoice, mostly one; ``now`` in seconds since the epoch. ``zone`` is
    where they are, for times that the carrier tells in UTC; ``told`` is what VTEX has been told before.

    They are delivered once each of their volumes is, and none had turned back before. A delivery that VTEX was told of
    is never taken back: what the carrier says against it is a doubt.
    """
    delivery = _delivery(parcels, now, zone, told)
    body = {
        "isDelivered": delivery.is_delivered,
        "deliveredDate": delivery.date,
        "events": events(event for parcel in parcels for event in parcel.events),
    }
    return Tracking(body, delivery.note, delivery.again, delivery.doubt)


def events(known: Iterable[TrackingEvent]) -> list[Body]:
    """The events as VTEX takes them, the oldest first; those that would look the same there are one."""
    bodies: list[Body] = []
    for event in sorted((event for event in known if event.description), key=_order):
        body = {
            "city": event.city,
            "state": event.state,
            "description": event.description[:MOST_DESCRIPTION],
            "date": event.day.isoformat(),
        }
        if body not in bodies:
            bodies.append(body)
    return bodies


def _order(event: TrackingEvent) -> tuple[Any, ...]:
    # Without a zone there is no instant: the day's beginning stands in for it, the same for every arrival order.
    instant = event.happened_at or datetime.combine(event.day, time.min, UTC)
    return (event.day, instant, event.description, event.city, event.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delivery:
    is_delivered: bool
    date: str | None = None
    note: str = ""
    again: float | None = None
    doubt: str = ""


def _delivery(parcels: Sequence[Known], now: float, zone: tzinfo | None, told: SentTracking | None) -> _Delivery:
    was_told = told is not None and told.delivered
    if against := _against(parcels, zone, was_told=was_told):
        date = told.delivered_date if told is not None and was_told else None
        told_text = f"VTEX was told that it is delivered ({date or 'at a time not told'})"
        doubt = f"{told_text if was_told else 'VTEX was not told that it is delivered'}; {against}"
        return _Delivery(is_delivered=was_told, date=date, note=against, doubt=doubt)
    if not all(parcel.delivered for parcel in parcels):
        return _Delivery(is_delivered=False)
    times = [parcel.delivered_at for parcel in parcels]
    known = [at for at in times if at is not None]
    if len(known) < len(times):
        return _Delivery(is_delivered=True)
    last = max(known)
    ahead = last.timestamp() - now
    if 0 < ahead <= MOST_AHEAD and not was_told:
        note = f"delivered {_iso(last, zone)}, which is still ahead"
        return _Delivery(is_delivered=False, note=note, again=last.timestamp())
    if withheld := _withheld(parcels, last, zone, ahead=ahead):
        return _Delivery(is_delivered=True, note=f"the delivery's time is withheld: {withheld}")
    return _Delivery(is_delivered=True, date=f"{local_time(last, zone):%Y-%m-%d %H:%M}")


def _withheld(parcels: Sequence[Known], last: datetime, zone: tzinfo | None, *, ahead: float) -> str:
    """Why the time of the delivery cannot be right; ``""`` where it may be."""
    if ahead > 0:
        return f"{_iso(last, zone)} is still ahead"
    dispatched = [parcel.dispatched_at for parcel in parcels if parcel.dispatched_at is not None]
    if any(last.replace(second=0, microsecond=0) < at for at in dispatched):  # VTEX is told the minute
        return f"{_iso(last, zone)} is before the dispatch, {_iso(max(dispatched), zone)}"
    return ""


def _against(parcels: Sequence[Known], zone: tzinfo | None, *, was_told: bool) -> str:
    """What the carrier says against the delivery; ``""`` for nothing. That a volume is not delivered yet is no doubt
    as long as VTEX was not told."""
    for volume in (volume for parcel in parcels if parcel.delivered for volume in parcel.volumes.values()):
        if volume.turned_back:
            back, there = (_on(stamp, zone) for stamp in (volume.returned_on, volume.delivered_on))
            return f"the carrier says that it turned back {back} and was delivered {there}, perhaps to its sender"
    if not was_told or all(parcel.delivered for parcel in parcels):
        return ""
    missing = [
        f"volume {name} of {parcel.tracking_number}" if name else str(parcel.tracking_number)
        for parcel in parcels
        for name, volume in sorted(parcel.volumes.items())
        if not volume.delivered
    ]
    return f"the carrier says of {', '.join(missing)} that it is not"


def _on(stamp: Stamp | None, zone: tzinfo | None) -> str:
    return f"on {_iso(stamp[0], zone)}" if stamp else "at a time not told"


def _iso(at: datetime, zone: tzinfo | None) -> str:
    return local_time(at, zone).isoformat(timespec="minutes")
