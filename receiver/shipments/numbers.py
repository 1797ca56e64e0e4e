"""PURE: tracking numbers as people, carriers and systems write them."""

import re
from collections.abc import Iterable

#: Separators between the numbers of several parcels. VTEX documents none; this receiver writes ";".
_BETWEEN = re.compile(r"[;,|]")
_SEPARATORS = re.compile(r"[\s.\-\u2010-\u2015]+")


def normalised(number: str | None) -> str:
    """A tracking number without spaces, hyphens, dots and case, for comparing; ``""`` if nothing else remains.

    ``QS 123 456 789 BR`` and ``qs123456789br`` are the same number. An empty result equals no number.
    """
    return _SEPARATORS.sub("", number).upper() if number else ""


def spellings(number: str | None) -> set[str]:
    """A number as written and normalised, because databases hold either. Empty if nothing remains after normalising."""
    plain = normalised(number)
    return {number, plain} if number and plain else set()


def is_among(number: str | None, numbers: Iterable[str | None]) -> bool:
    """True if one of ``numbers`` is the same number, in any notation."""
    return any(same_number(number, one) for one in numbers)


def same_number(one: str | None, other: str | None) -> bool:
    """True if two notations mean one tracking number."""
    plain = normalised(one)
    return bool(plain) and plain == normalised(other)


def joins(text: str | None, numbers: Iterable[str]) -> bool:
    """True if the text consists of just these numbers, in any order and notation."""
    parts = {normalised(part) for part in _BETWEEN.split(text)} if text else set()
    return bool(parts) and "" not in parts and parts == {normalised(number) for number in numbers}


def numbers_in(text: str | None) -> list[str]:
    """A number as an invoice shows it, and each of those that it joins."""
    return list(dict.fromkeys([text, *_BETWEEN.split(text)])) if text else []
