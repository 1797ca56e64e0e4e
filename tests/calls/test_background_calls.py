"""Calls that no shipment waits for: in the account's pace, behind live work, under the account's pause."""

import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from receiver.calls.background import BackgroundCalls
from receiver.http import Http
from receiver.store import Background, Paused, Queue, RateLimited
from receiver.store.work.accounts import FAILING_ORDERS
from receiver.timing import BACKGROUND_READ, OUTAGE
from receiver.vtex.answers import Misconfigured, NotFound, Throttled, Transient
from receiver.vtex.client import Vtex
from tests.support.rig import Rig, order, package, posted


class Sleeper:
    """Moves the rig's clock instead of waiting, and does what someone else does meanwhile."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.slept, self.meanwhile = rig, list[float](), list[Callable[[], object]]()

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.rig.now += seconds
        if self.meanwhile:
            self.meanwhile.pop(0)()


def calls(rig: Rig, sleep: Sleeper, said: list[str] | None = None, *, gives_way: bool = True) -> BackgroundCalls:
    vtex = Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)
    queue = Queue(rig.database, worker_name="errands", lease=60)
    told = [] if said is None else said
    return BackgroundCalls(queue, vtex, clock=lambda: rig.now, sleep=sleep, waiting=told.append, gives_way=gives_way)


def an_order(made: BackgroundCalls) -> Callable[[], Any]:
    return lambda: made.vtex.get_order("1-01")


def test_at_once(rig_on_either: Rig) -> None:
    """An account without live work is called at once."""
    rig_on_either.add_order(order("1-01", package("900")))
    sleep = Sleeper(rig_on_either)
    made = calls(rig_on_either, sleep)

    assert "1-01" == made.call(an_order(made), order_id="1-01")["orderId"]
    assert [] == sleep.slept


def test_pace(rig_on_either: Rig) -> None:
    """Errands keep the account's pace."""
    rig_on_either.configure(account={"requests_per_minute": 60})
    rig_on_either.add_order(order("1-01"))
    sleep = Sleeper(rig_on_either)
    made = calls(rig_on_either, sleep)
    for _ in range(3):
        made.call(an_order(made), order_id="1-01")

    assert [1.0, 1.0] == pytest.approx(sleep.slept)


def test_behind_live_work(rig_on_either: Rig) -> None:
    """A shipment that is due goes first, and its call keeps its place."""
    rig = rig_on_either
    rig.add_order(order("1-01", package("900")))
    rig.post(posted())
    said: list[str] = []
    sleep = Sleeper(rig)
    sleep.meanwhile = [lambda: None, rig.work]
    made = calls(rig, sleep, said)
    made.call(an_order(made), order_id="1-01")

    assert ["GET", "PATCH", "GET"] == [call.method for call in rig.calls()]
    assert ["VTEX account lux: shipments of the account come first"] == said


def test_a_person_and_a_backlog(rig_on_either: Rig) -> None:
    """A look before a decision does not wait for all that is due: the call has its turn at the account's
    pace, and none where the turn would come too late."""
    rig = rig_on_either
    rig.configure(account={"requests_per_minute": 60})
    rig.add_order(order("1-01", package("900")))
    rig.post(posted())
    sleep = Sleeper(rig)
    made = calls(rig, sleep, gives_way=False)

    for _ in range(2):
        made.call(an_order(made), order_id="1-01", max_wait=5)
    assert [1.0] == pytest.approx(sleep.slept)
    with pytest.raises(RateLimited):
        made.call(an_order(made), order_id="1-01", max_wait=0.5)


def test_no_patience(rig: Rig) -> None:
    """Without patience it is not called at all where live work or a pause stands before it."""
    rig.post(posted())
    sleep = Sleeper(rig)
    made = calls(rig, sleep)
    with pytest.raises(RateLimited):
        made.call(an_order(made), order_id="1-01", max_wait=0)
    Queue(rig.database, worker_name="x", lease=60).accounts.pause(
        "lux", until=rig.now + 60, reason="429", own_fault=False
    )
    with pytest.raises(Paused):
        made.call(an_order(made), order_id="1-01", max_wait=0)

    assert ([], []) == (rig.calls(), sleep.slept)


def test_pause_is_waited_for(rig_on_either: Rig) -> None:
    """A pause is honoured, and the call that succeeds after it ends it for all."""
    rig = rig_on_either
    rig.add_order(order("1-01"))
    Queue(rig.database, worker_name="x", lease=60).accounts.pause(
        "lux", until=rig.now + 60, reason="429", own_fault=False
    )
    sleep = Sleeper(rig)
    made = calls(rig, sleep)
    made.call(an_order(made), order_id="1-01")

    assert 60 == sum(sleep.slept)
    assert [] == rig.queries.paused_accounts(now=rig.now)


@pytest.mark.parametrize(
    ("faults", "error"), [({"throttle": 1.0, "retry_after": 90}, Throttled), ({"unauthorized": True}, Misconfigured)]
)
def test_pauses(rig_on_either: Rig, faults: dict[str, Any], error: type[Exception]) -> None:
    """VTEX's word and a key that does not work pause the account for the shipments, too."""
    rig = rig_on_either
    rig.faults(**faults)
    made = calls(rig, Sleeper(rig))
    with pytest.raises(error):
        made.call(an_order(made), order_id="1-01")

    (paused,) = rig.queries.paused_accounts(now=rig.now)
    assert rig.now + (90 if error is Throttled else 300) == paused["until"]


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ({"reset_before": 1.0}, r"VTEX account lux: .*the connection failed or was closed; tried again in \d+ s"),
        (
            {"throttle": 1.0, "retry_after": 90},
            r"VTEX account lux: asked to slow down: HTTP 429.*; tried again after its pause",
        ),
    ],
)
def test_what_fails(rig: Rig, faults: dict[str, Any], told: str) -> None:
    """Who waits for a read hears which account does not answer, why, and what comes next."""
    rig.faults(**faults)
    rig.add_order(order("1-01"))
    said: list[str] = []
    sleep = Sleeper(rig)
    sleep.meanwhile = [rig.faults] * 9
    made = calls(rig, sleep, said)

    made.read(an_order(made), order_id="1-01")

    assert re.fullmatch(told, said[0]), said


def test_one_probe(rig: Rig) -> None:
    """Just out of a pause, while a shipment tries the account, a background call waits."""
    rig.add_order(order("1-01", package("900")))
    queue = Queue(rig.database, worker_name="x", lease=60)
    queue.accounts.pause("lux", until=rig.now, reason="429", own_fault=False)
    rig.post(posted())
    queue.claim("lux", most=1, now=rig.now)
    made = calls(rig, Sleeper(rig))
    with pytest.raises(RateLimited):
        made.call(an_order(made), order_id="1-01", max_wait=0)


class TestOutage:
    """Many orders in a row without an answer rest the account, no matter who asks for them."""

    def fail(self, rig: Rig, made: BackgroundCalls, *numbers: int) -> None:
        for number in numbers:
            order_id = f"{number}-01"
            rig.now += 1  # the pace has a place again
            with pytest.raises(Transient):
                made.call(lambda of=order_id: made.vtex.get_order(of), order_id=order_id, max_wait=0)

    def test_with_shipments(self, rig_on_either: Rig):
        """Errands' failures and shipments' are counted together; after the rest one call tries, and may end it."""
        rig = rig_on_either
        rig.faults(server_error=1.0)
        made = calls(rig, Sleeper(rig))
        self.fail(rig, made, *range(2, FAILING_ORDERS))
        rig.post(posted("1-01"))
        rig.work()
        assert [] == rig.queries.paused_accounts(now=rig.now)
        self.fail(rig, made, FAILING_ORDERS)
        [paused] = rig.queries.paused_accounts(now=rig.now)
        assert "10 orders in a row without an answer: " in paused["reason"]
        assert 0.8 * OUTAGE.first <= paused["until"] - rig.now <= 1.2 * OUTAGE.first
        with pytest.raises(Paused):
            made.call(an_order(made), order_id="1-01", max_wait=0)

        rig.decisions.dismiss("melhor-envio/p1", now=rig.now)  # who is due would go first
        rig.now = paused["until"] - 1
        self.fail(rig, made, 1)
        [again] = rig.queries.paused_accounts(now=rig.now)
        assert 1.6 * OUTAGE.first <= again["until"] - rig.now
        rig.now = again["until"]
        rig.faults()
        rig.add_order(order("1-01"))
        made.call(an_order(made), order_id="1-01", max_wait=0)
        assert [] == rig.queries.paused_accounts(now=rig.now)
        rig.faults(server_error=1.0)
        self.fail(rig, made, *range(FAILING_ORDERS - 1))
        assert [] == rig.queries.paused_accounts(now=rig.now)

    @pytest.mark.parametrize("known", [True, False])
    def test_an_answer_between(self, rig: Rig, known: bool):
        """An order that is read, or that VTEX does not know, is an answer: the failures are not in a row."""
        if known:
            rig.add_order(order("1-01"))
        made = calls(rig, Sleeper(rig))
        for _ in range(2):
            rig.faults(server_error=1.0)
            self.fail(rig, made, *range(2, FAILING_ORDERS + 1))
            rig.faults()
            with ExitStack() if known else pytest.raises(NotFound):
                made.call(an_order(made), order_id="1-01")

        assert [] == rig.queries.paused_accounts(now=rig.now)

    def test_about_no_order(self, rig: Rig):
        """What is about no order is no trouble of the orders, nor the end of theirs."""
        rig.faults(server_error=1.0)
        made = calls(rig, Sleeper(rig))
        for _ in range(2 * FAILING_ORDERS):
            with pytest.raises(Transient):
                made.call(made.vtex.get_hook)
        assert [] == rig.queries.paused_accounts(now=rig.now)
        self.fail(rig, made, *range(1, FAILING_ORDERS))
        rig.faults()
        assert made.call(lambda: made.vtex.list_orders({"page": "1"}))["list"] == []
        rig.faults(server_error=1.0)
        self.fail(rig, made, FAILING_ORDERS)
        assert ["lux"] == [row["name"] for row in rig.queries.paused_accounts(now=rig.now)]

    def test_hook(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        """So do the orders that the hook tells of: while VTEX answers no one, it is not asked about each of them."""
        rig.faults(server_error=1.0)
        for number in range(3 * FAILING_ORDERS):
            Background(rig.database).note_news("lux", f"{number}-01", now=rig.now)
        while len(rig.calls()) < FAILING_ORDERS:
            rig.later(3)
        rig.later(3)

        assert FAILING_ORDERS == len(rig.calls())
        assert ["lux"] == [row["name"] for row in rig.queries.paused_accounts(now=rig.now)]
        assert 1 == len([one for one in caplog.records if "account paused" in one.getMessage()])


class TestRead:
    """What may be repeated."""

    def test_throttled(self, rig: Rig):
        """429 is waited out."""
        rig.add_order(order("1-01"))
        rig.faults(throttle=1.0)
        sleep = Sleeper(rig)
        sleep.meanwhile = [rig.faults]
        made = calls(rig, sleep)

        assert "1-01" == made.read(an_order(made), order_id="1-01")["orderId"]
        assert 60 == sum(sleep.slept)

    def test_trouble(self, rig: Rig):
        """VTEX's own trouble is met a few times, then told."""
        rig.faults(server_error=1.0)
        sleep = Sleeper(rig)
        made = calls(rig, sleep)
        with pytest.raises(Transient):
            made.read(an_order(made), order_id="1-01")

        assert BACKGROUND_READ.tries == len(rig.calls())
        assert [5.0, 10.0, 20.0, 40.0] == sleep.slept

    def test_not_found(self, rig: Rig):
        """An order that is not there is not asked for again."""
        made = calls(rig, Sleeper(rig))
        with pytest.raises(NotFound):
            made.read(an_order(made), order_id="1-01")

        assert 1 == len(rig.calls())
