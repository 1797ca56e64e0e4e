"""The traps MyParcel sets, and the choices its adapter makes."""

from dataclasses import replace
from typing import Any

import pytest

from adapters import Ignored, Shipment, Status, Unreadable
from tests.support.parcels import body_of, proves, read, recorded

# printf '%s' myparcel-demo-api-key | base64
SECRET = "bXlwYXJjZWwtZGVtby1hcGkta2V5"


def one(**changes: Any) -> Shipment:
    body = body_of("myparcel", "registered")
    body["data"]["hooks"][0] |= changes
    (shipment,) = read("myparcel", body, "registered")
    return shipment


def test_proof() -> None:
    """The header holds the merchant's API key in base64."""
    request = recorded("myparcel", "registered")

    assert proves("myparcel", replace(request, headers={"x-myparcel-authorization": SECRET}), SECRET, scheme=1)
    assert not proves("myparcel", replace(request, headers={"x-myparcel-authorization": "x"}), SECRET, scheme=1)


@pytest.mark.parametrize("number", [8, 10, 11, 36, 37, 38])
def test_look_alikes(number: int) -> None:
    """Of the numbers that begin with "delivered", these are none, and neither are the inactive ones."""
    assert Status.DELIVERED != one(status=number).status


@pytest.mark.parametrize("number", [1, 2, 12, 14, 18, 32])
def test_not_handed_over(number: int) -> None:
    """A label, or an inactive shipment, is not with the carrier."""
    assert not one(status=number).status.in_possession


def test_number_as_text() -> None:
    assert Status.DELIVERED == one(status="7").status


def test_unknown_number() -> None:
    shipment = one(status=20)

    assert Status.OTHER == shipment.status
    assert ("20",) == shipment.unknown_words


@pytest.mark.parametrize("hook", ["shipment_label_created", "order_status_change"])
def test_other_hooks(hook: str) -> None:
    """The hook stands in the header; integrators also find it in the body."""
    with pytest.raises(Ignored):
        read("myparcel", body_of("myparcel", "registered"), "registered", headers={"x-myparcel-hook": hook})
    with pytest.raises(Ignored):
        one(event=hook)


def test_unknown_hook() -> None:
    with pytest.raises(Unreadable, match="names no hook"):
        one(event="shop_closed")


def test_no_shipment() -> None:
    """A body without a shipment under the hook of states is refused."""
    with pytest.raises(Unreadable, match=r"shipment_id"):
        one(shipment_id=None)
