"""The traps Shiprocket sets, and the choices its adapter makes."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, Status, Unreadable
from receiver.carriers import discover
from tests.support.parcels import body_of, proves, read, reader, recorded

parcel = reader("shiprocket", "in_transit_full_history")
older = reader("shiprocket", "older_form_number_awb")


class TestProof:
    def test_token(self) -> None:
        """Trap 4: a token in a header, which says nothing of the body."""
        request = replace(recorded("shiprocket", "picked_up"), headers={"x-api-key": "demo-token"})

        assert proves("shiprocket", request, "demo-token")
        assert proves("shiprocket", replace(request, body=b"anything"), "demo-token")
        assert not proves("shiprocket", replace(request, headers={"anx-api-key": "demo-token"}), "demo-token")

    def test_choices(self) -> None:
        """Trap 7: the panel's text names another header, and the token is optional: a secret in the URL works."""
        kinds = [scheme.kind for scheme in discover()["shiprocket"].auth]

        assert ["header", "header", "path"] == kinds

    def test_url_words(self) -> None:
        """Trap 10: the recordings come in under a name that Shiprocket accepts in a URL."""
        path = recorded("shiprocket", "picked_up").path

        assert not [word for word in ("shiprocket", "kartrocket", "sr", "kr") if word in path]

    def test_only_200(self) -> None:
        """Trap 11: any other code counts as a failure, also for what cannot be read."""
        reply = discover()["shiprocket"].reply

        assert (200, 200) == (reply.success, reply.unreadable)


class TestEvents:
    @pytest.mark.parametrize(
        ("number", "status"),
        [
            (5, Status.ANNOUNCED),
            ("42", Status.DISPATCHED),
            (20, Status.EXCEPTION),
            (19, Status.ANNOUNCED),
            (9, Status.RETURNED),
            (10, Status.RETURNED),
            (40, Status.RETURNED),
            (41, Status.RETURNED),
            (46, Status.RETURNED),
            (75, Status.RETURNED),
            (78, Status.RETURNED),
            (45, Status.CANCELLED),
            (77, Status.EXCEPTION),
            (11, Status.OTHER),
            (99, Status.OTHER),
            (None, Status.OTHER),
        ],
    )
    def test_numbers(self, number: object, status: Status) -> None:
        """Traps 14 to 16: out for pick-up moves nothing, and an RTO that was delivered came back."""
        shipment = parcel(shipment_status_id=number)

        assert status == shipment.status
        assert shipment.delivered_at is None

    def test_unknown_numbers(self) -> None:
        """An unknown number is named, that of a scan too; "NA" is no number, and 11 is known to say nothing."""
        assert ("99",) == parcel(shipment_status_id=99).unknown_words
        assert ("98", "99") == parcel(shipment_status_id=99, **{"scans__0__sr-status": "98"}).unknown_words
        assert () == parcel(shipment_status_id=11, **{"scans__0__sr-status": "NA"}).unknown_words

    def test_delivered_after_a_return(self) -> None:
        """Trap 14: a delivery after a return in the same history is marked: it may be the merchant's."""
        shipment = parcel(shipment_status_id=7, **{"scans__1__sr-status": "46"})

        assert (Status.DELIVERED, True) == (shipment.status, shipment.returned)

    def test_undated_return(self) -> None:
        """Trap 14: a scan of the way back counts without its time."""
        changes = {"scans__1__sr-status": "9", "scans__1__date": None}

        assert parcel(shipment_status_id=7, **changes).returned

    @pytest.mark.parametrize("number", ["NA", "", None, "98"])
    def test_return_in_words(self, number: str | None) -> None:
        """Trap 14: without a known number the courier's words tell the way back."""
        changes = {"scans__2__sr-status": number, "scans__2__activity": "Shipment returned to shipper"}

        assert parcel(shipment_status_id=7, **changes).returned
        assert Status.RETURNED == parcel(shipment_status_id=number, shipment_status="RTO DELIVERED").status

    def test_number_before_words(self) -> None:
        """Trap 17: a known number overrules the words, but for a delivery in the words of a return."""
        assert Status.IN_TRANSIT == parcel(shipment_status_id=18, shipment_status="Delivered").status
        assert Status.RETURNED == parcel(shipment_status_id=7, shipment_status="RTO").status

    def test_which_number(self) -> None:
        """Trap 17: ``current_status_id`` counts otherwise, and words decide nothing."""
        assert parcel() == parcel(current_status_id=7, current_status="DELIVERED", shipment_status="DELIVERED")

    def test_return(self) -> None:
        """Trap 14: a customer's return has a number of its own; its delivery is to the merchant."""
        with pytest.raises(Ignored, match="return"):
            read("shiprocket", body_of("shiprocket", "return_delivered"), "delivered")
        with pytest.raises(Ignored, match="return"):
            parcel(is_return="1")

    def test_pickup_scan_missing(self) -> None:
        """Trap 18: "shipped" serves where "picked up" is missing, and the newest status where no scan has a number."""
        assert "2026-11-16T15:32:17+05:30" == parcel().dispatched_at.isoformat()
        assert (
            "2026-11-16T18:40:19+05:30"
            == reader("shiprocket", "shipped_without_pickup_scan")().dispatched_at.isoformat()
        )
        assert "2026-11-17T10:28:02+05:30" == parcel(scans=[]).dispatched_at.isoformat()

    def test_words_of_scans(self) -> None:
        """Trap 16: a scan whose words say "picked up" but has no number is only shown."""
        shipment = older()

        assert shipment.dispatched_at is None
        assert "In Transit - Shipment picked up" in [event.description for event in shipment.events]

    def test_not_applicable(self) -> None:
        """Trap 25: a scan's number may be the text "NA"."""
        assert 5 == len(parcel().events)
        assert parcel().dispatched_at == parcel(scans__3__date="2026-11-16 10:00:00").dispatched_at


class TestTimes:
    def test_day_first(self) -> None:
        """Trap 23: the time of the message is written ``DD MM YYYY``, and is India's."""
        assert "2026-11-17T10:28:02+05:30" == parcel().happened_at.isoformat()
        assert "2026-11-19T16:41:59+05:30" == older().happened_at.isoformat()

    def test_no_guess(self) -> None:
        """Trap 23: another way of writing it is refused with its place."""
        with pytest.raises(Unreadable, match=r"\$\.current_timestamp"):
            parcel(current_timestamp="17/11/2026 10:28")

    def test_zone_of_the_endpoint(self) -> None:
        """The endpoint's zone overrules India's for every time."""
        shipment = parcel(zone=ZoneInfo("UTC"))

        assert {"+00:00"} == {time.isoformat()[-6:] for time in (shipment.happened_at, shipment.dispatched_at)}


class TestValues:
    def test_courier(self) -> None:
        """Trap 29: the courier's name may include its service, and stays a code for the endpoint's names."""
        shipment = parcel(courier_name="Delhivery Surface")

        assert ("Delhivery Surface", "Delhivery Surface") == (shipment.courier, shipment.courier_code)
        assert "Blue Dart" == parcel(courier_name="BlueDart").courier
        assert (None, "") == (parcel(courier_name=None).courier, parcel(courier_name=None).courier_code)

    def test_number_as_number(self) -> None:
        """Trap 24: an older message has the number as a JSON number, and it is the same parcel."""
        assert "52600000000008" == older().key == older().tracking_number
        assert older() == older(awb="52600000000008")

    def test_channel_order(self) -> None:
        """Trap 27: ``channel_order_id`` is the shop's; in older messages ``order_id`` is Shiprocket's own."""
        assert ["1526000000008-01"] == [reference.value for reference in older().references]
        assert ["13905312"] == [reference.value for reference in older(channel_order_id="").references]
