"""The traps Karrio sets, and the choices its adapter makes."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, Status, Unreadable
from receiver.carriers import discover
from tests.support.parcels import body_of, proves, read, reader, recorded

tracker = reader("karrio", "picked_up")
local = reader("karrio", "delivered_local_times")
EDMONTON = ZoneInfo("America/Edmonton")


class TestProof:
    def test_misleading_header(self) -> None:
        """Trap 6: ``X-Event-Id`` is the secret itself; it is redacted, and no event's id."""
        karrio = discover()["karrio"]
        request = replace(recorded("karrio", "picked_up"), headers={"x-event-id": "whsec_karrio_demo"})

        assert ("x-event-id",) == karrio.auth[0].credential_headers
        assert proves("karrio", request, "whsec_karrio_demo")
        assert not proves("karrio", request, "whsec_another")
        assert karrio.event_id(body_of("karrio", "picked_up"), request) is None

    def test_body_unprotected(self) -> None:
        """Trap 4: "cryptographic signatures", says the marketing page; the code sends the secret and signs nothing."""
        request = discover()["karrio"].auth[0].sign(recorded("karrio", "picked_up"), "demo")

        assert proves("karrio", replace(request, body=b"anything"), "demo")

    def test_no_retry(self) -> None:
        """Trap 13: nothing is sent twice and the sixth failure disables the webhook, so no refusal but for proof."""
        assert 200 == discover()["karrio"].reply.unreadable
        assert 0 == discover()["karrio"].retries.times


class TestForms:
    def test_documented_form(self) -> None:
        """Trap 7: the documentation shows the stored event; both forms read alike."""
        posted = body_of("karrio", "picked_up")
        stored = {"id": "evt_1", "type": posted["event"], "data": posted["data"], "test_mode": False}

        assert [tracker()] == read("karrio", stored, "picked_up")

    @pytest.mark.parametrize("change", [{"test_mode": True}, {"data__test_mode": True}])
    def test_test_mode(self, change: dict[str, object]) -> None:
        """Trap 32: test mode stands on the tracker, and in the documented form on the event."""
        with pytest.raises(Ignored, match="test mode"):
            tracker(**change)

    @pytest.mark.parametrize("event", ["shipment_purchased", "order_delivered", "pickup_scheduled", "batch_queued"])
    def test_other_events(self, event: str) -> None:
        """Shipments, orders and pick-ups have ids of their own; only trackers tell where a parcel is."""
        with pytest.raises(Ignored, match="carries no parcel status"):
            tracker(event=event)

    @pytest.mark.parametrize("event", ["parcel_lost", "", "tracker"])
    def test_unknown_event(self, event: str) -> None:
        """An event that is on no list is kept for a look, not dropped."""
        with pytest.raises(Unreadable, match=r"\$\.event"):
            tracker(event=event)

    def test_no_id(self) -> None:
        """Trap 30: without the tracker's id nothing is invented."""
        with pytest.raises(Unreadable, match=r"\$\.data\.id"):
            tracker(data__id=None)


class TestEvents:
    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("unknown", Status.OTHER),
            ("delivery_delayed", Status.EXCEPTION),
            ("ready_for_pickup", Status.IN_TRANSIT),
            ("return_to_sender", Status.RETURNED),
            ("Delivered", Status.OTHER),
            (None, Status.OTHER),
        ],
    )
    def test_words(self, word: str | None, status: Status) -> None:
        """Traps 14 and 16: exact words; ``delivered: true`` beside them decides nothing."""
        shipment = tracker(data__status=word, data__delivered=True)

        assert status == shipment.status
        assert shipment.delivered_at is None

    def test_unknown_words(self) -> None:
        """A word on no list is named, of the tracker and of its events alike; Karrio's own "unknown" is a known one."""
        assert ("Delivered", "beamed") == tracker(
            data__status="Delivered", data__events__0__status="beamed"
        ).unknown_words
        assert () == tracker(data__status="unknown", data__events__0__status=None).unknown_words

    @pytest.mark.parametrize(
        "back",
        [
            {"date": "2026-11-17", "description": "Refused", "status": "return_to_sender"},
            {"date": None, "description": "Refused", "status": "return_to_sender"},
            {"date": "2026-11-17", "description": "Returned to shipper", "status": "in_transit"},
        ],
    )
    def test_delivery_after_return(self, back: dict[str, object]) -> None:
        """Trap 14: a delivery after a return in the same history is marked: it may be the merchant's."""
        sent = body_of("karrio", "delivered")
        sent["data"]["events"].insert(1, back)
        (shipment,) = read("karrio", sent, "delivered")

        assert (Status.DELIVERED, True) == (shipment.status, shipment.returned)

    def test_shipping_date_of_the_label(self) -> None:
        """Trap 15: ``shipping_date`` is there from the label on, and dates no dispatch until the carrier has it."""
        label = reader("karrio", "label_with_shipping_date")

        assert label(zone=EDMONTON).dispatched_at is None
        assert "2026-11-16T00:00:00-07:00" == label(zone=EDMONTON, data__status="in_transit").dispatched_at.isoformat()

    def test_pickup_before_shipping_date(self) -> None:
        """Where both are given, the day of the pick-up is the carrier's."""
        moving = reader("karrio", "in_transit_zone_of_the_merchant")

        assert "2026-11-16T00:00:00-07:00" == moving(zone=EDMONTON).dispatched_at.isoformat()
        assert "2026-11-15T00:00:00-07:00" == (
            moving(zone=EDMONTON, data__info__shipment_pickup_date=None).dispatched_at.isoformat()
        )

    def test_newest_first(self) -> None:
        """Trap 20: the newest event stands first, and times decide anyway."""
        turned = body_of("karrio", "delivered")
        turned["data"]["events"].reverse()
        (shipment,) = read("karrio", turned, "delivered")

        assert "2026-11-16T17:15:00-07:00" == shipment.dispatched_at.isoformat()
        assert "2026-11-18T15:21:00-07:00" == shipment.happened_at.isoformat() == shipment.delivered_at.isoformat()


class TestTimes:
    def test_local_times(self) -> None:
        """Trap 23: without offset and zone a time is a day."""
        shipment = local()

        assert Status.DELIVERED == shipment.status
        assert (None, None, None) == (shipment.happened_at, shipment.dispatched_at, shipment.delivered_at)
        assert ["2026-11-18", "2026-11-17"] == [event.day.isoformat() for event in shipment.events[:2]]

    @pytest.mark.parametrize("hour", ["15:21", "15:21:00", "03:21 PM"])
    def test_hours(self, hour: str) -> None:
        """Trap 23: carriers' hours come in three forms."""
        shipment = local(zone=EDMONTON, data__events__0__time=hour)

        assert "2026-11-18T15:21:00-07:00" == shipment.happened_at.isoformat()

    def test_no_hour(self) -> None:
        """A date alone is no instant, also where the zone is known."""
        (event, *_) = local(zone=EDMONTON, data__events__0__time=None).events

        assert ("2026-11-18", None) == (event.day.isoformat(), event.happened_at)

    def test_another_hour(self) -> None:
        """An hour in no known form is refused with its place."""
        with pytest.raises(Unreadable, match=r"events\[0\]\.time"):
            local(data__events__0__time="noon")


class TestValues:
    @pytest.mark.parametrize(
        ("name", "carrier", "courier", "code"),
        [
            ("fedex", "fedex", "FedEx", "fedex"),
            ("easypost", "usps", "USPS", "usps"),
            ("canadapost", None, "Canada Post", "canadapost"),
            ("globex", None, None, "globex"),
            (None, None, None, ""),
        ],
    )
    def test_courier(self, name: str | None, carrier: str | None, courier: str | None, code: str) -> None:
        """Trap 29: the code of the courier behind a gateway goes first, and becomes a name where a table has it."""
        shipment = tracker(data__carrier_name=name, data__meta={"carrier": carrier})

        assert (courier, code) == (shipment.courier, shipment.courier_code)
