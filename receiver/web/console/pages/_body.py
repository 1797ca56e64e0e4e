"""PURE: a delivery's body as a person reads it."""

import json
from urllib.parse import parse_qsl

#: The most characters that are shown.
MOST = 100_000


def pretty(body: bytes, content_type: str) -> tuple[str, bool]:
    """The body with a line for each field, where it is JSON or a form; else as it is. And whether it is whole: of a
    long one only the beginning is shown."""
    text = body.decode("utf-8", errors="replace")
    if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        shown = "\n".join(f"{name}: {_indented(value)}" for name, value in parse_qsl(text, keep_blank_values=True))
    else:
        shown = _indented(text)
    return shown[:MOST], len(shown) <= MOST


def _indented(text: str) -> str:
    try:
        found = json.loads(text)
        return json.dumps(found, indent=2, ensure_ascii=False) if isinstance(found, dict | list) else text
    except (ValueError, RecursionError):
        return text
