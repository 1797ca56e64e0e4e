"""The traps Ship24 sets, and the choices its adapter makes."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, ReferenceKind, Status, Unreadable
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
        """A topic that is on no list is kept for a look, not dropped."""
        with pytest.raises(Unreadable, match=r"\$\.trackings\[0\]\.metadata\.topic"):
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

    @pytest.mark.parametrize(
        ("milestone", "code", "status", "unknown"),
        [
            ("in_transit", "transit_handover", Status.DISPATCHED, ()),
            ("exception", "exception_return", Status.RETURNED, ()),
            ("delivered", "exception_return", Status.RETURNED, ()),
            ("delivered", "delivery_available_for_pickup", Status.IN_TRANSIT, ()),
            ("delivered", "transit_handover", Status.DELIVERED, ()),
            ("delivered", "delivery_delivered", Status.DELIVERED, ()),
            ("exception", "delivery_delivered", Status.EXCEPTION, ()),
            ("pending", "data_order_cancelled", Status.CANCELLED, ()),
            ("exception", "delivery_refused", Status.EXCEPTION, ()),
            ("in_transit", "exception_lost", Status.EXCEPTION, ()),
            ("in_transit", "beamed", Status.IN_TRANSIT, ("beamed",)),
            ("teleported", "beamed", Status.OTHER, ("teleported", "beamed")),
        ],
    )
    def test_codes(self, milestone: str, code: str, status: Status, unknown: tuple[str, ...]) -> None:
        """Traps 14 and 16: the code says more than the milestone, but never makes a delivery."""
        shipment = parcel(trackings__0__shipment__statusMilestone=milestone, trackings__0__shipment__statusCode=code)

        assert (status, unknown) == (shipment.status, shipment.unknown_words)

    def test_unknown_in_history(self) -> None:
        """An event's unknown word is named as well."""
        assert ("beamed",) == parcel(trackings__0__events__0__statusCode="beamed").unknown_words

    @pytest.mark.parametrize(
        "back",
        [
            {"statusMilestone": "exception", "statusCode": "exception_return", "occurrenceDatetime": None},
            {"statusMilestone": "in_transit", "statusCode": None, "status": "Devolvido ao remetente"},
        ],
    )
    def test_delivery_after_return(self, back: dict[str, object]) -> None:
        """Trap 14: what went back earlier in the same message is delivered to the merchant."""
        sent = body_of("ship24", "delivered_late_find")
        sent["trackings"][0]["events"].append(back)
        (shipment,) = read("ship24", sent, "delivered_late_find")

        assert (Status.RETURNED, None) == (shipment.status, shipment.delivered_at)

    def test_nothing_heard(self) -> None:
        """A number that Ship24 has heard nothing of asks nothing; with an event or a code it does."""
        pending = reader("ship24", "pending")

        with pytest.raises(Ignored, match="heard nothing"):
            pending()
        assert Status.CANCELLED == pending(trackings__0__shipment__statusCode="data_order_cancelled").status
        assert Status.OTHER == parcel(trackings__0__shipment__statusMilestone="pending").status

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
        """Trap 23: a time without an offset is local to a place no one names: its day is kept, the instant is not."""
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
    @pytest.mark.parametrize(
        ("codes", "courier", "code"),
        [
            (["us-post"], "USPS", "us-post"),
            (["x-post", "ca-post"], "Canada Post", "ca-post"),
            ([None, "x-post"], None, "x-post"),
            ([None], None, ""),
        ],
    )
    def test_courier(self, codes: list[str | None], courier: str | None, code: str) -> None:
        """Trap 29: the first code that has a name speaks, else the first code is kept."""
        shipment = parcel(trackings__0__events=[{"courierCode": each} for each in codes])

        assert (courier, code) == (shipment.courier, shipment.courier_code)

    def test_other_numbers(self) -> None:
        """Trap 30: a parcel that a second courier brings has a second number, which finds the order as well."""
        (other,) = reader("ship24", "handed_over_second_number")().references

        assert (ReferenceKind.TRACKING_NUMBER, "LX522000013CN") == (other.kind, other.value)
        assert () == parcel(trackings__0__shipment__trackingNumbers=None).references

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
