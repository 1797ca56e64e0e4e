"""What speaks against an invoice before it is posted: its items, prices, dates and values."""

import json
from typing import Any

import pytest

from tests.support.console import Operator, receiver
from tests.support.invoicing import INVOICE, ITEMS, InvoicingDriver, an_order
from tests.support.rig import Rig, package


def posting(operator: Operator, bill: dict[str, Any]) -> Any:
    (file := operator.rig.folder / "bill.json").write_text(json.dumps(bill))
    return receiver("invoice", "1-01", file, config=operator.config)


@pytest.fixture
def operator_of_order(rig: Rig) -> Operator:
    operator = Operator(rig)
    rig.add_order(an_order())
    return operator


class TestBill:
    def test_no_return(self, driver: InvoicingDriver):
        """An invoice whose number a return bears is no return, and refunds nothing: the reason must not say so."""
        driver.rig.add_order(an_order(package("900", kind="Input")))

        assert not [reason for reason in driver.refused() if "refund again" in reason]

    def test_items_missing(self, driver: InvoicingDriver):
        """An invoice for the order's whole value without one of its SKUs differs from the order."""
        driver.refused({**INVOICE, "items": INVOICE["items"][:1]})

    def test_naive_date(self, tmp_path: Any, rig: Rig):
        """A dispatch date without an offset is a fault: what VTEX makes of it nobody says."""
        operator = Operator(rig)
        rig.add_order(an_order())
        (file := rig.folder / "bill.json").write_text(
            json.dumps({**INVOICE, "trackingNumber": "TN1", "dispatchedDate": "2026-11-17T10:00:00"})
        )

        assert 1 == receiver("invoice", "1-01", file, "--dry-run", config=operator.config).exit_code

    def test_quantity(self, operator_of_order: Operator):
        """9.0 pieces are nine, as JSON Schema has it: more than were ordered."""
        bill = {**INVOICE, "items": [{"id": "4101", "price": 4000, "quantity": 9.0}]}

        assert 0 != posting(operator_of_order, bill).exit_code
        assert [] == operator_of_order.rig.calls("POST")

    def test_value(self, operator_of_order: Operator):
        """Cents are digits, and nothing behind them: no line's end either."""
        assert 0 != posting(operator_of_order, {**INVOICE, "invoiceValue": "10000\n"}).exit_code
        assert [] == operator_of_order.rig.calls("POST")


class TestItems:
    @pytest.mark.parametrize("value", ["100", "1"])
    def test_reais_for_cents(self, driver: InvoicingDriver, value: str):
        """All the order's items, for a hundredth of the order's value: that differs, and is said."""
        driver.refused({**INVOICE, "invoiceValue": value})

    def test_price(self, driver: InvoicingDriver):
        """Items at prices that the order does not have differ from the order."""
        priced = [{**item, "price": 4000 if item["id"] == "4101" else 2000, "sellingPrice": 4000} for item in ITEMS]
        driver.rig.add_order(an_order(items=priced))
        wrong = [{**item, "price": 40} for item in INVOICE["items"]]

        driver.refused({**INVOICE, "items": wrong})
