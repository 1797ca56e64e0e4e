"""Durably accepted deliveries per second over HTTP, against bare Flask and two rivals; and latency at half that rate.

All of it over 16 connections, on the same cores as the load generator.
"""

import contextlib
import json
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from bench import parcels, servers
from bench.load import Load, LoadFailed, pace, saturate
from bench.table import Row, Wanted
from receiver.store import Database

#: Requests per second that are signed before the measurement; no server measured here comes near this rate.
_MOST_A_SECOND = 9_000
#: Parcels with orders in the stand-in VTEX: more than a worker reaches at its default rate limit.
_ORDERS = 1_000
CONNECTIONS = 16
#: Runs of each. The best one counts: the connections spread over two processes by chance, and a bad spread costs three
#: quarters of the rate.
_RUNS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A way of running the receiver, and its bound as a share of bare Flask's rate. ``prompt`` bounds the latency."""

    name: str
    database: str
    command: tuple[str, ...]
    wanted: Wanted | None
    prompt: Wanted | None = None


_LITE, _LARGE = Wanted("ratio", least=0.25, aim=0.4), Wanted("ratio", least=0.2, aim=0.3)


def _web(processes: int, threads: int) -> tuple[str, ...]:
    return ("web", "--processes", str(processes), "--threads", str(threads))


SHAPES = (
    Shape(name="SQLite, web -w 2 --threads 8", database="sqlite", wanted=_LITE, command=_web(2, 8)),
    Shape(name="SQLite, web -w 4 --threads 4", database="sqlite", wanted=_LITE, command=_web(4, 4)),
    Shape(
        name="SQLite, serve: works meanwhile", database="sqlite", wanted=None, command=("serve", "--threads", "16"),
        prompt=Wanted("measured", most=25),
    ),
    Shape(name="PostgreSQL, web -w 2 --threads 8", database="postgres", wanted=_LARGE, command=_web(2, 8)),
    Shape(name="PostgreSQL, web -w 4 --threads 4", database="postgres", wanted=_LARGE, command=_web(4, 4)),
)  # fmt: skip
#: Rivals by module, what they are, and how many times as many deliveries the receiver is to accept.
RIVALS = {
    "inserting": ("Flask and one INSERT into PostgreSQL", Wanted("ratio", least=1.0)),
    "queueing": ("Flask and Celery with RabbitMQ", Wanted("ratio", least=1.5)),
}


@dataclass(frozen=True, slots=True)
class Round:
    """One round of the receiver: ``full``, then ``half`` that rate."""

    full: Load
    half: Load


def figures(*, short: bool) -> Iterator[Row]:
    """Two rows for every shape: the rate, and p99 at half of it; then the best web shape against each rival. The bound
    on the rate is that of a database's best web shape."""
    found = _in_turns(seconds=1.0 if short else 3.0, shapes_each=2 if short else 1)
    best: dict[str, float] = {}
    for shape, rounds in found.shapes.items():
        if shape.command[0] == "web":
            best[shape.database] = max(best.get(shape.database, 0.0), _best(rounds))
    bare = max(found.rivals["bare"])
    for shape in SHAPES:
        if shape not in found.shapes:
            yield Row(figure=f"deliveries: {shape.name}", measured=None, wanted=shape.wanted, note=found.absent[shape])
            continue
        rounds = found.shapes[shape]
        yield from _rows(shape, rounds, bare, shape.wanted if _best(rounds) == best.get(shape.database) else None)
    for rival, (name, wanted) in RIVALS.items():
        rate = max(found.rivals.get(rival, []), default=None)
        yield Row(
            figure=f"deliveries: {name}", measured=max(best.values(), default=None) if rate else None,
            baseline=rate, unit="/s", wanted=wanted, note=found.absent.get(rival, "the best shape against it"),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Found:
    """The rates of bare Flask and of each rival, the rounds of each shape, and why others were not measured."""

    rivals: dict[str, list[float]] = field(default_factory=dict)
    shapes: dict[Shape, list[Round]] = field(default_factory=dict)
    absent: dict[str | Shape, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def or_absent(self, what: str | Shape) -> Iterator[None]:
        """Measure it, or note why it cannot be."""
        try:
            yield
        except servers.NotHere as error:
            self.absent[what] = str(error)


def _in_turns(*, seconds: float, shapes_each: int) -> _Found:
    """Measure all of them in turns, since a machine may be twice as fast a minute later. The shapes are measured in
    each turn, or in each second one."""
    found = _Found()
    for turn in range(_RUNS):
        for rival in ("bare", *RIVALS):
            with found.or_absent(rival):
                rate = rate_of(rival, seconds=seconds / 2)
                found.rivals.setdefault(rival, []).append(rate)
        for shape in SHAPES if turn % shapes_each == 0 else ():
            with found.or_absent(shape):
                one = measured(shape, seconds=seconds)
                found.shapes.setdefault(shape, []).append(one)
    return found


def _best(rounds: list[Round]) -> float:
    return max(one.full.rate for one in rounds)


def _rows(shape: Shape, rounds: list[Round], bare: float, wanted: Wanted | None) -> Iterator[Row]:
    ceiling = min(one.full.ceiling for one in rounds)
    yield Row(
        figure=f"deliveries: {shape.name}",
        measured=_best(rounds),
        baseline=bare,
        unit="/s",
        wanted=wanted,
        note=f"baseline: bare Flask, 2 by 8; the generator alone could send {ceiling:,.0f}/s",
    )
    yield Row(
        figure="  p99 at half that rate",
        measured=statistics.median(one.half.percentile(0.99) for one in rounds) * 1e3,
        unit="ms",
        wanted=shape.prompt,
        note=f"p50 {statistics.median(one.half.percentile(0.5) for one in rounds) * 1e3:.1f} ms",
    )


def rate_of(rival: str, *, seconds: float) -> float:
    """The rate of a server of `bench.rivals` in processes of its own. Raises `bench.servers.NotHere`."""
    source = parcels.requests()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, servers.rival(rival, Path(folder)) as port:
        _saturated(port, source, 0.3)
        return _saturated(port, source, seconds).rate


def measured(shape: Shape, *, seconds: float) -> Round:
    """One round on a new database. Raises `bench.servers.NotHere`, and `bench.load.LoadFailed` if an answer was not 200
    or an accepted delivery is not in the database."""
    source = parcels.requests()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        database = stack.enter_context(_database(shape, folder))
        url = stack.enter_context(vtex(folder)) if "serve" in shape.command else servers.UNREACHABLE
        config = servers.configured(folder, database, url)
        with servers.receiver(config, *shape.command) as (port, _):
            warm, full = _saturated(port, source, 0.5), _saturated(port, source, seconds)
            half = _sound(
                pace(port, _ready(source, seconds), rate=full.rate / 2, seconds=seconds, connections=CONNECTIONS)
            )
        accepted = sum(load.statuses[200] for load in (warm, full, half))
        if accepted != (kept := kept_in(database)):
            raise LoadFailed(f"{accepted} deliveries were accepted, {kept} are kept")
    return Round(full, half)


def _saturated(port: int, source: Iterator[bytes], seconds: float) -> Load:
    return _sound(saturate(port, _ready(source, seconds), seconds=seconds, connections=CONNECTIONS))


def _ready(source: Iterator[bytes], seconds: float) -> list[bytes]:
    return list(islice(source, int(seconds * _MOST_A_SECOND)))


def _sound(load: Load) -> Load:
    if set(load.statuses) != {200}:
        raise LoadFailed(f"the server answered {dict(load.statuses)}")
    return load


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
