"""The traps that Delhivery sets, one sentence each."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, Status, delhivery
from tests.support.adapter import POST, payload, proves, read_one


def scan(case="picked_up", *, kind=None, **changes):
    body = payload("delhivery", case)
    if kind is not None:
        body["Shipment"]["Status"]["StatusType"] = kind
    named = {name: value for name, value in changes.items() if name in body["Shipment"]["Status"]}
    body["Shipment"]["Status"] |= named
    body["Shipment"] |= {name: value for name, value in changes.items() if name not in named}
    return body


class TestProof:
    def test_choices(self):
        """Trap 4: nothing is signed; header and value are agreed by a form, so any header may be chosen."""
        assert ["header", "header", "bearer", "basic", "path"] == [scheme.kind for scheme in delhivery.AUTH]
        assert proves(delhivery, "x-webhook-token", "delhivery-demo-token", b"anything", "delhivery-demo-token")
        assert not proves(delhivery, "x-webhook-token", "another", b"anything", "delhivery-demo-token")

    def test_one_retry(self):
        """Trap 13: what is not answered is repeated once, at once, and then lost; a refusal does no other harm."""
        assert (1, timedelta(0)) == (delhivery.RETRIES.times, delhivery.RETRIES.over)
        assert (200, 422) == (delhivery.REPLY.success, delhivery.REPLY.unreadable)


class TestStatuses:
    def test_closed_as_rto(self):
        """Trap 14: DL means closed; with RTO it is the merchant who has the parcel again."""
        back = read_one(delhivery, scan("closed_as_rto"))

        assert (Status.RETURNED, None, None) == (back.status, back.delivered_at, back.dispatched_at)

    @pytest.mark.parametrize("word", ["In Transit", "Pending", "Dispatched", "Delivered"])
    def test_on_its_way_back(self, word):
        """Trap 14: under RT the words are the same, and all of them are the way back."""
        back = read_one(delhivery, scan(kind="RT", Status=word))

        assert (Status.RETURNED, None, None) == (back.status, back.delivered_at, back.dispatched_at)

    def test_dispatched(self):
        """Trap 15: Delhivery's "Dispatched" leaves the last hub: out for delivery."""
        assert Status.OUT_FOR_DELIVERY == read_one(delhivery, scan("dispatched_is_out_for_delivery")).status

    def test_pickup_date_at_manifest_time(self):
        """Trap 15: PickUpDate is there before the parcel is picked up, so no status takes it for the dispatch."""
        assert read_one(delhivery, scan("manifested_with_pickup_date")).dispatched_at is None
        assert "2026-11-16T17:15:22+05:30" == read_one(delhivery, scan()).dispatched_at.isoformat()
        assert read_one(delhivery, scan("delivered")).dispatched_at is None

    @pytest.mark.parametrize(("kind", "word"), [("PP", "Scheduled"), ("PP", "Dispatched"), ("CN", "Canceled")])
    def test_no_pickup_yet(self, kind, word):
        """Trap 14: a pickup from the shopper that is planned or cancelled moves no parcel."""
        with pytest.raises(Ignored, match="from the shopper"):
            delhivery.read(scan(kind=kind, Status=word), POST)

    @pytest.mark.parametrize(("kind", "word"), [("PU", "In Transit"), ("PU", "Dispatched"), ("DL", "DTO")])
    def test_reverse_pickup(self, kind, word):
        """Trap 14: a parcel from the shopper is marked as reverse, and its delivery is to the merchant."""
        back = read_one(delhivery, scan(kind=kind, Status=word))

        assert (True, Status.RETURNED) == (back.reverse, back.status)
        assert (None, None) == (back.delivered_at, back.dispatched_at)
        assert not read_one(delhivery, scan("closed_as_rto")).reverse

    @pytest.mark.parametrize(
        ("kind", "word", "status", "words"),
        [
            ("UD", "Teleported", Status.OTHER, ("UD Teleported",)),
            ("RT", "Teleported", Status.RETURNED, ("RT Teleported",)),
            ("DL", "Delivered ", Status.DELIVERED, ()),
        ],
    )
    def test_unknown_words(self, kind, word, status, words):
        """A pair on no list is named, on the way back as well."""
        shipment = read_one(delhivery, scan(kind=kind, Status=word))

        assert (status, words) == (shipment.status, shipment.unknown_words)

    @pytest.mark.parametrize(
        ("kind", "word", "code", "expected"),
        [
            ("UD", "In Transit", "X-PPOM", Status.DISPATCHED),
            ("UD", "In Transit", "X-PIOM", Status.IN_TRANSIT),
            ("UD", "Manifested", "X-PPOM", Status.ANNOUNCED),
            ("UD", "Not Picked", "FMPUR-101", Status.ANNOUNCED),
            ("UD", "Delivered", "EOD-38", Status.OTHER),
            ("DL", "DTO", "EOD-38", Status.RETURNED),
            ("UD", "Teleported", None, Status.OTHER),
        ],
    )
    def test_pairs(self, kind, word, code, expected):
        """Trap 16: only the pair of type and status means something, and X-PPOM only says more of "In Transit"."""
        shipment = read_one(delhivery, scan(kind=kind, Status=word, NSLCode=code))

        assert (expected, None) == (shipment.status, shipment.delivered_at)

    @pytest.mark.parametrize("case", ["in_transit_first_heard", "dispatched_is_out_for_delivery"])
    def test_pickup_never_came(self, case):
        """Trap 18: of two tries one may be lost; the first scan that shows the parcel moving dates the dispatch."""
        shipment = read_one(delhivery, scan(case))

        assert shipment.happened_at == shipment.dispatched_at is not None


class TestValues:
    @pytest.mark.parametrize("written", ["2026-11-17T00:14:21.098", "2026-11-17 00:14:21.098"])
    def test_naive_time(self, written):
        """Trap 23: times have no offset, a T or a space between; India's, unless the endpoint says otherwise."""
        body = scan(StatusDateTime=written)
        (event,) = read_one(delhivery, body).events

        assert "2026-11-17T00:14:21.098000+05:30" == event.happened_at.isoformat()
        assert "2026-11-17" == event.day.isoformat()
        assert "+04:00" in read_one(delhivery, body, zone=ZoneInfo("Asia/Dubai")).happened_at.isoformat()

    def test_number_stays_text(self):
        """Trap 24: a number given as a number is the same parcel."""
        assert read_one(delhivery, scan(AWB=37000000000002)).key == read_one(delhivery, scan(AWB="37000000000002")).key

    def test_reference(self):
        """Trap 27: ReferenceNo is the order of the manifest call; blank, it names nothing."""
        assert ["1937000000002-01"] == [one.value for one in read_one(delhivery, scan()).references]
        assert () == read_one(delhivery, scan("picked_up_with_a_link")).references

    @pytest.mark.parametrize(
        ("written", "place"),
        [
            ("Palwal_NewColony_D (Haryana)", ("Palwal", "Haryana")),
            ("Machilipatnam_Chilakalapudi_D (Andhra Pradesh)", ("Machilipatnam", "Andhra Pradesh")),
            ("Gurgaon Hub", ("Gurgaon Hub", "")),
            (None, ("", "")),
        ],
    )
    def test_location(self, written, place):
        """A location is a facility's code with the state in brackets; what is written otherwise stays whole."""
        (event,) = read_one(delhivery, scan(StatusLocation=written)).events

        assert place == (event.city, event.state)

    def test_words(self):
        """An event without instructions has the status for its words."""
        (event,) = read_one(delhivery, scan(Instructions=" ")).events

        assert "In Transit" == event.description
