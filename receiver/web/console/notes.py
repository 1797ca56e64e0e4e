"""What the reconciler notes beyond a reason, and why something cannot be read, in the person's language.

The program writes English. ``notes.toml`` and ``faults.toml`` have its sentences with their values: by these a sentence
is found.
"""

import re
from collections.abc import Iterator
from functools import cache

from receiver.shipments import Reason
from receiver.shipments.record import TO_DECIDE
from receiver.web.console.language import DEFAULT, Speech, texts

#: The texts of what the reconciler notes, and of why something did not get in or cannot be read.
NOTES, FAULTS = "notes.", "faults."
#: Texts that follow the detail of a note.
_TAILS = "notes.tail_"
#: Values that are sentences themselves.
_SENTENCES = ("cause", "why")
#: Values that name several ways, one of which would do.
_WAYS = ("members", "wanted")
#: Values that are short texts themselves, or several with commas between.
_TEXTS = ("invoices", "values", "back", "there")
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


def told(text: str, speech: Speech, file: str = NOTES) -> str:
    """A text of the program in the language; as it is where the file has no text for it. English goes the same way: the
    program names a rule by its code."""
    for key, pattern in _patterns(file):
        if (match := pattern.fullmatch(text)) is not None:
            values = {name: _value(name, value, speech, file) for name, value in match.groupdict().items()}
            return speech.text(key, **values)
    return text


def fault(text: str, speech: Speech) -> tuple[str, str]:
    """Why something did not get in or cannot be read: the JSON path in front of it, if there is one, and the sentence
    in the language."""
    path, mark, why = text.partition(": ") if text.startswith("$") else ("", "", text)
    return f"{path}{mark}", told(why, speech, FAULTS)


def _tail(text: str) -> tuple[str, str] | None:
    """A text without its last sentence, and that; ``None`` where it is no tail."""
    for key, pattern in _patterns(NOTES):
        behind = re.compile(rf"(?:(?P<before>.*)\s)?(?P<tail>{pattern.pattern})", re.DOTALL)
        if key.startswith(_TAILS) and (match := behind.fullmatch(text)) is not None:
            return match["before"] or "", match["tail"]
    return None


def _value(name: str, value: str, speech: Speech, file: str) -> str:
    if name in _SENTENCES:
        return told(value, speech, file)
    if name in _WAYS:
        return value.replace(" or ", f" {speech.text('frame.or')} ")
    if name in _TEXTS and file == NOTES:
        return ", ".join(told(one, speech) for one in value.split(", "))
    if name == "said":
        return ", ".join(_named(one, speech) for one in value.split(", "))
    if name == "rule":
        return ", ".join(speech.text(key) for one in value.split(" and ") if (key := _rule(one)) in texts())
    return value


def _named(name: str, speech: Speech) -> str:
    """A name of a link, such as ``tracking_number TN1BR``, with its kind in words."""
    kind, _, value = name.partition(" ")
    key = f"links.kind_{kind}"
    return f"{speech.text(key)} {value}" if key in texts() else name


def _rule(name: str) -> str:
    """The text of a rule by which several invoices fit: the only one left is none then, because nothing names one."""
    return "parcel.none_named" if name == "only_open_invoice" else f"rules.{name}"


@cache
def _patterns(file: str) -> list[tuple[str, re.Pattern[str]]]:
    return list(_compiled(file))


def _compiled(file: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    for key, by_language in texts().items():
        if key.startswith(file):
            written = by_language[DEFAULT]
            assert isinstance(written, str)  # noqa: S101  the tests of the texts permit nothing else here
            yield key, re.compile(_VALUE.sub(r"(?P<\1>.+?)", re.escape(written)), re.DOTALL)
