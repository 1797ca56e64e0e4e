"""PURE: the differences between two readings of a carrier's messages, field by field."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from receiver.shipments.known import Known

#: What a value does not have.
NOWHERE = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One field before and after; ``None`` if it is unknown."""

    name: str
    before: Any
    after: Any


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """The fields that differ: in the order of ``after``, then those only in ``before``."""
    names = dict.fromkeys([*after, *before])
    pairs = [Change(name, before.get(name), after.get(name)) for name in names]
    return tuple(change for change in pairs if change.before != change.after)


def unlike(name: str, got: Any, expected: Any) -> Iterator[tuple[str, Any, Any]]:
    """Each place where two JSON values differ, as deep as both have the same kind: ``shipments[0].status``, and what
    stands there in each. `NOWHERE` is what one of them does not have."""
    if isinstance(got, Mapping) and isinstance(expected, Mapping):
        for key in dict.fromkeys([*expected, *got]):
            yield from unlike(f"{name}.{key}", got.get(key, NOWHERE), expected.get(key, NOWHERE))
    elif isinstance(got, list) and isinstance(expected, list):
        for place, (one, other) in enumerate(zip_longest(got, expected, fillvalue=NOWHERE)):
            yield from unlike(f"{name}[{place}]", one, other)
    elif got is NOWHERE or expected is NOWHERE or got != expected:
        yield name, got, expected


def shipment_changes(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[Change, ...]]:
    """The differences between the shipments that two versions of an adapter read from one message.

    Both as `receiver.shipments.shipment_to_json` writes them. The result is by the shipment's key, with its volume if
    it has one: ``"K1"``, ``"K1 volume 2"``. Repeated keys get a number.
    """
    former, latter = _by_name(before), _by_name(after)
    found = {name: changes(former.get(name, {}), latter.get(name, {})) for name in dict.fromkeys([*latter, *former])}
    return {name: differing for name, differing in found.items() if differing}


def told(known: Known) -> dict[str, Any]:
    """The known fields that VTEX or a person sees, and that a new reading may change."""
    fields = {
        "status": known.status.value if known.status else None,
        "unknown_word": known.unknown_word,
        "tracking_number": known.tracking_number,
        "tracking_url": known.tracking_url,
        "courier": known.courier.value if known.courier else None,
        "dispatched_at": known.dispatched_at.isoformat() if known.dispatched_at else None,
        "in_possession": known.in_possession,
        "delivered": known.delivered,
        "delivered_at": known.delivered_at.isoformat() if known.delivered_at else None,
        "turned_back": known.turned_back,
        "cancelled": known.cancelled is not None,
        "reverse": known.reverse,
        "references": sorted(f"{reference.kind} {reference.value}" for reference in known.references),
        "events": sorted(f"{event.day} {event.description}" for event in known.events),
    }
    return {name: value for name, value in fields.items() if value not in (None, "", [], False)}


def _by_name(shipments: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    named: dict[str, Mapping[str, Any]] = {}
    for shipment in shipments:
        name = str(shipment["key"]) + (f" volume {shipment['volume']}" if shipment.get("volume") else "")
        alike = sum(other == name or other.startswith(f"{name} (") for other in named)
        named[f"{name} ({alike + 1})" if alike else name] = shipment
    return named
