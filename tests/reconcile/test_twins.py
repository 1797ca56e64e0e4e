"""Two endpoints that tell one parcel, and parcels that share an invoice: VTEX is told what all of them know, and a
delivery is never lost between them."""

from typing import Any

import pytest

from tests.support.reconciling import fields, rest
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY

WITH_EVENTS = {**MELHOR_ENVIO, "events": True}


def delivered(rig: Rig, *, parcel: str = "p1", number: str = "TN1BR", endpoint: str) -> None:
    said = posted(parcel=parcel, number=number, event="order.delivered", at="2026-11-12T12:00:00+00:00")
    rig.post(said, endpoint=endpoint)
    rig.works_until(DAY)


def tracking_of(rig: Rig, name: str) -> dict[str, Any]:
    return dict(rig.shipment(name)["sent"]["tracking"])


def told(rig: Rig, invoice: str = "900") -> list[bool]:
    """What each PUT for the invoice said of its delivery."""
    return [call.body["isDelivered"] for call in rig.calls("PUT") if call.invoice == invoice]


def looked_at_again(rig: Rig) -> None:
    rig.now += DAY
    for name in ("one/p1", "other/p1"):
        rig.decisions.retry(name, now=rig.now)
    rig.works_until(DAY)


def test_one_number_for_two_orders(rig_on_either: Rig):
    """A parcel's messages name two orders, each for itself. What is written for the second one is no news to the
    first."""
    rig = rig_on_either
    rig.add_order(order("1-01", package("900")), order("2-01", package("901")))
    rig.post(posted("1-01"))
    rig.work()
    before = len([call for call in rig.calls("GET") if call.order == "1-01"])

    rig.post(posted("2-01", parcel="p2"))
    rig.works_until(DAY)

    assert ["TN1BR"] * 2 == [fields(rig, *place)["trackingNumber"] for place in (("1-01", "900"), ("2-01", "901"))]
    assert before == len([call for call in rig.calls("GET") if call.order == "1-01"])
    assert "only_open_invoice" == rig.shipment()["rule"]


class TestTwoEndpoints:
    """The endpoint that came first has written the number; the other one tells the same parcel."""

    @pytest.fixture(params=["one", "other"])
    def written(self, rig: Rig, request: pytest.FixtureRequest) -> Rig:
        """In either order of arrival."""
        rig.configure(endpoints={"one": WITH_EVENTS, "other": WITH_EVENTS})
        rig.add_order(order("1-01", package("900")))
        for endpoint in (request.param, *({"one", "other"} - {request.param})):
            rig.post(posted(), endpoint=endpoint)
            rig.work()
        return rig

    def test_delivery(self, written: Rig):
        """VTEX is told a delivery that only one of them hears of, and that one records no more than was told."""
        delivered(written, endpoint="other")

        assert [False, True] == told(written)
        descriptions = [event["description"] for event in written.calls("PUT")[-1].body["events"]]
        assert ["Encomenda postada", "Encomenda entregue"] == descriptions
        both = [tracking_of(written, name) for name in ("one/p1", "other/p1")]
        assert [False, True] == sorted("told_by" not in one for one in both)
        assert [False, True] == sorted(one["delivered"] for one in both)
        assert {("in_step", None)} == {rest(written, name) for name in ("one/p1", "other/p1")}

    def test_told_already(self, written: Rig):
        """One that hears of the delivery after the other has told it records that and its date, and does so once."""
        names = sorted(("one/p1", "other/p1"), key=lambda name: "told_by" in tracking_of(written, name))
        for name in names:
            delivered(written, endpoint=name.removesuffix("/p1"))
        both = [tracking_of(written, name) for name in names]
        assert [True, True] == [one["delivered"] for one in both]
        assert both[0]["delivered_date"] == both[1]["delivered_date"]

        looked_at_again(written)
        assert both == [tracking_of(written, name) for name in names]

    def test_left_already(self, written: Rig):
        """What one has left to the other is not left to it again without news."""
        before = [tracking_of(written, name) for name in ("one/p1", "other/p1")]
        looked_at_again(written)

        assert before == [tracking_of(written, name) for name in ("one/p1", "other/p1")]

    @pytest.mark.parametrize("dismissed_first", [True, False])
    def test_dismissed(self, written: Rig, *, dismissed_first: bool):
        """Where a person has dismissed one of them, the other one tells the delivery itself."""
        if dismissed_first:
            written.decisions.dismiss("one/p1", now=written.now)
        delivered(written, endpoint="other")
        if not dismissed_first:
            written.decisions.dismiss("one/p1", now=written.now)
        written.works_until(DAY)

        assert [False, True] == told(written)[:2]
        assert not tracking_of(written, "other/p1").get("told_by")

    def test_endpoint_left(self, written: Rig):
        """An endpoint that left the configuration told the delivery: an old scan of the other does not take it back."""
        delivered(written, endpoint="one")
        written.configure(endpoints={"other": WITH_EVENTS})
        written.post(posted(note="again"), endpoint="other")
        written.works_until(DAY)

        assert sorted(told(written)) == told(written)
        assert told(written)[-1]
        assert ("in_step", None) == rest(written, "other/p1")

    def test_dismissed_after_its_delivery(self, written: Rig):
        """What a dismissed parcel told stands: the other one, which knows of no delivery, is for a person."""
        delivered(written, endpoint="one")
        before = len(told(written))
        written.decisions.dismiss("one/p1", now=written.now)
        written.works_until(DAY)

        assert ("held", "delivery_doubted") == rest(written, "other/p1")
        assert before == len(told(written))


@pytest.mark.parametrize("first", ["one", "other"])
def test_what_one_knows(rig: Rig, first: str) -> None:
    """The dispatch day that only one endpoint knows reaches VTEX, no matter which of them came first."""
    rig.configure(endpoints={"one": MELHOR_ENVIO, "other": MELHOR_ENVIO})
    rig.add_order(order("1-01", package("900")))
    said = {"one": posted(at=None), "other": posted()}
    for endpoint in (first, *(said.keys() - {first})):
        rig.post(said[endpoint], endpoint=endpoint)
        rig.works_until(DAY)

    assert "2026-11-10T09:00:00-03:00" == fields(rig)["dispatchedDate"]
    assert {"one": 2, "other": 1}[first] == len(rig.calls("PATCH"))


class TestShared:
    """One invoice shows two parcels, joined."""

    @pytest.fixture
    def joined(self, rig: Rig) -> Rig:
        rig.configure(endpoints={"melhor-envio": {**WITH_EVENTS, "second_parcel": "join"}})
        rig.add_order(order("1-01", package("900"), package("901"), value=20_000))
        for one in (1, 2):
            rig.link(f"TN{one}BR", "1-01", "900")
            rig.post(posted(parcel=f"p{one}", number=f"TN{one}BR", at=f"2026-11-10T{11 + one}:00:00+00:00"))
            rig.work()
        assert "TN1BR;TN2BR" == fields(rig)["trackingNumber"]
        return rig

    @pytest.mark.parametrize("leaves", [1, 2])
    @pytest.mark.parametrize("how", ["assigned", "linked", "dismissed"])
    @pytest.mark.parametrize("before", [True, False])
    def test_one_leaves(self, joined: Rig, how: str, leaves: int, *, before: bool):
        """Once one is dismissed, or assigned or linked elsewhere, the other one's delivery is the invoice's, also if it
        was heard of before."""
        stays = 3 - leaves
        if before:
            delivered(joined, parcel=f"p{stays}", number=f"TN{stays}BR", endpoint="melhor-envio")
            assert True not in told(joined)
        if how == "assigned":
            joined.decisions.assign(f"melhor-envio/p{leaves}", order_id="1-01", invoice_number="901", now=joined.now)
        elif how == "linked":
            joined.link(f"TN{leaves}BR", "1-01", "901")
        else:
            joined.decisions.dismiss(f"melhor-envio/p{leaves}", now=joined.now)
        joined.works_until(DAY)
        if not before:
            delivered(joined, parcel=f"p{stays}", number=f"TN{stays}BR", endpoint="melhor-envio")

        assert told(joined)[-1]
        assert True not in told(joined, "901")
        assert ("in_step", None) == rest(joined, f"melhor-envio/p{stays}")

    def test_invoice_gone(self, rig: Rig):
        """The invoice of a delivered parcel is gone, and it joins one on the order's other invoice: VTEX is told no
        delivery there before that one is delivered, too."""
        rig.configure(endpoints={"melhor-envio": {**WITH_EVENTS, "second_parcel": "join"}})
        rig.add_order(order("1-01", package("900"), package("901"), value=20_000))
        for one, invoice in enumerate(("900", "901"), 1):
            rig.post(posted(parcel=f"p{one}", number=f"TN{one}BR"))
            rig.decisions.assign(f"melhor-envio/p{one}", order_id="1-01", invoice_number=invoice, now=rig.now)
            rig.works_until(60)
        rig.decisions.unassign("melhor-envio/p1", now=rig.now)
        rig.works_until(60)
        assert ["TN1BR", "TN2BR"] == [fields(rig, number=number)["trackingNumber"] for number in ("900", "901")]

        rig.add_order(order("1-01", rig.package_of("1-01", "901")))
        delivered(rig, endpoint="melhor-envio")

        assert "TN1BR;TN2BR" == fields(rig, number="901")["trackingNumber"]
        assert True not in told(rig, "901")

    def test_held(self, joined: Rig):
        """One that is held has not left: its delivery is waited for."""
        joined.post(posted(parcel="p1", number="TN1BR", event="order.cancelled"))
        joined.works_until(DAY)
        assert ("held", "cancelled_after_send") == rest(joined, "melhor-envio/p1")
        delivered(joined, parcel="p2", number="TN2BR", endpoint="melhor-envio")

        assert True not in told(joined)


@pytest.mark.parametrize("kept", ["one", "other"])
def test_a_person_gives_it_the_place(rig_on_either: Rig, kept: str) -> None:
    """A parcel gave way to another one on its invoice. A person puts it there by the shipment of another endpoint: the
    one that gave way tells the delivery, which it alone has heard of."""
    rig = rig_on_either
    named = {"one": "other", "other": "one"}[kept]
    settings = {kept: {**WITH_EVENTS, "second_parcel": "first"}, named: {**WITH_EVENTS, "references": []}}
    rig.configure(endpoints=settings, read_back_seconds=10)
    rig.add_order(order("1-01", package("900")))
    for parcel in ("p1", "p2"):
        rig.post(posted(parcel=parcel, number=parcel.upper()), endpoint=kept)
        rig.works_until(DAY)
    delivered(rig, parcel="p2", number="P2", endpoint=kept)
    rig.post(posted(None, parcel="p3", number="P2"), endpoint=named)
    rig.works_until(DAY)
    assert (("kept", "other_parcel"), [False]) == (rest(rig, f"{kept}/p2"), told(rig))

    rig.decisions.assign(f"{named}/p3", order_id="1-01", invoice_number="900", now=rig.now)
    rig.works_until(DAY)

    assert ("P2", True) == (fields(rig)["trackingNumber"], told(rig)[-1])
    assert ("in_step", None) == rest(rig, f"{kept}/p2")
