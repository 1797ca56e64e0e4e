"""A second parcel that found no room on an invoice is decided again at once when the first one leaves it."""

import pytest

from tests.support.reconciling import fields, rest
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import HOUR

FIRST, SECOND = "melhor-envio/p1", "melhor-envio/p2"
REFUSED = {"hold": ("held", "second_parcel"), "first": ("kept", "other_parcel"), "latest": ("kept", "other_parcel")}


def prepared(rig: Rig, policy: str, *, event: str) -> Rig:
    """Two parcels of an order with one invoice, which carries the first one."""
    rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "second_parcel": policy}}, send_on="label")
    rig.add_order(order("1-01", package("900")), order("2-01", package("901")))
    for one in (1, 2):
        rig.post(posted(parcel=f"p{one}", number=f"TN{one}", event=event))
        rig.work()
    assert [("in_step", None), REFUSED[policy]] == [rest(rig, FIRST), rest(rig, SECOND)]
    return rig


@pytest.mark.parametrize("policy", REFUSED)
def test_voided(rig_on_either: Rig, policy: str):
    """The first label is voided: the second one takes its place, without any news of its own."""
    rig = prepared(rig_on_either, policy, event="order.generated")
    rig.post(posted(parcel="p1", number="TN1", event="order.cancelled"))
    rig.work()

    assert ("held", "cancelled_after_send") == rest(rig, FIRST)
    assert ("in_step", None) == rest(rig, SECOND)
    assert "TN2" == fields(rig)["trackingNumber"]


def test_voided_after_an_assignment(rig: Rig):
    """The same where a person had named the first one's order before that."""
    rig = prepared(rig, "hold", event="order.generated")
    rig.decisions.assign(FIRST, order_id="1-01", invoice_number="900", now=rig.now)
    rig.work()
    rig.post(posted(parcel="p1", number="TN1", event="order.cancelled"))
    rig.work()

    assert ("held", "cancelled_after_send") == rest(rig, FIRST)
    assert (("in_step", None), "TN2") == (rest(rig, SECOND), fields(rig)["trackingNumber"])


@pytest.mark.parametrize("policy", REFUSED)
@pytest.mark.parametrize("how", ["assigned", "linked"])
def test_elsewhere(rig: Rig, how: str, policy: str):
    """The first one belongs to another order, as a person or a link says."""
    rig = prepared(rig, policy, event="order.posted")
    if how == "assigned":
        rig.decisions.assign(FIRST, order_id="2-01", invoice_number="901", now=rig.now)
    else:
        rig.link("TN1", "2-01")
    rig.works_until(HOUR)

    assert [("in_step", None), ("in_step", None)] == [rest(rig, FIRST), rest(rig, SECOND)]
    assert ["TN2", "TN1"] == [fields(rig, *place)["trackingNumber"] for place in (("1-01", "900"), ("2-01", "901"))]


def test_dismissed(rig: Rig):
    """A first parcel that a person dismisses stays at VTEX: the second one is for a person as before."""
    rig = prepared(rig, "hold", event="order.posted")
    rig.decisions.dismiss(FIRST, now=rig.now)
    rig.works_until(HOUR)

    assert REFUSED["hold"] == rest(rig, SECOND)
    assert "TN1" == fields(rig)["trackingNumber"]
