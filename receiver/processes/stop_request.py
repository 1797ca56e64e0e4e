"""A signal's wish that a command ends, looked at where ending is safe.

Python's own way, an exception out of the signal, comes out of whatever runs just then: a connection on its way back to
the pool prints it and goes on as if nothing had been said.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: The longest single sleep: so long a signal may wait to be noticed.
_NAP = 0.25


class Stopped(Exception):
    """A signal asked the command to end."""


class StopRequest:
    """Whether the command was asked to end."""

    def __init__(self) -> None:
        self._asked = False

    def ask(self) -> None:
        self._asked = True

    def check(self) -> None:
        """Raises `Stopped` where a signal asked for it."""
        if self._asked:
            raise Stopped

    def pause(self, seconds: float, *, sleep: Callable[[float], object] = time.sleep) -> None:
        """Sleep so long. Raises `Stopped` soon after a signal asked for it."""
        self.check()
        while seconds > 0:
            nap = min(seconds, _NAP)
            sleep(nap)
            seconds -= nap
            self.check()


@contextmanager
def stop_request(*signals: signal.Signals) -> Iterator[StopRequest]:
    """In the block each of these signals asks to end. The second one ends the command wherever it is."""
    request = StopRequest()
    former = {number: signal.getsignal(number) for number in signals}

    def asked(_number: int, _frame: object) -> None:
        request.ask()
        for each in signals:
            signal.signal(each, signal.default_int_handler)

    for number in signals:
        signal.signal(number, asked)
    try:
        yield request
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
