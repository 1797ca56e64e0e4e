"""The console's pages about parcels with a million parcels behind them: each must answer before a person waits."""

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from werkzeug.test import Client

from bench import servers
from bench.look import NUMBERS, execute, on_postgres, on_sqlite
from bench.table import Row, Wanted
from receiver.config import load
from receiver.store import Database
from receiver.store.sessions import Sessions
from receiver.web.app import create_app
from receiver.web.cursors import encoded

_QUICK = Wanted("measured", most=300)
_TOKEN = "bench-token-of-24-letters-and-more"
_OPERATOR = f'[operators.bench]\ntoken = "{_TOKEN}"\nrole = "decide"\n'
# `i - i / 3 * 3` is the rest of a division, the same in both databases.
#: One parcel of 50 is held, one of 100 has given up, one of 40 waits, one of 200 is kept; the others are in step.
_PARCELS = """
INSERT INTO shipments (id, endpoint, account, state, reason, note, tracking_number, normalised_number, order_id,
    invoice_number, known, first_at, changed_at)
{numbers} SELECT ep || '/' || i, ep, CASE WHEN i - i / 3 * 3 = 0 THEN 'outlet' ELSE 'bench' END, state,
    CASE state WHEN 'held' THEN CASE WHEN i - i / 100 * 100 = 0 THEN 'second_parcel' ELSE 'ambiguous_invoice' END
        WHEN 'kept' THEN 'other_parcel' WHEN 'in_step' THEN NULL ELSE 'order_not_found' END,
    'a note of some length, as the reconciler writes them', 'TN' || i || 'BR', 'TN' || i || 'BR', i || '-01', i || '',
    '{{"references": [["order_id", "1-01"]]}}', {now} - i, {now} - i
FROM (SELECT i, CASE WHEN i - i / 1000 * 1000 = 0 THEN 'rare' WHEN i - i / 2 * 2 = 0 THEN 'melhor-envio'
        ELSE 'frenet' END AS ep,
    CASE WHEN i - i / 50 * 50 = 0 THEN 'held' WHEN i - i / 100 * 100 = 1 THEN 'gave_up'
        WHEN i - i / 40 * 40 = 2 THEN 'awaiting_order' WHEN i - i / 200 * 200 = 3 THEN 'kept'
        ELSE 'in_step' END AS state FROM n) AS made
"""
_INVOICES = """
INSERT INTO orders (account, kind, value, order_id, invoice_number, learnt_at, dated_at)
{numbers} SELECT 'bench', 'invoice_number', i || '', i || '-01', i || '', 1.0, 1.0 FROM n
"""
_SAID = '{"key": "p", "status": "in_transit", "tracking_number": "TN50BR"}'
_STORY = """
INSERT INTO updates (delivery, shipment, received_at, digest, said, folded)
{numbers} SELECT 'd' || i, 'melhor-envio/50', {now} - i, 'd' || i, '{said}', 1 FROM n
"""
_ARRIVED = """
INSERT INTO deliveries (id, endpoint, carrier, received_at, dedup, outcome, method, target, headers, digest, proof)
{numbers} SELECT 'd' || i, 'melhor-envio', 'melhor_envio', {now} - i, 'd' || i, 'accepted', 'POST', '/', '{{}}', 'd',
    'hmac' FROM n
"""
#: The pages, by what they show.
PAGES = {
    "all parcels": "",
    "held": "?state=held",
    "in step": "?state=in_step",
    "a reason": "?state=held&reason=second_parcel",
    "a rare endpoint": "?endpoint=rare",
    "an account": "?account=outlet",
    "an account's rare state": "?account=outlet&state=kept",
    "an account's reason": "?account=outlet&reason=second_parcel",
    "a month": "?since=2027-01-01&until=2027-01-08",
    "search: an invoice": "?q=777&state=in_step",
    "search: nothing": "?q=no-such-thing",
    "an old page": "?cursor={old}",
    "one parcel, 300 updates": "/melhor-envio/50",
}
_NOW = 1_800_000_000.0


def figures(*, short: bool) -> Iterator[Row]:
    """A row for each page and kind of database."""
    many, turns = (20_000, 3) if short else (1_000_000, 15)
    for name, opened in (("SQLite", on_sqlite), ("PostgreSQL", on_postgres)):
        try:
            with opened() as database, tempfile.TemporaryDirectory(prefix="bench-") as folder:
                fill(database, many)
                yield from _rows(f"{name}, {many:,} parcels", pages(database, Path(folder)), turns)
        except servers.NotHere as error:
            yield Row(figure=f"console: {name}", measured=None, wanted=_QUICK, note=str(error))


def _rows(store: str, client: Client, turns: int) -> Iterator[Row]:
    for name, path in PAGES.items():
        times = sorted(timed(client, path) for _ in range(turns))
        yield Row(
            figure=f"{name}: {store}",
            measured=statistics.median(times),
            unit="ms",
            wanted=_QUICK,
            note=f"the slowest of {turns}: {times[-1]:.0f} ms",
        )


def pages(database: Database, folder: Path) -> Client:
    """A browser that is signed in to the console of this database."""
    path = servers.configured(folder, database.url)
    path.write_text(path.read_text(encoding="utf-8") + _OPERATOR, encoding="utf-8")
    app = create_app(load(path), database, clock=lambda: _NOW)
    client = app.test_client()
    cookie = Sessions(database).begin("bench", _TOKEN, now=_NOW)
    client.set_cookie("receiver_session", cookie, path="/console")
    return client


def timed(client: Client, path: str) -> float:
    """Milliseconds until the page is there."""
    address = f"/console/parcels{path.format(old=encoded('parcels', (_NOW - 900_000.0, '')))}"
    begun = time.perf_counter()
    answer = client.get(address)
    taken = (time.perf_counter() - begun) * 1e3
    assert answer.status_code == 200, answer.text
    return taken


def fill(database: Database, parcels: int) -> None:
    """Add parcels in all states, the invoices that lead to them, and one parcel with a long story."""
    few, all_ = NUMBERS.format(rows=300), NUMBERS.format(rows=parcels)
    values: Mapping[str, Any] = {"now": _NOW, "said": _SAID}
    statements = [
        _PARCELS.format(numbers=all_, **values),
        _INVOICES.format(numbers=all_),
        _STORY.format(numbers=few, **values),
        _ARRIVED.format(numbers=few, **values),
    ]
    for statement in statements:
        database.write(partial(execute, statement), deadline=600)
    if not database.is_sqlite:
        servers.vacuum(database.url)
