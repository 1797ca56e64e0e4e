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
from receiver.shipments import Known

Body = dict[str, Any]

#: The longest description VTEX takes, in characters (Orders API).
MOST_DESCRIPTION = 5_000
#: A delivery so far ahead of us is a clock's lead, and is told once it has passed; beyond, its date is wrong.
MOST_AHEAD = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Tracking:
    """``body`` is the PUT's; ``note`` says why it tells less of the delivery than the carrier; ``again``: when it may
    tell more, in seconds since the epoch."""

    body: Body
    note: str = ""
    again: float | None = None

    @property
    def is_empty(self) -> bool:
        """No event and no delivery: nothing to send."""
        return not self.body["events"] and not self.body["isDelivered"]

    @property
    def digest(self) -> str:
        """Equal for equal bodies."""
        return hashlib.sha256(json.dumps(self.body, sort_keys=True).encode()).hexdigest()[:16]


def tracking(
    parcels: Sequence[Known], *, now: float, zone: tzinfo | None = None, was_delivered: bool = False
) -> Tracking:
    """What VTEX should show of the parcels of one invoice, mostly one; ``now`` in seconds since the epoch. ``zone`` is
    where they are, for times that the carrier tells in UTC; ``was_delivered``: VTEX has been told of the delivery.

    Delivered are they once each of their volumes is, and none had turned back before.
    """
    is_delivered, at, note, again = _delivery(parcels, now, was_delivered=was_delivered)
    if zone is not None and at is not None and not at.utcoffset():
        at = at.astimezone(zone)
    body = {
        "isDelivered": is_delivered,
        "deliveredDate": f"{at:%Y-%m-%d %H:%M}" if at else None,
        "events": events(event for parcel in parcels for event in parcel.events),
    }
    return Tracking(body, note, again)


def events(told: Iterable[TrackingEvent]) -> list[Body]:
    """The events as VTEX takes them, the oldest first; those that would look the same there are one."""
    bodies: list[Body] = []
    for event in sorted((event for event in told if event.description), key=_order):
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


def _delivery(
    parcels: Sequence[Known], now: float, *, was_delivered: bool
) -> tuple[bool, datetime | None, str, float | None]:
    if not all(parcel.delivered for parcel in parcels):
        return False, None, "", None
    if any(parcel.turned_back for parcel in parcels):
        return False, None, "delivered after it turned back: to its sender", None
    times = [parcel.delivered_at for parcel in parcels]
    known = [at for at in times if at is not None]
    if len(known) < len(times):
        return True, None, "", None
    last = max(known)
    ahead = last.timestamp() - now
    if 0 < ahead <= MOST_AHEAD and not was_delivered:
        return False, None, f"delivered {_iso(last)}, which is still ahead", last.timestamp()
    if ahead > 0:
        return True, None, f"the delivery's time is withheld: {_iso(last)} is still ahead", None
    dispatched = [parcel.dispatched_at for parcel in parcels if parcel.dispatched_at is not None]
    if any(last.replace(second=0, microsecond=0) < at for at in dispatched):  # VTEX is told the minute
        note = f"the delivery's time is withheld: {_iso(last)} is before the dispatch, {_iso(max(dispatched))}"
        return True, None, note, None
    return True, last, "", None


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="minutes")
