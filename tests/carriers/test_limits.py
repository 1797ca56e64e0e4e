"""How much of a carrier is taken at once."""

import json
from datetime import UTC, datetime

import pytest

from adapters import Request, Unreadable
from receiver.carriers import discover
from receiver.carriers.registry import MOST_MEMBERS
from receiver.config import MAX_BODY
from tests.support.adapter import payload
from tests.support.configs import FRENET, config


def test_size():
    """A carrier that sends one parcel at a time may send 256 KB, one that sends batches 2 MB; the merchant's own
    ``max_body`` wins."""
    endpoints = {"frenet": FRENET, "melhor-envio": {"secrets": ["s"]}}

    def sizes(**receiver: int) -> list[int]:
        return [one.max_body for one in config(receiver=receiver, endpoints=endpoints).endpoints.values()]

    assert [MAX_BODY, 262_144] == sizes()
    assert [5_000, 5_000] == sizes(max_body=5_000)


def test_pictures(rig):
    """A delivery with its photo is taken, where the carrier sends photos: one that is refused never comes again."""
    rig.configure(endpoints={"ups": {"carrier": "ups", "secrets": ["s"]}})
    photo = {**payload("ups", "delivered_v2"), "deliveryPhoto": "A" * 1_000_000}

    answer = rig.post(photo, endpoint="ups")

    assert (200, "accepted") == (answer.status_code, answer.get_json()["outcome"])


def test_batch():
    """A message of more parcels than are read is refused as a whole, and says how many it has."""
    body = json.dumps([{}] * (MOST_MEMBERS + 1)).encode()
    request = Request(method="POST", path="/", headers={}, body=body, received_at=datetime(2026, 1, 1, tzinfo=UTC))

    with pytest.raises(Unreadable, match="1,001 members, more than 1,000"):
        discover()["frenet"].convert(request)
