"""What comes of a call: an answer, or none; and how long to wait before the next one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

#: VTEX recommends one minute of silence after 429 ("Orders feed" guide).
LEAST_PAUSE = 60.0
MOST_PAUSE = 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def time(self) -> float | None:
        """The sender's time (``Date``) in seconds since the epoch; ``None`` where it says none."""
        try:
            when = parsedate_to_datetime(self.headers["date"])
            return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
        except (KeyError, ValueError, OverflowError):
            return None


class NoAnswer(Exception):
    """No complete answer arrived, so whether a write was applied is unknown."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def pause(retry_after: str | None, now: float, *, least: float = LEAST_PAUSE) -> float:
    """Seconds to pause for a ``Retry-After``: seconds or an HTTP date; ``least`` if it is missing or invalid."""
    seconds = least
    if retry_after:
        written = retry_after.strip()
        if written.isascii() and written.isdecimal():
            seconds = float(written[:9])
        else:
            try:
                when = parsedate_to_datetime(written)
                seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now
            except (ValueError, OverflowError):
                seconds = least
    return min(max(seconds, least), MOST_PAUSE)
