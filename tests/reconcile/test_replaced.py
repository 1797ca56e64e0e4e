"""A carrier's order that is replaced by another one: the new one takes its place, and only that one is told to VTEX."""

from itertools import permutations
from typing import Any

import pytest

from receiver.store import Link
from receiver.store.finding.companions import Place
from tests.support.adapter import payload
from tests.support.reconciling import fields, rest
from tests.support.rig import Rig, order, package
from tests.support.times import DAY

OLD, NEW = "3300000000000000020", "3300000000000000021"
LALAMOVE = {"lalamove": {"carrier": "lalamove", "secrets": ["secret"]}}
REPLACED = payload("lalamove", "order_replaced")


def told(number: str, status: str, at: int) -> dict[str, Any]:
    body = payload("lalamove", "picked_up")
    body["data"]["order"] |= {"orderId": number, "status": status, "shareLink": f"https://share.lalamove.com?{number}"}
    return body | {"timestamp": REPLACED["timestamp"] + at}


TAKEN, VOIDED = told(NEW, "PICKED_UP", 600), told(OLD, "CANCELED", 900)


@pytest.fixture(autouse=True)
def invoiced(rig: Rig) -> None:
    rig.now = REPLACED["timestamp"] + DAY
    rig.configure(endpoints=LALAMOVE)
    rig.add_order(order("1-01", package("900"), package("901"), value=20_000))


def tell(rig: Rig, *bodies: dict[str, Any]) -> None:
    for body in bodies:
        assert 200 == rig.post(body, endpoint="lalamove").status_code


def told_numbers(rig: Rig) -> list[str]:
    return [call.body["trackingNumber"] for call in rig.calls("PATCH")]


@pytest.mark.parametrize("bodies", list(permutations([REPLACED, TAKEN, VOIDED])))
def test_link(rig: Rig, bodies: tuple[dict[str, Any], ...]):
    """What was linked to the old number is the new one's, in whatever order the messages come."""
    rig.link(OLD, "1-01", "900")
    for body in bodies:
        tell(rig, body)
        rig.work()

    assert [NEW] == told_numbers(rig)
    assert NEW == fields(rig)["trackingNumber"]
    assert ("in_step", "kept", "replaced") == (rest(rig, f"lalamove/{NEW}")[0], *rest(rig, f"lalamove/{OLD}"))


@pytest.mark.parametrize("assigned", [True, False])
def test_written(rig: Rig, *, assigned: bool):
    """The invoice that shows the old number gets the new one, its page and its events; a later cancellation of the old
    one asks no person."""
    tell(rig, told(OLD, "PICKED_UP", -900))
    if assigned:
        rig.decisions.assign(f"lalamove/{OLD}", order_id="1-01", invoice_number="900", now=rig.now)
    else:
        rig.link(f"lalamove/{OLD}", "1-01", "900", kind="shipment")
    rig.work()
    assert [OLD] == told_numbers(rig)

    rig.now += 60
    tell(rig, REPLACED, TAKEN, VOIDED)
    rig.works_until(DAY)

    assert [OLD, NEW] == told_numbers(rig)
    assert f"https://share.lalamove.com?{NEW}" == fields(rig)["trackingUrl"]
    assert None is fields(rig, number="901")["trackingNumber"]
    assert ("kept", "replaced") == rest(rig, f"lalamove/{OLD}")


class TestSeveralOrders:
    """A parcel of two orders is replaced."""

    COMPANIONS = (f"lalamove/{OLD}+2-01", f"lalamove/{NEW}+2-01")

    @pytest.fixture(autouse=True)
    def second(self, rig: Rig) -> None:
        rig.add_order(order("2-01", package("950")))

    def linked(self, rig: Rig) -> None:
        link = Link((("tracking_number", OLD),), "1-01", "900", also=(Place("2-01"),))
        rig.index.link("lux", [link], now=rig.now)

    def assigned(self, rig: Rig) -> None:
        """By a person, both orders."""
        also, of = [Place("2-01")], f"lalamove/{OLD}"
        rig.decisions.assign(of, order_id="1-01", invoice_number="900", also=also, now=rig.now)
        rig.work()

    @pytest.mark.parametrize("by", ["linked", "assigned"])
    def test_written(self, rig: Rig, by: str):
        """Each order that shows the old number gets the new one, and no more is written for the old one."""
        tell(rig, told(OLD, "PICKED_UP", -900))
        rig.work()
        getattr(self, by)(rig)
        rig.work()
        assert [OLD, OLD] == told_numbers(rig)
        rig.now += 60
        tell(rig, REPLACED, TAKEN, VOIDED)
        rig.works_until(DAY)

        assert [OLD, OLD, NEW, NEW] == told_numbers(rig)
        assert [NEW, NEW] == [fields(rig)["trackingNumber"], fields(rig, "2-01", "950")["trackingNumber"]]
        assert ["kept", "in_step"] == [rest(rig, one)[0] for one in self.COMPANIONS]
        rig.decisions.retry(f"lalamove/{NEW}", now=rig.now)
        rig.works_until(DAY)
        assert ["kept", "in_step"] == [rest(rig, one)[0] for one in self.COMPANIONS]

    def test_link_stands(self, rig: Rig):
        """What the link says of the new one's second order stands: no invoice is named there that it does not name."""
        tell(rig, told(OLD, "PICKED_UP", -900))
        self.linked(rig)
        rig.work()
        tell(rig, REPLACED, TAKEN, VOIDED)
        rig.works_until(DAY)

        row = rig.shipment(self.COMPANIONS[1])
        assert ("2-01", None) == (row["assigned_order"], row["assigned_invoice"])

    @pytest.mark.parametrize("bodies", list(permutations([REPLACED, TAKEN, VOIDED])))
    def test_linked_before(self, rig: Rig, bodies: tuple[dict[str, Any], ...]):
        """So it is in whatever order the messages come, where the old number was never written."""
        self.linked(rig)
        for body in bodies:
            tell(rig, body)
            rig.work()

        assert [NEW, NEW] == told_numbers(rig)
        assert [NEW, NEW] == [fields(rig)["trackingNumber"], fields(rig, "2-01", "950")["trackingNumber"]]

    def test_goes_all_the_same(self, rig: Rig):
        """Where a person says after the replacement that the old one goes to both, the new one goes to neither."""
        tell(rig, told(OLD, "PICKED_UP", -900), REPLACED)
        rig.work()
        self.assigned(rig)

        assert [OLD, OLD] == told_numbers(rig)
        assert [] == [row for row in rig.queries.shipments() if row["id"] == self.COMPANIONS[1]]

    def test_a_persons_no(self, rig: Rig):
        """What a person has decided about the second order of the new one stays."""
        tell(rig, told(OLD, "PICKED_UP", -900))
        rig.work()
        self.assigned(rig)
        rig.now += 60
        tell(rig, REPLACED)
        rig.work()
        rig.decisions.dismiss(self.COMPANIONS[1], now=rig.now)
        tell(rig, TAKEN, VOIDED)
        rig.works_until(DAY)

        assert ["kept", "dismissed"] == [rest(rig, one)[0] for one in self.COMPANIONS]
        assert OLD == fields(rig, "2-01", "950")["trackingNumber"]


def test_goes_all_the_same(rig: Rig):
    """A person may say after the replacement that the old order goes all the same."""
    tell(rig, told(OLD, "PICKED_UP", -900), REPLACED)
    rig.work()
    assert ("kept", "replaced") == rest(rig, f"lalamove/{OLD}")

    rig.decisions.assign(f"lalamove/{OLD}", order_id="1-01", invoice_number="900", now=rig.now)
    rig.work()
    assert OLD == fields(rig)["trackingNumber"]


def test_delivered(rig: Rig):
    """What VTEX was told as delivered stays as it is."""
    rig.link(OLD, "1-01", "900")
    tell(rig, told(OLD, "PICKED_UP", -900), told(OLD, "COMPLETED", -800))
    rig.works_until(DAY)
    assert [OLD] == told_numbers(rig)

    tell(rig, REPLACED, TAKEN)
    rig.works_until(DAY)

    assert [OLD] == told_numbers(rig)
    assert f"the same parcel is told by lalamove/{OLD}" == rig.shipment(f"lalamove/{NEW}")["note"]


def test_linked_later(rig: Rig):
    """A link to the old one's own id that comes after the replacement finds the new one."""
    tell(rig, REPLACED, TAKEN)
    rig.work()
    assert "awaiting_order" == rest(rig, f"lalamove/{NEW}")[0]

    rig.link(f"lalamove/{OLD}", "1-01", "900", kind="shipment")
    rig.work()
    assert NEW == fields(rig)["trackingNumber"]
