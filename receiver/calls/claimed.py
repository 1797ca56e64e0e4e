"""The calls to VTEX for one claim. Each is reserved and recorded before it is made, and needs the lease."""

import time
from collections.abc import Callable, Collection
from typing import Any

from receiver.calls.kept_reads import KeptReads
from receiver.calls.pauses import record_outage, resume_after
from receiver.store import Attempt, Claim, Ending, LeaseLost, Paused, Queue
from receiver.store.counters import VTEX_SECONDS
from receiver.timing import until_slot
from receiver.vtex.answers import Throttled, VtexError, leaves_open, outcome_of
from receiver.vtex.client import BadSegment, Vtex
from receiver.vtex.facts import Fact
from receiver.vtex.order_facts import index_facts
from receiver.vtex.orders import Order

#: The longest wait for a slot of an account's rate limit, in seconds; a shipment that would wait longer is put back.
MAX_WAIT = 10.0


class ClaimCalls:
    """Calls VTEX for one claim. For the settlement, ``endings`` are the calls' outcomes, ``learnt`` the facts that the
    read orders add to the index, ``asked`` the ids asked for. ``clock`` is Unix time in seconds; ``sleep`` waits for a
    slot of the account's rate limit. ``placeholders`` are texts that do not count as tracking numbers, unless they are
    among the parcel's own ``numbers``. ``kept`` has the orders that a former claim read in this process, where a pause
    held back its write.

    Every call raises a `receiver.vtex.answers.VtexError` unless it succeeds, and what `Queue.reserve` raises.
    """

    def __init__(
        self,
        claim: Claim,
        queue: Queue,
        vtex: Vtex,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        kept: KeptReads,
        placeholders: Collection[str] = (),
        numbers: Collection[str] = (),
    ) -> None:
        self._claim, self._queue, self._vtex = claim, queue, vtex
        self._clock, self._sleep = clock, sleep
        self._half_open = claim.half_open
        self._placeholders, self._numbers = tuple(placeholders), tuple(numbers)
        before = kept.take(claim, now=clock())
        # The probe after a pause is a read: the outcome of a write that fails would be unknown.
        self._kept, self._before = kept, None if claim.half_open else before
        self._reads: dict[str, Order] = {}
        self._read_at = self._before.at if self._before else None
        self._orders: dict[str, Order] = {}
        self._sent_at = 0.0
        self.endings: list[Ending] = []
        self.learnt: list[Fact] = []
        self.asked: set[str] = set()

    def order(self, order_id: str, *, call: str = "GET order") -> Order:
        """The order, read once for the claim. Raises `receiver.vtex.orders.UnexpectedOrder` too."""
        if order_id not in self._orders:
            self.asked.add(order_id)
            kept = self._before.orders.get(order_id) if self._before and call == "GET order" else None
            order = kept or self._read(order_id, call)
            self.asked.add(order.order_id)
            self._reads[order_id] = order
            self._orders[order_id] = order.without_placeholders(self._placeholders, but=self._numbers)
        return self._orders[order_id]

    def order_read(self, order_id: str) -> Order | None:
        """The order with exactly this id, if this claim has read it."""
        return next((order for order in self._orders.values() if order.order_id == order_id), None)

    def _read(self, order_id: str, call: str) -> Order:
        document = self._call(Attempt(call=call, order_id=order_id), lambda: self._vtex.get_order(order_id))
        self._read_at = self._read_at or self._sent_at
        order = self._vtex.read(document)
        self.learnt.extend(index_facts(order.without_placeholders(self._vtex.account.never_indexed)))
        return order

    def group(self, group: str) -> Any:
        """The orders of a purchase, as VTEX lists them."""
        attempt = Attempt(call="GET order group", order_id=group)
        return self._call(attempt, lambda: self._vtex.get_order_group(group))

    def patch(self, attempt: Attempt) -> None:
        """Write ``attempt.request`` to the invoice that it names. If the answer is lost, the attempt stays open."""
        invoice, body = attempt.invoice_number or "", dict(attempt.request or {})
        try:
            self._call(attempt, lambda: self._vtex.patch_invoice(attempt.order_id, invoice, body))
        except (Paused, Throttled) as error:
            if self._read_at is not None and not (isinstance(error, Throttled) and leaves_open(error)):
                self._kept.keep(self._claim, self._reads, self._read_at, now=self._clock())
            raise

    def put(self, attempt: Attempt) -> None:
        """Send the events and the delivery in ``attempt.request`` to the invoice that it names.

        If the answer is lost, the call is repeated. It is idempotent, because it sends the whole set. VTEX does not
        document what GET shows of it, so a read could not tell whether it was applied.
        """
        invoice, body = attempt.invoice_number or "", dict(attempt.request or {})
        self._call(attempt, lambda: self._vtex.put_tracking(attempt.order_id, invoice, body))

    def _call(self, attempt: Attempt, make: Callable[[], Any]) -> Any:
        self._wait_for_slot(attempt)
        try:
            content = self._make(make)
        except BadSegment as error:
            self._end(attempt, "not sent", None, str(error))
            raise
        except VtexError as error:
            if not (attempt.call == "PATCH" and leaves_open(error)):
                self._end(attempt, outcome_of(error), error.status, str(error))
            self._record_result(attempt, error)
            raise
        self._end(attempt, "done", 200, _receipt(content))
        self._record_result(attempt)
        return content

    def _record_result(self, attempt: Attempt, error: VtexError | None = None) -> None:
        """Report the call's result to the circuit breaker. `receiver.reconcile.failures` decides about a pause."""
        claim, now = self._claim, self._clock()
        if self._half_open and resume_after(self._queue.accounts, claim.account, error, now=now):
            self._half_open = False
        writing = attempt.request is not None
        record_outage(self._queue.accounts, claim.account, error, order_id=attempt.order_id, writing=writing, now=now)

    def _wait_for_slot(self, attempt: Attempt) -> None:
        now, interval = self._clock(), 60.0 / self._vtex.account.requests_per_minute
        # A claim that has made calls waits longer: otherwise it would have to repeat them.
        max_wait = self._queue.lease / 2 if self.endings else MAX_WAIT
        if self._before is not None:
            max_wait = min(max_wait, max(0.0, self._before.at + self._kept.longest - now))
        starts = self._queue.reserve(self._claim, attempt, interval=interval, now=now, max_wait=max_wait)
        rest = until_slot(starts, asked_at=now, now=self._clock())
        if rest:
            self._sleep(rest)
            try:
                # Other workers made calls meanwhile, and VTEX may have asked for a pause.
                self._queue.accounts.check_open(self._claim.account, now=self._clock())
            except Paused:
                self._end(attempt, "not sent", None, "the account was paused meanwhile")
                raise

    def _make(self, make: Callable[[], Any]) -> Any:
        """Make the call. Raises `LeaseLost` before and after it if the lease has expired."""
        self._check_lease()
        self._sent_at, began = self._clock(), time.perf_counter()
        try:
            return make()
        finally:
            self._queue.counters.time(VTEX_SECONDS, time.perf_counter() - began)
            self._check_lease()

    def _check_lease(self) -> None:
        if self._clock() >= self._claim.lease.until:
            raise LeaseLost(self._claim.id)

    def _end(self, attempt: Attempt, outcome: str, status: int | None, answer: str | None) -> None:
        self.endings.append(Ending(attempt.id, self._clock(), outcome, status, answer, attempt.call))


def _receipt(content: Any) -> str | None:
    """VTEX's protocol number of a write. An order's content must not be stored with the attempts."""
    return str(content["receipt"]) if isinstance(content, dict) and "receipt" in content else None
