"""What the database says of this moment, for the metrics. Each question is one statement."""

from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select, text

from receiver.shipments import State
from receiver.store.database import Database
from receiver.store.operator.queries import OperatorQueries
from receiver.store.tables import notifications, shipments, unknown_words

_CONNECTIONS = text("SELECT count(*) AS many FROM pg_stat_activity WHERE datname = current_database()")
#: Of all databases and programs of the server, and how many it lets in who is no superuser.
_ROOM = text(
    "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS open,"
    " current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """``shipments`` by account and state, ``held`` by reason; ``oldest_due``: since when a shipment has been due, in
    seconds since the epoch; ``paused``: accounts that take no calls; ``notifications``: messages that are due or
    failed before; ``connections`` to PostgreSQL, of all hosts, ``None`` on SQLite."""

    shipments: dict[tuple[str, str], int]
    held: dict[str, int]
    oldest_due: float | None
    unknown_words: int
    paused: frozenset[str]
    notifications: int
    connections: int | None


def connections_of_server(database: Database) -> tuple[int, int] | None:
    """How many connections the PostgreSQL server has open, of all programs, and the most it takes; ``None`` on SQLite.
    Raises `StoreUnavailable`."""
    if database.is_sqlite:
        return None
    [row] = database.rows(_ROOM)
    return row["open"], row["most"]


def read_gauges(database: Database, *, now: float) -> Gauges:
    """The gauges at ``now``, Unix time in seconds. Raises `StoreUnavailable`."""
    s, queries = shipments.c, OperatorQueries(database)
    many = func.count().label("many")
    by_state = database.rows(select(s.account, s.state, many).group_by(s.account, s.state))
    held = database.rows(select(s.reason, many).where(s.state == State.HELD.value).group_by(s.reason))
    [words] = database.rows(select(func.count().label("many")).select_from(unknown_words))
    n = notifications.c  # one that was never tried and is not due waits by design, such as for the end of quiet hours
    late = and_(n.due_at.is_not(None), or_(n.due_at <= now, n.tries > 0))
    [waiting] = database.rows(select(many).where(n.sent_at.is_(None), late))
    return Gauges(
        shipments={(row["account"], row["state"]): row["many"] for row in by_state},
        held={row["reason"] or "": row["many"] for row in held},
        oldest_due=queries.oldest_unsettled(),
        unknown_words=words["many"],
        paused=frozenset(row["name"] for row in queries.paused_accounts(now=now) if row["until"] > now),
        notifications=waiting["many"],
        connections=None if database.is_sqlite else database.rows(_CONNECTIONS)[0]["many"],
    )
