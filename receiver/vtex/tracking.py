"""PURE: the tracking events of an invoice, as VTEX takes them (Orders API, "Update order tracking status").

An event's ``date`` is the local calendar date as the carrier wrote it; ``deliveredDate`` has no zone, so it is the
clock at the place of delivery. Delivered is only what the carrier says in so many words.
"""

import hashlib
import json
from typing import Any

from adapters import TrackingEvent
from receiver.shipments import Known

#: Characters VTEX takes in a description (API reference of 2022).
MOST_DESCRIPTION = 5_000

Body = dict[str, Any]


def tracking_body(known: Known) -> Body | None:
    """The body of the PUT, ``None`` while there is nothing to tell: no events, no delivery."""
    told = [event for event in known.events if event.description]
    if not told and not known.delivered:
        return None
    return {
        "isDelivered": known.delivered,
        "deliveredDate": _delivered_date(known),
        "events": [_event(event) for event in sorted(told, key=_in_time)],
    }


def digest(body: Body) -> str:
    """Equal for equal sets: while it stays, nothing is sent again."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def _delivered_date(known: Known) -> str | None:
    """``yyyy-mm-dd hh:mm``; never before the dispatch, which connectors downstream refuse (KI-856984)."""
    if not known.delivered or known.delivered_at is None:
        return None
    if known.dispatched_at is not None and known.delivered_at < known.dispatched_at:
        return None
    return known.delivered_at.strftime("%Y-%m-%d %H:%M")


def _event(event: TrackingEvent) -> Body:
    return {
        "city": event.city,
        "state": event.state,
        "description": event.description[:MOST_DESCRIPTION],
        "date": event.day.isoformat(),
    }


def _in_time(event: TrackingEvent) -> tuple[str, str, str, str, str]:
    instant = event.happened_at.timestamp() if event.happened_at else 0.0
    return (event.day.isoformat(), f"{instant:020.3f}", event.description, event.city, event.state)
