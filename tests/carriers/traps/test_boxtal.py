"""The traps Boxtal sets, and the choices its adapter makes."""

from dataclasses import replace

import pytest

from adapters import Ignored, Status, Unreadable
from receiver.carriers import discover
from tests.support.parcels import body_of, proves, read, reader, recorded

parcel = reader("boxtal", "delivered_first_seen")

# printf '%s' "$body" | openssl dgst -sha256 -hmac boxtal-demo-key; and with -binary | base64
SECRET = "boxtal-demo-key"
SIGNED = b'{"id": "evt-1","type":"TRACKING_CHANGED","payload":{"trackings":[]},"weight":1.0}'
HEX = "caf4cbd5fbf2fa44a5501b02f36d7c5f89d6f85dd45a81dbc7d9b4e486cde96b"
BASE64 = "yvTL1fvy+kSlUBsC8218X4nW+F3UWoHbx9m05IbN6Ws="


def signed(signature: str, body: bytes = SIGNED) -> bool:
    request = replace(recorded("boxtal", "announced"), body=body, headers={"x-bxt-signature": signature})
    return proves("boxtal", request, SECRET)


class TestProof:
    @pytest.mark.parametrize("signature", [HEX, BASE64])
    def test_vector(self, signature: str) -> None:
        """The page does not say how the hash is written: hex and base64 are taken, over the exact bytes."""
        assert signed(signature)
        assert not signed(signature, SIGNED.replace(b"1.0", b"1"))
        assert not signed("0" + signature[1:])


class TestPackages:
    def test_one_without_a_key(self) -> None:
        """A package without an id and a number is refused; the others of its message are read."""
        body = body_of("boxtal", "two_packages")
        body["payload"]["trackings"][0] |= {"packageId": None, "trackingNumber": None}
        request = replace(recorded("boxtal", "two_packages"), body=discover()["boxtal"].encode(body))
        conversion = discover()["boxtal"].convert(request)

        assert ["PKGDEMO042"] == [shipment.key for shipment in conversion.shipments]
        assert 1 == len(conversion.refused)

    def test_no_packages(self) -> None:
        body = body_of("boxtal", "announced")
        body["payload"]["trackings"] = []

        with pytest.raises(Ignored):
            read("boxtal", body, "announced")

    def test_message_of_a_return(self) -> None:
        """A delivery whose words say that it went to the sender is a return."""
        shipment = parcel(payload__trackings__0__message="Retour à l'expéditeur")

        assert Status.RETURNED == shipment.status
        assert shipment.delivered_at is None

    def test_another_event(self) -> None:
        with pytest.raises(Unreadable, match="names no event"):
            parcel(type="ORDER_CHANGED")
