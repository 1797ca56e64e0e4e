"""Low-priority calls to VTEX that no shipment waits for: the index, the hook's configuration, posted invoices. They
share the account's rate limit and circuit breaker with the workers, and run only when no live shipment is due."""

import math
import time
from collections.abc import Callable
from typing import TypeVar

from receiver.calls.pauses import record_result
from receiver.config import Config
from receiver.http import Http
from receiver.store import Database, Paused, Queue, RateLimited
from receiver.store.counters import VTEX_CALLS, VTEX_SECONDS
from receiver.timing import BACKGROUND_READ, until_slot
from receiver.vtex.answers import Misconfigured, Throttled, Transient, Unanswered, VtexError, outcome_of
from receiver.vtex.client import Vtex

T = TypeVar("T")

#: The longest single sleep: the pause, or the live work, may end earlier than expected.
_NAP = 5.0


def calls_to(
    config: Config,
    database: Database,
    account: str,
    *,
    waiting: Callable[[str], None] = lambda _: None,
    gives_way: bool = False,
) -> "BackgroundCalls":
    """Calls to an account of the configuration for one person who waits: in turn with the workers, so that a backlog
    does not keep people from deciding. With ``gives_way`` they come behind all that is due."""
    settings = config.accounts[account]
    queue = Queue(database, worker_name=f"person-{time.time_ns()}", lease=config.lease)
    vtex = Vtex(settings, Http([settings.base_url]), clock=time.time)
    return BackgroundCalls(queue, vtex, clock=time.time, sleep=time.sleep, waiting=waiting, gives_way=gives_way)


class BackgroundCalls:
    """Calls of one account. ``clock`` is Unix time in seconds. ``waiting`` is called once a wait, with its reason.
    ``gives_way``: shipments that are due come first."""

    def __init__(
        self,
        queue: Queue,
        vtex: Vtex,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        waiting: Callable[[str], None] = lambda _: None,
        gives_way: bool,
    ) -> None:
        self._queue, self.vtex, self._gives_way = queue, vtex, gives_way
        self._clock, self._sleep, self._waiting = clock, sleep, waiting

    def call(self, make: Callable[[], T], *, order_id: str | None = None, max_wait: float = math.inf) -> T:
        """Call ``make`` once, as soon as the account has room; returns its result.

        Raises `RateLimited` or `Paused` if ``max_wait`` seconds were not enough (then it was not called), what ``make``
        raises, `receiver.store.StoreUnavailable`. 429, 503, a wrong key and failures of many orders in a row pause the
        account for all. A call without ``order_id`` is about no order and needs a permission that invoices do not. So
        its refusal does not count against the key, nor its failure against the orders.
        """
        account = self.vtex.account.name
        self._wait_for_slot(account, self._clock() + max_wait)
        began = time.perf_counter()
        try:
            result = make()
        except VtexError as error:
            self._count(account, outcome_of(error), time.perf_counter() - began)
            if order_id is not None or not isinstance(error, Misconfigured):
                record_result(self._queue.accounts, account, error, order_id=order_id, now=self._clock())
            raise
        self._count(account, "done", time.perf_counter() - began)
        record_result(self._queue.accounts, account, order_id=order_id, now=self._clock())
        return result

    def _count(self, account: str, outcome: str, seconds: float) -> None:
        """These calls are not recorded one by one: they count together."""
        counters = self._queue.counters
        counters.later(VTEX_CALLS, account, "background", outcome)
        counters.time(VTEX_SECONDS, seconds)

    def read(self, make: Callable[[], T], *, order_id: str | None = None) -> T:
        """Like `call`, for calls that may be repeated: it waits for pauses to end, and retries failures of VTEX."""
        tries = 0
        while True:
            try:
                return self.call(make, order_id=order_id)
            except Throttled as error:
                self._waiting(f"VTEX account {self.vtex.account.name}: {error}; tried again after its pause")
            except (Unanswered, Transient) as error:
                tries += 1
                if tries == BACKGROUND_READ.tries:
                    raise
                rest = BACKGROUND_READ.seconds(tries)
                self._waiting(f"VTEX account {self.vtex.account.name}: {error}; tried again in {rest:.0f} s")
                self._sleep(rest)

    def _wait_for_slot(self, account: str, ends: float) -> None:
        is_reported = False
        while True:
            now = self._clock()
            try:
                self._reserve_slot(account, ends)
            except RateLimited as error:
                until, why = error.at, f"{'shipments' if self._gives_way else 'other calls'} of the account come first"
                if until > ends:
                    raise
            except Paused as error:
                until, why = error.until, str(error)
                if until > ends:
                    raise
            else:
                return
            if not is_reported:
                self._waiting(f"VTEX account {account}: {why}")
                is_reported = True
            self._sleep(min(until - now, _NAP))

    def _reserve_slot(self, account: str, ends: float) -> None:
        """Reserve a slot and wait for it. Raises `RateLimited`, or `Paused`, also for a pause that began meanwhile."""
        now, interval = self._clock(), 60.0 / self.vtex.account.requests_per_minute
        if self._gives_way:
            starts = self._queue.reserve_background(account, interval=interval, now=now)
        else:
            starts = self._queue.accounts.reserve_read(account, interval=interval, now=now, max_wait=ends - now)
        rest = until_slot(starts, asked_at=now, now=self._clock())
        if rest:
            self._sleep(rest)
            self._queue.accounts.check_open(account, now=self._clock())
