"""What was read for a write is read once, even where a pause of the account holds the write back."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from receiver.calls.claimed import ClaimCalls
from receiver.calls.kept_reads import KeptReads
from receiver.http import Http
from receiver.shipments import Assignment, Generation, Sent, ShipmentRecord, Visibility
from receiver.store import Claim, Lease, OpenWrite, RateLimited
from receiver.vtex.client import Vtex
from receiver.vtex.orders import Order, read_order
from tests.support.rig import Rig, order, package, posted

READ: Order = read_order(order("1-01", package("900")))
CLAIM = Claim(
    record=ShipmentRecord(id="melhor-envio/p1", endpoint="melhor-envio", account="lux"), lease=Lease("", 1e12)
)
SENT = Sent(
    order_id="1-01", invoice_number="900", tracking_number="TN1", tracking_url=None, courier=None,
    dispatched_date=None, at=0, visibility=Visibility.SEEN,
)  # fmt: skip
LOST = OpenWrite(
    id="a", account="lux", generation=1, order_id="1-01", invoice_number="900", rule=None, evidence=None, request={},
    begun_at=0.0,
)  # fmt: skip


def after(**changes: Any) -> Claim:
    """The claim after the shipment's generation has changed."""
    return replace(CLAIM, record=replace(CLAIM.record, generation=Generation(**changes)))


def tell(rig: Rig, *numbers: int) -> None:
    """Receive these parcels, one second after the other."""
    for number in numbers:
        rig.add_order(order(f"{number}-01", package("900")))
        rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}"))
        rig.now += 1


def called(rig: Rig) -> list[str]:
    return [f"{call.method} {call.order}" for call in rig.calls()]


def held_back(rig: Rig, *, pause: float) -> Callable[[], None]:
    """Two parcels: the second one's PATCH is answered 429, so that the account is paused. Returns what works on both,
    one after the other, as soon as they may be claimed."""
    tell(rig, 1, 2)
    queue, reconciler = rig.hands("one", kind=partial(Vtex, least_pause=pause))  # type: ignore[arg-type]  # as its class
    first, second = queue.claim("lux", most=2, now=rig.now)
    rig.faults(throttle=1.0, methods=frozenset({"PATCH"}))
    reconciler.run(second)
    reconciler.run(first)
    rig.faults()
    rig.now += pause

    def work() -> None:
        while claims := queue.claim("lux", most=1, now=rig.now):
            reconciler.run(claims[0])

    return work


def test_held_back(rig: Rig):
    """A write that a short pause held back needs no second read of its order."""
    work = held_back(rig, pause=5)
    work()

    assert ["GET 2-01", "PATCH 2-01", "GET 1-01", "PATCH 1-01", "PATCH 2-01"] == called(rig)


def test_long_pause(rig: Rig):
    """After half a lease the order is read again: no write rests on an older read."""
    work = held_back(rig, pause=30)
    work()

    assert ["GET 1-01", "PATCH 1-01", "GET 2-01", "PATCH 2-01"] == called(rig)[2:]


def test_another_process(rig: Rig):
    """Another process reads for itself."""
    held_back(rig, pause=5)
    rig.new_worker("other").run_until_idle()

    assert ["GET 1-01", "PATCH 1-01", "GET 2-01", "PATCH 2-01"] == called(rig)[2:]


def test_probe(rig: Rig):
    """The probe after a pause is a read, because the outcome of a write that fails would be unknown."""
    tell(rig, 1)
    queue, reconciler = rig.hands("one", kind=partial(Vtex, least_pause=5))  # type: ignore[arg-type]  # as its class
    rig.faults(throttle=1.0, methods=frozenset({"PATCH"}))
    reconciler.run(*queue.claim("lux", most=1, now=rig.now))
    rig.now += 5
    reconciler.run(*queue.claim("lux", most=1, now=rig.now))

    assert ["GET 1-01", "PATCH 1-01", "GET 1-01", "PATCH 1-01"] == called(rig)


def test_place(rig: Rig):
    """A parcel that a pause puts back keeps its place before those that came later."""
    tell(rig, 1)
    queue, reconciler = rig.hands("one")
    [first] = queue.claim("lux", most=9, now=rig.now)
    tell(rig, 2)
    rig.faults(throttle=1.0)
    reconciler.run(first)
    rig.now += 60
    [probe] = queue.claim("lux", most=9, now=rig.now)

    assert "melhor-envio/p1" == probe.id


def test_serves_once():
    """A kept read serves one claim."""
    kept = KeptReads(longest=30)
    kept.keep(CLAIM, {"1-01": READ}, 100.0, now=101.0)
    taken = kept.take(CLAIM, now=102.0)

    assert taken is not None
    assert {"1-01": READ} == taken.orders
    assert kept.take(CLAIM, now=102.0) is None


@pytest.mark.parametrize(
    "claim",
    [
        after(sent=SENT),
        after(number=2),
        after(assignment=Assignment(order_id="2-01", at=101.0)),
        replace(CLAIM, open_writes=(LOST,)),
        replace(CLAIM, record=replace(CLAIM.record, account="other")),
    ],
    ids=["written", "recycled", "assigned", "unknown write", "another account"],
)
def test_changed_since(claim: Claim):
    """What was read does not serve where the parcel was written or assigned since, or a write's outcome is unknown."""
    kept = KeptReads(longest=30)
    kept.keep(CLAIM, {"1-01": READ}, 100.0, now=101.0)

    assert kept.take(claim, now=102.0) is None


@pytest.mark.parametrize("now", [99.0, 130.0], ids=["clock set back", "old"])
def test_no_longer_fresh(now: float):
    """Nor does it after its time, or when the clock was set back."""
    kept = KeptReads(longest=30)
    kept.keep(CLAIM, {"1-01": READ}, 100.0, now=101.0)

    assert kept.take(CLAIM, now=now) is None


def calls_of(rig: Rig, age: float, *, rate: int = 60_000) -> ClaimCalls:
    """The calls of a claim whose order was read ``age`` seconds ago."""
    tell(rig, 1)
    rig.configure(account={"requests_per_minute": rate})
    queue, _ = rig.hands("one")
    [claim] = queue.claim("lux", most=1, now=rig.now)
    kept = KeptReads(longest=30)
    kept.keep(claim, {"1-01": READ}, rig.now - age, now=rig.now)
    vtex = Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)
    return ClaimCalls(claim, queue, vtex, clock=lambda: rig.now, sleep=lambda _: None, kept=kept)


def test_read_back(rig: Rig):
    """A read-back, and the look before a delivery, ask VTEX: they are about what was sent since."""
    calls = calls_of(rig, 5.0)
    calls.order("1-01", call="GET read-back")

    assert ["GET 1-01"] == called(rig)


def test_wait_for_a_slot(rig: Rig):
    """A write by a kept read waits for its slot only as long as the read stays fresh."""
    calls = calls_of(rig, 25.0, rate=8)
    assert READ == calls.order("1-01")
    rig.worker.queue.accounts.reserve_read("lux", interval=7.5, now=rig.now)
    with pytest.raises(RateLimited):
        calls.order("2-01")

    assert [] == called(rig)
