"""The traps ShipBob sets, and the choices its adapter makes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters import Ignored, Shipment, Status, Unreadable
from receiver.carriers import discover
from tests.support.parcels import body_of, proves, read, reader, recorded
from tests.support.rig import Rig
from tests.support.sending import rows

moved = reader("shipbob", "in_transit")

# key=$(printf '%s' "${SECRET#whsec_}" | base64 -d | xxd -p -c 99)
# printf 'msg_52800001demo.1794857400.%s' "$body" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$key -binary | base64
SECRET = "whsec_ZGVtby1zaGlwYm9iLXNpZ25pbmcta2V5LTUyODA="
SIGNED = b'{"status": "LabelCreated","order_id":528000001}'
STAMP = datetime(2026, 11, 16, 19, 30, tzinfo=UTC)
SIGNATURE = "v1,QhdmoIbU52WpBJi72sIk1za2d1qDguWWZrf5zG1MZMo="


def signed(body: bytes = SIGNED, at: datetime = STAMP, signature: str = SIGNATURE) -> bool:
    headers = {"webhook-id": "msg_52800001demo", "webhook-timestamp": "1794857400", "webhook-signature": signature}
    request = replace(recorded("shipbob", "in_transit"), body=body, received_at=at, headers=headers)
    return proves("shipbob", request, SECRET)


def under(topic: str, case: str = "in_transit", header: str = "x-webhook-topic") -> Shipment:
    (shipment,) = read("shipbob", body_of("shipbob", case), case, headers={header: topic})
    return shipment


class TestProof:
    def test_id_time_body(self) -> None:
        """Traps 2 and 3: signed are id, time and bytes, under the key that the secret holds in base64."""
        assert signed()
        assert not signed(SIGNED.replace(b": ", b":"))
        assert not signed(at=STAMP + timedelta(minutes=6))

    def test_several_signatures(self) -> None:
        """While a secret is changed there are two signatures in the header, and one must fit."""
        other = "v1,AAAAAIbU52WpBJi72sIk1za2d1qDguWWZrf5zG1MZMo="

        assert signed(signature=f"{other} {SIGNATURE}")
        assert not signed(signature=other)

    def test_old_subscriptions(self) -> None:
        """Trap 4: subscriptions of the first versions sign nothing: their URL is the secret."""
        request = recorded("shipbob", "old_subscription")

        assert ["hmac", "path", "query"] == [scheme.kind for scheme in discover()["shipbob"].auth]
        assert not proves("shipbob", request, SECRET)
        assert proves("shipbob", replace(request, token="demo-path"), "demo-path", scheme=1)

    def test_event_id(self) -> None:
        """Trap 21: ``webhook-id`` stays the same when a message is repeated; old subscriptions have none."""
        ids = [
            discover()["shipbob"].event_id(body_of("shipbob", case), recorded("shipbob", case))
            for case in ("in_transit", "old_subscription")
        ]

        assert ["msg_52800003demo", None] == ids


class TestTopics:
    @pytest.mark.parametrize("topic", ["order.shipped", "order.shipment.tracking_received"])
    def test_label_printed(self, topic: str) -> None:
        """Trap 15: "shipped" means that the label was printed, whatever the body's status."""
        shipment = under(topic)

        assert Status.ANNOUNCED == shipment.status
        assert shipment.dispatched_at is None

    def test_topic_in_a_header(self) -> None:
        """Trap 26: the body does not say what it tells of; without the header it cannot be read."""
        assert Status.ANNOUNCED == under("order_shipped", header="shipbob-topic").status
        with pytest.raises(Unreadable, match="x-webhook-topic"):
            read("shipbob", body_of("shipbob", "in_transit"), "in_transit", headers={})

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("OutForDelivery", Status.OUT_FOR_DELIVERY),
            ("Delivered", Status.DELIVERED),
            ("delivered", Status.OTHER),
            ("Completed", Status.OTHER),
            ("DeliveryException", Status.EXCEPTION),
            (None, Status.OTHER),
        ],
    )
    def test_words(self, word: str | None, status: Status) -> None:
        """Trap 16: under ``tracking.updated`` the carrier's word decides, and only a listed one."""
        assert status == moved(status=word).status

    def test_unknown_word(self) -> None:
        """An unknown word is named; under a topic that decides by itself no word is asked for."""
        assert ("Teleported",) == moved(status="Teleported").unknown_words
        assert () == moved(status="Completed").unknown_words
        assert () == reader("shipbob", "delivered")(status="Teleported").unknown_words

    @pytest.mark.parametrize(
        ("topic", "status"),
        [
            ("shipment_delivered", Status.DELIVERED),
            ("shipment_exception", Status.EXCEPTION),
            ("shipment_onhold", Status.EXCEPTION),
            ("shipment_cancelled", Status.CANCELLED),
        ],
    )
    def test_old_topics(self, topic: str, status: Status) -> None:
        """Old subscriptions have the same topics under other names."""
        assert status == under(topic, "delivered_old_subscription", header="shipbob-topic").status

    @pytest.mark.parametrize("topic", ["order.shipment.teleported", "inventory.updated"])
    def test_unknown_topic(self, topic: str) -> None:
        """A topic on no list is kept and refused by name."""
        with pytest.raises(Unreadable, match=topic):
            under(topic)

    @pytest.mark.parametrize("topic", ["return.completed", "order.delivered", "billing.charge.created"])
    def test_other_topics(self, topic: str) -> None:
        """Trap 14: a return that was completed is with the merchant; a whole order is no parcel."""
        with pytest.raises(Ignored, match=topic):
            under(topic)

    def test_label_then_road(self) -> None:
        """Trap 18: topics come unordered; the first word from the road dates the dispatch, a delivery does not."""
        late = reader("shipbob", "out_for_delivery_first_heard_of")()

        assert late.happened_at == late.dispatched_at is not None
        assert reader("shipbob", "delivered")().dispatched_at is None


class TestShapes:
    def test_shipment(self) -> None:
        """A shipment has its number, its times and its status under other names than an event."""
        shipment = reader("shipbob", "delivered_old_subscription")()

        assert "2026-11-19T19:41:00+00:00" == shipment.delivered_at.isoformat()
        assert "2026-11-19T20:05:31+00:00" == shipment.happened_at.isoformat()
        assert "9261290305280000000010" == shipment.key == shipment.tracking_number

    def test_order(self) -> None:
        """Trap 19: an order brings all its shipments, and those without a number are left out."""
        request = recorded("shipbob", "order_of_two_shipments")

        conversion = discover()["shipbob"].convert(request)

        assert ["9261290305280000000011"] == [shipment.key for shipment in conversion.shipments]
        assert [] == conversion.refused

    @pytest.mark.parametrize(
        ("detail", "status"),
        [
            ("Processing", Status.ANNOUNCED),
            ("InTransit", Status.IN_TRANSIT),
            ("OutForDelivery", Status.OUT_FOR_DELIVERY),
            ("Delivered", Status.DELIVERED),
        ],
    )
    def test_detail(self, detail: str, status: Status) -> None:
        """A shipment that left ShipBob is "Completed", and its detail says how far it is."""
        payload = body_of("shipbob", "delivered_old_subscription")
        payload["status_details"][0]["name"] = detail

        (shipment,) = read("shipbob", payload, "in_transit")

        assert status == shipment.status

    def test_detail_of_another_status(self) -> None:
        """Only "Completed" has a detail of the road: a shipment on hold stays on hold."""
        payload = body_of("shipbob", "delivered_old_subscription") | {"status": "OnHold"}

        assert [Status.EXCEPTION] == [shipment.status for shipment in read("shipbob", payload, "in_transit")]

    @pytest.mark.parametrize(
        ("payload", "place"), [({"id": 1}, r"\$\.tracking"), ({"tracking": {"number": "1"}}, r"\$\.tracking")]
    )
    def test_unknown_shape(self, payload: dict[str, object], place: str) -> None:
        """Trap 25: a body without the fields of any known form is kept and refused."""
        with pytest.raises(Unreadable, match=place):
            read("shipbob", payload, "in_transit")

    def test_courier(self) -> None:
        """Trap 29: the carrier's own text stays, and is there as a code for the endpoint's names."""
        shipment = moved(tracking__carrier="VeHo")

        assert ("VeHo", "VeHo") == (shipment.courier, shipment.courier_code)
        assert "UPS" == moved(tracking__carrier="ups").courier
        assert (None, "") == (moved(tracking__carrier=None).courier, moved(tracking__carrier=None).courier_code)


class TestValues:
    def test_seven_digits(self) -> None:
        """Trap 23: fractions of a second have seven digits."""
        assert datetime(2026, 11, 17, 2, 10, 44, 50000, tzinfo=UTC) == moved().happened_at
        assert 361476 == moved(event_time="2026-11-17T02:10:44.3614767Z").happened_at.microsecond

    @pytest.mark.parametrize("tracking", [None, {}, {"tracking_id": " "}])
    def test_no_number(self, tracking: dict[str, str] | None) -> None:
        """Trap 30: a shipment on hold may have no parcel; the order's id is no parcel's id."""
        with pytest.raises(Ignored, match="tracking number"):
            moved(tracking=tracking)

    def test_reference(self) -> None:
        """Trap 27: ``reference_id`` is the order in the merchant's shop."""
        assert ["1528000000003-01"] == [reference.value for reference in moved().references]


def test_another_topic(rig: Rig) -> None:
    """A captured message whose unsigned topic was changed is a repeat: nothing becomes delivered by it."""
    rig.configure(endpoints={"shipbob": {"carrier": "shipbob", "secrets": [SECRET]}})
    recording = replace(recorded("shipbob", "in_transit"), received_at=datetime.fromtimestamp(rig.now, UTC))
    sent = discover()["shipbob"].auth[0].sign(recording, SECRET)
    changed = replace(sent, headers={**sent.headers, "x-webhook-topic": "order.shipment.delivered"})

    answers = [rig.send(request, endpoint="shipbob", signed=False).json for request in (sent, changed)]

    assert ["accepted", "duplicate"] == [answer["outcome"] for answer in answers]
    assert 1 == len(rows(rig))
    assert 1 == len(rows(rig, "updates"))
