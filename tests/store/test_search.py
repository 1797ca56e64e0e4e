"""A person finds a parcel by any number that they have at hand."""

import pytest

from receiver.store import Database, Index, Link
from receiver.store.search import search
from receiver.store.tables import waits
from receiver.vtex.facts import Fact
from tests.support.store_cases import NOW, add_shipments

KEY = "35261111222333000144550010000041001123456789"


@pytest.fixture
def stocked(database: Database) -> Database:
    """Two parcels of an order with two invoices, one that waits, and one of another order."""
    of = {"order_id": "1-01", "state": "in_step", "due_at": None}
    add_shipments(database, "ep/a", tracking_number="TN-1 BR", invoice_number="0041001", changed_at=NOW + 2, **of)
    add_shipments(database, "ep/b", tracking_number="TN2", invoice_number="41002", changed_at=NOW + 1, **of)
    add_shipments(database, "ep/waits", state="awaiting_order", due_at=None)
    add_shipments(database, "ep/other", tracking_number="TN9", order_id="2-01", changed_at=NOW + 3)
    facts = [
        Fact("invoice_number", "41001", "1-01", "0041001"), Fact("invoice_key", KEY, "1-01", "0041001"),
        Fact("invoice_number", "41002", "1-01", "41002"), Fact("order_group", "1", "1-01"),
        Fact("sequence", "500123", "1-01"), Fact("marketplace_order_id", "MKT-7", "2-01"),
    ]  # fmt: skip
    Index(database).learn("lux", facts, now=NOW)
    row = {"account": "lux", "kind": "order_id", "value": "3-01", "shipment": "ep/waits"}
    database.write(lambda connection: connection.execute(waits.insert(), row))
    return database


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ep/a", ["ep/a"]), ("tn 1-br", ["ep/a"]), ("TN1BR", ["ep/a"]), (" 1-01 ", ["ep/a", "ep/b"]),
        ("41001", ["ep/a"]), ("000041001", ["ep/a"]), (KEY, ["ep/a"]), (f"NFe{KEY}", ["ep/a"]),
        ("1", ["ep/a", "ep/b"]), ("seq500123", ["ep/a", "ep/b"]), ("500123", ["ep/a", "ep/b"]),
        ("MKT-7", ["ep/other"]), ("3-01", ["ep/waits"]), ("nothing", []), ("", []), ("- .", []), ("%", []),
    ],
)  # fmt: skip
def test_found(stocked: Database, text: str, expected: list[str]) -> None:
    """By id, tracking number in any notation, order, purchase, sequence, marketplace's id, invoice number and key; the
    latest change first. Of an invoice's number, only that invoice's parcel."""
    assert expected == list(search(stocked, text, ["lux"]))


def test_other_accounts(stocked: Database) -> None:
    """The index is asked for the configured accounts alone."""
    assert () == search(stocked, "41001", ["outlet"])
    assert () == search(stocked, "41001", [])
    assert ("ep/a",) == search(stocked, "TN1BR", [])


def test_linked(stocked: Database) -> None:
    """A number that a link names leads to the parcels of the link's order."""
    Index(stocked).link("lux", [Link((("tracking_number", "X5"),), "2-01")], now=NOW)

    assert ("ep/other",) == search(stocked, "x-5", ["lux"])
