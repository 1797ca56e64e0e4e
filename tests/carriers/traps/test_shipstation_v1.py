"""What is particular to ShipStation V1: notices without news, lists in pages, labels that are no parcels yet."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters import Ignored, Request, Unreadable
from receiver.carriers import discover
from tests.support.bare_server import answer, serving
from tests.support.rig import Rig, order, package
from tests.support.sending import outcome

CARRIER = discover()["shipstation_v1"]
LIST = "https://ssapi6.shipstation.com/shipments?storeID=730011&batchId=48100001"


def notice(url: str = LIST, kind: str = "SHIP_NOTIFY") -> Request:
    body = json.dumps({"resource_url": url, "resource_type": kind}).encode()
    return Request(method="POST", path="/", headers={}, body=body, received_at=datetime(2026, 11, 12, tzinfo=UTC))


def listed(*shipments: dict, url: str = LIST, **more: int) -> Request:
    """The API's answer to a notice."""
    return replace(notice(), body=json.dumps({"shipments": shipments, **more}).encode(), fetched=url)


def label(**changes) -> dict:
    return {"shipmentId": 48100011, "orderNumber": "1480000000001-01", "trackingNumber": "94001481", **changes}


@pytest.mark.parametrize("kind", ["SOMETHING_NEW", " "])
def test_unknown_resource(kind):
    """A resource that is on no list is kept for a look, not dropped."""
    with pytest.raises(Unreadable, match=r"\$\.resource_type"):
        CARRIER.convert(notice(kind=kind))


@pytest.mark.parametrize("kind", ["ORDER_NOTIFY", "ITEM_ORDER_NOTIFY", "FULFILLMENT_SHIPPED", "FULFILLMENT_REJECTED"])
def test_other_resources(kind):
    """Only notices of shipments have anything fetched."""
    with pytest.raises(Ignored, match="orders or fulfillments, not shipments"):
        CARRIER.convert(notice(kind=kind))


@pytest.mark.parametrize("host", ["ssapi.shipstation.com", "ssapi6.shipstation.com", "ssapi12.shipstation.com"])
def test_hosts(host):
    """The API lives on numbered hosts."""
    assert [f"https://{host}/x"] == [fetch.url for fetch in CARRIER.convert(notice(f"https://{host}/x")).fetches]


@pytest.mark.parametrize("host", ["ssapix.shipstation.com", "api.shipstation.com", "ssapi.shipstation.com.evil"])
def test_other_hosts(host):
    """Nothing else is called, however much it looks like it."""
    with pytest.raises(Unreadable, match="a host that is not the carrier's"):
        CARRIER.convert(notice(f"https://{host}/x"))


@pytest.mark.parametrize(
    ("url", "page", "pages", "wanted"),
    [
        (LIST, 1, 1, []),
        (LIST, 1, 0, []),
        (LIST, 1, 3, [LIST + "&page=2"]),
        (LIST + "&page=2", 2, 3, [LIST + "&page=3"]),
        (LIST + "&page=3", 3, 3, []),
        (LIST, 200, 10_000, []),
    ],
)
def test_pages(url, page, pages, wanted):
    """Each page leads to the next, and no list is endless."""
    conversion = CARRIER.convert(listed(label(), url=url, page=page, pages=pages))

    assert wanted == [fetch.url for fetch in conversion.fetches]


def test_page_without_news():
    """A page of return labels still leads to the next one."""
    conversion = CARRIER.convert(listed(label(isReturnLabel=True), page=1, pages=2))

    assert [] == conversion.shipments
    assert [LIST + "&page=2"] == [fetch.url for fetch in conversion.fetches]


def test_bad_member():
    """One shipment that cannot be read does not hold up the others."""
    conversion = CARRIER.convert(listed({"orderNumber": "x"}, label()))

    assert ["48100011"] == [shipment.key for shipment in conversion.shipments]
    assert ["$.shipments[0]"] == [error.path for error in conversion.refused]


@pytest.mark.parametrize(
    ("code", "service", "courier"),
    [
        ("stamps_com", "usps_priority_mail", "USPS"),
        ("stamps_com", "globalpost_economy", "GlobalPost"),
        ("stamps_com", None, None),
        ("ups_walleted", "ups_ground", "UPS"),
        ("fedex", "fedex_ground", "FedEx"),
        ("globex", "globex_local", None),
        (None, None, None),
    ],
)
def test_courier(code, service, courier):
    """Stamps.com is an account, not a carrier: the service tells whose label it is. A code is no name, and is kept."""
    [shipment] = CARRIER.convert(listed(label(carrierCode=code, serviceCode=service))).shipments

    assert (courier, code or "") == (shipment.courier, shipment.courier_code)


def test_label_is_no_dispatch():
    """A label with a ship date is not with the carrier yet: there is no dispatch in it."""
    [shipment] = CARRIER.convert(listed(label(shipDate="2026-11-12"))).shipments

    assert ("announced", None) == (shipment.status, shipment.dispatched_at)


def test_to_vtex(rig: Rig):
    """With ``send_on = "label"`` the number reaches the invoice; ShipStation sees the key, and only there."""
    rig.add_order(order("1480000000001-01", package("48001")))
    says = answer("200 OK", listed(label(carrierCode="ups")).body)
    with serving(lambda connection, _: connection.sendall(says)) as api:
        endpoint = {"secrets": ["url-token-1"], "fetch_credentials": "key:word-2", "base_url": api.url}
        rig.configure(endpoints={"shipstation-v1": endpoint}, send_on="label")
        sent = rig.send(replace(notice(), path="/webhooks/shipstation-v1"), endpoint="shipstation-v1")
        assert (200, "accepted") == outcome(sent)
        rig.work()

    assert ["/shipments?storeID=730011&batchId=48100001"] == [heard.target for heard in api.heard]
    assert ["Basic a2V5OndvcmQtMg=="] == [heard.headers["authorization"] for heard in api.heard]
    assert ("94001481", "UPS") == tuple(
        rig.package_of("1480000000001-01", "48001")[name] for name in ("trackingNumber", "courier")
    )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"fetch_credentials": None}, "fetch_credentials: is missing: shipstation_v1 only tells that there is news"),
        ({"fetch_credentials": "key"}, "fetch_credentials: must be 'user:password'"),
        ({"fetch_credentials": "ké:y"}, "fetch_credentials: holds characters that cannot travel in a header"),
        ({"base_url": "http://ssapi.shipstation.com"}, "base_url: must be https"),
    ],
)
def test_settings(rig: Rig, changes, fault):
    """Without credentials nothing can be fetched: the start says so."""
    settings = {"secrets": ["url-token-1"], "fetch_credentials": "key:word-2", **changes}
    with pytest.raises(Exception, match=fault):
        rig.configure(
            endpoints={"shipstation-v1": {name: value for name, value in settings.items() if value is not None}}
        )
