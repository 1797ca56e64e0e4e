"""The console's pages with a million rows behind them: each answers in under 300 ms."""

import re
import statistics
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench import servers
from bench.look import NOW, NUMBERS, on_postgres, on_sqlite
from bench.table import Row, Wanted
from receiver.config import parse
from receiver.store import Database
from receiver.web.app import create_app
from receiver.web.console.pages import PAGES

_QUICK = Wanted("measured", most=300.0)
_TOKEN = "bench-token-of-more-than-24-letters"
#: A fifth of the parcels is not settled: held, given up, waiting or due.
_SHIPMENTS = """
INSERT INTO shipments
    (id, endpoint, account, state, reason, due_at, tracking_number, normalised_number, order_id, first_at, changed_at)
{numbers} SELECT 'frenet/p' || i, 'frenet', 'bench',
    CASE i - i / 20 * 20 WHEN 0 THEN 'held' WHEN 1 THEN 'gave_up' WHEN 2 THEN 'awaiting_order' WHEN 3 THEN 'due'
        ELSE 'in_step' END,
    CASE i - i / 20 * 20 WHEN 0 THEN 'ambiguous_invoice' WHEN 1 THEN 'no_reference' WHEN 2 THEN 'order_not_found' END,
    CASE i - i / 20 * 20 WHEN 2 THEN {now} + i WHEN 3 THEN {now} - i * 0.001 END,
    'TN' || i, 'TN' || i, i || '-01', {now} - i * 2.5, {now} - i * 2.5 FROM n
"""
_DELIVERIES = """
INSERT INTO deliveries
    (id, endpoint, carrier, received_at, dedup, outcome, method, target, headers, digest, proof)
{numbers} SELECT 'd' || i, 'frenet', 'frenet', {now} - i * 2.5, 'body:' || i,
    CASE i - i / 100 * 100 WHEN 0 THEN 'quarantined' ELSE 'accepted' END,
    'POST', '/webhooks/frenet', '{{}}', 'digest-' || i, 'header' FROM n
"""
_WRITES = """
INSERT INTO attempts (id, shipment, generation, account, call, order_id, request, begun_at, outcome)
{numbers} SELECT 'a' || i, 'frenet/p' || i, 1, 'bench', 'PATCH', i || '-01', '{{}}', {now} - i * 2.5, 'done' FROM n
"""
_DECISIONS = """
INSERT INTO decisions (id, at, actor, via, action, kind, subject)
{numbers} SELECT 'c' || i, {now} - i * 2.5, 'ana', 'console', 'retry', 'shipment', 'frenet/p' || i FROM n
"""
_LINKS = """
INSERT INTO links (account, kind, value, order_id, told_at)
{numbers} SELECT 'bench', 'tracking_number', 'TN' || i, i || '-01', {now} - i * 2.5 FROM n
"""
#: Filters that no index knows, or that are likely.
_FILTERED = (
    "deliveries?outcome=quarantined", "deliveries?endpoint=none", "deliveries?since=2026-01-01&until=2026-01-02",
    "decisions?actor=bob", "decisions?subject=frenet/p77", "links?q=TN77",
)  # fmt: skip


def figures(*, short: bool) -> Iterator[Row]:
    """A row for each page and kind of database."""
    rows, looks = (20_000, 3) if short else (1_000_000, 10)
    for name, opened in (("SQLite", on_sqlite), ("PostgreSQL", on_postgres)):
        try:
            with opened() as database:
                fill(database, rows)
                for path, times in timed(database, looks=looks).items():
                    note = f"the first one {times[0]:.0f} ms"
                    yield Row(
                        figure=f"page {path}: {name}, {rows:,} of each",
                        measured=statistics.median(times[1:]),
                        unit="ms",
                        wanted=_QUICK,
                        note=note,
                    )
        except servers.NotHere as error:
            yield Row(figure=f"pages: {name}", measured=None, wanted=_QUICK, note=str(error))


def fill(database: Database, rows: int) -> None:
    """So many parcels, deliveries, writes, decisions and links, in a month."""
    for statement in (_SHIPMENTS, _DELIVERIES, _WRITES, _DECISIONS, _LINKS):
        written = statement.format(numbers=NUMBERS.format(rows=rows), now=NOW)
        database.write(partial(_execute, written), deadline=600)
    if not database.is_sqlite:
        servers.vacuum(database.url)


def timed(database: Database, *, looks: int) -> dict[str, list[float]]:
    """The times of each page that needs no id, in milliseconds, as they were read one after another."""
    client = _signed_in(database)
    found: dict[str, list[float]] = {}
    paths = [module.PAGE.path for module in PAGES if "<" not in module.PAGE.path]
    for path in [f"/console{one}" for one in (*paths, *(f"/{one}" for one in _FILTERED))]:
        for _ in range(looks + 1):
            begun = time.perf_counter()
            answer = client.get(path)
            took = time.perf_counter() - begun
            assert answer.status_code == 200, path
            found.setdefault(path, []).append(took * 1e3)
            time.sleep(6 * took)  # what a page has counted holds for five times as long as that took
    return found


def _signed_in(database: Database) -> Any:
    raw = {
        "receiver": {"database": database.url},
        "vtex": {"bench": {"app_key": "key", "app_token": "token"}},
        "endpoints": {"frenet": {"secrets": ["secret-of-the-benchmark"]}},
        "operators": {"bench": {"token": _TOKEN, "role": "decide"}},
    }
    config = parse(raw, path=Path("receiver.toml"), environ={})
    client = create_app(config, database, clock=lambda: NOW).test_client()
    login = client.get("/console/login").text
    [token] = re.findall(r'name="form_token" value="(\w+)"', login)
    client.post("/console/login", data={"form_token": token, "token": _TOKEN})
    return client


def _execute(statement: str, connection: Any) -> None:
    connection.exec_driver_sql(statement)
