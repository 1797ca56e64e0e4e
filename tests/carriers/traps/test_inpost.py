"""The traps InPost ShipX sets, and the choices its adapter makes."""

from dataclasses import replace

import pytest

from adapters import Status, Unreadable
from receiver.carriers import discover
from tests.support.parcels import proves, reader, recorded

parcel = reader("inpost", "taken_by_courier")
SECRET = "inpost-demo-secret"


class TestProof:
    def test_url_is_the_secret(self) -> None:
        """Trap 4: nothing is signed, so the URL itself must not be guessed."""
        request = recorded("inpost", "taken_by_courier")

        assert ["path", "query"] == [scheme.kind for scheme in discover()["inpost"].auth]
        assert proves("inpost", replace(request, token=SECRET), SECRET)
        assert not proves("inpost", replace(request, token=""), SECRET)
        assert proves("inpost", replace(request, query=f"token={SECRET}"), SECRET, scheme=1)

    @pytest.mark.parametrize(("method", "probe"), [("GET", True), ("HEAD", True), ("POST", False)])
    def test_probe(self, method: str, probe: bool) -> None:
        """Trap 9: the URL must answer GET; an empty POST is no probe."""
        request = replace(recorded("inpost", "get_probe"), method=method)

        assert probe == discover()["inpost"].probe.matches(request)


class TestEvents:
    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("confirmed", Status.ANNOUNCED),
            ("dispatched_by_sender", Status.DISPATCHED),
            ("collected_from_sender", Status.DISPATCHED),
            ("ready_to_pickup", Status.IN_TRANSIT),
            ("avizo", Status.IN_TRANSIT),
            ("undelivered", Status.EXCEPTION),
            ("returned_to_sender", Status.RETURNED),
            ("canceled", Status.CANCELLED),
            ("dispatched_by_sender_to_pok", Status.DISPATCHED),
            ("pickup_time_expired", Status.IN_TRANSIT),
            ("ready_to_pickup_from_branch", Status.IN_TRANSIT),
            ("stack_in_customer_service_point", Status.IN_TRANSIT),
            ("canceled_redirect_to_box", Status.IN_TRANSIT),
            ("out_for_delivery_to_address", Status.OUT_FOR_DELIVERY),
            ("taken_by_courier_from_customer_service_point", Status.RETURNED),
            ("return_pickup_confirmation_to_sender", Status.OTHER),
            ("rejected_by_receiver", Status.EXCEPTION),
            ("claimed", Status.EXCEPTION),
            ("Delivered", Status.OTHER),
            (None, Status.OTHER),
        ],
    )
    def test_words(self, word: str | None, status: Status) -> None:
        """Traps 14 to 16: a parcel in a locker waits for its shopper; a word on no list says nothing."""
        shipment = parcel(payload__status=word)

        assert status == shipment.status
        assert shipment.delivered_at is None

    def test_unknown_word(self) -> None:
        """A word that the dictionary lacks is named; a known word without a meaning is not."""
        assert ("teleported",) == parcel(payload__status="teleported").unknown_words
        assert ("Delivered",) == parcel(payload__status="Delivered").unknown_words
        assert () == parcel(payload__status="other").unknown_words

    def test_unknown_event(self) -> None:
        """An event that InPost does not describe is kept and refused by name."""
        with pytest.raises(Unreadable, match="shipment_teleported"):
            parcel(event="shipment_teleported")

    def test_courier_never_seen(self) -> None:
        """Trap 18: any status on the way dates the dispatch where the first never came; a delivery does not."""
        assert parcel().happened_at == parcel(payload__status="sent_from_sorting_center").dispatched_at
        assert reader("inpost", "delivered")().dispatched_at is None

    def test_status_of_a_confirmation(self) -> None:
        """Trap 17: the event is a confirmation, whatever status might come with it."""
        assert Status.ANNOUNCED == parcel(event="shipment_confirmed", payload__status="delivered").status


class TestValues:
    def test_space_before_the_offset(self) -> None:
        """Trap 23: the offset stands after a space and has no colon."""
        assert "2026-11-16T15:08:06+01:00" == parcel().happened_at.isoformat()
        assert "2026-07-16T12:57:29+02:00" == parcel(event_ts="2026-07-16 12:57:29 +0200").happened_at.isoformat()

    @pytest.mark.parametrize("written", ["2026-11-16 15:08:06", "16.11.2026 15:08", ""])
    def test_other_format(self, written: str) -> None:
        """Trap 23: without its offset a time is refused; none at all is no time."""
        if not written:
            assert parcel(event_ts=written).happened_at is None
            return
        with pytest.raises(Unreadable, match=r"\$\.event_ts"):
            parcel(event_ts=written)

    def test_local_day(self) -> None:
        """Trap 23: the day is Poland's, as written."""
        (event,) = reader("inpost", "posted_in_locker")(event_ts="2026-11-17 00:20:00 +0100").events

        assert "2026-11-17" == event.day.isoformat()

    def test_number_comes_late(self) -> None:
        """Trap 30: the id is there from the start, the number may follow."""
        early = reader("inpost", "confirmed_without_number")

        assert early().tracking_number is None
        assert early().key == early(payload__tracking_number="627000000000000000000006").key == "5270006"

    def test_no_reference(self) -> None:
        """Trap 27: nothing in the message is the merchant's."""
        assert () == parcel().references
        assert () == discover()["inpost"].references
