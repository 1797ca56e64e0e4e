"""What is made of each trouble: a rest with its reason, and a pause of the account where it is not this order's.

Waiting for an order or invoice burns no tries; VTEX's own trouble is tried again with growing pauses; what only a
person can mend is held.
"""

import math
import random
from collections.abc import Callable

from receiver.calls.pauses import KEY_PAUSE, pause, pause_after
from receiver.config import Config
from receiver.reconcile.plan import Rest, basis, hold, waiting
from receiver.reconcile.work import Work
from receiver.store import Queue
from receiver.timing import awaiting, backoff, stamp
from receiver.vtex.answers import Refused, Rejected, VtexError
from receiver.vtex.orders import Wait

#: So many distinct orders refused in a row, within so many seconds, are no longer about the orders.
REFUSED_ORDERS, REFUSED_WITHIN = 3, 600.0
#: Calls that one step of the schedule stands for: by an order's id and by its group.
CALLS_A_LOOK = 2
#: How often a shipment steps back while another one is about to write the same invoice: longer than a lease in all.
STEPS_BACK = 5


class Troubles:
    """Turns what goes wrong into a `Rest`. ``clock`` is Unix time in seconds, ``chance`` makes the jitter."""

    def __init__(self, config: Config, queue: Queue, *, clock: Callable[[], float], chance: random.Random) -> None:
        self._config, self._queue, self._clock, self._chance = config, queue, clock, chance

    def wait_for(self, work: Work, state: str, wait: Wait) -> Rest:
        claim, now = work.claim, self._clock()
        fresh = claim.basis != basis(claim, work.known, work.endpoint)
        if fresh:
            work.wanted_since = now
        if self._past_horizon(work, now):
            return waiting("gave_up", wait.reason, wait.note)
        waits = 0 if fresh else claim.waits
        # A look that asks for the order by several names counts for several: the calls are bounded, not the looks.
        # Who awaits an invoice need not ask again.
        asked = len(work.calls.endings) if state == "awaiting_order" else 0
        steps = max(1, math.ceil(asked / CALLS_A_LOOK))
        work.changes["waits"] = waits + steps
        due_at = now + awaiting(waits, self._config.await_seconds, steps=steps)
        return waiting(state, wait.reason, wait.note, due_at=due_at)

    def back_off(self, work: Work, reason: str, note: str) -> Rest:
        now = self._clock()
        if self._past_horizon(work, now):
            return waiting("gave_up", reason, note)
        work.changes["tries"] = work.claim.tries + 1
        return waiting("due", reason, note, due_at=now + backoff(work.claim.tries + 1, self._chance))

    def step_back(self, work: Work, other: str, note: str) -> Rest:
        """Another shipment has taken the invoice and has yet to say which number it wrote: it may be the same one."""
        if work.claim.tries >= STEPS_BACK:
            return hold("second_parcel", note)
        work.changes["tries"] = work.claim.tries + 1
        at = self._clock() + backoff(work.claim.tries + 1, self._chance)
        return Rest(state="due", note=f"{other} is about to write this invoice", due_at=at, check_at=at)

    def put_back(self, work: Work, until: float) -> Rest:
        """Not this shipment's fault: its tries stay, and it is due as soon as the account is.

        Who awaits an invoice still does, and keeps the way to its order.
        """
        work.decided = False
        awaits = work.claim.state == "awaiting_invoice" and work.sent == work.claim.sent
        return waiting(
            "awaiting_invoice" if awaits else "due", "account_paused", f"until {stamp(until)}", due_at=self._clock()
        )

    def after_error(self, work: Work, error: VtexError) -> Rest:
        until = pause_after(self._queue, work.claim.account, error, now=self._clock())
        if until is not None:
            return self.put_back(work, until)
        if isinstance(error, Refused):
            return self._refused(work, error)
        if isinstance(error, Rejected):
            return hold("vtex_rejected", str(error))
        return self.back_off(work, "vtex_unavailable", str(error))

    def _refused(self, work: Work, error: Refused) -> Rest:
        account, now = work.claim.account, self._clock()
        self._queue.end(work.calls.endings)
        if self._queue.refused_orders(account, since=now - REFUSED_WITHIN) >= REFUSED_ORDERS:
            reason = f"several orders are refused: {error}"
            return self.put_back(work, pause(self._queue, account, KEY_PAUSE, reason, own_fault=True, now=now))
        return hold("vtex_refused", str(error))

    def _past_horizon(self, work: Work, now: float) -> bool:
        return now - (work.wanted_since or now) > self._config.horizon_days * 86_400
