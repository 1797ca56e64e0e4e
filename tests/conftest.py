"""What every test shares: a clean environment, both databases over real connections, and the rig."""

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql

from receiver.store import Database, migrate, writer
from tests.support import cheaper, order, own_carriers
from tests.support.console import Operator
from tests.support.rig import Rig

settings.register_profile("house", deadline=None)
settings.load_profile("house")

#: Where PostgreSQL is looked for; CI fails if it is not found.
POSTGRES = os.environ.get("RECEIVER_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--own-carriers", metavar="FOLDER", type=Path, help="hold the carriers in FOLDER to the house rules"
    )


#: Memory, where Linux offers it: thousands of tests need the database's code and none needs the disk's speed.
_MEMORY = Path("/dev/shm")


def pytest_configure(config: pytest.Config) -> None:
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 2 << 30:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))
    own_carriers.folder = config.getoption("--own-carriers")
    cheaper.collect_no_garbage()
    cheaper.rewrite_tests_once(config)
    cheaper.make_apps_cheaper()
    cheaper.make_databases_cheaper()


def pytest_collection_finish() -> None:
    cheaper.collect_less_garbage()


#: Fixtures and parameters by which a test reaches PostgreSQL.
_POSTGRES = {"postgres", "postgres_url", "migrated_postgres_url", "new_postgres_url"}
#: Names in a test module by which it starts processes.
_PROCESS = {"subprocess", "apart", "Forked", "receiver_process", "Running", "Site", "Nginx"}
#: Fixtures that start the whole receiver with a stand-in VTEX: a fifth of a second each, and there are thousands.
_RIG = {"rig", "rig_on_either"}
#: Files whose tests take seconds each, for what they do in one process.
_SLOW = ("test_adding_a_carrier.py", "test_bench.py", "test_demo.py", "test_nasty_orders.py", "test_packaging.py")

#: Tests that damage every field of every recording.
_SLOW_TESTS = ("test_damaged", "test_cut_short")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, a process or patience, so that ``make test-fast`` can leave it out."""
    for item in items:
        parameters = getattr(item, "callspec", None)
        values = {value for value in (parameters.params.values() if parameters else ()) if isinstance(value, str)}
        if _POSTGRES & (set(getattr(item, "fixturenames", ())) | values) and not (values and not _POSTGRES & values):
            item.add_marker(pytest.mark.postgres)
        if _PROCESS & set(vars(getattr(item, "module", None)) if getattr(item, "module", None) else ()):
            item.add_marker(pytest.mark.process)
        names = set(getattr(item, "fixturenames", ()))
        if _RIG & names or item.path.name in _SLOW or getattr(item, "originalname", "") in _SLOW_TESTS:
            item.add_marker(pytest.mark.slow)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    items[:] = order.dealt(items, waits=_waits, module=lambda item: item.path, workers=workers)


def _waits(item: pytest.Item) -> bool:
    return item.path.name in _SLOW or item.get_closest_marker("process") is not None


@pytest.fixture(autouse=True)
def _scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No shell of a developer colours the result."""
    for name in list(os.environ):
        if name.startswith("RECEIVER_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own clock is five and a half hours ahead."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        yield
    time.tzset()


#: Tests about how long a sender waits. All others are patient: a busy machine is no fault.
_IMPATIENT = ("test_store_outage.py", "test_outage.py", "TestCannotStore")


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if not any(name in request.node.nodeid for name in _IMPATIENT):
        monkeypatch.setattr(writer, "DEADLINE", 60.0)


@pytest.fixture(scope="session")
def _postgres_server() -> str:
    try:
        psycopg.connect(POSTGRES, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must test PostgreSQL, and none answers at {POSTGRES}: {error}")
        pytest.skip(f"no PostgreSQL at {POSTGRES} (set RECEIVER_TEST_POSTGRES)")
    return POSTGRES


@contextmanager
def _postgres_database(server: str, template: str = "template1") -> Iterator[str]:
    """A database of its own on the server, gone afterwards; its name. It is a copy of the template.

    A commit does not wait for the disk: no test cuts the server's power, and thousands of commits would wait.
    """
    name = f"receiver_test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    yield name
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _url(server: str, name: str) -> str:
    return f"{server.rsplit('/', 1)[0].replace('postgresql://', 'postgresql+psycopg://')}/{name}"


class _Reused:
    """A migrated PostgreSQL database that many tests use. It is emptied between them, and replaced if that fails.

    To empty one costs milliseconds, to make one some thirty. One connection does it all: the first queries of
    each take ten times as long as the later ones.
    """

    def __init__(self, server: str, template: str) -> None:
        self._server, self._template = server, template
        self._made = ExitStack()  # what `drop` ends: the connection, then the database
        self._name: str | None = None
        self._shape: object = None
        self._emptying = ""

    def take(self) -> str:
        if self._name is None:
            self._name = self._made.enter_context(_postgres_database(self._server, self._template))
            self._connection = self._made.enter_context(closing(self._connect()))
            self._shape = self._read_shape(self._connection)
            self._emptying = _emptying(self._connection)
        return _url(self._server, self._name)

    def give_back(self) -> None:
        """End what a test left open, and delete every row; a database of another shape is dropped."""
        connection = self._connection
        try:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if self._read_shape(connection) != self._shape:
                self.drop()
                return
            with connection.transaction():
                connection.execute(self._emptying)
                for (name,) in connection.execute(_SEQUENCES).fetchall():
                    connection.execute(sql.SQL("ALTER SEQUENCE {} RESTART").format(sql.Identifier(name)))
        except psycopg.Error:
            self.drop()

    def drop(self) -> None:
        self._name = None
        self._made.close()

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(f"{self._server.rsplit('/', 1)[0]}/{self._name}", autocommit=True)

    @staticmethod
    def _read_shape(connection: psycopg.Connection) -> object:
        """Every table, index, column and setting: what a test may have changed, and no row tells."""
        return [connection.execute(query).fetchall() for query in _SHAPE]


def _emptying(connection: psycopg.Connection) -> str:
    """One script, in one round trip: every row is deleted, and what the migrations wrote is there again."""
    script = ["SET LOCAL session_replication_role = replica"]  # no order of foreign keys
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    for (name,) in connection.execute(query).fetchall():
        table = sql.Identifier(name)
        script.append(sql.SQL("DELETE FROM {}").format(table).as_string(connection))
        for row in connection.execute(sql.SQL("SELECT * FROM {}").format(table)).fetchall():
            values = sql.SQL(", ").join(map(sql.Literal, row))
            script.append(sql.SQL("INSERT INTO {} VALUES ({})").format(table, values).as_string(connection))
    return "; ".join(script)


_SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
_SHAPE = (
    "SELECT oid, relname, reloptions FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
    (
        "SELECT attrelid, attname, atttypid, atttypmod, attnotnull, atthasdef FROM pg_attribute JOIN pg_class c"
        " ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace ORDER BY 1, attnum"
    ),
    "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
    (
        "SELECT setconfig FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase"
        " WHERE d.datname = current_database()"
    ),
)


@pytest.fixture(scope="session")
def _postgres_template(_postgres_server: str) -> Iterator[str]:
    """A migrated database that no one opens: to copy one costs a seventh of what it costs to migrate one."""
    with _postgres_database(_postgres_server) as name:
        migrate(_url(_postgres_server, name))
        yield name


@pytest.fixture(scope="session")
def _reused(_postgres_server: str, _postgres_template: str) -> Iterator[_Reused]:
    reused = _Reused(_postgres_server, _postgres_template)
    yield reused
    reused.drop()


@pytest.fixture
def postgres_url(_postgres_server: str) -> Iterator[str]:
    """A database of its own on the PostgreSQL server, empty and not migrated."""
    with _postgres_database(_postgres_server) as name:
        yield _url(_postgres_server, name)


@pytest.fixture
def new_postgres_url(_postgres_server: str, _postgres_template: str) -> Iterator[str]:
    """A migrated database on the PostgreSQL server that no test has used."""
    with _postgres_database(_postgres_server, _postgres_template) as name:
        yield _url(_postgres_server, name)


@pytest.fixture
def migrated_postgres_url(_reused: _Reused) -> Iterator[str]:
    """A migrated database on the PostgreSQL server, as the migrations left it."""
    yield _reused.take()
    _reused.give_back()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/receiver.db"


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A migrated SQLite file: to copy one costs nothing, to migrate one a sixth of a second."""
    file = tmp_path_factory.mktemp("template") / "receiver.db"
    Database(f"sqlite:///{file}").close()
    return file.read_bytes()


@pytest.fixture
def migrated_sqlite_url(tmp_path: Path, sqlite_url: str, _sqlite_template: bytes) -> str:
    """The file of ``sqlite_url``, migrated."""
    file = tmp_path / "receiver.db"
    file.touch(mode=0o600)
    file.write_bytes(_sqlite_template)
    return sqlite_url


@pytest.fixture(params=["migrated_sqlite_url", "migrated_postgres_url"], ids=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of either kind."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open database of either kind."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def rig(tmp_path: Path, migrated_sqlite_url: str) -> Iterator[Rig]:
    """The whole receiver on SQLite, with a stand-in VTEX on loopback and a clock of its own."""
    with Rig(tmp_path, migrated_sqlite_url) as made:
        yield made


@pytest.fixture
def rig_on_either(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    """`rig`, on SQLite and on PostgreSQL."""
    with Rig(tmp_path, database_url) as made:
        yield made


@pytest.fixture
def operator(rig: Rig) -> Operator:
    """The operator before `rig`."""
    return Operator(rig)


@pytest.fixture
def operator_on_either(rig_on_either: Rig) -> Operator:
    """`operator`, on SQLite and on PostgreSQL."""
    return Operator(rig_on_either)
