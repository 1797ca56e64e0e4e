"""Pace, priority and pauses of an account: who goes first, when it rests, and that its trouble is no other's."""

import contextlib
import itertools
import json
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.request import urlopen

import pytest

from receiver.calls.background import BackgroundCalls
from receiver.http import Http
from receiver.operations.comparing import Comparing
from receiver.sandbox import Faults, create_sandbox, serve
from receiver.shipments.sent import Sent, Visibility
from receiver.store import Attempt, Background, Database, Inbox, Paused, Queue, RateLimited
from receiver.store.operator.bulk import BulkDecisions
from receiver.store.operator.shipment_filter import ShipmentFilter
from receiver.store.tables import BULK
from receiver.store.work.accounts import FAILING_ORDERS, FAILING_WITHIN, Accounts
from receiver.timing import BAD_KEY, OUTAGE
from receiver.vtex.client import Vtex
from tests.support.outages import states
from tests.support.processes import Sender, Site
from tests.support.rig import MELHOR_ENVIO, Rig, eventually, order, package, posted
from tests.support.store_cases import NOW, add_shipments, delivery, settlement, shipment
from tests.support.times import DAY, HOUR


def tell(rig: Rig, *numbers: int, endpoint: str = "melhor-envio") -> None:
    """A parcel of an order of its own for each number."""
    for number in numbers:
        rig.add_order(order(f"{number}-01", package("900")))
        rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}"), endpoint=endpoint)


def asked(rig: Rig) -> list[str]:
    """The orders that VTEX was asked for, in turn."""
    return [call.order for call in rig.calls("GET")]


class TestPriority:
    """Live shipments before those done again by the thousand."""

    def test_not_starved(self, database: Database):
        """A live parcel is claimed before 10,000 retried ones that have been due for longer."""
        add_shipments(database, *(f"ep/{number}" for number in range(10_000)), state="held", due_at=None)
        queue, bulk = Queue(database, worker_name="a", lease=60), BulkDecisions(database)
        assert 10_000 == bulk.decide("retry", ShipmentFilter(state="held"), now=NOW - 600)
        add_shipments(database, "ep/live")

        claims = queue.claim("lux", most=3, now=NOW)
        assert "ep/live" == claims[0].id
        assert 3 == len(claims)
        assert [3] == [len(queue.claim("lux", most=3, now=NOW))], "hands that are free take retried ones"

    def test_news_comes_forward(self, rig: Rig):
        """A retried parcel whose carrier speaks again is live."""
        tell(rig, 1, 2)
        rig.retry_all(state="due")
        rig.post(posted("2-01", parcel="p2", number="TN2", event="order.delivered"))
        rig.work()

        assert ["2-01", "1-01"] == asked(rig)

    def test_one_is_live(self, rig: Rig):
        """One shipment that a person retries or links is live: someone waits for it."""
        tell(rig, 1, 2, 3)
        rig.retry_all(state="due")
        rig.now += 1
        rig.decisions.retry("melhor-envio/p3", now=rig.now)
        rig.work()

        assert ["3-01", "1-01", "2-01"] == asked(rig)

    @pytest.mark.parametrize(("due_at", "before", "after"), [(NOW, 0, 0), (None, 0, 1), (NOW, 1, 1)])
    def test_reprocessed(self, database: Database, due_at: float | None, before: int, after: int):
        """Deliveries that are reprocessed by the thousand come behind, and push back nothing that is live."""
        add_shipments(database, "ep/p1", due_at=due_at, priority=before)
        kept = delivery("p2", dedup="d", outcome="quarantined")
        inbox = Inbox(database)
        inbox.receive(kept)
        fresh = delivery("p1", dedup="d")
        inbox.reprocess(kept.id, outcome="accepted", reason=None, dedup="d", fresh=fresh, bulk=True)

        assert after == shipment(database)["priority"]
        inbox.receive(delivery("p1"))
        assert 0 == shipment(database)["priority"]

    def test_both_progress(self, rig: Rig):
        """While live traffic leaves room in the pace, what is done again goes on beside it."""
        tell(rig, *range(1, 9))
        rig.retry_all(state="due")
        for number in (11, 12):
            tell(rig, number)
            claims = rig.worker.queue.claim("lux", most=3, now=rig.now)
            assert [f"melhor-envio/p{number}"] == [claim.id for claim in claims][:1]
            assert 3 == len(claims)
            for claim in claims:
                rig.worker._reconciler.run(claim)
        assert 6 == [row["state"] for row in rig.queries.shipments()].count("in_step")

    def test_after_a_pause(self, database: Database):
        """The one probe after a pause is a live one."""
        add_shipments(database, "ep/retried", due_at=NOW - 9, priority=BULK)
        add_shipments(database, "ep/live")
        queue = Queue(database, worker_name="a", lease=60)
        queue.accounts.pause("lux", until=NOW, reason="429", own_fault=False)

        [probe] = queue.claim("lux", most=9, now=NOW)
        assert "ep/live" == probe.id
        queue.settle(probe, settlement(probe), now=NOW)


class TestOutage:
    """Many orders in a row without an answer: VTEX is in trouble, and is left alone for a moment."""

    @pytest.mark.parametrize("fault", [{"server_error": 1.0}, {"reset_before": 1.0}])
    def test_breaks(self, rig: Rig, caplog: pytest.LogCaptureFixture, fault: dict[str, Any]):
        """After ten orders the account rests; then one call, and ever longer rests, told once."""
        tell(rig, *range(1, 31))
        rig.faults(**fault)
        rig.work()
        assert FAILING_ORDERS == len(rig.calls())
        [paused] = rig.queries.paused_accounts(now=rig.now)
        assert 0.8 * OUTAGE.first <= paused["until"] - rig.now <= 1.2 * OUTAGE.first
        assert "10 orders in a row without an answer: " in paused["reason"]

        rig.works_until(HOUR)
        times = [call.at for call in rig.calls()][FAILING_ORDERS - 1 :]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        doubling = [min(OUTAGE.most, OUTAGE.first * 2**turn) for turn in range(len(gaps))]
        assert all(0.8 * wanted <= gap <= 1.2 * wanted for wanted, gap in zip(doubling, gaps, strict=True)), gaps
        assert 1 == len([one for one in caplog.records if "account paused" in one.getMessage()])

        rig.faults()
        rig.works_until(HOUR)
        assert {("in_step", None)} == states(rig)
        assert [] == rig.queries.paused_accounts(now=rig.now)
        assert 30 == len(rig.calls("PATCH"))

    def test_shared(self, rig_on_either: Rig):
        """Workers of two processes count together, and rest together."""
        rig = rig_on_either
        tell(rig, *range(1, 31))
        rig.faults(server_error=1.0)
        workers = itertools.cycle(rig.new_worker(name) for name in ("one", "two"))
        for worker in itertools.islice(workers, 30):
            for claim in worker.queue.claim("lux", most=1, now=rig.now):
                worker._reconciler.run(claim)

        assert FAILING_ORDERS == len(rig.calls())

    @pytest.mark.parametrize("fault", [{"server_error": 1.0}, {"reset_before": 1.0}])
    def test_writes_break(self, rig: Rig, fault: dict[str, Any]):
        """Reads that come through do not hide that every write fails: the account rests, ever longer."""
        tell(rig, *range(1, 31))
        rig.faults(**fault, methods=frozenset({"PATCH"}))
        rig.work()
        assert FAILING_ORDERS == len(rig.calls("PATCH"))
        [paused] = rig.queries.paused_accounts(now=rig.now)
        assert "writes of 10 orders in a row without an answer: " in paused["reason"]

        rig.works_until(HOUR)
        times = [call.at for call in rig.calls("PATCH")][FAILING_ORDERS - 1 :]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        doubling = [min(OUTAGE.most, OUTAGE.first * 2**turn) for turn in range(len(gaps))]
        assert all(0.8 * wanted <= gap <= 1.2 * wanted for wanted, gap in zip(doubling, gaps, strict=True)), gaps

        rig.faults()
        rig.works_until(HOUR)
        assert {("in_step", None)} == states(rig)
        assert [] == rig.queries.paused_accounts(now=rig.now)
        assert 30 == sum(len(rig.sandbox.writes(f"{number}-01", "900")) for number in range(1, 31))
        tell(rig, 31)
        rig.faults(server_error=1.0, methods=frozenset({"PATCH"}))
        rig.work()
        assert [] == rig.queries.paused_accounts(now=rig.now), "the row began again"

    def test_an_outage_of_writes_ends(self, rig: Rig):
        """Once a write is answered the next trouble begins with the first, short pause, whatever it is."""
        tell(rig, *range(1, 31))
        rig.faults(server_error=1.0, methods=frozenset({"PATCH"}))
        rig.works_until(HOUR)
        rig.faults()
        rig.works_until(HOUR)
        assert {("in_step", None)} == states(rig)

        tell(rig, 31)
        rig.faults(unauthorized=True)
        rig.work()
        [paused] = rig.queries.paused_accounts(now=rig.now)
        assert BAD_KEY.first == paused["until"] - rig.now

    def test_an_answer_between(self, rig: Rig):
        """Failures that are not in a row are no one's outage."""
        tell(rig, *range(1, 31))
        for _ in range(3):
            rig.faults(server_error=1.0)
            for claim in rig.worker.queue.claim("lux", most=FAILING_ORDERS - 1, now=rig.now):
                rig.worker._reconciler.run(claim)
            rig.faults()
            [claim] = rig.worker.queue.claim("lux", most=1, now=rig.now)
            rig.worker._reconciler.run(claim)
        assert [] == rig.queries.paused_accounts(now=rig.now)

    def test_an_answer_to_another_process(self, rig: Rig):
        """What one process was answered counts for the failures of another."""
        tell(rig, *range(1, 31))
        one, two = rig.new_worker("one"), rig.new_worker("two")
        rig.faults(server_error=1.0)
        for claim in one.queue.claim("lux", most=FAILING_ORDERS - 1, now=rig.now):
            one._reconciler.run(claim)
        rig.faults()
        [claim] = two.queue.claim("lux", most=1, now=rig.now)
        two._reconciler.run(claim)
        rig.faults(server_error=1.0)
        [claim] = one.queue.claim("lux", most=1, now=rig.now)
        one._reconciler.run(claim)

        assert [] == rig.queries.paused_accounts(now=rig.now)

    def test_too_seldom(self, rig: Rig):
        """Failures that lie far apart are no outage either."""
        rig.faults(server_error=1.0)
        for number in range(1, 2 * FAILING_ORDERS):
            tell(rig, number)
            [claim] = [
                one for one in rig.worker.queue.claim("lux", most=99, now=rig.now) if one.id.endswith(f"/p{number}")
            ]
            rig.worker._reconciler.run(claim)
            rig.now += FAILING_WITHIN / (FAILING_ORDERS - 2)
        assert [] == rig.queries.paused_accounts(now=rig.now)

    def test_asked_again_and_again(self, rig: Rig):
        """One order that fails is one order, however often a person has it looked at."""
        tell(rig, 1)
        rig.faults(server_error=1.0)
        for _ in range(2 * FAILING_ORDERS):
            rig.decisions.retry("melhor-envio/p1", now=rig.now)
            rig.work()

        assert 2 * FAILING_ORDERS == len(rig.calls())
        assert [] == rig.queries.paused_accounts(now=rig.now)

    def test_one_sick_order(self, rig: Rig):
        """An order that always fails (KI-409225) does not stop the others, and is given up after the horizon."""
        rig.configure(horizon_days=2)
        tell(rig, 1)
        rig.faults(broken=frozenset({"1-01"}))
        rig.works_until(HOUR)
        tell(rig, *range(2, 7))
        rig.works_until(HOUR)
        assert {("due", "vtex_unavailable"), ("in_step", None)} == states(rig)
        assert [] == rig.queries.paused_accounts(now=rig.now)

        rig.works_until(3 * DAY)
        assert {("gave_up", "vtex_unavailable"), ("in_step", None)} == states(rig)
        assert 70 > len([order_id for order_id in asked(rig) if order_id == "1-01"])


class TestQuiet:
    """VTEX asks for quiet: that is for those, too, who have their place already."""

    def test_waiting_for_a_place(self, rig: Rig):
        """Who waits for his place in the pace while the account is paused does not call any more."""
        rig.configure(account={"requests_per_minute": 30})
        tell(rig, 1, 2)

        def sleep(seconds: float) -> None:
            rig.now += seconds
            rig.worker.queue.accounts.pause("lux", until=rig.now + 60, reason="429", own_fault=False)

        queue, reconciler = rig.hands("waiting", sleep=sleep)
        first, second = queue.claim("lux", most=2, now=rig.now)
        queue.reserve(first, Attempt(call="GET order", order_id="1-01"), interval=2.0, now=rig.now)
        reconciler.run(second)

        assert [] == rig.calls()
        assert ["not sent"] == [one["outcome"] for one in rig.attempts("melhor-envio/p2")]
        assert ("due", "account_paused") == tuple(rig.shipment("melhor-envio/p2")[name] for name in ("state", "reason"))

    @pytest.mark.parametrize(("took", "rests"), [(0.75, [0.25]), (2.0, []), (-3_600.0, [1.0])])
    @pytest.mark.parametrize("who", ["claim", "background call"])
    def test_slow_to_reserve(self, rig: Rig, who: str, took: float, rests: list[float]):
        """What the reservation itself took is no time to wait, and a clock that was set back adds none."""
        rig.configure(account={"requests_per_minute": 60})
        tell(rig, 1)
        before_first: list[float] = []

        def sleep(seconds: float) -> None:
            before_first.extend([] if rig.calls() else [seconds])

        queue, reconciler = rig.hands("a", sleep=sleep)
        vtex = Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)
        calls = BackgroundCalls(queue, vtex, clock=lambda: rig.now, sleep=sleep, gives_way=False)
        queue.accounts.reserve_read("lux", interval=1.0, now=rig.now)
        [claim] = queue.claim("lux", most=1, now=rig.now)
        reserve = queue.accounts.reserve

        def slow(*of: Any, **its: Any) -> float:
            starts = reserve(*of, **its)
            rig.now += took
            return starts

        queue.accounts.reserve = slow  # type: ignore[method-assign]
        if who == "claim":
            reconciler.run(claim)
        else:
            calls.call(lambda: vtex.get_order("1-01"), order_id="1-01")

        assert rests == before_first

    def test_one_probe(self, rig: Rig):
        """After the pause one worker asks once; only when it was answered do the others go on."""
        tell(rig, *range(1, 6))
        rig.faults(throttle=1.0)
        rig.work()
        rig.now += 60
        one, two = rig.new_worker("one"), rig.new_worker("two")
        [probe] = one.queue.claim("lux", most=9, now=rig.now)
        assert [] == two.queue.claim("lux", most=9, now=rig.now)
        rig.faults()
        one._reconciler.run(probe)

        assert 2 == len(rig.calls("GET"))
        assert 4 == len(two.queue.claim("lux", most=9, now=rig.now))


class TestAccounts:
    """Several accounts in one process."""

    @pytest.mark.parametrize("trouble", ["hanging", "throttled", "unauthorized"])
    def test_one_in_trouble(self, rig: Rig, trouble: str):
        """While VTEX leaves one account's calls hanging, or refuses them, the other's parcels all go through."""
        let_go = threading.Event()
        with ExitStack() as stack:
            other = create_sandbox([order(f"{number}-01", package("900")) for number in range(1, 41)])
            url = stack.enter_context(serve(other)).url
            rig.configure(
                accounts={"second": {"base_url": url}},
                endpoints={
                    "melhor-envio": {**MELHOR_ENVIO, "account": "lux"},
                    "other": {**MELHOR_ENVIO, "account": "second"},
                },
                concurrency=4,
            )
            rig.on_slow = lambda _: let_go.wait(30)
            rig.sandbox.faults = {
                "hanging": Faults(slow=(1.0, 1.0)),
                "throttled": Faults(throttle=1.0),
                "unauthorized": Faults(unauthorized=True),
            }[trouble]
            tell(rig, *range(1, 21))
            worker = rig.new_worker("busy")
            worker.start()
            stack.callback(worker.stop)
            stack.callback(let_go.set)
            eventually(lambda: rig.calls())
            tell(rig, *range(1, 41), endpoint="other")

            def done() -> bool:
                return 40 == [(row["endpoint"], row["state"]) for row in rig.queries.shipments()].count(
                    ("other", "in_step")
                )

            eventually(done)
            assert 40 == len([call for call in other.extensions["sandbox"].calls if call.method == "PATCH"])
            assert [] == rig.calls("PATCH")
            assert not let_go.is_set()


class TestEnd:
    """What ends a pause: VTEX lets calls in again."""

    def test_asked_for(self, rig_on_either: Rig):
        """A server error ends a pause that VTEX asked for: the others need not go one by one. The next pause counts on,
        since nothing was answered yet."""
        rig = rig_on_either
        tell(rig, *range(1, 6))
        rig.faults(throttle=1.0)
        rig.work()
        rig.now += 60
        one = rig.new_worker("one")
        [probe] = one.queue.claim("lux", most=9, now=rig.now)
        rig.faults(server_error=1.0)
        one._reconciler.run(probe)

        assert 4 == len(one.queue.claim("lux", most=9, now=rig.now))
        assert 1 == one.queue.accounts.pauses("lux", now=rig.now)

    @pytest.mark.parametrize("cause", ["outage", "outage of writes", "key"])
    def test_not_asked_for(self, rig: Rig, cause: str):
        """No server error ends a pause for server errors, or for a key that does not work."""
        tell(rig, *range(1, 31))
        writes = {"methods": frozenset({"PATCH"})} if cause == "outage of writes" else {}
        rig.faults(**({"unauthorized": True} if cause == "key" else {"server_error": 1.0}), **writes)
        rig.work()
        [paused] = rig.queries.paused_accounts(now=rig.now)
        rig.now = paused["until"]
        rig.faults(server_error=1.0)
        one = rig.new_worker("one")
        [probe] = one.queue.claim("lux", most=9, now=rig.now)
        one._reconciler.run(probe)

        assert 1 == len(one.queue.claim("lux", most=9, now=rig.now + 3_600))


class TestReload:
    """A key that did not work is tried again as soon as the configuration is read again."""

    def test_sighup(self, tmp_path, sqlite_url: str):
        """A revoked key pauses the account, which `/readyz` tells; SIGHUP tries it again, and the parcel goes out."""
        with Site(tmp_path, sqlite_url) as machine:
            machine.add_orders([1])
            machine.sandbox.faults = Faults(unauthorized=True)
            process = machine.start("serve")
            sender = Sender(process.url)
            assert 200 == sender.post(1)
            process.says("account paused, shipments wait: account=lux until=")
            assert ["lux"] == [one["name"] for one in eventually(lambda: _paused(process.url))]

            machine.sandbox.faults = Faults()
            process.send(signal.SIGHUP)
            assert eventually(lambda: machine.all_in_step(1))
            process.says("VTEX answers again: account=lux")
            assert machine.written_once([1])
            assert [] == process.disorder


def _paused(url: str) -> list[dict[str, Any]]:
    with urlopen(f"{url}/readyz") as answer:
        found: list[dict[str, Any]] = json.load(answer)["paused_accounts"]
    return found


class TestRefusedAndProbes:
    def test_refused_news(self, rig: Rig):
        """An order that is refused is not read every other second because of a pause that is long over."""
        Background(rig.database).note_news("lux", "1-01", now=rig.now)
        rig.worker.queue.accounts.pause("lux", until=rig.now + 60, reason="429", own_fault=False, now=rig.now)
        rig.faults(forbidden=frozenset({"1-01"}))
        rig.now += 61
        for _ in range(600):
            rig.later(1)

        assert 10 > len(rig.calls("GET"))

    def test_refused_for_good(self, rig: Rig):
        """Three orders that are refused for good end up held, and do not keep the account paused for ever."""
        for number in range(1, 31):
            rig.add_order(order(f"{number}-01", package("900")))
            rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}"))
        rig.faults(forbidden=frozenset({"1-01", "2-01", "3-01"}))
        rig.works_until(DAY)

        assert {("in_step", None), ("held", "vtex_refused")} == states(rig)
        assert not [paused for paused in rig.queries.paused_accounts(now=rig.now) if paused["until"] > rig.now]

    def test_one_probe_of_two_hosts(self, rig_on_either: Rig):
        """Of two hosts that look at one moment after a pause, one sends the probe."""
        rig = rig_on_either
        seen = set()
        for turn in range(40):
            for number in range(4):
                rig.post(posted(f"{turn}{number}-01", parcel=f"p{turn}-{number}", number=f"TN{turn}{number}"))
            queues = [Queue(rig.database, worker_name=name, lease=60) for name in "ab"]
            queues[0].accounts.pause("lux", until=rig.now + 60, reason="429", own_fault=False, now=rig.now)
            rig.now += 61
            barrier = threading.Barrier(2)

            def look(queue: Queue, barrier: threading.Barrier = barrier) -> int:
                barrier.wait()
                return len(queue.claim("lux", most=9, now=rig.now))

            with ThreadPoolExecutor(2) as pool:
                seen.add(sum(pool.map(look, queues)))
            rig.now += 61

        assert {1} == seen

    @pytest.mark.parametrize("who", ["background call", "comparing"])
    def test_paused_while_waiting(self, rig: Rig, who: str):
        """A background call that waits for its place does not call any more once VTEX asks for quiet."""
        rig.configure(account={"requests_per_minute": 2})
        rig.add_order(order("1-01", package("900")))
        queue = Queue(rig.database, worker_name="a", lease=60)

        def sleep(seconds: float) -> None:
            rig.now += seconds
            if not rig.queries.paused_accounts(now=rig.now):
                queue.accounts.pause("lux", until=rig.now + 600, reason="429", own_fault=False, now=rig.now)

        vtex = Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)
        queue.accounts.reserve_read("lux", interval=30.0, now=rig.now)
        calls = BackgroundCalls(queue, vtex, clock=lambda: rig.now, sleep=sleep, gives_way=True)
        comparing = Comparing(rig.database, {"lux": vtex}, clock=lambda: rig.now, sleep=sleep)
        sent = Sent(
            order_id="1-01", invoice_number="900", tracking_number="TN1", tracking_url=None, courier=None,
            dispatched_date=None, at=0, visibility=Visibility.SEEN,
        )  # fmt: skip
        one = {"account": "lux", "shipment": "ep/1", "tracking_number": "TN1", "sent": sent}
        with contextlib.suppress(Paused):
            if who == "background call":
                calls.call(lambda: vtex.get_order("1-01"), order_id="1-01", max_wait=60)
            else:
                list(comparing.differing([one]))

        assert [] == rig.calls()


class TestProbeOfCommands:
    def test_one_probe_of_all(self, rig: Rig):
        """After a pause one call sees whether VTEX answers, also before those that a command makes."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        queue = rig.worker.queue
        queue.accounts.pause("lux", until=rig.now + 60, reason="429", own_fault=False, now=rig.now)
        rig.now += 61
        [probe] = queue.claim("lux", most=9, now=rig.now)
        assert probe.half_open

        with pytest.raises((RateLimited, Paused)):
            Accounts(rig.database).reserve_read("lux", interval=0.1, now=rig.now, max_wait=60)
