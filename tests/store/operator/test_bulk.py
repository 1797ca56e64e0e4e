"""A filter means the same shipments in lists, counts and decisions about many."""

from typing import Any

import pytest

from receiver.store import Database
from receiver.store.operator.bulk import BulkDecisions
from receiver.store.operator.listed import Listed
from receiver.store.operator.listings import Ask, Count, Listings
from receiver.store.operator.shipment_filter import ShipmentFilter
from tests.support.store_cases import NOW, add_shipments, shipment

#: Filters, and the shipments of `several` that each means, the latest change first.
MEANT: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["ep/7", "ep/6", "ep/5", "ep/4", "ep/3", "ep/2", "ep/1"]),
    ({"state": "held"}, ["ep/5", "ep/4", "ep/1"]),
    ({"reason": "second_parcel"}, ["ep/6", "ep/5", "ep/1"]),
    ({"state": "held", "reason": "second_parcel"}, ["ep/5", "ep/1"]),
    ({"state": "in_step", "reason": "internal_error"}, ["ep/7"]),
    ({"account": "outlet"}, ["ep/6", "ep/4"]),
    ({"account": "outlet", "state": "held"}, ["ep/4"]),
    ({"account": "outlet", "reason": "second_parcel"}, ["ep/6"]),
    ({"account": "outlet", "endpoints": ("b",)}, ["ep/4"]),
    ({"endpoints": ("a", "b")}, ["ep/4", "ep/3", "ep/2", "ep/1"]),
    ({"endpoints": ("b",), "state": "held"}, ["ep/4"]),
    ({"endpoints": ()}, []),
    ({"endpoints": (*map(str, range(30)), "b")}, ["ep/4", "ep/3"]),
    ({"since": NOW + 3, "until": NOW + 5}, ["ep/4", "ep/3"]),
    ({"number": "tn-1"}, ["ep/1"]),
    ({"number": "tn-1", "state": "due"}, []),
    ({"order_id": "1-01", "account": "outlet"}, ["ep/4"]),
    ({"order_id": "1-01", "order_ids": ("ep/4", "ep/2", "ep/9")}, ["ep/4", "ep/2"]),
    ({"order_id": "2-01", "order_ids": ("ep/4", "ep/2")}, ["ep/2"]),
    ({"order_id": "2-01", "order_ids": ()}, []),
    ({"ids": ("ep/2", "ep/9")}, ["ep/2"]),
    ({"ids": ()}, []),
]


@pytest.fixture
def several(database: Database) -> Database:
    """Seven shipments, each a second younger than the one before."""
    rows: list[dict[str, Any]] = [
        {"state": "held", "reason": "second_parcel", "endpoint": "a", "tracking_number": "TN1"},
        {"state": "due", "endpoint": "a"},
        {"state": "in_step", "endpoint": "b"},
        {"state": "held", "reason": "ambiguous_order", "endpoint": "b", "account": "outlet", "order_id": "1-01"},
        {"state": "held", "reason": "second_parcel", "endpoint": "c"},
        {"state": "kept", "reason": "second_parcel", "endpoint": "c", "account": "outlet"},
        {"state": "in_step", "reason": "internal_error", "endpoint": "c"},
    ]
    for number, row in enumerate(rows, start=1):
        add_shipments(database, f"ep/{number}", changed_at=NOW + number, **{"due_at": None, **row})
    return database


@pytest.mark.parametrize(("words", "expected"), MEANT)
def test_meant(several: Database, words: dict[str, Any], expected: list[str]) -> None:
    """The lists and the count of a bulk decision agree; a page after the first goes on where it ended."""
    of, listings = ShipmentFilter(**words), Listings(several)
    first = listings.shipments(Ask(2), of)
    rows, after = list(first.rows), first.next
    while after is not None:
        page = listings.shipments(Ask(2, after), of)
        rows, after = [*rows, *page.rows], page.next

    assert expected == [row["id"] for row in rows]
    assert expected == [row["id"] for row in Listed(several).shipments(of)]
    assert len(expected) == BulkDecisions(several).count("retry", of)


def test_counts(several: Database) -> None:
    """Counts by state, by the filter's other words; a state without any is left out."""
    counts = Listings(several).counts

    assert {"due": 1, "held": 3, "in_step": 2, "kept": 1} == many(counts(ShipmentFilter(state="held")))
    assert {"held": 1, "kept": 1} == many(counts(ShipmentFilter(account="outlet")))
    assert {"held": 1, "in_step": 1} == many(counts(ShipmentFilter(endpoints=("b",))))
    assert {"held": 1} == many(counts(ShipmentFilter(order_id="1-01")))


def test_counting_stops(several: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count costs the same, no matter how many there are: it stops, and says so."""
    monkeypatch.setattr("receiver.store.operator.listings.MOST_COUNTED", 2)
    monkeypatch.setattr("receiver.store.operator.listings.LOOKS_AT", 2)
    counts = Listings(several).counts

    assert Count(2, is_whole=False) == counts(ShipmentFilter())["held"]
    assert Count(1, is_whole=True) == counts(ShipmentFilter())["due"]
    assert Count(1, is_whole=True) == counts(ShipmentFilter(account="outlet"))["held"]
    assert Count(0, is_whole=False) == counts(ShipmentFilter(account="outlet", reason="second_parcel"))["held"]


def test_decide(several: Database) -> None:
    """A decision about many changes those that are meant, and no other."""
    many_at_once = BulkDecisions(several)

    assert 2 == many_at_once.decide("dismiss", ShipmentFilter(state="held", reason="second_parcel"), now=NOW + 9)
    assert 1 == many_at_once.decide("retry", ShipmentFilter(state="held"), now=NOW + 9)
    assert 0 == many_at_once.decide("retry", ShipmentFilter(state="held"), now=NOW + 9)
    states = [shipment(several, f"ep/{number}")["state"] for number in range(1, 8)]
    assert ["dismissed", "due", "in_step", "due", "dismissed", "kept", "in_step"] == states


def test_dismissed_already(several: Database) -> None:
    """What is dismissed is not dismissed again, nor counted or shown as if it were; a retry opens it."""
    many_at_once, of = BulkDecisions(several), ShipmentFilter(endpoints=("c",))
    many_at_once.decide("dismiss", ShipmentFilter(state="held"), now=NOW + 9)

    shown = [row["id"] for row in many_at_once.examples("dismiss", of, most=9)]
    assert (2, ["ep/7", "ep/6"]) == (many_at_once.count("dismiss", of), shown)
    assert 3 == many_at_once.count("retry", of)
    assert 2 == many_at_once.decide("dismiss", of, now=NOW + 10)
    assert 3 == many_at_once.decide("retry", of, now=NOW + 11)


def many(counts: dict[str, Count]) -> dict[str, int]:
    assert all(count.is_whole for count in counts.values())
    return {state: count.many for state, count in counts.items()}
