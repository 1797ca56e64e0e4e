"""The traps Shippit sets, and the choices its adapter makes."""

from datetime import UTC, datetime

import pytest

from adapters import Status, Unreadable
from tests.support.parcels import reader

parcel = reader("shippit", "delivered_first_seen")
COLLECTED = {"status": "in_transit", "time": "2026-11-16T14:05:09.000Z"}
BOOKED = {"status": "return_booked", "time": "2026-11-19T08:00:00.000Z"}
COMPLETED = {"status": "completed", "time": "2026-11-18T01:40:32.000Z"}


@pytest.mark.parametrize("state", ["ready_for_pickup", "pickup_failed", "awaiting_drop_off", "invalidated"])
def test_not_collected(state: str) -> None:
    """What is booked, and even "ready for pickup", is with the shop."""
    shipment = parcel(current_state=state, status_history=[{"status": state, "time": COLLECTED["time"]}])

    assert Status.ANNOUNCED == shipment.status
    assert shipment.dispatched_at is None


@pytest.mark.parametrize("state", ["parcel_completed", "partially_completed", "awaiting_collection"])
def test_look_alikes(state: str) -> None:
    """A part of the parcels, or a collection point, is no delivery."""
    history = [{"status": state, "time": COMPLETED["time"]}, COLLECTED]
    shipment = parcel(current_state=state, status_history=history)

    assert Status.DELIVERED != shipment.status
    assert shipment.delivered_at is None


class TestReturns:
    def test_after_the_delivery(self) -> None:
        """A return that is booked after the delivery takes nothing from it."""
        assert not parcel(status_history=[BOOKED, COMPLETED, COLLECTED]).returned

    def test_before_the_delivery(self) -> None:
        """What is completed after a booked return may be the way back."""
        assert parcel(status_history=[{**COMPLETED, "time": "2026-11-20T00:00:00Z"}, BOOKED, COLLECTED]).returned

    def test_completion_outside_the_history(self) -> None:
        assert parcel(status_history=[BOOKED, COLLECTED]).returned
        assert not parcel(status_history=[COLLECTED]).returned

    def test_back_at_the_sender(self) -> None:
        """The order's state is completed, and the newest line says that the parcel is back."""
        back = {"status": "returned_to_sender", "time": "2026-11-20T00:00:00Z"}
        shipment = parcel(status_history=[back, COMPLETED, COLLECTED])

        assert Status.RETURNED == shipment.status
        assert shipment.delivered_at is None


class TestTimes:
    def test_order_of_one_moment(self) -> None:
        """The newest stands first, also among lines of one moment."""
        at = COMPLETED["time"]
        events = parcel(status_history=[{"status": word, "time": at} for word in ("completed", "with_driver")]).events

        assert ["Out for delivery", "Delivered"] == [event.description for event in events]

    def test_utc(self) -> None:
        """Without the endpoint's zone the days are those of UTC."""
        assert datetime(2026, 11, 16, 14, 5, 9, tzinfo=UTC) == parcel().dispatched_at

    @pytest.mark.parametrize("time", ["2026-11-17T14:05:09", "", None])
    def test_without_an_offset(self, time: str | None) -> None:
        """A line without an offset has no instant: it stands where the list has it, and says no date."""
        shipment = parcel(status_history=[COMPLETED, {"status": "with_driver", "time": time}, COLLECTED])
        shown = [event.description for event in shipment.events]

        assert (datetime(2026, 11, 16, 14, 5, 9, tzinfo=UTC), 3 if time else 2) == (shipment.dispatched_at, len(shown))
        with pytest.raises(Unreadable, match="do not show where it belongs"):
            parcel(status_history=[{**COMPLETED, "time": time}, COLLECTED])

    def test_a_return_at_no_time(self) -> None:
        """A return that was spoken of at a time that is not known may have come before the delivery."""
        assert parcel(status_history=[COMPLETED, {**BOOKED, "time": None}, COLLECTED]).returned
