"""The traps that Uber Direct sets, one sentence each.

The digests were computed with ``openssl dgst -sha256 -hmac uber-demo-signing-key``.
"""

import pytest

from adapters import Ignored, Status, Unreadable, uber_direct
from tests.support.adapter import POST, payload, proves, read_one

SECRET = "uber-demo-signing-key"
BODY = '{"kind": "event.delivery_status", "data": {"fee": 9.0, "name": "Café"}}'.encode()
PROOF = "c378f88520e70e814860d03152dac64021dff331c0bb356359233f32b56aa282"
PROOF_WITH_NEWLINE = "5af1f77514311f5bf18e3fd9e24efe6a6bcfdd77aae7602408cff05f5a549b85"


def delivery(case="pickup_complete", **changes):
    body = payload("uber_direct", case)
    body["data"] |= changes.pop("data", {})
    return body | changes


class TestSignature:
    @pytest.mark.parametrize("resaved", [BODY.replace(b": ", b":"), BODY.replace(b"9.0", b"9"), BODY + b"\n"])
    def test_raw_bytes(self, resaved):
        """Trap 1: Uber signs its own spacing; a body that was parsed and written again is another one."""
        assert proves(uber_direct, "x-uber-signature", PROOF, BODY, SECRET)
        assert proves(uber_direct, "x-uber-signature", PROOF_WITH_NEWLINE, BODY + b"\n", SECRET)
        assert not proves(uber_direct, "x-uber-signature", PROOF, resaved, SECRET)

    @pytest.mark.parametrize(
        ("header", "value"), [("x-postmates-signature", PROOF), ("x-uber-signature", f"sha256={PROOF}")]
    )
    def test_written_otherwise(self, header, value):
        """Trap 3: the legacy header and a prefix that some integrators saw prove the same; another key does not."""
        assert proves(uber_direct, header, value, BODY, SECRET)
        assert not proves(uber_direct, header, value, BODY, "another-signing-key")

    def test_only_signed(self):
        """Uber always signs, so an endpoint can choose nothing weaker."""
        assert ["hmac"] == [scheme.kind for scheme in uber_direct.AUTH]


class TestNoise:
    def test_courier_update(self):
        """Trap 21: the position every 20 seconds is no event, though its data says "delivered"."""
        body = payload("uber_direct", "courier_update")

        assert "delivered" == body["data"]["status"]
        with pytest.raises(Ignored, match="no delivery status"):
            uber_direct.read(body, POST)

    @pytest.mark.parametrize("kind", uber_direct.NO_STATUS)
    def test_other_kinds(self, kind):
        """Positions, refunds and shopping have no status."""
        with pytest.raises(Ignored, match="no delivery status"):
            uber_direct.read({"kind": kind}, POST)

    def test_unknown_kind(self):
        """A kind that the guide does not name is kept for a person, not dropped."""
        with pytest.raises(Unreadable, match=r"\$\.kind"):
            uber_direct.read({"kind": "event.delivery_changed"}, POST)

    @pytest.mark.parametrize("changes", [{"live_mode": False}, {"data": {"live_mode": False}}])
    def test_robo_courier(self, changes):
        """Trap 32: what either place marks as a test never becomes a shipment."""
        with pytest.raises(Ignored, match="test mode"):
            uber_direct.read(delivery(**changes), POST)

    def test_repeated_status(self):
        """Trap 21: the same status comes again when the courier is close; the shopper's history has it once."""
        first, again = (
            read_one(uber_direct, delivery("dropoff_imminent_again", data={"courier_imminent": close}))
            for close in (False, True)
        )

        assert ["Out for delivery"] == [event.description for event in first.events]
        assert () == again.events
        assert first.dispatched_at == again.dispatched_at

    def test_event_id(self):
        """Trap 21: the id is the notification's; the delivery's is another."""
        assert "evt_31Demo01pickup_complete" == uber_direct.event_id(delivery(), POST)
        assert "del_31DemoDelivery01" == read_one(uber_direct, delivery()).key


class TestDates:
    def test_courier_on_the_way(self):
        """Trap 15: "pickup" is a courier who drives to the shop, not one who has the parcel."""
        shipment = read_one(uber_direct, payload("uber_direct", "pickup_courier_on_the_way"))

        assert (Status.ANNOUNCED, None) == (shipment.status, shipment.dispatched_at)

    @pytest.mark.parametrize("case", ["dropoff_imminent_again", "delivered", "returned"])
    def test_pickup_repeated(self, case):
        """Trap 18: if pickup_complete never came, every later message still says when the pickup was."""
        assert "2026-11-17T14:31:07.447000+00:00" == read_one(uber_direct, delivery(case)).dispatched_at.isoformat()

    @pytest.mark.parametrize(
        ("case", "expected"),
        [
            ("pickup_complete", "2026-11-17T14:31:08.287000+00:00"),
            ("dropoff_imminent_again", "2026-11-17T15:02:30.030000+00:00"),
            ("delivered", None),
            ("returned", None),
        ],
    )
    def test_pickup_unsaid(self, case, expected):
        """Trap 18: without the pickup's own time the message's serves while it moves; a delivery dates no dispatch."""
        at = read_one(uber_direct, delivery(case, data={"pickup": {"status": "en_route"}})).dispatched_at

        assert expected == (at and at.isoformat())

    def test_delivery_unsaid(self):
        """Without the drop-off's own time the message's is when it was delivered."""
        shipment = read_one(uber_direct, delivery("delivered", data={"dropoff": None}))

        assert shipment.happened_at == shipment.delivered_at is not None

    @pytest.mark.parametrize("word", ["completed", "Delivered", "teleported"])
    def test_unknown_word(self, word):
        """Traps 14 and 16: a word that is on no list is "other", is named, and delivers nothing."""
        shipment = read_one(uber_direct, delivery("delivered", status=word))

        assert (Status.OTHER, None, ()) == (shipment.status, shipment.delivered_at, shipment.events)
        assert (word,) == shipment.unknown_words


class TestReturn:
    @pytest.mark.parametrize(
        ("status", "meaning"),
        [("pending", Status.ANNOUNCED), ("dropoff", Status.RETURNED), ("delivered", Status.RETURNED)],
    )
    def test_delivery_back(self, status, meaning):
        """Trap 14: Uber makes the delivery back to the store itself; it dispatches nothing and delivers nothing."""
        shipment = read_one(uber_direct, delivery("delivered", status=status, data={"id": "ret_31DemoReturn04"}))

        assert (True, meaning) == (shipment.reverse, shipment.status)
        assert (None, None, ()) == (shipment.dispatched_at, shipment.delivered_at, shipment.events)

    @pytest.mark.parametrize("related", [None, [], [{"id": "ret_31DemoReturn04", "relationship": "returned"}], [{}]])
    def test_delivery_to_the_shopper(self, related):
        """The delivery to the shopper may name the one that brings the goods back."""
        shipment = read_one(uber_direct, delivery("delivered", data={"related_deliveries": related}))

        assert (False, Status.DELIVERED) == (shipment.reverse, shipment.status)


class TestValues:
    def test_reference(self):
        """Trap 27: external_id is the merchant's order; without it nothing is taken for one."""
        assert ["1931000000001-01"] == [one.value for one in read_one(uber_direct, delivery()).references]
        assert () == read_one(uber_direct, delivery(data={"external_id": " "})).references

    def test_no_personal_data(self):
        """Trap 31: names, streets and phones stay out of what is kept of a delivery."""
        kept = repr(read_one(uber_direct, delivery("delivered")))

        assert not [word for word in ("Shopper", "Example Ave", "11201") if word in kept]
