"""What is particular to Zippin: a notice that is a mere number, two answers that belong together, sellers' words."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters import Ignored, Request, Status, Unreadable
from adapters.zippin import OF_A_RETURN, STATUSES
from receiver.carriers import discover
from tests.support.bare_server import answer, serving
from tests.support.rig import Rig, order, package

CARRIER = discover()["zippin"]
HISTORY = "https://api.zippin.com.ar/v2/shipments/490001/tracking?sort=oldest"
SHIPMENT = "https://api.zippin.com.ar/v2/shipments/490001"


def notice(number: object = 490001, topic: str = "status") -> Request:
    body = json.dumps({"topic": topic, "data": {"shipment_id": number}}).encode()
    return Request(method="POST", path="/", headers={}, body=body, received_at=datetime(2026, 11, 12, tzinfo=UTC))


def fetched(payload: object, url: str = HISTORY) -> Request:
    return replace(notice(), body=json.dumps(payload).encode(), fetched=url)


def step(code: str, at: str = "2026-11-10T19:14:48+00:00") -> dict:
    return {"created_at": at, "status": {"code": code, "visible_name": code}}


def shipment(**changes) -> dict:
    return {"id": 490001, "status": "admitted", "external_id": "1-01", "delivery_id": "0149-00490001", **changes}


def history(*steps: dict):
    [told] = CARRIER.convert(fetched(list(steps))).shipments
    return told


def test_history_first():
    """The history is fetched before the shipment: VTEX gets the date together with the number."""
    assert [HISTORY] == [fetch.url for fetch in CARRIER.convert(notice()).fetches]
    assert [SHIPMENT] == [fetch.url for fetch in CARRIER.convert(fetched([step("admitted")])).fetches]
    assert [] == CARRIER.convert(fetched(shipment(), SHIPMENT)).fetches


def test_empty_history():
    """A shipment without a history is fetched all the same."""
    conversion = CARRIER.convert(fetched([]))

    assert ([], [SHIPMENT]) == (conversion.shipments, [fetch.url for fetch in conversion.fetches])


@pytest.mark.parametrize("number", ["../accounts/7", "490001/../7", "49 0001", "٤٩", "-1", ""])
def test_no_other_path(number):
    """What is no number becomes no part of a URL."""
    with pytest.raises(Unreadable):
        CARRIER.convert(notice(number))


@pytest.mark.parametrize("topic", ["account", "account_balance", "stock", "new_topic"])
def test_other_topics(topic):
    """Accounts and stocks are no parcels."""
    with pytest.raises(Ignored):
        CARRIER.convert(notice(topic=topic))


def test_shipped_is_the_sellers_word():
    """The seller may set `shipped` himself: the carrier's first own state is the dispatch."""
    assert None is history(step("shipped")).dispatched_at
    told = history(
        step("shipped", "2026-11-10T08:00:00+00:00"), step("received_by_carrier", "2026-11-11T08:00:00+00:00")
    )

    assert "2026-11-11T08:00:00+00:00" == told.dispatched_at.isoformat()


@pytest.mark.parametrize("code", ["available_for_pickup", "not_delivered", "reshipped", "generated_return"])
def test_not_delivered(code):
    """Only what was handed over is delivered."""
    assert (False, None) == (STATUSES[code] is Status.DELIVERED, history(step(code)).delivered_at)


@pytest.mark.parametrize("code", sorted(OF_A_RETURN))
def test_way_back(code):
    """The shipment that takes a parcel back is another one, under the same order: it must not reach the invoice."""
    with pytest.raises(Ignored, match="a return to the seller"):
        CARRIER.convert(fetched(shipment(status=code), SHIPMENT))


def test_order_of_history():
    """The newest state counts, however the list is ordered; at one moment the later of the list does."""
    told = history(step("in_transit", "2026-11-11T08:00:00+00:00"), step("new", "2026-11-10T08:00:00+00:00"))
    assert Status.IN_TRANSIT is told.status
    assert Status.IN_TRANSIT is history(step("shipped"), step("in_transit")).status


def test_unknown_state():
    """A state that the list lacks moves nothing."""
    assert (Status.OTHER, None) == (history(step("teleported")).status, history(step("teleported")).dispatched_at)


def test_to_vtex(rig: Rig):
    """A notice about a parcel comes to one write, number and date together."""
    rig.add_order(order("1-01", package("N1")))
    says = {
        "/v2/shipments/490001/tracking?sort=oldest": [step("shipped"), step("admitted")],
        "/v2/shipments/490001": shipment(),
    }
    talk = lambda connection, heard: connection.sendall(answer("200 OK", json.dumps(says[heard.target]).encode()))  # noqa: E731
    with serving(talk) as api:
        settings = {"secrets": ["url-token-1"], "fetch_credentials": "key:word-2", "base_url": api.url}
        rig.configure(endpoints={"zippin": settings})
        rig.send(replace(notice(), path="/webhooks/zippin"), endpoint="zippin")
        rig.work()

    [patch] = rig.calls("PATCH")
    assert ("0149-00490001", "2026-11-10T19:14:48+00:00") == (
        patch.body["trackingNumber"],
        patch.body["dispatchedDate"],
    )
