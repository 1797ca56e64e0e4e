"""What a clock that was set back leaves in the database: times that seem to be in the future."""

from sqlalchemy import update
from sqlalchemy.engine import Connection

from receiver.store.database import Database
from receiver.store.tables import accounts, fetches, notifications, order_news, shipments, watches


def correct(database: Database, *, back: float, now: float, lease: float) -> int:
    """Correct the times after the clock was set back by ``back`` seconds to ``now``; returns how many parcels were
    due.

    What was due before the step is due at once: parcels, fetches, orders for the index, messages to people. Leases last
    no longer than ``lease`` seconds from now on. Pauses end, and slots begin, as much earlier as the clock went back.
    What one process does at a time counts as done now. Raises `StoreUnavailable`.
    """

    def transaction(connection: Connection) -> int:
        for table in (shipments, fetches):
            late = table.c.lease_until > now + lease
            connection.execute(update(table).where(late).values(lease_until=now + lease))
        for column in (accounts.c.paused_until, accounts.c.next_slot_at):
            connection.execute(update(accounts).where(column > now).values({column: column - back}))
        connection.execute(update(watches).where(watches.c.at > now).values(at=now))
        due = [
            update(table).where(table.c.due_at > now, table.c.due_at <= now + back).values(due_at=now)
            for table in (fetches, order_news, notifications, shipments)
        ]
        return [connection.execute(statement).rowcount for statement in due][-1]

    return database.write(transaction, deadline=lease)
