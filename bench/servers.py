"""Starts programs of the project in their own processes, on loopback, and stops them by their id."""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench.parcels import ENDPOINT, recorded
from receiver.store import migrate

#: The URL of PostgreSQL, the same as in the tests.
POSTGRES = os.environ.get("RECEIVER_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
#: The URL of RabbitMQ, for the rival that needs one.
RABBITMQ = os.environ.get("RECEIVER_BENCH_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//")
ROOT = Path(__file__).parent.parent
#: A URL without a VTEX, for servers that never call it.
UNREACHABLE = "http://127.0.0.1:9"
_PATIENCE = 60.0
#: Ports for the servers that are started here. Linux gives clients those from 32768 on.
_PORTS = range(15_000, 32_000)


class NotHere(Exception):
    """This machine lacks what the figure needs; the message says what."""


@contextlib.contextmanager
def rival(name: str, folder: Path) -> Iterator[int]:
    """A server of `bench.rivals` under the receiver's gunicorn settings, two processes of eight threads; yields its
    port. Raises `NotHere`."""
    port = free_port()
    command = ["gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--workers", "2"]
    command += ["--threads", "8", "--timeout", "60", "--keep-alive", "75", "--log-level", "warning"]
    with contextlib.ExitStack() as stack:
        needed: dict[str, str] = {}
        if name == "inserting":
            needed["RIVAL_DATABASE"] = stack.enter_context(postgres_database()).replace("+psycopg", "")
        elif name == "queueing":
            needed["RIVAL_BROKER"] = _rabbitmq()
        module = [*command, "--no-control-socket", f"bench.rivals.{name}:app"]
        stack.enter_context(running(module, folder, port, **needed))
        yield port


def _rabbitmq() -> str:
    """The broker's URL. Raises `NotHere` where it does not answer, or where there is no Celery to speak to it."""
    try:
        import_module("celery")
    except ImportError:
        raise NotHere("Celery is not installed (pip install celery)") from None
    parts = urlsplit(RABBITMQ)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 5672), timeout=3).close()
    except OSError:
        raise NotHere(f"no RabbitMQ at {parts.hostname}:{parts.port} (set RECEIVER_BENCH_RABBITMQ)") from None
    return RABBITMQ


@contextlib.contextmanager
def receiver(config: Path, *arguments: str) -> Iterator[tuple[int, int]]:
    """``receiver ARGUMENTS --bind …`` under the configuration; yields its port and the id of its first process."""
    port = free_port()
    command = ["receiver.cli", *arguments, "--bind", f"127.0.0.1:{port}"]
    with running(command, config.parent, port, RECEIVER_CONFIG=str(config)) as pid:
        yield port, pid


@contextlib.contextmanager
def sandbox(orders: Path) -> Iterator[str]:
    """The URL of a stand-in VTEX with the orders of a file."""
    port = free_port()
    command = ["receiver.cli", "sandbox", "--orders", str(orders), "--bind", f"127.0.0.1:{port}"]
    with running(command, orders.parent, port):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def running(module: list[str], folder: Path, port: int, **environment: str) -> Iterator[int]:
    """Run ``python -m MODULE``, and wait until it listens on ``port``. Its log goes to a file in ``folder``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECEIVER_", "GUNICORN_"))}
    log = folder / f"{module[0]}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *module], cwd=ROOT, stdout=output, stderr=output, env={**kept, **environment}
        )
        try:
            _await(process, port, log)
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def configured(folder: Path, database: str, vtex_url: str = UNREACHABLE) -> Path:
    """Write a ``receiver.toml`` to ``folder`` with the endpoint of the recorded webhook."""
    endpoint: dict[str, Any] = recorded().expected["endpoint"]
    rules = "".join(f"[[endpoints.{ENDPOINT}.references]]\n{_toml(rule)}" for rule in endpoint["references"])
    plain = {name: value for name, value in endpoint.items() if name != "references"}
    path = folder / "receiver.toml"
    path.write_text(
        f"[receiver]\n{_toml({'database': database})}"
        f"[vtex.bench]\n{_toml({'app_key': 'key', 'app_token': 'token', 'base_url': vtex_url})}"
        f"[endpoints.{ENDPOINT}]\n{_toml(plain)}{rules}",
        encoding="utf-8",
    )
    return path


def _toml(settings: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())


@contextlib.contextmanager
def postgres_database() -> Iterator[str]:
    """The URL of a new, migrated database, dropped afterwards. Raises `NotHere`."""
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        raise NotHere(f"no PostgreSQL at {POSTGRES} (set RECEIVER_TEST_POSTGRES)") from error
    name = f"receiver_bench_{secrets.token_hex(6)}"
    with server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            url = f"{POSTGRES.rsplit('/', 1)[0].replace('postgresql://', 'postgresql+psycopg://')}/{name}"
            migrate(url)
            yield url
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def vacuum(url: str) -> None:
    """Vacuum now, so that PostgreSQL's autovacuum does not run during a measurement."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def sqlite_database(folder: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{folder / secrets.token_hex(4)}.db"


def children(pid: int) -> list[int]:
    """The processes that ``pid`` started. Raises `NotHere` if there is no ``/proc``."""
    try:
        found = (Path("/proc") / str(pid) / "task" / str(pid) / "children").read_text(encoding="ascii")
    except FileNotFoundError:
        raise NotHere("memory is read from /proc, which this system lacks") from None
    return [int(child) for child in found.split()]


def resident(pid: int) -> float:
    """A process's resident memory in MiB."""
    pages = int((Path("/proc") / str(pid) / "statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def free_port() -> int:
    """A port that is free at this moment, and below those that the system gives to clients: one of theirs may be gone
    before a server listens there."""
    while True:
        port = _PORTS[secrets.randbelow(len(_PORTS))]
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise NotHere(f"{process.args!r} does not listen: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
