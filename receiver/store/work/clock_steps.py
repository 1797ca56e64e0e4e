"""What a clock that was set back leaves in the database: times that seem to be in the future."""

from typing import Any

from sqlalchemy import Table, and_, case, update
from sqlalchemy.engine import Connection

from receiver.store.database import Database
from receiver.store.tables import (
    accounts,
    alerts,
    attempts,
    fetches,
    hooks,
    notifications,
    order_news,
    shipments,
    unknown_routes,
    watches,
)

#: Until when calls wait, to VTEX and to a carrier, and since when people have been told or not been told.
_AS_LONG_AS_BEFORE = (
    accounts.c.paused_until,
    accounts.c.next_slot_at,
    accounts.c.failing_since,
    accounts.c.failing_writes_since,
    fetches.c.quiet_until,
    alerts.c.opened_at,
    alerts.c.told_at,
    unknown_routes.c.warned_at,
    hooks.c.checked_at,
)


#: What waits, and when it is due.
_WAITING = (fetches, order_news, notifications, shipments)
#: VTEX is not asked before this.
_CHECK_AT = shipments.c.check_at


def correct(database: Database, *, back: float, now: float, lease: float) -> int:
    """Correct the times after the clock was set back by ``back`` seconds to ``now``; returns how many parcels were
    due.

    What was due before the step is due at once: parcels, fetches, orders for the index, messages to people. What waited
    no longer than ``back`` for its next try is tried after the rest of its wait; what waits longer is left, and waits
    twice as long at most. Leases last no longer than ``lease`` seconds from now on. Pauses of VTEX and of carriers end,
    slots begin, and what people were told or the log has said counts, as much earlier as the clock went back. What one
    process does at a time counts as done now. Raises `StoreUnavailable`.
    """

    def transaction(connection: Connection) -> int:
        for table in (shipments, fetches):
            late = table.c.lease_until > now + lease
            connection.execute(update(table).where(late).values(lease_until=now + lease))
        for column in _AS_LONG_AS_BEFORE:
            connection.execute(update(column.table).where(column > now).values({column: column - back}))
        connection.execute(update(watches).where(watches.c.at > now).values(at=now))
        # A write of unknown outcome is looked for some seconds after it began.
        begun = and_(attempts.c.outcome.is_(None), attempts.c.begun_at > now)
        connection.execute(update(attempts).where(begun).values(begun_at=attempts.c.begun_at - back))
        return [_make_due(connection, table, back=back, now=now) for table in _WAITING][-1]

    return database.write(transaction, deadline=lease)


def _make_due(connection: Connection, table: Table, *, back: float, now: float) -> int:
    """How many rows of the table were due before the step."""
    due_at, more = table.c.due_at, dict[str, Any]()
    if table is shipments:
        more["check_at"] = case((now < _CHECK_AT, _CHECK_AT - back), else_=_CHECK_AT)
    due = update(table).where(due_at > now, due_at <= now + back).values(due_at=now, **more)
    many = connection.execute(due).rowcount
    soon = [due_at > now + back, due_at <= now + 2 * back]
    if table is notifications:  # the others wait for the end of quiet hours, which is a time of the day
        soon.append(notifications.c.tries > 0)
    connection.execute(update(table).where(*soon).values(due_at=due_at - back, **more))
    return many
