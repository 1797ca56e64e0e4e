"""The traps that Shipit sets."""

from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, ReferenceKind, Status, shipit
from tests.support.adapter import POST, payload, proves, read_one

STATUSES = {
    Status.ANNOUNCED: "created requested in_preparation fulfillment pending retired_by ready_to_dispatch dispatched",
    Status.CANCELLED: "canceled",
    Status.DISPATCHED: "received_for_courier",
    Status.IN_TRANSIT: "in_route in_transit back_in_route by_retired",
    Status.DELIVERED: "delivered",
    Status.RETURNED: "returned returned_in_route",
    Status.EXCEPTION: "failed at_shipit strayed damaged indemnify",
    Status.OTHER: "other to_marketplace shipped Delivered",
}


def told(**changes) -> dict:
    return payload("shipit", "delivered") | changes


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
        """Traps 14 to 16: what Shipit has the courier has not; a counter is no delivery; unknown words stay unknown."""
        assert expected is read_one(shipit, told(status=word)).status

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
        """Trap 14: goods that travel back to the merchant are no news for the order's parcel."""
        with pytest.raises(Ignored, match="back to the merchant"):
            shipit.read(told(is_returned=True), POST)
        assert Status.DELIVERED is read_one(shipit, told(is_returned=False)).status

    @pytest.mark.parametrize("reference", ["test-1", " TEST-0001"])
    def test_test_package(self, reference):
        """Trap 32: a reference that begins with test- marks a package of Shipit's tests."""
        with pytest.raises(Ignored, match="test of Shipit"):
            shipit.read(told(reference=reference), POST)


class TestValues:
    def test_time_without_offset(self):
        """Trap 23: a time without an offset, which the page does not show, needs the endpoint's zone."""
        bare = told(updated_at="2026-11-18T16:02:31")
        assert read_one(shipit, bare).delivered_at is None
        local = read_one(shipit, bare, zone=ZoneInfo("America/Santiago"))
        assert "2026-11-18T16:02:31-03:00" == local.delivered_at.isoformat()

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"courier_url": "https://courier.example/1"}, "https://courier.example/1"),
            ({"courier_url": "Sin tracking", "tracking_url": "https://s.example/1"}, "https://s.example/1"),
            ({"courier_url": "Sin tracking"}, "https://seguimiento.shipit.cl/statuses?number=918500006"),
            ({"courier_url": None, "tracking_number": None}, None),
        ],
    )
    def test_url(self, changes, expected):
        """Trap 29: the words "Sin tracking" are no URL; Shipit's own page stands in once there is a number."""
        assert expected == read_one(shipit, told(**changes)).tracking_url

    def test_courier(self):
        """Trap 29: the courier comes as a code; shoppers know the name."""
        names = [read_one(shipit, told(courier_for_client=code)).courier for code in ("STARKEN", "99minutos", "", None)]
        assert ["Starken", "99minutos", None, None] == names

    def test_number_comes_late(self):
        """Trap 30: the shipment's id is the key, and a number may follow."""
        early = read_one(shipit, payload("shipit", "created_without_number"))
        assert ("18500002", None) == (early.key, early.tracking_number)

    def test_reference(self):
        """Trap 27: `reference` is the merchant's order as far as Shipit knows; nothing where it is blank."""
        (reference,) = read_one(shipit, told(reference="v1-01")).references
        assert (ReferenceKind.ORDER_ID, "v1-01") == (reference.kind, reference.value)
        assert () == read_one(shipit, told(reference=" ")).references

    def test_events(self):
        """Trap 31: the courier's words are the event; what happens before the courier is no event for the shopper."""
        assert ["ENTREGADO"] == [event.description for event in read_one(shipit, told()).events]
        assert ["delivered"] == [event.description for event in read_one(shipit, told(courier_status=None)).events]
        assert () == read_one(shipit, told(status="ready_to_dispatch")).events
