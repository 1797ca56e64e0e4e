"""What the tests of the store share: deliveries, a look at every row, and real processes."""

import contextlib
import json
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import select

from adapters import Shipment, Status
from receiver.shipments import Generation, shipment_to_json
from receiver.shipments.numbers import normalised
from receiver.store import Claim, Database, Delivery, Queue, Settlement, new_id
from receiver.store.rows import generation_from
from receiver.store.tables import metadata, shipments

NOW = 1_795_000_000.0

#: Processes that share nothing with this one but the database.
apart = multiprocessing.get_context("forkserver")
apart.set_forkserver_preload([__name__, "pytest", "hypothesis", "sqlalchemy.dialects.postgresql.psycopg"])


def said(parcel: str = "p1", number: str = "TN1") -> str:
    """What an update holds."""
    return json.dumps(shipment_to_json(Shipment(key=parcel, status=Status.DISPATCHED, tracking_number=number)))


def delivery(*parcels: str, dedup: str | None = None, at: float = NOW, account: str = "lux", **rest: Any) -> Delivery:
    """A delivery that speaks of ``parcels``; of ``p1`` if none is named."""
    delivery_id = new_id()
    fields: dict[str, Any] = {
        "id": delivery_id,
        "endpoint": "ep",
        "carrier": "melhor_envio",
        "account": account,
        "received_at": at,
        "dedup": dedup or f"ep:body:{delivery_id}",
        "outcome": "accepted",
        "reason": None,
        "method": "POST",
        "target": "/webhooks/ep",
        "headers": {"content-type": "application/json"},
        "body": b"{}",
        "digest": delivery_id,
        "auth": "hmac",
        "updates": tuple((f"ep/{parcel}", said(parcel)) for parcel in parcels or ("p1",)),
    }
    return Delivery(**{**fields, **rest})


def add_shipments(database: Database, *ids: str, due_at: float | None = NOW, account: str = "lux", **rest: Any) -> None:
    """Shipments without any delivery, in one transaction."""
    row = {"endpoint": "ep", "account": account, "state": "due", "due_at": due_at, "first_at": NOW, "changed_at": NOW}
    if "tracking_number" in rest:
        rest["normalised_number"] = normalised(rest["tracking_number"]) or None
    rows = [{"id": name, **row, **rest} for name in ids]
    database.write(lambda connection: connection.execute(shipments.insert(), rows), deadline=60)


def shipment(database: Database, name: str = "ep/p1") -> dict[str, Any]:
    """Every column of one shipment."""
    return dict(database.rows(select(shipments).where(shipments.c.id == name))[0])


def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every column of every row of every table, but for what is counted: a repeat is, and changes nothing else."""
    return {
        table.name: [tuple(row.values()) for row in database.rows(select(table).order_by(*table.primary_key))]
        for table in metadata.sorted_tables
        if table.name != "counters"
    }


def claim_one(queue: Queue, *, now: float = NOW, account: str = "lux") -> Claim:
    """The one shipment that is due."""
    [claim] = queue.claim(account, most=10, now=now)
    return claim


def generation(**columns: Any) -> Generation:
    """What a shipment's row keeps, from the names of its columns; ``sent`` as JSON."""
    row: dict[str, Any] = dict.fromkeys(
        ("reason", "note", "check_at", "input_digest", "sent", "order_id", "invoice_number", "rule", "evidence")
    )
    row |= dict.fromkeys(
        ("assigned_order", "assigned_invoice", "assigned_at", "assigned_over", "assigned_seen", "companion_of")
    )
    row |= {"state": "in_step", "tries": 0, "waits": 0, "generation": 1, "wanted_since": None, **columns}
    return generation_from({**row, "sent": json.dumps(row["sent"]) if row["sent"] else None})


def settlement(claim: Claim, due_at: float | None = None, **columns: Any) -> Settlement:
    """The simplest end of a claim: all its updates are folded."""
    return Settlement(due_at=due_at, generation=generation(**columns), folded=claim.update_ids)


def claim_and_settle(queue: Queue, due_at: float | None = None, *, now: float = NOW, **columns: Any) -> None:
    """Take the one shipment that is due through a whole claim."""
    claim = claim_one(queue, now=now)
    queue.settle(claim, settlement(claim, due_at, **columns), now=now)


@contextlib.contextmanager
def gathering(database: Database) -> Iterator[Callable[[], int]]:
    """What is handed in meanwhile is committed together afterwards; yields how many jobs have gathered."""
    committer, begun, gate = database._writer._committer, threading.Event(), threading.Event()

    def busy(*_: Any) -> None:
        begun.set()
        gate.wait(60)

    with ThreadPoolExecutor(1) as pool:
        if database.is_sqlite:
            pool.submit(database.write, busy)
            jobs = committer._jobs
        else:
            committer._sharers.submit(busy)
            jobs = committer._shared
        try:
            assert begun.wait(60), "the committer never began"
            yield jobs.qsize
        finally:
            gate.set()


def until(condition: Callable[[], object]) -> None:
    """Let other threads come so far."""
    limit = time.monotonic() + 60  # patience: a busy machine is no fault
    while not condition():
        assert time.monotonic() < limit, "it never came so far"
        time.sleep(0.001)
