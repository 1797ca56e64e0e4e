"""`receiver reconcile`: numbers that were left on an invoice which their parcel does not belong to."""

import time
from typing import Any

from tests.support.console import Desk
from tests.support.rig import MELHOR_ENVIO, order, package, posted

#: A carrier that names no order, so that a link decides.
LINKED = {**MELHOR_ENVIO, "references": []}


def left(desk: Desk, *options: str) -> list[tuple[Any, ...]]:
    """Where which number is left, and where its parcel belongs."""
    rows = [row for row in desk.tells("reconcile", *options) if row["gap"] == "left_over"]
    return [(row["order_id"], row["invoice_number"], row["tracking_number"], row["belongs"]) for row in rows]


def assigned_wrongly(desk: Desk) -> None:
    """A parcel that a person assigned to 34, and then to 35."""
    desk.rig.add_order(order("1-01", package("34", value=5_000), package("35", value=5_000)))
    desk.rig.post(posted())
    desk.rig.work()
    for invoice in ("34", "35"):
        desk.says("assign", "TN1BR", "--order", "1-01", "--invoice", invoice)
        desk.work()


class TestListed:
    def test_corrected_assignment(self, desk_on_either):
        """The invoice that was named by mistake keeps the number, and is listed."""
        desk = desk_on_either
        assigned_wrongly(desk)
        assert ["TN1BR"] * 2 == [desk.rig.package_of("1-01", name)["trackingNumber"] for name in ("34", "35")]

        assert [("1-01", "34", "TN1BR", "1-01 / 35")] == left(desk)
        expected = "left over on 1-01 / 34: TN1BR of melhor-envio/p1, which belongs to 1-01 / 35 now"
        assert any(line.endswith(expected) for line in desk.says("reconcile").splitlines())

    def test_before_the_worker(self, desk):
        """It is listed from the moment of the decision on."""
        desk.in_step()
        desk.rig.add_order(order("2-01", package("B")))
        desk.says("assign", "TN1BR", "--order", "2-01")

        assert [("1-01", "41001")] == [row[:2] for row in left(desk)]

    def test_corrected_link(self, rig):
        """A link that is corrected leaves its first number."""
        desk = Desk(rig, **{"melhor-envio": LINKED})
        rig.add_order(order("29-01", package("29")), order("30-01", package("30")))
        rig.post(posted(None))
        rig.work()
        for number in ("29", "30"):
            desk.says("link", "TN1BR", f"{number}-01")
            desk.work()

        assert [("29-01", "29", "TN1BR", "30-01 / 30")] == left(desk)

    def test_unassigned(self, desk):
        """A parcel that is given back to the rules leaves what was written by a person's word, also where the rules
        hold it."""
        desk.held()
        desk.rig.add_order(order("2-01", package("C")))
        desk.says("assign", "TN1BR", "--order", "2-01")
        desk.work()
        assert [] == left(desk)

        desk.says("unassign", "TN1BR")
        desk.work()

        assert "held" == desk.rig.shipment()["state"]
        assert [("2-01", "C", "TN1BR", "1-01")] == left(desk)

    def test_recycled_number(self, desk):
        """What was written for the former parcel of a recycled number is where it belongs."""
        desk.in_step()
        desk.rig.post(posted(event="order.delivered"))
        desk.rig.work()
        desk.rig.now += 400 * 86_400
        desk.rig.add_order(order("2-01", package("B")))
        desk.rig.post(posted("2-01", at="2027-12-01T12:00:00+00:00"))
        desk.rig.work()
        assert ("2-01", 2) == (desk.rig.shipment()["order_id"], desk.rig.shipment()["generation"])

        assert [] == left(desk)


class TestGone:
    def test_written_over(self, desk):
        """An invoice that another parcel of ours has taken since holds nothing that is left over."""
        assigned_wrongly(desk)
        desk.rig.post(posted(parcel="p2", number="TN2BR"))
        desk.rig.work()
        desk.says("assign", "TN2BR", "--order", "1-01", "--invoice", "34")
        desk.work()
        assert "TN2BR" == desk.rig.package_of("1-01", "34")["trackingNumber"]

        assert [] == left(desk)

    def test_corrected_at_vtex(self, desk_on_either):
        """With --ask it disappears where VTEX does not show it any more, for good; VTEX is asked once an order."""
        desk = desk_on_either
        assigned_wrongly(desk)
        assert [("1-01", "34")] == [row[:2] for row in left(desk, "--ask", "--older-than", "0")]
        desk.rig.package_of("1-01", "34")["trackingNumber"] = None
        assert [("1-01", "34")] == [row[:2] for row in left(desk)]
        before = len(desk.rig.calls())

        assert [] == left(desk, "--ask", "--older-than", "0")
        assert 1 == len(desk.rig.calls()) - before
        assert [] == left(desk)

    def test_no_answer(self, desk):
        """An order that cannot be read proves nothing."""
        assigned_wrongly(desk)
        desk.rig.faults(broken=frozenset({"1-01"}))

        assert [("1-01", "34")] == [row[:2] for row in left(desk, "--ask")]


class TestTooRecent:
    def test_said(self, desk):
        """What was written within the last day is not asked about, and that is said; once it is old, or all is asked
        for, nothing is said."""
        desk.rig.now = time.time() - 600
        desk.in_step()
        desk.rig.package_of("1-01", "41001")["trackingNumber"] = "HUMAN1"

        expected = "1 invoice written within 24 h not asked about (--older-than 0 asks about all)"
        assert ["nothing older than 24 h is open (--older-than 0 shows all)", expected] == desk.says(
            "reconcile", "--ask"
        ).splitlines()
        assert [{"gap": "too_recent", "invoices": 1, "note": expected}] == desk.tells("reconcile", "--ask")
        assert ["differs"] == [row["gap"] for row in desk.tells("reconcile", "--ask", "--older-than", "0")]
