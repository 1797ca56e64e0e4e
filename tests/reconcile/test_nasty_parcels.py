"""Thousands of parcels as carriers tell of them, each with the truth beside it: labels of returns and exchanges, orders
of other sellers, bare sequences, text around the order id, several parcels of one order. Nothing is written to an order
that is not the parcel's, nor to the sale for a parcel that comes back.

More of them, under several seeds: ``make bench ARGS="--only wrong"``.
"""

from collections import Counter

import pytest

from receiver.reconcile.dry_run import Decided
from tests.support.nasty_parcels import Case, judged, wrong

PARCELS, SEED = 2_000, 20_261_129


@pytest.fixture(scope="module")
def ends() -> list[tuple[Case, Decided]]:
    print(f"{PARCELS} parcels of seed {SEED}")
    return list(judged(PARCELS, SEED))


def test_no_write_to_a_wrong_invoice(ends):
    """Of all PATCHes none goes where the parcel does not belong, and none at all is made for what comes back."""
    assert [] == wrong(ends)


def test_clear_ones_are_written(ends):
    """Holding everything would be safe and useless: a sale's parcel whose invoice is certain is written."""
    assert [] == [(case, end) for case, end in ends if case.clear and not end.patch]
    assert sum(case.clear for case, _ in ends) >= PARCELS // 8


def test_all_the_nastiness_is_there(ends):
    """Each kind comes up, and what is not written is held or waits for a reason."""
    kinds = Counter(case.kind for case, _ in ends)
    assert {"sale", "reverse", "unknown text", "bare sequence", "other seller"} == kinds.keys()
    assert min(kinds.values()) >= 30
    assert {None} != {end.reason for _, end in ends if not end.patch}
    assert None not in {end.reason for _, end in ends if not end.patch}
