"""PURE: tracking numbers as people, carriers and systems write them."""

import re

_SEPARATORS = re.compile(r"[\s.\-\u2010-\u2015]+")


def normalised(number: str | None) -> str:
    """A tracking number without spaces, hyphens, dots and case, for comparing; ``""`` for one that has nothing else.

    ``QS 123 456 789 BR`` and ``qs123456789br`` are the same number. What normalises to nothing equals nothing.
    """
    return _SEPARATORS.sub("", number).upper() if number else ""


def same_number(one: str | None, other: str | None) -> bool:
    """True where two writings mean one tracking number."""
    plain = normalised(one)
    return bool(plain) and plain == normalised(other)
