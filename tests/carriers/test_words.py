"""Every status word that a carrier's sources publish is read as they say, or stands where it is said to mean nothing.

``tests/samples/<slug>/words.json`` has the words, by source, and how each is put into one of the carrier's recordings:
``at`` its place, ``with`` what else is changed there, ``answer`` the URL of the fetched answer that holds it. A word
stands under the status that its source gives it, or under one of these:

``ignored``   the message asks nothing
``known``     the adapter has an entry; the source says no more than the word, or another field decides
``disputed``  its sources disagree, or it is published without a meaning: it is told as an unknown word

``decided`` says what decides where an unknown word changes nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import pytest

from adapters import Ignored, Request, Status, Unreadable
from receiver.carriers import Carrier, discover
from receiver.recordings import load
from tests.support.damage import damaged
from tests.support.paths import SAMPLES

CARRIERS = [pytest.param(carrier, id=slug) for slug, carrier in discover().items()]
every_carrier = pytest.mark.parametrize("carrier", CARRIERS)
#: No carrier sends it.
NO_WORD = "zz-9999-is-no-word"


@dataclass(frozen=True)
class Group:
    """The words of one source, and the recording that they are put into."""

    carrier: Carrier
    plain: dict[str, Any]

    def words(self) -> Iterator[tuple[str, str | int]]:
        """Each word with what it is expected to mean."""
        for meaning, words in self.plain["words"].items():
            yield from ((meaning, word) for word in words)

    def meaning(self, word: str | int) -> str:
        """What the adapter makes of the word: a status, ``ignored``, or ``unknown``."""
        try:
            conversion = self.carrier.convert(self._request(word))
        except Ignored:
            return "ignored"
        except Unreadable:
            return "unknown"
        if not conversion.shipments:  # a notice: the fetch is the answer to it
            return "known" if conversion.fetches else "unknown"
        newest = conversion.shipments[0]
        return "unknown" if newest.unknown_words else str(newest.status)

    def _request(self, word: str | int) -> Request:
        recording = load(SAMPLES / self.carrier.slug / f"{self.plain['recording']}.http")
        request = recording.answers[self.plain["answer"]] if "answer" in self.plain else recording.request
        where, _, name = self.plain["at"].rpartition(" ")
        if where == "header":
            return replace(request, headers={**request.headers, name: str(word)})
        if where == "query":
            fields = dict(field.split("=") for field in request.query.split("&"))
            return replace(request, query="&".join(f"{key}={value}" for key, value in {**fields, name: word}.items()))
        fetched = bool(request.fetched)
        payload = json.loads(request.body) if fetched else self.carrier.decode(request)
        changes = {**self.plain.get("with", {}), name: word}
        payload = reduce(lambda node, change: damaged(node, _place(change[0]), change[1]), changes.items(), payload)
        return replace(request, body=json.dumps(payload).encode() if fetched else self.carrier.encode(payload))


def _place(dotted: str) -> tuple[str | int, ...]:
    return tuple(int(name) if name.isdecimal() else name for name in dotted.split("."))


def _fits(expected: str, found: str) -> bool:
    if expected == "known":
        return found != "unknown"
    return found == ("unknown" if expected == "disputed" else expected)


def groups(carrier: Carrier, *kinds: str) -> list[Group]:
    path = SAMPLES / carrier.slug / "words.json"
    words = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return [Group(carrier, plain) for kind in kinds for plain in words.get(kind, ())]


@every_carrier
def test_meaning(carrier: Carrier) -> None:
    """Each word means what its source says."""
    wrong = []
    for group in groups(carrier, "statuses", "messages"):
        for expected, word in group.words():
            found = group.meaning(word)
            if not _fits(expected, found):
                wrong.append(f"{group.plain['at']} {word}: {expected} expected, {found} found")

    assert [] == wrong


@every_carrier
def test_no_word(carrier: Carrier) -> None:
    """A word that the carrier never sends is not taken for one of its own: the test above sees what is missing."""
    swallowed = [
        group.plain["at"]
        for group in groups(carrier, "statuses", "messages")
        if "unknown" != group.meaning(NO_WORD) and not group.plain.get("decided")
    ]

    assert [] == swallowed


@every_carrier
def test_counted(carrier: Carrier) -> None:
    """The page's number of status words is the number that stands here."""
    provenance = json.loads((SAMPLES / carrier.slug / "provenance.json").read_text(encoding="utf-8"))
    counted = provenance.get("words") or {"known": None, "of": None}
    total = len(_expected(carrier))
    known = sum(expected != "disputed" for expected in _expected(carrier).values())

    assert (known or None) == counted["known"]
    assert counted["of"] in (total or None, None)  # ``None``: what is published is no complete list


def _expected(carrier: Carrier) -> dict[tuple[str, ...], str]:
    """What each status word is expected to mean, by its place and what is changed beside it."""
    return {
        (group.plain["at"], json.dumps(group.plain.get("with", {})), str(word)): expected
        for group in groups(carrier, "statuses")
        for expected, word in group.words()
    }


@every_carrier
def test_expectations(carrier: Carrier) -> None:
    """What a word is expected to mean is a status, or one of the three words of this file."""
    meanings = {meaning for group in groups(carrier, "statuses", "messages") for meaning in group.plain["words"]}

    assert set() == meanings - set(Status) - {"ignored", "known", "disputed"}
