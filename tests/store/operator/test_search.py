"""A person finds a parcel by any number that they have at hand."""

import pytest
from sqlalchemy import select

from receiver.store import Database, Index, Link
from receiver.store.operator.fields import listed_shipment
from receiver.store.operator.search import of_order, search
from receiver.store.tables import waits
from receiver.vtex.facts import Fact
from tests.support.rig import Rig, order, package, posted
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NF 41001", ["ep/a"]), ("41.001", ["ep/a"]), ("NF-e nº 000.041.001", ["ep/a"]), ("nota: 41001.", ["ep/a"]),
        ("pedido 1-01", ["ep/a", "ep/b"]), ("1 - 01", ["ep/a", "ep/b"]), ("#1-01", ["ep/a", "ep/b"]),
        ("código TN-9", ["ep/other"]), ("NF 41001 e 41002", []), ("NF 77", []), ("4.1001", []),
    ],
)  # fmt: skip
def test_read_out(stocked: Database, text: str, expected: list[str]) -> None:
    """One number is found as people read it out: behind a word, with spaces around its hyphen, with thousands set
    apart. Of two numbers none is meant."""
    assert expected == list(search(stocked, text, ["lux"]))


@pytest.mark.parametrize("text", ["TN-1 BR", "ep/a", "a"])
def test_one_parcel(stocked: Database, text: str) -> None:
    """A parcel's own number or id finds that parcel, and not the others of its order, although the order is known by
    the number, too. So a decision is about no more parcels than were named."""
    facts = [Fact("tracking_number", one, "1-01", "0041001") for one in ("TN-1 BR", "TN1BR")]
    Index(stocked).learn("lux", facts, now=NOW)
    add_shipments(stocked, "ep/new", order_id="1-01", state="due")
    Index(stocked).link("lux", [Link((("tracking_number", "TN1BR"), ("shipment", "ep/a")), "1-01")], now=NOW)

    assert ("ep/a",) == search(stocked, text, ["lux"], ["other", "ep"])


def test_other_numbers(stocked: Database) -> None:
    """A stuck parcel is found by each number that it has, and so is the one that bears the number as its only one."""
    row = {"account": "lux", "kind": "tracking_number", "value": "TN2", "shipment": "ep/waits"}
    stocked.write(lambda connection: connection.execute(waits.insert(), row))

    assert {"ep/b", "ep/waits"} == set(search(stocked, "tn2", ["lux"]))


def test_order_named_like_a_parcel(stocked: Database) -> None:
    """Where the carrier's own id is the order's, all parcels of the order are found."""
    add_shipments(stocked, "ep/1-01", state="due")

    assert {"ep/1-01", "ep/a", "ep/b"} == set(search(stocked, "1-01", ["lux"], ["ep"]))


def test_carriers_id(stocked: Database) -> None:
    """The carrier's own id finds its parcel at the endpoints that are named, and nowhere else."""
    assert (("ep/other",), ()) == (search(stocked, "other", [], ["ep"]), search(stocked, "other", [], ["x"]))


def test_of_order(stocked: Database) -> None:
    """An order has its shipments, and those without an order that wait for it in any account."""
    rows = [
        {"account": account, "kind": kind, "value": order, "shipment": f"ep/{key}"}
        for account, kind, order, key in [
            ("outlet", "order_id", "1-01", "far"), ("lux", "order_id", "1-01", "other"),
            ("lux", "sequence", "1-01", "waits"), ("alpha", "order_id", "9-01", "far"),
        ]
    ]  # fmt: skip
    add_shipments(stocked, "ep/far", state="awaiting_order", account="outlet")
    stocked.write(lambda connection: connection.execute(waits.insert(), rows))

    assert {"ep/a", "ep/b", "ep/far"} == set(of_order(stocked, "1-01"))
    assert (("ep/waits",), ("ep/far",), ()) == tuple(of_order(stocked, one) for one in ("3-01", "9-01", "4-01"))


def test_other_accounts(stocked: Database) -> None:
    """The index is asked for the configured accounts alone."""
    assert () == search(stocked, "41001", ["outlet"])
    assert () == search(stocked, "41001", [])
    assert ("ep/a",) == search(stocked, "TN1BR", [])


def test_linked(stocked: Database) -> None:
    """A number that a link names leads to the parcels of the link's order."""
    Index(stocked).link("lux", [Link((("tracking_number", "X5"),), "2-01")], now=NOW)

    assert ("ep/other",) == search(stocked, "x-5", ["lux"])


class TestNamedByTheCarrier:
    """A parcel whose carrier names an order is found by it before it has come there."""

    def found(self, rig: Rig) -> tuple[tuple[str, ...], ...]:
        return search(rig.database, "1-01", ["lux"]), of_order(rig.database, "1-01")

    def test_not_dispatched(self, rig_on_either: Rig) -> None:
        """Its label is made, and the carrier does not have it yet; no list says that it waits for the order."""
        rig = rig_on_either
        rig.post(posted(event="order.generated"))
        rig.work()

        ids = ("melhor-envio/p1",)
        assert ("waiting", "not_dispatched") == (rig.shipment()["state"], rig.shipment()["reason"])
        assert (ids, ids) == self.found(rig)
        (awaited,) = rig.database.rows(select(*listed_shipment()))
        assert None is awaited["awaited_order"]

    @pytest.mark.parametrize("text", ["1-01", "TN1BR"])
    def test_not_looked_at(self, rig_on_either: Rig, text: str) -> None:
        """No worker has looked at it, as while an account is paused: what its delivery says finds it, exactly so."""
        rig = rig_on_either
        rig.post(posted())
        assert [("melhor-envio/p1",), ()] == [search(rig.database, word, ["lux"]) for word in (text, text[:-1])]

        rig.work()
        assert ("melhor-envio/p1",) == search(rig.database, text, ["lux"])

    def test_outage(self, rig_on_either: Rig) -> None:
        """VTEX does not answer. Once the parcel is written, its order finds it as before, and nothing is left."""
        rig = rig_on_either
        rig.faults(server_error=1.0)
        rig.post(posted())
        rig.work()

        ids = ("melhor-envio/p1",)
        assert ("due", "vtex_unavailable") == (rig.shipment()["state"], rig.shipment()["reason"])
        assert (ids, ids) == self.found(rig)
        rig.faults()
        rig.add_order(order("1-01", package("A")))
        rig.works_until(3600)
        assert ("in_step", (ids, ids)) == (rig.shipment()["state"], self.found(rig))
        assert [] == list(rig.database.rows(select(waits)))
