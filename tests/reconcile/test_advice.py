"""The command and the setting that settle a hold, ready to paste."""

import pytest

from receiver.reconcile.advice import advice, placeholder_advice
from receiver.shipments import Reason
from receiver.vtex.choice import Hold
from receiver.vtex.orders import Order, Package


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
    ("reason", "number", "known"),
    [
        (Reason.ORDER_CANCELLED, "TN1", order("900")),
        (Reason.AMBIGUOUS_INVOICE, None, order("900")),
        (Reason.AMBIGUOUS_INVOICE, "TN1", None),
        (Reason.AMBIGUOUS_INVOICE, "TN1", order()),
    ],
)
def test_no_command(reason, number, known):
    """Where the choice of an invoice does not settle it, or something to name is missing, there is no command."""
    assert "" == advice(Hold(reason), number, known)


def test_placeholder():
    """A text on three orders is no tracking number, and one without letter or digit never is."""
    assert "" == placeholder_advice("834", {}, orders=2, endpoint="shop")
    assert (
        '834 seems to be no tracking number (3 orders show it). If so, add to [endpoints.shop]: placeholders = ["834"]'
    ) == placeholder_advice("834", {}, orders=3, endpoint="shop")
    assert placeholder_advice("-", {}, orders=1, endpoint="shop").endswith('placeholders = ["-"]')
    assert placeholder_advice('a"b', {}, orders=3, endpoint="shop").endswith(r'placeholders = ["a\"b"]')
