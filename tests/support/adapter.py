"""An adapter by itself: a recorded payload, what it proves, and the parcel that is read in it."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from adapters import NotAuthentic, Request
from receiver.recordings import load
from tests.support.paths import SAMPLES

POST = Request(
    method="POST", path="/webhooks/world", headers={}, body=b"", received_at=datetime(2026, 11, 18, tzinfo=UTC)
)


def proves(adapter, header: str, value: str, body: bytes, secret: str) -> bool:
    request = replace(POST, headers={header: value}, body=body)
    try:
        adapter.AUTH[0].check(request, [secret])
    except NotAuthentic:
        return False
    return True


def payload(slug: str, case: str) -> dict:
    return json.loads(load(SAMPLES / slug / f"{case}.http").request.body)


def read_one(adapter, body: dict, zone=None):
    (shipment,) = adapter.read(body, replace(POST, zone=zone))
    return shipment
