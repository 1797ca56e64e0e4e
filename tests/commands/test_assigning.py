"""`receiver assign` and `unassign`: what VTEX does not show is refused, and what was written stays where it is."""

import pytest

from tests.support.console import Operator
from tests.support.rig import order, package, posted


class TestLookedUp:
    def test_unknown_order(self, operator_on_either):
        """An order that VTEX does not know is refused, with the command that insists; the parcel stays as it was."""
        operator_on_either.in_step()

        expected = (
            "not assigned: VTEX account lux does not know order 3-01. "
            "If it is still to come: receiver assign melhor-envio/p1 --order 3-01 --unseen"
        )
        assert expected == operator_on_either.fails("assign", "TN1BR", "--order", "3-01")
        (row,) = operator_on_either.tells("shipments")
        assert ("in_step", None) == (row["state"], row["assigned_order"])

    @pytest.mark.parametrize(
        ("places", "expected"),
        [
            (["01"], "7 is a purchase of 7-01. Name the order: receiver assign melhor-envio/p1 --order 7-01"),
            (
                ["01", "02"],
                (
                    "7 is a purchase of 7-01, 7-02. "
                    "Name the order: receiver assign melhor-envio/p1 --order 7-01   (or 7-02)"
                ),
            ),
        ],
    )
    def test_purchase(self, operator, places, expected):
        """A purchase's id, as carriers write it without the seller's place, is refused with its orders."""
        operator.in_step()
        operator.rig.add_order(*(order(f"7-{place}", package("A")) for place in places))

        assert f"not assigned: {expected}" == operator.fails("assign", "TN1BR", "--order", "7")

    @pytest.mark.parametrize(
        ("packages", "invoice", "expected"),
        [
            (
                [package("41002"), package("41003")],
                "49999",
                (
                    "order 2-01 has no invoice 49999; it has 41002, 41003. "
                    "receiver assign melhor-envio/p1 --order 2-01 --invoice 41002   (or 41003)"
                ),
            ),
            (
                [package("41002", kind="Input")],
                "41002",
                (
                    "order 2-01 has no invoice yet; one that comes is found by the rules. "
                    "receiver assign melhor-envio/p1 --order 2-01"
                ),
            ),
            (
                [package("900"), package("0900")],
                "00900",
                (
                    "order 2-01 has several invoices 00900. "
                    "receiver assign melhor-envio/p1 --order 2-01 --invoice 900   (or 0900)"
                ),
            ),
        ],
    )
    def test_unknown_invoice(self, operator, packages, invoice, expected):
        """An invoice that the order does not show is refused, with those that it has."""
        operator.in_step()
        operator.rig.add_order(order("2-01", *packages))

        assert f"not assigned: {expected}" == operator.fails("assign", "TN1BR", "--order", "2-01", "--invoice", invoice)

    def test_as_vtex_writes_it(self, operator):
        """Order and invoice are stored as VTEX writes them."""
        operator.held()
        operator.rig.add_order(order("2-01", package("000900"), sequence="501456"))

        (said,) = operator.tells("assign", "TN1BR", "--order", "seq501456", "--invoice", "900")

        assert ("2-01", "000900", None) == (said["order_id"], said["invoice_number"], said["unchecked"])
        operator.work()
        assert "TN1BR" == operator.rig.package_of("2-01", "000900")["trackingNumber"]

    @pytest.mark.parametrize("more", [(), ("--dry-run",), ("--unseen",)])
    def test_in_capitals(self, operator, more):
        """An order that is copied in capitals is the one that VTEX stores, also where it is still to come."""
        operator.in_step()
        if "--unseen" not in more:
            operator.rig.add_order(order("v7001lux-01", package("A")))
        (said,) = operator.tells("assign", "TN1BR", "--order", "V7001LUX-01", *more)

        assert "v7001lux-01" in str(said)
        assert "V7001LUX-01" not in str(said)

    def test_one_read(self, operator):
        """An order that VTEX shows costs one read, and no write."""
        operator.held()
        before = len(operator.rig.calls())

        operator.says("assign", "TN1BR", "--order", "1-01", "--invoice", "B")

        assert ["GET"] == [call.method for call in operator.rig.calls()[before:]]


class TestUnseen:
    def test_insists(self, operator):
        """With --unseen VTEX is not asked, and the order is awaited."""
        operator.held()
        before = len(operator.rig.calls())

        said = operator.says("assign", "TN1BR", "--order", "9-01", "--unseen")

        expected = "melhor-envio/p1: order 9-01, invoice by the rules; not looked up at VTEX (--unseen)\n"
        assert expected == said
        assert before == len(operator.rig.calls())
        operator.work()
        assert ("awaiting_order", "9-01") == (
            operator.rig.shipment()["state"],
            operator.rig.shipment()["assigned_order"],
        )

    def test_no_answer(self, operator):
        """Where VTEX does not answer, the word of the person is stored all the same, and that is said."""
        operator.held()
        operator.rig.faults(server_error=1.0)

        (said,) = operator.tells("assign", "TN1BR", "--order", "9-01")

        assert said["unchecked"].startswith("VTEX did not answer: HTTP 500")
        assert "9-01" == operator.rig.shipment()["assigned_order"]

    def test_paused(self, operator):
        """An account that is paused is not asked, nor waited for."""
        operator.held()
        queue, _ = operator.rig.hands("other")
        until = operator.rig.now + 1e8
        queue.accounts.pause("lux", until=until, reason="key", own_fault=True, now=operator.rig.now)

        assert "; VTEX did not answer: paused until " in operator.says("assign", "TN1BR", "--order", "1-01")


class TestStays:
    def test_elsewhere(self, operator):
        """What was written to another invoice stays there, and that is said once."""
        operator.in_step()
        operator.rig.add_order(order("2-01", package("B")))

        (said,) = operator.tells("assign", "TN1BR", "--order", "2-01")

        assert {"order_id": "1-01", "invoice_number": "41001", "tracking_number": "TN1BR"} == said["stays"]
        (again,) = operator.tells("assign", "TN1BR", "--order", "2-01")
        assert again["stays"] is None

    def test_said(self, operator):
        """The same in words."""
        operator.in_step()
        operator.rig.add_order(order("2-01", package("B")))

        expected = "melhor-envio/p1: order 2-01, invoice B; was written to 1-01 / 41001; that stays there\n"
        assert expected == operator.says("assign", "TN1BR", "--order", "2-01", "--invoice", "B")

    def test_confirmed(self, operator):
        """An assignment to where it was written moves nothing."""
        operator.in_step()

        assert operator.tells("assign", "TN1BR", "--order", "1-01", "--invoice", "41001")[0]["stays"] is None


class TestUnassign:
    def test_back_to_the_rules(self, operator_on_either):
        """The rules decide again: the carrier's reference leads, as before."""
        operator = operator_on_either
        operator.in_step()
        operator.rig.add_order(order("2-01", package("B")))
        operator.says("assign", "TN1BR", "--order", "2-01")
        operator.work()
        assert ("2-01", "in_step") == (operator.rig.shipment()["order_id"], operator.rig.shipment()["state"])

        expected = (
            "melhor-envio/p1: not assigned any more, the rules decide again now; "
            "was written to 2-01 / B; that stays there\n"
        )
        assert expected == operator.says("unassign", "TN1BR")
        operator.work()
        row = operator.rig.shipment()
        assert ("in_step", "1-01", "tracking_number", None) == (
            row["state"],
            row["order_id"],
            row["rule"],
            row["assigned_order"],
        )
        assert "TN1BR" == operator.rig.package_of("1-01", "41001")["trackingNumber"]

    def test_held_again(self, operator):
        """A parcel that was held by the rules is held by them again."""
        operator.held()
        operator.says("assign", "TN1BR", "--order", "9-01", "--unseen")
        operator.work()

        assert [{"shipment": "melhor-envio/p1", "stays": None, "ended": []}] == operator.tells("unassign", "TN1BR")
        operator.work()
        assert ("held", "ambiguous_invoice") == (operator.rig.shipment()["state"], operator.rig.shipment()["reason"])

    def test_not_assigned(self, operator):
        """There is nothing to take back of a parcel that the rules decided."""
        operator.in_step()

        expected = "melhor-envio/p1 is not assigned; to decide again: receiver retry melhor-envio/p1"
        assert expected == operator.fails("unassign", "TN1BR")


class TestOverwritten:
    def test_one_decision_one_ticket(self, operator_on_either: Operator, caplog: pytest.LogCaptureFixture):
        """A person who overwrites a parcel's number with another's has decided about both: the overwritten one is
        kept aside, and no new hold is told."""
        operator, rig = operator_on_either, operator_on_either.rig
        operator.in_step()
        rig.post(posted("1-01", parcel="p2", number="TN2BR"))
        rig.work()
        assert ("held", "second_parcel") == (
            rig.shipment("melhor-envio/p2")["state"],
            rig.shipment("melhor-envio/p2")["reason"],
        )
        caplog.clear()

        operator.says("assign", "TN2BR", "--order", "1-01", "--invoice", "41001")
        operator.work()
        rig.later(60)
        operator.says("retry", "TN1BR")
        operator.work()

        assert "TN2BR" == rig.package_of("1-01", "41001")["trackingNumber"]
        assert "in_step" == rig.shipment("melhor-envio/p2")["state"]
        assert ("kept", "other_parcel") == (rig.shipment()["state"], rig.shipment()["reason"])
        assert not [one for one in caplog.messages if "needs a person" in one]
