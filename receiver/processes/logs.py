"""The log: plain lines for people, or one JSON object a line for machines; to stderr, in UTC."""

import json
import logging
import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from receiver.log_context import present

Format = Literal["text", "json"]
#: What a line says by itself; a value under the same key does not take its place.
_FIRST = ("time", "level", "logger", "event", "message", "exception")
#: How a line writes what is not known; JSON leaves it out.
_UNKNOWN = "-"
#: ``key=%s`` in the text of a log line, as the house writes them.
_VALUE = re.compile(r"([a-z_]+)=%[-#0 +.\d]*[a-zA-Z]")


def start_logging(written: Format) -> None:
    """One line for each event, from INFO on for the receiver itself, else from WARNING on. Where the program that
    starts us has set up its own log, that stays."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if written == "json" else PlainLines())
    logging.basicConfig(level="WARNING", handlers=[handler])
    logging.logThreads = logging.logMultiprocessing = False  # no line names a thread, and each would look it up
    logging.getLogger("receiver").setLevel("INFO")


class JsonLines(logging.Formatter):
    """``time`` (ISO 8601, UTC), ``level``, ``logger``, ``event`` (the phrase that never changes), ``message`` (the
    whole line), and each ``key=value`` of the line under its key, numbers as numbers. Then what the line is about:
    delivery, shipment, order, account. ``exception`` is a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        event, values = _parts(record)
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": event,
            "message": record.getMessage(),
        }
        about = {**present(), **{key: value for key, value in values.items() if value != _UNKNOWN}}
        line |= {key: value for key, value in about.items() if key not in _FIRST}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class PlainLines(logging.Formatter):
    """``2026-01-31T12:00:00Z LEVEL   the line``."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802  logging's
        return _second(int(record.created))


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _parts(record: logging.LogRecord) -> tuple[str, dict[str, Any]]:
    """The phrase and the values of a line; one that the house did not write is its phrase as a whole."""
    text, given = str(record.msg), record.args
    keys = _VALUE.findall(text)
    if not keys or not isinstance(given, tuple) or len(given) != len(keys):
        return record.getMessage(), {}
    first = _VALUE.search(text)
    phrase = text[: first.start()] if first else text
    values = [one if isinstance(one, int | float | None) else str(one) for one in given]
    return phrase.rstrip(" :,"), dict(zip(keys, values, strict=True))
