"""Parcels as carriers tell of them, each with the truth beside it, and where they end: labels of returns and exchanges,
orders of other sellers, bare sequences, text around the order id, several parcels of one order."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters import Request
from receiver.config import Endpoint
from receiver.intake import read
from receiver.reconcile.dry_run import Decided, decided
from receiver.shipments import Update
from tests.support.configs import config
from tests.support.rig import order, package, posted

#: Texts around an order id: the parcel is the sale's (``True``), it comes back (``False``), or it cannot be known.
AROUND = (
    *(("{}", True), ("VTEX-{}", True), ("{}-1", True), ("loja {}", True), ("Pedido {}", True), ("pedido: {}", True)),
    *(("TROCA {}", False), ("{}-troca", False), ("Devolução {}", False), ("RMA {}", False), ("{} exchange", False)),
    *(("reversa-{}", False), ("cambio {}", False), ("return {}", False)),
    *(("ZX9 {}", None), ("{} lote 7", None)),
)
RULES = (
    {"path": "data.order", "is": "order_id"},
    {"path": "data.sequence", "is": "sequence"},
    {"path": "data.own_number", "is": "order_id"},
    {"path": "data.invoice", "is": "invoice_number"},
)


@dataclass(frozen=True, slots=True)
class Case:
    """``right`` is the only place where this parcel's number may be written; ``clear``: it must be."""

    payload: dict[str, Any]
    orders: dict[str, Any]
    right: tuple[str, str] | None
    clear: bool
    kind: str


def _sold_by(seller: str, account: str | None) -> dict[str, Any]:
    address = f"http://fulfillment.vtexcommerce.com.br/api/fulfillment?an={account}" if account else None
    return {"sellers": [{"id": seller, "name": seller, "fulfillmentEndpoint": address}]}


def nasty(chance: random.Random) -> Case:
    """One parcel, and the orders that VTEX has."""
    number = chance.randrange(10**12, 10**13)
    order_id, other_id = f"{number}-01", f"{number + 1}-01"
    invoices = [str(chance.randrange(100, 10**6)) for _ in range(chance.choice([1, 1, 1, 2, 3]))]
    complete = chance.random() < 0.85
    packages = [package(one, value=10_000 // len(invoices) if complete else 10) for one in invoices]
    seller = chance.choice([{}] * 6 + [_sold_by("1", "lux"), _sold_by("outlet", "outlet"), _sold_by("shop", None)])
    elsewhere = seller == _sold_by("outlet", "outlet")
    sequence = str(chance.randrange(500_000, 999_999))
    its = order(order_id, *packages, sequence=sequence, **seller)
    if complete:
        its["value"] = sum(one["invoiceValue"] for one in packages)
        its["status"] = "invoiced"
    strange = order(other_id, package("77"), sequence=str(int(sequence) + 1))
    said: dict[str, Any] = {}
    names_invoice = chance.random() < 0.5
    right = (order_id, chance.choice(invoices))
    if names_invoice:
        said["invoice"] = right[1]
    way = chance.random()
    if way < 0.15:  # an ERP's own order number looks like another order's sequence
        said["own_number"] = chance.choice([sequence, strange["sequence"]])
        kind = "bare sequence"
        known = said["own_number"] == sequence and names_invoice
        return Case(posted(None, **said), _of(its, strange), right if known and not elsewhere else None, False, kind)
    around, is_sale = chance.choice(AROUND)
    said["order"] = around.format(order_id)
    if chance.random() < 0.1:
        said["reverse"], is_sale = True, False
    sure = names_invoice or len(invoices) == 1
    goes = is_sale is True and not elsewhere and sure
    kind = "sale" if is_sale else "reverse" if is_sale is False else "unknown text"
    clear = goes and complete
    payload = posted(None, **said)
    return Case(payload, _of(its, strange), right if goes else None, clear, kind if not elsewhere else "other seller")


def _of(*orders: dict[str, Any]) -> dict[str, Any]:
    return {one["orderId"]: one for one in orders}


def _endpoint() -> Endpoint:
    settings = {
        "carrier": "melhor_envio",
        "secrets": ["rig-secret"],
        "references": [dict(rule) for rule in RULES],
        "reverse": [{"path": "data.reverse"}],
    }
    return config(endpoints={"melhor-envio": settings}).endpoints["melhor-envio"]


def judged(parcels: int, seed: int) -> Iterator[tuple[Case, Decided]]:
    """Parcels and their ends; the seed makes every run the same."""
    chance, endpoint, now = random.Random(seed), _endpoint(), datetime(2026, 11, 18, 12, tzinfo=UTC)
    for _ in range(parcels):
        case = nasty(chance)
        body = json.dumps(case.payload).encode()
        request = Request(
            method="POST", path="/webhooks/melhor-envio", query="", headers={}, body=body, received_at=now
        )
        [shipment] = read(endpoint, request).shipments
        updates = [Update(shipment=shipment, received_at=now, digest="")]
        yield case, decided("melhor-envio/p1", updates, endpoint, None, orders=case.orders, now=now.timestamp())


def place(end: Decided) -> tuple[str, str] | None:
    return (end.patch["order"], end.patch["invoice"]) if end.patch else None


def wrong(ends: list[tuple[Case, Decided]]) -> list[tuple[Case, Decided]]:
    return [(case, end) for case, end in ends if end.patch and place(end) != case.right]
