"""The log: plain lines for people, or one JSON object a line for machines; to stderr, in UTC."""

import json
import logging
import re
import time
from datetime import UTC, datetime
from typing import Any, Literal

from receiver.log_context import present

Format = Literal["text", "json"]
#: What a line says by itself; a value under the same key does not take its place.
_FIRST = ("time", "level", "logger", "event", "message", "exception")
#: How a line writes what is not known; JSON leaves it out.
_UNKNOWN = "-"
#: ``key=%s`` in the text of a log line, as the house writes them.
_VALUE = re.compile(r"([a-z_]+)=%[-#0 +.\d]*[a-zA-Z]")


def start_logging(written: Format = "text", *, level: str = "INFO") -> None:
    """One line for each event, from ``level`` on for the receiver itself, else from WARNING on. Where the program that
    starts us has set up its own log, that stays."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if written == "json" else _text())
    logging.basicConfig(level="WARNING", handlers=[handler])
    logging.getLogger("receiver").setLevel(level)


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


def _text() -> logging.Formatter:
    formatter = logging.Formatter("%(asctime)sZ %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    return formatter


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
