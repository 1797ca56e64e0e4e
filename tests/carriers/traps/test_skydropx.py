"""The traps Skydropx sets. The digests are openssl's: ``printf '%s' "$body" | openssl dgst -sha512 -hmac $secret``."""

import json
from dataclasses import replace

import pytest

from adapters import Ignored, NotAuthentic, OrderNamed, Status, Unreadable, skydropx
from receiver.carriers import discover
from tests.support.adapter import POST, payload, proves, read_one

BODY = '{"data":{"type":"packages","note":"\\/ ñ 1.0"}}'.encode()
SECRET = "skydropx-demo-secret"
PROOF = (
    "HMAC 2f742ce967a6b6c22d37e677bcbcfc3f8d1ae2a73e23cf8539f05738d8a059ce"
    "4a62316d5fcff2856cf9833d5291ed4027fe9485c35afc514967a0c65131f2d6"
)
SHA256 = "HMAC 67b1f605242135f63128d59bba541132624ed0f68bb08892379c32e6ccce22b5"
# RFC 4231, test case 2, which the page leans on by naming HMAC with SHA-512
RFC_4231 = (
    "HMAC 164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
    "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
)


def told(status="picked_up", **changes):
    body = payload("skydropx", "picked_up")
    body["data"]["attributes"] |= {"status": status, **changes}
    return read_one(skydropx, body)


def converted(body):
    return discover()["skydropx"].convert(replace(POST, body=json.dumps(body).encode()))


class TestSignature:
    def test_vector(self):
        """Trap 3: SHA-512 over the exact bytes, in hex behind the word HMAC."""
        assert proves(skydropx, "authorization", PROOF, BODY, SECRET)
        assert proves(skydropx, "authorization", RFC_4231, b"what do ya want for nothing?", "Jefe")
        assert not proves(skydropx, "authorization", PROOF, BODY + b"\n", SECRET)

    @pytest.mark.parametrize("written", [SHA256, PROOF.removeprefix("HMAC "), PROOF.replace("HMAC", "Bearer"), SECRET])
    def test_no_signature(self, written):
        """Trap 7: another digest, another word in front, or none, proves nothing."""
        assert not proves(skydropx, "authorization", written, BODY, SECRET)

    def test_invented_header(self):
        """Trap 7: X-Skydropx-Signature, which unofficial samples copy from one another, is not looked at."""
        assert not proves(skydropx, "x-skydropx-signature", PROOF, BODY, SECRET)
        assert ("authorization",) == skydropx.AUTH[0].credential_headers

    @pytest.mark.parametrize("written", [PROOF, PROOF.removeprefix("HMAC ")])
    def test_renamed(self, written):
        """The customer may name the header: the signature is read there, with or without the word, and only there."""
        scheme = skydropx.AUTH[0].under("x-shop-proof")
        scheme.check(replace(POST, headers={"x-shop-proof": written}, body=BODY), [SECRET])
        for headers in ({"authorization": written}, {"x-shop-proof": SHA256}):
            with pytest.raises(NotAuthentic):
                scheme.check(replace(POST, headers=headers, body=BODY), [SECRET])

    def test_ways(self):
        """Trap 7: a fixed value is compared as a whole."""
        assert ["hmac", "bearer", "header", "path"] == [scheme.kind for scheme in skydropx.AUTH]


class TestEvents:
    def test_branch(self):
        """Trap 14: delivered to a branch is not delivered to the shopper."""
        assert Status.IN_TRANSIT is told("delivered_to_branch").status

    @pytest.mark.parametrize("status", ["delivered", "in_transit", "last_mile", "in_return"])
    def test_on_the_way_back(self, status):
        """Trap 14: a package on its way back goes through the same states, with ``returned`` beside them."""
        assert Status.RETURNED is told(status, returned=True, returned_status=status).status

    @pytest.mark.parametrize("words", ["Package returned to sender", "Devuelto al remitente"])
    def test_returned_by_its_words(self, words):
        """Trap 14: the carrier's own words may say that a package goes, or went, to the sender."""
        assert Status.RETURNED is told("delivered", event_description=words).status
        assert Status.RETURNED is told("in_transit", event_description=words).status
        assert Status.CANCELLED is told("canceled", event_description=words).status

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("label_created", Status.ANNOUNCED),
            ("out_for_delivery", Status.OUT_FOR_DELIVERY),
            ("cancelled", Status.CANCELLED),
        ],
    )
    def test_spellings(self, status, expected):
        """Trap 16: integrators know some states by another word."""
        assert (expected, ()) == (told(status).status, told(status).unknown_words)

    @pytest.mark.parametrize("status", ["Delivered", "delivered_to_neighbour", "shipped"])
    def test_unlisted(self, status):
        """Trap 16: a state that is not one of the twelve is "other", and is named."""
        assert (Status.OTHER, (status,)) == (told(status).status, told(status).unknown_words)

    def test_undated(self):
        """Trap 23: the message has no time; the moment of its arrival is not made one."""
        shipment = told("delivered")

        assert (None, None, None) == (shipment.happened_at, shipment.dispatched_at, shipment.delivered_at)
        assert () == shipment.events

    def test_order(self):
        """Trap 27: the webhook of orders has the shop's number beside Skydropx's own, which packages refer to."""
        of_order = {"id": "sky-1", "type": "orders", "attributes": {"ecommerce_id": None, "platform_id": "1-01"}}
        with pytest.raises(OrderNamed) as named:
            converted({"data": of_order})
        assert ("sky-1", "1-01") == (named.value.carrier_order, named.value.order)

        for missing in ({**of_order, "id": None}, {**of_order, "attributes": {}}, {**of_order, "attributes": None}):
            with pytest.raises(Ignored, match="without the shop's number"):
                converted({"data": missing})

    @pytest.mark.parametrize("order", [None, {}, {"data": None}, {"data": {"id": None}}])
    def test_no_order(self, order):
        """Trap 27: a package may have no order."""
        body = payload("skydropx", "picked_up")
        body["data"]["relationships"]["order"] = order
        assert () == read_one(skydropx, body).references

    @pytest.mark.parametrize("kind", skydropx.NO_PACKAGES)
    def test_other_types(self, kind):
        """The other subscriptions arrive at the same URL, in shapes of their own."""
        with pytest.raises(Ignored, match="not about a package"):
            converted({"data": {"id": "1", "type": kind}})

    @pytest.mark.parametrize("kind", ["shipments", "package", ""])
    def test_unknown_type(self, kind):
        """A resource that no page names is kept for a person, not dropped."""
        with pytest.raises(Unreadable, match=r"\$\.data\.type"):
            converted({"data": {"id": "1", "type": kind}})

    def test_package_id(self):
        """Trap 21: ``data.id`` is the package, the same in all its events, and so no id of an event."""
        assert told("created", tracking_number=None).key == told("delivered").key
        assert discover()["skydropx"].event_id(payload("skydropx", "picked_up"), POST) is None


class TestValues:
    def test_number_comes_later(self):
        """Trap 30: labels are made in the background; the number is null until then."""
        shipment = read_one(skydropx, payload("skydropx", "created_without_number"))

        assert (None, None) == (shipment.tracking_number, shipment.tracking_url)

    def test_older_generation(self):
        """The flat message of older plug-ins is unsigned and names no package: it is refused, not half read."""
        with pytest.raises(Unreadable, match="lacks 'data'"):
            converted({"userId": "680001", "orderId": "1680000000009-01", "status": "DELIVERED"})
