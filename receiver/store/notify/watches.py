"""Short notes that processes leave for one another: who does what only one does at a time, and what each noticed."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import literal, select

from receiver.store.database import Database
from receiver.store.tables import hooks, watches


class Noted(StrEnum):
    """What a note is about; what it is a note of stands behind it in the row's name."""

    #: The seconds by which a host's clock is ahead of VTEX's.
    CLOCK = "clock"
    #: The seconds by which a host's clock was set back.
    SET_BACK = "set-back"
    #: 1 where an account's order hook was not in place at the last look, else 0.
    HOOK = "hook"
    #: A host on which a worker runs.
    WORKER = "worker"
    #: A thing that should be there, from then on.
    EXPECTED = "expected"
    #: An endpoint or an account of the configuration of a process that looks for what people should be told.
    CONFIGURED = "configured"
    #: An endpoint of the configuration of a process that works: what another one accepts of others is never sent.
    WORKED_ON = "worked-on"
    #: That a process has channels to people: what they were told is left to it by those that have none.
    TELLS = "tells"


@dataclass(frozen=True, slots=True)
class Note:
    """When it was noted, in seconds since the epoch, and a value."""

    at: float
    value: float


class Watches:
    """Reads and writes notes. Times are Unix time in seconds. Every method raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        note = database.insert(watches)
        changed = {"at": note.excluded.at, "value": note.excluded.value}
        self._note = note.on_conflict_do_update(index_elements=["name"], set_=changed)
        self._first = database.insert(watches).on_conflict_do_nothing(index_elements=["name"])

    def take(self, name: str, *, now: float, since: float) -> bool:
        """The right to do what only one process does at a time, if no process has done it after ``since``."""
        upsert = self._database.insert(watches).values(name=name, at=now)
        mine = upsert.on_conflict_do_update(
            index_elements=["name"], set_={"at": now}, where=watches.c.at <= since
        ).returning(watches.c.name)
        return self._database.write(lambda connection: connection.execute(mine).first() is not None)

    def note(self, kind: Noted, names: Iterable[str], *, now: float, value: float = 0.0) -> None:
        """Note it of each of these names, in place of what was noted before."""
        self._write(self._note, kind, names, now, value)

    def note_first(self, kind: Noted, name: str, *, now: float) -> None:
        """Note it, unless it was noted before."""
        self._write(self._first, kind, [name], now, 0.0)

    def notes(self, kind: Noted, *, since: float = 0.0) -> dict[str, Note]:
        """What was noted after ``since``, by name."""
        of = (watches.c.name.startswith(f"{kind}:", autoescape=True), watches.c.at > since)
        rows = self._database.rows(select(watches).where(*of))
        return {row["name"].removeprefix(f"{kind}:"): Note(row["at"], row["value"]) for row in rows}

    def lost_hooks(self) -> dict[str, str]:
        """Accounts whose order hook, installed from here, was not in place at the last look; with its address."""
        noted = (literal(f"{Noted.HOOK}:") + hooks.c.account) == watches.c.name
        lost = select(hooks.c.account, hooks.c.url).join(watches, noted).where(watches.c.value > 0)
        return {row["account"]: f"it should lead to {row['url']}" for row in self._database.rows(lost)}

    def _write(self, statement: object, kind: Noted, names: Iterable[str], now: float, value: float) -> None:
        rows = [{"name": f"{kind}:{name}", "at": now, "value": value} for name in sorted(names)]
        if rows:
            self._database.write(lambda connection: connection.execute(statement, rows))  # type: ignore[call-overload]
