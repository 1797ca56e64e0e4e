"""The worker: claims due shipments of every account and hands each to the `Reconciler`, due fetches to the `Fetcher`;
tells once when the backlog grows old. Retention runs beside it once a day, and so do the chores that no shipment waits
for."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from receiver.config import Config
from receiver.http import LEAST_PAUSE, TOTAL_SECONDS, Http
from receiver.intake.fetcher import Fetcher
from receiver.operations.chores import Chores
from receiver.reconcile import Reconciler
from receiver.store import Claim, Database, Desk, Queue, StoreUnavailable
from receiver.vtex.client import Vtex

log = logging.getLogger("receiver.worker")

#: Seconds between looks for work when nobody rings: other processes' arrivals and due times.
POLL = 0.2
#: A backlog whose oldest shipment has been due for longer than this is told of, once.
OLD_BACKLOG = 900.0
_DAY = 86_400.0


class Worker:
    """Works in threads of this process until stopped. ``name`` marks its leases; it must be its alone. Every account
    has as many ``hands``: where VTEX leaves one account's hanging, the others' go on. ``least_pause``: see `Vtex`."""

    def __init__(
        self,
        config: Config,
        database: Database,
        *,
        name: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        hands: int | None = None,
        least_pause: float = LEAST_PAUSE,
    ) -> None:
        self._config, self._database, self._clock = config, database, clock
        self.queue = Queue(database, holder=name, lease=config.lease)
        # A call and the wait for its place in the pace must fit into a lease: slow answers would only lose it.
        longest = min(TOTAL_SECONDS, config.lease * 0.4)
        http = Http((account.base_url for account in config.accounts.values()), total=longest)
        clients = {
            name: Vtex(account, http, clock=clock, least_pause=least_pause) for name, account in config.accounts.items()
        }
        self._reconciler = Reconciler(config, self.queue, clients, clock=clock, sleep=sleep)
        self._chores = {
            name: Chores(database, self.queue, vtex, clock=clock, sleep=sleep) for name, vtex in clients.items()
        }
        self._fetcher = Fetcher(config, database, clock=clock)
        self._desk = Desk(database)
        self._hands = hands or config.hands
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._backlog_told = False
        self._next_look, self._next_prune = 0.0, 0.0

    def start(self) -> None:
        """Follow the configuration, which was just read anew, forget pauses for keys that did not work, and begin."""
        for account in self._config.accounts:
            self.queue.resume_after_reload(account)
        homes = {name: endpoint.served for name, endpoint in self._config.endpoints.items()}
        for name, many in self.queue.follow(homes, now=self._clock()).items():
            log.warning("endpoint %s: %d shipments go along to account %s", name, many, homes[name][0])
        self._fetcher.begin()
        self._threads = [threading.Thread(target=self._run, name="worker", daemon=True)]
        for account, chores in self._chores.items():
            name = f"chores-{account}"
            self._threads.append(threading.Thread(target=chores.run, args=(self._stopping,), name=name, daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self, *, patience: float = 30.0) -> None:
        """Claim no more, and let what was begun come to its end, for so many seconds in all."""
        self._stopping.set()
        self._database.arrived.set()
        ends = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))

    def run_until_idle(self) -> None:
        """Work in this thread until nothing is due, for tests and the demo."""
        while True:
            fetches = [found for name in self._fetcher.endpoints if (found := self._fetcher.claim(name))]
            for fetch in fetches:
                self._fetcher.run(fetch)
            claims = [claim for account in self._config.accounts for claim in self._claim(account, self._hands)]
            if not claims and not fetches and not self._one_chore_each():
                return
            for claim in claims:
                self._reconciler.run(claim)

    def _one_chore_each(self) -> bool:
        done = [chores.once() for chores in self._chores.values()]  # each account has its turn
        return any(done)

    def _run(self) -> None:
        with contextlib.ExitStack() as stack:
            crews = {account: stack.enter_context(_Crew(self._hands, account)) for account in self._config.accounts}
            fetching = stack.enter_context(_Crew(self._hands, "fetch"))
            while not self._stopping.is_set():
                self._database.arrived.clear()
                try:
                    busy = self._hand_out_fetches(fetching)
                    for account, crew in crews.items():
                        busy |= self._hand_out(account, crew)
                    self._housekeeping()
                except StoreUnavailable as error:
                    log.error("the store cannot be reached: %s", error)
                    busy = False
                    self._stopping.wait(1.0)
                except Exception:
                    log.exception("the worker stumbled; it goes on")
                    self._stopping.wait(1.0)
                    busy = False
                if not busy:
                    now = self._clock()
                    self._database.arrived.wait(min(POLL, self.queue.opens_at(now) - now))

    def _hand_out(self, account: str, crew: "_Crew") -> bool:
        """Claim for an account what its free hands can take. True: there may be more."""
        room = crew.take_all()
        claims: list[Claim] = []
        try:
            if room and self.queue.something_due(account, self._clock()):
                claims = self._claim(account, room)
        finally:
            for _ in range(room - len(claims)):
                crew.free.release()
        for claim in claims:
            crew.submit(self._one, claim.id, partial(self._reconciler.run, claim), crew.free)
        return bool(claims)

    def _hand_out_fetches(self, crew: "_Crew") -> bool:
        """Claim one fetch of each endpoint, as far as there are hands. True: there may be more."""
        claimed = False
        for endpoint in self._fetcher.endpoints:
            if not self._fetcher.something_due(endpoint) or not crew.free.acquire(blocking=False):
                continue
            claim = None
            try:
                claim = self._fetcher.claim(endpoint)
            finally:
                if claim is None:
                    crew.free.release()
            if claim is not None:
                crew.submit(self._one, claim.endpoint, partial(self._fetcher.run, claim), crew.free)
                claimed = True
        return claimed

    def _claim(self, account: str, most: int) -> list[Claim]:
        return self.queue.claim(account, most=most, now=self._clock())

    def _one(self, name: str, run: Callable[[], None], free: threading.Semaphore) -> None:
        try:
            run()
        except StoreUnavailable as error:
            log.error("%s: not recorded, its lease will lapse: %s", name, error)
        except Exception:
            log.exception("%s: the worker stumbled; the lease will lapse", name)
        finally:
            free.release()
            self._database.arrived.set()

    def _housekeeping(self) -> None:
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + 60.0
            self._tell_old_backlog(now)
        if now >= self._next_prune:
            self._next_prune = now + _DAY
            emptied = self._desk.prune(bodies_before=now - self._config.keep_bodies_days * _DAY)
            if emptied:
                log.info("retention: %d bodies emptied", emptied)

    def _tell_old_backlog(self, now: float) -> None:
        oldest = self._desk.oldest_unsettled()
        old = oldest is not None and now - oldest > OLD_BACKLOG
        if old and not self._backlog_told and oldest is not None:
            log.error("the backlog grows old: a shipment has been due for %d minutes", (now - oldest) // 60)
        if not old and self._backlog_told:
            log.warning("the backlog is worked off")
        self._backlog_told = old


class _Crew(ThreadPoolExecutor):
    """The hands of one account, or those that fetch; ``free`` counts those that have nothing to do."""

    def __init__(self, hands: int, name: str) -> None:
        super().__init__(hands, thread_name_prefix=f"hand-{name}")
        self.free = threading.Semaphore(hands)
        self._hands = hands

    def take_all(self) -> int:
        """Take every free hand; how many."""
        room = 0
        while room < self._hands and self.free.acquire(blocking=False):
            room += 1
        return room
