"""A look for work in a full database against one in an empty database: waiting and history must cost nothing."""

import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench import servers
from bench.table import Row, Wanted
from receiver.store import Database, Queue

ACCOUNT = "bench"
NOW = 1_800_000_000.0
#: How many shipments back off in the first database.
BACKING_OFF = 30_000
_AS_IN_AN_EMPTY_STORE = Wanted("ratio", most=1.5)

# `WITH RECURSIVE` and `||` are the same in both databases. Every number of `n` becomes one row.
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
_BACKING_OFF = """
INSERT INTO shipments (id, endpoint, account, state, reason, due_at, check_at, tries, known, first_at, changed_at)
{numbers} SELECT 'melhor-envio/waiting-' || i, 'melhor-envio', 'bench', 'due', 'vtex_unavailable',
    {now} + 3600.0 + i * 0.01, {now} + 3600.0, 7, '{known}', {now}, {now} FROM n
"""
_DUE = """
INSERT INTO shipments (id, endpoint, account, state, due_at, check_at, first_at, changed_at)
VALUES ('melhor-envio/due', 'melhor-envio', 'bench', 'due', {now}, 0.0, {now}, {now})
"""
_NEWS = """
INSERT INTO updates (delivery, shipment, received_at, digest, said)
VALUES ('d', 'melhor-envio/due', {now}, 'd', '{said}')
"""
_SETTLED = """
INSERT INTO shipments
    (id, endpoint, account, state, known, tracking_number, order_id, invoice_number, first_at, changed_at)
{numbers} SELECT 'melhor-envio/old-' || i, 'melhor-envio', 'bench', 'in_step', '{known}',
    'TN' || i, i || '-01', i || '', {now} - i, {now} - i FROM n
"""
_FOLDED = """
INSERT INTO updates (delivery, shipment, received_at, digest, said, folded)
{numbers} SELECT 'old-' || i, 'melhor-envio/old-' || ((i + 1) / 2), {now} - i, 'digest-' || i, '{said}', 1 FROM n
"""
_DELIVERED = """
INSERT INTO deliveries
    (id, endpoint, carrier, received_at, dedup, outcome, method, target, headers, digest, proof)
{numbers} SELECT 'old-' || i, 'melhor-envio', 'melhor_envio', {now} - i, 'body:' || i, 'accepted',
    'POST', '/webhooks/melhor-envio', '{{}}', 'digest-' || i, 'hmac' FROM n
"""
_SAID = '{"key": "p", "status": "dispatched", "tracking_number": "TN1BR"}'


def figures(*, short: bool) -> Iterator[Row]:
    """Six rows for each kind of database: three looks, in two full stores."""
    history = 20_000 if short else 1_000_000
    for name, opened in (("SQLite", on_sqlite), ("PostgreSQL", on_postgres)):
        try:
            with opened() as empty, opened() as backing_off, opened() as old:
                fill(empty)
                fill(backing_off, backing_off=BACKING_OFF)
                fill(old, history=history)
                looks = 100 if short else 1_000
                yield from _rows(f"{name}, {BACKING_OFF:,} backing off", empty, backing_off, looks)
                yield from _rows(f"{name}, {history:,} rows of history", empty, old, looks)
        except servers.NotHere as error:
            yield Row(figure=f"look for work: {name}", measured=None, wanted=_AS_IN_AN_EMPTY_STORE, note=str(error))


def _rows(store: str, empty: Database, full: Database, looks: int) -> Iterator[Row]:
    for name, look in LOOKS.items():
        baseline, measured = timed(look, empty, full, looks=looks)
        yield Row(
            figure=f"{name}: {store}",
            measured=statistics.median(measured),
            baseline=statistics.median(baseline),
            unit="ms",
            wanted=_AS_IN_AN_EMPTY_STORE,
            note=f"the quickest tenth within {measured[looks // 10]:.3f} and {baseline[looks // 10]:.3f} ms",
        )


def _is_something_due(queue: Queue, _turn: int) -> None:
    assert not queue.something_due(ACCOUNT, NOW - 1)


def _claim_nothing(queue: Queue, _turn: int) -> None:
    assert not queue.claim(ACCOUNT, most=16, now=NOW - 1)


def _claim_one(queue: Queue, turn: int) -> None:
    # The lease always expires before the next turn; no back-off ends before the last one.
    claims = queue.claim(ACCOUNT, most=16, now=NOW + turn)
    assert [claim.id for claim in claims] == ["melhor-envio/due"]


#: The timed looks, on a `Queue` with short leases, at one turn after another.
LOOKS: dict[str, Callable[[Queue, int], None]] = {
    "something due? no": _is_something_due,
    "claim, finds none": _claim_nothing,
    "claim, finds one": _claim_one,
}


def timed(look: Callable[[Queue, int], None], *stores: Database, looks: int) -> list[list[float]]:
    """The times of the looks in each store: milliseconds, sorted. The stores take turns, so a noisy moment hits all."""
    queues = [Queue(store, worker_name="bench", lease=0.5) for store in stores]
    for queue in queues:
        queue.free_own_leases()
    taken: list[list[float]] = [[] for _ in stores]
    pairs = list(zip(queues, taken, strict=True))
    for turn in range(looks + 10):
        for queue, times in pairs if turn % 2 else reversed(pairs):
            begun = time.perf_counter()
            look(queue, turn)
            times.append(time.perf_counter() - begun)
    return [sorted(one * 1e3 for one in times[10:]) for times in taken]


def fill(database: Database, *, backing_off: int = 0, history: int = 0) -> None:
    """Add one shipment that is due at `NOW`, shipments that back off for an hour, and rows of settled history."""
    statements = [_DUE.format(now=NOW), _NEWS.format(now=NOW, said=_SAID)]
    if backing_off:
        statements.append(_many(_BACKING_OFF, backing_off))
    if history:
        deliveries = updates = history * 2 // 5
        many = {_DELIVERED: deliveries, _FOLDED: updates, _SETTLED: history - deliveries - updates}
        statements += [_many(statement, rows) for statement, rows in many.items()]
    for statement in statements:
        database.write(partial(execute, statement), deadline=300)
    if not database.is_sqlite:
        servers.vacuum(database.url)


def execute(statement: str, connection: Any) -> None:
    """Run one statement, for `receiver.store.Database.write`."""
    connection.exec_driver_sql(statement)


def _many(statement: str, rows: int) -> str:
    return statement.format(numbers=NUMBERS.format(rows=rows), now=NOW, said=_SAID, known="{}")


@contextlib.contextmanager
def on_sqlite() -> Iterator[Database]:
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        contextlib.closing(Database(servers.sqlite_database(Path(folder)))) as database,
    ):
        yield database


@contextlib.contextmanager
def on_postgres() -> Iterator[Database]:
    with servers.postgres_database() as url, contextlib.closing(Database(url)) as database:
        yield database
