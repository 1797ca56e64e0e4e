"""The traps Abbiamo sets: statuses whose names promise more than they mean, and two clocks."""

import json
from dataclasses import replace

import pytest

from adapters import Ignored, NotAuthentic, ReferenceKind, Status, Unreadable, abbiamo
from receiver.carriers import discover
from receiver.carriers.references import Rule, refer
from tests.support.adapter import POST, payload, read_one


def update(status="COLLECTED", detail=None, **changes):
    body = payload("abbiamo", "collected") | {"status": status, "sub_status": detail} | changes
    return read_one(abbiamo, body, zone=abbiamo.ZONE)


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
        shipment = update(status, detail)

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
        shipment = update(status, detail)

        assert (meaning, None) == (shipment.status, shipment.delivered_at)

    def test_delivered(self):
        """The detail is called "substatus" in the table of the fields, and "sub_status" in the examples."""
        assert Status.DELIVERED is update("SUCCESSFUL", "DELIVERED").status
        assert update("SUCCESSFUL", "DELIVERED") == update("SUCCESSFUL", None, substatus="DELIVERED")

    def test_no_shipment(self):
        """An order fetched in the store has no parcel."""
        with pytest.raises(Ignored, match="no parcel to the shopper"):
            update(order_type="TAKEOUT")

    @pytest.mark.parametrize(
        ("status", "detail", "meaning"),
        [
            ("CREATED", None, Status.ANNOUNCED),
            ("COLLECTED", None, Status.RETURNED),
            ("SUCCESSFUL", "DELIVERED", Status.RETURNED),
            ("CANCELED", None, Status.CANCELLED),
        ],
    )
    def test_return_order(self, status, detail, meaning):
        """Trap 14: an order of the type RETURN brings goods back, so its delivery is the store's."""
        shipment = update(status, detail, order_type="RETURN")

        assert (True, meaning) == (shipment.reverse, shipment.status)
        assert (None, None) == (shipment.dispatched_at, shipment.delivered_at)
        assert not update(status, detail).reverse

    @pytest.mark.parametrize(
        "kind", ["ORDER_RECEIVER_UPDATE", "ORDER_CSAT_ANSWER", "TOKEN_GENERATED", "ROUTE_STATUS_CHANGE"]
    )
    def test_other_events(self, kind):
        """The other kinds of events have other fields, and are known and ignored."""
        with pytest.raises(Ignored, match="not about a parcel"):
            discover()["abbiamo"].convert(replace(POST, body=json.dumps({"event_type": kind}).encode()))

    def test_unknown_kind(self):
        """A kind of event that is not documented is kept as unreadable."""
        with pytest.raises(Unreadable, match=r"\$\.event_type"):
            discover()["abbiamo"].convert(replace(POST, body=b'{"event_type": "ORDER_TELEPORTED"}'))

    @pytest.mark.parametrize(
        ("status", "detail"), [("COLLECTED", None), ("HANDLING", "PACKAGE_RECEIVED"), ("START_DELIVERY", None)]
    )
    def test_first_seen(self, status, detail):
        """Trap 18: own fleets may begin with START_DELIVERY; the first status of possession dates the dispatch."""
        assert "2026-11-10T11:18:44-03:00" == update(status, detail).dispatched_at.isoformat()

    @pytest.mark.parametrize("status", ["HANDLING", "IN_TRANSIT", "SUCCESSFUL", "MANUAL_HANDLE"])
    def test_known_and_meaningless(self, status):
        """Trap 16: a status that needs its detail is "other" without it, and known all the same."""
        shipment = update(status)

        assert (Status.OTHER, None, ()) == (shipment.status, shipment.dispatched_at, shipment.unknown_words)

    @pytest.mark.parametrize(
        ("status", "detail", "word"),
        [
            ("collected", None, "collected"),
            ("TELEPORTED", "NOW", "TELEPORTED/NOW"),
            ("HANDLING", "TELEPORTED", "HANDLING/TELEPORTED"),
        ],
    )
    def test_unlisted(self, status, detail, word):
        """Trap 16: a status, or a detail that would decide, which no page lists is "other" and named."""
        shipment = update(status, detail)

        assert (Status.OTHER, (word,)) == (shipment.status, shipment.unknown_words)

    def test_detail_of_a_status(self):
        """A detail that the table lacks changes nothing of a status that has a meaning of its own."""
        shipment = update("DISPATCHED", "ROUTE_PLANNED")

        assert (Status.ANNOUNCED, ()) == (shipment.status, shipment.unknown_words)


class TestValues:
    def test_two_clocks(self):
        """Trap 23: ``event_at`` is when it happened; ``timestamp``, when Abbiamo sent it, is not even a stand-in."""
        assert update() == update(timestamp=0)
        assert (None, None) == (update(event_at=None).happened_at, update(event_at=None).dispatched_at)

    def test_local_day(self):
        """Trap 23: ``event_at`` is UTC, and the day is that of the parcels, in Brazil, after 21:00 too."""
        shipment = update(event_at="2026-11-11T01:18:44.000Z")

        assert "2026-11-10T22:18:44-03:00" == shipment.dispatched_at.isoformat()
        assert ["2026-11-10"] == [event.day.isoformat() for event in shipment.events]

    def test_courier(self):
        """Trap 29: ``delivery_type`` names the carrier, or says that there is none."""
        assert ["Transportes Exemplo", None, None] == [
            update(delivery_type=written).courier for written in ("Transportes Exemplo", "PRIVATE-FLEET", "CARRIER")
        ]

    def test_private(self):
        """Trap 31: neither the shopper nor the driver, nor what he wrote, is taken."""
        assert update() == update(
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
