"""A parcel never goes to another parcel's order: numbers repeat, links are corrected, memories grow old."""

from typing import Any

import pytest

from receiver.vtex.client import Vtex
from tests.support.reconciling import INTELIPOST, UPS, fields, learn, naming, rest, scanned, shipped
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY, HOUR
from tests.support.vtex_hook import SECRET, event
from tests.support.vtex_hook import tell as tell_hook


def test_number_of_another_order(rig: Rig) -> None:
    """The carrier names an order that is not there yet: the same invoice number on another order is no substitute."""
    rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "intelipost": INTELIPOST})
    rig.add_order(order("A-01", package("900"), package("901"), value=20_000))
    rig.post(posted("A-01"))
    rig.work()
    rig.post(shipped("B-01", "900"), endpoint="intelipost")
    rig.work()

    assert ("awaiting_order", "order_not_found") == tuple(
        rig.shipment("intelipost/P1")[name] for name in ("state", "reason")
    )
    assert [] == rig.calls("PATCH")


def test_number_alone(rig: Rig) -> None:
    """An invoice number without any order waits for a link: numbers repeat across series and sellers."""
    rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "intelipost": INTELIPOST})
    rig.add_order(order("A-01", package("900"), package("901"), value=20_000))
    rig.post(posted("A-01"))
    rig.work()
    rig.post(shipped(None, "900"), endpoint="intelipost")
    rig.work()

    assert "no_reference" == rig.shipment("intelipost/P1")["reason"]


def test_number_learnt_long_ago(rig: Rig) -> None:
    """A tracking number seen on an order long before the parcel was first heard of belongs to another parcel."""
    rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "intelipost": INTELIPOST})
    rig.add_order(order("A-01", package("900"), package("901", trackingNumber="IP1BR"), value=20_000))
    rig.now -= 400 * DAY
    rig.post(posted("A-01", at="2025-10-01T12:00:00+00:00"))
    rig.work()
    rig.now += 400 * DAY
    rig.post(shipped(None, None), endpoint="intelipost")
    rig.work()

    assert "no_reference" == rig.shipment("intelipost/P1")["reason"]


def test_link_of_a_dismissed_one(rig: Rig) -> None:
    """A parcel that was written, and that a person then dismissed, goes to no other order by a link."""
    rig.add_order(order("1-01", package("900")), order("2-01", package("950")))
    rig.post(posted("1-01"))
    rig.work()
    rig.decisions.dismiss("melhor-envio/p1", now=rig.now)
    assert () == rig.link("TN1BR", "2-01").woken
    rig.works_until(60)

    assert "dismissed" == rig.shipment()["state"]
    assert None is fields(rig, "2-01", "950")["trackingNumber"]


def test_corrected_link(rig: Rig) -> None:
    """A link told wrongly and then rightly sends the parcel to the right order, though it was in step already."""
    rig.add_order(order("A-01", package("900")), order("B-01", package("950")))
    rig.post(posted(None))
    rig.link("TN1BR", "A-01")
    rig.work()
    assert "A-01" == rig.shipment()["order_id"]

    assert 0 == len(rig.link("TN1BR", "A-01", "900").woken)
    assert 1 == len(rig.link("TN1BR", "B-01", "950").woken)
    rig.work()

    assert "TN1BR" == rig.package_of("B-01", "950")["trackingNumber"]
    assert ("in_step", "B-01") == tuple(rig.shipment()[name] for name in ("state", "order_id"))


@pytest.mark.parametrize("first", ["link", "parcel"])
def test_link_by_another_number(rig: Rig, first: str) -> None:
    """A link by the parcel's other number leads it, told before the parcel is written or after that."""
    rig.add_order(order("1-01", package("900")), order("2-01", package("950")))
    if first == "link":
        rig.link("ME1BR", "2-01")
    rig.post(posted("1-01", self_tracking="ME1BR"))
    rig.work()
    if first == "parcel":
        assert ("melhor-envio/p1",) == rig.link("ME1BR", "2-01").woken
    rig.works_until(60)

    assert "TN1BR" == fields(rig, "2-01", "950")["trackingNumber"]


#: The key of invoice 900 of series 1.
KEY = "35261112345678000195550010000009001123456789"


class TestKept:
    """Rules of which nothing else would tell that they were gone."""

    def test_awaited_until_named(self, rig: Rig):
        """The order whose invoice is awaited is left as soon as the carrier names another
        (`Resolver._by_awaited_invoice`)."""
        rig.add_order(order("1-01", package("900")), order("2-01"))
        rig.link("TN1BR", "2-01")
        rig.post(posted(None))
        rig.work()
        rig.index.unlink("lux", "tracking_number", "TN1BR", now=rig.now)
        rig.post(posted("1-01"))
        rig.works_until(HOUR)

        assert "TN1BR" == fields(rig)["trackingNumber"]

    def test_named_order_not_there_yet(self, rig: Rig):
        """Where the carrier names an order that is not there yet, its tracking number on another order is no substitute
        (`Resolver._by_index`)."""
        rig.add_order(order("1-01", package("900", trackingNumber="TN1BR")))
        learn(rig, rig.sandbox.orders["1-01"])
        rig.post(posted("2-01"))
        rig.work()

        assert ("awaiting_order", "order_not_found") == rest(rig)

    def test_old_key(self, rig: Rig):
        """An invoice's key names its order however long ago it was issued (`_of_this_parcel`)."""
        rig.configure(endpoints=naming("invoice_key"))
        rig.add_order(order("1-01", package("900", invoiceKey=KEY, issuanceDate="2026-08-01T12:00:00Z")))
        learn(rig, rig.sandbox.orders["1-01"])
        rig.post(posted(KEY))
        rig.work()

        assert "TN1BR" == fields(rig)["trackingNumber"]

    def test_link_while_in_hand(self, rig_on_either: Rig):
        """A link that comes while a worker looks at the parcel without success is not lost to its settlement
        (`REVOKED_LEASE` in `_reopen`)."""
        rig = rig_on_either
        rig.add_order(order("2-01", package("950")))
        rig.post(posted("1-01"))
        rig.work()
        rig.now += 30

        class Linking(Vtex):
            def get_order(self, order_id: str) -> Any:
                rig.link("TN1BR", "2-01")
                return super().get_order(order_id)

        queue, reconciler = rig.hands("other", Linking)
        [claim] = queue.claim("lux", most=1, now=rig.now)
        reconciler.run(claim)
        rig.work()

        assert "TN1BR" == fields(rig, "2-01", "950")["trackingNumber"]

    def test_assigned_after_a_lost_answer(self, rig: Rig):
        """A write whose answer was lost, found applied later, does not stand for the order named by a person since,
        and does not use up his word, which overwrites once (`_looked_up`)."""
        rig.add_order(order("1-01", package("900")), order("2-01", package("950", trackingNumber="THEIRS")))
        rig.faults(reset_after_applying=1.0, methods=frozenset({"PATCH"}))
        rig.post(posted("1-01"))
        rig.work()
        rig.faults()
        rig.decisions.assign("melhor-envio/p1", order_id="2-01", invoice_number="950", now=rig.now)
        rig.works_until(HOUR)

        assert "TN1BR" == fields(rig, "2-01", "950")["trackingNumber"]

    def test_assignment_of_the_parcel_before(self, rig: Rig):
        """What a person said of a parcel is not about the next one of the same number (`Reconciler._open`)."""
        rig.configure(endpoints={"ups": UPS})
        rig.add_order(order("1-01", package("900")), order("2-01", package("950")))
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.work()
        rig.decisions.assign("ups/1Z1", order_id="1-01", invoice_number="900", now=rig.now)
        rig.work()
        rig.post(scanned("1Z1", rig.now, kind="D", code="FS"), endpoint="ups")
        rig.works_until(70 * DAY)
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.work()
        rig.link("1Z1", "2-01")
        rig.work()

        assert ["1-01", "2-01"] == [call.order for call in rig.calls("PATCH")]


def intelipost(rig: Rig, **settings: Any) -> Rig:
    rig.configure(endpoints={"intelipost": {**INTELIPOST, "secrets": ["user:secret"], **settings}})
    return rig


class TestNotAsTold:
    """What the documents say holds at the edges, too."""

    def test_old_series_and_number(self, rig: Rig):
        """Only a tracking number is not believed of an invoice older than sixty days: series and number never come
        back."""
        intelipost(rig)
        issued = {"issuanceDate": "2026-08-01T12:00:00Z", "invoiceKey": KEY}
        rig.add_order(order("A-01", package("900", **issued)))
        learn(rig, rig.sandbox.orders["A-01"])
        told = shipped(None, "900")
        told["invoice"]["invoice_series"] = "1"
        rig.post(told, endpoint="intelipost")
        rig.work()

        assert ("in_step", None) == rest(rig, "intelipost/P1")

    def test_every_event_refreshes_the_index(self, rig: Rig):
        """An event of an order refreshes the index, also where a parcel waits for it whose link leads elsewhere."""
        keys = naming("invoice_key")["melhor-envio"]
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "keys": keys}, account={"hook_secrets": [SECRET]})
        rig.add_order(order("2-01"))
        rig.link("TN1BR", "2-01")
        rig.post(posted("1-01"))
        rig.work()
        rig.add_order(order("1-01", package("900", invoiceKey=KEY)))
        tell_hook(rig, event("1-01"))
        rig.work()
        rig.later(60)

        assert ["1-01"] == [row["order_id"] for row in rig.index.orders_named("lux", "invoice_key", KEY)]
