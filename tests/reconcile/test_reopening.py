"""No parcel comes to rest where no one looks: links, retries, the hook and news open it again."""

from typing import Any

import pytest

from receiver.vtex.choice import Choice, Clues, choose
from receiver.vtex.orders import read_order
from tests.support.reconciling import INTELIPOST, NAMELESS, UPS, fields, learn, rest, scanned, shipped
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY, HOUR
from tests.support.vtex_hook import SECRET, event
from tests.support.vtex_hook import tell as tell_hook

#: The key of invoice 900 of series 1.
KEY = "35261112345678000195550010000009001123456789"


def intelipost(rig: Rig, **settings: Any) -> Rig:
    rig.configure(endpoints={"intelipost": {**INTELIPOST, "secrets": ["user:secret"], **settings}})
    return rig


class TestLost:
    """Nothing comes to rest where no one looks."""

    @pytest.fixture
    def two_names(self, rig: Rig) -> Rig:
        """A parcel written to the order it first named, and held since it named another."""
        rig.add_order(order("1-01", package("900")), order("2-01", package("950")))
        rig.post(posted("1-01"))
        rig.work()
        rig.post(posted("2-01", at="2026-11-11T12:00:00+00:00"))
        rig.work()
        assert ("held", "ambiguous_reference") == rest(rig)
        return rig

    def test_link_of_a_held_one(self, two_names: Rig):
        """A link that names the other order is obeyed."""
        two_names.link("TN1BR", "2-01")
        two_names.work()

        assert ("TN1BR", "2-01") == (
            fields(two_names, "2-01", "950")["trackingNumber"],
            two_names.shipment()["order_id"],
        )

    def test_retry_of_a_held_one(self, two_names: Rig):
        """A retry looks again: what was held for a good reason is not in step by it."""
        two_names.decisions.retry("melhor-envio/p1", now=two_names.now)
        two_names.work()

        assert ("held", "ambiguous_reference") == rest(two_names)

    def test_retry_of_one_in_step(self, rig: Rig):
        """`retry` looks at the shipment again: what VTEX no longer shows, as `reconcile --ask` tells, is found."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        rig.work()
        rig.add_order(order("1-01", package("900")))
        rig.decisions.retry("melhor-envio/p1", now=rig.now)
        rig.work()

        assert "TN1BR" == fields(rig)["trackingNumber"]

    def test_cancelled_after_assigning(self, rig: Rig):
        """A parcel that was once assigned, written, and later cancelled by the carrier is for a person like any
        other."""
        rig.add_order(order("1-01", package("900", value=5_000), package("901", value=5_000)))
        rig.post(posted())
        rig.work()
        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number="901", now=rig.now)
        rig.work()
        rig.post(posted(event="order.cancelled", canceled_at="2026-11-12T12:00:00+00:00"))
        rig.work()

        assert ("held", "cancelled_after_send") == rest(rig)

    @pytest.mark.parametrize("by", ["link", "assign"])
    def test_named_order_appears(self, rig: Rig, by: str):
        """VTEX's hook wakes what a link or a person said belongs to the order, also where the order came later."""
        rig.configure(endpoints={"melhor-envio": NAMELESS}, account={"hook_secrets": [SECRET]})
        rig.post(posted(None))
        rig.work()
        if by == "link":
            rig.link("TN1BR", "9-01")
        else:
            rig.decisions.assign("melhor-envio/p1", order_id="9-01", invoice_number=None, now=rig.now)
        rig.works_until(DAY)
        assert ("awaiting_order", "order_not_found") == rest(rig)
        rig.add_order(order("9-01", package("900")))
        tell_hook(rig, event("9-01"))
        rig.work()

        assert "TN1BR" == fields(rig, "9-01")["trackingNumber"]

    @pytest.mark.parametrize("woken", ["by the index", "by the hook"])
    def test_named_after_sending(self, rig: Rig, woken: str):
        """A parcel written to the order's only invoice, whose carrier names another one afterwards, is held, since no
        other is to come; it is not called in step again, and reaches that invoice once it is heard of all the same."""
        endpoints = {"intelipost": {**INTELIPOST, "secrets": ["user:secret"]}}
        rig.configure(endpoints=endpoints, account={"hook_secrets": [SECRET]})
        rig.add_order(order("A-01", package("900")))
        rig.post(shipped("A-01", None), endpoint="intelipost")
        rig.work()
        assert "in_step" == rest(rig, "intelipost/P1")[0]
        rig.post(shipped("A-01", "901"), endpoint="intelipost")
        rig.work()
        assert ("held", "named_invoice_missing") == rest(rig, "intelipost/P1")
        rig.works_until(DAY)
        assert ("held", "named_invoice_missing") == rest(rig, "intelipost/P1")
        changed = order("A-01", package("900", trackingNumber="IP1BR"), package("901"))
        rig.add_order(changed)
        if woken == "by the hook":
            tell_hook(rig, event("A-01"))
        else:
            learn(rig, changed)
        rig.works_until(DAY)

        assert "IP1BR" == rig.package_of("A-01", "901")["trackingNumber"]

    @pytest.mark.parametrize("at_once", [True, False])
    def test_latest_whose_date_comes_late(self, rig: Rig, at_once: bool):
        """Which parcel is the latest does not hang on when its dispatch date was heard."""
        rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "second_parcel": "latest"}})
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        rig.work()
        rig.post(posted(parcel="p2", number="TN2BR", at=None))
        if not at_once:
            rig.works_until(HOUR)
        rig.post(posted(parcel="p2", number="TN2BR", at="2026-11-12T12:00:00+00:00"))
        rig.works_until(HOUR)

        assert "TN2BR" == fields(rig)["trackingNumber"]

    @pytest.mark.parametrize("linked", ["IP1BR", "IP2BR"])
    def test_link_of_a_volume(self, rig: Rig, linked: str):
        """A link names the shipment by the number of any of its volumes."""
        intelipost(rig).add_order(order("A-01", package("900")))
        rig.link(linked, "A-01")
        for volume in ("1", "2"):
            told = {**shipped(None, None, number=f"IP{volume}BR"), "volume_number": volume}
            rig.post(told, endpoint="intelipost")
        rig.works_until(HOUR)

        assert "IP1BR" == rig.package_of("A-01", "900")["trackingNumber"]

    def test_our_own_number(self, rig: Rig):
        """The number that we wrote leads another carrier's parcel, which names no order, to the same invoice: the
        read-back is a reading of the order like any other."""
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "ups": UPS}, read_back_seconds=10)
        rig.add_order(order("1-01", package("900", issuanceDate="2026-11-10T12:00:00Z")))
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.work()
        rig.post(posted(number="1Z1"))
        rig.works_until(HOUR)
        assert rig.shipment()["sent"]["verified"] is True

        assert ["1-01"] == [row["order_id"] for row in rig.index.orders_named("lux", "tracking_number", "1Z1")]
        assert "in_step" == rest(rig, "ups/1Z1")[0]

    def test_one_number_in_two_writings(self, rig: Rig):
        """One invoice number, written with zeros and without in two messages, is one number."""
        intelipost(rig).add_order(order("A-01", package("900"), package("901"), value=20_000))
        rig.post(shipped("A-01", "000900"), endpoint="intelipost")
        rig.post({**shipped("A-01", "900"), "extra": 1}, endpoint="intelipost")
        rig.work()

        assert ("in_step", None) == rest(rig, "intelipost/P1")

    @pytest.mark.parametrize("writings", [("NFe" + KEY, KEY), (KEY, f"{KEY[:4]} {KEY[4:]}")])
    def test_one_key_in_two_writings(self, writings: tuple[str, str]):
        """So is one key."""
        known = read_order(order("1-01", package("900", invoiceKey=KEY), package("901", value=1)))

        assert isinstance(choose(known, Clues(tracking_number="TN1", invoice_keys=writings)), Choice)

    @pytest.mark.parametrize("first", ["order", "parcel"])
    def test_unique_number_padded(self, rig: Rig, first: str):
        """A unique number names its order also where VTEX stores it with zeros, and whichever is known first."""
        rules = [{"path": "data.tags[0].tag", "is": "invoice_number"}]
        rig.configure(endpoints={"melhor-envio": {**NAMELESS, "references": rules, "invoice_numbers": "unique"}})
        known = order("1-01", package("000900"))
        rig.add_order(known)
        if first == "order":
            learn(rig, known)
        rig.post(posted("900"))
        rig.work()
        if first == "parcel":
            learn(rig, known)
            rig.work()

        assert "1-01" == rig.shipment()["order_id"]

    def test_unique_number_wakes(self, rig: Rig):
        """An order that is learnt wakes at once who waits for its unique number."""
        rules = [{"path": "data.tags[0].tag", "is": "invoice_number"}]
        rig.configure(endpoints={"melhor-envio": {**NAMELESS, "references": rules, "invoice_numbers": "unique"}})
        rig.add_order(order("1-01", package("900")))
        rig.post(posted("900"))
        rig.work()
        learn(rig, rig.sandbox.orders["1-01"])
        rig.work()

        assert "TN1BR" == fields(rig)["trackingNumber"]

    def test_old_link_of_a_slow_parcel(self, rig: Rig):
        """A parcel that is still under way after sixty days keeps the order its link named: nothing was recycled."""
        rig.configure(endpoints={"melhor-envio": NAMELESS})
        rig.add_order(order("1-01", package("900")))
        rig.link("TN1BR", "1-01")
        rig.post(posted(None))
        rig.work()
        rig.now += 70 * DAY
        rig.post(posted(None, tracking_url="https://t.example/new", at="2027-01-25T12:00:00+00:00"))
        rig.work()

        assert ("in_step", None) == rest(rig)
