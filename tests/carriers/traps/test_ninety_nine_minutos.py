"""The traps that 99minutos sets."""

from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, ReferenceKind, Status, Unreadable, ninety_nine_minutos
from tests.support.adapter import POST, payload, proves, read_one

STATUSES = {
    Status.ANNOUNCED: "1001 1002 2002 2101",
    Status.DISPATCHED: "2003",
    Status.IN_TRANSIT: "3001 3002 3003 3004 4101",
    Status.OUT_FOR_DELIVERY: "4001",
    Status.DELIVERED: "4002",
    Status.RETURNED: "5001 5002 5101",
    Status.EXCEPTION: "7101 8001 8004",
    Status.CANCELLED: "8003",
    Status.OTHER: "7102",
}


def event(code: object, at: object = "2026-11-17 10:00:00", words: str | None = "x") -> dict:
    return {"StatusCode": code, "StatusName": words, "Data": {"comment": "Titular - Jo Doe"}, "CreatedAt": at}


def told(*events: dict, **changes) -> dict:
    return {"StatusName": "stored", "TrackingId": "1870000001", "InternalKey": None, "Events": list(events), **changes}


class TestProof:
    def test_header_of_the_merchants_choice(self):
        """Trap 4: nothing is signed; a header that the merchant configures proves the sender and not the body."""
        assert proves(ninety_nine_minutos, "x-webhook-token", "s", b"anything", "s")
        assert not proves(ninety_nine_minutos, "x-webhook-token", "t", b"anything", "s")


class TestStatus:
    @pytest.mark.parametrize(
        ("expected", "code"), [(status, code) for status, codes in STATUSES.items() for code in codes.split()]
    )
    def test_codes(self, expected, code):
        """Traps 14 to 16: codes decide; going to fetch a parcel is no dispatch, and names are not codes."""
        shipment = read_one(ninety_nine_minutos, told(event(code)))

        assert (expected, ()) == (shipment.status, shipment.unknown_words)

    @pytest.mark.parametrize("code", ["9999", "delivered"])
    def test_unknown(self, code):
        """Trap 16: a code that no list has is "other" and is named, wherever in the history it stands."""
        newest = read_one(ninety_nine_minutos, told(event(code)))
        older = read_one(ninety_nine_minutos, told(event(code), event("4002", "2026-11-18 10:00:00")))

        assert (Status.OTHER, (code,)) == (newest.status, newest.unknown_words)
        assert (Status.DELIVERED, (code,)) == (older.status, older.unknown_words)

    @pytest.mark.parametrize("code", ["5001", "5002", "5101"])
    def test_delivered_back(self, code):
        """Trap 14: a delivery after a return in the same history is marked: it may be the merchant's."""
        said = told(event(code), event("4002", "2026-11-18 10:00:00"))
        shipment = read_one(ninety_nine_minutos, said)

        assert (Status.DELIVERED, True) == (shipment.status, shipment.returned)

    def test_code_as_number(self):
        """Trap 24: a code may be text or a number."""
        assert Status.DISPATCHED is read_one(ninety_nine_minutos, told(event(2003))).status

    def test_status_name(self):
        """Trap 17: the current StatusName lags behind the events in the documentation's sample; events decide."""
        said = read_one(ninety_nine_minutos, payload("ninety_nine_minutos", "delivered_out_of_order"))
        assert Status.DELIVERED is said.status
        assert "2026-11-17T18:45:54+00:00" == said.delivered_at.isoformat()

    def test_unordered(self):
        """Trap 20: the list is not in the order it promises; of equal times the later line is the newer."""
        out, stored = event("4001", "2026-11-17 16:01:40"), event("3001", "2026-11-17 15:37:06")
        for events in ((out, stored), (stored, out)):
            assert Status.OUT_FOR_DELIVERY is read_one(ninety_nine_minutos, told(*events)).status
        assert Status.DELIVERED is read_one(ninety_nine_minutos, told(event("4001"), event("4002"))).status

    def test_no_events(self):
        """A shipment without events is nothing to store."""
        with pytest.raises(Ignored, match="no events"):
            ninety_nine_minutos.read(told(), POST)


class TestTimes:
    def test_collected_missing(self):
        """Trap 18: the first event with the parcel dates the dispatch, a delivery or a return does not."""
        said = told(event("4001", "2026-11-18 10:00:00"), event("3001", "2026-11-17 03:05:02"))
        assert "2026-11-17T03:05:02+00:00" == read_one(ninety_nine_minutos, said).dispatched_at.isoformat()
        for code in ("1002", "2101", "4002", "5002", "8001", "9999"):
            assert read_one(ninety_nine_minutos, told(event(code))).dispatched_at is None

    def test_utc(self):
        """Trap 23: CreatedAt has no offset and is in UTC, whatever the endpoint says."""
        shipment = read_one(ninety_nine_minutos, told(event("2003")))

        assert "2026-11-17T10:00:00+00:00" == shipment.dispatched_at.isoformat()

    def test_local_day(self):
        """An endpoint's zone says where the parcels are: an evening there is not the next day."""
        said = told(event("4002", "2026-11-18 02:30:00"))
        here = read_one(ninety_nine_minutos, said, ZoneInfo("America/Mexico_City"))

        assert "2026-11-17T20:30:00-06:00" == here.delivered_at.isoformat()
        assert ["2026-11-17"] == [each.day.isoformat() for each in here.events]
        assert ["2026-11-18"] == [each.day.isoformat() for each in read_one(ninety_nine_minutos, said).events]

    def test_outside_the_calendar(self):
        """A time that has no local day is refused with its place."""
        with pytest.raises(Unreadable, match=r"\$\.Events\[0\]\.CreatedAt: is outside the calendar"):
            read_one(ninety_nine_minutos, told(event("2003", "9999-12-31 23:59:59")), ZoneInfo("Asia/Tokyo"))

    @pytest.mark.parametrize("at", ["soon", "17/11/2026 10:00"])
    def test_no_time(self, at):
        """Trap 23: a time that is none is refused with its place."""
        with pytest.raises(Unreadable, match=r"\$\.Events\[0\]\.CreatedAt"):
            ninety_nine_minutos.read(told(event("2003", at)), POST)

    @pytest.mark.parametrize("at", [None, "", " ", "0001-01-01 00:00:00", "0000-00-00 00:00:00"])
    def test_no_date(self, at):
        """Trap 23: an event without a date stands where the list has it; shoppers do not see it."""
        on_its_way, delivered = event("3001", "2026-11-17 09:00:00"), event("4002", "2026-11-18 10:00:00")
        between = read_one(ninety_nine_minutos, told(on_its_way, event("7101", at), delivered))
        newest = read_one(ninety_nine_minutos, told(on_its_way, event("4002", at)))
        alone = read_one(ninety_nine_minutos, told(event("2003", at)))

        assert (Status.DELIVERED, "2026-11-18") == (between.status, between.delivered_at.date().isoformat())
        assert 2 == len(between.events)
        assert (Status.DELIVERED, None) == (newest.status, newest.delivered_at)
        assert "2026-11-17T09:00:00+00:00" == newest.happened_at.isoformat()
        assert (Status.DISPATCHED, None, ()) == (alone.status, alone.happened_at, alone.events)


class TestValues:
    def test_names_stay_outside(self):
        """Trap 31: comments name drivers and recipients; an event says its status and nothing else."""
        for words, shown in (
            ("delivered", "Delivered"),
            ("with_a_driver", "Delivered"),
            ("Fue entregado", "Fue entregado"),
        ):
            (line,) = read_one(ninety_nine_minutos, told(event("4002", words=words))).events
            assert shown == line.description
        (line,) = read_one(ninety_nine_minutos, told(event("4002", words=None))).events
        assert "Delivered" == line.description
        assert () == read_one(ninety_nine_minutos, told(event("8001", words="lost"))).events

    def test_repeated(self):
        """Trap 20: the whole history comes each time, and a line that is there twice is one event."""
        assert 1 == len(read_one(ninety_nine_minutos, told(event("2003"), event("2003"))).events)

    def test_internal_key(self):
        """Trap 27: InternalKey is what the merchant sent, as text; without it there is no reference."""
        (reference,) = read_one(ninety_nine_minutos, told(event("2003"), InternalKey=187)).references
        assert (ReferenceKind.ORDER_ID, "187") == (reference.kind, reference.value)
        assert () == read_one(ninety_nine_minutos, told(event("2003"))).references
