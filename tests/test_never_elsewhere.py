"""Nothing is written where another parcel belongs: recycled and repeated numbers, words taken back or come too late."""

from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.store import Link
from receiver.vtex.client import Vtex
from receiver.vtex.orders import Choice, Clues, choose, read_order
from tests.rig import Rig, order, package, posted
from tests.test_policies import patches, prepared, rests
from tests.test_policies import tell as tell_frenet
from tests.test_reconcile import DAY, HOUR, UPS, fields, naming, scanned
from tests.test_resolve import rest
from tests.test_reviewed import INTELIPOST, shipped
from tests.test_reviewed_vtex import learn

#: The key of invoice 900 of series 1.
KEY = "35261112345678000195550010000009001123456789"


def intelipost(rig: Rig, **settings: Any) -> Rig:
    rig.configure(endpoints={"intelipost": {**INTELIPOST, "secrets": ["user:secret"], **settings}})
    return rig


class TestWrongInvoice:
    """Two parcels, two invoices, two words: which goes where."""

    @pytest.mark.parametrize("told_by", ["link", "index"])
    def test_recycled_number(self, rig: Rig, told_by: str):
        """A link told for the next parcel of a recycled number is not about the one that was delivered long ago: its
        delivery is not told to the next one's order."""
        rig.configure(endpoints={"ups": UPS})
        rig.add_order(order("1-01", package("900")), order("2-01", package("950")))
        if told_by == "link":
            rig.link("1Z1", "1-01")
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.later(DAY)
        rig.post(scanned("1Z1", rig.now, kind="D", code="FS"), endpoint="ups")
        rig.works_until(70 * DAY)
        before = len(rig.calls())
        if told_by == "link":
            rig.link("1Z1", "2-01")
        else:
            rig.add_order(order("2-01", package("950", trackingNumber="1Z1")))
            learn(rig, rig.sandbox.orders["2-01"])
        rig.works_until(HOUR)

        assert [] == [(call.method, call.order, call.body) for call in rig.calls()[before:] if call.method != "GET"]

    def test_recycled_date(self, rig: Rig):
        """The next parcel's dispatch date is its own, also where its link came before its first webhook."""
        rig.configure(endpoints={"ups": UPS})
        rig.add_order(order("1-01", package("900")), order("2-01", package("950")))
        rig.link("1Z1", "1-01")
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.later(DAY)
        rig.post(scanned("1Z1", rig.now, kind="D", code="FS"), endpoint="ups")
        rig.works_until(70 * DAY)
        rig.link("1Z1", "2-01")
        rig.works_until(HOUR)
        first = datetime.fromtimestamp(rig.now, UTC)
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.works_until(HOUR)

        assert first.isoformat(timespec="seconds") == fields(rig, "2-01", "950")["dispatchedDate"]

    @pytest.mark.parametrize("series", [None, "2"])
    def test_link_of_another_invoice_of_that_number(self, rig: Rig, series: str | None):
        """Invoice numbers repeat: a link that tells of one parcel by its number and its invoice does not lead another
        parcel, whose carrier names its order, to the first one's order."""
        intelipost(rig)
        rig.add_order(order("A-01", package("900")), order("B-01", package("900")))
        rig.index.link(
            "lux", [Link((("tracking_number", "TN1"), ("invoice_number", "900")), "A-01", "900")], now=rig.now
        )
        told = shipped("B-01", "900")
        told["invoice"]["invoice_series"] = series
        rig.post(told, endpoint="intelipost")
        rig.work()

        assert [] == [call.order for call in rig.calls("PATCH") if call.order != "B-01"]

    def test_link_that_was_forgotten(self, rig: Rig):
        """Who takes a wrong link back is obeyed, also where a parcel awaits the invoice of its order."""
        rig.add_order(order("1-01", package("900")), order("2-01"))
        rig.link("TN1BR", "2-01")
        rig.post(posted("1-01"))
        rig.work()
        assert ("awaiting_invoice", "2-01") == (rest(rig)[0], rig.shipment()["order_id"])
        assert rig.index.unlink("lux", "tracking_number", "TN1BR", now=rig.now)
        rig.add_order(order("2-01", package("950")))
        rig.works_until(DAY)

        assert ["1-01"] == [call.order for call in rig.calls("PATCH")]

    @pytest.mark.parametrize("order_id", ["2-01", "1-01"])
    def test_link_of_an_assigned_one(self, rig: Rig, order_id: str):
        """A person's word goes before a link, and overwrites once: a link that comes later neither moves the parcel nor
        makes it overwrite what somebody has typed since."""
        rig.add_order(order("1-01", package("900")), order("2-01", package("901")))
        rig.post(posted(None))
        rig.work()
        rig.desk.assign("melhor-envio/p1", order_id="1-01", invoice_number="900", now=rig.now)
        rig.work()
        rig.add_order(order("1-01", package("900", trackingNumber="TYPED")))
        rig.link("TN1BR", order_id, "901")
        rig.works_until(HOUR)

        assert (1, "TYPED") == (len(rig.calls("PATCH")), fields(rig)["trackingNumber"])

    def test_series_alone(self):
        """A series that is not the invoice's disagrees, also where the carrier gives no number with it."""
        known = read_order(order("1-01", package("900", invoiceKey=KEY)))

        assert not isinstance(choose(known, Clues(tracking_number="TN1", invoice_series=["2"])), Choice)

    def test_series_alone_through_the_wire(self, rig: Rig):
        """So it is with a real payload."""
        intelipost(rig).add_order(order("A-01", package("900", invoiceKey=KEY)))
        told = shipped("A-01", None)
        told["invoice"]["invoice_series"] = "2"
        rig.post(told, endpoint="intelipost")
        rig.work()

        assert [] == rig.calls("PATCH")

    @pytest.mark.parametrize("policy", ["keep", "overwrite"])
    def test_never_seen_and_news(self, rig: Rig, policy: str):
        """A number that stands there before our own write was ever seen is for a person, also where news of the parcel
        came before the read-back."""
        prepared(rig, number_changed=policy)
        tell_frenet(rig, 1)
        rig.work()
        rig.add_order(order("A-01", package("900", trackingNumber="TYPED")))
        tell_frenet(rig, 1, day=11, TrackingUrl="https://t.example/TN1")
        rig.works_until(DAY)

        assert (("held", "number_differs"), ["TN1"]) == (rests(rig, 1), patches(rig))

    def test_voided_after_assigning(self, rig: Rig):
        """A person's word is about what was known then: a label that is voided afterwards is not written."""
        rig.configure(send_on="label")
        rig.add_order(order("1-01"))
        rig.post(posted(event="order.generated"))
        rig.work()
        rig.desk.assign("melhor-envio/p1", order_id="1-01", invoice_number="900", now=rig.now)
        rig.work()
        rig.post(posted(event="order.cancelled", canceled_at="2026-11-18T12:00:00+00:00"))
        rig.work()
        rig.add_order(order("1-01", package("900")))
        rig.works_until(DAY)

        assert [] == rig.calls("PATCH")


class TestKept:
    """Rules of which nothing else would tell that they were gone."""

    def test_awaited_until_named(self, rig: Rig):
        """The order whose invoice is awaited is left as soon as the carrier names another (`Resolver._awaited`)."""
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
        (`Resolver._learnt`)."""
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
        """A link that comes while a worker looks at the parcel in vain is not lost to its settlement (`TAKEN` in
        `_reopen`)."""
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
        rig.desk.assign("melhor-envio/p1", order_id="2-01", invoice_number="950", now=rig.now)
        rig.works_until(HOUR)

        assert "TN1BR" == fields(rig, "2-01", "950")["trackingNumber"]

    def test_assignment_of_the_parcel_before(self, rig: Rig):
        """What a person said of a parcel is not about the next one of the same number (`Reconciler._open`)."""
        rig.configure(endpoints={"ups": UPS})
        rig.add_order(order("1-01", package("900")), order("2-01", package("950")))
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.work()
        rig.desk.assign("ups/1Z1", order_id="1-01", invoice_number="900", now=rig.now)
        rig.work()
        rig.post(scanned("1Z1", rig.now, kind="D", code="FS"), endpoint="ups")
        rig.works_until(70 * DAY)
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.work()
        rig.link("1Z1", "2-01")
        rig.work()

        assert ["1-01", "2-01"] == [call.order for call in rig.calls("PATCH")]
