"""What every test shares: a clean environment, both databases over real connections, and the rig."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from receiver.store import Database, migrate
from tests.support import own_carriers
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


def pytest_configure(config: pytest.Config) -> None:
    own_carriers.folder = config.getoption("--own-carriers")


#: Fixtures and parameters by which a test reaches PostgreSQL.
_POSTGRES = {"postgres", "postgres_url", "migrated_postgres_url"}
#: Names in a test module by which it starts processes.
_PROCESS = {"subprocess", "spawn", "receiver_process", "Running", "Site", "Nginx"}
#: Files whose tests take seconds each, for what they do in one process.
_SLOW = ("test_adding_a_carrier.py", "test_bench.py", "test_demo.py", "test_nasty_orders.py", "test_packaging.py")

#: Tests that damage every field of every recording.
_SLOW_TESTS = ("test_damaged",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, a process or patience, so that ``make test-fast`` can leave it out."""
    for item in items:
        parameters = getattr(item, "callspec", None)
        values = {value for value in (parameters.params.values() if parameters else ()) if isinstance(value, str)}
        if _POSTGRES & (set(getattr(item, "fixturenames", ())) | values) and not (values and not _POSTGRES & values):
            item.add_marker(pytest.mark.postgres)
        if _PROCESS & set(vars(getattr(item, "module", None)) if getattr(item, "module", None) else ()):
            item.add_marker(pytest.mark.process)
        if item.path.name in _SLOW or getattr(item, "originalname", "") in _SLOW_TESTS:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No shell of a developer colours the result."""
    for name in list(os.environ):
        if name.startswith("RECEIVER_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)


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
def _postgres_database(server: str, *, template: str = "template1") -> Iterator[str]:
    """A database of its own on the server, gone afterwards; its name."""
    name = f"receiver_test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield name
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _url(server: str, name: str) -> str:
    return f"{server.rsplit('/', 1)[0].replace('postgresql://', 'postgresql+psycopg://')}/{name}"


@pytest.fixture(scope="session")
def _postgres_template(_postgres_server: str) -> Iterator[str]:
    """A migrated database that others are copied from: a copy is made in a fraction of a migration's time."""
    with _postgres_database(_postgres_server) as name:
        migrate(_url(_postgres_server, name))
        yield name


@pytest.fixture
def postgres_url(_postgres_server: str) -> Iterator[str]:
    """A database of its own on the PostgreSQL server, empty and not migrated."""
    with _postgres_database(_postgres_server) as name:
        yield _url(_postgres_server, name)


@pytest.fixture
def migrated_postgres_url(_postgres_server: str, _postgres_template: str) -> Iterator[str]:
    """A migrated database of its own on the PostgreSQL server."""
    with _postgres_database(_postgres_server, template=_postgres_template) as name:
        yield _url(_postgres_server, name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/receiver.db"


@pytest.fixture(params=["sqlite_url", "migrated_postgres_url"], ids=["sqlite", "postgres"])
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
def rig(tmp_path: Path, sqlite_url: str) -> Iterator[Rig]:
    """The whole receiver on SQLite, with a stand-in VTEX on loopback and a clock of its own."""
    with Rig(tmp_path, sqlite_url) as made:
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
