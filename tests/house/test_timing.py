"""How long is waited before a call is tried again."""

import random

import pytest

from receiver.timing import BAD_KEY, INDEX_READ, OUTAGE, RETRY, Backoff, recheck_delay


class Middle(random.Random):
    """No chance at all: the middle of every range."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


@pytest.mark.parametrize("backoff", [RETRY, OUTAGE, BAD_KEY])
def test_doubles(backoff: Backoff) -> None:
    """A wait doubles up to the longest, and no number of failures overflows it."""
    grown = [backoff.seconds(failures, Middle()) for failures in (1, 2, 3, 40, 10_000)]

    assert [backoff.first, 2 * backoff.first, 4 * backoff.first, *[backoff.most] * 2] == grown


def test_jitter() -> None:
    """Hosts that stopped together do not come back together: 20 % up or down."""
    waits = {OUTAGE.seconds(1, random.Random(seed)) for seed in range(50)}

    assert 50 == len(waits)
    assert 0.8 * OUTAGE.first <= min(waits) < max(waits) <= 1.2 * OUTAGE.first


def test_without_chance() -> None:
    """A wait without jitter needs no chance; the first failure is the first wait, and so is none."""
    assert [30.0, 30.0, 60.0] == [INDEX_READ.seconds(failures) for failures in (0, 1, 2)]


def test_schedule() -> None:
    """Looks on a schedule stay at its last step; several steps add up."""
    assert [10.0, 20.0, 20.0] == [recheck_delay(waits, (10.0, 20.0)) for waits in (0, 1, 5)]
    assert 50.0 == recheck_delay(0, (10.0, 20.0), steps=3)
