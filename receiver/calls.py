"""The calls to VTEX for one claim: each booked before it is made, none made without the lease, every ending noted."""

import logging
import random
from collections.abc import Callable
from typing import Any

from receiver.pauses import answers_again
from receiver.store import Attempt, Claim, LeaseLost, Paused, Queue
from receiver.store.queue import Ending
from receiver.vtex.answers import (
    Misconfigured,
    NoAnswer,
    NotFound,
    Rejected,
    Throttled,
    Transient,
    VtexError,
    outage_pause,
)
from receiver.vtex.client import BadSegment, Vtex
from receiver.vtex.orders import Order, read_order

log = logging.getLogger("receiver.worker")

#: The longest wait for a place in an account's pace; a shipment that would wait longer is put back instead.
LONGEST_WAIT = 10.0


class Calls:
    """``endings`` tell how the calls went, for the settlement. ``clock`` is Unix time in seconds, ``sleep`` waits for
    a place in the account's pace; ``chance`` is for the jitter of pauses.

    Every call raises a `receiver.vtex.answers.VtexError` unless it succeeds, and what `Queue.book` raises.
    """

    def __init__(
        self,
        claim: Claim,
        queue: Queue,
        vtex: Vtex,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        chance: random.Random | None = None,
    ) -> None:
        self._claim, self._queue, self._vtex = claim, queue, vtex
        self._clock, self._sleep = clock, sleep
        self._chance = chance or random.Random()  # noqa: S311  only jitter
        self._orders: dict[str, Order] = {}
        self.endings: list[Ending] = []

    def order(self, order_id: str, *, call: str = "GET order") -> Order:
        """The order, read once for the claim. Raises `receiver.vtex.orders.UnexpectedOrder` too."""
        if order_id not in self._orders:
            attempt = Attempt(call=call, order_id=order_id)
            self._orders[order_id] = read_order(self._booked(attempt, lambda: self._vtex.get_order(order_id)))
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
            if not (attempt.call == "PATCH" and _unknown(error)):
                outcome = "no answer" if isinstance(error, NoAnswer) else type(error).__name__.lower()
                self._end(attempt, outcome, error.status, str(error))
            if isinstance(error, NotFound | Rejected):
                self._answers_again()
            self._note_trouble(error, attempt.order_id)
            raise
        self._end(attempt, "done", 200, _receipt(content))
        self._answers_again()
        self._queue.answered(self._claim.account)
        return content

    def _note_trouble(self, error: VtexError, order_id: str) -> None:
        """One order's trouble is its own; that of many in a row is VTEX's, and then the account rests."""
        account, now = self._claim.account, self._clock()
        if isinstance(error, NoAnswer | Transient):
            if self._queue.failed(
                account, order_id, now=now, rest=lambda before: outage_pause(before, self._chance), reason=str(error)
            ):
                log.error("VTEX account %s is paused for a moment: %s. Everything is kept.", account, error)
        elif not isinstance(error, Throttled | Misconfigured):
            self._queue.answered(account)

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

    def _answers_again(self) -> None:
        if self._claim.probing and answers_again(self._queue, self._claim.account, now=self._clock()):
            self._claim.probing = False


def _unknown(error: VtexError) -> bool:
    """Whether a write was applied: a server's error, a gateway's and a garbled answer say as little as none."""
    return isinstance(error, NoAnswer | Transient)


def _receipt(content: Any) -> str | None:
    """VTEX's protocol number of a write; an order's content is not for the log of attempts."""
    return str(content["receipt"]) if isinstance(content, dict) and "receipt" in content else None
