"""Status words that adapters do not know, counted by carrier, with the deliveries that had them."""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from sqlalchemy import case, delete, func, select
from sqlalchemy.engine import Connection

from receiver.store.database import Database
from receiver.store.tables import deliveries, unknown_words

log = logging.getLogger("receiver.words")

#: The most words kept, of all carriers together. The most recent stay.
MOST_WORDS = 1_000


class _Heard(Protocol):
    """The fields of a delivery that are needed here."""

    @property
    def id(self) -> str: ...
    @property
    def carrier(self) -> str: ...
    @property
    def received_at(self) -> float: ...
    @property
    def unknown_words(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class NewWord:
    """A word that a carrier used for the first time, and the delivery that has it."""

    carrier: str
    word: str
    delivery: str


@cache
def _counting(insert_or: Callable[..., Any]) -> Any:
    """The upsert that counts a word, built once for each dialect: a process has several `UnknownWords`."""
    w, upsert = unknown_words, insert_or(unknown_words)
    said = upsert.excluded
    is_last = said.last_at >= w.c.last_at
    return upsert.on_conflict_do_update(
        index_elements=["carrier", "word"],
        set_={
            "count": w.c["count"] + said["count"],
            "first_at": case((said.first_at < w.c.first_at, said.first_at), else_=w.c.first_at),
            "last_at": case((is_last, said.last_at), else_=w.c.last_at),
            "delivery": case((is_last, said.delivery), else_=w.c.delivery),
        },
    ).returning(w.c["count"])


class UnknownWords:
    """Counts words, lists them, and finds the deliveries that had one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._count = _counting(database.insert)

    def note(self, connection: Connection, heard: Iterable[_Heard]) -> list[NewWord]:
        """Count the words of these deliveries in their own transaction; returns the new ones.

        Without such words no statement is made. Rows are locked in the order of their keys.
        """
        counted: dict[tuple[str, str], dict[str, Any]] = {}
        for one in heard:
            for word in one.unknown_words:
                row = counted.setdefault((one.carrier, word), {"first_at": one.received_at, "count": 0})
                row["count"] += 1
                row["first_at"] = min(row["first_at"], one.received_at)
                if one.received_at >= row.get("last_at", one.received_at):
                    row |= {"last_at": one.received_at, "delivery": one.id}
        new = []
        for (carrier, word), row in sorted(counted.items()):
            total = connection.execute(self._count, {"carrier": carrier, "word": word, **row}).scalar_one()
            if total == row["count"]:
                new.append(NewWord(carrier, word, row["delivery"]))
        if new:
            self._bound(connection)
        return new

    def all(self) -> list[dict[str, Any]]:
        """Every stored word, the most recent first."""
        w = unknown_words
        return [dict(row) for row in self._database.rows(select(w).order_by(w.c.last_at.desc(), w.c.carrier, w.c.word))]

    def deliveries_with(self, word: str, *, carrier: str | None = None) -> list[str]:
        """The ids of the deliveries with the word at their last reading, oldest first."""
        return [row["id"] for row in self._with(word, carrier)]

    def forget_unused(self, word: str, *, carrier: str | None = None) -> list[str]:
        """Delete the word for each carrier that has no delivery with it any more; returns those carriers."""
        w = unknown_words
        of = [w.c.word == word, *([w.c.carrier == carrier] if carrier else [])]
        kept = {row["carrier"] for row in self._with(word, carrier)}
        unused = sorted({row["carrier"] for row in self._database.rows(select(w.c.carrier).where(*of))} - kept)
        statement = delete(w).where(w.c.word == word, w.c.carrier.in_(unused))
        if unused:
            self._database.write(lambda connection: connection.execute(statement))
        return unused

    def _with(self, word: str, carrier: str | None) -> list[dict[str, Any]]:
        d = deliveries
        of = [d.c.unknown_words.is_not(None), *([d.c.carrier == carrier] if carrier else [])]
        rows = self._database.each(
            select(d.c.id, d.c.carrier, d.c.unknown_words).where(*of).order_by(d.c.carrier, d.c.id)
        )
        return [dict(row) for row in rows if word in json.loads(row["unknown_words"])]

    def _bound(self, connection: Connection) -> None:
        w = unknown_words
        surplus = connection.execute(select(func.count()).select_from(w)).scalar_one() - MOST_WORDS
        if surplus <= 0:
            return
        oldest = select(w.c.carrier, w.c.word).order_by(w.c.last_at, w.c.carrier, w.c.word)
        for carrier, word in connection.execute(oldest.limit(surplus)).all():
            connection.execute(delete(w).where(w.c.carrier == carrier, w.c.word == word))


def log_new(words: Sequence[NewWord]) -> None:
    """Log a line for each new word, once its transaction is durable."""
    for new in words:
        log.warning("unknown status word: carrier=%s word=%s delivery=%s", new.carrier, new.word, new.delivery)
