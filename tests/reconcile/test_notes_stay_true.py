"""The note of a parcel that another one keeps off an invoice says what stands there, also once that has changed."""

import pytest

from tests.support.reconciling import fields, rest
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import HOUR


def say(rig: Rig, parcel: str, number: str, *, day: int) -> None:
    rig.post(posted(parcel=parcel, number=number, at=f"2026-11-{day}T12:00:00+00:00"))
    rig.works_until(HOUR)


@pytest.mark.parametrize(("policy", "state"), [("hold", "held"), ("first", "kept")])
def test_the_others_number_changes(rig_on_either: Rig, policy: str, state: str):
    """The carrier gives the first parcel another number: the second one's note names that one."""
    rig = rig_on_either
    rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "second_parcel": policy}}, read_back_seconds=10)
    rig.add_order(order("1-01", package("900")))
    say(rig, "p1", "OLD1BR", day=10)
    say(rig, "p2", "TN2BR", day=11)
    assert "OLD1BR" in rig.shipment("melhor-envio/p2")["note"]
    say(rig, "p1", "NEW1BR", day=12)

    assert ("NEW1BR", state) == (fields(rig)["trackingNumber"], rest(rig, "melhor-envio/p2")[0])
    assert "NEW1BR" in rig.shipment("melhor-envio/p2")["note"]
