"""The circuit breaker: when an account is paused, for how long, and when it resumes; one rule for all calls."""

import logging
import random
import threading
from weakref import WeakKeyDictionary

from receiver.calls.pause_end import how_it_ends
from receiver.store.work.accounts import Accounts
from receiver.timing import BAD_KEY, OUTAGE, is_within, stamp
from receiver.vtex.answers import (
    Misconfigured,
    NotFound,
    Rejected,
    Throttled,
    Transient,
    Unanswered,
    Unroutable,
    VtexError,
)

log = logging.getLogger("receiver.worker")

_CHANCE = random.Random()  # noqa: S311  only jitter
#: Lines about pauses of one account that a process writes within an hour: VTEX may ask for one every minute.
_LINES, _HOUR = 6, 3600.0


def record_result(
    accounts: Accounts,
    account: str,
    error: VtexError | None = None,
    *,
    order_id: str | None,
    now: float,
    writing: bool = False,
) -> None:
    """Pause or resume the account after the result of a call that no shipment waits for.

    ``order_id``: the order that the call read or wrote; ``None``: none, so its failure does not count for orders.
    """
    if error is not None:
        pause_after(accounts, account, error, now=now)
    resume_after(accounts, account, error, now=now)
    if order_id is not None:
        record_outage(accounts, account, error, order_id=order_id, writing=writing, now=now)


def is_answer(error: VtexError | None) -> bool:
    """Whether this result proves that the account takes calls, because VTEX looked for the resource. An error page of
    its web server proves nothing."""
    return error is None or (isinstance(error, NotFound | Rejected) and not isinstance(error, Unroutable))


def record_outage(
    accounts: Accounts, account: str, error: VtexError | None, *, order_id: str, writing: bool, now: float
) -> None:
    """Count a call's result. Failures of many orders in a row pause the account; one order's failures do not."""
    if isinstance(error, Unanswered | Transient):
        opened = accounts.failed(account, order_id, writing=writing, now=now, pause_seconds=_outage, reason=str(error))
        if opened and _may_log(accounts, account, now=now):
            log.error(
                "account paused, shipments wait: account=%s reason=%s ends=%s",
                account, error, how_it_ends(account, own_fault=False),
            )  # fmt: skip
    elif not isinstance(error, Throttled | Misconfigured):
        accounts.answered(account, writing=writing)


def resume_after(accounts: Accounts, account: str, error: VtexError | None = None, *, now: float) -> bool:
    """End a pause that is over, and log it, if the call's result shows that the account takes calls. False: it shows
    nothing, there was no pause, or it is in force.

    A server error ends a pause that VTEX asked for, since it let the call in, and no pause for server errors.
    """
    failed = isinstance(error, Transient)
    if not failed and not is_answer(error):
        return False
    resumed = accounts.resume(account, now=now, failed=failed)
    if resumed and _may_log(accounts, account, now=now):
        log.warning("account resumed, VTEX answers again: account=%s", account)
    return resumed


def pause_after(accounts: Accounts, account: str, error: VtexError, *, now: float) -> float | None:
    """Pause the account if VTEX asks for it, or if the key does not work. A 503 without a length is an outage like any
    other: a short pause that doubles.

    Returns until when (seconds since the epoch); ``None`` if the error is only about this call.
    """
    if isinstance(error, Throttled):
        seconds = error.pause if error.pause is not None else _outage(accounts.pauses(account, now=now))
        return pause(accounts, account, seconds, str(error), own_fault=False, now=now)
    if isinstance(error, Misconfigured):
        seconds = BAD_KEY.seconds(accounts.pauses(account, now=now) + 1)
        return pause(accounts, account, seconds, str(error), own_fault=True, now=now)
    return None


def pause(accounts: Accounts, account: str, seconds: float, reason: str, *, own_fault: bool, now: float) -> float:
    """Pause the account for so many seconds, and log it once. Returns until when."""
    until = now + seconds
    begun = accounts.pause(account, until=until, reason=reason, own_fault=own_fault, now=now)
    if begun and (own_fault or _may_log(accounts, account, now=now)):
        log.error(
            "account paused, shipments wait: account=%s until=%s reason=%s ends=%s",
            account, stamp(until), reason, how_it_ends(account, own_fault=own_fault),
        )  # fmt: skip
    return until


def _outage(pauses: int) -> float:
    """Seconds of a pause while VTEX does not answer, after ``pauses`` earlier ones."""
    return OUTAGE.seconds(pauses + 1, _CHANCE)


class _Lines:
    """The lines of one account within the present hour."""

    def __init__(self, now: float) -> None:
        self.begun, self.many = now, 0


_WRITTEN: WeakKeyDictionary[Accounts, dict[str, _Lines]] = WeakKeyDictionary()
_LOCK = threading.Lock()


def _may_log(accounts: Accounts, account: str, *, now: float) -> bool:
    """Whether one more line about the account fits into this hour. The first that does not is replaced by one that says
    so."""
    with _LOCK:
        of = _WRITTEN.setdefault(accounts, {})
        lines = of.get(account)
        if lines is None or not is_within(_HOUR, lines.begun, now):
            lines = of[account] = _Lines(now)
        lines.many += 1
        many = lines.many
    if many == _LINES + 1:
        log.warning(
            "account paused and resumed again and again, further lines are left out for an hour: account=%s see=%s",
            account, "receiver check",
        )  # fmt: skip
    return many <= _LINES
