"""What speaks against posting an invoice to an order, judged from the two documents alone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.vtex.invoice_checks import Objection, as_sent, bearing, faults, objections, shows, warnings
from receiver.vtex.orders import read_order

KEY, OTHER_KEY = (f"3526111111111100019155001{number:09}1234567890" for number in (900, 901))
SHIRT, MUG = {"id": "4101", "price": 4_000, "quantity": 2}, {"id": "4102", "price": 2_000, "quantity": 1}
#: The whole order on one invoice: two shirts and a mug for 100.00.
BILL = {
    "type": "Output",
    "issuanceDate": "2026-11-20T10:00:00-03:00",
    "invoiceNumber": "900",
    "invoiceValue": "10000",
    "items": [SHIRT, MUG],
}
DIFFERING = "differing"


def bill(**changed: Any) -> dict[str, Any]:
    return {**BILL, **changed}


def package(number: str, value: int = 10_000, kind: str = "Output", **rest: Any) -> dict[str, Any]:
    return {"type": kind, "invoiceNumber": number, "invoiceValue": value, **rest}


def document(*packages: Any, **changed: Any) -> dict[str, Any]:
    """The order of two shirts and a mug, as VTEX shows it."""
    items = [{"id": "4101", "quantity": 2, "price": 4_000}, {"id": "4102", "quantity": 1, "price": 2_000}]
    shown = {"orderId": "1-01", "status": "handling", "value": 10_000, "items": items}
    return {**shown, "packageAttachment": {"packages": list(packages)}, **changed}


def against(shown: dict[str, Any], **changed: Any) -> list[tuple[str, str | None]]:
    """Each objection's text, and what a person must say to post the invoice all the same."""
    return [(one.text, one.overridden_by) for one in objections(shown, bill(**changed))]


def test_nothing() -> None:
    """The whole order on one sound invoice: nothing speaks against it."""
    assert [] == faults(BILL)
    assert [] == objections(document(), BILL)


class TestFaults:
    """What is wrong with the invoice itself, by its field."""

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"issuanceDate": "2026-11-31"}, "$.issuanceDate"),
            ({"dispatchedDate": "2026-11-20T25:00:00-03:00"}, "$.dispatchedDate"),
            ({"dispatchedDate": "2026-11-20T10:00:00"}, "$.dispatchedDate"),
            ({"invoiceValue": "100.00"}, "$.invoiceValue"),
            ({"items": [SHIRT, {**MUG, "quantity": 1.0}]}, "$.items[1].quantity"),
            ({"items": [{**SHIRT, "price": 4_000.0}]}, "$.items[0].price"),
            ({"invoiceNumber": "900/1"}, "$.invoiceNumber"),
        ],
    )
    def test_one(self, changed: dict[str, Any], field: str) -> None:
        """Each is named once."""
        assert [field] == [fault.partition(": ")[0] for fault in faults(bill(**changed))]

    @pytest.mark.parametrize("written", ["2026-11-20T10:00:00-03:00", None])
    def test_dispatched(self, written: str | None) -> None:
        """A dispatch date with its offset is sound, and so is none."""
        assert [] == faults(bill(dispatchedDate=written))

    def test_all_at_once(self) -> None:
        """Every fault is told, not the first alone."""
        assert 2 == len(faults(bill(issuanceDate="2026-13-01", invoiceValue="1,00")))


class TestOrder:
    """What the order's state and its other invoices say."""

    @pytest.mark.parametrize("status", ["canceled", "cancel", "cancellation-requested", "request-cancel"])
    def test_cancelled(self, status: str) -> None:
        """A cancelled order is not invoiced, and no one can allow it."""
        assert [(f"order 1-01 is {status}", None)] == against(document(status=status))

    def test_return(self) -> None:
        """A return refunds money."""
        [(text, overridden_by)] = against(document(package("800")), type="Input")

        assert "return" == overridden_by
        assert "refunds" in text

    def test_there_already(self) -> None:
        """The number is there already: replacing it is a person's word."""
        assert [("the order has invoice 900 already (Output, 10000 cents)", "replace")] == against(
            document(package("900"))
        )

    def test_return_there_already(self) -> None:
        """To post a return twice refunds twice: no one can allow it."""
        shown = document(package("800"), package("900", kind="Input"))

        assert ["return", None] == [overridden_by for _, overridden_by in against(shown, type="Input")]

    def test_other_kind(self) -> None:
        """A sale's number may be a return's too: that one would be replaced."""
        shown = document(package("800"), package("900", value=1, kind="Input"))

        assert ("the order has invoice 900 already (Input, 1 cents)", "replace") in against(
            shown, invoiceValue="1", items=[{**MUG, "price": 1}]
        )

    @pytest.mark.parametrize(
        ("there", "posted"),
        [(package("000900", 0), {}), (package("5512", 0, invoiceKey=KEY), {"invoiceKey": f"NFe{KEY}"})],
        ids=["padded", "by its key"],
    )
    def test_same_in_another_writing(self, there: dict[str, Any], posted: dict[str, Any]) -> None:
        """The same invoice under another writing of its number would stand there twice."""
        [(text, overridden_by)] = against(document(there), **posted)

        assert DIFFERING == overridden_by
        assert f"the order has invoice {there['invoiceNumber']} already" in text

    def test_another_one(self) -> None:
        """An invoice of another number and key stands in no one's way."""
        assert [] == against(document(package("901", 0, invoiceKey=OTHER_KEY)), invoiceKey=KEY)


class TestValue:
    """No invoice goes beyond what the order is worth."""

    def test_sale(self) -> None:
        """The order's value bounds its sales together."""
        half = {"invoiceValue": "6000", "items": [{**SHIRT, "quantity": 1}]}

        assert [] == against(document(package("901", 4_000)), **half)
        [(text, overridden_by)] = against(document(package("901", 4_001)), **half)
        assert DIFFERING == overridden_by
        assert "its 6000 cents and the 4001 of the order's other Output invoices" in text
        assert text.endswith("10000")

    def test_replaced(self) -> None:
        """What the invoice itself replaces does not count beside it."""
        assert ["replace"] == [overridden_by for _, overridden_by in against(document(package("900", 10_000)))]

    def test_return(self) -> None:
        """What was invoiced bounds its returns together."""
        shown = document(package("800", 9_000), package("801", 500, kind="Input"))

        assert ["return"] == [overridden_by for _, overridden_by in against(shown, type="Input", invoiceValue="8500")]
        assert ["return", DIFFERING] == [
            overridden_by for _, overridden_by in against(shown, type="Input", invoiceValue="8501")
        ]

    def test_unknown(self) -> None:
        """Where VTEX does not tell the order's value, nothing can be compared."""
        [(text, overridden_by)] = against(document(value=None))

        assert DIFFERING == overridden_by
        assert "the order's value" in text


class TestItems:
    """Pieces and prices are those of the order."""

    @pytest.mark.parametrize(
        ("items", "text"),
        [
            ([{"id": "9999", "price": 1, "quantity": 1}], "SKU 9999 is not in the order"),
            ([{**SHIRT, "quantity": 3}], "SKU 4101: 3 here, ordered 2"),
            ([MUG, MUG], "SKU 4102: 2 here, ordered 1"),
            ([{**SHIRT, "price": 3_999}, MUG], "SKU 4101: 3999 cents a piece here, in the order 4000"),
        ],
    )
    def test_differs(self, items: list[dict[str, Any]], text: str) -> None:
        """An unknown SKU, too many pieces, another price: a person may know better."""
        assert [(text, DIFFERING)] == against(document(), items=items)

    def test_price_of_all_pieces(self) -> None:
        """Documents tell the price of one piece, or of all: either will do, as listed or as sold."""
        sold = [{"id": "4101", "quantity": 2, "price": 4_500, "sellingPrice": 4_000}, *document()["items"][1:]]

        assert [] == against(document(), items=[{**SHIRT, "price": 8_000}, MUG])
        assert [] == against(document(items=sold))
        assert [] == against(document(items=sold), items=[{**SHIRT, "price": 4_500}, MUG])
        [(text, _)] = against(document(items=sold), items=[{**SHIRT, "price": 1}, MUG])
        assert text.endswith("in the order 4000 or 4500")

    def test_no_price(self) -> None:
        """A price that VTEX does not tell is not compared."""
        assert [] == against(document(items=[{"id": "4101", "quantity": 2}, {"id": "4102", "quantity": 1}]))

    def test_on_other_invoices(self) -> None:
        """Pieces that other invoices hold are gone; those of returns and of the invoice replaced are not."""
        line = {"itemIndex": 0, "quantity": 1}
        one_shirt = {"invoiceValue": "1000", "items": [SHIRT]}

        assert [("SKU 4101: 2 here and 1 on other invoices, ordered 2", DIFFERING)] == against(
            document(package("901", 1_000, items=[line])), **one_shirt
        )
        assert [] == against(document(package("901", 0, "Input", items=[line])), **one_shirt)
        assert ["replace"] == [
            overridden_by for _, overridden_by in against(document(package("900", 0, items=[line])), **one_shirt)
        ]

    @pytest.mark.parametrize(
        "packages",
        [
            "none",
            [None],
            [package("901", 0, items=None)],
            [package("901", 0, items=["odd", {}, {"itemIndex": "0", "quantity": 1}])],
            [package("901", 0, items=[{"itemIndex": 9, "quantity": 1}, {"itemIndex": -1, "quantity": 1}])],
            [package("901", 0, items=[{"itemIndex": 0, "quantity": None}])],
        ],
    )
    def test_odd_lines(self, packages: Any) -> None:
        """What is no line of an invoice, or of no item of the order, takes no piece away."""
        assert [] == against(document(packageAttachment={"packages": packages}))

    @pytest.mark.parametrize("odd", [None, "none"])
    def test_no_packages(self, odd: Any) -> None:
        """An order may have no list of invoices at all."""
        assert [] == against(document(packageAttachment=odd))

    @pytest.mark.parametrize("odd", [None, ["odd"], [{"id": None, "quantity": 2}]])
    def test_odd_items(self, odd: Any) -> None:
        """Where the order shows no item that can be read, every SKU is unknown."""
        assert ["SKU 4101 is not in the order", "SKU 4102 is not in the order"] == [
            text for text, _ in against(document(items=odd))
        ]

    def test_no_sku(self) -> None:
        """An item without a SKU is none, not one that is called None."""
        nameless = [*document()["items"], {"id": None, "quantity": 1}]

        assert "SKU None is not in the order" in [
            text for text, _ in against(document(items=nameless), items=[SHIRT, MUG, {**MUG, "id": "None"}])
        ]


class TestRest:
    """An invoice for all items is one for the whole value, and the other way about."""

    def test_every_item_for_less(self) -> None:
        """Every item is invoiced, and something of the value is left."""
        [(text, overridden_by)] = against(document(), invoiceValue="9999")

        assert DIFFERING == overridden_by
        assert "every item is invoiced, for 9999 cents in all; the order's value is 10000" in text

    def test_together_with_others(self) -> None:
        """The same where other invoices hold the rest of the items."""
        shown = document(package("901", 7_999, items=[{"itemIndex": 0, "quantity": 2}]))
        mug = {"invoiceValue": "2000", "items": [MUG]}

        assert [True] == ["every item" in text for text, _ in against(shown, **mug)]
        shown["packageAttachment"]["packages"][0]["invoiceValue"] = 8_000
        assert [] == against(shown, **mug)

    def test_whole_value_without_every_item(self) -> None:
        """The whole value on an invoice that lacks an item."""
        [(text, overridden_by)] = against(document(), items=[SHIRT])

        assert DIFFERING == overridden_by
        assert "whole value is invoiced, 10000 cents, but not every item" in text

    def test_part(self) -> None:
        """A part of the items for a part of the value is sound."""
        assert [] == against(document(), invoiceValue="8000", items=[SHIRT])

    def test_value_unknown(self) -> None:
        """Without the order's value only that is told."""
        assert 1 == len(against(document(value=None)))


class TestShown:
    """Whether the order shows the invoice that was posted."""

    @pytest.mark.parametrize(
        ("there", "posted", "expected"),
        [
            (package("900"), {}, True),
            (package(" 900 "), {}, True),
            (package("900"), {"invoiceNumber": " 900"}, True),
            (package("900", invoiceKey=KEY), {"invoiceKey": KEY}, True),
            (package("900"), {"invoiceKey": KEY}, True),
            (package("900", invoiceKey=KEY), {}, True),
            (package("900", invoiceKey=OTHER_KEY), {"invoiceKey": KEY}, False),
            (package("900", 9_999), {}, False),
            (package("900", kind="Input"), {}, False),
            (package("901"), {}, False),
        ],
    )
    def test_shows(self, there: dict[str, Any], posted: dict[str, Any], expected: bool) -> None:
        """Its number, its type, its value, and its key where both tell one."""
        assert expected is shows(read_order(document(there)), bill(**posted))

    def test_bearing(self) -> None:
        """Sales and returns of that number, in VTEX's order."""
        order = read_order(document(package("900"), package("901"), package("900", 1, "Input")))

        assert ["Output", "Input"] == [one.kind for one in bearing(order, BILL)]


def test_cannot_be_lifted() -> None:
    """An objection stands unless it says what lifts it."""
    assert None is Objection("no").overridden_by


class TestAsSent:
    """What VTEX documents as text is sent as text."""

    def test_numbers(self):
        """Value and SKUs as numbers become text; a description that is null goes."""
        sent = as_sent(bill(invoiceValue=10_000, items=[{**SHIRT, "id": 4101, "description": None}, MUG]))

        assert ("10000", [SHIRT, MUG]) == (sent["invoiceValue"], sent["items"])


class TestWarnings:
    NOW = datetime(2026, 11, 20, 13, tzinfo=UTC).timestamp()

    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({}, []),
            (
                {"issuanceDate": "2026-11-21T13:00:01"},
                ["$.issuanceDate: 2026-11-21T13:00:01 lies more than a day ahead"],
            ),
            ({"invoiceValue": "6000"}, ["$.invoiceValue: 6000 cents count each item once, whatever its quantity"]),
        ],
    )
    def test_unusual(self, changed, expected):
        """A date far ahead, and a value that counts each item once, are told; they are posted all the same."""
        assert expected == warnings(bill(**changed), now=self.NOW)
