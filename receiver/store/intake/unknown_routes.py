"""Requests to addresses that no endpoint has: counted by name and cause, bounded, each told once an hour."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import BindParameter, Double, bindparam, case, delete, func, select
from sqlalchemy.engine import Connection

from receiver.store.counters import REJECTS
from receiver.store.database import Database
from receiver.store.tables import unknown_routes

#: How many names and causes are kept. Those stay that are like an endpoint or a carrier, and of the others those met
#: last.
MOST_ROUTES = 200
#: Stands for a name that is no endpoint's where requests are counted.
UNKNOWN = "(unknown)"
#: Seconds between two warnings about one name and cause, of all processes together.
WARN_EVERY = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownRoute:
    """What was asked for, ``count`` times since it was stored last: ``name`` stands where an endpoint's would.
    ``likely`` is the endpoint, carrier or account's route that is probably meant; ``is_endpoint``: the name is
    configured. ``target`` comes without secrets."""

    name: str
    cause: str
    reason: str
    likely: str | None
    method: str
    target: str
    is_endpoint: bool
    count: int = 1


class UnknownRoutes:
    """Counts such requests, and lists them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @cached_property
    def _note(self) -> Any:
        r, upsert = unknown_routes.c, self._database.insert(unknown_routes)
        now: BindParameter[float] = bindparam("now", type_=Double)
        said = upsert.excluded
        is_due = r.warned_at <= now - WARN_EVERY
        changed = {name: said[name] for name in ("reason", "likely", "method", "target", "last_at")}
        changed |= {"count": r["count"] + said["count"], "warned_at": case((is_due, now), else_=r.warned_at)}
        return upsert.on_conflict_do_update(index_elements=["name", "cause"], set_=changed).returning(
            r.warned_at, r.first_at
        )

    def note(self, route: UnknownRoute, *, now: float) -> bool:
        """Store it. True: the log must say it now. ``now`` is Unix time in seconds. Raises `StoreUnavailable`."""
        row = {name: getattr(route, name) for name in UnknownRoute.__slots__ if name != "is_endpoint"}
        row |= {"now": now, "first_at": now, "last_at": now, "warned_at": now}

        def transaction(connection: Connection) -> bool:
            stored = connection.execute(self._note, row).one()
            if stored.first_at == now:
                self._bound(connection)
            # Any name may be asked for: as a label each would be a time series of its own.
            labels = (route.name if route.is_endpoint else UNKNOWN, route.cause)
            self._database.counters.add(connection, {(REJECTS.name, labels): float(route.count)}, now=now)
            return bool(stored.warned_at == now)

        return self._database.write(transaction)

    def all(self) -> list[dict[str, Any]]:
        """Every name and cause that is kept, the one met last first."""
        r = unknown_routes.c
        return [dict(row) for row in self._database.rows(select(unknown_routes).order_by(r.last_at.desc(), r.name))]

    def _bound(self, connection: Connection) -> None:
        surplus = connection.execute(select(func.count()).select_from(unknown_routes)).scalar_one() - MOST_ROUTES
        if surplus <= 0:
            return
        r = unknown_routes.c
        is_like_nothing = r.likely.is_(None) & r.cause.in_(("unknown_endpoint", "unknown_account"))
        first_to_go = select(r.name, r.cause).order_by(case((is_like_nothing, 0), else_=1), r.last_at, r.name, r.cause)
        for name, cause in connection.execute(first_to_go.limit(surplus)).all():
            connection.execute(delete(unknown_routes).where(r.name == name, r.cause == cause))
