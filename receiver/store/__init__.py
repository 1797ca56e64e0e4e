"""Deliveries, shipments and what was done for them, durable over SQLAlchemy Core: SQLite or PostgreSQL by URL.

`Database` opens it. `Inbox` serves the web side, `Queue` the workers, `OperatorQueries` the operator, `Index` all.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from receiver.store.database import Database as Database
    from receiver.store.database import new_id as new_id
    from receiver.store.decisions import DecisionRecord as DecisionRecord
    from receiver.store.engine import NotMigrated as NotMigrated
    from receiver.store.engine import StoreUnavailable as StoreUnavailable
    from receiver.store.engine import migrate as migrate
    from receiver.store.finding.companions import Place as Place
    from receiver.store.finding.index import Index as Index
    from receiver.store.finding.index import Link as Link
    from receiver.store.finding.index import Linked as Linked
    from receiver.store.finding.index_change import IndexChange as IndexChange
    from receiver.store.intake.fetches import FetchClaim as FetchClaim
    from receiver.store.intake.fetches import Fetched as Fetched
    from receiver.store.intake.fetches import Fetches as Fetches
    from receiver.store.intake.inbox import Delivery as Delivery
    from receiver.store.intake.inbox import Inbox as Inbox
    from receiver.store.intake.inbox import Receipt as Receipt
    from receiver.store.keeping.retention import Horizons as Horizons
    from receiver.store.keeping.retention import Retention as Retention
    from receiver.store.operator.queries import OperatorQueries as OperatorQueries
    from receiver.store.work.background import Background as Background
    from receiver.store.work.claims import Attempt as Attempt
    from receiver.store.work.claims import Claim as Claim
    from receiver.store.work.claims import Ending as Ending
    from receiver.store.work.claims import InvoiceTaken as InvoiceTaken
    from receiver.store.work.claims import Lease as Lease
    from receiver.store.work.claims import LeaseLost as LeaseLost
    from receiver.store.work.claims import OpenWrite as OpenWrite
    from receiver.store.work.claims import Overwrites as Overwrites
    from receiver.store.work.claims import Paused as Paused
    from receiver.store.work.claims import RateLimited as RateLimited
    from receiver.store.work.claims import Release as Release
    from receiver.store.work.claims import Settlement as Settlement
    from receiver.store.work.queue import Queue as Queue

else:

    def __getattr__(name: str) -> Any:
        """Imports the module of a name when the name is asked for: a command needs few of them."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


#: Each module with the names that it gives to this package.
_GIVEN = {
    "work.background": ("Background",),
    "work.claims": (
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
    "finding.companions": ("Place",),
    "database": ("Database", "new_id"),
    "decisions": ("DecisionRecord",),
    "engine": ("NotMigrated", "StoreUnavailable", "migrate"),
    "intake.fetches": ("FetchClaim", "Fetched", "Fetches"),
    "intake.inbox": ("Delivery", "Inbox", "Receipt"),
    "finding.index": ("Index", "Link", "Linked"),
    "finding.index_change": ("IndexChange",),
    "operator.queries": ("OperatorQueries",),
    "work.queue": ("Queue",),
    "keeping.retention": ("Horizons", "Retention"),
}
_HOMES = {name: module for module, names in _GIVEN.items() for name in names}
