"""PURE: the place where the next page of a list begins, as text for an address."""

import base64
import binascii
import json
import math
from typing import Any


class BadCursor(Exception):
    """The text is no cursor of this list."""


def encoded(listing: str, key: tuple[Any, ...]) -> str:
    """The cursor of a list that goes on behind the key."""
    return base64.urlsafe_b64encode(json.dumps([listing, *key]).encode()).decode().rstrip("=")


def decoded(listing: str, kinds: tuple[type, ...], cursor: str) -> tuple[Any, ...]:
    """The key in a cursor of the list, whose values have these types. Raises `BadCursor`."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError, binascii.Error):
        raise BadCursor(cursor) from None
    if not isinstance(values, list) or values[:1] != [listing] or [type(one) for one in values[1:]] != list(kinds):
        raise BadCursor(cursor)
    if any(not math.isfinite(one) if isinstance(one, float) else "\0" in one for one in values[1:]):
        raise BadCursor(cursor)
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a surrogate pair: no database takes it
        raise BadCursor(cursor) from None
    return tuple(values[1:])
