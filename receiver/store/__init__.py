"""Deliveries, shipments and what was done for them, durable over SQLAlchemy Core: SQLite or PostgreSQL by URL.

`Database` opens it. `Inbox` serves the web side, `Queue` the workers, `OperatorQueries` the operator, `Index` all.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from receiver.store.background import Background as Background
    from receiver.store.claims import Attempt as Attempt
    from receiver.store.claims import Claim as Claim
    from receiver.store.claims import Ending as Ending
    from receiver.store.claims import InvoiceTaken as InvoiceTaken
    from receiver.store.claims import Lease as Lease
    from receiver.store.claims import LeaseLost as LeaseLost
    from receiver.store.claims import OpenWrite as OpenWrite
    from receiver.store.claims import Overwrites as Overwrites
    from receiver.store.claims import Paused as Paused
    from receiver.store.claims import RateLimited as RateLimited
    from receiver.store.claims import Release as Release
    from receiver.store.claims import Settlement as Settlement
    from receiver.store.companions import Place as Place
    from receiver.store.database import Database as Database
    from receiver.store.database import new_id as new_id
    from receiver.store.decisions import DecisionRecord as DecisionRecord
    from receiver.store.engine import NotMigrated as NotMigrated
    from receiver.store.engine import StoreUnavailable as StoreUnavailable
    from receiver.store.engine import migrate as migrate
    from receiver.store.fetches import FetchClaim as FetchClaim
    from receiver.store.fetches import Fetched as Fetched
    from receiver.store.fetches import Fetches as Fetches
    from receiver.store.inbox import Delivery as Delivery
    from receiver.store.inbox import Inbox as Inbox
    from receiver.store.inbox import Receipt as Receipt
    from receiver.store.index import Index as Index
    from receiver.store.index import Link as Link
    from receiver.store.index import Linked as Linked
    from receiver.store.index_change import IndexChange as IndexChange
    from receiver.store.operator import OperatorQueries as OperatorQueries
    from receiver.store.queue import Queue as Queue
    from receiver.store.retention import Horizons as Horizons
    from receiver.store.retention import Retention as Retention

else:

    def __getattr__(name: str) -> Any:
        """Imports the module of a name when the name is asked for: a command needs few of them."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


#: Each module with the names that it gives to this package.
_GIVEN = {
    "background": ("Background",),
    "claims": (
        "Attempt",
        "Claim",
        "Ending",
        "InvoiceTaken",
        "Lease",
        "LeaseLost",
        "OpenWrite",
        "Overwrites",
        "Paused",
        "RateLimited",
        "Release",
        "Settlement",
    ),
    "companions": ("Place",),
    "database": ("Database", "new_id"),
    "decisions": ("DecisionRecord",),
    "engine": ("NotMigrated", "StoreUnavailable", "migrate"),
    "fetches": ("FetchClaim", "Fetched", "Fetches"),
    "inbox": ("Delivery", "Inbox", "Receipt"),
    "index": ("Index", "Link", "Linked"),
    "index_change": ("IndexChange",),
    "operator": ("OperatorQueries",),
    "queue": ("Queue",),
    "retention": ("Horizons", "Retention"),
}
_HOMES = {name: module for module, names in _GIVEN.items() for name in names}
