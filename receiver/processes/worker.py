"""The worker: claims due shipments of every account for the `Reconciler`, due fetches for the `Fetcher`, and reports an
old backlog. It also runs retention once a day, and the background tasks of each account."""

import contextlib
import logging
import math
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from receiver.config import Config
from receiver.http import LEAST_PAUSE, TOTAL_SECONDS, Http
from receiver.intake.fetcher import Fetcher
from receiver.notify.findings import OLD_BACKLOG, WRONG_CLOCK
from receiver.notify.task import NotifyTask
from receiver.operations.maintenance import MaintenanceTask
from receiver.processes.clock_steps import ClockSteps
from receiver.reconcile.reconciler import Reconciler
from receiver.store import Claim, Database, Horizons, OperatorQueries, Queue, Retention, StoreUnavailable
from receiver.store.notify.conditions import Conditions
from receiver.store.notify.watches import Noted, Watches
from receiver.store.work.clock_steps import correct
from receiver.store.work.reassigning import reassign_accounts
from receiver.vtex.client import Vtex

log = logging.getLogger("receiver.worker")

#: Seconds between polls for due work, and for deliveries that other processes received.
POLL = 0.2
#: Seconds without work of an account after which its first shipment goes alone, and for how long at most. A key that
#: VTEX does not take any more then costs one call, not one for each thread.
QUIET, ALONE = 60.0, 1.0
_DAY = 86_400.0


class Worker:
    """Works in threads of this process until stopped. ``name`` marks its leases; no other process may have it. Every
    account has ``concurrency`` threads: if those of one account wait for VTEX, the others continue. ``least_pause``:
    see `Vtex`."""

    def __init__(
        self,
        config: Config,
        database: Database,
        *,
        name: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        steady: Callable[[], float] = time.monotonic,
        concurrency: int | None = None,
        least_pause: float = LEAST_PAUSE,
    ) -> None:
        self._config, self._database, self._clock, self._steady = config, database, clock, steady
        intervals = {of: 60.0 / account.requests_per_minute for of, account in config.accounts.items()}
        self.queue = Queue(database, worker_name=name, lease=config.lease, intervals=intervals)
        # A call and the wait for its slot must fit into a lease: slow answers would only lose it.
        longest = min(TOTAL_SECONDS, config.lease * 0.4)
        http = Http((account.base_url for account in config.accounts.values()), total=longest)
        clients = {
            name: Vtex(account, http, clock=clock, least_pause=least_pause) for name, account in config.accounts.items()
        }
        self._reconciler = Reconciler(config, self.queue, clients, clock=clock, sleep=sleep)
        self._maintenance = {
            name: MaintenanceTask(database, self.queue, vtex, clock=clock, sleep=sleep)
            for name, vtex in clients.items()
        }
        self._fetcher = Fetcher(config, database, clock=clock)
        self._notify, self._clients = NotifyTask(config, database, clock=clock), clients
        self._queries, self._watches = OperatorQueries(database), Watches(database)
        self._concurrency = concurrency or config.concurrency
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._backlog_reported = self._clock_reported = False
        self._steps = ClockSteps(clock, steady)
        self._next_look, self._next_prune = 0.0, 0.0

    def start(self) -> None:
        """Apply the configuration just loaded, end pauses for keys that did not work, and start the threads."""
        for account in self._config.accounts:
            self.queue.accounts.resume_after_reload(account)
        accounts_of = {name: endpoint.accounts_served for name, endpoint in self._config.endpoints.items()}
        for name, many in reassign_accounts(self._database, accounts_of, now=self._clock()).items():
            log.warning(
                "endpoint has another account, unwritten shipments moved: endpoint=%s account=%s shipments=%d",
                name, accounts_of[name][0], many,
            )  # fmt: skip
        for left in Conditions(self._database).left_behind(accounts_of, since=0.0):
            log.warning(
                "endpoint is not configured here, its unfinished shipments rest: endpoint=%s shipments=%d",
                left.subject, left.count,
            )  # fmt: skip
        self._fetcher.begin()
        self._threads = [threading.Thread(target=self._run, name="worker", daemon=True)]
        for account, maintenance in self._maintenance.items():
            name = f"maintenance-{account}"
            self._threads.append(
                threading.Thread(target=maintenance.run, args=(self._stopping,), name=name, daemon=True)
            )
        notifying = threading.Thread(target=self._notify.run, args=(self._stopping,), name="notify", daemon=True)
        self._threads.append(notifying)
        for thread in self._threads:
            thread.start()

    def stop(self, *, patience: float = 30.0) -> None:
        """Claim no more work, and wait at most ``patience`` seconds in total for the work in progress."""
        self._stopping.set()
        self._database.arrived.set()
        ends = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))

    def run_until_idle(self) -> None:
        """Process work in this thread until nothing is due, for tests and the demo."""
        while True:
            fetches = [found for name in self._fetcher.endpoints if (found := self._fetcher.claim(name))]
            for fetch in fetches:
                self._fetcher.run(fetch)
            claims = [claim for account in self._config.accounts for claim in self._claim(account, self._concurrency)]
            if not claims and not fetches and not self._maintain_each():
                return
            for claim in claims:
                self._reconciler.run(claim)

    def _maintain_each(self) -> bool:
        done = [maintenance.run_one() for maintenance in self._maintenance.values()]  # each account gets its turn
        return any(done)

    def _run(self) -> None:
        with contextlib.ExitStack() as stack:
            pools = {
                account: stack.enter_context(_Pool(self._concurrency, account, self._steady))
                for account in self._config.accounts
            }
            fetching = stack.enter_context(_Pool(self._concurrency, "fetch", self._steady))
            while not self._stopping.is_set():
                self._database.arrived.clear()
                try:
                    self._correct_clock()
                    busy = self._submit_fetches(fetching)
                    for account, pool in pools.items():
                        busy |= self._submit(account, pool)
                    self._housekeeping()
                except StoreUnavailable as error:
                    log.error("store unavailable, retrying in a second: reason=%s", error)
                    busy = False
                    self._stopping.wait(1.0)
                except Exception:
                    log.exception("worker loop failed, continuing")
                    self._stopping.wait(1.0)
                    busy = False
                if not busy:
                    now = self._clock()
                    self._database.arrived.wait(min(POLL, self.queue.accounts.opens_at(now) - now))

    def _submit(self, account: str, pool: "_Pool") -> bool:
        """Claim as many of an account's shipments as there are free threads. True: there may be more."""
        room = pool.acquire_permitted()
        claims: list[Claim] = []
        try:
            if room and self.queue.something_due(account, self._clock()):
                claims = self._claim(account, room)
        finally:
            for _ in range(room - len(claims)):
                pool.slots.release()
        for claim in claims:
            pool.submit(self._one, claim.id, partial(self._reconciler.run, claim), pool)
        return bool(claims)

    def _submit_fetches(self, pool: "_Pool") -> bool:
        """Claim one fetch of each endpoint while there are free threads. True: there may be more."""
        claimed = False
        for endpoint in self._fetcher.endpoints:
            if not self._fetcher.something_due(endpoint) or not pool.slots.acquire(blocking=False):
                continue
            claim = None
            try:
                claim = self._fetcher.claim(endpoint)
            finally:
                if claim is None:
                    pool.slots.release()
            if claim is not None:
                pool.submit(self._one, claim.endpoint, partial(self._fetcher.run, claim), pool)
                claimed = True
        return claimed

    def _claim(self, account: str, most: int) -> list[Claim]:
        return self.queue.claim(account, most=most, now=self._clock())

    def _one(self, name: str, run: Callable[[], None], pool: "_Pool") -> None:
        try:
            run()
        except StoreUnavailable as error:
            log.error("result not recorded, it will be retried when its lease expires: name=%s reason=%s", name, error)
        except Exception:
            log.exception("processing failed, it will be retried when its lease expires: name=%s", name)
        finally:
            pool.release()
            self._database.arrived.set()

    def _correct_clock(self) -> None:
        """Where this machine's clock was set back, what was due is still due."""
        back, now = self._steps.look(), self._clock()
        if back:
            due = correct(self._database, back=back, now=now, lease=self._config.lease)
            if back > WRONG_CLOCK:
                self._watches.note(Noted.SET_BACK, [socket.gethostname()], now=now, value=back)
            log.error("clock was set back, what was due is due now: seconds=%.0f shipments=%d", back, due)

    def _housekeeping(self) -> None:
        now, steady = self._clock(), self._steady()
        self._database.counters.flush(now=now)
        if steady >= self._next_look:
            self._next_look = steady + 60.0
            self._watches.note(Noted.WORKER, [socket.gethostname()], now=now)
            self._report_backlog(now)
            self._report_clock(now)
        if steady >= self._next_prune:
            self._next_prune = steady + _DAY
            self._database.write(partial(self._database.counters.retire, now=now))
            self._prune(now)

    def _prune(self, now: float) -> None:
        horizons, retention = Horizons.of(self._config), Retention(self._database)
        pruned = retention.prune(horizons, now=now)
        if pruned.bodies or pruned.rows:
            log.info("old data emptied and deleted: bodies=%d rows=%d", pruned.bodies, pruned.rows)
        if soon := retention.unreadable_soon(horizons, now=now):
            log.warning(
                "unreadable deliveries are emptied within a week, run receiver reprocess before: deliveries=%d", soon
            )

    def _report_backlog(self, now: float) -> None:
        oldest = self._queries.oldest_unsettled()
        old = oldest is not None and now - oldest > OLD_BACKLOG
        if old and not self._backlog_reported and oldest is not None:
            log.error("backlog is old, shipments wait: oldest_minutes=%d", (now - oldest) // 60)
        if not old and self._backlog_reported:
            log.warning("backlog cleared")
        self._backlog_reported = old

    def _report_clock(self, now: float) -> None:
        """VTEX's answers say what time it is there: a wrong clock makes leases and dates wrong."""
        offsets = [client.clock_offset for client in self._clients.values() if client.clock_offset is not None]
        wrong = max(offsets, key=abs, default=0.0)
        is_wrong = abs(wrong) > WRONG_CLOCK
        if is_wrong:
            self._watches.note(Noted.CLOCK, [socket.gethostname()], now=now, value=wrong)
        if is_wrong and not self._clock_reported:
            log.error("clock differs from VTEX's, set it by NTP: seconds_ahead=%.0f", wrong)
        self._clock_reported = is_wrong


class _Pool(ThreadPoolExecutor):
    """The threads of one account, or of the fetches; ``slots`` counts the free ones."""

    def __init__(self, concurrency: int, name: str, steady: Callable[[], float]) -> None:
        super().__init__(concurrency, thread_name_prefix=f"worker-{name}")
        self.slots = threading.Semaphore(concurrency)
        self._concurrency, self._steady = concurrency, steady
        self._ended = self._alone_since = -math.inf

    def acquire_permitted(self) -> int:
        """Acquire every free slot; how many. After `QUIET` seconds only one, and no other while its work has been under
        way for less than `ALONE`."""
        room = 0
        while room < self._concurrency and self.slots.acquire(blocking=False):
            room += 1
        permitted = min(room, self._permitted(is_idle=room == self._concurrency))
        for _ in range(room - permitted):
            self.slots.release()
        return permitted

    def _permitted(self, *, is_idle: bool) -> int:
        now = self._steady()
        if now - self._ended < QUIET:
            return self._concurrency
        if is_idle:
            self._alone_since = now
            return 1
        return self._concurrency if now - self._alone_since >= ALONE else 0

    def release(self) -> None:
        """One piece of work has ended."""
        self._ended = self._steady()
        self.slots.release()
