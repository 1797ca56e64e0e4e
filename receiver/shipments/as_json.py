"""PURE: shipments and what is known of them as plain JSON, for the store and for recordings."""

from datetime import date, datetime
from typing import Any

from adapters import Reference, ReferenceKind, Shipment, Status, TrackingEvent
from receiver.shipments.known import Known, Stamp, Stamped, Volume


def shipment_to_json(shipment: Shipment) -> dict[str, Any]:
    """A shipment as plain JSON, without what is unknown."""
    plain: dict[str, Any] = {
        "key": shipment.key,
        "status": str(shipment.status),
        "happened_at": _iso(shipment.happened_at),
        "tracking_number": shipment.tracking_number,
        "tracking_url": shipment.tracking_url,
        "courier": shipment.courier,
        "courier_code": shipment.courier_code,
        "dispatched_at": _iso(shipment.dispatched_at),
        "delivered_at": _iso(shipment.delivered_at),
        "references": [[str(reference.kind), reference.value] for reference in shipment.references],
        "events": [_event_to_json(event) for event in shipment.events],
        "volume": shipment.volume,
        "reverse": shipment.reverse,
        "returned": shipment.returned,
        "replaces": shipment.replaces,
        "replaced_by": shipment.replaced_by,
        "unknown_words": list(shipment.unknown_words),
    }
    return _without_empty(plain)


def shipment_from_json(plain: dict[str, Any]) -> Shipment:
    return Shipment(
        key=plain["key"],
        status=Status(plain["status"]),
        happened_at=_time(plain.get("happened_at")),
        tracking_number=plain.get("tracking_number"),
        tracking_url=plain.get("tracking_url"),
        courier=plain.get("courier"),
        courier_code=plain.get("courier_code", ""),
        dispatched_at=_time(plain.get("dispatched_at")),
        delivered_at=_time(plain.get("delivered_at")),
        references=tuple(_reference(pair) for pair in plain.get("references", ())),
        events=tuple(_event_from_json(event) for event in plain.get("events", ())),
        volume=plain.get("volume", ""),
        reverse=plain.get("reverse", False),
        returned=plain.get("returned", False),
        replaces=plain.get("replaces", ""),
        replaced_by=plain.get("replaced_by", ""),
        unknown_words=tuple(plain.get("unknown_words", ())),
    )


def known_to_json(known: Known) -> dict[str, Any]:
    """A fold as plain JSON, in a stable order: equal folds have equal texts."""
    return _without_empty(
        {
            "status": _stamped_to_json(known.status),
            "unknown": _stamped_to_json(known.unknown),
            "in_possession": known.in_possession,
            "dispatched_at": _iso(known.dispatched_at),
            "courier": _stamped_to_json(known.courier),
            "volumes": {name: _volume_to_json(known.volumes[name]) for name in sorted(known.volumes)},
            "references": [[str(reference.kind), reference.value] for reference in sorted(known.references)],
            "events": sorted((_event_to_json(event) for event in known.events), key=_event_order),
            "first_heard": _iso(known.first_heard),
            "last_heard": _iso(known.last_heard),
            "since": _iso(known.since),
            "reverse": known.reverse,
            "replaces": sorted(known.replaces),
            "replaced_by": _stamped_to_json(known.replaced_by),
        }
    )


def known_from_json(plain: dict[str, Any]) -> Known:
    return Known(
        status=_stamped_from_json(plain.get("status")),
        unknown=_stamped_from_json(plain.get("unknown")),
        in_possession=plain.get("in_possession", False),
        dispatched_at=_time(plain.get("dispatched_at")),
        courier=_stamped_from_json(plain.get("courier")),
        volumes={name: _volume_from_json(volume) for name, volume in _volumes(plain).items()},
        references=frozenset(_reference(pair) for pair in plain.get("references", ())),
        events=frozenset(_event_from_json(event) for event in plain.get("events", ())),
        first_heard=_time(plain.get("first_heard")),
        last_heard=_time(plain.get("last_heard")),
        since=_time(plain.get("since")),
        reverse=plain.get("reverse", False),
        replaces=frozenset(plain.get("replaces", ())),
        replaced_by=_stamped_from_json(plain.get("replaced_by")),
    )


def _volumes(plain: dict[str, Any]) -> dict[str, Any]:
    """The volumes. Rows of 0.2.0 and before have one cancellation for all of them, which stood while it was the newest
    word; and they do not say when the carrier had which: its newest word does."""
    volumes: dict[str, Any] = plain.get("volumes", {})
    said: dict[str, Any] = {}
    newest, *stamp = plain.get("status", [Status.OTHER])
    if plain.get("cancelled") and newest == Status.CANCELLED:
        said["cancelled"] = plain["cancelled"]
    elif Status(newest).in_possession and not any("possessed" in volume for volume in volumes.values()):
        said["possessed"] = stamp
    return {name: {**volume, **said} for name, volume in volumes.items()} if said else volumes


def _without_empty(plain: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plain.items() if value}


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _time(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


def _reference(pair: list[str]) -> Reference:
    return Reference(ReferenceKind(pair[0]), pair[1])


def _event_to_json(event: TrackingEvent) -> dict[str, Any]:
    return _without_empty(
        {
            "day": event.day.isoformat(),
            "happened_at": _iso(event.happened_at),
            "description": event.description,
            "city": event.city,
            "state": event.state,
        }
    )


def _event_from_json(plain: dict[str, Any]) -> TrackingEvent:
    return TrackingEvent(
        day=date.fromisoformat(plain["day"]),
        happened_at=_time(plain.get("happened_at")),
        description=plain.get("description", ""),
        city=plain.get("city", ""),
        state=plain.get("state", ""),
    )


def _event_order(plain: dict[str, Any]) -> tuple[str, ...]:
    return tuple(plain.get(name, "") for name in ("day", "happened_at", "description", "city", "state"))


def _stamped_to_json(stamped: Stamped | None) -> list[Any] | None:
    return [stamped.value, *stamp_to_json(stamped.stamp)] if stamped else None


def _stamped_from_json(plain: list[str] | None) -> Stamped | None:
    return Stamped(plain[0], stamp_from_json(plain[1:])) if plain else None


def stamp_to_json(stamp: Stamp) -> list[str]:
    """A stamp as plain JSON: two times and a digest."""
    return [stamp[0].isoformat(), stamp[1].isoformat(), stamp[2]]


def stamp_from_json(plain: list[str]) -> Stamp:
    return (datetime.fromisoformat(plain[0]), datetime.fromisoformat(plain[1]), plain[2])


def _volume_to_json(volume: Volume) -> dict[str, Any]:
    return _without_empty(
        {
            "tracking_number": _stamped_to_json(volume.tracking_number),
            "tracking_url": _stamped_to_json(volume.tracking_url),
            "delivered_at": _iso(volume.delivered_at),
            "delivered": volume.delivered,
            "delivered_on": stamp_to_json(volume.delivered_on) if volume.delivered_on else None,
            "returned_on": stamp_to_json(volume.returned_on) if volume.returned_on else None,
            "cancelled": stamp_to_json(volume.cancelled) if volume.cancelled else None,
            "possessed": stamp_to_json(volume.possessed) if volume.possessed else None,
            "troubled": stamp_to_json(volume.troubled) if volume.troubled else None,
        }
    )


def _volume_from_json(plain: dict[str, Any]) -> Volume:
    return Volume(
        tracking_number=_stamped_from_json(plain.get("tracking_number")),
        tracking_url=_stamped_from_json(plain.get("tracking_url")),
        delivered_at=_time(plain.get("delivered_at")),
        delivered=plain.get("delivered", False),
        delivered_on=stamp_from_json(plain["delivered_on"]) if plain.get("delivered_on") else None,
        returned_on=stamp_from_json(plain["returned_on"]) if plain.get("returned_on") else None,
        cancelled=stamp_from_json(plain["cancelled"]) if plain.get("cancelled") else None,
        possessed=stamp_from_json(plain["possessed"]) if plain.get("possessed") else None,
        troubled=stamp_from_json(plain["troubled"]) if plain.get("troubled") else None,
    )
