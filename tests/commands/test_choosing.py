"""Filters at the command line, decisions about many, and what an assignment would send: nothing changes by a look."""

import pytest

from tests.support.rig import order, package, posted


@pytest.fixture
def two_held(operator_on_either):
    """Two parcels that could belong to either of two invoices."""
    operator_on_either.held()
    operator_on_either.rig.post(posted(parcel="p2", number="TN2BR"))
    operator_on_either.rig.work()
    return operator_on_either


def test_filters(two_held):
    """`receiver shipments` takes the same words as the API: any number, a carrier; a mistyped carrier is told."""
    for arguments, expected in [
        (("--search", "tn-2br"), {"melhor-envio/p2"}), (("--search", "1-01"), {"melhor-envio/p1", "melhor-envio/p2"}),
        (("--search", "p2"), {"melhor-envio/p2"}),
        (("--carrier", "melhor_envio", "--number", "TN1BR"), {"melhor-envio/p1"}), (("--search", "x"), set()),
    ]:  # fmt: skip
        assert expected == {row["id"] for row in two_held.tells("shipments", *arguments)}, arguments
    assert "no endpoint of carrier 'upss'; there are melhor_envio" == two_held.fails("shipments", "--carrier", "upss")


@pytest.mark.parametrize(
    ("command", "done", "state"), [("retry", "looked at again", "due"), ("dismiss", "dismissed", "dismissed")]
)
def test_many(two_held, command, done, state):
    """With --dry-run the command tells how many there are, and which; without it, it decides about each."""
    chosen = (command, "--reason", "ambiguous_invoice", "--search", "TN2BR")

    lines = two_held.says(*chosen, "--dry-run").splitlines()
    assert [f"1 shipment would be {done}", "  melhor-envio/p2  held  ambiguous_invoice  TN2BR  1-01"] == lines
    (told,) = two_held.tells(*chosen, "--dry-run")
    assert (True, 1, ["melhor-envio/p2"]) == (told["dry_run"], told["shipments"], told["examples"])
    assert [] == two_held.tells("decisions")

    two_held.says(*chosen, "--note", "all of one day")
    assert [(command, "melhor-envio/p2", "all of one day")] == [
        (row["action"], row["subject"], row["note"]) for row in two_held.tells("decisions")
    ]
    states = {row["id"]: row["state"] for row in two_held.tells("shipments")}
    assert {"melhor-envio/p1": "held", "melhor-envio/p2": state} == states


def test_one_dry(two_held):
    """--dry-run of one shipment changes nothing either."""
    assert "melhor-envio/p1: would be dismissed\n" == two_held.says("dismiss", "TN1BR", "--dry-run")
    two_held.says("dismiss", "TN2BR")
    for dry in ((), ("--dry-run",)):
        assert "melhor-envio/p2 is dismissed already" == two_held.fails("dismiss", "TN2BR", *dry)
    assert "melhor-envio/p1: would be looked at again\n" == two_held.says("retry", "TN1BR", "--dry-run")
    assert ["melhor-envio/p2"] == [row["subject"] for row in two_held.tells("decisions")]


class TestAssignDryRun:
    def test_told(self, operator):
        """The command shows the call that the assignment would make, and makes none but the look at the order."""
        operator.held()

        lines = operator.says("assign", "TN1BR", "--order", "1-01", "--invoice", "B", "--dry-run").splitlines()

        assert [
            "melhor-envio/p1: would be in_step, by assigned",
            "  PATCH /api/oms/pvt/orders/1-01/invoice/B",
        ] == lines[:2]
        assert "    trackingNumber  TN1BR" in lines
        assert ([], "held") == (operator.rig.calls("PATCH"), operator.rig.shipment()["state"])
        (told,) = operator.tells("assign", "TN1BR", "--order", "1-01", "--dry-run")
        assert ("held", [], True) == (told["state"], told["calls"], told["dry_run"])
        assert "  nothing would be sent to VTEX" in operator.says("assign", "TN1BR", "--order", "1-01", "--dry-run")

    def test_in_place_of(self, operator):
        """What the invoice shows now is told."""
        operator.held()
        operator.rig.add_order(order("1-01", package("A", trackingNumber="OLD")))

        told = operator.says("assign", "TN1BR", "--order", "1-01", "--invoice", "A", "--dry-run")

        assert "    in place of     trackingNumber OLD" in told

    def test_not_told(self, operator):
        """Without an answer of VTEX nothing can be told."""
        operator.held()
        operator.rig.faults(server_error=1.0)

        assert "nothing can be told: VTEX did not answer" in operator.fails(
            "assign", "TN1BR", "--order", "1-01", "--dry-run"
        )
