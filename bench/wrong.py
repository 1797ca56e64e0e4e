"""Writes to a wrong invoice, over thousands of nasty orders and parcels, and what else is untrue at the end of whole
worlds. The seeds make each run the same."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.table import Row, Wanted
from receiver.store import migrate
from receiver.vtex.writes import Agreed, Write
from tests.support import nasty_orders, nasty_parcels
from tests.support.rig import Rig
from tests.support.worlds import World

SEEDS = (7, 42, 2026, 20_261_129)
_NONE = Wanted("measured", least=0, most=0)


def figures(*, short: bool) -> Iterator[Row]:
    """For each seed a row of orders with several invoices, and one of parcels as carriers tell of them; then a row of
    whole worlds."""
    before = logging.root.manager.disable
    logging.disable()  # a hold is a warning, and thousands are held
    try:
        for seed in SEEDS:
            yield _orders(200 if short else 5_000, seed)
            yield _parcels(100 if short else 2_500, seed)
        yield _worlds(3 if short else 250)
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


def _worlds(many: int) -> Row:
    """Their seeds are none of the tests'."""
    seeds = range(1_000, 1_000 + many)
    untrue = [seed for seed in seeds if _is_untrue(seed)]
    note = f"{many:,} worlds of orders, parcels, carriers, faults and a person"
    if untrue:
        note += f"; untrue at the end: seeds {', '.join(map(str, untrue))} of tests/support/worlds.py"
    return Row(figure="untrue worlds", measured=float(len(untrue)), wanted=_NONE, note=note)


def _is_untrue(seed: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        url = f"sqlite:///{folder}/world.sqlite"
        migrate(url)
        with Rig(Path(folder), url) as rig:
            return bool(World(rig, seed).run())


def _row(what: str, many: int, seed: int, wrong: int, reached: int) -> Row:
    note = f"{many:,} {what}, {reached:,} of them reach an invoice"
    return Row(figure=f"on a wrong invoice: {what}, seed {seed}", measured=float(wrong), wanted=_NONE, note=note)
