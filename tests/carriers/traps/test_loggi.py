"""The traps Loggi sets: several packages with their histories, thirty numbers of statuses, and other bodies."""

import json
from dataclasses import replace

import pytest

from adapters import Ignored, Status, Unreadable, loggi
from receiver.carriers import discover
from receiver.carriers.references import Rule, refer
from tests.support.adapter import POST, payload

LOGGI = discover()["loggi"]


def converted(body):
    return LOGGI.convert(replace(POST, body=json.dumps(body).encode(), zone=LOGGI.zone))


def newest(code, *history, at="2026-11-12T10:00:00Z"):
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

        shipments = [newest("5", *history), newest("5", *reversed(history))]

        assert ["2026-11-10T15:00:00-03:00"] * 2 == [shipment.dispatched_at.isoformat() for shipment in shipments]

    def test_now_is_not_repeated(self):
        """Trap 20: the newest status also stands in the history, and is one event."""
        (shipment,) = converted(payload("loggi", "delivered_full_history")).shipments

        assert 4 == len(shipment.events) == len(set(shipment.events))

    def test_delivered_again(self):
        """A delivery that is repeated later happened the first time."""
        shipment = newest("5", ("5", "2026-11-12T09:00:00Z"))

        assert "2026-11-12T06:00:00-03:00" == shipment.delivered_at.isoformat()

    @pytest.mark.parametrize(
        ("code", "status"),
        [
            ("6", Status.EXCEPTION),
            ("8", Status.RETURNED),
            ("10", Status.IN_TRANSIT),
            ("18", Status.EXCEPTION),
            ("30", Status.IN_TRANSIT),
        ],
    )
    def test_no_delivery(self, code, status):
        """Trap 14: refused, returned, at a post office, absent or with another carrier is no delivery."""
        shipment = newest(code, ("17", "2026-11-12T09:00:00Z"))

        assert (status, None) == (shipment.status, shipment.delivered_at)

    @pytest.mark.parametrize("code", ["7", "8"])
    def test_delivered_after_a_return(self, code):
        """Trap 14: a delivery after a return in the same history is marked: it may be the merchant's."""
        shipment = newest("5", ("14", "2026-11-10T09:00:00Z"), (code, "2026-11-11T09:00:00Z"))

        assert (Status.DELIVERED, True) == (shipment.status, shipment.returned)
        assert "2026-11-10T06:00:00-03:00" == shipment.dispatched_at.isoformat()

    @pytest.mark.parametrize("code", ["1", "27", "28"])
    def test_label_only(self, code):
        """Trap 15: added, not integrated or waiting for the collection is no possession, and no event for shoppers."""
        package = {
            "loggiKey": "K1",
            "status": {"code": code, "description": "x", "updatedTime": "2026-11-10T10:00:00Z"},
        }
        (shipment,) = converted({"packages": [package]}).shipments

        assert (Status.ANNOUNCED, None, ()) == (shipment.status, shipment.dispatched_at, shipment.events)

    def test_every_code(self):
        """Trap 16: each of the thirty numbers has a meaning."""
        assert {str(code) for code in range(1, 31)} == set(loggi.STATUSES)

    def test_unlisted(self):
        """Trap 16: a number that no list has is "other" and is named, wherever it stands in the message."""
        shipment = newest("99", ("31", "2026-11-12T09:00:00Z"), ("17", "2026-11-11T09:00:00Z"))

        assert (Status.OTHER, None) == (shipment.status, shipment.delivered_at)
        assert ("99", "31") == shipment.unknown_words
        assert () == newest("17").unknown_words

    def test_local_day(self):
        """Trap 23: Loggi writes UTC, and the day is that of the parcels, in Brazil."""
        (shipment,) = converted(payload("loggi", "collected_after_21h")).shipments

        assert "2026-11-10" == shipment.dispatched_at.date().isoformat()
        assert ["2026-11-10"] == [event.day.isoformat() for event in shipment.events]


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({}, "$"),
            ({"shipmentId": "S1", "state": "created"}, "$"),
            ({"packages": [{"loggiKey": "K1", "trackingCode": "L1"}]}, "$.packages[0]"),
        ],
    )
    def test_unknown_shape(self, body, path):
        """A body of another shape, such as the confirmation that packages were created, is kept as unreadable."""
        with pytest.raises(Unreadable) as refused:
            converted(body)

        assert path == refused.value.path
        assert 200 == loggi.REPLY.unreadable

    def test_no_packages(self):
        """An empty list asks nothing."""
        with pytest.raises(Ignored, match="without any parcel"):
            converted({"packages": []})

    def test_without_the_list(self):
        """One package may come without the list around it."""
        body = payload("loggi", "one_package_without_the_list")

        assert converted(body).shipments == converted({"packages": [body]}).shipments

    def test_code_as_number(self):
        """Trap 24: the webhook's page writes codes as text, the API's schema as numbers."""
        assert newest(17) == newest("17")

    def test_order_number_as_code(self):
        """Trap 27: some shippers choose their order number as the tracking code; a rule reads it, for each package."""
        ((shipment, package),) = converted(payload("loggi", "order_number_as_code")).parcels
        rule = Rule.parse("trackingCode", "order_id", r"^(\d{13}-\d{2})$")

        assert () == shipment.references
        assert ["1650000000010-01"] == [one.value for one in refer(shipment, package, (rule,))]
