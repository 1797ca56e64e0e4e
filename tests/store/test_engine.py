"""The schema and the connections: the same tables on both engines, and a look for work that an outage does not slow."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect, text
from sqlalchemy.engine import Connection

from receiver.store import Database, NotMigrated, Queue, StoreUnavailable, migrate
from receiver.store.engine import alembic_config, open_engine, revision, turnstile_of
from receiver.store.indexes import metadata
from receiver.store.migrations import HEAD
from tests.support.store_cases import NOW, add_shipments, apart, shipment


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = open_engine(url, writing=True)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def own_url(request: pytest.FixtureRequest) -> str:
    """A migrated database whose schema a test may change."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    migrate(url)
    return url


def open_and_close(url: str, barrier: Any) -> None:
    """In a process of its own: one new file after the other, because the race is a matter of luck."""
    for number in range(3):
        barrier.wait()
        Database(f"{url}-{number}").close()


def migrate_at_once(url: str, barrier: Any) -> None:
    """In a process of its own."""
    barrier.wait()
    migrate(url)


def all_succeed(target: Any, url: str) -> bool:
    """Two processes do the same at the same instant."""
    barrier = apart.Barrier(2)
    processes = [apart.Process(target=target, args=(url, barrier)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [0] * 2 == [process.exitcode for process in processes]


def test_schema(database: Database) -> None:
    """The migrations create exactly the tables that the program uses."""
    with connected(database.url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert [] == compare_metadata(context, metadata)


def test_partial_indexes(database: Database) -> None:
    """Indexes are partial where the tables say so, which Alembic does not compare."""
    catalogue = "SELECT sql FROM sqlite_master" if database.is_sqlite else "SELECT indexdef AS sql FROM pg_indexes"
    found = [str(row["sql"]) for row in database.rows(text(catalogue))]
    for index in (index for table in metadata.sorted_tables for index in table.indexes):
        [definition] = [sql for sql in found if f"INDEX {index.name} " in sql]
        partial = index.dialect_options["sqlite" if database.is_sqlite else "postgresql"]["where"] is not None
        assert (index.name, partial) == (index.name, " WHERE " in definition)


def test_head() -> None:
    """The revision that the program asks for is the newest there is."""
    assert HEAD == ScriptDirectory.from_config(alembic_config(None)).get_current_head()


def test_downgrade(own_url: str) -> None:
    """The way back leaves nothing, and the way forth works again."""
    with connected(own_url) as connection:
        command.downgrade(alembic_config(connection), "base")
    with connected(own_url) as connection:
        assert ["alembic_version"] == inspect(connection).get_table_names()
    migrate(own_url)
    assert HEAD == revision(own_url)


def test_numbers_of_before(own_url: str) -> None:
    """Shipments that an earlier version stored are found by their numbers, in any notation."""
    numbers = {"a": "qs 1-BR", "b": "J.1", "c": "-", "d": None}
    row = {"endpoint": "ep", "account": "lux", "state": "due", "first_at": 0.0, "changed_at": 0.0}
    with connected(own_url) as connection:
        command.downgrade(alembic_config(connection), "0006")
        insert = "INSERT INTO shipments (id, tracking_number, endpoint, account, state, first_at, changed_at)"
        values = "VALUES (:id, :number, :endpoint, :account, :state, :first_at, :changed_at)"
        for name, number in numbers.items():
            connection.execute(text(f"{insert} {values}"), {"id": name, "number": number, **row})
    migrate(own_url)
    with connected(own_url) as connection:
        found = connection.execute(text("SELECT id, normalised_number FROM shipments ORDER BY id"))
        assert [("a", "QS1BR"), ("b", "J1"), ("c", None), ("d", None)] == [tuple(row) for row in found]


def test_all_or_nothing(own_url: str) -> None:
    """A migration that fails half-way leaves the database as it was."""
    with connected(own_url) as connection:
        command.downgrade(alembic_config(connection), "base")
        connection.execute(text("CREATE TABLE updates (id INTEGER)"))
    with pytest.raises(StoreUnavailable, match="already exists"):
        migrate(own_url)
    with connected(own_url) as connection:
        assert ["alembic_version", "updates"] == sorted(inspect(connection).get_table_names())


def test_sqlite_prepares_itself(tmp_path: Path) -> None:
    """A SQLite file is made where there is none, folder and tables too, in WAL and synced at every commit."""
    url = f"sqlite:///{tmp_path}/a folder/100%/receiver.db"
    database = Database(url)
    assert HEAD == revision(url)
    asked = ("journal_mode", "synchronous")
    found = [database.write(lambda c, name=name: c.exec_driver_sql(f"PRAGMA {name}").scalar()) for name in asked]
    assert ["wal", 2] == found
    with pytest.raises(StoreUnavailable, match="readonly"):
        database.rows(text("DELETE FROM deliveries"))
    database.close()


def test_sqlite_prepared_at_once(sqlite_url: str) -> None:
    """Two processes may be the first at the same time."""
    assert all_succeed(open_and_close, sqlite_url)


def test_postgres_migrated_at_once(postgres_url: str) -> None:
    """Two hosts may migrate at the same time."""
    assert all_succeed(migrate_at_once, postgres_url)
    assert HEAD == revision(postgres_url)


def test_not_migrated(postgres_url: str) -> None:
    """PostgreSQL is never migrated by a start, which says what to do instead."""
    with pytest.raises(NotMigrated, match=f"is empty.*{HEAD}.*receiver migrate"):
        Database(postgres_url)
    assert revision(postgres_url) is None


def test_a_newer_database(own_url: str) -> None:
    """A database that a newer program has migrated is refused in one line, and left alone."""
    with connected(own_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NotMigrated, match="9999"):
        Database(own_url)
    with pytest.raises(NotMigrated, match="newer program"):
        migrate(own_url)


def test_not_a_database(tmp_path: Path) -> None:
    """A file that is something else, a folder, a file where a folder should be: one line each, no traceback."""
    (tmp_path / "text").write_text("this is no database, though long enough to be mistaken for one" * 20)
    (tmp_path / "folder").mkdir()
    for name, why in (("text", "not a database"), ("folder", "unable to open"), ("text/x.db", "File exists")):
        with pytest.raises(StoreUnavailable, match=why):
            Database(f"sqlite:///{tmp_path}/{name}")


def test_nobody_there() -> None:
    """A server that does not answer is reported at once, without its password."""
    with pytest.raises(StoreUnavailable, match="refused") as refusal:
        Database("postgresql+psycopg://receiver:hush@127.0.0.1:1/receiver")
    assert "hush" not in str(refusal.value)


def test_an_old_sqlite(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python with a SQLite that lacks what we use says so at the start."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(StoreUnavailable, match=r"3\.35"):
        Database(sqlite_url)


def plans(database: Database, ask: Any) -> list[str]:
    """How the database goes about the statements on shipments that ``ask`` runs."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "shipments" in statement:
            asked.append((statement, parameters))

    engines = (database._reader, database._writer.engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    ask()
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "

    def work(connection: Connection) -> list[str]:
        found = []
        for statement, parameters in asked:
            rows = connection.exec_driver_sql(explain + statement, parameters).mappings()
            found.append("\n".join(row["detail" if database.is_sqlite else "QUERY PLAN"] for row in rows))
        return found

    return database.write(work)


def test_outage(database: Database) -> None:
    """With 30,000 shipments backing off and as many at rest, a look for work and a claim go by the index."""
    add_shipments(database, *(f"ep/{number}" for number in range(30_000)), due_at=NOW + 3600)
    add_shipments(database, *(f"rest/{number}" for number in range(30_000)), due_at=None)
    add_shipments(database, "ep/due")
    if not database.is_sqlite:
        database.write(lambda connection: connection.execute(text("ANALYZE shipments")), deadline=60)
    queue = Queue(database, worker_name="a", lease=60)
    found: list[str] = []

    def ask() -> None:
        assert queue.something_due("lux", NOW)
        found.extend(claim.id for claim in queue.claim("lux", most=16, now=NOW))
        queue.accounts.pause("lux", until=NOW, reason="429", own_fault=False)
        found.extend(claim.id for claim in queue.claim("lux", most=16, now=NOW))

    look, claim, probe = plans(database, ask)
    assert ["ep/due"] == found
    for plan, index, times in ((look, "shipments_due", 1), (claim, "shipments_due", 2), (probe, "shipments_leased", 1)):
        assert times == plan.count(index)
        assert "SCAN shipments" not in plan
        assert "Seq Scan on shipments" not in plan


@pytest.mark.parametrize("many", [1, 3_000])
def test_a_claim_is_planned_once(migrated_postgres_url: str, many: int) -> None:
    """PostgreSQL plans claims once for a connection, however many shipments back off. The plan goes by the index even
    if the table was small: it may grow."""
    with closing(Database(migrated_postgres_url, connections=4)) as database:
        queue = Queue(database, worker_name="a", lease=60)
        add_shipments(database, *(f"ep/{number}" for number in range(many)), due_at=NOW + 3600)
        database.write(lambda connection: connection.execute(text("ANALYZE shipments")), deadline=60)
        for _ in range(20):
            assert [] == queue.claim("lux", most=16, now=NOW)

        def planned(connection: Connection) -> tuple[int, int, str]:
            [(name, types, generic, custom)] = connection.exec_driver_sql(
                "SELECT name, parameter_types::text[], generic_plans, custom_plans FROM pg_prepared_statements "
                "WHERE statement LIKE 'WITH chosen%%'"
            )
            values = ", ".join(["NULL"] * len(types))
            connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
            plan = connection.exec_driver_sql(f"EXPLAIN EXECUTE {name} ({values})").scalars()
            return generic, custom, "\n".join(plan)

        generic, custom, plan = database.write(planned)
    assert (generic > 10, custom) == (True, 0)
    assert 2 == plan.count("shipments_due")
    assert "Seq Scan on shipments" not in plan


def test_a_start_waits_its_turn(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start behind a process that has stopped at the same file ends with one clear line, not never."""
    monkeypatch.setattr("receiver.store.engine._START_PATIENCE", 0.1)
    refusal = pytest.raises(StoreUnavailable, match=r"another process has held \S+receiver\.db-turn for 0\.1 s")
    with closing(turnstile_of(sqlite_url)) as turnstile, turnstile.turn(), refusal:
        Database(sqlite_url)
    Database(sqlite_url).close()


def test_first_release(sqlite_url: str, postgres_url: str) -> None:
    """What the first release stored is kept, and is live."""
    columns = "id, endpoint, account, state, due_at, first_at, changed_at"
    row = f"INSERT INTO shipments ({columns}) VALUES ('ep/p1', 'ep', 'lux', 'due', 1, 1, 1)"
    for url in (sqlite_url, postgres_url):
        engine = open_engine(url, writing=True)
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), "0001")
            connection.exec_driver_sql(row)
        engine.dispose()
        migrate(url)
        with closing(Database(url)) as database:
            [claim] = Queue(database, worker_name="a", lease=60).claim("lux", most=1, now=NOW)
            assert ("ep/p1", 0) == (claim.id, shipment(database)["priority"])
