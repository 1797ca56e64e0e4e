"""PURE: when to try again, and how times are shown. Nothing here reads a clock: the time is given."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime

LONGEST_BACKOFF = 3600.0


#: Read-backs after a write, in multiples of ``read_back_seconds``: VTEX applies writes seconds later.
READ_BACKS = (1, 6, 60)


def awaiting(waits: int, schedule: Sequence[float], *, steps: int = 1) -> float:
    """Seconds until the next look, so many ``steps`` of the schedule further, after ``waits`` of them."""
    return sum(schedule[min(step, len(schedule) - 1)] for step in range(waits, waits + steps))


def backoff(tries: int, chance: random.Random) -> float:
    """Seconds until the next try, after ``tries`` failures: 5 s doubling to an hour, ± 20 %."""
    return min(LONGEST_BACKOFF, 5.0 * 2.0 ** min(tries - 1, 20)) * chance.uniform(0.8, 1.2)


def stamp(moment: float) -> str:
    """Seconds since the epoch as people read them."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
