"""The traps Shippo sets, and the choices its adapter makes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters import Ignored, Status, Unreadable
from receiver.carriers import discover
from receiver.carriers.references import Rule, refer
from tests.support.parcels import body_of, proves, read, reader, recorded

parcel = reader("shippo", "accepted")
label = reader("shippo", "label_bought")

# printf '%s.%s' 1794857400 "$body" | openssl dgst -sha256 -hmac shippo-demo-secret
SECRET = "shippo-demo-secret"
SIGNED = b'{"event": "track_updated","data":{"weight":1.0}}'
STAMP = datetime(2026, 11, 16, 19, 30, tzinfo=UTC)
SIGNATURE = "t=1794857400,v1=78fc63eacf85e0e66a6a804fee802ce540ace581cff188fadbad81976760439a"


def signed(body: bytes = SIGNED, at: datetime = STAMP, signature: str = SIGNATURE) -> bool:
    headers = {"shippo-auth-signature": signature}
    request = replace(recorded("shippo", "accepted_signed"), body=body, received_at=at, headers=headers)
    return proves("shippo", request, SECRET, scheme=1)


class TestProof:
    def test_raw_bytes(self) -> None:
        """Traps 1 and 2: the signature is over the time, a dot and the bytes."""
        assert signed()
        assert not signed(SIGNED.replace(b"1.0", b"1"))
        assert not signed(signature=SIGNATURE.replace("t=1794857400", "t=1794857401"))

    def test_old_signature(self) -> None:
        """A signature of more than five minutes ago proves nothing."""
        assert signed(at=STAMP + timedelta(minutes=5))
        assert not signed(at=STAMP + timedelta(minutes=5, seconds=1))

    def test_choices(self) -> None:
        """Everybody can put a token into the URL; the signature must be asked for at Shippo."""
        assert ["query", "hmac", "path"] == [scheme.kind for scheme in discover()["shippo"].auth]

    def test_token(self) -> None:
        """Trap 6: the documented token is a query parameter."""
        request = recorded("shippo", "accepted")

        assert proves("shippo", replace(request, query=f"token={SECRET}"), SECRET)
        assert not proves("shippo", replace(request, query=f"token={SECRET}&token=x"), SECRET)


class TestEvents:
    def test_returned(self) -> None:
        """Trap 14: RETURNED says that the way back has begun, and takes nothing from the dispatch before it."""
        shipment = reader("shippo", "returned_has_begun")()

        assert Status.RETURNED == shipment.status
        assert datetime(2026, 11, 16, 19, 4, tzinfo=UTC) == shipment.dispatched_at
        assert shipment.delivered_at is None

    @pytest.mark.parametrize("status", ["delivered", "LOST"])
    def test_unknown_word(self, status: str) -> None:
        """Trap 16: what is on no list says nothing, and is named, of the parcel and of its history alike."""
        shipment = parcel(data__tracking_status__status=status, data__tracking_history__0__status="BEAMED")

        assert (Status.OTHER, (status, "BEAMED")) == (shipment.status, shipment.unknown_words)

    def test_known_nothing(self) -> None:
        """UNKNOWN is Shippo's own word for not knowing: it says nothing, and is no unknown word."""
        shipment = parcel(data__tracking_status__status="UNKNOWN", data__tracking_status__substatus={"code": "other"})

        assert (Status.OTHER, ()) == (shipment.status, shipment.unknown_words)

    @pytest.mark.parametrize(
        ("code", "status", "unknown"),
        [
            ("package_accepted", Status.DISPATCHED, ()),
            ("out_for_delivery", Status.OUT_FOR_DELIVERY, ()),
            ("pickup_available", Status.IN_TRANSIT, ()),
            ("delivery_attempted", Status.IN_TRANSIT, ()),
            ("package_damaged", Status.EXCEPTION, ()),
            ("information_received", Status.IN_TRANSIT, ()),
            ("beamed_up", Status.IN_TRANSIT, ("beamed_up",)),
            (None, Status.IN_TRANSIT, ()),
        ],
    )
    def test_substatus(self, code: str | None, status: Status, unknown: tuple[str, ...]) -> None:
        """Traps 14 and 16: under TRANSIT the substatus says more; waiting for the shopper is still in transit."""
        shipment = parcel(data__tracking_status__substatus={"code": code})

        assert (status, unknown) == (shipment.status, shipment.unknown_words)

    @pytest.mark.parametrize(
        "back",
        [
            {"status": "RETURNED", "status_date": None},
            {"status": "TRANSIT", "status_date": "2026-11-17T09:00:00Z", "status_details": "Return to Sender"},
        ],
    )
    def test_delivery_after_return(self, back: dict[str, object]) -> None:
        """Trap 14: a delivery after a return in the same history is marked: it may be the merchant's."""
        sent = body_of("shippo", "delivered")
        sent["data"]["tracking_history"].append(back)
        (shipment,) = read("shippo", sent, "delivered")

        assert (Status.DELIVERED, True) == (shipment.status, shipment.returned)

    def test_delivered_to_the_sender(self) -> None:
        """Trap 14: the newest status alone may say in words whom it was delivered to."""
        newest = {"status": "DELIVERED", "status_date": "2026-11-20T09:00:00Z", "status_details": "To original sender"}
        shipment = parcel(data__tracking_status=newest, data__tracking_history=[])

        assert (Status.RETURNED, None) == (shipment.status, shipment.delivered_at)

    @pytest.mark.parametrize("event", ["batch_created", "batch_purchased"])
    def test_batches(self, event: str) -> None:
        """Batches of labels carry no parcel status."""
        with pytest.raises(Ignored, match="carries no parcel status"):
            parcel(event=event)

    def test_unknown_event(self) -> None:
        """An event that is on no list is kept for a look, not dropped."""
        with pytest.raises(Unreadable, match=r"\$\.event"):
            parcel(event="track_lost")

    def test_accepted(self) -> None:
        """The substatus tells the first scan from the others, under TRANSIT alone."""
        moved = {"code": "package_departed"}

        assert Status.DISPATCHED == parcel().status
        assert Status.IN_TRANSIT == parcel(data__tracking_status__substatus=moved).status
        assert Status.DELIVERED == parcel(data__tracking_status__status="DELIVERED").status

    def test_first_scan_never_came(self) -> None:
        """Trap 18: the first TRANSIT serves, and the status itself where there is no history."""
        moving = reader("shippo", "unknown_then_transit")

        assert datetime(2026, 11, 17, 5, 40, tzinfo=UTC) == moving().dispatched_at
        assert datetime(2026, 11, 17, 5, 40, tzinfo=UTC) == moving(data__tracking_history=[]).dispatched_at

    def test_order_of_history(self) -> None:
        """Trap 20: times decide, whichever way round the history comes."""
        turned = body_of("shippo", "delivered")
        turned["data"]["tracking_history"].reverse()
        (shipment,) = read("shippo", turned, "delivered")

        assert reader("shippo", "delivered")().dispatched_at == shipment.dispatched_at
        assert reader("shippo", "delivered")().delivered_at == shipment.delivered_at

    @pytest.mark.parametrize("change", [{"test": True}, {"data__test": True}, {"data__carrier": "shippo"}])
    def test_test_mode(self, change: dict[str, object]) -> None:
        """Trap 32: test traffic says so in one of three places, and goes no further."""
        with pytest.raises(Ignored, match="test mode"):
            parcel(**change)


class TestLabels:
    def test_no_tracking(self) -> None:
        """A label's own ``tracking_status`` is a word without a date: it delivers nothing."""
        shipment = label(data__tracking_status="DELIVERED")

        assert Status.ANNOUNCED == shipment.status
        assert shipment.delivered_at is None

    def test_same_parcel(self) -> None:
        """Trap 21: object ids change; label and parcel meet under the tracking number."""
        number = label().tracking_number

        assert label().key == parcel(data__tracking_number=number).key

    def test_unknown_status(self) -> None:
        """A label's status that is on no list is kept for a look."""
        with pytest.raises(Unreadable, match=r"\$\.data\.status"):
            label(data__status="EXCHANGED")

    def test_no_number_yet(self) -> None:
        """A bought label without a number is no parcel yet."""
        with pytest.raises(Ignored, match="neither"):
            label(data__tracking_number=None)

    @pytest.mark.parametrize("status", ["WAITING", "QUEUED", "ERROR", "REFUNDPENDING", "REFUNDREJECTED", None])
    def test_neither_bought_nor_refunded(self, status: str | None) -> None:
        """Trap 15: a label in the making is no parcel yet."""
        with pytest.raises(Ignored, match="neither"):
            label(data__status=status)

    def test_url(self) -> None:
        """Trap 29: only the label has the carrier's page; a rate may be an id alone."""
        assert "https://tools.usps.com/" in (label().tracking_url or "")
        assert parcel().tracking_url is None
        assert label(data__rate="5230ra7e").courier is None

    def test_old_version(self) -> None:
        """Trap 25: version 2017-03-29 sends the label's object as the parcel's news."""
        shipment = reader("shippo", "version_2017_with_transaction")()

        assert Status.IN_TRANSIT == shipment.status
        assert "USPS" == shipment.courier
        assert (
            Status.IN_TRANSIT
            == reader("shippo", "version_2017_with_transaction")(data__tracking_status="TRANSIT").status
        )


class TestValues:
    def test_courier(self) -> None:
        """Trap 29: tokens whose name is known become one."""
        assert "USPS" == parcel().courier
        assert ("Correios", "correios_br") == (
            parcel(data__carrier="correios_br").courier,
            parcel(data__carrier="correios_br").courier_code,
        )
        assert parcel(data__carrier="globex_local").courier is None
        assert ("USPS", "USPS") == (label().courier, label().courier_code)

    def test_metadata(self) -> None:
        """Trap 27: metadata is the merchant's own text; a rule takes the order out of it."""
        payload = body_of("shippo", "accepted")
        rule = Rule.parse("data.metadata", "order_id", r"^VTEX (\d{13}-\d{2})$")

        assert () == parcel().references
        assert ["1523000000001-01"] == [one.value for one in refer(parcel(), payload, (rule,))]

    def test_no_number(self) -> None:
        """Trap 30: a parcel without number has no key."""
        with pytest.raises(Unreadable, match=r"\$\.data\.tracking_number"):
            parcel(data__tracking_number=" ")
