"""The calls to VTEX for one claim: each booked before it is made, none made without the lease, every ending noted."""

from collections.abc import Callable
from typing import Any

from receiver.calls.pauses import answers_again, is_answer, note_outage
from receiver.store import Attempt, Claim, LeaseLost, Paused, Queue
from receiver.store.queue import Ending
from receiver.vtex.answers import VtexError, leaves_open, outcome_of
from receiver.vtex.client import BadSegment, Vtex
from receiver.vtex.facts import Fact, index_facts
from receiver.vtex.orders import Order, read_order

#: The longest wait for a place in an account's pace; a shipment that would wait longer is put back instead.
LONGEST_WAIT = 10.0


class Calls:
    """``endings`` tell how the calls went, ``learnt`` what the orders teach the index that were read, ``asked`` which
    ids were asked for: all for the settlement. ``clock`` is Unix time in seconds, ``sleep`` waits for a place in the
    account's pace.

    Every call raises a `receiver.vtex.answers.VtexError` unless it succeeds, and what `Queue.book` raises.
    """

    def __init__(
        self, claim: Claim, queue: Queue, vtex: Vtex, *, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._claim, self._queue, self._vtex = claim, queue, vtex
        self._clock, self._sleep = clock, sleep
        self._orders: dict[str, Order] = {}
        self.endings: list[Ending] = []
        self.learnt: list[Fact] = []
        self.asked: set[str] = set()

    def order(self, order_id: str, *, call: str = "GET order") -> Order:
        """The order, read once for the claim. Raises `receiver.vtex.orders.UnexpectedOrder` too."""
        if order_id not in self._orders:
            attempt = Attempt(call=call, order_id=order_id)
            self.asked.add(order_id)
            self._orders[order_id] = read_order(self._booked(attempt, lambda: self._vtex.get_order(order_id)))
            self.learnt.extend(index_facts(self._orders[order_id]))
        return self._orders[order_id]

    def group(self, group: str) -> Any:
        """The orders of a purchase, as VTEX lists them."""
        attempt = Attempt(call="GET order group", order_id=group)
        return self._booked(attempt, lambda: self._vtex.get_order_group(group))

    def patch(self, attempt: Attempt) -> None:
        """Write ``attempt.request`` to the invoice that it names. Of unknown outcome, the attempt stays open."""
        invoice, body = attempt.invoice_number or "", attempt.request or {}
        self._booked(attempt, lambda: self._vtex.patch_invoice(attempt.order_id, invoice, body))

    def put(self, attempt: Attempt) -> None:
        """Tell the events and the delivery in ``attempt.request`` to the invoice that it names.

        Of unknown outcome, it is simply made again: it carries the whole set, and what GET shows of one VTEX nowhere
        says, so that no look could tell whether it was applied.
        """
        invoice, body = attempt.invoice_number or "", attempt.request or {}
        self._booked(attempt, lambda: self._vtex.put_tracking(attempt.order_id, invoice, body))

    def _booked(self, attempt: Attempt, make: Callable[[], Any]) -> Any:
        self._wait_for_place(attempt)
        try:
            content = self._made(make)
        except BadSegment as error:
            self._end(attempt, "not sent", None, str(error))
            raise
        except VtexError as error:
            if not (attempt.call == "PATCH" and leaves_open(error)):
                self._end(attempt, outcome_of(error), error.status, str(error))
            self._heard(attempt, error)
            raise
        self._end(attempt, "done", 200, _receipt(content))
        self._heard(attempt)
        return content

    def _heard(self, attempt: Attempt, error: VtexError | None = None) -> None:
        """What the call's end says of the account; where it must be quiet is told by who settles the claim."""
        claim, now = self._claim, self._clock()
        if claim.probing and is_answer(error) and answers_again(self._queue, claim.account, now=now):
            claim.probing = False
        writing = attempt.request is not None
        note_outage(self._queue, claim.account, error, order_id=attempt.order_id, writing=writing, now=now)

    def _wait_for_place(self, attempt: Attempt) -> None:
        # A claim that has asked already would have to ask again: it is more patient.
        patience = self._queue.lease / 2 if self.endings else LONGEST_WAIT
        now, span = self._clock(), 60.0 / self._vtex.account.requests_per_minute
        starts = self._queue.book(self._claim, attempt, span=span, now=now, longest_wait=patience)
        if starts > now:
            self._sleep(starts - now)
            try:
                # Others went on calling meanwhile, and may have been asked to be quiet.
                self._queue.check_open(self._claim.account, now=self._clock())
            except Paused:
                self._end(attempt, "not sent", None, "the account was paused meanwhile")
                raise

    def _made(self, make: Callable[[], Any]) -> Any:
        """Neither a call nor a word about it from somebody who slept through his lease."""
        self._check_lease()
        try:
            return make()
        finally:
            self._check_lease()

    def _check_lease(self) -> None:
        if self._clock() >= self._claim.lease_until:
            raise LeaseLost(self._claim.id)

    def _end(self, attempt: Attempt, outcome: str, status: int | None, answer: str | None) -> None:
        self.endings.append(Ending(attempt.id, self._clock(), outcome, status, answer))


def _receipt(content: Any) -> str | None:
    """VTEX's protocol number of a write; an order's content is not for the log of attempts."""
    return str(content["receipt"]) if isinstance(content, dict) and "receipt" in content else None
