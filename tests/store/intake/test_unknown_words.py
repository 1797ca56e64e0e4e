"""Unknown status words: counted with the delivery that has them, found again, forgotten when no delivery has them."""

import logging

import pytest

from receiver.store import Database, Inbox
from receiver.store.intake import unknown_words
from receiver.store.intake.unknown_words import UnknownWords
from tests.support.store_cases import NOW, delivery


def receive(database: Database, *words: str, at: float = NOW, carrier: str = "loggi") -> str:
    """The id of a stored delivery that has these words."""
    one = delivery(at=at, carrier=carrier, unknown_words=words)
    Inbox(database).receive(one)
    return one.id


def test_counted(database: Database) -> None:
    """Each word is counted per carrier, with its first time, its last time and the last delivery; newest first."""
    receive(database, "14")
    last = receive(database, "14", "15", at=NOW + 60)
    other = receive(database, "14", at=NOW + 90, carrier="borzo")

    assert [
        ("borzo", "14", 1, NOW + 90, NOW + 90, other),
        ("loggi", "14", 2, NOW, NOW + 60, last),
        ("loggi", "15", 1, NOW + 60, NOW + 60, last),
    ] == [
        tuple(row[name] for name in ("carrier", "word", "count", "first_at", "last_at", "delivery"))
        for row in UnknownWords(database).all()
    ]


def test_repeat(database: Database) -> None:
    """A repeated delivery is not counted again."""
    for _ in range(2):
        Inbox(database).receive(delivery(carrier="loggi", dedup="ep:body:1", unknown_words=("14",)))

    assert [1] == [row["count"] for row in UnknownWords(database).all()]


def test_logged_once(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """The log has one line for a new word, with a stable phrase."""
    with caplog.at_level(logging.WARNING, "receiver.words"):
        first = receive(database, "14")
        receive(database, "14")

    assert [f"unknown status word: carrier=loggi word=14 delivery={first}"] == caplog.messages


def test_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many words are kept; those heard last stay."""
    monkeypatch.setattr(unknown_words, "MOST_WORDS", 2)
    for number in range(4):
        receive(database, str(number), at=NOW + number)

    assert ["3", "2"] == [row["word"] for row in UnknownWords(database).all()]


def test_found(database: Database) -> None:
    """The deliveries that had a word are found by it, of one carrier or of all."""
    one, _, other = (receive(database, "14", "15"), receive(database, "15"), receive(database, "14", carrier="borzo"))
    words = UnknownWords(database)

    assert [other, one] == words.deliveries_with("14")
    assert [one] == words.deliveries_with("14", carrier="loggi")


def test_forgotten(database: Database) -> None:
    """A word goes once no delivery of the carrier has it any more, and not before."""
    kept = delivery(carrier="loggi", dedup="ep:body:1", unknown_words=("14",))
    Inbox(database).receive(kept)
    words = UnknownWords(database)
    assert [] == words.forget_unused("14")

    mended = delivery(id=kept.id, carrier="loggi", dedup="ep:body:1")
    Inbox(database).reprocess(kept.id, outcome="accepted", reason=None, dedup="ep:body:1", fresh=mended)
    assert ["loggi"] == words.forget_unused("14")
    assert [] == words.all()


def test_read_again(database: Database) -> None:
    """A delivery that is read again and still has the word is not counted twice."""
    kept = delivery(carrier="loggi", dedup="ep:body:1", unknown_words=("14",))
    Inbox(database).receive(kept)
    Inbox(database).reprocess(kept.id, outcome="accepted", reason=None, dedup="ep:body:1", fresh=kept)

    assert [1] == [row["count"] for row in UnknownWords(database).all()]
