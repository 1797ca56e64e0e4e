"""Another clock for one process: shifted by what a file says, or faster.

It runs in the process that it is for, before the receiver is imported, because defaults hold `time.time` itself.
"""

import time
from importlib import import_module
from pathlib import Path

_real = time.time


def shifted(file: str) -> None:
    """Shift the clock by the seconds in ``file``, which may change at any time."""

    def clock() -> float:
        words = Path(file).read_text(encoding="ascii")
        return _real() + float(words or "0")

    _install(clock)


def faster(factor: float, since: float) -> None:
    """Let the clock run ``factor`` times as fast since the moment ``since``, in Unix seconds."""
    _install(lambda: virtual_now(factor, since))


def virtual_now(factor: float, since: float) -> float:
    """The time that such a clock shows now."""
    return since + (_real() - since) * factor


def _install(clock: object) -> None:
    # Threads wait for a connection by the clock that this module finds at its import: their patience stays real.
    import_module("sqlalchemy.util.queue")
    time.time = clock  # type: ignore[assignment]
    time.time_ns = lambda: int(time.time() * 1e9)
