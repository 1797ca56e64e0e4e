"""PURE: which differences between the carrier's data and VTEX's are no reason for another write."""

from datetime import date, datetime
from urllib.parse import urlsplit

from receiver.shipments import Known, Sent
from receiver.shipments.numbers import is_among
from receiver.vtex.tracking import is_ahead


def kept_back(known: Known, sent: Sent) -> list[str]:
    """The carrier's data that is not sent to VTEX, because a write may mail the shopper: as text, for a parcel in
    step."""
    said = []
    if (at := known.dispatched_at) is not None and not sent.written:
        said.append(f"dispatched {iso(at)}: VTEX had the tracking already, its date stays as it is")
    elif at is not None and sent.dispatched_date and at.replace(microsecond=0) != _time(sent.dispatched_date):
        said.append(f"dispatched {iso(at)}: VTEX has {sent.dispatched_date}, and only an earlier day is sent")
    page, number = known.tracking_url, known.tracking_number
    if page and page != sent.tracking_url and same_page(page, sent.tracking_url):
        said.append(f"page {page}: nothing but its query is another one")
    if number and number != sent.tracking_number and is_among(sent.tracking_number, known.numbers):
        said.append(f"number {number}: VTEX has {sent.tracking_number}, which is this parcel's, too")
    told_at = sent.tracking.at if sent.tracking else sent.at
    ahead = {event.day.isoformat() for event in known.events if is_ahead(event, told_at)}
    return [*said, *(f"event dated {day}: no shopper sees it, for that day was still to come" for day in sorted(ahead))]


def same_page(one: str | None, other: str | None) -> bool:
    """True if two URLs differ only in query and fragment, which hold session ids and times."""
    if one == other:
        return True
    if not one or not other:
        return False
    try:
        first, second = urlsplit(one), urlsplit(other)
    except ValueError:
        return False
    return (first.scheme, first.netloc.lower(), first.path) == (second.scheme, second.netloc.lower(), second.path)


def is_earlier_day(known: str | None, sent: str | None) -> bool:
    """True if the date known now is on an earlier day than the one sent, or none was sent. Both as `iso` writes them;
    the day is in the offset of the known date."""
    if known is None:
        return False
    return sent is None or _day(known) < _day(sent, of=known)


def iso(time: datetime | None) -> str | None:
    """A time in VTEX's format: to the second, always with an explicit offset."""
    return time.isoformat(timespec="seconds") if time else None


def _day(written: str, *, of: str | None = None) -> date:
    """The day of a time, in its own offset or in that of ``of``."""
    at = _time(written)
    return at.astimezone(_time(of).tzinfo).date() if of else at.date()


def _time(written: str) -> datetime:
    return datetime.fromisoformat(written)
