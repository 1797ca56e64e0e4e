"""A parcel's history as carriers list it, and the queries on it that adapters share."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import accumulate

from adapters._contract import Status, TrackingEvent, Unreadable

#: A carrier's code, as in ``unsuccessful_pickup`` and ``OutForDelivery``: it says nothing to shoppers.
_CODE = re.compile(r"\w+_\w+|(?:[A-Z][a-z]+){2,}", re.ASCII)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

#: The statuses that date a dispatch: the carrier has the parcel, and it is on its way to the shopper.
UNDERWAY = (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One line of a history. ``on`` is its local day, ``event`` its line for shoppers, or ``None``. ``unknown_word`` is
    the carrier's word if the adapter's table has no entry for it."""

    status: Status
    on: date | None = None
    happened_at: datetime | None = None
    event: TrackingEvent | None = None
    unknown_word: str = ""

    @classmethod
    def of(
        cls,
        status: Status,
        unknown_word: str = "",
        *,
        on: date | None,
        happened_at: datetime | None,
        words: str,
        city: str = "",
        state: str = "",
    ) -> "Scan":
        """The scan with its line for shoppers, as `single_event` writes it."""
        shown = single_event(status, on=on, happened_at=happened_at, words=words, city=city, state=state)
        return cls(
            status=status, on=on, happened_at=happened_at, event=next(iter(shown), None), unknown_word=unknown_word
        )


def single_event(
    status: Status, *, on: date | None, happened_at: datetime | None, words: str, city: str = "", state: str = ""
) -> tuple[TrackingEvent, ...]:
    """The line for shoppers. There is none without a day or without words, nor for a cancelled label: the shopper's
    parcel may come with another one. Where the words are a bare code, `Status.words` say what it means."""
    words = status.words if _CODE.fullmatch(words) else words
    if on is None or not words or status is Status.CANCELLED:
        return ()
    return (TrackingEvent(day=on, happened_at=happened_at, description=words, city=city, state=state),)


@dataclass(frozen=True, slots=True)
class History:
    """The scans of one message, in their original order."""

    scans: tuple[Scan, ...]

    def times(self, *statuses: Status) -> list[datetime]:
        """The instants of the dated scans with these statuses; without statuses, of all dated scans."""
        return [scan.happened_at for scan in self._with(*statuses) if scan.happened_at is not None]

    def first(self, *statuses: Status) -> datetime | None:
        """The earliest instant of a scan with one of these statuses; ``None`` if none is dated, or if one without an
        instant was on an earlier day."""
        earliest = min(self.times(*statuses), default=None)
        if earliest is None:
            return None
        days = [scan.on or earliest.date() for scan in self._with(*statuses) if scan.happened_at == earliest]
        undated = [scan.on for scan in self._with(*statuses) if scan.happened_at is None and scan.on is not None]
        return None if any(on < min(days) for on in undated) else earliest

    def last(self, *statuses: Status) -> datetime | None:
        """The latest instant of a scan with one of these statuses; ``None`` if none is dated."""
        return max(self.times(*statuses), default=None)

    def allows(self, shipped: datetime | None) -> bool:
        """Whether a ship date from outside the history, such as the merchant's, may date the dispatch: no scan shows
        the carrier on its way with the parcel, and the label was not made later."""
        if shipped is None or self._with(*UNDERWAY):
            return False
        return not any(_is_later(scan, shipped) for scan in self._with(Status.ANNOUNCED))

    def settled(self, status: Status) -> Status:
        """``status``, but `Status.RETURNED` for a delivery that the history knows as the last step of a return alone:
        that delivery is to the merchant."""
        if not self.returned_before(status):
            return status
        back, forth = self.last(Status.RETURNED), self.last(*UNDERWAY, Status.DELIVERED)
        if back is not None and forth is not None:
            return Status.RETURNED if back >= forth else status
        return status if self._with(Status.DELIVERED) else Status.RETURNED

    def returned_before(self, status: Status) -> bool:
        """Whether ``status`` is a delivery, and a return stands beside it. It may be to the merchant, or the return was
        called off: it must be marked as ``returned``."""
        return status is Status.DELIVERED and bool(self._with(Status.RETURNED))

    @property
    def events(self) -> tuple[TrackingEvent, ...]:
        """The lines for shoppers, without repetitions."""
        return tuple(dict.fromkeys(scan.event for scan in self.scans if scan.event is not None))

    @property
    def unknown_words(self) -> tuple[str, ...]:
        """The words that the adapter's table lacks, without repetitions."""
        return tuple(dict.fromkeys(scan.unknown_word for scan in self.scans if scan.unknown_word))

    def _with(self, *statuses: Status) -> list[Scan]:
        return [scan for scan in self.scans if not statuses or scan.status in statuses]


def oldest_first(scans: Iterable[Scan], path: str, *, promised: bool = False) -> History:
    """The scans of a list, the oldest first; those of one moment keep their order. One without a date stands behind all
    that the list has before it, if the carrier has ``promised`` to begin with the oldest, or if the dates show which
    way the list runs.

    Raises `Unreadable` if its place is not known: it may be the newest.
    """
    listed = list(scans)
    times = [scan.happened_at for scan in listed if scan.happened_at is not None]
    if not promised and len(times) < len(listed) > 1:
        forth = sorted(times)
        if len(set(times)) < 2 or times not in (forth, forth[::-1]):
            raise Unreadable(path, "has an event without a date, and the others do not show where it belongs")
        listed = listed if times == forth else listed[::-1]
    reached = accumulate((scan.happened_at or _LONG_AGO for scan in listed), max)
    placed = sorted(zip(listed, reached, strict=True), key=lambda pair: pair[0].happened_at or pair[1])
    return History(tuple(scan for scan, _ in placed))


def _is_later(scan: Scan, at: datetime) -> bool:
    """Whether the scan came after ``at``: by its instant, or by its day alone."""
    if scan.happened_at is not None:
        return scan.happened_at > at
    return scan.on is not None and scan.on > at.date()


def look_up(table: Mapping[str, Status], word: str | None) -> tuple[Status, str]:
    """The status of a carrier's word, and the word itself if the table does not have it (else ``""``).

    A known word that does not say where the parcel is has the entry `Status.OTHER`.
    """
    if not word:
        return Status.OTHER, ""
    status = table.get(word)
    return (status, "") if status is not None else (Status.OTHER, word)
