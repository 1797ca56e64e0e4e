"""The traps Sendcloud sets, and the choices its adapter makes."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters import Ignored, Reference, ReferenceKind, Status, Unreadable
from receiver.carriers import discover
from receiver.config import endpoint_from
from receiver.intake.redaction import Redaction
from tests.support.parcels import body_of, proves, read, reader, recorded

parcel = reader("sendcloud", "picked_up_by_driver")
event = reader("sendcloud", "event_accepted")

# Python's json.dumps writes Sendcloud's bodies: a space after each colon, ASCII only.
# printf '%s' "$body" | openssl dgst -sha256 -hmac sendcloud-demo-secret
SECRET = "sendcloud-demo-secret"
SIGNED = rb'{"action": "parcel_status_changed", "parcel": {"name": "Zo\u00eb", "weight": "1.0"}}'
SIGNATURE = "0a48b9d183da963200cb1a4d6b14b51d67fef822ac553aa3398d5b58ff48bd66"
SIGNATURE_IN_BASE64 = "Cki50YPaljIAyxpNaxS1HWf++CKsVTqjOY1bWP9IvWY="


def signed(body: bytes, signature: str) -> bool:
    headers = {"sendcloud-signature": signature}
    return proves("sendcloud", replace(recorded("sendcloud", "delivered"), body=body, headers=headers), SECRET)


class TestSignature:
    def test_raw_bytes(self) -> None:
        """Trap 1: the digest is over the bytes; the same JSON written without its spaces is another body."""
        assert signed(SIGNED, SIGNATURE)
        assert not signed(json.dumps(json.loads(SIGNED), separators=(",", ":")).encode(), SIGNATURE)
        assert not signed(SIGNED + b"\n", SIGNATURE)

    def test_hex(self) -> None:
        """Trap 3: hex, and nothing else."""
        assert not signed(SIGNED, SIGNATURE_IN_BASE64)

    def test_beta(self) -> None:
        """The beta's connections sign nothing: they carry a header, a bearer token or Basic credentials."""
        hmac, *others = discover()["sendcloud"].auth

        assert "hmac" == hmac.kind
        assert ["header", "bearer", "basic"] == [scheme.kind for scheme in others]


class TestStatus:
    @pytest.mark.parametrize(
        ("number", "status"),
        [
            (12, Status.IN_TRANSIT),
            (93, Status.DELIVERED),
            (13, Status.EXCEPTION),
            (92, Status.IN_TRANSIT),
            (999, Status.OTHER),
            (1999, Status.OTHER),
            (2000, Status.CANCELLED),
            (62991, Status.EXCEPTION),
            (62992, Status.RETURNED),
            (62996, Status.EXCEPTION),
            (31337, Status.OTHER),
        ],
    )
    def test_look_alikes(self, number: int, status: Status) -> None:
        """Trap 14: a parcel at a counter is not delivered, one collected there is; a wish to cancel cancels nothing."""
        shipment = parcel(parcel__status__id=number)

        assert status == shipment.status
        assert (status is Status.DELIVERED) == (shipment.delivered_at is not None)

    def test_number_not_words(self) -> None:
        """Trap 16: the status is the number; the words are only shown."""
        shipment = parcel(parcel__status={"id": 0, "message": "Delivered"})

        assert Status.ANNOUNCED == shipment.status
        assert ["Delivered"] == [one.description for one in shipment.events]

    @pytest.mark.parametrize(
        ("message", "status"),
        [
            ("At customs", Status.IN_TRANSIT),
            ("At sorting centre", Status.IN_TRANSIT),
            ("Delivery date changed", Status.OTHER),
            ("Address invalid", Status.EXCEPTION),
            ("Returned to sender", Status.RETURNED),
        ],
    )
    def test_message(self, message: str, status: Status) -> None:
        """A status whose number is unpublished is known by its message."""
        shipment = parcel(parcel__status={"id": 62899, "message": message})

        assert (status, ()) == (shipment.status, shipment.unknown_words)

    def test_unknown_status(self) -> None:
        """A status that is unknown by number and message is named with both."""
        assert ("62899 Teleported",) == parcel(parcel__status={"id": 62899, "message": "Teleported"}).unknown_words
        assert ("62899",) == parcel(parcel__status={"id": 62899}).unknown_words
        assert () == parcel(parcel__status={"id": 11, "message": "Bezorgd"}).unknown_words

    def test_delivered_to_the_sender(self) -> None:
        """Trap 14: a message that speaks of the sender is no delivery, whatever the number."""
        shipment = parcel(parcel__status={"id": 11, "message": "Delivered, to original sender"})

        assert (Status.RETURNED, None) == (shipment.status, shipment.delivered_at)

    def test_pickup_never_came(self) -> None:
        """Trap 18: the first scan on the way serves where "picked up by driver" is missing; a delivery does not."""
        assert datetime(2026, 11, 16, 16, 5, tzinfo=UTC) == parcel(parcel__status__id=7).dispatched_at
        assert parcel(parcel__status__id=11).dispatched_at is None

    def test_return_parcel(self) -> None:
        """Trap 14: a return is a parcel of its own, and neither its number nor its delivery are the shopper's."""
        payload = body_of("sendcloud", "return_parcel_delivered")
        payload["parcel"]["is_return"] = False

        with pytest.raises(Ignored, match="return"):
            read("sendcloud", body_of("sendcloud", "return_parcel_delivered"), "delivered")
        assert [Status.DELIVERED] == [one.status for one in read("sendcloud", payload, "delivered")]

    def test_unknown_action(self) -> None:
        """Trap 25: an action on no list is kept and refused by name."""
        with pytest.raises(Unreadable, match="parcel_teleported"):
            read("sendcloud", {"action": "parcel_teleported", "timestamp": 1}, "delivered")

    @pytest.mark.parametrize("action", ["test_webhook", "integration_credentials", "return_created"])
    def test_other_actions(self, action: str) -> None:
        """Trap 32: the panel's test, and what is said of the integration, tell of no parcel."""
        with pytest.raises(Ignored, match=action):
            read("sendcloud", {"action": action, "timestamp": 1}, "delivered")

    def test_key_in_the_body(self) -> None:
        """Trap 6: the event that delivers the integration's key is signed with it; what is kept of it is blank."""
        settings = {"carrier": "sendcloud", "secrets": [SECRET]}
        body = json.dumps({"action": "integration_credentials", "timestamp": 1, "secret_key": SECRET}).encode()

        assert SECRET.encode() not in Redaction(endpoint_from(settings, account="store")).body(body)


class TestTimes:
    @pytest.mark.parametrize("written", [1794845100, 1794845100000, "1794845100"])
    def test_seconds_or_milliseconds(self, written: object) -> None:
        """Trap 23: documented in seconds, seen in milliseconds; the size tells."""
        shipment = parcel(carrier_status_change_timestamp=None, timestamp=written)

        assert datetime(2026, 11, 16, 16, 5, tzinfo=UTC) == shipment.happened_at == shipment.dispatched_at

    def test_the_carriers_clock(self) -> None:
        """The carrier's time is the one of the scan; Sendcloud's own came an hour and a half later."""
        payload = body_of("sendcloud", "picked_up_by_driver")

        assert payload["carrier_status_change_timestamp"] * 1000 < payload["timestamp"]
        assert datetime(2026, 11, 16, 16, 5, tzinfo=UTC) == parcel().dispatched_at


class TestWords:
    def test_courier(self) -> None:
        """Trap 29: a code becomes a name where the table of couriers has one, and stays a code for the endpoint."""

        def code_and_name(carrier: dict[str, str]) -> tuple[str | None, str]:
            shipment = parcel(parcel__carrier=carrier)
            return shipment.courier, shipment.courier_code

        assert "PostNL" == parcel().courier
        assert (None, "sendcloud_x") == code_and_name({"code": "sendcloud_x"})
        assert ("Colissimo", "colissimo") == code_and_name({"code": "colissimo"})
        assert parcel(parcel__carrier=None).courier is None

    def test_second_number(self) -> None:
        """The air waybill is a number of the same parcel."""
        shipment = parcel(parcel__awb_tracking_number="AWB521000001")

        assert Reference(ReferenceKind.TRACKING_NUMBER, "AWB521000001") in shipment.references
        assert ["order_id"] == [str(one.kind) for one in parcel(parcel__awb_tracking_number=None).references]

    def test_number_comes_late(self) -> None:
        """Trap 30: before it is announced a parcel has no number, and its id stays."""
        assert parcel(parcel__tracking_number="").tracking_number is None
        assert parcel(parcel__tracking_number="").key == parcel().key


class TestBeta:
    def test_one_parcel(self) -> None:
        """The beta's ``parcel_id`` is the classic ``id``: both tell of one parcel."""
        assert parcel().key == event(data__parcel__parcel_id=52100001).key

    @pytest.mark.parametrize(
        ("phase", "status"),
        [
            ("dropped", Status.DISPATCHED),
            ("pup", Status.IN_TRANSIT),
            ("in_delivery", Status.OUT_FOR_DELIVERY),
            ("delivery_forced", Status.OTHER),
            ("no_label", Status.OTHER),
        ],
    )
    def test_phases(self, phase: str, status: Status) -> None:
        """Traps 14 and 15: the carrier has what was left at its point, and a forced delivery names no shopper."""
        assert status == event(data__event__phase=phase).status

    def test_late_but_moving(self) -> None:
        """Trap 18: an exception on the way still proves that the carrier has the parcel."""
        shipment = event(data__event__phase="in_transit", data__event__exception="delivery_delay")

        assert Status.EXCEPTION == shipment.status
        assert shipment.happened_at == shipment.dispatched_at is not None

    @pytest.mark.parametrize(("field", "value"), [("is_returned", True), ("exception", "returned_sender")])
    def test_returned(self, field: str, value: object) -> None:
        """Trap 14: delivered on its way back is returned, and no dispatch."""
        shipment = event(**{"data__event__phase": "delivered", f"data__event__{field}": value})

        assert Status.RETURNED == shipment.status
        assert (None, None) == (shipment.dispatched_at, shipment.delivered_at)

    def test_returned_in_words(self) -> None:
        """Trap 14: the carrier's own words tell a delivery to the sender."""
        shipment = event(data__event__phase="delivered", data__event__description="Returned to sender")

        assert (Status.RETURNED, None) == (shipment.status, shipment.delivered_at)

    def test_unknown_words(self) -> None:
        """Unknown phases and exceptions are named; an unknown exception is an exception all the same."""
        shipment = event(data__event__phase="teleported", data__event__exception="lost_in_space")

        assert (Status.EXCEPTION, ("teleported", "lost_in_space")) == (shipment.status, shipment.unknown_words)
        assert Status.EXCEPTION == event(data__event__exception="hold").status

    def test_other_events(self) -> None:
        """Trap 25: an event type that the beta does not describe is kept and refused by name."""
        with pytest.raises(Unreadable, match=r"parcel\.created"):
            event(event_type="parcel.created")

    @pytest.mark.parametrize("source", ["calculated", "internal", "claim"])
    def test_carriers_only(self, source: str) -> None:
        """Trap 14: what Sendcloud itself assumes delivers nothing and moves nothing."""
        for phase, returned in (("delivered", False), ("in_transit", False), ("announced", True)):
            said = {"event_type": source, "phase": phase, "is_returned": returned}
            shipment = event(**{f"data__event__{field}": value for field, value in said.items()})

            assert Status.OTHER == shipment.status
            assert (None, None) == (shipment.dispatched_at, shipment.delivered_at)
