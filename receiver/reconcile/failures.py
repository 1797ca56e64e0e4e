"""The next state after a failed call, or a missing order or invoice.

Three policies. Order or invoice not there yet: look again on a schedule, without counting a try. VTEX fails: retry with
exponential back-off. Only a person can fix it: hold. Where the failure is about the account, the account is paused.
"""

import math
import random
from collections.abc import Callable
from dataclasses import replace

from receiver.calls.pauses import pause, pause_after
from receiver.config import Config
from receiver.reconcile.context import ReconcileContext
from receiver.shipments import NextState, Reason, State, held, waiting
from receiver.store import Queue
from receiver.timing import BAD_KEY, RETRY, recheck_delay, stamp
from receiver.vtex.answers import Refused, Rejected, VtexError
from receiver.vtex.choice import Wait

#: When this many distinct orders in a row are refused within this many seconds, the cause is not the orders.
REFUSED_ORDERS, REFUSED_WITHIN = 3, 600.0
#: Calls in one step of the schedule: by an order's id and by its group.
CALLS_A_LOOK = 2
#: Reasons after which the order may be in another account.
_NOT_HERE = (Reason.ORDER_NOT_FOUND, Reason.NO_REFERENCE)
#: How often a shipment waits for another one that is about to write the same invoice: in total longer than a lease.
MOST_YIELDS = 5


class FailurePolicy:
    """Turns a failure into the next state. ``clock`` is Unix time in seconds, ``chance`` makes the jitter."""

    def __init__(self, config: Config, queue: Queue, *, clock: Callable[[], float], chance: random.Random) -> None:
        self._config, self._queue, self._clock, self._chance = config, queue, clock, chance

    def wait_for_order(self, context: ReconcileContext, wait: Wait) -> NextState:
        """The order is not there yet. If the endpoint names several accounts, they are asked one after another. After
        the last, the schedule starts again with the first."""
        asked, account = context.endpoint.asked_accounts, context.claim.account
        if account not in asked or context.sent is not None or wait.reason not in _NOT_HERE:
            return self.wait_for(context, State.AWAITING_ORDER, wait)
        following = asked.index(account) + 1
        end = self.wait_for(context, State.AWAITING_ORDER, wait, looks=following)
        if following == len(asked) or end.state is State.GAVE_UP:
            context.account = asked[0]
            return end
        context.account, now = asked[following], self._clock()
        return replace(end, due_at=now, check_at=now)

    def wait_for(self, context: ReconcileContext, state: State, wait: Wait, *, looks: int = 1) -> NextState:
        """The order or the invoice is not there yet: look again on the schedule, until the horizon. ``looks``: how many
        accounts were asked since the last wait."""
        now, has_news = self._clock(), context.has_news()
        if has_news:
            context.wanted_since = now
        if self._past_horizon(context, now):
            return waiting(State.GAVE_UP, wait.reason, wait.note)
        waits = 0 if has_news else context.stored.waits
        # A look that asks for the order by several names counts as several: the schedule limits calls, not looks. A
        # shipment that awaits an invoice need not ask for the order again.
        asked = len(context.calls.endings) if state is State.AWAITING_ORDER else 0
        steps = max(1, math.ceil(asked / CALLS_A_LOOK))
        context.waits = waits + steps
        before = max(0, waits - (looks - 1) * steps)
        delay = recheck_delay(before, self._config.await_seconds, steps=looks * steps)
        return waiting(state, wait.reason, wait.note, due_at=now + delay)

    def back_off(self, context: ReconcileContext, reason: Reason, note: str) -> NextState:
        """Retry with exponential back-off, until the horizon."""
        now = self._clock()
        if self._past_horizon(context, now):
            return waiting(State.GAVE_UP, reason, note)
        context.tries = context.stored.tries + 1
        return waiting(State.DUE, reason, note, due_at=now + RETRY.seconds(context.tries, self._chance))

    def yield_to(self, context: ReconcileContext, other: str, note: str) -> NextState:
        """Wait: another shipment has acquired the invoice and not yet recorded its number, which may be the same."""
        if context.stored.tries >= MOST_YIELDS:
            return held(Reason.SECOND_PARCEL, note)
        context.tries = context.stored.tries + 1
        at = self._clock() + RETRY.seconds(context.tries, self._chance)
        return NextState(state=State.DUE, note=f"{other} is about to write this invoice", due_at=at, check_at=at)

    def put_back(self, context: ReconcileContext, until: float) -> NextState:
        """Put the shipment back without counting a try: the account is paused. It is due when the account's pause ends,
        and keeps its place in the queue.

        A shipment that awaits an invoice keeps that state, and its order.
        """
        context.decided = False
        awaits = context.stored.state is State.AWAITING_INVOICE and context.sent == context.stored.sent
        state = State.AWAITING_INVOICE if awaits else State.DUE
        return waiting(state, Reason.ACCOUNT_PAUSED, f"until {stamp(until)}", due_at=context.claim.due_at)

    def after_error(self, context: ReconcileContext, error: VtexError) -> NextState:
        """Choose the policy for a failed call to VTEX."""
        until = pause_after(self._queue.accounts, context.claim.account, error, now=self._clock())
        if until is not None:
            return self.put_back(context, until)
        if isinstance(error, Refused):
            return self._after_refusal(context, error)
        if isinstance(error, Rejected):
            return held(Reason.VTEX_REJECTED, str(error))
        return self.back_off(context, Reason.VTEX_UNAVAILABLE, str(error))

    def _after_refusal(self, context: ReconcileContext, error: Refused) -> NextState:
        account, now, accounts = context.claim.account, self._clock(), self._queue.accounts
        accounts.attempts.end_now(context.calls.endings)
        if accounts.attempts.refused_orders(account, since=now - REFUSED_WITHIN) >= REFUSED_ORDERS:
            reason = f"several orders are refused: {error}"
            return self.put_back(context, pause(accounts, account, BAD_KEY.first, reason, own_fault=True, now=now))
        return held(Reason.VTEX_REFUSED, str(error))

    def _past_horizon(self, context: ReconcileContext, now: float) -> bool:
        return now - (context.wanted_since or now) > self._config.horizon_days * 86_400
