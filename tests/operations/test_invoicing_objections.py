"""What speaks against an invoice before it is posted: its items, prices, dates and values."""

import json
from datetime import datetime
from typing import Any

import pytest

from receiver.vtex.invoice_checks import warnings
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
        """A dispatch date without an offset is a fault: what VTEX makes of it no one says."""
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

    def test_gift(self, driver: InvoicingDriver):
        """The sold price of a gift is 0, and it is invoiced for nothing."""
        items = [
            {"id": "4101", "quantity": 2, "price": 5000, "sellingPrice": 5000},
            {"id": "4102", "quantity": 1, "price": 5000, "sellingPrice": 0},
        ]
        driver.rig.add_order(an_order(items=items))
        lines = [{"id": "4101", "price": 5000, "quantity": 2}, {"id": "4102", "price": 0, "quantity": 1}]

        assert "visible" == driver.post({**INVOICE, "items": lines}).outcome

    def test_each_counted_once(self, driver: InvoicingDriver):
        """VTEX's own example is worth 2499 for twice 2499, in an order of 4998: it is taken, with a warning."""
        driver.rig.add_order(an_order(items=[{"id": "4101", "quantity": 2, "price": 2499}], value=4998))
        bill = {**INVOICE, "invoiceValue": "2499", "items": [{"id": "4101", "price": 2499, "quantity": 2}]}

        assert "visible" == driver.post(bill).outcome
        expected = "$.invoiceValue: 2499 cents count each item once, whatever its quantity"
        assert [expected] == warnings(bill, now=driver.rig.now)


class TestAsVtexTakesIt:
    def test_numbers(self, operator_of_order: Operator):
        """A value and SKUs that are numbers are sent as text, and an unknown description is left out."""
        lines = [{**line, "id": int(line["id"]), "description": None} for line in INVOICE["items"]]

        assert 0 == posting(operator_of_order, {**INVOICE, "invoiceValue": 10000, "items": lines}).exit_code
        (call,) = operator_of_order.rig.calls("POST")
        assert INVOICE == call.body

    @pytest.mark.parametrize(
        ("issued", "expected"),
        [
            ("2026-11-19T10:26:40Z", []),
            ("2026-11-18", []),
            ("2027-11-17T10:00:00-03:00", ["$.issuanceDate: 2027-11-17T10:00:00-03:00 lies more than a day ahead"]),
            ("2026-11-20", ["$.issuanceDate: 2026-11-20 lies more than a day ahead"]),
        ],
    )
    def test_issued_ahead(self, issued: str, expected: list[str]):
        """An issuance date more than a day ahead is a slip of the pen."""
        noon = datetime.fromisoformat("2026-11-18T10:26:40+00:00").timestamp()

        assert expected == warnings({**INVOICE, "issuanceDate": issued}, now=noon)

    def test_warned(self, operator_of_order: Operator):
        """A warning stands on stderr; the invoice is posted all the same."""
        done = posting(operator_of_order, {**INVOICE, "issuanceDate": "2999-01-01"})

        assert (0, 1) == (done.exit_code, len(operator_of_order.rig.calls("POST")))
        assert done.stderr.endswith("bill.json: warning: $.issuanceDate: 2999-01-01 lies more than a day ahead\n")
