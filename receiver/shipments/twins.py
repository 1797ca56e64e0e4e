"""PURE: one parcel that several endpoints tell, such as a gateway's and its carrier's: twins, and what they know
together."""

from dataclasses import replace
from datetime import tzinfo

from receiver.shipments.known import Known, Volume, earliest, first, last, local_time
from receiver.shipments.numbers import is_among, same_number


def same_parcel(one: Known, other: Known) -> bool:
    """True if both have a tracking number in common, no matter how it is written."""
    return any(is_among(number, other.numbers) for number in one.numbers)


def in_local_time(known: Known, zone: tzinfo | None) -> Known:
    """The same with its dispatch and deliveries in the parcel's local time. ``zone`` is that of its own endpoint."""
    volumes = {
        name: replace(volume, delivered_at=local_time(volume.delivered_at, zone)) if volume.delivered_at else volume
        for name, volume in known.volumes.items()
    }
    dispatched = local_time(known.dispatched_at, zone) if known.dispatched_at else None
    return replace(known, dispatched_at=dispatched, volumes=volumes)


def together(one: Known, other: Known) -> Known:
    """What VTEX can be told of a parcel that both tell: the events of both, and each volume as far as either knows it.
    A volume that ``other`` alone knows is one more. Number, courier and references are those of ``one``. Where ``one``
    names no volume and ``other`` several, it is the one of them that has its number."""
    if list(one.volumes) == [""] and len(other.volumes) > 1:
        one = replace(one, volumes={_same_volume(other, one, "") or "": one.volumes[""]})
    volumes = dict(one.volumes)
    for name, volume in other.volumes.items():
        number = volume.tracking_number.value if volume.tracking_number else ""
        at = _same_volume(one, other, name)
        if at is not None:
            volumes[at] = _joined(volumes[at], volume)
        else:
            volumes[number if name in volumes else name] = volume
    return replace(
        one,
        volumes=volumes,
        events=one.events | other.events,
        dispatched_at=earliest(one.dispatched_at, other.dispatched_at),
    )


def undelivered(one: Known, other: Known) -> Known:
    """What ``one`` says against a delivery of the whole parcel: its volumes that are not delivered, or turned back
    before. Of those that ``other`` tells, too, it does not say that they are delivered."""
    volumes = {
        name: replace(volume, delivered=False, delivered_at=None, delivered_on=None)
        for name, volume in one.volumes.items()
        if not volume.delivered or volume.turned_back or _tells(other, volume)
    }
    return replace(one, volumes=volumes, events=frozenset(), dispatched_at=None)


def _tells(known: Known, volume: Volume) -> bool:
    return volume.tracking_number is not None and is_among(volume.tracking_number.value, known.numbers)


def _same_volume(one: Known, other: Known, name: str) -> str | None:
    """The name that ``one`` has for a volume of ``other``: that of the same number, the only one, or the same name
    where a number is missing."""
    number = other.volumes[name].tracking_number
    for own, volume in one.volumes.items():
        if number and volume.tracking_number and same_number(volume.tracking_number.value, number.value):
            return own
    if len(one.volumes) == len(other.volumes) == 1:
        return next(iter(one.volumes))
    is_named = name in one.volumes and None in (number, one.volumes[name].tracking_number)
    return name if is_named else None


def _joined(one: Volume, other: Volume) -> Volume:
    return Volume(
        tracking_number=one.tracking_number or other.tracking_number,
        tracking_url=one.tracking_url or other.tracking_url,
        delivered_at=earliest(one.delivered_at, other.delivered_at),
        delivered=one.delivered or other.delivered,
        delivered_on=first(one.delivered_on, other.delivered_on),
        returned_on=first(one.returned_on, other.returned_on),
        cancelled=last(one.cancelled, other.cancelled),
        possessed=last(one.possessed, other.possessed),
        troubled=last(one.troubled, other.troubled),
    )
