"""The members of a body's one object, found without parsing it: some carriers sign a part of what they send, and
nothing but bytes is looked at before the proof."""

import json
import re

from adapters._contract import NotAuthentic

#: Bytes of a body in which signed members are looked for: one event comes nowhere near it.
MOST_SEARCHED = 256 * 1024

#: The next mark outside of strings, or a string, or the end. A string that does not end takes the rest of the body:
#: each byte is looked at once.
_MARK = re.compile(rb'[^"\[\]{}:,]*+("(?:[^"\\]++|\\.)*+"?+|[\[\]{}:,]|\Z)', re.DOTALL)


def members(body: bytes) -> dict[str, tuple[int, int]]:
    """Where the text of each member of the body's one object begins and ends, in bytes.

    Every body that is strict JSON is divided as a parser divides it. What else is found in one that is not does no
    harm: it is parsed strictly once it is proven. Raises `NotAuthentic` where there is no object, where a name stands
    twice, and for more than `MOST_SEARCHED` bytes.
    """
    if len(body) > MOST_SEARCHED:
        raise NotAuthentic(f"the body is longer than {MOST_SEARCHED} bytes, and what is signed stands in it")
    found: dict[str, tuple[int, int]] = {}
    depth, name, start = 0, None, None
    for match in _MARK.finditer(body):
        mark = match[1]
        if depth == 1 and mark[:1] == b'"' and start is None:
            name = _text(mark)
        elif depth == 1 and mark == b":" and start is None:
            start = match.end()
        elif depth == 1 and mark in (b",", b"}") and start is not None:
            if name is None or name in found:
                raise _no_object()
            found[name] = _trimmed(body, start, match.start(1))
            name = start = None
        depth += (mark in (b"{", b"[")) - (mark in (b"}", b"]"))
        if depth == 0:
            break
    if depth or not body.strip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        raise _no_object()
    return found


def text_of(body: bytes, extent: tuple[int, int]) -> str | None:
    """The text that a member's string stands for; ``None`` where it is no string."""
    written = body[slice(*extent)]
    return _text(written) if written[:1] == b'"' else None


def _text(written: bytes) -> str:
    try:
        return str(json.loads(written))
    except ValueError:
        raise _no_object() from None


def _trimmed(body: bytes, start: int, end: int) -> tuple[int, int]:
    value = body[start:end]
    return start + len(value) - len(value.lstrip()), end - len(value) + len(value.rstrip())


def _no_object() -> NotAuthentic:
    return NotAuthentic("the body is no JSON object, or names a field twice")
