"""Payloads damaged in every place, and whether a carrier's answer to one is sound."""

import copy
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

from adapters import Ignored, Request, Shipment, Unreadable
from receiver.carriers import Carrier
from receiver.shipments import shipment_from_json, shipment_to_json

LONGEST = 2000  # characters of anything worth storing: a URL
GONE = object()
LATEST = "9999-12-31T23:59:59-12:00"  # in UTC it is past the end of the calendar
GARBLED = [None, "", "garbage", "\u0000", "\ud800", -1, 1e308, True, [], {}, LATEST, "x" * 10_000]

#: Characters of the categories Cc and Cs: control characters, and halves of surrogates.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def crash(carrier: Carrier, request: Request) -> str | None:
    """What is wrong with the carrier's answer, ``None`` where it is sound."""
    try:
        conversion = carrier.convert(request)
        event_id = carrier.event_id(conversion.payload, request)
    except Ignored as ignored:
        return None if ignored.reason else "ignored without a reason"
    except Unreadable as unreadable:
        return None if unreadable.path.startswith("$") and unreadable.why else f"not a path: {unreadable}"
    except Exception as error:  # noqa: BLE001  whatever it is, the test names it
        return f"{type(error).__name__}: {error}"
    if event_id is not None and (not isinstance(event_id, str) or not event_id):
        return f"event id {event_id!r:.40}"
    nowhere = [error for error in conversion.refused if not (error.path.startswith("$") and error.why)]
    if nowhere:
        return f"not a path: {nowhere[0]}"
    if conversion.fetches and not conversion.shipments:
        return None
    return next(unsound(conversion.shipments), None)


def unsound(shipments: object) -> Iterator[str]:
    """What no one should store: nothing at all, text no database takes, times without a zone, news that changes
    when it is written down."""
    if not isinstance(shipments, list) or not shipments:
        yield f"not a list of shipments: {shipments!r:.60}"
        return
    for shipment in shipments:
        yield from _faults(shipment)


@lru_cache(maxsize=1_000)  # most damage changes nothing of what is read
def _faults(shipment: Shipment) -> tuple[str, ...]:
    return tuple(_each_fault(shipment))


def _each_fault(shipment: Shipment) -> Iterator[str]:
    for name in ("tracking_number", "tracking_url", "courier"):
        if getattr(shipment, name) == "":
            yield f"{name} is empty text"
    yield from (f"{time!r} is no instant" for time in _times(shipment) if not _instant(time))
    plain = shipment_to_json(shipment)
    yield from (f"{text!r:.40} is no text to store" for text in _texts(plain) if not _storable(text))
    if shipment != shipment_from_json(json.loads(json.dumps(plain))):
        yield f"another shipment after it was stored: {shipment}"


def _times(shipment: Shipment) -> list[datetime]:
    events = [event.happened_at for event in shipment.events]
    times = [shipment.happened_at, shipment.dispatched_at, shipment.delivered_at, *events]
    return [time for time in times if time is not None]


def _instant(time: datetime) -> bool:
    """Aware, and within the calendar in UTC too."""
    try:
        return time.tzinfo is not None and time.astimezone(UTC) == time
    except OverflowError:
        return False


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from _texts(inner)


def _storable(text: str) -> bool:
    """No blank, nothing endless, no control character, no lone surrogate."""
    return text.strip() != "" and len(text) <= LONGEST and not _UNFIT.search(text)


def damaged(node: object, place: tuple, value: object) -> object:
    """A copy of the tree with ``value`` at ``place``, or with nothing there."""
    name, *rest = place
    changed = copy.copy(node)
    if rest:
        changed[name] = damaged(node[name], rest, value)
    elif value is GONE:
        del changed[name]
    else:
        changed[name] = value
    return changed
