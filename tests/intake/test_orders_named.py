"""A carrier's message may say which order of the merchant's its own order is: its parcels are linked to it."""

from typing import Any

import pytest

from tests.support.adapter import payload
from tests.support.reconciling import fields, rest
from tests.support.rig import Rig, order, package

SKYDROPX = {"carrier": "skydropx", "secrets": ["secret"], "events": False}
PARCEL = "skydropx/pkg-1"


def parcel() -> dict[str, Any]:
    body = payload("skydropx", "picked_up")
    body["data"]["id"] = "pkg-1"
    body["data"]["attributes"]["tracking_number"] = "SK1MX"
    body["data"]["relationships"]["order"] = {"data": {"id": "sky-1", "type": "orders"}}
    return body


def named(number: str) -> dict[str, Any]:
    return {"data": {"id": "sky-1", "type": "orders", "attributes": {"ecommerce_id": number}}}


@pytest.fixture(autouse=True)
def invoiced(rig: Rig) -> None:
    rig.configure(endpoints={"skydropx": SKYDROPX})
    rig.add_order(order("1480000000001-01", package("900")), order("2-01", package("901")))


def tell(rig: Rig, *bodies: dict[str, Any]) -> None:
    for body in bodies:
        assert 200 == rig.post(body, endpoint="skydropx").status_code
        rig.work()


@pytest.mark.parametrize("first", [True, False])
def test_joined(rig: Rig, first: bool) -> None:
    """In whatever order the two messages come, and told twice: the parcel is written to the merchant's order."""
    order_told = named("1480000000001-01")
    tell(rig, *([order_told, parcel()] if first else [parcel(), order_told]), order_told)

    assert "SK1MX" == fields(rig, "1480000000001-01")["trackingNumber"]
    assert 1 == len(rig.calls("PATCH"))


def test_text_around(rig: Rig) -> None:
    """Labels around the id mean nothing; other words may be another order, and link nothing."""
    tell(rig, parcel(), named("TROCA 1480000000001-01"), named("lote 1480000000001-01"))
    assert ("awaiting_order", "no_reference") == rest(rig, PARCEL)

    tell(rig, named("Pedido 1480000000001-01"))
    assert "SK1MX" == fields(rig, "1480000000001-01")["trackingNumber"]


def test_a_link_of_the_merchant_counts_for_more(rig: Rig) -> None:
    """A link by the parcel's own number goes before."""
    rig.link("SK1MX", "2-01")
    tell(rig, named("1480000000001-01"), parcel())

    assert "SK1MX" == fields(rig, "2-01", "901")["trackingNumber"]


def test_unknown_order(rig: Rig) -> None:
    """A number that VTEX does not know leads nowhere."""
    tell(rig, named("10042"), parcel())

    assert "awaiting_order" == rest(rig, PARCEL)[0]
    assert [] == rig.calls("PATCH")
