"""Endpoints whose account in the configuration has changed: their unwritten shipments follow."""

from collections.abc import Mapping, Sequence

from sqlalchemy import case, or_, select, update
from sqlalchemy.engine import Connection

from receiver.shipments.state import MAY_BE_WRITTEN
from receiver.store.database import Database
from receiver.store.rows import IS_AT_HOME, reopened
from receiver.store.tables import attempts, shipments, waits
from receiver.store.work.attempts import IS_OPEN_WRITE

#: Shipments that nothing ties to their account: neither a write nor the seller of their order.
_UNWRITTEN = (shipments.c.state.in_(MAY_BE_WRITTEN), shipments.c.sent.is_(None), IS_AT_HOME)


def reassign_accounts(database: Database, accounts_of: Mapping[str, Sequence[str]], *, now: float) -> dict[str, int]:
    """Move unwritten shipments whose endpoint now belongs to other accounts; how many for each endpoint.

    ``accounts_of`` maps an endpoint to the accounts it serves. A shipment of any other account moves to the first
    of them, and is looked for there at once. A written shipment stays where it is. Raises `StoreUnavailable`.
    """
    s = shipments
    unwritten = select(s.c.endpoint, s.c.account).where(*_UNWRITTEN).distinct()
    astray = {
        row["endpoint"]
        for row in database.rows(unwritten)
        if row["account"] not in accounts_of.get(row["endpoint"], [row["account"]])
    }
    moved = {endpoint: _move(database, endpoint, accounts_of[endpoint], now) for endpoint in sorted(astray)}
    return {endpoint: many for endpoint, many in moved.items() if many}


def _move(database: Database, endpoint: str, accounts: Sequence[str], now: float) -> int:
    s, account = shipments, accounts[0]
    writing = select(attempts.c.id).where(attempts.c.shipment == s.c.id, IS_OPEN_WRITE)
    moved = (
        s.c.endpoint == endpoint,
        s.c.account.not_in(accounts),
        *_UNWRITTEN,
        or_(s.c.lease_until.is_(None), s.c.lease_until <= now),
        ~writing.exists(),
    )
    # An order that was awaited in the old account must be found again in the new one.
    opened = {**reopened(now), "order_id": None, "invoice_number": None}
    looking = {name: case((s.c.due_at.is_not(None), value), else_=s.c[name]) for name, value in opened.items()}
    its = select(s.c.id).where(s.c.id == waits.c.shipment, s.c.endpoint == endpoint, s.c.account == account)

    def transaction(connection: Connection) -> int:
        many = connection.execute(update(s).where(*moved).values(account=account, **looking)).rowcount
        stale = update(waits).where(waits.c.account.not_in(accounts), its.exists())
        connection.execute(stale.values(account=account))
        return many

    return database.write(transaction)
