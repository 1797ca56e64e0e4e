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


def label(event="order.posted", **changes):
    body = payload("super_frete", "posted")
    body["event"] = event
    body["data"] |= changes
    return read_one(super_frete, body, zone=super_frete.ZONE)


@pytest.mark.parametrize("written", [HEX, HEX.upper(), f"sha256={HEX}", BASE64])
def test_vector(written):
    """Trap 3: how SuperFrete writes its digest is not published, so hex, hex behind a prefix and base64 are taken."""
    assert proves(super_frete, "x-me-signature", written, BODY, SECRET)
    assert not proves(super_frete, "x-me-signature", written, BODY + b"\n", SECRET)
    assert not proves(super_frete, "x-me-signature", written, BODY, f"{SECRET}-other")


def test_namesake():
    """Trap 5: Melhor Envio has the same header; its adapter takes base64 alone, and no secret is shared."""
    assert super_frete.AUTH[0].credential_headers == melhor_envio.AUTH[0].credential_headers
    assert not proves(melhor_envio, "x-me-signature", HEX, BODY, SECRET)


def test_dispatched_is_posted():
    """Trap 15: a label that was paid or printed is not with the carrier."""
    shipments = [label(event, posted_at=None) for event in ("order.released", "order.generated")]

    assert [Status.ANNOUNCED] * 2 == [shipment.status for shipment in shipments]
    assert [None] * 2 == [shipment.dispatched_at for shipment in shipments]


def test_posting_never_came():
    """Trap 18: the delivery repeats when the parcel was posted."""
    shipment = read_one(super_frete, payload("super_frete", "delivered"), zone=super_frete.ZONE)

    assert "2026-11-10T14:22:31-03:00" == shipment.dispatched_at.isoformat()
    assert "2026-11-14T10:15:00-03:00" == shipment.delivered_at.isoformat()


@pytest.mark.parametrize(
    "written", ["2026-11-11T01:22:31Z", "2026-11-11T01:22:31+00:00", "2026-11-10T22:22:31-03:00", "2026-11-10 22:22:31"]
)
def test_local_day(written):
    """Trap 23: a time in UTC, and one without an offset, is put on Brazil's clocks, after 21:00 too."""
    shipment = label(posted_at=written)

    assert "2026-11-10T22:22:31-03:00" == shipment.dispatched_at.isoformat() == shipment.happened_at.isoformat()
    assert ["2026-11-10"] == [event.day.isoformat() for event in shipment.events]


@pytest.mark.parametrize("event", ["order.undelivered", "order.teleported"])
def test_unknown_event(event):
    """Trap 16: an event that SuperFrete is not known to send is "other" and named, also where Melhor Envio sends it."""
    shipment = label(event)

    assert (Status.OTHER, (event,)) == (shipment.status, shipment.unknown_words)
    assert () == label().unknown_words
    with pytest.raises(Ignored, match="nothing to track"):
        label("order.created")


def test_cancelled():
    """A label that was cancelled is no delivery, and has no event for shoppers."""
    shipment = label("order.cancelled", posted_at=None)

    assert (Status.CANCELLED, None, ()) == (shipment.status, shipment.delivered_at, shipment.events)


@pytest.mark.parametrize(
    ("written", "page"),
    [
        ("rastreio.superfrete.com/#/tracking/A1", "https://rastreio.superfrete.com/#/tracking/A1"),
        ("https://rastreio.superfrete.com/A1", "https://rastreio.superfrete.com/A1"),
        ("javascript:alert(1)", None),
        ("none", None),
        (None, None),
    ],
)
def test_page_without_scheme(written, page):
    """Trap 29: SuperFrete writes its page without a scheme; what is no address of a page is none."""
    assert page == label(tracking_url=written).tracking_url


def test_unreadable():
    """Trap 13: SuperFrete repeats what is not answered with success, so what cannot be read is answered 200."""
    assert 200 == super_frete.REPLY.unreadable


def test_no_number_yet():
    """Trap 30: the number may come later; the key is the freight's id all along."""
    assert label(tracking=None).key == label().key == "sf64Kq001XbWz"


def test_reference_in_a_tag():
    """Trap 27: the order is in a tag where the merchant put it there; only his rule knows."""
    rule = Rule.parse("data.tags[*].tag", "order_id", r"^(\d{13}-\d{2})$")
    body = payload("super_frete", "posted")

    assert () == label().references
    assert ["1640000000001-01"] == [one.value for one in refer(label(), body, (rule,))]
