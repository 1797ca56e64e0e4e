"""Orders that VTEX tells of, and that cannot be read for the index."""

import pytest

from receiver.store.notify.conditions import Conditions
from receiver.timing import UNREAD_TRIES
from tests.support.rig import Rig, order, package
from tests.support.times import DAY, HOUR
from tests.support.vtex_hook import SECRET, event, tell


@pytest.fixture
def unread(rig: Rig) -> Rig:
    """Its tries within the first hours have failed."""
    rig.configure(account={"hook_secrets": [SECRET]})
    rig.faults(broken=frozenset({"7-01"}))
    tell(rig, event("7-01"))
    for _ in range(9):
        rig.later(HOUR)
    return rig


def found(rig: Rig) -> list[tuple[str, int]]:
    return [(group.subject, group.count) for group in Conditions(rig.database).unread_orders()]


def test_daily(unread: Rig):
    """It is tried again once a day, and people are told as long as it fails."""
    assert [("lux", 1)] == found(unread)
    tried = len(unread.calls())
    assert UNREAD_TRIES == tried
    unread.later(HOUR)
    assert tried == len(unread.calls())
    unread.later(DAY)
    assert tried + 1 == len(unread.calls())

    unread.faults()
    unread.add_order(order("7-01", package("907")))
    unread.later(2 * DAY)
    assert [] == found(unread)
    assert unread.index.orders_named("lux", "invoice_number", "907")


def test_at_once(rig: Rig):
    """One that the key may not read is tried once a day from the first time on."""
    rig.configure(account={"hook_secrets": [SECRET]})
    rig.faults(forbidden=frozenset({"7-01"}))
    tell(rig, event("7-01"))
    rig.later(HOUR)

    assert [("lux", 1)] == found(rig)
    assert 1 == len(rig.calls())
