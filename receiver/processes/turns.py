"""What is done at the end of a turn of the loop, once for all requests that were begun in it."""

import logging
import time
from collections.abc import Callable

log = logging.getLogger("receiver.server")

#: Seconds for which a turn goes on while more arrives. Then what was begun waits no longer.
MOST = 0.01


class TurnsEnd:
    """A delivery alone costs a transaction, and the committing thread a switch, as much as ten that are handed over
    together. ``clock`` is in seconds, and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._works: dict[Callable[[], None], None] = {}
        self._since, self._has_more = 0.0, False

    @property
    def is_awaited(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._works)

    def add(self, work: Callable[[], None]) -> None:
        """Do this at the turn's end, once, however often it is added."""
        if not self._works:
            self._since = self._clock()
        self._works[work] = None
        self._has_more = True

    def after_a_look(self) -> None:
        """End the turn, unless this look at what has arrived brought more."""
        has_more, self._has_more = self._has_more, False
        if self._works and (not has_more or self._clock() >= self._since + MOST):
            works, self._works = self._works, {}
            for work in works:
                try:
                    work()
                except Exception:  # the requests get 503 when their time is over; the loop is everybody's
                    log.exception("what several requests wait for could not be begun")
