"""What is particular to Zipnova: a notice that is a mere number, two answers that belong together, sellers' words."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters import Ignored, ReferenceKind, Request, Status, Unreadable
from adapters.zippin import OF_A_RETURN, STATUSES
from receiver.carriers import discover
from tests.support.bare_server import answer, serving
from tests.support.rig import Rig, order, package

CARRIER = discover()["zippin"]
HISTORY = "https://api.zipnova.com.ar/v2/shipments/490001/tracking?sort=oldest"
SHIPMENT = "https://api.zipnova.com.ar/v2/shipments/490001"


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


@pytest.mark.parametrize("topic", ["account", "account_balance", "stock"])
def test_other_topics(topic):
    """Accounts and stocks are no parcels."""
    with pytest.raises(Ignored):
        CARRIER.convert(notice(topic=topic))


def test_unknown_topic():
    """A topic that is not published may be about a parcel: it is kept for a look."""
    with pytest.raises(Unreadable, match="topics"):
        CARRIER.convert(notice(topic="new_topic"))


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
    """The shipment that takes a parcel back is another one, under the same order: both answers mark it as a return."""
    [label] = CARRIER.convert(fetched(shipment(status=code), SHIPMENT)).shipments
    for told in (label, history(step("new"), step(code))):
        assert (True, Status.RETURNED, None) == (told.reverse, told.status, told.delivered_at)
    assert not history(step("generated_return")).reverse


def test_delivered_after_return():
    """A delivery after a return in the same history is marked: it may be the merchant's."""
    told = history(
        step("in_transit", "2026-11-10T08:00:00+00:00"),
        step("generated_return", "2026-11-11T08:00:00+00:00"),
        step("delivered", "2026-11-12T08:00:00+00:00"),
    )

    assert (Status.DELIVERED, True) == (told.status, told.returned)
    assert "2026-11-10T08:00:00+00:00" == told.dispatched_at.isoformat()


@pytest.mark.parametrize(
    ("changes", "number", "others"),
    [
        ({"carrier_tracking_id": "CS77"}, "CS77", ["0149-00490001"]),
        ({"carrier_tracking_id": None}, "0149-00490001", []),
        ({"carrier_tracking_id": "0149-00490001"}, "0149-00490001", []),
        ({"carrier_tracking_id": "CS77", "delivery_id": None}, "CS77", []),
    ],
)
def test_numbers(changes, number, others):
    """The carrier's number, which comes late, is the one to search for; Zipnova's own stays a number of the parcel."""
    [told] = CARRIER.convert(fetched(shipment(external_id=None, **changes), SHIPMENT)).shipments

    assert number == told.tracking_number
    assert [(ReferenceKind.TRACKING_NUMBER, other) for other in others] == [
        (reference.kind, reference.value) for reference in told.references
    ]


def test_page():
    """Zipnova's page comes first, the other one stands in for it."""
    pages = {"tracking": "https://z.example/1", "tracking_external": "https://z.example/2"}
    for missing, expected in (({}, "https://z.example/1"), ({"tracking": None}, "https://z.example/2")):
        [told] = CARRIER.convert(fetched(shipment(**pages | missing), SHIPMENT)).shipments
        assert expected == told.tracking_url


def test_order_of_history():
    """The newest state counts, however the list is ordered; at one moment the later of the list does."""
    told = history(step("in_transit", "2026-11-11T08:00:00+00:00"), step("new", "2026-11-10T08:00:00+00:00"))
    assert Status.IN_TRANSIT is told.status
    assert Status.IN_TRANSIT is history(step("shipped"), step("in_transit")).status


def test_unknown_state():
    """A state that the list lacks moves nothing, and both answers name it."""
    [label] = CARRIER.convert(fetched(shipment(status="teleported"), SHIPMENT)).shipments
    told = history(step("teleported"))

    assert (Status.OTHER, None) == (told.status, told.dispatched_at)
    assert (("teleported",), ("teleported",)) == (told.unknown_words, label.unknown_words)


@pytest.mark.parametrize("at", ["2026-11-12T19:14:48", "", None])
class TestUndated:
    """A step without an offset has no instant: it stands where the list has it."""

    def test_in_its_place(self, at):
        told = history(
            step("admitted", "2026-11-10T08:00:00+00:00"),
            step("in_transit", "2026-11-11T08:00:00+00:00"),
            step("delivered", at),
        )

        assert (Status.DELIVERED, None) == (told.status, told.delivered_at)
        assert "2026-11-10T08:00:00+00:00" == told.dispatched_at.isoformat()

    def test_alone(self, at):
        told = history(step("admitted", at))
        assert (Status.DISPATCHED, None) == (told.status, told.dispatched_at)

    def test_place_not_known(self, at):
        """Where the other steps do not show which way the list runs, it may be the newest."""
        with pytest.raises(Unreadable, match="do not show where it belongs"):
            history(step("delivered", at), step("admitted"))


def test_history_without_a_shipment():
    """A list from elsewhere is no history: only its URL says of which shipment it is."""
    with pytest.raises(Unreadable, match="names no shipment"):
        CARRIER.read([step("admitted")], fetched([], "https://api.zipnova.com.ar/v2/shipments"))


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
