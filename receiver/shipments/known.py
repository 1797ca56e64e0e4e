"""PURE: what a carrier has said of one parcel, folded so that the order of arrival does not matter.

`fold` joins: earliest of dates, newest of words, union of references and events. Every join is commutative,
associative and idempotent, so any arrival order and any repetition of the same updates ends in the same `Known`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo

from adapters import Reference, ReferenceKind, Shipment, Status, TrackingEvent
from receiver.shipments.numbers import same_number

#: Carriers recycle numbers (EasyPost keeps one apart for three months). News of a later time, after a parcel's end and
#: this long a silence, is about another parcel.
RECYCLED_AFTER = timedelta(days=60)
#: News cannot be of a time long after it was told; hosts' clocks and unknown zones differ by less than this.
_MOST_AHEAD = timedelta(days=1)

Stamp = tuple[datetime, datetime, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What one delivery says of one shipment. ``digest`` is the delivery's; it only breaks ties."""

    shipment: Shipment
    received_at: datetime
    digest: str

    @property
    def stamp(self) -> Stamp:
        """The total order of news: event time (else arrival time), then arrival time, then the digest. A time far ahead
        is a carrier's mistake: it would stand before all that is told later.

        In UTC, so that one instant is one text.
        """
        received = self.received_at.astimezone(UTC)
        happened = self.shipment.happened_at
        if happened is None or happened > received + _MOST_AHEAD:
            return (received, received, self.digest)
        return (happened.astimezone(UTC), received, self.digest)


@dataclass(frozen=True, slots=True)
class Stamped:
    """A value with the stamp of its update; the newest one counts."""

    value: str
    stamp: Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """One volume of a shipment; most shipments have just one, named ``""``.

    ``delivered_on`` and ``returned_on`` are the stamps of the first report of a delivery and of a way back,
    ``cancelled``, ``possessed`` and ``troubled`` those of the last report that the label was cancelled, that the
    carrier has it, and that something is wrong.
    """

    tracking_number: Stamped | None = None
    tracking_url: Stamped | None = None
    delivered_at: datetime | None = None
    delivered: bool = False
    delivered_on: Stamp | None = None
    returned_on: Stamp | None = None
    cancelled: Stamp | None = None
    possessed: Stamp | None = None
    troubled: Stamp | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether its cancellation stands: only news that the carrier has it since then takes it back."""
        return self.cancelled is not None and (self.possessed is None or self.possessed < self.cancelled)

    @property
    def turned_back(self) -> bool:
        """Whether it was returning before it was delivered, if ever: a delivery after that may be to the sender. One
        message may tell of both."""
        if self.returned_on is None:
            return False
        return self.delivered_on is None or self.returned_on <= self.delivered_on

    @property
    def is_astray(self) -> bool:
        """Whether it may never be delivered: it turned back, or its last word is trouble, such as a loss."""
        in_trouble = self.troubled is not None and (self.possessed is None or self.possessed < self.troubled)
        return not self.delivered and (self.turned_back or in_trouble)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything the carrier has said of one parcel.

    ``unknown`` is the newest status word that the carrier's adapter does not know. ``first_heard`` and ``last_heard``
    are the times of its oldest and newest news. ``since`` is when this generation of a recycled number began: older
    news belongs to the earlier parcel. ``reverse``: a message, or a rule of the merchant's, marks it as a return or
    exchange label. ``replaces`` are the carrier's keys of the parcels that it stands in for; ``replaced_by`` is the key
    of the one that stands in for it.
    """

    status: Stamped | None = None
    unknown: Stamped | None = None
    in_possession: bool = False
    dispatched_at: datetime | None = None
    courier: Stamped | None = None
    volumes: dict[str, Volume] = field(default_factory=dict)
    references: frozenset[Reference] = frozenset()
    events: frozenset[TrackingEvent] = frozenset()
    first_heard: datetime | None = None
    last_heard: datetime | None = None
    since: datetime | None = None
    reverse: bool = False
    replaces: frozenset[str] = frozenset()
    replaced_by: Stamped | None = None

    @property
    def boxes(self) -> dict[str, Volume]:
        """The volumes that messages name, the lowest first, without those whose labels were cancelled, unless all were.
        A message without a name speaks of the whole shipment: that is a box only where no volume is named."""
        every = self._every_box
        living = {name: box for name, box in every.items() if box.delivered or not self._is_void(box)}
        return living or every

    @property
    def _every_box(self) -> dict[str, Volume]:
        named = sorted((name for name in self.volumes if name), key=_volume_order)
        return {name: self.volumes[name] for name in named or self.volumes}

    def _is_void(self, box: Volume) -> bool:
        """Whether its label was cancelled, by itself or with the whole shipment, and that stands. A scan that names no
        volume may be of any other: it takes back the cancellation of one volume only where there is just one."""
        whole = self.volumes.get("", Volume())
        possessed = last(box.possessed, whole.possessed)
        alone = replace(box, possessed=possessed) if len(self._every_box) == 1 else box
        return alone.is_cancelled or replace(whole, possessed=possessed).is_cancelled

    @property
    def first_volume(self) -> Volume:
        """The lowest volume with a tracking number: that number is sent to VTEX."""
        whole = [volume for name, volume in self.volumes.items() if not name]
        every = [*self.boxes.values(), *whole]
        return next((volume for volume in every if volume.tracking_number), (every or [Volume()])[0])

    @property
    def tracking_number(self) -> str | None:
        number = self.first_volume.tracking_number
        return number.value if number else None

    @property
    def tracking_url(self) -> str | None:
        url = self.first_volume.tracking_url
        return url.value if url else None

    @property
    def numbers(self) -> tuple[str, ...]:
        """Every number of the parcel: of its volumes, and others in the carrier's messages."""
        numbers = [volume.tracking_number.value for volume in self.volumes.values() if volume.tracking_number]
        return tuple(dict.fromkeys([*sorted(numbers), *self.values(ReferenceKind.TRACKING_NUMBER)]))

    def volume_with(self, number: str) -> Volume | None:
        """The volume with this tracking number, no matter how it is written."""
        for volume in self.boxes.values():
            if volume.tracking_number and same_number(volume.tracking_number.value, number):
                return volume
        return None

    @property
    def delivered(self) -> bool:
        """Whether all boxes are: a message that names none may speak of any of them, unless there is just one."""
        boxes = self.boxes
        if len(boxes) == 1 and any(volume.delivered for volume in self.volumes.values()):
            return True
        return bool(boxes) and all(volume.delivered for volume in boxes.values())

    @property
    def missing(self) -> list[str]:
        """The volumes that are not delivered."""
        return [name for name, volume in self.boxes.items() if not volume.delivered]

    @property
    def astray(self) -> list[str]:
        """The volumes that may never be delivered."""
        return [name for name, volume in self.boxes.items() if volume.is_astray]

    @property
    def has_unnamed_end(self) -> bool:
        """Whether one of several volumes was delivered or turned back, and no message says which."""
        whole = self.volumes.get("", Volume())
        return len(self.boxes) > 1 and (whole.delivered or whole.turned_back)

    @property
    def delivered_at(self) -> datetime | None:
        """When the last volume was delivered; ``None`` until all are, or if no time was given."""
        times = [volume.delivered_at for volume in self.volumes.values() if volume.delivered]
        known = [time for time in times if time is not None]
        return max(known, key=_instant_then_text) if self.delivered and len(known) == len(times) else None

    @property
    def turned_back(self) -> bool:
        return any(volume.turned_back for volume in self.volumes.values())

    @property
    def unknown_word(self) -> str:
        """The carrier's newest status word, if its adapter does not know it; else ``""``."""
        if self.unknown is None or self.status is None or self.status.value != Status.OTHER:
            return ""
        return self.unknown.value if self.unknown.stamp == self.status.stamp else ""

    @property
    def cancelled(self) -> Stamp | None:
        """The last report that a label was cancelled, whether or not it stands."""
        return max((volume.cancelled for volume in self.volumes.values() if volume.cancelled), default=None)

    @property
    def voided(self) -> bool:
        """Whether all labels were cancelled, and the carrier never took the parcel."""
        return self.is_cancelled and not self.in_possession

    @property
    def cancelled_after_possession(self) -> bool:
        return self.is_cancelled and self.in_possession

    @property
    def is_cancelled(self) -> bool:
        """Whether all labels were cancelled."""
        return bool(self.volumes) and all(map(self._is_void, self._every_box.values()))

    @property
    def has_ended(self) -> bool:
        """Whether the carrier may be through with it: it was delivered, sent back, cancelled, or in trouble at last."""
        in_trouble = self.status is not None and self.status.value == Status.EXCEPTION
        is_returned = any(volume.returned_on for volume in self.volumes.values())
        return self.delivered or is_returned or self.is_cancelled or in_trouble

    def is_past(self, at: datetime) -> bool:
        """Whether news of its number at that time is about another parcel: this one has ended, and was silent for
        long."""
        words = [self.last_heard, self.status.stamp[1] if self.status else None]
        return self.has_ended and all(at > word + RECYCLED_AFTER for word in words if word is not None)

    def values(self, kind: ReferenceKind) -> list[str]:
        """The distinct references of one kind, sorted. If there are several, a person must decide."""
        return sorted(reference.value for reference in self.references if reference.kind == kind)


def fold(known: Known, updates: Iterable[Update]) -> Known:
    """``known`` joined with what the updates say."""
    for update in updates:
        known = _join(known, update)
    return known


def advance(known: Known, updates: Iterable[Update]) -> tuple[Known, int]:
    """`fold`, in the order of the news and aware of recycled numbers. News long after a parcel's end begins a new
    generation, which knows nothing of the former one. Returns also how many began."""
    begun = 0
    for update in sorted(updates, key=lambda update: update.stamp):
        if _is_another_parcel(known, update):
            known, begun = Known(since=update.stamp[0]), begun + 1
        known = _join(known, update)
    return known, begun


def restart(known: Known, updates: Iterable[Update]) -> Known | None:
    """The start for folding the updates of ``known`` again: the beginning of its generation, with nothing known.

    ``None`` if its oldest news is no longer among the updates: a fold of the others would know less.
    """
    times = [update.stamp[0] for update in updates]
    oldest = min((at for at in times if known.since is None or at >= known.since), default=None)
    if known.first_heard is not None and (oldest is None or oldest > known.first_heard):
        return None
    return Known(since=known.since)


def _is_another_parcel(known: Known, update: Update) -> bool:
    if not known.has_ended or known.last_heard is None:
        return False
    return update.stamp[0] > known.last_heard + RECYCLED_AFTER


def _join(known: Known, update: Update) -> Known:
    shipment, stamp = update.shipment, update.stamp
    if known.since is not None and stamp[0] < known.since:
        return known
    returned = shipment.returned or shipment.status == Status.RETURNED
    volume = known.volumes.get(shipment.volume, Volume())
    is_possessed = shipment.status.in_possession or shipment.dispatched_at is not None
    volume = Volume(
        tracking_number=_newest(volume.tracking_number, shipment.tracking_number, stamp),
        tracking_url=_newest(volume.tracking_url, shipment.tracking_url, stamp),
        delivered_at=earliest(volume.delivered_at, shipment.delivered_at),
        delivered=volume.delivered or shipment.status == Status.DELIVERED,
        delivered_on=first(volume.delivered_on, stamp if shipment.status == Status.DELIVERED else None),
        returned_on=first(volume.returned_on, stamp if returned else None),
        cancelled=last(volume.cancelled, stamp if shipment.status == Status.CANCELLED else None),
        possessed=last(volume.possessed, stamp if shipment.status.in_possession else None),
        troubled=last(volume.troubled, stamp if shipment.status == Status.EXCEPTION else None),
    )
    return replace(
        known,
        status=_newest(known.status, shipment.status, stamp, yields=Status.OTHER),
        unknown=_newest(known.unknown, next(reversed(shipment.unknown_words), None), stamp),
        in_possession=known.in_possession or is_possessed,
        dispatched_at=earliest(known.dispatched_at, shipment.dispatched_at),
        courier=_newest(known.courier, shipment.courier, stamp),
        volumes={**known.volumes, shipment.volume: volume},
        references=known.references | frozenset(shipment.references),
        events=known.events | frozenset(_in_utc(event) for event in shipment.events),
        first_heard=min(known.first_heard, stamp[0]) if known.first_heard else stamp[0],
        last_heard=max(known.last_heard, stamp[0]) if known.last_heard else stamp[0],
        reverse=known.reverse or shipment.reverse,
        replaces=known.replaces | ({shipment.replaces} - {""}),
        replaced_by=_newest(known.replaced_by, shipment.replaced_by, stamp),
    )


def _newest(held: Stamped | None, value: str | None, stamp: Stamp, *, yields: str = "") -> Stamped | None:
    """The newer value. Of two values with one stamp, ``yields`` gives way to any other."""
    if not value:
        return held
    if held is None or (stamp, value != yields, value) > (held.stamp, held.value != yields, held.value):
        return Stamped(str(value), stamp)
    return held


def earliest(held: datetime | None, value: datetime | None) -> datetime | None:
    """The earlier time; ``None`` only if both are unknown."""
    if held is None or value is None:
        return held or value
    # Equal instants may have different offsets: the text breaks the tie, so the order of arrival does not matter.
    return min(held, value, key=_instant_then_text)


def first(held: Stamp | None, stamp: Stamp | None) -> Stamp | None:
    """The earlier stamp; ``None`` only if both are unknown."""
    return min(held, stamp) if held and stamp else held or stamp


def last(held: Stamp | None, stamp: Stamp | None) -> Stamp | None:
    """The later stamp; ``None`` only if both are unknown."""
    return max(held, stamp) if held and stamp else held or stamp


def _instant_then_text(time: datetime) -> tuple[datetime, str]:
    return (time, time.isoformat())


def _in_utc(event: TrackingEvent) -> TrackingEvent:
    """The event in UTC, so that equal events are one; the carrier's local date stays in ``day``."""
    return replace(event, happened_at=event.happened_at.astimezone(UTC)) if event.happened_at else event


def local_time(at: datetime, zone: tzinfo | None) -> datetime:
    """The parcel's local time: in ``zone`` if the carrier gives UTC; a local time is unchanged."""
    return at.astimezone(zone) if zone is not None and not at.utcoffset() else at


def with_local_days(shipment: Shipment, zone: tzinfo | None) -> Shipment:
    """The shipment with the days of its events in local time: an event that the carrier gives in UTC alone has its day
    in ``zone``; one with a local day, or in local time, keeps its own."""
    days = [_local_day(event, zone) for event in shipment.events]
    if all(day == event.day for day, event in zip(days, shipment.events, strict=True)):
        return shipment
    events = (replace(event, day=day) for event, day in zip(shipment.events, days, strict=True))
    return replace(shipment, events=tuple(events))


def _local_day(event: TrackingEvent, zone: tzinfo | None) -> date:
    """A day that differs from the UTC date was the carrier's own, from another field of its message."""
    at = event.happened_at
    in_utc = at is not None and not at.utcoffset() and at.date() == event.day
    return local_time(at, zone).date() if at is not None and in_utc else event.day


def _volume_order(name: str) -> tuple[int, str]:
    return (int(name), name) if name.isdecimal() and name.isascii() else (10**18, name)
