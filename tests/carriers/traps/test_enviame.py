"""The traps Envíame sets: names that say one thing and mean another, and days without a time."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, Status, enviame
from tests.support.adapter import POST, payload, read_one

CHILE = ZoneInfo("America/Santiago")


def told(zone=CHILE, **changes):
    return read_one(enviame, payload("enviame", "collected") | changes, zone=zone)


def test_secret_header():
    """Trap 4: nothing is signed; a header of the merchant's choice proves the sender, or the URL."""
    request = enviame.AUTH[0].sign(replace(POST, body=b"{}"), "s")

    enviame.AUTH[0].check(replace(request, body=b"anything"), ["s"])
    assert ["header", "header", "path"] == [scheme.kind for scheme in enviame.AUTH]


def test_dispatched_is_out_for_delivery():
    """Trap 15: the status called DISPATCHED is the last mile; 16 is the carrier's collection."""
    assert Status.OUT_FOR_DELIVERY is told(status_id=9, status_name="DISPATCHED").status
    assert Status.DISPATCHED is told(status_id=16).status


@pytest.mark.parametrize(("code", "status"), [(30, Status.RETURNED), (11, Status.IN_TRANSIT), (27, Status.EXCEPTION)])
def test_look_alikes(code, status):
    """Trap 14: delivered back, and delivered to a pick-up point, are not delivered to the shopper."""
    shipment = told(status_id=code)

    assert (status, None) == (shipment.status, shipment.delivered_at)


@pytest.mark.parametrize("code", [10, 13])
def test_delivered(code):
    """At the door, and fetched at the point: both end with the shopper."""
    assert "2026-11-10T15:42:08-03:00" == told(status_id=code).delivered_at.isoformat()


def test_before_the_pickup():
    """Trap 15: a label, or goods still "in origin", are not with the carrier; before that there is nothing to keep."""
    assert [None, None] == [told(status_id=code).dispatched_at for code in (5, 6)]
    with pytest.raises(Ignored, match="no label yet"):
        told(status_id=3)


@pytest.mark.parametrize("code", [7, 8, 9])
def test_collection_never_came(code):
    """Trap 18: a later status of possession dates the dispatch where 16 is missing."""
    assert "2026-11-10T15:42:08-03:00" == told(status_id=code).dispatched_at.isoformat()


def test_zone():
    """Trap 23: without a zone there is no time, but the day stands as written; with one a bare day is its start."""
    unknown = told(zone=None)

    assert (None, None) == (unknown.happened_at, unknown.dispatched_at)
    assert "2026-11-10" == unknown.events[0].day.isoformat()
    assert "2026-11-10T00:00:00-03:00" == told(status_date="2026-11-10").dispatched_at.isoformat()


def test_offset():
    """A time that does bring its offset needs no zone."""
    assert "2026-11-10T18:42:08+00:00" == told(zone=None, status_date="2026-11-10T18:42:08Z").happened_at.isoformat()


def test_number_or_text():
    """Trap 24: ids and statuses are numbers or their digits, and mean the same."""
    assert told() == told(status_id="16", identifier="163000001")


def test_unknown():
    """Trap 16: a number of no listed meaning is "other" and is named, and the rest is kept."""
    shipment = told(status_id=1016)

    assert (Status.OTHER, "6300000001") == (shipment.status, shipment.tracking_number)
    assert ("1016",) == shipment.unknown_words


@pytest.mark.parametrize("code", [6, 23])
def test_says_nothing(code):
    """Two listed numbers do not say where the parcel is."""
    shipment = told(status_id=code)

    assert (Status.OTHER, None, ()) == (shipment.status, shipment.dispatched_at, shipment.unknown_words)


@pytest.mark.parametrize("code", [10, 13, 7, 18])
def test_delivered_to_the_sender(code):
    """Trap 14: the courier's own words may say that the parcel goes, or went, to its sender."""
    shipment = told(status_id=code, status_information="DEVUELTO AL REMITENTE")

    assert (Status.RETURNED, None) == (shipment.status, shipment.delivered_at)
    assert Status.ANNOUNCED is told(status_id=5, status_information="DEVUELTO AL REMITENTE").status


def test_courier():
    """The courier's name counts before the name of its code."""
    assert ("Blue Express", "BLX") == (told().courier, told().courier_code)
    assert "Starken" == told(carrier_name=None, carrier_code="STARKEN").courier


def test_optional_fields():
    """Trap 29: courier and page are often missing; an unknown code of a courier is no name for shoppers."""
    shipment = told(carrier_name=None, tracking_url="")

    assert (None, None) == (shipment.courier, shipment.tracking_url)


def test_private():
    """Trap 31: the courier's free text, which may name who took the parcel, is not taken."""
    assert told() == told(status_information="RECIBE FULANA DE TAL")
