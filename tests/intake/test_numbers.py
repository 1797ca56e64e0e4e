"""The tracking number of a parcel whose carrier never gives one: a rule of the merchant does."""

import json
from datetime import UTC, datetime

import pytest

from adapters import Request
from receiver.config import Endpoint
from receiver.intake.reading import read
from tests.support.rig import Rig

BODY = {"carrierId": "LOGMANAGER", "orderId": "1740000000002-01", "status": "collected", "ids": ["LM1", "LM2"]}
NUMBER = {"path": "orderId", "is": "tracking_number"}
SHIPIT = {"id": 1, "status": "created", "reference": "N1"}


@pytest.fixture
def told(rig: Rig):
    """The number that is read from a message, under rules."""

    def number(carrier: str, body: dict, *rules: dict) -> str | None:
        rig.configure(endpoints={"one": {"carrier": carrier, "secrets": ["s"], "references": list(rules)}})
        endpoint: Endpoint = rig.config.endpoints["one"]
        request = Request(
            method="POST",
            path="/",
            headers={},
            body=json.dumps(body).encode(),
            received_at=datetime(2026, 11, 16, tzinfo=UTC),
            zone=endpoint.zone,
        )
        (shipment,) = read(endpoint, request).shipments
        return shipment.tracking_number

    return number


def test_by_the_rule(told):
    """The field that the rule names is the parcel's number."""
    assert "1740000000002-01" == told("logmanager", BODY, NUMBER)


def test_no_rule(told):
    """Nothing else is taken for one."""
    assert told("logmanager", BODY) is None
    assert told("logmanager", BODY, {"path": "orderId", "is": "order_id"}) is None


def test_two(told):
    """Of two texts none is chosen."""
    assert told("logmanager", BODY, {"path": "ids[*]", "is": "tracking_number"}) is None


def test_of_a_carrier_with_numbers(told):
    """Where the carrier's own number is still to come, a rule's number only finds the parcel."""
    assert told("shipit", SHIPIT, {"path": "reference", "is": "tracking_number"}) is None
