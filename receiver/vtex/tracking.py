"""PURE: the body of "Update order tracking status" (Orders API, ``PUT …/invoice/{number}/tracking``): a parcel's
history and delivery, from the carrier's data alone.

VTEX takes days for events and local minutes for the delivery, both without a zone: in the carrier's local time.
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

#: The longest description that VTEX accepts, in characters (Orders API).
MOST_DESCRIPTION = 5_000
#: A delivery up to this many seconds ahead comes from a fast clock, and is sent once it has passed. A later date is
#: wrong, of a delivery and of an event.
MOST_AHEAD = 24 * 3600.0
#: A part was delivered, and for so many seconds no word of the rest has come: a person asks the carrier.
SILENCE = 7 * 24 * 3600.0
_NOT_TOLD = "VTEX was not told that it is delivered"


@dataclass(frozen=True, slots=True)
class Tracking:
    """``body`` is the PUT's. ``note`` says why it has less about the delivery than the carrier sent; ``again`` is when
    it may have more, in seconds since the epoch. ``doubt``: what contradicts the delivery, for a person."""

    body: Body
    note: str = ""
    again: float | None = None
    doubt: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to send: no event and no delivery."""
        return not self.body["events"] and not self.body["isDelivered"]

    @property
    def digest(self) -> str:
        """A digest that is equal for equal bodies."""
        return hashlib.sha256(json.dumps(self.body, sort_keys=True).encode()).hexdigest()[:16]


def tracking(
    parcels: Sequence[Known], *, now: float, zone: tzinfo | None = None, told: SentTracking | None = None
) -> Tracking:
    """What VTEX should show of the parcels of one invoice, usually one; ``now`` in seconds since the epoch. ``zone`` is
    the parcels' time zone, for times that the carrier gives in UTC; ``told`` is what VTEX got before.

    They are delivered once all their volumes are, and none had turned back before. A delivery that was sent to VTEX is
    never withdrawn: what the carrier says against it is a doubt. So is a part that was delivered, where nothing more is
    heard of the rest.
    """
    delivery = _delivery(parcels, now, zone, told)
    body = {
        "isDelivered": delivery.is_delivered,
        "deliveredDate": delivery.date,
        "events": events(event for parcel in parcels for event in parcel.events if not is_ahead(event, now)),
    }
    return Tracking(body, delivery.note, delivery.again, delivery.doubt)


def events(known: Iterable[TrackingEvent]) -> list[Body]:
    """The events in VTEX's format, the oldest first. Events that would look the same there are merged."""
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


def is_ahead(event: TrackingEvent, now: float) -> bool:
    """Whether the event is dated so far ahead that the date is wrong; ``now`` in seconds since the epoch. Shoppers do
    not see it: VTEX shows no event without a day, and the right one is not known."""
    latest = max(datetime.combine(event.day, time.min, UTC), event.happened_at or datetime.min.replace(tzinfo=UTC))
    return latest.timestamp() - now > MOST_AHEAD


def _order(event: TrackingEvent) -> tuple[Any, ...]:
    # Without a zone there is no instant. The day's start is used instead, so the order of arrival does not matter.
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
        doubt = f"{told_text if was_told else _NOT_TOLD}; {against}"
        return _Delivery(is_delivered=was_told, date=date, note=against, doubt=doubt)
    if not all(parcel.delivered for parcel in parcels):
        return _silence(parcels, now, zone) if _is_partly(parcels) else _Delivery(is_delivered=False)
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
    """Why the time of the delivery cannot be right; ``""`` if it may be right."""
    if ahead > 0:
        return f"{_iso(last, zone)} is still ahead"
    dispatched = [parcel.dispatched_at for parcel in parcels if parcel.dispatched_at is not None]
    if any(last.replace(second=0, microsecond=0) < at for at in dispatched):  # VTEX gets the time to the minute
        return f"{_iso(last, zone)} is before the dispatch, {_iso(max(dispatched), zone)}"
    return ""


def _against(parcels: Sequence[Known], zone: tzinfo | None, *, was_told: bool) -> str:
    """What the carrier says against the delivery; ``""`` for nothing. An undelivered volume is a doubt after a delivery
    was sent to VTEX, and else if only a part may ever be delivered."""
    for volume in (volume for parcel in parcels if parcel.delivered for volume in parcel.volumes.values()):
        if volume.turned_back:
            back, there = (_on(stamp, zone) for stamp in (volume.returned_on, volume.delivered_on))
            when = "before it" if volume.returned_on == volume.delivered_on else f"{back} and"  # one message told both
            return f"the carrier says that it turned back {when} was delivered {there}, perhaps to its sender"
    undelivered = [parcel for parcel in parcels if not parcel.delivered]
    if was_told and undelivered:
        missing = [name for parcel in undelivered for name in _names(parcel, parcel.missing)]
        return f"the carrier says of {', '.join(missing)} that it is not"
    return _apart(undelivered) if _is_partly(parcels) else ""


def _is_partly(parcels: Sequence[Known]) -> bool:
    return any(volume.delivered for parcel in parcels for volume in parcel.volumes.values())


def _silence(parcels: Sequence[Known], now: float, zone: tzinfo | None) -> _Delivery:
    """A part was delivered, and the rest is on its way: a doubt once nothing has been heard of any for long."""
    last = max(at for parcel in parcels for at in _heard(parcel))
    ends = last.timestamp() + SILENCE
    if now < ends:
        return _Delivery(is_delivered=False, again=ends)
    missing = [name for parcel in parcels if not parcel.delivered for name in _names(parcel, parcel.missing)]
    silent = f"a part was delivered, and nothing has been heard of {', '.join(missing)} since {_iso(last, zone)}"
    return _Delivery(is_delivered=False, note=silent, doubt=f"{_NOT_TOLD}; {silent}")


def _heard(parcel: Known) -> list[datetime]:
    """When there was news of it: the times that were told, and those of their messages."""
    stamps = [volume.possessed for volume in parcel.volumes.values()]  # another endpoint's word of it has no status
    stamps.append(parcel.status.stamp if parcel.status else None)
    return [at for stamp in stamps if stamp is not None for at in stamp[:2]]


def _apart(undelivered: Sequence[Known]) -> str:
    """Why these parcels, on whose invoice a part was delivered, may never be; ``""`` if they may be."""
    astray = [name for parcel in undelivered for name in _names(parcel, parcel.astray)]
    if astray:
        return f"the carrier says that a part was delivered, and that {', '.join(astray)} turned back or is in trouble"
    unnamed = [name for parcel in undelivered if parcel.has_unnamed_end for name in _names(parcel, parcel.missing)]
    said = "the carrier does not say which volume was delivered or turned back"
    return f"{said}: it may be {', '.join(unnamed)}" if unnamed else ""


def _names(parcel: Known, volumes: Iterable[str]) -> list[str]:
    """The volumes as people call them."""
    return [f"volume {name} of {parcel.tracking_number}" if name else str(parcel.tracking_number) for name in volumes]


def _on(stamp: Stamp | None, zone: tzinfo | None) -> str:
    return f"on {_iso(stamp[0], zone)}" if stamp else "at a time not told"


def _iso(at: datetime, zone: tzinfo | None) -> str:
    return local_time(at, zone).isoformat(timespec="minutes")
