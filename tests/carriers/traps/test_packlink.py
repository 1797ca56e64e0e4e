"""The traps Packlink sets, and the choices its adapter makes."""

import json
from dataclasses import replace
from typing import Any

import pytest

from adapters import ReferenceKind, Shipment, Status, Unreadable
from receiver import recordings
from receiver.carriers import discover
from tests.support.parcels import body_of, recorded
from tests.support.paths import SAMPLES

CARRIER = discover()["packlink"]


def fetched(**changes: Any) -> Shipment:
    """The shipment that is read in the recorded answer with these changes."""
    (answer,) = recordings.load(SAMPLES / "packlink" / "in_transit.http").answers.values()
    body = {**json.loads(answer.body), **changes}
    (shipment,) = CARRIER.convert(replace(answer, body=json.dumps(body).encode())).shipments
    return shipment


def asked(**data: Any) -> list[str]:
    """The URLs that the recorded notice asks for with this data."""
    body = body_of("packlink", "in_transit") | {"data": data}
    request = replace(recorded("packlink", "in_transit"), body=json.dumps(body).encode())
    return [fetch.url for fetch in CARRIER.convert(request).fetches]


def test_reference() -> None:
    """The reference becomes a part of a URL that is called with the merchant's key."""
    assert ["https://api.packlink.com/v1/shipments/ES2026PRO7"] == asked(shipment_reference="ES2026PRO7")


@pytest.mark.parametrize("reference", ["../clients", "ES1/labels", "ES1?x=1", "ES1#x", "é"])
def test_another_resource(reference: str) -> None:
    with pytest.raises(Unreadable, match="letters, digits"):
        asked(shipment_reference=reference)


def test_returned() -> None:
    """Packlink's own modules show what came back to the sender as delivered."""
    assert Status.RETURNED == fetched(state="RETURNED_TO_SENDER").status


def test_completed() -> None:
    """A draft is complete, not the delivery."""
    assert Status.ANNOUNCED == fetched(state="COMPLETED").status


@pytest.mark.parametrize(("state", "status"), [("READY_TO_PRINT", "cancelled"), ("DELIVERED", "delivered")])
def test_cancelled(state: str, status: str) -> None:
    """What a courier has, or had, is not cancelled."""
    assert status == fetched(state=state, canceled=True).status


def test_numbers() -> None:
    """VTEX shows the first number; the others find the shipment, each once."""
    shipment = fetched(trackings=["A1", "B2", "A1", "B2"])
    others = [each.value for each in shipment.references if each.kind is ReferenceKind.TRACKING_NUMBER]

    assert "A1" == shipment.tracking_number
    assert ["B2"] == others
