"""How long what was received is kept."""

from typing import Any

import pytest
from alembic import command
from sqlalchemy import ColumnElement, RowMapping, select, text, update

from receiver.store import Database, Horizons, Inbox, Retention, migrate
from receiver.store.engine import alembic_config, open_engine
from receiver.store.keeping import retention
from receiver.store.tables import deliveries, shipments, updates
from tests.support.store_cases import NOW, delivery, said

DAY = 86_400.0


def bodies(database: Database) -> dict[str, bool]:
    return {row["id"]: row["body"] is not None for row in database.rows(select(deliveries))}


def horizons(*, rows: float | None = 0) -> Horizons:
    return Horizons(bodies=30, unreadable=180, rows=rows)


def test_bodies(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old bodies are emptied, many of one instant too, with headers and query; what waits for a fix keeps its own."""
    monkeypatch.setattr(retention, "_ROWS_A_TRANSACTION", 2)
    items = [delivery(at=NOW - 9) for _ in range(5)]
    items += [delivery(at=NOW - 8, outcome=outcome) for outcome in ("quarantined", "error", "ignored")]
    items += [delivery(at=NOW - 7), delivery(at=NOW)]
    for item in items:
        Inbox(database).receive(item)
    database.write(lambda c: c.execute(update(deliveries).values(headers='{"x":"y"}', target="/webhooks/ep?a=b")))
    before = {row["id"]: dict(row) for row in database.rows(select(deliveries))}
    emptied = {item.id for item in items if item.received_at < NOW and item.outcome not in ("quarantined", "error")}
    blank = {"body": None, "headers": "{}", "target": "/webhooks/ep"}

    assert 7 == Retention(database).prune(horizons(), now=NOW + 30 * DAY).bodies
    assert {name: {**row, **(blank if name in emptied else {})} for name, row in before.items()} == {
        row["id"]: dict(row) for row in database.rows(select(deliveries))
    }
    assert 0 == Retention(database).prune(horizons(), now=NOW + 30 * DAY).bodies


def test_unreadable(database: Database) -> None:
    """A body that waits for a fix goes after a longer time, and is announced a week before."""
    item = delivery(at=NOW, outcome="quarantined")
    Inbox(database).receive(item)
    kept = Retention(database)

    assert 0 == kept.unreadable_soon(horizons(), now=NOW + 172 * DAY)
    assert 1 == kept.unreadable_soon(horizons(), now=NOW + 174 * DAY)
    assert 0 == kept.prune(horizons(), now=NOW + 179 * DAY).bodies
    assert 1 == kept.prune(horizons(), now=NOW + 181 * DAY).bodies
    assert {item.id: False} == bodies(database)


def test_rows(database: Database) -> None:
    """Rows go when they are settled and old: a parcel with all that was said and done, and what told of no parcel."""
    old = delivery(at=NOW, updates=(("ep/old", said()),))
    held = delivery(at=NOW, updates=(("ep/held", said()),))
    for item in (old, held, delivery(at=NOW, outcome="ignored", updates=())):
        Inbox(database).receive(item)
    for name, state in (("ep/old", "in_step"), ("ep/held", "held")):
        settled = update(shipments).where(shipments.c.id == name).values(state=state, due_at=None)
        database.write(lambda c, settled=settled: c.execute(settled))

    assert 0 == Retention(database).prune(horizons(rows=400), now=NOW + 399 * DAY).rows
    Retention(database).prune(horizons(rows=400), now=NOW + 401 * DAY)

    assert ["ep/held"] == [row["id"] for row in database.rows(select(shipments))]
    assert ["ep/held"] == [row["shipment"] for row in database.rows(select(updates))]
    assert {held.id: False} == bodies(database)


def test_message_meanwhile(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that comes after the look for old rows, and before they are deleted, keeps its parcel."""
    Inbox(database).receive(delivery("p1", "p2", at=NOW))
    settled = update(shipments).values(state="in_step", due_at=None)
    database.write(lambda c: c.execute(settled))
    late, look = [delivery("p1", at=NOW + 401 * DAY)], database.rows

    def looked(statement: Any, parameters: dict[str, Any] | None = None) -> list[RowMapping]:
        found = look(statement, parameters)
        if late and "FROM shipments" in str(statement):
            Inbox(database).receive(late.pop())
        return found

    monkeypatch.setattr(database, "rows", looked)
    Retention(database).prune(horizons(rows=400), now=NOW + 401 * DAY)

    assert [("ep/p1", NOW + 401 * DAY)] == look_at(database, shipments.c.id, shipments.c.due_at)
    assert ["ep/p1", "ep/p1"] == [name for (name,) in look_at(database, updates.c.shipment)]


def look_at(database: Database, *columns: ColumnElement[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in database.rows(select(*columns))]


def test_default(database: Database, database_url: str) -> None:
    """A new database keeps rows for 400 days; one that held deliveries before keeps them until it is asked."""
    assert 400 == Retention(database).rows_days(None)
    assert 0 == Retention(database).rows_days(0)
    Inbox(database).receive(delivery())
    engine = open_engine(database_url, writing=True)
    with engine.connect() as connection, connection.begin():
        command.downgrade(alembic_config(connection), "0008")
    engine.dispose()
    migrate(database_url)

    assert 0 == Retention(database).rows_days(None)
    assert 200 == Retention(database).rows_days(200)
    assert [("keep_rows_days", 0.0)] == [
        tuple(row.values()) for row in database.rows(text("SELECT name, value FROM defaults"))
    ]
