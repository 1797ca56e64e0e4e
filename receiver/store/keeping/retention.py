"""How long what was received is kept: bodies, unreadable bodies, rows; in small bites."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, exists, not_, or_, select, tuple_, update
from sqlalchemy.engine import Connection

from receiver.config import Config
from receiver.shipments import State
from receiver.store.database import Database
from receiver.store.keeping.kept import KEPT, Until
from receiver.store.operator.queries import OPEN
from receiver.store.people_tables import decisions, sessions
from receiver.store.sessions import LONGEST_SESSION
from receiver.store.tables import (
    attempts,
    defaults,
    deliveries,
    fetches,
    invoices,
    notifications,
    shipments,
    updates,
    waits,
)

#: Rows changed in one transaction: what is received meanwhile waits for the write lock as long as one of them.
_ROWS_A_TRANSACTION = 500
_DAY = 86_400.0
#: Days for which messages that are done with are kept.
MESSAGES_DAYS = 30
#: States in which nothing more is going to happen by itself.
_SETTLED = (State.IN_STEP, State.KEPT, State.CANCELLED, State.GAVE_UP, State.DISMISSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizons:
    """Days. ``rows``: ``None`` is the database's own default, 0 is never."""

    bodies: float
    unreadable: float
    rows: float | None = None

    @classmethod
    def of(cls, config: Config) -> Self:
        return cls(bodies=config.keep_bodies_days, unreadable=config.keep_unreadable_days, rows=config.keep_rows_days)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many bodies were emptied, how many rows deleted."""

    bodies: int = 0
    rows: int = 0


class Retention:
    """All of it raises `receiver.store.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def prune(self, horizons: Horizons, *, now: float) -> Pruned:
        """Empty what is older than its horizon, and delete settled rows; what still waits for something stays."""
        before = now - horizons.bodies * _DAY
        # No IN: a statement of many rows cannot hold one.
        is_open = or_(*(deliveries.c.outcome == outcome for outcome in OPEN))
        bodies = self._empty(not_(is_open), before=before)
        bodies += self._empty(is_open, before=now - horizons.unreadable * _DAY)
        self._forget_fetches(before)
        self._delete_old(notifications, now - MESSAGES_DAYS * _DAY)
        self._delete_old(sessions, now - LONGEST_SESSION)
        days = self.rows_days(horizons.rows)
        pruned = Pruned(bodies, self._delete_rows(now - days * _DAY) if days else 0)
        self._database.empty_journal()
        return pruned

    def rows_days(self, configured: float | None) -> float:
        """Days after which settled rows are deleted: as configured, else what the database began with; 0 is never."""
        if configured is not None:
            return configured
        found = self._database.rows(select(defaults.c.value).where(defaults.c.name == "keep_rows_days"))
        return float(found[0]["value"]) if found else 0.0

    def unreadable_soon(self, horizons: Horizons, *, now: float) -> int:
        """Deliveries that wait for a fix and whose bodies go within a week."""
        before = now - (horizons.unreadable - 7.0) * _DAY
        d = deliveries
        soon = select(d.c.id).where(d.c.outcome.in_(OPEN), d.c.body.is_not(None), d.c.received_at < before)
        return len(self._database.rows(soon.limit(10_000)))

    def _empty(self, which: ColumnElement[bool], *, before: float) -> int:
        """The bodies, and what else of the request stands in the row: headers, and the query of the URL."""
        d = deliveries
        full = or_(d.c.body.is_not(None), d.c.headers != "{}")
        old = and_(d.c.received_at >= bindparam("after"), d.c.received_at < before)
        columns = (d.c.id, d.c.received_at, d.c.target, d.c.body.is_not(None).label("full"))
        statement = select(*columns).where(old, full, which).order_by(d.c.received_at).limit(_ROWS_A_TRANSACTION)
        one = update(d).where(d.c.id == bindparam("of"), which)
        empty = one.values(body=None, headers="{}", target=bindparam("to"))
        emptied, after = 0, 0.0
        while rows := self._database.rows(statement, {"after": after}):
            after = rows[-1]["received_at"]
            values = [{"of": row["id"], "to": row["target"].partition("?")[0]} for row in rows]
            self._database.write(_executing(empty, values))
            emptied += sum(bool(row["full"]) for row in rows)
        return emptied

    def _forget_fetches(self, before: float) -> None:
        """What is done, and the secrets of what never will be."""
        old = fetches.c.changed_at < before
        self._database.write(_executing(delete(fetches).where(old, fetches.c.outcome == "done")))
        self._database.write(_executing(update(fetches).where(old, fetches.c.outcome == "held").values(headers="{}")))

    def _delete_rows(self, before: float) -> int:
        s, d = shipments, deliveries
        settled = and_(s.c.due_at.is_(None), s.c.lease_until.is_(None), s.c.state.in_([one.value for one in _SETTLED]))
        deleted = self._bites(s, and_(settled, s.c.changed_at < before), _delete_shipments)
        spoken = exists().where(updates.c.delivery == d.c.id)
        silent = and_(d.c.received_at < before, d.c.body.is_(None), ~spoken)
        deleted += self._bites(d, silent, _delete_deliveries)
        deleted += self._delete_old(
            attempts, before, attempts.c.outcome.is_not(None), ~_has_parcel(attempts.c.shipment)
        )
        deleted += self._delete_old(decisions, before, ~_has_parcel(decisions.c.subject))
        return deleted + sum(
            self._delete_old(table, before) for table, kept in KEPT.items() if kept.until is Until.ROWS
        )

    def _delete_old(self, table: Table, before: float, *which: ColumnElement[bool]) -> int:
        """Rows whose time is before, some at a time, in one walk through the table."""
        key = tuple_(*table.primary_key)
        old = table.c[KEPT[table].since or ""] < before
        if "due_at" in table.c:  # what is still to be done stays, however old it is
            old &= table.c.due_at.is_(None)
        walk = select(*table.primary_key).where(old, *which).order_by(*table.primary_key).limit(_ROWS_A_TRANSACTION)
        deleted = 0
        after: tuple[Any, ...] = ()
        while keys := [tuple(row.values()) for row in self._database.rows(walk.where(key > after) if after else walk)]:
            deleted += self._database.write(_executing(delete(table).where(key.in_(keys), old, *which)))
            after = keys[-1]
        return deleted

    def _bites(self, table: Table, old: ColumnElement[bool], remove: Callable[[Connection, list[str]], int]) -> int:
        """Remove the rows that are ``old`` by their ids, until there are no more."""
        removed = 0
        which = select(table.c.id).where(old).limit(_ROWS_A_TRANSACTION)
        while ids := [row["id"] for row in self._database.rows(which)]:
            many = self._database.write(partial(_if_still, table, old, remove, ids))
            removed += many
            if not many:
                break
        return removed


def _if_still(
    table: Table,
    old: ColumnElement[bool],
    remove: Callable[[Connection, list[str]], int],
    ids: list[str],
    connection: Connection,
) -> int:
    """Remove those that are still ``old``: a message that came after the look has made its parcel due."""
    its = table.c.id.in_(ids)
    connection.execute(select(table.c.id).where(its).order_by(table.c.id).with_for_update()).all()
    # A second statement: on PostgreSQL, the one that waited for the locks sees other tables as they were before.
    still = connection.execute(select(table.c.id).where(its, old)).scalars().all()
    return remove(connection, list(still)) if still else 0


def _delete_shipments(connection: Connection, ids: list[str]) -> int:
    for column in (updates.c.shipment, attempts.c.shipment, waits.c.shipment, invoices.c.shipment):
        connection.execute(delete(column.table).where(column.in_(ids)))
    return connection.execute(delete(shipments).where(shipments.c.id.in_(ids))).rowcount


def _delete_deliveries(connection: Connection, ids: list[str]) -> int:
    return connection.execute(delete(deliveries).where(deliveries.c.id.in_(ids))).rowcount


def _has_parcel(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists().where(shipments.c.id == column)


def _executing(statement: Any, parameters: Any = None) -> Callable[[Connection], int]:
    return lambda connection: connection.execute(statement, parameters or {}).rowcount
