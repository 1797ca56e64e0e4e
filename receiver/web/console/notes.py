"""What the reconciler notes beyond a reason, in the person's language. It writes English; the texts of ``notes.toml``
have its sentences with their values, and by these a sentence is found."""

import re
from collections.abc import Iterator
from functools import cache

from receiver.shipments import Reason
from receiver.shipments.record import TO_DECIDE
from receiver.web.console.language import DEFAULT, Speech, texts

_FILE = "notes."
#: Texts that follow the detail of a note.
_TAILS = "notes.tail_"
_VALUE = re.compile(r"\\\{(\w+)\\\}")


def sentences(note: str, reason: Reason | None) -> list[str]:
    """What a note says beyond its reason, which has a text of its own, and without the command."""
    rest, tails = note.partition(TO_DECIDE)[0].strip(), list[str]()
    sentence = reason.sentence if reason else ""
    detail = rest.removeprefix(sentence).strip() if sentence else rest
    while (found := _tail(detail)) is not None:
        detail, tail = found
        tails.insert(0, tail)
    if detail != rest and detail.startswith("(") and detail.endswith(")"):
        detail = detail[1:-1]
    return [one for one in (detail, *tails) if one]


def told(text: str, speech: Speech) -> str:
    """A text of the reconciler in the language; as it is where there is no text for it."""
    if speech.language.code == DEFAULT:
        return text
    for key, pattern in _patterns():
        if (match := pattern.fullmatch(text)) is not None:
            values = {name: _value(name, value, speech) for name, value in match.groupdict().items()}
            return speech.text(key, **values)
    return text


def is_known(text: str) -> bool:
    """Whether there is a text for it."""
    return any(pattern.fullmatch(text) for _, pattern in _patterns())


def _tail(text: str) -> tuple[str, str] | None:
    """A text without its last sentence, and that; ``None`` where it is no tail."""
    for key, pattern in _patterns():
        behind = re.compile(rf"(?:(?P<before>.*)\s)?(?P<tail>{pattern.pattern})", re.DOTALL)
        if key.startswith(_TAILS) and (match := behind.fullmatch(text)) is not None:
            return match["before"] or "", match["tail"]
    return None


def _value(name: str, value: str, speech: Speech) -> str:
    if name == "cause":
        return told(value, speech)
    if name == "invoices":
        return ", ".join(told(one, speech) for one in value.split(", "))
    if name == "rule":
        return ", ".join(speech.text(key) for one in value.split(" and ") if (key := _rule(one)) in texts())
    return value


def _rule(name: str) -> str:
    """The text of a rule by which several invoices fit: the only one left is none then, because nothing names one."""
    return "parcel.none_named" if name == "only_open_invoice" else f"rules.{name}"


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return list(_compiled())


def _compiled() -> Iterator[tuple[str, re.Pattern[str]]]:
    for key, by_language in texts().items():
        if key.startswith(_FILE):
            written = by_language[DEFAULT]
            assert isinstance(written, str)  # noqa: S101  the tests of the texts permit nothing else here
            yield key, re.compile(_VALUE.sub(r"(?P<\1>.+?)", re.escape(written)), re.DOTALL)
