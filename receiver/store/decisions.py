"""The record of what people decided. Rows are only added, each in the transaction of the change that it tells of."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.engine import Connection

from receiver.store.database import Database, new_id
from receiver.store.people_tables import decisions

#: What was decided about, and how it stood before and after; ``None``: it was not there.
Turn = tuple[str, Mapping[str, Any] | None, Mapping[str, Any] | None]


#: What decisions are about.
KINDS = ("shipment", "delivery", "account", "link", "data")


class KeyUsed(Exception):
    """The person has sent a request under this key before; nothing was changed now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One decision that is about to be taken: who (``actor``), from where (``via``), what (``action``), about which
    kind of thing, when (``at``, seconds since the epoch), and why (``note``).

    ``id`` becomes that of the first row. ``request_key`` lets the same request through once; ``request_digest`` tells
    it from another one under that key.
    """

    actor: str
    via: str
    action: str
    kind: str
    at: float
    note: str | None = None
    request_key: str | None = None
    request_digest: str | None = None
    id: str = field(default_factory=new_id)


class Recorder(Protocol):
    """Appends what was decided, within the transaction of the change. Raises `KeyUsed`."""

    def __call__(self, connection: Connection, turns: Sequence[Turn], /) -> None: ...


def unrecorded(_connection: Connection, _turns: Sequence[Turn], /) -> None:
    """For a change that no person decided: a system told a link, a test prepared a row."""


#: The fields of a decision in a list.
DECISION_FIELDS = tuple(column.name for column in decisions.c if not column.name.startswith("request_"))


class DecisionRecord:
    """Appends and reads. All of it raises `receiver.store.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        d = decisions
        keys = (d.c.actor, d.c.request_key)
        self._append = database.insert(d).on_conflict_do_nothing(index_elements=list(keys)).returning(d.c.id)

    def recorder(self, entry: Entry, **more: Any) -> Recorder:
        """For the method of the store that makes the change; ``more`` is added to each ``after``."""

        def record(connection: Connection, turns: Sequence[Turn], /) -> None:
            rows = [_row(entry, *turn, more) for turn in turns]
            if not rows:
                return
            first, others = rows[0], rows[1:]
            key = {"id": entry.id, "request_key": entry.request_key, "request_digest": entry.request_digest}
            if connection.execute(self._append, {**first, **key}).first() is None:
                raise KeyUsed(f"{entry.actor} has used the key {entry.request_key}")
            if others:
                connection.execute(decisions.insert(), others)

        return record

    def get(self, decision_id: str) -> dict[str, Any] | None:
        """One decision by its id."""
        return next(self._read(decisions.c.id == decision_id), None)

    def with_key(self, actor: str, request_key: str) -> tuple[dict[str, Any], str] | None:
        """What the person's request under this key decided, and that request's digest."""
        of = (decisions.c.actor == actor, decisions.c.request_key == request_key)
        rows = self._database.rows(select(decisions).where(*of))
        return next(((decision_from(dict(row)), row["request_digest"]) for row in rows), None)

    def size_of(self, first: Mapping[str, Any]) -> int:
        """How many rows a decision about many has, by its first one: they share its time, and name it as ``batch``."""
        d, batch = decisions.c, json.dumps({"batch": first["id"]})[1:-1]
        of = (d.at == first["at"], d.actor == first["actor"], d.after.contains(batch, autoescape=True))
        return int(self._database.rows(select(func.count().label("many")).where(*of))[0]["many"])

    def of(self, kind: str, subject: str) -> list[dict[str, Any]]:
        """All that was decided about one thing, oldest first."""
        oldest = (decisions.c.at, decisions.c.id)
        return list(self._read(decisions.c.kind == kind, decisions.c.subject == subject, order=oldest))

    def latest(self, *where: ColumnElement[bool], limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Decisions, the newest first."""
        return self._read(*where, limit=limit)

    def _read(
        self, *where: Any, order: Iterable[Any] | None = None, limit: int | None = None
    ) -> Iterator[dict[str, Any]]:
        newest = (decisions.c.at.desc(), decisions.c.id.desc())
        statement = select(decisions).where(*where).order_by(*(order or newest)).limit(limit)
        return (decision_from(dict(row)) for row in self._database.each(statement))


def decision_from(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of ``decisions`` with ``before`` and ``after`` as objects, without what is the store's own."""
    told = {name: value for name, value in row.items() if not name.startswith("request_")}
    return {**told, **{name: json.loads(row[name]) if row[name] else None for name in ("before", "after")}}


def _row(
    entry: Entry,
    subject: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    more: Mapping[str, Any],
) -> dict[str, Any]:
    then = {**after, **more} if after is not None else None
    return {
        "id": new_id(),
        "at": entry.at,
        "actor": entry.actor,
        "via": entry.via,
        "action": entry.action,
        "kind": entry.kind,
        "subject": subject,
        "before": json.dumps(before) if before is not None else None,
        "after": json.dumps(then) if then is not None else None,
        "note": entry.note,
    }
