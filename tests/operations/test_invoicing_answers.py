"""What `receiver invoice` makes of VTEX's odder ways: numbers posted again, refunds, answers that prove nothing."""

from typing import Any

import pytest

from receiver.vtex.answers import Refused, Rejected
from tests.support.invoicing import INVOICE, RETURN, InvoicingDriver, an_order
from tests.support.rig import package, posted

KEY = "35261112345678000195550010000009001123456789"


class TestAgain:
    """A number that is there is posted on a person's word; on what VTEX makes of that, its documents conflict."""

    @pytest.fixture
    def standing(self, driver: InvoicingDriver) -> InvoicingDriver:
        driver.rig.add_order(an_order(package("900", value=4_000)))
        return driver

    def test_receipt_only(self, standing: InvoicingDriver):
        """A receipt without a change is not told as the invoice."""
        assert "accepted" == standing.post(INVOICE, "replace").outcome
        assert 4_000 == standing.rig.package_of("1-01", "900")["invoiceValue"]

    def test_refused(self, standing: InvoicingDriver):
        """A refusal is told in VTEX's words."""
        standing.rig.faults(repost="refused")
        with pytest.raises(Rejected, match="the order has this invoice already"):
            standing.post(INVOICE, "replace")

    def test_replaced(self, standing: InvoicingDriver):
        """A replacement is seen."""
        standing.rig.faults(repost="replaced")
        assert "visible" == standing.post(INVOICE, "replace").outcome
        assert [10_000] == [one["invoiceValue"] for one in _packages(standing)]

    def test_doubled(self, standing: InvoicingDriver):
        """Two packages of one number are told apart by no one: a parcel is held there, for a person."""
        standing.rig.faults(repost="doubled")
        standing.post(INVOICE, "replace")
        standing.rig.post(posted())
        standing.rig.work()

        assert [4_000, 10_000] == [one["invoiceValue"] for one in _packages(standing)]
        row = standing.rig.shipment()
        assert ("held", "shared_invoice_number") == (row["state"], row["reason"])
        assert [] == standing.rig.calls("PATCH")

    @pytest.mark.parametrize(
        ("stands", "told", "outcome"),
        [
            (f"NFe{KEY}", KEY, "visible"),
            (KEY[:-1] + "1", KEY, "accepted"),
            (None, KEY, "visible"),
            (KEY, None, "visible"),
        ],
    )
    def test_other_key(self, driver: InvoicingDriver, stands: str | None, told: str | None, outcome: str):
        """An invoice of the same number and value but another key is not the one that was posted."""
        driver.rig.add_order(an_order(package("900", invoiceKey=stands)))

        assert outcome == driver.post({**INVOICE, "invoiceKey": told}, "replace").outcome


class TestProof:
    """What VTEX answers, and what it shows."""

    def test_empty_receipt(self, driver: InvoicingDriver):
        """An empty answer is a success without a receipt: the order shows it."""
        driver.rig.faults(empty_answers=True, methods=frozenset({"POST"}))
        posting = driver.post()

        assert ("visible", None) == (posting.outcome, posting.receipt)

    def test_unapplied(self, driver: InvoicingDriver):
        """A receipt for what was never applied is no invoice, and no leave to post again."""
        driver.rig.faults(unapplied=1.0)
        assert "accepted" == driver.post().outcome
        driver.rig.faults()
        [reason] = driver.refused()
        assert "VTEX accepted it" in reason

    def test_written_again(self, driver: InvoicingDriver):
        """What VTEX accepted and does not show yet is not posted beside, only since its file was written again."""
        driver.rig.faults(visible_after=600.0)
        assert "accepted" == driver.post().outcome

        corrected = {**INVOICE, "issuanceDate": "2026-11-17T10:00:01-03:00"}
        [reason] = driver.refused(corrected)
        assert "VTEX accepted it" in reason
        driver.rig.now += 600
        [reason] = driver.refused(corrected)
        assert "--replace" in reason

    @pytest.mark.parametrize("number", ["000900", " 900"])
    def test_another_writing(self, driver: InvoicingDriver, number: str):
        """Nor is it posted beside where its number is only written in another way."""
        driver.rig.faults(visible_after=600.0)
        assert "accepted" == driver.post().outcome

        [reason] = driver.refused({**INVOICE, "invoiceNumber": number})
        assert "VTEX accepted it" in reason

    def test_odd_order(self, driver: InvoicingDriver):
        """What GET shows in odd forms is seen all the same."""
        driver.rig.faults(odd_orders=True)
        assert "visible" == driver.post().outcome

    def test_too_much(self, driver: InvoicingDriver):
        """Above the order's value VTEX refuses, even where a person lets it pass."""
        with pytest.raises(Rejected, match="exceed the order's value"):
            driver.post({**INVOICE, "invoiceValue": "10001"}, "differing")


class TestReturn:
    """An ``Input`` invoice refunds."""

    @pytest.fixture
    def sold(self, driver: InvoicingDriver) -> InvoicingDriver:
        driver.rig.add_order(an_order(package("900"), status="invoiced"))
        return driver

    def test_more_than_was_paid(self, sold: InvoicingDriver):
        """VTEX refunds no more than was invoiced (KI-1380918), even where a person lets it pass."""
        with pytest.raises(Rejected, match="Unable to using the restitution Refund more than 10000"):
            sold.post({**RETURN, "invoiceValue": "10001"}, "return", "differing")

    def test_no_right(self, sold: InvoicingDriver):
        """Refunds need a right of their own."""
        sold.rig.faults(lacking=frozenset({"refund"}))
        with pytest.raises(Refused):
            sold.post(RETURN, "return")
        assert 1 == len(_packages(sold))


def _packages(driver: InvoicingDriver) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = driver.rig.sandbox.orders["1-01"]["packageAttachment"]["packages"]
    return found
