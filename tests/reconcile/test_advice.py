"""The command and the setting that settle a hold, ready to paste."""

import pytest

from receiver.reconcile.advice import advice, advised, placeholder_advice
from receiver.shipments import Decision, Reason, held
from receiver.shipments.reasons import Kind
from receiver.vtex.choice import Hold
from receiver.vtex.orders import Order, Package

#: Holds that are found with the orders that they are about.
BY_ORDER = (
    Reason.AMBIGUOUS_ORDER,
    Reason.UNKNOWN_ORDER_TEXT,
    Reason.UNCONFIRMED_SEQUENCE,
    Reason.SOLD_BY_ANOTHER_SELLER,
)


def order(*numbers: str) -> Order:
    packages = (Package(number, "Output", 100, None, None, None, None) for number in numbers)
    return Order("1-01", "invoiced", 100, None, None, tuple(packages))


def test_candidates():
    """The first candidate stands in the command, the others behind it; without candidates all of the order's do."""
    hold = Hold(Reason.AMBIGUOUS_INVOICE, "", {"candidates": ["901", "902"]})
    command = "receiver assign TN1 --order 1-01 --invoice"

    assert f"{command} 901   (or 902)" == advice(hold, "TN1", order("900", "901", "902"))
    assert f"{command} 900" == advice(Hold(Reason.SECOND_PARCEL), "TN1", order("900"))


def test_quoted():
    """What a shell would take apart is quoted."""
    assert "receiver assign 'T N;1' --order 1-01 --invoice '90 0'" == advice(
        Hold(Reason.NUMBER_DIFFERS), "T N;1", order("90 0")
    )


@pytest.mark.parametrize(
    ("reason", "known"),
    [(Reason.ORDER_CANCELLED, order("900")), (Reason.AMBIGUOUS_INVOICE, None), (Reason.AMBIGUOUS_INVOICE, order())],
)
def test_no_command(reason, known):
    """Where the choice of an invoice does not settle it, or something to name is missing, there is no command."""
    assert "" == advice(Hold(reason), "shop/1", known)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.kind is Kind.HELD])
def test_every_hold(reason):
    """No hold is without a command: by what the choice of an invoice says, else by the reason alone."""
    hold = Hold(reason, evidence={"orders": ["1-01"]} if reason in BY_ORDER else {})
    end = held(reason, "", advice(hold, "shop/1", order("900")))
    if reason not in (Reason.REVERSE_SHIPMENT, Reason.AMBIGUOUS_NUMBER):  # have one of their own
        assert " To decide: receiver " in advised(end, "shop/1", Decision(order_id="1-01"), None).note


def test_placeholder():
    """A text on three orders is no tracking number, and one without letter or digit never is."""
    assert "" == placeholder_advice("834", {}, orders=2, endpoint="shop")
    assert (
        "834 seems to be no tracking number (3 orders show it). If so, add to [endpoints.shop]: "
        'placeholders = ["834"], then: receiver retry --state held --endpoint shop.'
    ) == placeholder_advice("834", {}, orders=3, endpoint="shop")
    assert placeholder_advice("-", {}, orders=1, endpoint="shop").count('placeholders = ["-"]')
    assert placeholder_advice('a"b', {}, orders=3, endpoint="shop").count(r'placeholders = ["a\"b"]')
