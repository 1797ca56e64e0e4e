"""A pause of the account: what begins it, what it outlives, and whom it does not concern."""

import itertools
import threading
import time
from typing import Any

import pytest
from sqlalchemy import select

from receiver.calls.background import BackgroundCalls
from receiver.calls.pauses import pause, resume_after
from receiver.http import Http
from receiver.processes.worker import ALONE, QUIET, Worker, _Pool
from receiver.store import Background, Queue
from receiver.store.tables import shipments
from receiver.vtex.client import Vtex
from tests.support.invoicing import InvoicingDriver, an_order
from tests.support.rig import NOON, Rig, eventually, order, package, posted

#: Shipments whose hands may still make a call.
LEASED = select(shipments.c.id).where(shipments.c.lease_until.is_not(None))


class TestPauses:
    """VTEX's word for quiet outlives calls that were under way when it came."""

    def test_background_call_under_way(self, rig_on_either: Rig):
        """An answer to a call that began before the pause does not end it."""
        rig = rig_on_either
        rig.add_order(order("1-01"))
        queue = Queue(rig.database, worker_name="errands", lease=60)
        vtex = Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)
        calls = BackgroundCalls(queue, vtex, clock=lambda: rig.now, sleep=lambda _: None, gives_way=True)

        def asked_for_quiet_meanwhile() -> Any:
            queue.accounts.pause("lux", until=rig.now + 600, reason="429", own_fault=False, now=rig.now)
            return vtex.get_order("1-01")

        calls.call(asked_for_quiet_meanwhile)

        [paused] = rig.queries.paused_accounts(now=rig.now)
        assert rig.now + 600 == paused["until"]

    def test_invoice_with_a_dead_key(self, rig: Rig):
        """A key that does not work pauses the account, whichever call found out."""
        rig.add_order(an_order())
        rig.faults(unauthorized=True)
        with pytest.raises(Exception, match="not accepted"):
            InvoicingDriver(rig).post()

        assert ["lux"] == [paused["name"] for paused in rig.queries.paused_accounts(now=rig.now)]


def receive(rig: Rig, *numbers: int) -> None:
    """Receive these parcels, each of an order of its own."""
    for number in numbers:
        rig.add_order(order(f"{number}-01", package("900")))
        rig.post(posted(f"{number}-01", parcel=f"p{number}"))


def test_revoked_key(rig_on_either: Rig) -> None:
    """Sixteen hands make one call with a key that VTEX does not take any more, though its answer takes a while and the
    pace is fast: after a quiet time the first goes alone. Then they all rest."""
    rig = rig_on_either
    rig.now = time.time()
    rig.configure(account={"requests_per_minute": 60_000}, concurrency=16)
    receive(rig, *range(16))
    rig.faults(unauthorized=True, slow=(1.0, 0.5))
    rig.on_slow = time.sleep
    worker = Worker(rig.config, rig.database, name="real")
    worker.start()
    try:
        eventually(lambda: rig.queries.paused_accounts(now=time.time()) and not rig.database.rows(LEASED))
    finally:
        worker.stop()

    assert 1 == len(rig.calls())


def test_key_revoked_in_the_middle_of_work(rig: Rig) -> None:
    """Where a key is revoked while sixteen hands wait for answers, each makes one more call at most: none has heard of
    a refusal before it begins that one."""
    rig.now = time.time()
    rig.configure(account={"requests_per_minute": 60_000}, concurrency=16)
    receive(rig, *range(40))

    def revoke() -> None:
        rig.faults(unauthorized=True)

    all_wait, reads = threading.Barrier(16, revoke), itertools.count()
    rig.faults(slow=(1.0, 0.1), methods=frozenset({"GET"}))
    rig.on_slow = lambda _: all_wait.wait(60) if next(reads) else None  # the first goes alone
    worker = Worker(rig.config, rig.database, name="real")
    worker.start()
    try:
        eventually(lambda: rig.queries.paused_accounts(now=time.time()) and not rig.database.rows(LEASED))
    finally:
        worker.stop()

    assert 1 <= sum(call.status == 401 for call in rig.calls()) <= 16


def test_first_goes_alone() -> None:
    """After a quiet time one shipment goes alone, for a second at most. After work all go at once."""
    now = 1_000.0
    pool = _Pool(8, "lux", lambda: now)
    assert [1, 0] == [pool.acquire_permitted(), pool.acquire_permitted()]
    now += ALONE
    assert 7 == pool.acquire_permitted()

    for _ in range(8):
        pool.release()
    now += QUIET - 1
    assert 8 == pool.acquire_permitted()

    for _ in range(8):
        pool.release()
    now += QUIET
    assert 1 == pool.acquire_permitted()
    pool.release()
    assert 8 == pool.acquire_permitted()


def test_right_of_its_own(rig: Rig) -> None:
    """A key that may not look at the hook, or list orders, still writes invoices: live work goes on."""
    rig.add_order(order("1-01", package("900")))
    rig.configure(account={"hook_secrets": ["hook-secret"]})
    Background(rig.database).hook_installed("lux", "https://r.example/hooks/vtex/lux", now=NOON - 86_400)
    rig.faults(login_page=True)
    rig.work()
    rig.faults()
    rig.post(posted())
    rig.work()

    assert "TN1BR" == rig.package_of("1-01", "900")["trackingNumber"]


def test_log_in_a_storm(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """However often VTEX asks for quiet, an account has seven lines an hour about it. The last says so."""
    accounts = Queue(rig.database, worker_name="test", lease=60).accounts
    for minute in range(59):
        pause(accounts, "lux", 30, "HTTP 429", own_fault=False, now=NOON + 60 * minute)
        assert resume_after(accounts, "lux", now=NOON + 60 * minute + 31)

    assert 7 == len(caplog.messages)
    assert caplog.messages[-1].startswith("account paused and resumed again and again, further lines are left out")
    pause(accounts, "lux", 300, "HTTP 401", own_fault=True, now=NOON + 3_590)
    assert caplog.messages[-1].startswith("account paused, shipments wait: account=lux until=")
    pause(accounts, "lux", 900, "HTTP 429", own_fault=False, now=NOON + 3_600 + 300)
    assert 9 == len(caplog.messages)


def test_log_after_a_clock_step(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """A clock that is set back keeps no line about a pause out of the log."""
    accounts = Queue(rig.database, worker_name="test", lease=60).accounts
    for second in range(0, 400, 40):
        pause(accounts, "lux", 30, "HTTP 429", own_fault=False, now=NOON + second)
        assert resume_after(accounts, "lux", now=NOON + second + 31)
    caplog.clear()
    pause(accounts, "lux", 30, "HTTP 429", own_fault=False, now=NOON - 86_400)

    [line] = caplog.messages
    assert line.startswith("account paused, shipments wait: account=lux")
