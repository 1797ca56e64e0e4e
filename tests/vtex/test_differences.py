"""Which differences are no reason for another write, and how people hear of them."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from adapters import Reference, ReferenceKind, TrackingEvent
from receiver.shipments import Known, SentTracking, Stamped, Volume
from receiver.vtex.differences import is_earlier_day, kept_back, same_page
from tests.support.sent_cases import sent_of

AT = datetime(2026, 11, 10, 12, tzinfo=UTC)
STAMP = (AT, AT, "digest")
KNOWN = Known(
    dispatched_at=AT,
    volumes={
        "": Volume(tracking_number=Stamped("TN1", STAMP), tracking_url=Stamped("https://t.example/TN1?ts=1", STAMP))
    },
    references=frozenset({Reference(ReferenceKind.TRACKING_NUMBER, "OWN1")}),
)
SENT = sent_of(
    {
        "trackingNumber": "TN1",
        "trackingUrl": "https://t.example/TN1?ts=1",
        "courier": "Jadlog",
        "dispatchedDate": "2026-11-10T09:00:00-03:00",
    }
)


def test_nothing_is_kept_back():
    """The same instant in another offset, the same page and number: nothing to say."""
    assert [] == kept_back(KNOWN, SENT)
    assert [] == kept_back(replace(KNOWN, dispatched_at=AT.replace(microsecond=5)), SENT)
    assert [] == kept_back(KNOWN, replace(SENT, dispatched_date=None))  # a date that became known is written
    assert [] == kept_back(Known(), SENT)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"dispatched_date": "2026-11-10T10:00:00-03:00"},
            "dispatched 2026-11-10T12:00:00+00:00: VTEX has 2026-11-10T10",
        ),
        ({"written": False}, "dispatched 2026-11-10T12:00:00+00:00: VTEX had the tracking already"),
        ({"tracking_url": "https://t.example/TN1"}, "page https://t.example/TN1?ts=1: nothing but its query"),
        ({"tracking_number": "own-1"}, "number TN1: VTEX has own-1, which is this parcel's, too"),
    ],
)
def test_kept_back(changes, expected):
    """Each difference has its line."""
    (line,) = kept_back(KNOWN, replace(SENT, **changes))

    assert line.startswith(expected)


def test_event_ahead():
    """An event dated years ahead is not sent, and that is said; once its day has come, there is nothing to say."""
    known = replace(KNOWN, events=frozenset({TrackingEvent(day=date(2036, 11, 10), description="x", happened_at=AT)}))
    (line,) = kept_back(known, replace(SENT, at=AT.timestamp()))

    assert line.startswith("event dated 2036-11-10: no shopper sees it")
    later = datetime(2036, 11, 12, tzinfo=UTC).timestamp()
    told = SentTracking(digest="", at=later, delivered=False)
    assert [] == kept_back(known, replace(SENT, at=AT.timestamp(), tracking=told))


def test_other_number_and_page():
    """What belongs to another parcel, or is another page, is no such difference."""
    assert [] == kept_back(KNOWN, replace(SENT, tracking_number="TN9", tracking_url="https://t.example/TN9"))


@pytest.mark.parametrize(
    ("known", "sent", "expected"),
    [
        (None, None, False),
        (None, "2026-11-10T12:00:00-03:00", False),
        ("2026-11-10T12:00:00-03:00", None, True),
        ("2026-11-09T23:59:00-03:00", "2026-11-10T00:00:00-03:00", True),
        ("2026-11-10T00:00:00-03:00", "2026-11-10T23:59:00-03:00", False),
        ("2026-11-11T00:00:00-03:00", "2026-11-10T23:59:00-03:00", False),
        ("2026-11-10T22:00:00-03:00", "2026-11-11T01:30:00+00:00", False),
        ("2026-11-10T22:00:00-03:00", "2026-11-11T03:00:00+00:00", True),
    ],
)
def test_earlier_day(known, sent, expected):
    """Days are compared on the clock of the time that is known now."""
    assert expected is is_earlier_day(known, sent)


def test_page():
    """Query and fragment do not count, nor the host's capitals; scheme, host and path do."""
    page = "https://t.example/TN1"
    assert all(same_page(page, other) for other in (page, f"{page}?a=1", f"{page}#b", "https://T.example/TN1"))
    assert not any(same_page(page, other) for other in (None, "", "http://t.example/TN1", "https://t.example/tn1"))
    assert same_page(None, None)
