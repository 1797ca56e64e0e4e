"""Orders to be invoiced, and someone who invoices them."""

from typing import Any

import pytest
from sqlalchemy import select

from receiver.http import Http
from receiver.operations.invoicing import Invoicing, NotPosted, Posted
from receiver.store.tables import attempts
from receiver.vtex.client import Vtex
from tests.support.rig import Rig, order

ITEMS = [{"id": "4101", "quantity": 2}, {"id": "4102", "quantity": 1}]
INVOICE: dict[str, Any] = {
    "type": "Output",
    "issuanceDate": "2026-11-17T10:00:00-03:00",
    "invoiceNumber": "900",
    "invoiceValue": "10000",
    "items": [{"id": "4101", "price": 4000, "quantity": 2}, {"id": "4102", "price": 2000, "quantity": 1}],
}
RETURN = {**INVOICE, "type": "Input", "invoiceNumber": "D1"}
HALF = {**INVOICE, "invoiceValue": "5000", "items": [{"id": "4101", "price": 4000, "quantity": 1}]}


class InvoicingDriver:
    """Someone who invoices orders on the rig's clock: what he would wait for passes at once."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.slept: list[float] = []
        self.vtex = Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)
        self.invoicing = Invoicing(rig.database, self.vtex, clock=lambda: rig.now, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.rig.now += seconds

    @property
    def waited(self) -> list[float]:
        """Between looks; the account's pace takes less than a second."""
        return [seconds for seconds in self.slept if seconds >= 1]

    def post(self, invoice: dict[str, Any] = INVOICE, *overrides: Any) -> Posted:
        return self.invoicing.post("1-01", invoice, overrides)

    def refused(self, invoice: dict[str, Any] = INVOICE, *overrides: Any) -> list[str]:
        """Why it is not posted; VTEX has seen no POST."""
        before = len(self.rig.calls("POST"))
        with pytest.raises(NotPosted) as refusal:
            self.post(invoice, *overrides)
        assert before == len(self.rig.calls("POST"))
        return list(refusal.value.reasons)

    @property
    def rehearsed_url(self) -> str:
        """Where a rehearsal would post to."""
        return f"{self.rig.vtex_url}/api/oms/pvt/orders/1-01/invoice"

    def outcomes(self) -> list[tuple[str, str | None]]:
        """Every call that was written down, and its end."""
        rows = self.rig.database.rows(select(attempts).order_by(attempts.c.id))
        return [(row["call"], row["outcome"]) for row in rows]


def an_order(*packages: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return order("1-01", *packages, **{"items": ITEMS, "status": "handling", **rest})
