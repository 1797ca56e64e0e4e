"""The traps that DoorDash Drive sets, one sentence each."""

from dataclasses import replace

import pytest

from adapters import Basic, Header, Ignored, NotAuthentic, Status, doordash_drive
from receiver.carriers.references import Rule, refer
from tests.support.adapter import POST, payload, proves, read_one

SHIPPED = "2026-11-16T18:22:03+00:00"


def delivery(case="picked_up", **changes):
    return payload("doordash_drive", case) | changes


class TestProof:
    def test_body_is_not_protected(self):
        """Trap 4: the credentials say nothing of the body they come with, so a secret URL can be chosen as well."""
        signed = Basic().sign(POST, "doordash:demo-password")

        doordash_drive.AUTH[0].check(replace(signed, body=b"anything"), ["doordash:demo-password"])
        assert ["basic", "bearer", "header", "path"] == [scheme.kind for scheme in doordash_drive.AUTH]

    def test_basic(self):
        """The portal's Basic credentials (printf 'doordash:demo-password' | base64) prove the sender, others do not."""
        written = "Basic ZG9vcmRhc2g6ZGVtby1wYXNzd29yZA=="

        assert proves(doordash_drive, "authorization", written, b"{}", "doordash:demo-password")
        assert not proves(doordash_drive, "authorization", written, b"{}", "doordash:another")

    def test_any_fixed_value(self):
        """The portal takes any Authorization: a value of no known form is compared as a whole."""
        named = Header("authorization")

        named.check(replace(POST, headers={"authorization": "Basic not-base64!"}), ["Basic not-base64!"])
        with pytest.raises(NotAuthentic):
            named.check(replace(POST, headers={"authorization": "Basic not-base64?"}), ["Basic not-base64!"])

    def test_invented_header(self):
        """Trap 7: the X-DoorDash-Signature of one third-party server is documented nowhere and proves nothing."""
        assert not proves(
            doordash_drive, "x-doordash-signature", "doordash:demo-password", b"{}", "doordash:demo-password"
        )


class TestStatuses:
    @pytest.mark.parametrize(
        "word", ["DELIVERY_CREATED", "DASHER_CONFIRMED", "dasher_enroute_to_pickup", "DASHER_CONFIRMED_PICKUP_ARRIVAL"]
    )
    def test_empty_hands(self, word):
        """Trap 15: a courier at the shop does not have the parcel, and there is no event for the shopper."""
        shipment = read_one(doordash_drive, delivery(event_name=word))

        assert (Status.ANNOUNCED, None, ()) == (shipment.status, shipment.dispatched_at, shipment.events)

    @pytest.mark.parametrize(
        "word",
        [
            "DELIVERY_RETURN_INITIALIZED",
            "dasher_enroute_to_return",
            "DASHER_CONFIRMED_RETURN_ARRIVAL",
            "DELIVERY_RETURNED",
        ],
    )
    def test_return(self, word):
        """Trap 14: from the first word of a return on, nothing is delivered, and no dispatch is dated by it."""
        shipment = read_one(doordash_drive, delivery(event_name=word))

        assert (Status.RETURNED, None, None) == (shipment.status, shipment.delivered_at, shipment.dispatched_at)

    @pytest.mark.parametrize("word", ["DASHER_AT_DROPOFF", "DASHER_DELIVERED", "dasher_dropped_off"])
    def test_unknown_word(self, word):
        """Trap 16: an event that is on no list is "other", is named, and delivers nothing."""
        shipment = read_one(doordash_drive, delivery("at_the_shop", event_name=word))

        assert (word,) == shipment.unknown_words
        assert (Status.OTHER, None, None) == (shipment.status, shipment.delivered_at, shipment.dispatched_at)

    @pytest.mark.parametrize("word", ["dasher_enroute_to_dropoff", "DASHER_ENROUTE_TO_DROPOFF"])
    def test_on_the_road(self, word):
        """The optional events come in small letters, and in capitals: the courier has the parcel by then."""
        shipment = read_one(doordash_drive, delivery("at_the_shop", event_name=word))

        assert (Status.OUT_FOR_DELIVERY, ()) == (shipment.status, shipment.unknown_words)
        assert shipment.happened_at == shipment.dispatched_at is not None

    def test_batched(self):
        """A shared route is the courier's business."""
        with pytest.raises(Ignored, match="shares its route"):
            doordash_drive.read(delivery("batched"), POST)


class TestDates:
    @pytest.mark.parametrize("case", ["dropped_off", "returned"])
    def test_pickup_repeated(self, case):
        """Trap 18: a later event says when the pickup was, so that a lost DASHER_PICKED_UP costs nothing."""
        assert SHIPPED == read_one(doordash_drive, delivery(case)).dispatched_at.isoformat()

    def test_first_heard_at_the_door(self):
        """Trap 18: without the pickup's time the arrival at the door is the first sign of possession."""
        shipment = read_one(doordash_drive, delivery("dropoff_arrival_first_heard"))

        assert shipment.happened_at == shipment.dispatched_at is not None

    def test_omitted_fields(self):
        """DoorDash omits what is empty: a delivery is then dated by its event, the dispatch by no one."""
        shipment = read_one(
            doordash_drive,
            delivery("dropped_off", pickup_time_actual=None, dropoff_time_actual=None, tracking_url=None),
        )

        assert shipment.happened_at == shipment.delivered_at is not None
        assert (None, None) == (shipment.dispatched_at, shipment.tracking_url)

    def test_actual_before_created(self):
        """The actual times are when it happened; `created_at` is when DoorDash wrote the message."""
        shipment = read_one(doordash_drive, delivery("dropped_off"))

        assert "2026-11-16T18:52:28+00:00" == shipment.delivered_at.isoformat()


class TestReference:
    def test_id_of_the_delivery(self):
        """Trap 27: the id is the merchant's, but of the delivery; only a rule says which part of it is the order."""
        body = delivery(external_delivery_id="1932000000001-01-retry2")
        rule = Rule.parse("external_delivery_id", "order_id", r"^(\d{13}-\d{2})")
        shipment = read_one(doordash_drive, body)

        assert () == shipment.references
        assert ["1932000000001-01"] == [one.value for one in refer(shipment, body, (rule,))]

    def test_no_personal_data(self):
        """Trap 31: neither the courier nor the two addresses are kept."""
        kept = repr(read_one(doordash_drive, delivery("dropped_off")))

        assert not [word for word in ("Sample D.", "+1555", "Example St", "98101") if word in kept]

    def test_unreadable(self):
        """Trap 13: anything but 200 is sent again, also what we cannot read anyway."""
        assert (200, 200) == (doordash_drive.REPLY.success, doordash_drive.REPLY.unreadable)
