"""The order of the tests: those that wait for processes stand first, so that the many others fill the cores."""

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import TypeVar

T = TypeVar("T")


def dealt(tests: Iterable[T], *, waits: Callable[[T], bool], module: Callable[[T], object], workers: int) -> list[T]:
    """``tests`` in an order in which each worker begins with its part of those that wait.

    At first ``--dist worksteal`` gives every worker as many tests, as they stand. Later an idle worker takes tests from
    the end of another one's. The waiting tests of a module stay together: they may share what they have started.
    """
    ordered = list(tests)
    shares: list[list[T]] = [[] for _ in range(workers)]
    for _, together in groupby(filter(waits, ordered), key=module):
        min(shares, key=len).extend(together)
    others = [test for test in ordered if not waits(test)]
    for at, share in enumerate(shares):
        room = (len(ordered) - sum(map(len, shares[:at]))) // (workers - at)
        missing = max(0, room - len(share))
        share += others[:missing]
        del others[:missing]
    return [test for share in shares for test in share]
