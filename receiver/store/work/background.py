"""Work for when no shipment is due: orders to read for the index, hooks to check, back-fills to continue."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Double, Integer, Text, and_, bindparam, case, delete, select, update
from sqlalchemy.engine import Connection

from receiver.store.counters import NEWS_DROPPED, TAKEN, counted
from receiver.store.database import Database
from receiver.store.tables import backfills, hooks, order_news

#: Seconds that a worker keeps an order that it is reading.
_TAKEN = 120.0
#: The most orders queued for each account. The oldest of a longer queue are dropped. Parcels that wait for one of them
#: were woken when VTEX told of it; but the index misses its invoices until a back-fill.
MOST_NEWS = 50_000

# A worker asks these once a second. Building them takes longer than running them: it is done once.
_OF = bindparam("of", type_=Text)
_OLDEST = (
    select(order_news)
    .where(order_news.c.account == _OF, order_news.c.due_at <= bindparam("now", type_=Double))
    .order_by(order_news.c.due_at)
    .limit(1)
)
_TAKEN_ALONE = _OLDEST.with_for_update(skip_locked=True)
_FIRST_TOO_MANY = (
    select(order_news.c.due_at)
    .where(order_news.c.account == _OF)
    .order_by(order_news.c.due_at.desc())
    .offset(bindparam("most", type_=Integer))
    .limit(1)
)
_OLD_HOOK = select(hooks.c.url).where(hooks.c.account == _OF, hooks.c.checked_at <= bindparam("before", type_=Double))


@dataclass(frozen=True, slots=True)
class News:
    """An order that changed. ``due_at`` identifies this reading: later news changes it."""

    account: str
    order_id: str
    due_at: float
    noted_at: float
    tries: int


class _Statements:
    """The upserts, in one dialect."""

    def __init__(self, insert_or: Callable[..., Any]) -> None:
        note = insert_or(order_news)
        # A burst of news about one order causes one reading. News during that reading makes the order due again.
        sooner = case((order_news.c.due_at < note.excluded.due_at, order_news.c.due_at), else_=note.excluded.due_at)
        self.note = note.on_conflict_do_update(
            index_elements=["account", "order_id"], set_={"due_at": sooner, "noted_at": note.excluded.noted_at}
        )
        install = insert_or(hooks)
        there = {name: install.excluded[name] for name in ("url", "installed_at", "checked_at")}
        self.install = install.on_conflict_do_update(index_elements=["account"], set_=there)
        begin = insert_or(backfills)
        restarted = {column.name: begin.excluded[column.name] for column in backfills.c if not column.primary_key}
        self.begin = begin.on_conflict_do_update(index_elements=["account", "since"], set_=restarted)


_statements = cache(_Statements)


class Background:
    """Queues of background work. Every method raises `receiver.store.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database, self._statements = database, _statements(database.insert)

    # -- orders to read -----------------------------------------------------------------------------------------

    def note_news(
        self, account: str, order_id: str, *, now: float, wait: float = 0.0, route: str | None = None
    ) -> None:
        """Queue the order for reading after ``wait``; a shipment may read it first. ``route``: where VTEX told it.
        Durable when this returns."""
        row = {"account": account, "order_id": order_id, "due_at": now + wait, "noted_at": now, "tries": 0}

        def transaction(connection: Connection) -> None:
            connection.execute(self._statements.note, row)
            if route is not None:
                self._database.counters.add(connection, counted(TAKEN, [(route,)]), now=now)

        self._database.write(transaction)

    def take_news(self, account: str, *, now: float) -> News | None:
        """Take the order that has waited longest. No other worker gets it for two minutes."""
        due = {"of": account, "now": now}
        if not self._database.rows(_OLDEST, due):
            return None

        def transaction(connection: Connection) -> News | None:
            row = connection.execute(_TAKEN_ALONE, due).mappings().first()
            if row is None:
                return None
            taken = News(account, row["order_id"], now + _TAKEN, row["noted_at"], row["tries"])
            connection.execute(update(order_news).where(_of(taken)).values(due_at=taken.due_at))
            return taken

        return self._database.write(transaction)

    def news_read(self, taken: News) -> None:
        """Remove the order from the queue, unless news came meanwhile."""
        done = delete(order_news).where(_of(taken), order_news.c.due_at == taken.due_at)
        self._database.write(lambda connection: connection.execute(done))

    def put_back(self, taken: News, *, due_at: float, tries: int) -> None:
        """Postpone the reading to ``due_at``, after so many ``tries``, unless news came meanwhile."""
        still = (_of(taken), order_news.c.due_at == taken.due_at)
        later = update(order_news).where(*still).values(due_at=due_at, tries=tries)
        self._database.write(lambda connection: connection.execute(later))

    def trim_news(self, account: str, *, now: float) -> list[float]:
        """Drop the oldest orders of a queue over `MOST_NEWS`, and count them; when news of each came last."""
        if not (rows := self._database.rows(_FIRST_TOO_MANY, {"of": account, "most": MOST_NEWS})):
            return []
        old = (order_news.c.account == account, order_news.c.due_at <= rows[0]["due_at"])
        drop = delete(order_news).where(*old).returning(order_news.c.noted_at)

        def transaction(connection: Connection) -> list[float]:
            dropped = list(connection.execute(drop).scalars())
            self._database.counters.add(connection, {(NEWS_DROPPED.name, (account,)): float(len(dropped))}, now=now)
            return dropped

        return self._database.write(transaction)

    # -- hooks --------------------------------------------------------------------------------------------------

    def hook(self, account: str) -> dict[str, Any] | None:
        """The hook that this receiver installed: ``url``, ``installed_at``, ``checked_at``."""
        rows = self._database.rows(select(hooks).where(hooks.c.account == account))
        return dict(rows[0]) if rows else None

    def hook_installed(self, account: str, url: str, *, now: float) -> None:
        row = {"account": account, "url": url, "installed_at": now, "checked_at": now}
        self._database.write(lambda connection: connection.execute(self._statements.install, row))

    def hook_removed(self, account: str) -> None:
        self._database.write(lambda connection: connection.execute(delete(hooks).where(hooks.c.account == account)))

    def take_hook(self, account: str, *, before: float, now: float) -> str | None:
        """The URL of a hook that was last checked before ``before``; only one caller gets it."""
        if not self._database.rows(_OLD_HOOK, {"of": account, "before": before}):
            return None
        old = and_(hooks.c.account == account, hooks.c.checked_at <= before)
        take = update(hooks).where(old).values(checked_at=now).returning(hooks.c.url)
        return self._database.write(lambda connection: connection.execute(take).scalar())

    def hook_looked_at(self, account: str, *, at: float) -> None:
        of = update(hooks).where(hooks.c.account == account).values(checked_at=at)
        self._database.write(lambda connection: connection.execute(of))

    # -- back-fills ---------------------------------------------------------------------------------------------

    def backfill(self, account: str, since: float) -> dict[str, Any] | None:
        """The progress of the back-fill that begins at ``since``."""
        of = (backfills.c.account == account, backfills.c.since == since)
        rows = self._database.rows(select(backfills).where(*of))
        return dict(rows[0]) if rows else None

    def begin_backfill(self, account: str, since: float, until: float) -> dict[str, Any]:
        """Start a back-fill. It replaces a finished one."""
        row = {"account": account, "since": since, "until": until, "reached": since}
        row |= {"window_end": None, "last_id": None, "orders": 0, "facts": 0, "finished_at": None}
        self._database.write(lambda connection: connection.execute(self._statements.begin, row))
        return row

    def backfill_came(self, account: str, since: float, **progress: Any) -> None:
        """Store a back-fill's progress: columns of `receiver.store.tables.backfills`."""
        of = (backfills.c.account == account, backfills.c.since == since)
        self._database.write(lambda connection: connection.execute(update(backfills).where(*of).values(progress)))


def _of(news: News) -> Any:
    return and_(order_news.c.account == news.account, order_news.c.order_id == news.order_id)
