"""Writes to a wrong invoice, over thousands of nasty orders and parcels. The seeds make each run the same."""

import logging
from collections.abc import Iterator

from bench.table import Row, Wanted
from receiver.vtex.writes import Agreed, Write
from tests.support import nasty_orders, nasty_parcels

SEEDS = (7, 42, 2026, 20_261_129)
_NONE = Wanted("measured", least=0, most=0)


def figures(*, short: bool) -> Iterator[Row]:
    """For each seed a row of orders with several invoices, and one of parcels as carriers tell of them."""
    before = logging.root.manager.disable
    logging.disable()  # a hold is a warning, and thousands are held
    try:
        for seed in SEEDS:
            yield _orders(200 if short else 5_000, seed)
            yield _parcels(100 if short else 2_500, seed)
    finally:
        logging.disable(before)


def _orders(many: int, seed: int) -> Row:
    decided = nasty_orders.judgements(many, seed)
    reached = sum(isinstance(decision, Write | Agreed) for _, decision in decided)
    return _row("orders", many, seed, len(nasty_orders.wrong(decided)), reached)


def _parcels(many: int, seed: int) -> Row:
    ends = list(nasty_parcels.judged(many, seed))
    reached = sum(end.patch is not None for _, end in ends)
    return _row("parcels", many, seed, len(nasty_parcels.wrong(ends)), reached)


def _row(what: str, many: int, seed: int, wrong: int, reached: int) -> Row:
    note = f"{many:,} {what}, {reached:,} of them reach an invoice"
    return Row(figure=f"on a wrong invoice: {what}, seed {seed}", measured=float(wrong), wanted=_NONE, note=note)
