"""Notices that this machine's clock was set back."""

from collections.abc import Callable

#: Smaller differences come from NTP's slewing and from busy machines, in seconds.
_LEAST = 2.0


class ClockSteps:
    """Compares the wall clock with one that only goes forward. Both are in seconds."""

    def __init__(self, wall: Callable[[], float], steady: Callable[[], float]) -> None:
        self._wall, self._steady = wall, steady
        self._apart = wall() - steady()

    def look(self) -> float:
        """The seconds by which the wall clock was set back since the last look; 0 if it was not."""
        apart = self._wall() - self._steady()
        back, self._apart = self._apart - apart, apart
        return back if back > _LEAST else 0.0
