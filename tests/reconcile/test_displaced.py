"""A parcel in whose place a person has put another one on the invoice, once a person takes back what was said of
either."""

import pytest

from tests.support.reconciling import fields, rest
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY, HOUR

POLICIES = ("hold", "first", "latest", "join")


def assign(rig: Rig, parcel: str, invoice: str = "900") -> None:
    rig.decisions.assign(f"melhor-envio/{parcel}", order_id="1-01", invoice_number=invoice, now=rig.now)
    rig.works_until(HOUR)


def unassign(rig: Rig, parcel: str) -> None:
    rig.decisions.unassign(f"melhor-envio/{parcel}", now=rig.now)
    rig.works_until(HOUR)


def displaced(rig: Rig, *invoices: str, policy: str) -> None:
    """A person puts the later parcel on the invoice in place of the earlier one, which a person had assigned."""
    telling = {**MELHOR_ENVIO, "events": True, "second_parcel": policy}
    rig.configure(endpoints={"melhor-envio": telling}, read_back_seconds=10)
    rig.add_order(order("1-01", *(package(number, value=10_000 // len(invoices)) for number in invoices)))
    for day, parcel in ((11, "p1"), (10, "p2")):
        rig.post(posted(parcel=parcel, number=parcel.upper(), at=f"2026-11-{day}T12:00:00+00:00"))
        rig.works_until(HOUR)
        assign(rig, parcel)
    assert ("P2", ("kept", "other_parcel")) == (fields(rig)["trackingNumber"], rest(rig))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("invoices", "reason"), [(("900",), "second_parcel"), (("900", "901"), "ambiguous_invoice")], ids=len
)
def test_its_assignment_is_taken_back(rig: Rig, policy: str, invoices: tuple[str, ...], reason: str):
    """It is held, no matter what the setting says: the rules do not take the place that a person gave to another."""
    displaced(rig, *invoices, policy=policy)
    unassign(rig, "p1")

    assert ("P2", ("held", reason)) == (fields(rig)["trackingNumber"], rest(rig))
    rig.later(DAY)
    assert ("held", reason) == rest(rig)


@pytest.mark.parametrize(
    ("policy", "end"),
    [("hold", ("held", "second_parcel")), ("first", ("kept", "other_parcel")), ("join", ("in_step", None))],
)
def test_the_others_is_taken_back(rig_on_either: Rig, policy: str, end: tuple[str, str | None]):
    """No person's word stands for the other one any more, which stays by the rules: they decide about both."""
    rig = rig_on_either
    displaced(rig, "900", policy=policy)
    unassign(rig, "p2")

    assert (end, ("in_step", None)) == (rest(rig), rest(rig, "melhor-envio/p2"))
    assert "person assigned" not in rig.shipment()["note"]
    assert ("P2;P1" if policy == "join" else "P2") == fields(rig)["trackingNumber"]


@pytest.mark.parametrize("policy", POLICIES)
def test_delivered_once_the_invoice_was_made_again(rig: Rig, policy: str):
    """The shop has made the invoice again under another number, and nothing more is heard of the other parcel. The
    delivery of the displaced one finds the new invoice."""
    rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "events": True, "second_parcel": policy}})
    rig.add_order(order("1-01", package("900")))
    for parcel in ("p1", "p2"):
        rig.post(posted(parcel=parcel, number=parcel.upper()))
        rig.works_until(HOUR)
    assign(rig, "p2")
    assert ("P2", ("kept", "other_parcel")) == (fields(rig)["trackingNumber"], rest(rig))

    rig.add_order(order("1-01", package("901")))
    rig.post(posted(number="P1", event="order.delivered"))
    rig.works_until(HOUR)

    assert "P1" == rig.package_of("1-01", "901")["trackingNumber"]
    told = rig.calls("PUT")[-1]
    assert ("901", True) == (told.invoice, told.body["isDelivered"])
