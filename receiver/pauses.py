"""When an account must be quiet, and for how long: one rule for the calls of shipments and for all others."""

import logging

from receiver.plan import stamp
from receiver.store import Queue
from receiver.vtex.answers import Misconfigured, Throttled, VtexError

log = logging.getLogger("receiver.worker")

#: A pause for a key that does not work: 5 minutes, doubling to an hour, until a call succeeds.
KEY_PAUSE, LONGEST_KEY_PAUSE = 300.0, 3600.0


def pause_after(queue: Queue, account: str, error: VtexError, *, now: float) -> float | None:
    """Pause the account where the error asks for it: VTEX's own word, or a key that does not work.

    Returns until when (seconds since the epoch); ``None`` where the error is about the one call only.
    """
    if isinstance(error, Throttled):
        return pause(queue, account, error.pause, str(error), own_fault=False, now=now)
    if isinstance(error, Misconfigured):
        seconds = min(LONGEST_KEY_PAUSE, KEY_PAUSE * 2.0 ** min(queue.pauses(account), 8))
        return pause(queue, account, seconds, str(error), own_fault=True, now=now)
    return None


def pause(queue: Queue, account: str, seconds: float, reason: str, *, own_fault: bool, now: float) -> float:
    """Pause the account for so long, told once in the log. Returns until when."""
    until = now + seconds
    if queue.pause(account, until=until, reason=reason, own_fault=own_fault, now=now):
        log.error("VTEX account %s is paused until %s: %s. Everything is kept.", account, stamp(until), reason)
    return until
