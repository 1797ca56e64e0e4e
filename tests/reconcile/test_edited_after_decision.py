"""A number that is entered at VTEX between a decision and its write: the person has not seen it, so it stays."""

import time
from collections.abc import Callable

import pytest

from receiver.operations.decisions import Actor, Decisions
from tests.support.rig import Rig, order, package, posted

P1 = "melhor-envio/p1"


@pytest.fixture
def held(rig_on_either: Rig) -> Rig:
    """A parcel that could belong to A or to B. The clock is the real one's: a person's call sleeps."""
    rig_on_either.now = time.time()
    shows(rig_on_either, None)
    rig_on_either.post(posted())
    rig_on_either.work()
    return rig_on_either


def shows(rig: Rig, number: str | None) -> None:
    """A person at VTEX makes invoice B show this number."""
    rig.add_order(order("1-01", package("A", value=5_000), package("B", value=5_000, trackingNumber=number)))


def assign(rig: Rig, *, unseen: bool = False) -> None:
    decisions = Decisions(rig.config, rig.database, Actor("ana", "console"), clock=lambda: rig.now)
    decisions.assign(P1, "1-01", "B", unseen=unseen)


def number_at_vtex(rig: Rig) -> object:
    return rig.package_of("1-01", "B")["trackingNumber"]


@pytest.mark.parametrize(("then", "told"), [(None, "none"), ("OLD1BR", "OLD1BR")])
def test_held(held: Rig, then: str | None, told: str) -> None:
    """The parcel is held, the reason names both numbers, and what the person saw; nothing was written."""
    shows(held, then)
    assign(held)
    shows(held, "ENTERED1BR")
    held.work()

    row = held.shipment()
    assert ("held", "number_differs", "ENTERED1BR") == (row["state"], row["reason"], number_at_vtex(held))
    note = f"invoice B holds ENTERED1BR, not TN1BR; a person assigned it while it held {told}"
    assert note in row["note"]
    assert [] == held.calls("PATCH")


def test_decided_again(held: Rig) -> None:
    """Who then decides with that number before their eyes overwrites it."""
    assign(held)
    shows(held, "ENTERED1BR")
    held.work()
    held.decisions.retry(P1, now=held.now)
    held.work()
    assert "ENTERED1BR" == number_at_vtex(held)

    assign(held)
    held.work()

    assert ("in_step", "TN1BR") == (held.shipment()["state"], number_at_vtex(held))


@pytest.mark.parametrize(
    "then",
    [
        lambda rig: None,
        lambda rig: shows(rig, "OLD1BR"),
        lambda rig: shows(rig, "old-1 br"),
        lambda rig: shows(rig, "TN 1 BR"),
        lambda rig: shows(rig, None),
    ],
    ids=["as seen", "the same", "another notation", "the parcel's own number", "emptied"],
)
def test_written(held: Rig, then: Callable[[Rig], None]) -> None:
    """What the person saw is overwritten, in any notation; so is nothing, and the parcel's own number agrees."""
    shows(held, "OLD1BR")
    assign(held)
    then(held)
    held.work()

    assert ("in_step", "TN1BR") == (held.shipment()["state"], str(number_at_vtex(held)).replace(" ", ""))


def test_unread(held: Rig) -> None:
    """Where the invoice was not read, the assignment overwrites what stands there, as it says."""
    shows(held, "OLD1BR")
    assign(held, unseen=True)
    held.work()

    assert ("in_step", "TN1BR") == (held.shipment()["state"], number_at_vtex(held))


def test_other_parcel(held: Rig) -> None:
    """A parcel of ours that was written there meanwhile is not displaced: the second one is held."""
    assign(held)
    held.post(posted("1-01", parcel="p2", number="TN2BR"))
    held.decisions.assign("melhor-envio/p2", order_id="1-01", invoice_number="B", now=held.now)
    held.decisions.dismiss(P1, now=held.now)
    held.work()
    assert "TN2BR" == number_at_vtex(held)
    held.decisions.retry(P1, now=held.now)
    held.work()

    assert ("held", "second_parcel", "TN2BR") == (
        held.shipment()["state"],
        held.shipment()["reason"],
        number_at_vtex(held),
    )
