"""What is kept of people: every table and column is declared, and retention and `forget` do what is declared."""

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, LargeBinary, Table, Text, insert, select

from receiver.store import Database, Horizons, Retention
from receiver.store.keeping.forgetting import Forgetting
from receiver.store.keeping.kept import KEPT, Until
from receiver.store.tables import metadata
from tests.support.paths import ROOT
from tests.support.store_cases import NOW

DAY = 86_400.0
CANARY = "Ana Conceição Canário 100%"
TABLES = list(metadata.sorted_tables)


def value(column: Column[Any], text: str) -> Any:
    if isinstance(column.type, LargeBinary):
        return text.encode()
    return text if isinstance(column.type, Text) else 1 if isinstance(column.type, Integer) else NOW


def fill(database: Database, table: Table, text: str, columns: tuple[str, ...], word: str = "other") -> None:
    """A row with the text in the columns; the other columns of text hold a word."""
    row = {one.name: value(one, text if one.name in columns else word) for one in table.c}
    row |= {
        name: None for name in ("due_at", "lease_until", "companion_of") if name in table.c and table.c[name].nullable
    }
    row |= {"known": "{}"} if "known" in table.c and "known" not in columns else {}
    row |= {"state": "in_step"} if "state" in table.c else {}
    database.write(lambda connection: connection.execute(insert(table), row))


def held(database: Database, table: Table) -> list[dict[str, Any]]:
    return [dict(row) for row in database.rows(select(table))]


def test_declared() -> None:
    """Each table is declared, and each of its columns of text in exactly one way."""
    assert set(TABLES) == set(KEPT)
    for table, kept in KEPT.items():
        texts = {one.name for one in table.c if isinstance(one.type, Text | LargeBinary)}
        declared = [*kept.people, *kept.stays, *kept.words]
        assert sorted(texts) == sorted(declared), table.name
        assert kept.blank is None or set(kept.people) - {"target"} <= set(kept.blank) <= set(table.c.keys())
        assert kept.since is None or kept.since in table.c
        assert (kept.until in (Until.ROWS, Until.SETTLED, Until.MESSAGES)) <= (kept.since is not None)


def test_forgotten(database: Database) -> None:
    """What stands in any column of people is found there alone, in other letters too, and is gone afterwards."""
    forgetting = Forgetting(database)
    for table, kept in KEPT.items():
        for column in kept.people:
            database.write(lambda connection, table=table: connection.execute(table.delete()))
            fill(database, table, "another person", kept.people)
            (other,) = held(database, table)
            text = CANARY if column != "target" else f"/webhooks/ep?name={CANARY}"
            mine = {one.name: "mine" if isinstance(one.type, Text) else 2 for one in table.primary_key}
            unique = {name: "mine" for name in ("dedup", "request_key") if name in table.c}
            kind = {"kind": "link"} if table.name == "decisions" else {}
            row = {**other, **mine, **unique, **kind, column: value(table.c[column], text)}
            row |= {"shipment": "mine"} if kept.parcel == "shipment" and column != "shipment" else {}
            database.write(lambda connection, table=table, row=row: connection.execute(insert(table), row))

            traces = forgetting.of_text(CANARY.upper())
            assert 1 == len(traces.found[table]), (table.name, column)
            forgetting.forget(traces, now=NOW, record=lambda _: None)
            after = held(database, table)
            assert CANARY not in str(after), (table.name, column)
            assert other in after, (table.name, column)
        database.write(lambda connection, table=table: connection.execute(table.delete()))


def test_forgotten_with_its_parcel(database: Database) -> None:
    """A parcel's rows in every table go with it: by the column that names the parcel, or the order."""
    named = {"shipments": "id"}
    for table, kept in KEPT.items():
        name = named.get(table.name, kept.parcel or kept.order)
        if name is not None:
            fill(database, table, "p1" if kept.order is None else "other", (name,))
    traces = Forgetting(database).of_number("p1")

    expected = {one.name for one, kept in KEPT.items() if kept.parcel or kept.order} | {"shipments"}
    # Every row says the delivery "other", so that what hangs on it is found as well.
    assert expected <= {table.name for table in traces.found}


def test_forgotten_with_its_companion(database: Database) -> None:
    """A parcel and the shipments that stand for its other orders tell of one person."""
    (shipments,) = (one for one in TABLES if one.name == "shipments")
    base = {"endpoint": "ep", "account": "lux", "state": "held", "first_at": NOW, "changed_at": NOW}
    rows = [
        {**base, "id": "ep/p1", "companion_of": None, "order_id": "1-01"},
        {**base, "id": "ep/p1+2-01", "companion_of": "ep/p1", "order_id": "2-01"},
        {**base, "id": "ep/p2", "companion_of": None, "order_id": "3-01"},
    ]
    database.write(lambda connection: connection.execute(insert(shipments), rows))

    for order in ("1-01", "2-01"):
        assert ("ep/p1", "ep/p1+2-01") == Forgetting(database).of_order(order).shipments


def test_leaves_the_files(sqlite_url: str) -> None:
    """What is forgotten stands in none of SQLite's files any more, nor does what retention empties."""
    (deliveries,) = (one for one in TABLES if one.name == "deliveries")
    with contextlib.closing(Database(sqlite_url)) as database:
        folder = Path(database.url.removeprefix("sqlite:///")).parent

        def stands() -> list[str]:
            return [one.name for one in folder.iterdir() if one.is_file() and CANARY.encode() in one.read_bytes()]

        fill(database, deliveries, CANARY, ("body",))
        assert stands()
        Forgetting(database).forget(Forgetting(database).of_text(CANARY), now=NOW, record=lambda _: None)
        assert [] == stands()

        fill(database, deliveries, CANARY, ("body", "id", "dedup"))
        database.write(lambda connection: connection.execute(deliveries.update().values(received_at=NOW - 400 * DAY)))
        Retention(database).prune(Horizons(bodies=30, unreadable=30, rows=30), now=NOW)
        assert [] == stands()


def test_journal_in_use(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Where a reader stays all the while, a line says that the journal keeps it."""
    with contextlib.closing(Database(sqlite_url)) as database, database.reading() as connection:
        (deliveries,) = (one for one in TABLES if one.name == "deliveries")
        connection.exec_driver_sql("BEGIN")
        connection.execute(select(deliveries)).all()
        fill(database, deliveries, CANARY, ("body",))
        database.empty_journal()
        connection.exec_driver_sql("ROLLBACK")
    assert "database in use, its journal keeps what was blanked" in caplog.text


def test_zero_bytes(database: Database) -> None:
    """A text is found behind a zero byte of a body."""
    (deliveries,) = (one for one in TABLES if one.name == "deliveries")
    fill(database, deliveries, f"\0 {CANARY}", ("body",))

    assert ("other",) == Forgetting(database).of_text(CANARY).deliveries


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("Joana d'Ávila", r'{"name": "JOANA D\u0027\u00C1VILA"}'),
        ("joana d'ávila", r'{"name": "Joana d\u0027Ávila"}'),
        ("ana+loja@exemplo.com", r'{"email":"ana\u002Bloja@exemplo.com"}'),
        ("Rua São João 12/34", r'{"street":"Rua S\u00e3o Jo\u00e3o 12\/34"}'),
        ('Ana "Nina" Sá 😀', r'{"name":"ANA \"NINA\" S\u00c1 \ud83d\ude00"}'),
    ],
)
def test_escaped(database: Database, text: str, body: str) -> None:
    """A text is found in JSON, whichever of its letters the carrier's program escapes there."""
    (deliveries,) = (one for one in TABLES if one.name == "deliveries")
    fill(database, deliveries, body, ("body",))

    assert ("other",) == Forgetting(database).of_text(text).deliveries


def test_kept_so_long(database: Database) -> None:
    """A settled row of each table is there before its horizon, and gone after it."""
    for table in TABLES:
        fill(database, table, "", (), word=table.name)
    retention, horizons = Retention(database), Horizons(bodies=30, unreadable=180, rows=400)

    def kept(*, days: float) -> set[str]:
        retention.prune(horizons, now=NOW + days * DAY)
        return {one.name for one in TABLES if held(database, one)}

    names = {one.name for one in TABLES}
    messages = {one.name for one, kept in KEPT.items() if kept.until is Until.MESSAGES}
    at_last = {one.name for one, kept in KEPT.items() if kept.until in (Until.STAYS, Until.DONE)}
    with_their_parcel = {"updates", "invoices", "waits"}
    assert names - {"sessions"} == kept(days=29)
    assert names - {"sessions"} - messages == kept(days=399)
    assert at_last | with_their_parcel == kept(days=401)


def test_due(database: Database) -> None:
    """What is still to be done is there after every horizon."""
    dues = [table for table in TABLES if "due_at" in table.c]
    for table in dues:
        fill(database, table, "", (), word=table.name)
        database.write(lambda connection, table=table: connection.execute(table.update().values(due_at=NOW)))
    Retention(database).prune(Horizons(bodies=30, unreadable=180, rows=400), now=NOW + 1000 * DAY)

    assert dues == [table for table in dues if held(database, table)]


def test_page() -> None:
    """The page on personal data names every table that may hold some."""
    page = (ROOT / "docs/privacy.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page))

    assert set() == {table.name for table, kept in KEPT.items() if kept.people} - named
