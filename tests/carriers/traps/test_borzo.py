"""The traps Borzo sets, and the choices its adapter makes."""

import json
from dataclasses import replace

import pytest

from adapters import Ignored, Status, Unreadable
from receiver.carriers import discover
from receiver.carriers.references import Rule, refer
from tests.support.parcels import body_of, proves, read, reader, recorded

order = reader("borzo", "order_completed")
delivery = reader("borzo", "parcel_picked_up")
TWO = "order_completed_two_shop_orders"

# printf '%s' "$body" | openssl dgst -sha256 -hmac borzo-demo-callback-key
SECRET = "borzo-demo-callback-key"
SIGNED = b'{"event_type": "order_changed","order":{"order_id":52900001,"sum":"120.00"}}'
SIGNATURE = "305db3553b6102094e16bcd6e61963bac7ac219a4a6f006392cefa2aee795089"


def signed(body: bytes, signature: str = SIGNATURE) -> bool:
    request = replace(recorded("borzo", "order_completed"), body=body, headers={"x-dv-signature": signature})
    return proves("borzo", request, SECRET)


class TestProof:
    def test_raw_bytes(self) -> None:
        """Traps 1 and 3: hex, over the bytes; the same JSON written another way is another body."""
        assert signed(SIGNED)
        assert not signed(json.dumps(json.loads(SIGNED)).encode())
        assert not signed(SIGNED, "")

    def test_one_header(self) -> None:
        """Trap 5: other products use the same header's name; there is one scheme, and no choice."""
        assert [("x-dv-signature",)] == [scheme.credential_headers for scheme in discover()["borzo"].auth]


class TestStatus:
    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("new", Status.ANNOUNCED),
            ("active", Status.OTHER),
            ("delayed", Status.EXCEPTION),
            ("canceled", Status.CANCELLED),
            ("Completed", Status.OTHER),
            (None, Status.OTHER),
        ],
    )
    def test_orders(self, word: str | None, status: Status) -> None:
        """Traps 15 and 16: an active tour does not say that the courier has come by."""
        shipment = order(order__status=word)

        assert status == shipment.status
        assert (None, None) == (shipment.dispatched_at, shipment.delivered_at)

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("courier_departed", Status.ANNOUNCED),
            ("finished", Status.OTHER),
            ("completed", Status.OTHER),
            ("parcel_picked_up", Status.DISPATCHED),
        ],
    )
    def test_deliveries(self, word: str, status: Status) -> None:
        """Traps 14 and 15: a courier who has set out has nothing yet; the word for a delivered stop is unknown."""
        shipment = delivery(delivery__status=word)

        assert status == shipment.status
        assert shipment.delivered_at is None

    def test_delivered(self) -> None:
        """A tour that is completed delivered; when it began is not said again."""
        assert Status.DELIVERED == order().status
        assert order().happened_at == order().delivered_at is not None
        assert order().dispatched_at is None

    def test_other_events(self) -> None:
        """What is no order and no delivery tells of no parcel."""
        with pytest.raises(Ignored, match="courier_location_changed"):
            read("borzo", body_of("borzo", "other_event"), "other_event")


class TestSeveralOrders:
    def test_one_each(self) -> None:
        """Trap 19: one tour may carry several orders of the shop's; each is a shipment with its own page."""
        shipments = read("borzo", body_of("borzo", TWO), TWO)

        assert ["52900004:1529000000004-01", "52900004:1529000000005-01"] == [one.key for one in shipments]
        assert ["52900004", "52900004"] == [one.tracking_number for one in shipments]
        assert ["4", "5"] == [(one.tracking_url or "")[-1] for one in shipments]

    def test_rules_see_one(self) -> None:
        """Traps 19 and 27: a rule of the merchant's finds the one order of each shipment, not both."""
        rule = Rule.parse("order.points[*].client_order_id", "order_id")
        parcels = discover()["borzo"].convert(recorded("borzo", TWO)).parcels
        found = [[hit.value for hit in refer(shipment, member, (rule,))] for shipment, member in parcels]

        assert [["1529000000004-01"], ["1529000000005-01"]] == found

    def test_place(self) -> None:
        """What cannot be read is named by its place in the message that came."""
        with pytest.raises(Unreadable, match=r"\$\.order\.points\[2\]\.tracking_url"):
            read("borzo", _with_a_bad_page(), TWO)

    def test_same_shipment(self) -> None:
        """The delivery's events tell of the same shipment as the order's."""
        created = reader("borzo", "order_created")

        assert created().key == delivery().key

    def test_no_shop_order(self) -> None:
        """A tour without any order of the shop's is known by its own number."""
        shipment = reader("borzo", "order_canceled_without_shop_order")()

        assert ("52900007", ()) == (shipment.key, shipment.references)


def _with_a_bad_page() -> dict:
    payload = body_of("borzo", TWO)
    payload["order"]["points"] = [None, None, payload["order"]["points"][2] | {"tracking_url": "x\x00"}]
    return payload


class TestValues:
    def test_no_order_id(self) -> None:
        """Trap 30: without Borzo's own number there is no key."""
        with pytest.raises(Unreadable, match=r"\$\.order\.order_id"):
            order(order__order_id=None)
        with pytest.raises(Unreadable, match=r"\$\.delivery\.order_id"):
            delivery(delivery__order_id=None)

    def test_time(self) -> None:
        """Trap 23: how times are written is not documented: with an offset they count, without one they are none."""
        assert "2026-11-16T11:12:40+05:30" == delivery().dispatched_at.isoformat()
        assert delivery(event_datetime="2026-11-16T11:12:40").dispatched_at is None
        with pytest.raises(Unreadable, match=r"\$\.event_datetime"):
            delivery(event_datetime="16.11.2026 11:12")
