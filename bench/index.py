"""An index look-up among a million invoices against one among ten thousand: both must cost the same."""

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from bench import servers
from bench.look import NUMBERS, on_postgres, on_sqlite
from bench.table import Row, Wanted
from receiver.store import Database, Index
from receiver.vtex.facts import ISSUER

FEW = 10_000
_AS_AMONG_FEW = Wanted("ratio", most=1.5)
_LEARNT = """
INSERT INTO orders (account, kind, value, order_id, invoice_number, learnt_at, dated_at)
{numbers} SELECT 'bench', '{kind}', '{kind}' || i, i || '-01', i || '', 1.0, 1.0 FROM n
"""
_WAITING = """
INSERT INTO waits (account, kind, value, shipment)
{numbers} SELECT 'bench', 'order_id', i || '-01', 'melhor-envio/' || i FROM n
"""
_ISSUED = """
INSERT INTO orders (account, kind, value, order_id, invoice_number, learnt_at, dated_at)
{numbers} SELECT 'bench', '{kind}', '{issuer}', i || '-01', i || '', 1.0, 1.0 FROM n
"""
ISSUED_BY = "11222333000144"
KINDS = ("invoice_number", "invoice_key", "tracking_number")


def figures(*, short: bool) -> Iterator[Row]:
    """Four look-ups in each database."""
    many, looks = (20_000, 100) if short else (1_000_000, 2_000)
    for name, opened in (("SQLite", on_sqlite), ("PostgreSQL", on_postgres)):
        try:
            with opened() as few, opened() as full:
                fill(few, FEW)
                fill(full, many)
                yield from _rows(f"{name}, {many:,} invoices", few, full, many, looks)
        except servers.NotHere as error:
            yield Row(figure=f"index: {name}", measured=None, wanted=_AS_AMONG_FEW, note=str(error))


def _rows(store: str, few: Database, full: Database, many: int, looks: int) -> Iterator[Row]:
    for name, look in LOOKS.items():
        baseline, measured = timed(look, {few: FEW, full: many}, looks=looks)
        yield Row(
            figure=f"{name}: {store}",
            measured=statistics.median(measured),
            baseline=statistics.median(baseline),
            unit="ms",
            wanted=_AS_AMONG_FEW,
        )


def _known(index: Index, number: int) -> None:
    assert index.orders_named("bench", "invoice_key", f"invoice_key{number}")


def _unknown(index: Index, number: int) -> None:
    assert not index.orders_named("bench", "invoice_key", f"no{number}")


def _waited_for(index: Index, number: int) -> None:
    names = [("order_id", f"{number}-01"), ("order_id", f"{number}"), ("order_group", f"{number}")]
    assert index.waited_for("bench", names)


def _issuers(index: Index, _: int) -> None:
    assert not index.has_other_issuer("bench", ISSUED_BY)


#: The timed look-ups, at one invoice after another.
LOOKS: dict[str, Callable[[Index, int], None]] = {
    "known key": _known,
    "unknown key": _unknown,
    "who waits for an order": _waited_for,
    "another issuer": _issuers,
}


def timed(look: Callable[[Index, int], None], stores: dict[Database, int], *, looks: int) -> list[list[float]]:
    """The times of the look-ups in each store, in milliseconds. The stores take turns, so a noisy moment hits all."""
    pairs = [(Index(store), many, list[float]()) for store, many in stores.items()]
    for turn in range(looks + 20):
        for index, many, times in pairs if turn % 2 else reversed(pairs):
            number = turn * 7_919 % many + 1
            begun = time.perf_counter()
            look(index, number)
            times.append((time.perf_counter() - begun) * 1e3)
    return [times[20:] for _, _, times in pairs]


def fill(database: Database, invoices: int) -> None:
    """Add invoices of one issuer, each with number, key and tracking number, and a shipment that waits for its
    order."""
    numbers = NUMBERS.format(rows=invoices)
    statements = [_LEARNT.format(numbers=numbers, kind=kind) for kind in KINDS]
    statements += [_ISSUED.format(numbers=numbers, kind=ISSUER, issuer=ISSUED_BY), _WAITING.format(numbers=numbers)]
    for statement in statements:
        database.write(partial(_execute, statement), deadline=300)
    if not database.is_sqlite:
        servers.vacuum(database.url)


def _execute(statement: str, connection: Any) -> None:
    connection.exec_driver_sql(statement)
