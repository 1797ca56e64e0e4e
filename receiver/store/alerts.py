"""What people are told of, and the messages that wait to be sent: through the database, so that several processes tell
once, and a channel that fails is tried again by any of them."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, literal, select, update
from sqlalchemy.engine import Connection

from receiver.store.database import Database, new_id
from receiver.store.tables import alerts, hooks, notifications, watches

_COLUMNS = tuple(column.name for column in alerts.c)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message that is due; ``tries`` failed before."""

    id: str
    channel: str
    message: Mapping[str, Any]
    made_at: float
    tries: int


class Alerts:
    """Reads and writes alerts and messages. Times are Unix time in seconds. Every method raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        upsert = database.insert(watches)
        changed = {"at": upsert.excluded.at, "value": upsert.excluded.value}
        self._set = upsert.on_conflict_do_update(index_elements=["name"], set_=changed)
        told = database.insert(alerts)
        self._put = told.on_conflict_do_update(
            index_elements=["cause", "subject"], set_={name: told.excluded[name] for name in _COLUMNS[2:]}
        )

    def take(self, name: str, *, now: float, since: float) -> bool:
        """The right to do what only one process does at a time, if no process has done it after ``since``."""
        upsert = self._database.insert(watches).values(name=name, at=now)
        mine = upsert.on_conflict_do_update(
            index_elements=["name"], set_={"at": now}, where=watches.c.at <= since
        ).returning(watches.c.name)
        return self._database.write(lambda connection: connection.execute(mine).first() is not None)

    def decide(
        self,
        decide: Callable[[list[dict[str, Any]]], tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]],
        channels: Iterable[str],
        *,
        now: float,
    ) -> None:
        """In one transaction: ``decide`` gets every stored alert, and gives those that changed, and the messages that
        go to each of the ``channels``, now or at their ``due_at``."""
        of = tuple(channels)

        def transaction(connection: Connection) -> None:
            stored = [_alert(dict(row)) for row in connection.execute(select(alerts).with_for_update()).mappings()]
            changed, messages = decide(stored)
            rows = [{**one, "lines": json.dumps(one["lines"])} for one in changed]
            if rows:
                connection.execute(self._put, rows)
            self._queue(connection, messages, of, now)

        self._database.write(transaction)

    def all(self) -> list[dict[str, Any]]:
        """Every alert that lasts, the longest first."""
        lasting = select(alerts).where(alerts.c.resolved_at.is_(None)).order_by(alerts.c.opened_at, alerts.c.cause)
        return [_alert(dict(row)) for row in self._database.rows(lasting)]

    def put(self, messages: Iterable[Mapping[str, Any]], channels: Iterable[str], *, now: float) -> None:
        """Messages for each of the channels."""
        self._database.write(lambda connection: self._queue(connection, messages, tuple(channels), now))

    def claim(self, *, now: float, lease: float) -> Waiting | None:
        """The message that has been due longest; within ``lease`` seconds no other process gets it."""
        n = notifications
        oldest = select(n.c.id).where(n.c.due_at <= now).order_by(n.c.due_at).limit(1)
        chosen = oldest.with_for_update(skip_locked=True).scalar_subquery()
        leased = update(n).where(n.c.id == chosen).values(due_at=now + lease).returning(n)
        if not self._database.rows(oldest):
            return None
        row = self._database.write(lambda connection: connection.execute(leased).mappings().first())
        if row is None:
            return None
        message = json.loads(row["message"])
        return Waiting(
            id=row["id"], channel=row["channel"], message=message, made_at=row["made_at"], tries=row["tries"]
        )

    def sent(self, one: Waiting, *, now: float) -> None:
        """It arrived."""
        self._done(one, due_at=None, sent_at=now, error=None)

    def failed(self, one: Waiting, error: str, *, due_at: float | None) -> None:
        """It did not; ``due_at``: when it is tried again, ``None``: never."""
        self._done(one, due_at=due_at, tries=one.tries + 1, error=error)

    def unsent(self) -> list[dict[str, Any]]:
        """Messages that wait, or were given up, the newest first."""
        n = notifications
        statement = select(n).where(n.c.sent_at.is_(None)).order_by(n.c.made_at.desc(), n.c.id)
        return [{**row, "message": json.loads(row["message"])} for row in self._database.rows(statement)]

    def note_clock(self, host: str, offset: float, *, now: float) -> None:
        """The host's clock is ``offset`` seconds ahead of VTEX's."""
        row = {"name": f"clock:{host}", "at": now, "value": offset}
        self._database.write(lambda connection: connection.execute(self._set, row))

    def clocks(self, *, since: float) -> dict[str, float]:
        """How far the clocks of hosts are ahead of VTEX's, as noted after ``since``."""
        rows = self._database.rows(select(watches).where(watches.c.name.like("clock:%"), watches.c.at > since))
        return {row["name"].removeprefix("clock:"): row["value"] for row in rows}

    def note_hook(self, account: str, *, is_ours: bool, now: float) -> None:
        """Whether VTEX's order hook of the account was in place at the last look."""
        row = {"name": f"hook:{account}", "at": now, "value": 0.0 if is_ours else 1.0}
        self._database.write(lambda connection: connection.execute(self._set, row))

    def hooks(self) -> dict[str, str]:
        """Accounts whose order hook, installed from here, was not in place at the last look; with its address."""
        noted = (literal("hook:") + hooks.c.account) == watches.c.name
        lost = select(hooks.c.account, hooks.c.url).join(watches, noted).where(watches.c.value > 0)
        return {row["account"]: f"it should lead to {row['url']}" for row in self._database.rows(lost)}

    def _queue(
        self, connection: Connection, messages: Iterable[Mapping[str, Any]], channels: tuple[str, ...], now: float
    ) -> None:
        rows = [
            {
                "id": new_id(),
                "channel": channel,
                "message": json.dumps({name: value for name, value in message.items() if name != "due_at"}),
                "made_at": now,
                "due_at": message.get("due_at", now),
            }
            for message in messages
            for channel in channels
        ]
        if rows:
            connection.execute(insert(notifications), rows)

    def _done(self, one: Waiting, **values: Any) -> None:
        statement = update(notifications).where(notifications.c.id == one.id).values(values)
        self._database.write(lambda connection: connection.execute(statement))


def _alert(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "lines": json.loads(row["lines"])}
