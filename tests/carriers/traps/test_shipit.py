"""The traps that Shipit sets."""

from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, ReferenceKind, Status, shipit
from receiver.carriers import discover
from tests.support.adapter import POST, payload, proves, read_one

STATUSES = {
    Status.ANNOUNCED: "created requested in_preparation fulfillment pending retired_by ready_to_dispatch dispatched "
    "crossdock fulfillment_open fulfillment_pending fulfillment_success fulfillment_partial fulfillment_canceled",
    Status.CANCELLED: "canceled",
    Status.DISPATCHED: "received_for_courier",
    Status.IN_TRANSIT: "in_route in_transit by_retired",
    Status.DELIVERED: "delivered",
    Status.RETURNED: "returned returned_in_route returned_failed back_in_route at_shipit",
    Status.EXCEPTION: "failed strayed damaged indemnify first_closed_address second_closed_address incomplete_address "
    "unexisting_address unreachable_destiny reused_by_destinatary unkown_destinatary failed_by_retired",
    Status.OTHER: "other to_marketplace shipped ready_to_ship packaging_solicited",
}


def told(**changes) -> dict:
    return payload("shipit", "delivered") | {"sub_status": None} | changes


class TestProof:
    def test_bearer(self):
        """Trap 4: the token is the merchant's and says nothing of the body; other ways to carry it may be chosen."""
        assert proves(shipit, "authorization", "Bearer s", b"anything", "s")
        assert not proves(shipit, "authorization", "s", b"anything", "s")
        assert ["bearer", "header", "query", "path"] == [scheme.kind for scheme in shipit.AUTH]


class TestStatus:
    @pytest.mark.parametrize(
        ("expected", "word"), [(status, word) for status, words in STATUSES.items() for word in words.split()]
    )
    def test_words(self, expected, word):
        """Traps 14 to 16: what Shipit has the courier has not; a counter is no delivery."""
        shipment = read_one(shipit, told(status=word))

        assert (expected, ()) == (shipment.status, shipment.unknown_words)

    @pytest.mark.parametrize("word", ["teleported", "Delivered"])
    def test_unknown(self, word):
        """Trap 16: a word that no list has is "other", and is named, in whichever field it stands."""
        shipment = read_one(shipit, told(status=word, sub_status=word))

        assert (Status.OTHER, None, (word,)) == (shipment.status, shipment.delivered_at, shipment.unknown_words)
        assert ("teleported",) == read_one(shipit, told(sub_status="teleported")).unknown_words

    @pytest.mark.parametrize(
        ("word", "detail", "expected"),
        [
            ("in_route", "back_in_route", Status.RETURNED),
            ("in_route", "second_closed_address", Status.EXCEPTION),
            ("in_route", "delivered", Status.IN_TRANSIT),
            ("in_route", "other", Status.IN_TRANSIT),
            ("delivered", "in_route", Status.DELIVERED),
            ("delivered", "returned_in_route", Status.RETURNED),
        ],
    )
    def test_sub_status(self, word, detail, expected):
        """Trap 17: `sub_status` is the finer word, but it makes no delivery, and hides one only by a return."""
        assert expected is read_one(shipit, told(status=word, sub_status=detail)).status

    def test_returned_by_the_couriers_words(self):
        """Trap 14: a courier that gave the parcel back to the sender says "delivered" with words of its own."""
        shipment = read_one(shipit, told(courier_status="DEVUELTO AL REMITENTE"))

        assert (Status.RETURNED, None) == (shipment.status, shipment.delivered_at)

    def test_dispatched_is_none(self):
        """Trap 15: "dispatched" means that the parcel left Shipit, not that the courier took it."""
        assert read_one(shipit, payload("shipit", "checked_out_of_shipit")).dispatched_at is None

    @pytest.mark.parametrize("word", ["received_for_courier", "in_route", "by_retired"])
    def test_first_possession(self, word):
        """Trap 18: whichever status with the courier is heard of first dates the dispatch."""
        assert "2026-11-18T16:02:31-03:00" == read_one(shipit, told(status=word)).dispatched_at.isoformat()

    @pytest.mark.parametrize("word", ["delivered", "returned", "failed", "in_preparation", "canceled"])
    def test_no_dispatch(self, word):
        """Trap 18: the date of a delivery, a return or trouble is not the dispatch's."""
        assert read_one(shipit, told(status=word)).dispatched_at is None

    def test_return(self):
        """Trap 14: a label for goods that travel back to the merchant is marked, and its delivery is none."""
        back, sent = (read_one(shipit, told(is_returned=mark)) for mark in (True, False))

        assert (True, Status.RETURNED, None) == (back.reverse, back.status, back.delivered_at)
        assert (False, Status.DELIVERED) == (sent.reverse, sent.status)

    @pytest.mark.parametrize("reference", ["test-1", " TEST-0001"])
    def test_test_package(self, reference):
        """Trap 32: a reference that begins with test- marks a package of Shipit's tests."""
        with pytest.raises(Ignored, match="test of Shipit"):
            shipit.read(told(reference=reference), POST)


class TestValues:
    def test_time_without_offset(self):
        """Trap 23: a time without an offset, which the page does not show, needs the endpoint's zone."""
        bare = told(courier_status_updated_at="2026-11-18T16:02:31")
        assert read_one(shipit, bare).delivered_at is None
        local = read_one(shipit, bare, zone=ZoneInfo("America/Santiago"))
        assert "2026-11-18T16:02:31-03:00" == local.delivered_at.isoformat()

    def test_last_change_dates_nothing(self):
        """Trap 23: `updated_at` is the change of any field: it says which message is newer, and no more."""
        shipment = read_one(shipit, told(courier_status_updated_at=None, updated_at="2026-11-20T01:00:00.000-03:00"))

        assert (None, ()) == (shipment.delivered_at, shipment.events)
        assert "2026-11-20T01:00:00-03:00" == shipment.happened_at.isoformat()

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"courier_url": "https://courier.example/1"}, "https://courier.example/1"),
            ({"courier_url": "https://c.example/1", "tracking_url": "https://s.example/1"}, "https://s.example/1"),
            ({"courier_url": "Sin tracking"}, "https://seguimiento.shipit.cl/statuses?number=918500006"),
            ({"courier_url": None, "tracking_number": None}, None),
        ],
    )
    def test_url(self, changes, expected):
        """Trap 29: the words "Sin tracking" are no URL; Shipit's own page stands in once there is a number."""
        assert expected == read_one(shipit, told(**changes)).tracking_url

    def test_courier(self):
        """Trap 29: the courier comes as a code; shoppers know the name."""
        told_by = [read_one(shipit, told(courier_for_client=code)) for code in ("STARKEN", "Otro Courier", "", None)]
        assert ["Starken", "Otro Courier", None, None] == [shipment.courier for shipment in told_by]
        assert ["STARKEN", "Otro Courier", "", ""] == [shipment.courier_code for shipment in told_by]

    def test_number_comes_late(self):
        """Trap 30: the shipment's id is the key, and a number may follow."""
        early = read_one(shipit, payload("shipit", "created_without_number"))
        assert ("18500002", None) == (early.key, early.tracking_number)

    def test_reference(self):
        """Trap 27: `reference` is the merchant's order as far as Shipit knows; nothing where it is blank."""
        (reference,) = read_one(shipit, told(reference="v1-01")).references
        assert (ReferenceKind.ORDER_ID, "v1-01") == (reference.kind, reference.value)
        assert () == read_one(shipit, told(reference=" ")).references

    def test_sequence(self):
        """Trap 27: what Shipit took over from VTEX it calls by the order's sequence."""
        (sequence,) = read_one(shipit, told(reference=None, integration_reference=185006)).references
        assert (ReferenceKind.SEQUENCE, "185006") == (sequence.kind, sequence.value)

    def test_methods(self):
        """The page names POST and PUT; Shipit's own code sends PATCH."""
        assert ("POST", "PUT", "PATCH") == discover()["shipit"].methods

    def test_events(self):
        """Trap 31: the courier's words are the event; what happens before the courier is no event for the shopper."""
        assert ["ENTREGADO"] == [event.description for event in read_one(shipit, told()).events]
        assert ["delivered"] == [event.description for event in read_one(shipit, told(courier_status=None)).events]
        assert () == read_one(shipit, told(status="ready_to_dispatch")).events
