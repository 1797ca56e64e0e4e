"""Durably accepted deliveries per second over HTTP, against bare Flask; and their latency at half that rate."""

import contextlib
import json
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bench import parcels, servers
from bench.load import Load, LoadFailed, pace, saturate
from bench.table import Row, Wanted
from receiver.store import Database

#: Requests per second that are signed before the measurement; no server measured here comes near this rate.
_MOST_A_SECOND = 6_000
#: Parcels with orders in the stand-in VTEX: more than a worker reaches at its default rate limit.
_ORDERS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A way of running the receiver, and its bound as a share of bare Flask's rate."""

    name: str
    database: str
    command: tuple[str, ...]
    processes: int
    wanted: Wanted
    threads: int = 16

    @property
    def connections(self) -> int:
        """One connection for each thread of the server."""
        return self.processes * self.threads


_LITE = Wanted("ratio", least=0.2, aim=0.35)
SHAPES = (
    Shape(
        name="SQLite, web -w 1 --threads 16", database="sqlite", wanted=_LITE, processes=1,
        command=("web", "--processes", "1", "--threads", "16"),
    ),
    Shape(
        name="SQLite, serve: works meanwhile", database="sqlite", wanted=_LITE, processes=1,
        command=("serve", "--threads", "16"),
    ),
    Shape(
        name="PostgreSQL, web -w 2 --threads 16", database="postgres", wanted=Wanted("ratio", least=0.15), processes=2,
        command=("web", "--processes", "2", "--threads", "16"),
    ),
)  # fmt: skip
_FAST_ENOUGH = Wanted("measured", most=50)


@dataclass(frozen=True, slots=True)
class Round:
    """One round of the receiver (``full``, then ``half`` that rate), and of bare Flask at the same rates."""

    full: Load
    half: Load
    bare_full: Load
    bare_half: Load


def figures(*, short: bool) -> Iterator[Row]:
    """Two rows for every shape: the rate, and p99 at half of it."""
    for shape in SHAPES:
        try:
            rounds = [measured(shape, seconds=1.2 if short else 3.0) for _ in range(1 if short else 3)]
        except servers.NotHere as error:
            yield Row(figure=f"deliveries: {shape.name}", measured=None, wanted=shape.wanted, note=str(error))
            continue
        yield from _rows(shape, rounds)


def _rows(shape: Shape, rounds: list[Round]) -> Iterator[Row]:
    middle = sorted(rounds, key=lambda one: one.full.rate / one.bare_full.rate)[len(rounds) // 2]
    yield Row(
        figure=f"deliveries: {shape.name}",
        measured=middle.full.rate,
        baseline=middle.bare_full.rate,
        unit="/s",
        wanted=shape.wanted,
        note=f"the generator alone could send {min(one.bare_full.ceiling for one in rounds):,.0f}/s",
    )
    yield Row(
        figure="  p99 at half that rate",
        measured=statistics.median(one.half.percentile(0.99) for one in rounds) * 1e3,
        baseline=statistics.median(one.bare_half.percentile(0.99) for one in rounds) * 1e3,
        unit="ms",
        wanted=_FAST_ENOUGH,
        note=f"p50 {statistics.median(one.half.percentile(0.5) for one in rounds) * 1e3:.1f} ms",
    )


def measured(shape: Shape, *, seconds: float) -> Round:
    """One round on a new database, the two servers one after the other. Raises `bench.servers.NotHere`, and
    `bench.load.LoadFailed` if an answer was not 200 or an accepted delivery is not in the database."""
    source = parcels.requests()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        database = stack.enter_context(_database(shape, folder))
        url = stack.enter_context(vtex(folder)) if "serve" in shape.command else servers.NOBODY
        config = servers.configured(folder, database, url)
        with servers.receiver(config, *shape.command) as (port, _):
            warm, full, half = _load(shape, port, source, seconds)
        accepted = sum(load.statuses[200] for load in (warm, full, half))
        if accepted != (kept := kept_in(database)):
            raise LoadFailed(f"{accepted} deliveries were accepted, {kept} are kept")
        with servers.bare_flask(folder, processes=shape.processes, threads=shape.threads) as port:
            _, bare_full, bare_half = _load(shape, port, source, seconds, rate=full.rate / 2)
    return Round(full, half, bare_full, bare_half)


def _load(
    shape: Shape, port: int, source: Iterator[bytes], seconds: float, *, rate: float | None = None
) -> tuple[Load, Load, Load]:
    """Warm up, saturate, then send at ``rate`` a second, by default half of the rate reached."""

    def ready(seconds: float) -> list[bytes]:
        return list(islice(source, int(seconds * _MOST_A_SECOND)))

    many = shape.connections
    warm = saturate(port, ready(0.5), seconds=0.5, connections=many)
    full = saturate(port, ready(seconds), seconds=seconds, connections=many)
    half = pace(port, ready(seconds), rate=rate or full.rate / 2, seconds=seconds, connections=many)
    for load in (warm, full, half):
        if set(load.statuses) != {200}:
            raise LoadFailed(f"{shape.name} answered {dict(load.statuses)}")
    return warm, full, half


def kept_in(database: str) -> int:
    """The number of deliveries in a database."""
    opened = Database(database)
    try:
        with opened.reading() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM deliveries").scalar_one())
    finally:
        opened.close()


@contextlib.contextmanager
def vtex(folder: Path) -> Iterator[str]:
    """The URL of a stand-in VTEX in its own process, with the orders of the first parcels."""
    orders = folder / "orders.jsonl"
    document = parcels.recorded().expected["orders"][0]
    told = (
        {**document, "orderId": (name := parcels.order_of(one)), "orderGroup": name[:-3]} for one in range(1, _ORDERS)
    )
    orders.write_text("".join(json.dumps(order) + "\n" for order in told), encoding="utf-8")
    with servers.sandbox(orders) as url:
        yield url


@contextlib.contextmanager
def _database(shape: Shape, folder: Path) -> Iterator[str]:
    if shape.database == "sqlite":
        yield servers.sqlite_database(folder)
    else:
        with servers.postgres_database() as url:
            yield url
