"""The traps Ship24 sets, and the choices its adapter makes."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, Status
from receiver.carriers import discover
from tests.support.parcels import body_of, proves, read, reader, recorded

parcel = reader("ship24", "in_transit")
DELIVERED_LOCALLY = "delivered_local_times"
MEXICO = ZoneInfo("America/Mexico_City")


class TestProof:
    def test_body_unprotected(self) -> None:
        """Trap 4: the bearer token proves the sender and says nothing of the body."""
        request = discover()["ship24"].auth[0].sign(recorded("ship24", "in_transit"), "demo")

        assert ("authorization",) == discover()["ship24"].auth[0].credential_headers
        assert proves("ship24", replace(request, body=b"anything"), "demo")
        assert not proves("ship24", request, "another")

    @pytest.mark.parametrize(("method", "probe"), [("HEAD", True), ("POST", False)])
    def test_probe(self, method: str, probe: bool) -> None:
        """Trap 9: the URL is saved only after a HEAD got 200; an empty POST is no probe."""
        empty = replace(recorded("ship24", "in_transit"), method=method, headers={}, body=b"")

        assert discover()["ship24"].probe is not None
        assert probe == discover()["ship24"].probe.matches(empty)


class TestBatch:
    def test_bad_member(self) -> None:
        """Trap 19: a parcel that cannot be read does not hold up the other one, and is named."""
        conversion = discover()["ship24"].convert(recorded("ship24", "two_parcels_one_bad"))

        assert ["9200100000522000004"] == [shipment.tracking_number for shipment in conversion.shipments]
        assert ["$.trackings[1].events[0].occurrenceDatetime"] == [error.path for error in conversion.refused]

    def test_event_id(self) -> None:
        """Trap 21: the id is the parcel's message's; two parcels in one POST have no common one."""
        ids = {
            case: discover()["ship24"].event_id(body_of("ship24", case), recorded("ship24", case))
            for case in ("in_transit", "two_parcels_one_bad")
        }

        assert {"in_transit": "5220a001-1111-4c00-9d00-000000000001", "two_parcels_one_bad": None} == ids

    def test_other_topic(self) -> None:
        """Another topic is no tracking."""
        with pytest.raises(Ignored, match="tracker/expired"):
            read("ship24", body_of("ship24", "other_topic"), "other_topic")


class TestEvents:
    @pytest.mark.parametrize(
        ("milestone", "status"),
        [
            ("available_for_pickup", Status.IN_TRANSIT),
            ("failed_attempt", Status.IN_TRANSIT),
            ("exception", Status.EXCEPTION),
            ("pending", Status.OTHER),
            ("Delivered", Status.OTHER),
            (None, Status.OTHER),
        ],
    )
    def test_milestones(self, milestone: str | None, status: Status) -> None:
        """Traps 14 and 16: waiting at a counter is not delivered, and only the exact words count."""
        shipment = parcel(trackings__0__shipment__statusMilestone=milestone)

        assert status == shipment.status
        assert shipment.delivered_at is None

    def test_delta(self) -> None:
        """Trap 20: a POST brings only new events; the summary still knows when the parcel first moved."""
        shipment = reader("ship24", "delivered_late_find")()

        assert ["Departed regional facility"] == [event.description for event in shipment.events]
        assert datetime(2026, 11, 10, 19, 24, 57, tzinfo=UTC) == shipment.dispatched_at

    def test_found_late(self) -> None:
        """Trap 18: a status is as new as the message, though the event that it comes with is older."""
        shipment = reader("ship24", "delivered_late_find")()

        assert datetime(2026, 11, 14, 16, tzinfo=UTC) == shipment.happened_at
        assert datetime(2026, 11, 13, 16, 45, tzinfo=UTC) == shipment.delivered_at


class TestTimes:
    def test_local_times(self) -> None:
        """Trap 23: a time without an offset is local to a place nobody names: its day is kept, the instant is not."""
        shipment = reader("ship24", DELIVERED_LOCALLY)()

        assert (None, None) == (shipment.dispatched_at, shipment.delivered_at)
        assert {("2026-11-13", None)} == {(event.day.isoformat(), event.happened_at) for event in shipment.events}

    def test_zone_of_the_endpoint(self) -> None:
        """Trap 23: who ships within one zone may say so."""
        shipment = reader("ship24", DELIVERED_LOCALLY)(zone=MEXICO)

        assert "2026-11-10T19:24:57-06:00" == shipment.dispatched_at.isoformat()
        assert "2026-11-13T17:12:57-06:00" == shipment.delivered_at.isoformat()

    def test_no_later_dispatch(self) -> None:
        """Trap 23: where the first date has no zone, a later event that has one is not the dispatch."""
        stated = {"trackings__0__statistics__timestamps__inTransitDatetime": "2026-11-08T10:00:00"}

        assert parcel().dispatched_at is not None
        assert parcel(**stated).dispatched_at is None

    def test_day_only(self) -> None:
        """Trap 23: a bare date is a day, and midnight of it only where the zone is known."""
        dated = {"trackings__0__events__0__occurrenceDatetime": "2026-11-11"}

        assert "2026-11-11" == parcel(**dated).events[0].day.isoformat()
        assert parcel(**dated).events[0].happened_at is None


class TestWords:
    def test_courier(self) -> None:
        """Trap 29: only codes whose name is documented become one."""
        assert "USPS" == parcel().courier
        assert parcel(trackings__0__events__0__courierCode="x-post").courier is None

    def test_reference_is_the_merchants(self) -> None:
        """Trap 27: "your reference" may be anything, so the merchant says what it is."""
        assert () == parcel().references
        assert "tracker.shipmentReference" in discover()["ship24"].references

    def test_open_values(self) -> None:
        """Trap 25: `hasNoTime` arrives as the text "false," in Ship24's own example, and is not read."""
        payload = body_of("ship24", "in_transit")
        odd = json.loads(json.dumps(payload).replace('"hasNoTime": false', '"hasNoTime": "false,"'))

        assert odd != payload
        assert read("ship24", payload, "in_transit") == read("ship24", odd, "in_transit")
