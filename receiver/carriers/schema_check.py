"""Compiled checks of payloads, a hundred times as fast as jsonschema. The only user of jsonschema_rs.

A compiled check may only pass what jsonschema would pass. What it does not pass is no fault yet: jsonschema judges it.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Never

#: Keywords that hold values of payloads, and no schemas.
_VALUES = ("const", "enum", "default", "examples")
#: A pattern that means the same in Python and in the compiled check, but for blanks.
_PLAIN = re.compile(r"\^?(?:[\w/:, -]|\\[.sS]|[*+])*", re.ASCII)
#: What Python's ``\s`` stands for, as a class of characters. JSON Schema's own stands for others.
_BLANKS = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def compiled(schema: dict[str, Any]) -> Callable[[Any], bool]:
    """Whether a payload surely is as ``schema`` asks. It is compiled when it is first asked."""

    @cache
    def check() -> Callable[[Any], bool]:
        return _compiled(schema)

    def passes(payload: Any) -> bool:
        try:
            return check()(payload)
        except ValueError:  # what it cannot hold, such as half a surrogate
            return False

    return passes


def _compiled(schema: dict[str, Any]) -> Callable[[Any], bool]:
    try:
        import jsonschema_rs  # noqa: PLC0415  a slow import that a command for people does not need
    except ImportError:  # no wheel for this machine
        return _never_sure
    try:
        read = _as_python_reads(schema)
        return jsonschema_rs.Draft202012Validator(read, retriever=_retrieved).is_valid
    except (ValueError, jsonschema_rs.ReferencingError):
        return _never_sure


def _never_sure(_payload: Any) -> bool:
    return False


def _as_python_reads(schema: Any) -> Any:
    """The schema with patterns that mean to the compiled check what they mean to Python. Raises `ValueError`."""
    if isinstance(schema, list):
        return [_as_python_reads(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    if "patternProperties" in schema:
        raise ValueError("patterns for names")
    read = {name: inner if name in _VALUES else _as_python_reads(inner) for name, inner in schema.items()}
    if isinstance(pattern := schema.get("pattern"), str):
        if not _PLAIN.fullmatch(pattern):
            raise ValueError(f"a pattern that may mean something else: {pattern}")
        read["pattern"] = pattern.replace(r"\s", f"[{_BLANKS}]").replace(r"\S", f"[^{_BLANKS}]")
    return read


def _retrieved(uri: str) -> Never:
    """Nothing is fetched for a schema."""
    raise ValueError(f"{uri} is not in the schema")
