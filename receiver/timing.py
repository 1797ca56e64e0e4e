"""PURE: back-off, schedules, and how times are shown. Nothing here reads a clock.

========================  ==========================================  ===========================
what is tried again       after                                       constant
========================  ==========================================  ===========================
a shipment or a fetch     a call that failed                          `RETRY`
all calls of an account   ten orders in a row without an answer       `OUTAGE`
all calls of an account   a key that does not work                    `BAD_KEY`
a message to people       a channel that failed                       `NOTIFICATION`
an order for the index    a read that failed                          `INDEX_READ`
a command's own read      a read that failed                          `BACKGROUND_READ`
a read-back               a write that is not visible yet             `READ_BACKS`
a look for a lost answer  a write whose outcome is unknown            setting `read_back_seconds`
a look for an order       an order or invoice that is not there yet   setting `await_seconds`
========================  ==========================================  ===========================
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate


def until_slot(starts: float, *, asked_at: float, now: float) -> float:
    """Seconds until a slot of the rate limit that was asked for at ``asked_at``, all in Unix time; 0 if it has begun.
    To reserve it took a while, which is over; a clock that was set back meanwhile adds nothing."""
    return max(0.0, min(starts - asked_at, starts - now))


def is_within(seconds: float, since: float, now: float) -> bool:
    """Whether so many seconds have not yet passed ``since`` then, both in Unix time. A time that lies ahead is from
    before the clock was set back, and holds up nothing."""
    return since <= now < since + seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential back-off: waits that double from ``first`` to ``most`` seconds, each ± ``jitter`` of itself, so that
    hosts do not retry at the same moment. ``tries``: the failures after which a caller that counts them gives up."""

    first: float
    most: float = math.inf
    jitter: float = 0.0
    tries: int | None = None

    def seconds(self, failures: int, chance: random.Random | None = None) -> float:
        """The wait in seconds after this many failures, the first being 1."""
        wait = min(self.most, self.first * 2.0 ** min(max(failures, 1) - 1, 20))
        return wait * chance.uniform(1 - self.jitter, 1 + self.jitter) if chance and self.jitter else wait


RETRY = Backoff(first=5.0, most=3600.0, jitter=0.2)
#: Failures of `RETRY` in a row after which a shipment is told: about three quarters of an hour.
UNANSWERED_TRIES = 10
OUTAGE = Backoff(first=15.0, most=300.0, jitter=0.2)
BAD_KEY = Backoff(first=300.0, most=3600.0)
NOTIFICATION = Backoff(first=30.0, most=3600.0, tries=30)
#: Failures after which an order that cannot be read for the index is tried once a day, and told.
UNREAD_TRIES = 8
INDEX_READ = Backoff(first=30.0, tries=UNREAD_TRIES)
BACKGROUND_READ = Backoff(first=5.0, tries=5)
#: Seconds from a write to its first read-back, unless the configuration says otherwise.
READ_BACK_SECONDS = 10.0
#: Read-backs after a write, in multiples of ``read_back_seconds``: VTEX applies writes seconds later.
READ_BACKS = (1, 6, 60)


def recheck_delay(waits: int, schedule: Sequence[float], *, steps: int = 1) -> float:
    """Seconds until the next look: ``steps`` steps of the schedule, after ``waits`` of them."""
    return sum(schedule[min(step, len(schedule) - 1)] for step in range(waits, waits + steps))


def next_read_back(written_at: float, seconds: float, now: float) -> float | None:
    """The next time in the schedule of `READ_BACKS`, in multiples of ``seconds``; ``None``: the schedule is over."""
    looks = (written_at + multiple * seconds for multiple in accumulate(READ_BACKS))
    return next((at for at in looks if at > now), None)


def moment(seconds: float) -> datetime:
    """Seconds since the epoch as a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def stamp(seconds: float) -> str:
    """Seconds since the epoch as people read them."""
    return moment(seconds).isoformat(timespec="seconds").replace("+00:00", "Z")
