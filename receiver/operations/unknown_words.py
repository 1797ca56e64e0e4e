"""Status words that an adapter did not know, read again once it knows them."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from receiver.intake import Outcome
from receiver.operations.decisions import Decisions
from receiver.store import Database
from receiver.store.intake.unknown_words import UnknownWords
from receiver.store.operator.queries import Unknown

#: Deliveries that one click or request reads again: a person waits for it.
AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAgain:
    """How many deliveries were read again, how many of them cannot be read, and how many have the word still: of those
    some may not have been read yet. ``forgotten``: carriers that have it no more."""

    read: int
    unreadable: int
    left: int
    forgotten: tuple[str, ...]


def command(word: str, carrier: str) -> str:
    """The command that reads the deliveries with the word again."""
    return f"receiver reprocess --unknown {shlex.quote(word)} --carrier {carrier}"


def read_again(database: Database, decisions: Decisions, word: str, carrier: str, *, most: int) -> ReadAgain:
    """Read at most so many deliveries with the word again, behind what is live; forget the word where none has it any
    more. Raises `receiver.store.operator.queries.Unknown` where no such word is listed, and where retention deletes a
    delivery at that moment."""
    words = UnknownWords(database)
    if not any((row["word"], row["carrier"]) == (word, carrier) for row in words.all()):
        raise Unknown(f"no unknown word {word!r} of {carrier}")
    ids = words.deliveries_with(word, carrier=carrier)[:most]
    outcomes = list(_outcomes(decisions, ids))
    forgotten = words.forget_unused(word, carrier=carrier)
    return ReadAgain(
        read=len(outcomes),
        unreadable=sum(one in (Outcome.QUARANTINED, Outcome.ERROR) for one in outcomes),
        left=len(words.deliveries_with(word, carrier=carrier)),
        forgotten=tuple(forgotten),
    )


def _outcomes(decisions: Decisions, ids: list[str]) -> Iterator[Outcome]:
    for name in ids:
        # What was fetched before has its own delivery: the carrier is not asked again.
        yield decisions.reprocess(name, bulk=len(ids) > 1, fetch=False).outcome
