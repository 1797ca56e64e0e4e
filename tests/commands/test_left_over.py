"""`receiver reconcile`: numbers that were left on an invoice which their parcel does not belong to."""

import time
from typing import Any

from receiver.store.operator.discrepancies import Discrepancies
from receiver.vtex.order_facts import index_facts
from receiver.vtex.orders import read_order
from tests.support.console import Operator
from tests.support.rig import MELHOR_ENVIO, order, package, posted
from tests.support.times import DAY, HOUR

#: A carrier that names no order, so that a link decides.
LINKED = {**MELHOR_ENVIO, "references": []}


def left(operator: Operator, *options: str) -> list[tuple[Any, ...]]:
    """Where which number is left, and where its parcel belongs."""
    rows = [row for row in operator.tells("reconcile", *options) if row["gap"] == "left_over"]
    return [(row["order_id"], row["invoice_number"], row["tracking_number"], row["belongs"]) for row in rows]


def written(operator: Operator) -> list[tuple[str, str]]:
    """Which shipment wrote which number to the first order, in turn."""
    attempts = operator.rig.queries.order("1-01")["attempts"]
    return [(one["shipment"], one["request"]["trackingNumber"]) for one in attempts if one["call"] == "PATCH"]


def assigned_wrongly(operator: Operator) -> None:
    """A parcel that a person assigned to 34, and then to 35."""
    operator.rig.add_order(order("1-01", package("34", value=5_000), package("35", value=5_000)))
    operator.rig.post(posted())
    operator.rig.work()
    for invoice in ("34", "35"):
        operator.says("assign", "TN1BR", "--order", "1-01", "--invoice", invoice)
        operator.work()


class TestListed:
    def test_corrected_assignment(self, operator_on_either):
        """The invoice that was named by mistake keeps the number, and is listed."""
        operator = operator_on_either
        assigned_wrongly(operator)
        assert ["TN1BR"] * 2 == [operator.rig.package_of("1-01", name)["trackingNumber"] for name in ("34", "35")]

        assert [("1-01", "34", "TN1BR", "1-01 / 35")] == left(operator)
        expected = "left over on 1-01 / 34: TN1BR of melhor-envio/p1, which belongs to 1-01 / 35 now"
        assert any(line.endswith(expected) for line in operator.says("reconcile").splitlines())

    def test_not_without_tracking(self, operator):
        """An invoice on which the number is left is not called one without tracking, until a reading shows none. What
        was read for the write is stored after it, and is none."""
        operator.in_step()
        operator.rig.add_order(order("2-01", package("B")))
        operator.rig.on_slow = lambda _: setattr(operator.rig, "now", operator.rig.now + 2.0)
        operator.rig.faults(slow=(1.0, 2.0), methods=frozenset({"PATCH"}))
        operator.says("assign", "TN1BR", "--order", "2-01")
        operator.work()
        operator.says("unassign", "TN1BR")
        operator.rig.later(1)

        def without() -> list[str]:
            rows = Discrepancies(operator.rig.database).without_tracking(before=operator.rig.now + DAY)
            return [row["invoice_number"] for row in rows]

        assert [] == without()
        operator.rig.later(2 * HOUR)
        operator.rig.add_order(order("2-01", package("B")))
        operator.rig.index.learn("lux", index_facts(read_order(order("2-01", package("B")))), now=operator.rig.now)
        assert ["B"] == without()

    def test_before_the_worker(self, operator):
        """It is listed from the moment of the decision on."""
        operator.in_step()
        operator.rig.add_order(order("2-01", package("B")))
        operator.says("assign", "TN1BR", "--order", "2-01")

        assert [("1-01", "41001")] == [row[:2] for row in left(operator)]

    def test_corrected_link(self, rig):
        """A link that is corrected leaves its first number."""
        operator = Operator(rig, **{"melhor-envio": LINKED})
        rig.add_order(order("29-01", package("29")), order("30-01", package("30")))
        rig.post(posted(None))
        rig.work()
        for number in ("29", "30"):
            operator.says("link", "TN1BR", f"{number}-01")
            operator.work()

        assert [("29-01", "29", "TN1BR", "30-01 / 30")] == left(operator)

    def test_joined(self, operator_on_either):
        """A parcel that was joined to another one's number by mistake is listed, also once the other one has written
        both; until the other one writes without it."""
        operator = operator_on_either
        operator.rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "second_parcel": "join"}})
        operator.rig.add_order(order("1-01", package("A")), order("2-01", package("B")))
        operator.rig.link("P2", "1-01")
        for parcel, day, order_id in (("p1", 10, "1-01"), ("p2", 11, "2-01")):
            at = f"2026-11-{day}T12:00:00+00:00"
            operator.rig.post(posted(order_id, parcel=parcel, number=parcel.upper(), at=at))
            operator.work()
        operator.rig.post(posted("1-01", parcel="p1", number="P1", tracking_url="https://track.example/page"))
        operator.work()
        assert [("melhor-envio/p2", "P1;P2"), ("melhor-envio/p1", "P1;P2")] == written(operator)[1:]

        operator.rig.link("P2", "2-01")
        operator.work()
        assert "P1;P2" == operator.rig.package_of("1-01", "A")["trackingNumber"]
        assert [("1-01", "A", "P2", "2-01 / B")] == left(operator, "--ask") == left(operator)

        operator.rig.post(posted("1-01", parcel="p1", number="P1", tracking_url="https://track.example/new"))
        operator.work()
        assert "P1" == operator.rig.package_of("1-01", "A")["trackingNumber"]
        assert [] == left(operator)

    def test_unassigned(self, operator):
        """A parcel that is given back to the rules leaves what was written by a person's word, also where the rules
        hold it."""
        operator.held()
        operator.rig.add_order(order("2-01", package("C")))
        operator.says("assign", "TN1BR", "--order", "2-01")
        operator.work()
        assert [] == left(operator)

        operator.says("unassign", "TN1BR")
        operator.work()

        assert "held" == operator.rig.shipment()["state"]
        assert [("2-01", "C", "TN1BR", "1-01")] == left(operator)

    def test_recycled_number(self, operator):
        """What was written for the former parcel of a recycled number is where it belongs."""
        operator.in_step()
        operator.rig.post(posted(event="order.delivered"))
        operator.rig.work()
        operator.rig.now += 400 * 86_400
        operator.rig.add_order(order("2-01", package("B")))
        operator.rig.post(posted("2-01", at="2027-12-01T12:00:00+00:00"))
        operator.rig.work()
        assert ("2-01", 2) == (operator.rig.shipment()["order_id"], operator.rig.shipment()["generation"])

        assert [] == left(operator)

    def test_left_by_the_former_parcel(self, operator_on_either):
        """What the former parcel of a recycled number has left stays listed, with where that one belonged."""
        operator = operator_on_either
        assigned_wrongly(operator)
        operator.rig.post(posted(event="order.delivered"))
        operator.rig.work()
        operator.rig.now += 400 * DAY
        operator.rig.add_order(order("2-01", package("B")))
        operator.rig.post(posted("2-01", at="2027-12-01T12:00:00+00:00"))
        operator.rig.work()
        assert ("2-01", 2) == (operator.rig.shipment()["order_id"], operator.rig.shipment()["generation"])

        assert [("1-01", "34", "TN1BR", "1-01 / 35")] == left(operator)
        expected = "which belonged to 1-01 / 35 until its number was another parcel's"
        assert any(line.endswith(expected) for line in operator.says("reconcile").splitlines())
        operator.rig.package_of("1-01", "34")["trackingNumber"] = None
        assert [] == left(operator, "--ask", "--older-than", "0")


class TestGone:
    def test_written_over(self, operator):
        """An invoice that another parcel of ours has taken since holds nothing that is left over."""
        assigned_wrongly(operator)
        operator.rig.post(posted(parcel="p2", number="TN2BR"))
        operator.rig.work()
        operator.says("assign", "TN2BR", "--order", "1-01", "--invoice", "34")
        operator.work()
        assert "TN2BR" == operator.rig.package_of("1-01", "34")["trackingNumber"]

        assert [] == left(operator)

    def test_corrected_at_vtex(self, operator_on_either):
        """With --ask it disappears where VTEX does not show it any more, for good; VTEX is asked once an order."""
        operator = operator_on_either
        assigned_wrongly(operator)
        assert [("1-01", "34")] == [row[:2] for row in left(operator, "--ask", "--older-than", "0")]
        operator.rig.package_of("1-01", "34")["trackingNumber"] = None
        assert [("1-01", "34")] == [row[:2] for row in left(operator)]
        before = len(operator.rig.calls())

        assert [] == left(operator, "--ask", "--older-than", "0")
        assert 1 == len(operator.rig.calls()) - before
        assert [] == left(operator)

    def test_no_answer(self, operator):
        """An order that cannot be read proves nothing."""
        assigned_wrongly(operator)
        operator.rig.faults(broken=frozenset({"1-01"}))

        assert [("1-01", "34")] == [row[:2] for row in left(operator, "--ask")]


class TestTooRecent:
    def test_said(self, operator):
        """What was written within the last day is not asked about, and that is said; once it is old, or all is asked
        for, nothing is said."""
        operator.rig.now = time.time() - 600
        operator.in_step()
        operator.rig.package_of("1-01", "41001")["trackingNumber"] = "HUMAN1"

        expected = "1 invoice written within 24 h not asked about (--older-than 0 asks about all)"
        assert ["nothing older than 24 h is open (--older-than 0 shows all)", expected] == operator.says(
            "reconcile", "--ask"
        ).splitlines()
        assert [{"gap": "too_recent", "invoices": 1, "note": expected}] == operator.tells("reconcile", "--ask")
        assert ["differs"] == [row["gap"] for row in operator.tells("reconcile", "--ask", "--older-than", "0")]
