"""The traps Abbiamo sets: statuses whose names promise more than they mean, and two clocks."""

import json
from dataclasses import replace

import pytest

from adapters import Ignored, NotAuthentic, ReferenceKind, Status, abbiamo
from receiver.carriers import discover
from receiver.carriers.references import Rule, refer
from tests.support.adapter import POST, payload, read_one


def told(status="COLLECTED", detail=None, **changes):
    return read_one(abbiamo, payload("abbiamo", "collected") | {"status": status, "sub_status": detail} | changes)


@pytest.mark.parametrize("agreed", ["abbiamo-demo-token", "Bearer abbiamo-demo-token"])
def test_agreed_header(agreed):
    """Trap 4: the value of Authorization is whatever was agreed, with or without a scheme in front of it."""
    request = replace(POST, headers={"authorization": agreed})

    abbiamo.AUTH[0].check(request, [agreed])
    with pytest.raises(NotAuthentic):
        abbiamo.AUTH[0].check(request, [agreed[:-1]])


class TestEvents:
    @pytest.mark.parametrize(
        ("status", "detail"),
        [("DISPATCHED", "DRIVER_ASSIGNED"), ("DISPATCHED", None), ("IN_TRANSIT", "COLLECTING"), ("PENDING", None)],
    )
    def test_before_the_pickup(self, status, detail):
        """Trap 15: DISPATCHED means that a driver was found, IN_TRANSIT that he is on his way to the store."""
        shipment = told(status, detail)

        assert (Status.ANNOUNCED, None, ()) == (shipment.status, shipment.dispatched_at, shipment.events)

    @pytest.mark.parametrize(
        ("status", "detail", "meaning"),
        [
            ("SUCCESSFUL", "RETURNED", Status.RETURNED),
            ("SUCCESSFUL", None, Status.OTHER),
            ("RETURNED", None, Status.RETURNED),
            ("FAILED", "DELIVERY_FAILED", Status.EXCEPTION),
            ("MANUAL_HANDLE", None, Status.OTHER),
        ],
    )
    def test_no_delivery(self, status, detail, meaning):
        """Trap 14: a success may be a return; only SUCCESSFUL with DELIVERED is a delivery to the shopper."""
        shipment = told(status, detail)

        assert (meaning, None) == (shipment.status, shipment.delivered_at)

    def test_delivered(self):
        """The detail is called "substatus" in the table of the fields, and "sub_status" in the examples."""
        assert Status.DELIVERED is told("SUCCESSFUL", "DELIVERED").status
        assert told("SUCCESSFUL", "DELIVERED") == told("SUCCESSFUL", None, substatus="DELIVERED")

    @pytest.mark.parametrize("kind", ["TAKEOUT", "RETURN"])
    def test_no_shipment(self, kind):
        """An order fetched in the store has no parcel, and a return has another one."""
        with pytest.raises(Ignored, match="no parcel to the shopper"):
            told(order_type=kind)

    @pytest.mark.parametrize(
        "kind", ["ORDER_RECEIVER_UPDATE", "ORDER_CSAT_ANSWER", "TOKEN_GENERATED", "ROUTE_STATUS_CHANGE"]
    )
    def test_other_events(self, kind):
        """The other kinds of events have other fields, and are known and ignored."""
        with pytest.raises(Ignored, match="not about a parcel"):
            discover()["abbiamo"].convert(replace(POST, body=json.dumps({"event_type": kind}).encode()))

    @pytest.mark.parametrize(
        ("status", "detail"), [("COLLECTED", None), ("HANDLING", "PACKAGE_RECEIVED"), ("START_DELIVERY", None)]
    )
    def test_first_seen(self, status, detail):
        """Trap 18: own fleets may begin with START_DELIVERY; the first status of possession dates the dispatch."""
        assert "2026-11-10T14:18:44+00:00" == told(status, detail).dispatched_at.isoformat()

    @pytest.mark.parametrize("status", ["HANDLING", "collected", "IN_TRANSIT"])
    def test_unlisted(self, status):
        """Trap 16: a status that needs its detail, or is written otherwise, is "other" without it."""
        assert (Status.OTHER, None) == (told(status).status, told(status).dispatched_at)


class TestValues:
    def test_two_clocks(self):
        """Trap 23: ``event_at`` is when it happened; ``timestamp``, when Abbiamo told of it, is not even a stand-in."""
        assert told() == told(timestamp=0)
        assert (None, None) == (told(event_at=None).happened_at, told(event_at=None).dispatched_at)

    def test_courier(self):
        """Trap 29: ``delivery_type`` names the carrier, or says that there is none."""
        assert ["Transportes Exemplo", None, None] == [
            told(delivery_type=written).courier for written in ("Transportes Exemplo", "PRIVATE-FLEET", "CARRIER")
        ]

    def test_private(self):
        """Trap 31: neither the shopper nor the driver, nor what he wrote, is taken."""
        assert told() == told(
            customer_name="Fulana", driver_name="Beltrano", driver_document="0", failure_driver_message="x"
        )

    def test_reference(self):
        """Trap 27: the order's number is taken for VTEX's, unless a rule finds it in the external id."""
        body = payload("abbiamo", "collected") | {"external_order_id": "1670000000099-01"}
        rule = Rule.parse("external_order_id", "order_id")
        orders = [
            one.value for one in refer(read_one(abbiamo, body), body, (rule,)) if one.kind is ReferenceKind.ORDER_ID
        ]

        assert ["1670000000099-01"] == orders
