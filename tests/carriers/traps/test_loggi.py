"""The traps Loggi sets: several packages with their histories, numbers without a published list, and other bodies."""

import json
from dataclasses import replace

import pytest

from adapters import Ignored, Status, loggi
from receiver.carriers import discover
from receiver.carriers.references import Rule, refer
from tests.support.adapter import POST, payload

LOGGI = discover()["loggi"]


def converted(body):
    return LOGGI.convert(replace(POST, body=json.dumps(body).encode()))


def told(code, *history, at="2026-11-12T10:00:00Z"):
    entries = [{"status": {"code": code, "updatedTime": time}} for code, time in history]
    package = {"loggiKey": "K1", "trackingCode": "L1", "status": {"code": code, "updatedTime": at}}
    (shipment,) = converted({"packages": [package | {"trackingHistory": entries}]}).shipments
    return shipment


def test_body_is_not_protected():
    """Trap 4: Basic proves the sender and says nothing of the body; there is no other way to prove it."""
    request = loggi.AUTH[0].sign(replace(POST, body=b"{}"), "user:password")

    loggi.AUTH[0].check(replace(request, body=b"anything"), ["user:password"])
    assert ["basic"] == [scheme.kind for scheme in loggi.AUTH]


class TestEvents:
    def test_bad_member(self):
        """Trap 19: a package that cannot be read does not hold up its neighbour, and is named by its place."""
        conversion = converted(payload("loggi", "one_bad_of_two"))

        assert ["LGI65000008"] == [shipment.tracking_number for shipment in conversion.shipments]
        assert ["$.packages[0].status.updatedTime"] == [refused.path for refused in conversion.refused]

    def test_history_in_no_order(self):
        """Trap 20: the earliest time of possession is the dispatch, wherever it stands."""
        history = [("17", "2026-11-11T09:00:00Z"), ("15", "2026-11-10T18:00:00Z"), ("16", "2026-11-10T23:00:00Z")]

        shipments = [told("5", *history), told("5", *reversed(history))]

        assert ["2026-11-10T18:00:00+00:00"] * 2 == [shipment.dispatched_at.isoformat() for shipment in shipments]

    def test_now_is_not_repeated(self):
        """Trap 20: the newest status also stands in the history, and is one event."""
        (shipment,) = converted(payload("loggi", "delivered_full_history")).shipments

        assert 4 == len(shipment.events) == len(set(shipment.events))

    def test_delivered_again(self):
        """A delivery told a second time, later, happened the first time."""
        shipment = told("5", ("5", "2026-11-12T09:00:00Z"))

        assert "2026-11-12T09:00:00+00:00" == shipment.delivered_at.isoformat()

    @pytest.mark.parametrize(
        ("code", "status"), [("6", Status.EXCEPTION), ("7", Status.RETURNED), ("18", Status.IN_TRANSIT)]
    )
    def test_no_delivery(self, code, status):
        """Trap 14: refused, on its way back and nobody at home are not delivered, whatever came before."""
        shipment = told(code, ("5", "2026-11-12T09:00:00Z"))

        assert (status, None) == (shipment.status, shipment.delivered_at)

    @pytest.mark.parametrize("code", ["1", "3", "28", "99", "entregue", ""])
    def test_unlisted(self, code):
        """Trap 16: the list of numbers is not published; one that nobody has named surely is "other"."""
        shipment = told(code)

        assert (Status.OTHER, None, None) == (shipment.status, shipment.dispatched_at, shipment.delivered_at)


class TestBodies:
    @pytest.mark.parametrize("body", [{}, {"shipmentId": "S1", "state": "created"}, {"packages": []}])
    def test_other_webhook(self, body):
        """The confirmation that packages were created has a shape of its own, and asks nothing of us."""
        with pytest.raises(Ignored):
            converted(body)

    def test_without_the_list(self):
        """One package may come without the list around it."""
        body = payload("loggi", "one_package_without_the_list")

        assert converted(body).shipments == converted({"packages": [body]}).shipments

    def test_code_as_number(self):
        """Trap 24: the webhook's page writes codes as text, the API's schema as numbers."""
        assert told(17) == told("17")

    def test_order_number_as_code(self):
        """Trap 27: some shippers choose their order number as the tracking code; a rule reads it, for each package."""
        ((shipment, package),) = converted(payload("loggi", "order_number_as_code")).parcels
        rule = Rule.parse("trackingCode", "order_id", r"^(\d{13}-\d{2})$")

        assert () == shipment.references
        assert ["1650000000010-01"] == [one.value for one in refer(shipment, package, (rule,))]
