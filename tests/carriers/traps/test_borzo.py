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
            (None, Status.OTHER),
        ],
    )
    def test_orders(self, word: str | None, status: Status) -> None:
        """Traps 15 and 16: an active tour does not say that the courier has come by; the word is known all the same."""
        shipment = order(order__status=word)

        assert (status, ()) == (shipment.status, shipment.unknown_words)
        assert (None, None) == (shipment.dispatched_at, shipment.delivered_at)

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("planned", Status.ANNOUNCED),
            ("courier_departed", Status.ANNOUNCED),
            ("courier_at_pickup", Status.ANNOUNCED),
            ("canceled", Status.CANCELLED),
            ("deleted", Status.CANCELLED),
            ("invalid", Status.CANCELLED),
            ("failed", Status.EXCEPTION),
            ("delayed", Status.EXCEPTION),
            ("returned", Status.RETURNED),
            ("return_planned", Status.RETURNED),
            ("return_finished", Status.RETURNED),
        ],
    )
    def test_deliveries(self, word: str, status: Status) -> None:
        """Traps 14 and 15: a courier who has set out has nothing yet, and a finished return is no delivery."""
        shipment = delivery(delivery__status=word)

        assert (status, ()) == (shipment.status, shipment.unknown_words)
        assert (None, None) == (shipment.dispatched_at, shipment.delivered_at)

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("parcel_picked_up", Status.DISPATCHED),
            ("active", Status.IN_TRANSIT),
            ("courier_arrived", Status.OUT_FOR_DELIVERY),
        ],
    )
    def test_first_seen(self, word: str, status: Status) -> None:
        """Trap 18: the first word of possession dates the dispatch."""
        shipment = delivery(delivery__status=word)

        assert status == shipment.status
        assert shipment.happened_at == shipment.dispatched_at is not None

    def test_finished(self) -> None:
        """A stop that is finished is delivered, in the time of its event."""
        shipment = delivery(delivery__status="finished")

        assert Status.DELIVERED == shipment.status
        assert shipment.happened_at == shipment.delivered_at is not None

    @pytest.mark.parametrize("word", ["completed", "Finished", "teleported"])
    def test_unknown(self, word: str) -> None:
        """Trap 16: a word that no receiver has seen is "other" and is named; a tour has words of its own."""
        shipment = delivery(delivery__status=word)

        assert (Status.OTHER, (word,)) == (shipment.status, shipment.unknown_words)
        assert ("parcel_picked_up",) == order(order__status="parcel_picked_up").unknown_words

    def test_delivered(self) -> None:
        """A tour that is completed delivered; when it began is not repeated."""
        assert Status.DELIVERED == order().status
        assert order().happened_at == order().delivered_at is not None
        assert order().dispatched_at is None

    def test_other_events(self) -> None:
        """A callback that the reference does not list has an unknown shape: it is kept as unreadable."""
        with pytest.raises(Unreadable, match=r"\$\.event_type"):
            read("borzo", body_of("borzo", "unknown_kind"), "unknown_kind")


class TestSeveralOrders:
    def test_one_each(self) -> None:
        """Trap 19: one tour may carry several orders of the shop's; each is a shipment with its own page."""
        shipments = read("borzo", body_of("borzo", TWO), TWO)

        assert ["52900004:1529000000004-01", "52900004:1529000000005-01"] == [one.key for one in shipments]
        assert ["52900004", "52900004"] == [one.tracking_number for one in shipments]
        assert ["4", "5"] == [(one.tracking_url or "")[-1] for one in shipments]

    def test_completed_tour(self) -> None:
        """Trap 14: a tour of several stops that is completed may have failed at one, so it delivers none of them."""
        told = read("borzo", body_of("borzo", TWO), TWO)

        assert [(Status.IN_TRANSIT, None, ())] * 2 == [(one.status, one.delivered_at, one.events) for one in told]

    def test_pick_up_of_all(self) -> None:
        """Trap 18: the first stop is the pick-up; its time dates the dispatch of every order of the tour."""
        payload = body_of("borzo", TWO)
        payload["order"]["points"][0]["completed_datetime"] = "2026-11-16T11:05:00+05:30"
        payload["order"]["points"][1]["completed_datetime"] = "2026-11-16T12:05:00+05:30"
        times = [one.dispatched_at for one in read("borzo", payload, TWO)]

        assert ["2026-11-16T11:05:00+05:30"] * 2 == [time.isoformat() for time in times if time]

    def test_pick_up_without_a_shops_order(self) -> None:
        """Trap 18: the pick-up's time counts where no stop names an order of the shop's, too."""
        payload = body_of("borzo", "order_completed_with_pickup_time")
        payload["order"]["points"][1]["client_order_id"] = None
        (shipment,) = read("borzo", payload, "order_completed_with_pickup_time")

        assert "52900023" == shipment.key
        assert "2026-11-16T11:05:00+05:30" == shipment.dispatched_at.isoformat()

    def test_one_point(self) -> None:
        """A single stop may be the shopper's: its time is no pick-up's."""
        payload = body_of("borzo", "order_completed_with_pickup_time")
        payload["order"]["points"] = payload["order"]["points"][1:]
        (shipment,) = read("borzo", payload, "order_completed_with_pickup_time")

        assert "52900023:1529000000023-01" == shipment.key
        assert shipment.dispatched_at is None

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
    @pytest.mark.parametrize("word", ["draft", "invalid"])
    def test_draft(self, word: str) -> None:
        """Trap 30: a draft has no number of Borzo's yet, and asks nothing of a person."""
        with pytest.raises(Ignored, match="draft"):
            delivery(delivery__order_id=None, delivery__status=word)

    def test_no_order_id(self) -> None:
        """Trap 30: without Borzo's own number there is no key."""
        with pytest.raises(Unreadable, match=r"\$\.order\.order_id"):
            order(order__order_id=None)
        with pytest.raises(Unreadable, match=r"\$\.delivery\.order_id"):
            delivery(delivery__order_id=None)

    def test_number_of_the_stop(self) -> None:
        """Trap 30: the stop's own number is a number of the parcel, too."""
        assert ["52990001"] == [one.value for one in delivery().references if one.kind == "tracking_number"]

    def test_retries(self) -> None:
        """Trap 13: Borzo repeats what fails for a day, so what cannot be read is answered with 200."""
        assert 200 == discover()["borzo"].reply.unreadable

    def test_time(self) -> None:
        """Trap 23: how times are written is not documented: with an offset they count, without one they are none."""
        assert "2026-11-16T11:12:40+05:30" == delivery().dispatched_at.isoformat()
        assert delivery(event_datetime="2026-11-16T11:12:40").dispatched_at is None
        with pytest.raises(Unreadable, match=r"\$\.event_datetime"):
            delivery(event_datetime="16.11.2026 11:12")
