"""What arrives, and what becomes of it, as it happens: for a person who watches."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from receiver.shipments import State
from receiver.store.database import Database
from receiver.store.operator.fields import DELIVERY_FIELDS, listed_shipment
from receiver.store.operator.listed import delivery_from
from receiver.store.tables import deliveries, shipments, updates

#: Seconds for which a look goes back: hosts' clocks differ, and a commit takes its time.
_BACK = 30.0
_STATES = tuple(state.value for state in State)


class Following:
    """Deliveries and settled shipments, each once, the oldest first. Times are Unix time in seconds."""

    def __init__(self, database: Database, *, endpoint: str | None = None) -> None:
        self._database, self._endpoint = database, endpoint
        #: When each row that a look may meet again was met first.
        self._met: dict[tuple[Any, ...], float] = {}

    def before(self, most: int, *, now: float) -> list[dict[str, Any]]:
        """The last ``most`` deliveries before ``now``. Later looks do not give what was there."""
        d = deliveries.c
        newest = select(d.id).order_by(d.id.desc()).limit(most)
        ids = [row["id"] for row in self._database.rows(newest.where(*self._of(d)))]
        found = sorted(self._deliveries(d.id.in_(ids)), key=lambda row: row["id"])
        self.new(now=now)
        return found

    def new(self, *, now: float) -> list[dict[str, Any]]:
        """What is new since the last look. Raises `StoreUnavailable`."""
        since, s = now - _BACK, shipments.c
        arrived = [("delivery", row["received_at"], row["id"], row) for row in self._deliveries(*self._since(since))]
        changed = select(*listed_shipment()).where(s.state.in_(_STATES), s.changed_at >= since, *self._of(s))
        settled = [
            ("shipment", row["changed_at"], (row["id"], row["changed_at"]), {"what": "shipment", **row})
            for row in self._database.rows(changed)
        ]
        fresh = [one for one in (*arrived, *settled) if (one[0], one[2]) not in self._met]
        self._met |= {(what, name): at for what, at, name, _ in fresh}
        self._met = {key: at for key, at in self._met.items() if at >= since - _BACK}
        return [row for _, _, _, row in sorted(fresh, key=lambda one: (one[1], one[0]))]

    def _since(self, since: float) -> list[Any]:
        # An id begins with its time in milliseconds: the primary key finds what is new.
        return [deliveries.c.id >= f"{int(since * 1000):012x}", *self._of(deliveries.c)]

    def _of(self, columns: Any) -> list[Any]:
        return [columns.endpoint == self._endpoint] if self._endpoint else []

    def _deliveries(self, *where: Any) -> Iterator[dict[str, Any]]:
        """Deliveries with the ids of the shipments that they speak of."""
        d = deliveries.c
        rows = self._database.rows(select(*(d[name] for name in DELIVERY_FIELDS)).where(*where))
        spoken = select(updates.c.delivery, updates.c.shipment).where(
            updates.c.delivery.in_([row["id"] for row in rows])
        )
        of: dict[str, list[str]] = {}
        for one in self._database.rows(spoken.order_by(updates.c.id)) if rows else ():
            of.setdefault(one["delivery"], []).append(one["shipment"])
        for row in rows:
            yield {"what": "delivery", **delivery_from(dict(row)), "shipments": of.get(row["id"], [])}
