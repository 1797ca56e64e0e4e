"""Thousands of nasty orders, each with the truth beside it: no PATCH ever reaches another parcel's invoice.

More of them, under several seeds: ``make bench ARGS="--only wrong"``.
"""

from collections import Counter
from typing import Any

import pytest

from receiver.vtex.writes import Agreed, Keep, Write
from tests.support.nasty_orders import Case, has_paddings, judgements, told_number, wrong

ORDERS, SEED = 8_000, 20261118


@pytest.fixture(scope="module")
def judged() -> list[tuple[Case, Any]]:
    print(f"{ORDERS} orders of seed {SEED}")
    return judgements(ORDERS, SEED)


def test_no_write_reaches_a_wrong_invoice(judged):
    """Of all PATCHes none goes to an invoice that is not the parcel's, nor is a parcel called settled on one."""
    assert [] == wrong(judged)


def test_no_write_tells_another_number(judged):
    """Each PATCH tells this parcel's number, in VTEX's own notation where it stands there, and beside it only that of a
    parcel it shares the invoice with."""
    written = [(case, decision) for case, decision in judged if isinstance(decision, Write)]

    assert [] == [
        (case, decision) for case, decision in written if decision.body["trackingNumber"] != told_number(case)
    ]


def test_nothing_is_kept_on_a_wrong_invoice(judged):
    """A parcel that leaves an invoice as it is leaves its own one."""
    kept = [(case, decision) for case, decision in judged if isinstance(decision, Keep)]

    assert [] == [(case, d) for case, d in kept if d.choice.package.invoice_number != case.truth.stored]


def test_most_of_what_can_be_written_is_written(judged):
    """Holding everything would be safe and useless: every clear order is written, most true invoices are reached."""
    reached = [case for case, decision in judged if isinstance(decision, Write | Agreed)]
    possible = [case for case, _ in judged if case.right is not None]
    missed = [decision for case, decision in judged if case.clear and not isinstance(decision, Write | Agreed)]
    print(f"{ORDERS} orders: {len(possible)} with the right invoice there, {len(reached)} reached, 0 wrong")

    assert [] == missed
    assert len(reached) >= 0.5 * len(possible)
    assert len(reached) >= 2_000


def test_the_orders_are_nasty(judged):
    """Every rule decides some of them, every reason to wait or hold comes up, and all the nastiness is there."""
    rules = Counter(decision.choice.rule for _, decision in judged if isinstance(decision, Write))
    reasons = Counter(decision.reason for _, decision in judged if not isinstance(decision, Write | Agreed))
    print(dict(rules), dict(reasons))

    assert {
        *("assigned", "link", "invoice_number", "invoice_number_case", "invoice_number_digits", "number_and_series"),
        *("invoice_key", "key_number", "tracking_number", "own_invoice"),
        *("only_open_invoice", "last_open_invoice", "only_invoice"),
    } == rules.keys()
    assert {
        *("no_invoice", "only_return_invoices", "invoice_not_there", "partly_invoiced", "order_cancelled"),
        *("ambiguous_invoice", "ambiguous_reference", "unsafe_invoice_number", "second_parcel", "number_differs"),
        "already_delivered",
        *("shared_invoice_number", "other_parcel", "number_changed", "named_invoice_missing", "unknown_package_type"),
    } == reasons.keys()
    assert min(*rules.values(), *reasons.values()) >= 5
    packages = Counter(len(case.document["packageAttachment"]["packages"]) for case, _ in judged)
    assert {0, 1, 2, 3, 4, 5} <= packages.keys()
    partly = [case for case, _ in judged if any(not invoice.there for invoice in case.invoices)]
    padded = [case for case, _ in judged if has_paddings(case)]
    assert min(len(partly), len(padded), sum(case.cancelled for case, _ in judged)) >= 100
