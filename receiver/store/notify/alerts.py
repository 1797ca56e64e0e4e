"""What people are told of, and the messages that wait to be sent: through the database, so that several processes tell
once, and a channel that fails is tried again by any of them."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.engine import Connection

from receiver.store.database import Database, new_id
from receiver.store.tables import alerts, notifications

#: Seconds after which a message for a channel that no process here has is taken for one of a channel that is gone.
_CHANNEL_GONE = 3 * 86_400.0
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
        told = database.insert(alerts)
        self._put = told.on_conflict_do_update(
            index_elements=["cause", "subject"], set_={name: told.excluded[name] for name in _COLUMNS[2:]}
        )

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

    def claim(self, channels: Collection[str], *, now: float, lease: float, late: float = 0.0) -> Waiting | None:
        """The message for one of the channels that has been due longest, for ``late`` seconds at least; within
        ``lease`` seconds no other process gets it. Any may claim a message for another channel that is days old: that
        channel is gone."""
        n = notifications
        mine = or_(n.c.channel.in_(sorted(channels)), n.c.made_at <= now - _CHANNEL_GONE)
        oldest = select(n.c.id).where(n.c.due_at <= now - late, mine).order_by(n.c.due_at).limit(1)
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

    def failing(self) -> list[dict[str, Any]]:
        """Channels over which nothing has arrived since a message failed: ``channel``, ``since`` when, and the newest
        ``error``."""
        n, later = notifications, notifications.alias()
        arrived = select(later.c.id).where(later.c.channel == n.c.channel, later.c.sent_at >= n.c.made_at)
        failed = (n.c.sent_at.is_(None), n.c.tries > 0, ~arrived.exists())
        statement = select(n.c.channel, n.c.made_at, n.c.error).where(*failed).order_by(n.c.channel, n.c.made_at)
        found: dict[str, dict[str, Any]] = {}
        for row in self._database.rows(statement):
            first = found.setdefault(row["channel"], {"channel": row["channel"], "since": row["made_at"]})
            first["error"] = row["error"]
        return list(found.values())

    def unsent(self) -> list[dict[str, Any]]:
        """Messages that wait, or were given up, the newest first."""
        n = notifications
        statement = select(n).where(n.c.sent_at.is_(None)).order_by(n.c.made_at.desc(), n.c.id)
        return [{**row, "message": json.loads(row["message"])} for row in self._database.rows(statement)]

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
