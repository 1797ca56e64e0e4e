"""The traps Envia.com sets. The digests are openssl's:
``printf '%s' "$stamp.$event.$body" | openssl dgst -sha256 -hmac envia-demo-secret``."""

from dataclasses import replace

import pytest

from adapters import Ignored, NotAuthentic, Status, Unreadable, envia
from receiver.carriers import discover
from tests.support.adapter import POST, payload, read_one

BODY = '{"type":"tracking.simple","note":"\\/ ó 1.0"}'.encode()
SECRET = "envia-demo-secret"
SIGNED = {
    "x-webhook-timestamp": "1794332532417",
    "x-webhook-event": "tracking.simple",
    "x-webhook-signature": "v1=7205cce19cdbb6b7bc5d06c0b204cb67ae28bc51cff735ac56e65291e0726deb",
}


def proves(body=BODY, **changes):
    headers = SIGNED | {name.replace("_", "-"): value for name, value in changes.items()}
    try:
        envia.AUTH[0].check(replace(POST, headers=headers, body=body), [SECRET])
    except NotAuthentic:
        return False
    return True


def told(status, **changes):
    body = payload("envia", "collected")
    body["data"] |= {"status": status, **changes}
    return read_one(envia, body)


class TestSignature:
    def test_vector(self):
        """Trap 2: the digest covers timestamp, event and the body's bytes, and all three must be as they were."""
        assert proves()
        assert not proves(BODY + b"\n")
        assert not proves(x_webhook_timestamp="1794332532418")
        assert not proves(x_webhook_event="tracking.detail")
        assert not proves(x_webhook_timestamp="")

    def test_base64(self):
        """Trap 3: the page does not say how the digest is written, so base64 is taken too."""
        assert proves(x_webhook_signature="v1=cgXM4Zzbtre8XQbAsgTLZ64ovFHP9zWsVuZSkeBybes=")

    def test_version(self):
        """A digest without its v1=, or of another version, is no signature."""
        digest = SIGNED["x-webhook-signature"].removeprefix("v1=")
        assert not proves(x_webhook_signature=digest)
        assert not proves(x_webhook_signature=f"v2={digest}")

    def test_late_repeat(self):
        """Envia queues and sends again: an old timestamp is no reason to refuse what is signed."""
        assert POST.received_at.timestamp() * 1000 - int(SIGNED["x-webhook-timestamp"]) > 5 * 60 * 1000
        assert proves()


class TestRegistration:
    def test_probe(self):
        """Trap 9: the panel's unsigned ``{}`` is answered; an unsigned event, or a signed ``{}``, is no probe."""
        assert envia.PROBE.matches(replace(POST, body=b"{}\n"))
        assert not envia.PROBE.matches(replace(POST, body=BODY))
        assert not envia.PROBE.matches(replace(POST, body=b"{}", headers=SIGNED))

    def test_panel_sample(self):
        """Trap 32: the other form of the test, with what looks like a parcel, reaches no order."""
        with pytest.raises(Ignored, match="test message"):
            discover()["envia"].convert(replace(POST, body=b'{"tracking_number":"1","shipment_status":"Delivered"}'))


class TestEvents:
    def test_delivered_at_origin(self):
        """Trap 14: "Delivered at Origin" is back at the merchant's, "Pickup at Office" is not with the shopper yet."""
        back, waiting = told("Delivered at Origin"), told("pickup_at_office")

        assert (Status.RETURNED, None, None) == (back.status, back.dispatched_at, back.delivered_at)
        assert (Status.IN_TRANSIT, None) == (waiting.status, waiting.delivered_at)

    @pytest.mark.parametrize("written", ["out_for_delivery", "Out for Delivery", " OUT-FOR-DELIVERY "])
    def test_words(self, written):
        """Trap 16: statuses are words in more than one spelling; case and separators mean nothing."""
        assert Status.OUT_FOR_DELIVERY is told(written).status

    @pytest.mark.parametrize("written", ["N/A", "Out for Pickup", "Information", "Partially Shipped", ""])
    def test_says_nothing(self, written):
        """Trap 16: some words of the list do not say where the parcel is."""
        shipment = told(written)

        assert (Status.OTHER, None, None) == (shipment.status, shipment.dispatched_at, shipment.delivered_at)
        assert () == shipment.unknown_words

    @pytest.mark.parametrize("written", ["teleported", "Un-Delivered", "delivered!?1"])
    def test_unknown(self, written):
        """Trap 16: a word that only resembles a listed one is "other", and is named as it was written."""
        for shipment in (told(written), read_one(envia, payload("envia", "legacy_shipped") | {"status": written})):
            assert (Status.OTHER, None, None) == (shipment.status, shipment.dispatched_at, shipment.delivered_at)
            assert (written,) == shipment.unknown_words

    def test_returned_by_its_words(self):
        """Trap 14: a carrier that gave the parcel back says "delivered" and, in its own words, to whom."""
        shipment = told("delivered", status_description="Delivered, to original sender")

        assert (Status.RETURNED, None) == (shipment.status, shipment.delivered_at)
        assert Status.RETURNED is told("in transit", status_description="Returned to sender").status
        assert Status.ANNOUNCED is told("created", status_description="Returned to sender").status

    @pytest.mark.parametrize("written", ["picked up", "shipped", "in transit", "out for delivery", "2nd Attempt"])
    def test_first_seen(self, written):
        """Trap 18: whichever word of possession comes first dates the dispatch."""
        assert "2026-11-10T17:42:10+00:00" == told(written).dispatched_at.isoformat()

    def test_event_id(self):
        """Trap 21: the id of a notification is in a header that is not signed, so the signed body is the key."""
        request = replace(POST, headers={"x-webhook-id": "7c1e0a52"})

        assert discover()["envia"].event_id(payload("envia", "collected"), request) is None

    @pytest.mark.parametrize("kind", envia.TRACKING)
    def test_types(self, kind):
        """Types 3 and 4 have one envelope; type 4 names the shop's order besides."""
        body = payload("envia", "with_the_shops_order") | {"type": kind}

        assert Status.DISPATCHED is read_one(envia, body).status

    def test_surcharge(self):
        """A surcharge names a parcel and says nothing of where it is."""
        with pytest.raises(Ignored, match="surcharge"):
            envia.read(payload("envia", "surcharge"), POST)

    @pytest.mark.parametrize("kind", ["tracking.detail", "surcharge.created", ""])
    def test_unknown_type(self, kind):
        """A type that no page names may be news of a parcel: it is kept for a person, not dropped."""
        with pytest.raises(Unreadable, match=r"\$\.type"):
            envia.read({"type": kind}, POST)


class TestValues:
    def test_shipment_id(self):
        """Trap 24: the key is the shipment's id, as text; a number given to it later does not change it."""
        assert told("created", tracking_number=None).key == told("picked_up").key == "6100001"

    def test_without_id(self):
        """A tracking.simple without its shipment is refused by its path."""
        with pytest.raises(Unreadable, match=r"\$\.data: lacks 'shipment_id'"):
            discover()["envia"].convert(
                replace(POST, body=b'{"type":"tracking.simple","created_at":null,"data":{"status":"delivered"}}')
            )

    def test_legacy(self):
        """The legacy webhook dates nothing, so neither do we; its codes are written as people know them."""
        shipment = read_one(envia, payload("envia", "legacy_shipped"))

        assert (Status.IN_TRANSIT, "FedEx", None) == (shipment.status, shipment.courier, shipment.dispatched_at)

    def test_failed_attempt(self):
        """The legacy webhook has a word of its own for an attempt that failed."""
        body = payload("envia", "legacy_shipped") | {"status": "failed_attempt"}

        assert Status.EXCEPTION is read_one(envia, body).status

    def test_courier(self):
        """A code becomes the name that shoppers know; a name that the table lacks stays as written."""
        named = [told("shipped", carrier_name=carrier) for carrier in ("fedex", "Paquetería Demo", None)]

        assert ["FedEx", "Paquetería Demo", None] == [shipment.courier for shipment in named]
        assert ["fedex", "Paquetería Demo", ""] == [shipment.courier_code for shipment in named]

    def test_undated(self):
        """A message without a time dates nothing, and makes no event."""
        shipment = read_one(envia, payload("envia", "delivered") | {"created_at": None})

        assert (None, None, ()) == (shipment.happened_at, shipment.delivered_at, shipment.events)
