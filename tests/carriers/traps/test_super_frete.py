"""The traps SuperFrete sets. The digests are openssl's:
``printf '%s' "$body" | openssl dgst -sha256 -hmac super-frete-demo-token``."""

import pytest

from adapters import Ignored, Status, melhor_envio, super_frete
from receiver.carriers.references import Rule, refer
from tests.support.adapter import payload, proves, read_one

BODY = '{"event":"order.posted","data":{"id":"x","note":"\\/ ç 1.0"}}'.encode()
SECRET = "super-frete-demo-token"
HEX = "291f79dc7472d8132cebf6ddae70a8d4e4fe5bf653f3abcf20f559893d7b72cc"
BASE64 = "KR953HRy2BMs6/bdrnCo1OT+W/ZT86vPIPVZiT17csw="


def told(event="order.posted", **changes):
    body = payload("super_frete", "posted")
    body["event"] = event
    body["data"] |= changes
    return read_one(super_frete, body)


@pytest.mark.parametrize("written", [HEX, HEX.upper(), f"sha256={HEX}", BASE64])
def test_vector(written):
    """Trap 3: nobody has shown how SuperFrete writes its digest, so hex, hex behind a prefix and base64 are taken."""
    assert proves(super_frete, "x-me-signature", written, BODY, SECRET)
    assert not proves(super_frete, "x-me-signature", written, BODY + b"\n", SECRET)
    assert not proves(super_frete, "x-me-signature", written, BODY, f"{SECRET}-other")


def test_namesake():
    """Trap 5: Melhor Envio has the same header; its adapter takes base64 alone, and no secret is shared."""
    assert super_frete.AUTH[0].credential_headers == melhor_envio.AUTH[0].credential_headers
    assert not proves(melhor_envio, "x-me-signature", HEX, BODY, SECRET)


def test_dispatched_is_posted():
    """Trap 15: a label that was paid or printed is not with the carrier."""
    shipments = [told(event, posted_at=None) for event in ("order.released", "order.generated")]

    assert [Status.ANNOUNCED] * 2 == [shipment.status for shipment in shipments]
    assert [None] * 2 == [shipment.dispatched_at for shipment in shipments]


def test_posting_never_came():
    """Trap 18: the delivery repeats when the parcel was posted."""
    shipment = read_one(super_frete, payload("super_frete", "delivered"))

    assert "2026-11-10T14:22:31-03:00" == shipment.dispatched_at.isoformat()
    assert "2026-11-14T10:15:00-03:00" == shipment.delivered_at.isoformat()


def test_no_offset():
    """Trap 23: of a time without an offset nobody says where it is; the day stands."""
    shipment = told(posted_at="2026-11-10 14:22:31")

    assert (None, None) == (shipment.happened_at, shipment.dispatched_at)
    assert "2026-11-10" == shipment.events[0].day.isoformat()


def test_unknown_event():
    """Trap 16: an event of Melhor Envio's that SuperFrete is not known to send is "other", not its namesake."""
    assert Status.OTHER is told("order.undelivered").status
    with pytest.raises(Ignored, match="nothing to track"):
        told("order.created")


def test_no_number_yet():
    """Trap 30: the number may come later; the key is the freight's id all along."""
    assert told(tracking=None).key == told().key == "sf64Kq001XbWz"


def test_reference_in_a_tag():
    """Trap 27: the order is in a tag where the merchant put it there; only his rule knows."""
    rule = Rule.parse("data.tags[*].tag", "order_id", r"^(\d{13}-\d{2})$")
    body = payload("super_frete", "posted")

    assert () == told().references
    assert ["1640000000001-01"] == [one.value for one in refer(told(), body, (rule,))]
