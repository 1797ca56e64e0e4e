"""Deliveries, shipments and what was done for them, durable over SQLAlchemy Core: SQLite or PostgreSQL by URL.

`Database` opens it. `Inbox` serves the web side, `Queue` the workers, `OperatorQueries` the operator, `Index` all.
"""

from receiver.store.background import Background
from receiver.store.claims import (
    Attempt,
    Claim,
    Ending,
    IndexChange,
    InvoiceTaken,
    Lease,
    LeaseLost,
    OpenWrite,
    Overwrites,
    Paused,
    RateLimited,
    Release,
    Settlement,
)
from receiver.store.database import Database, new_id
from receiver.store.decisions import DecisionRecord
from receiver.store.engine import NotMigrated, StoreUnavailable, migrate
from receiver.store.fetches import FetchClaim, Fetched, Fetches
from receiver.store.inbox import Delivery, Inbox, Receipt
from receiver.store.index import Index, Link, Linked
from receiver.store.operator import OperatorQueries
from receiver.store.queue import Queue
from receiver.store.retention import Horizons, Retention

__all__ = [
    "Attempt",
    "Background",
    "Claim",
    "Database",
    "DecisionRecord",
    "Delivery",
    "Ending",
    "FetchClaim",
    "Fetched",
    "Fetches",
    "Horizons",
    "Inbox",
    "Index",
    "IndexChange",
    "InvoiceTaken",
    "Lease",
    "LeaseLost",
    "Link",
    "Linked",
    "NotMigrated",
    "OpenWrite",
    "OperatorQueries",
    "Overwrites",
    "Paused",
    "Queue",
    "RateLimited",
    "Receipt",
    "Release",
    "Retention",
    "Settlement",
    "StoreUnavailable",
    "migrate",
    "new_id",
]
