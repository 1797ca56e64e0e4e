"""A person's decision about many shipments at once: in bounded transactions, each shipment with its own record."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.engine import Connection

from receiver.shipments import State
from receiver.store.database import Database
from receiver.store.decisions import Recorder, unrecorded
from receiver.store.finding.beside import joins_or_leaves, wake_beside
from receiver.store.operator.deciding import standing
from receiver.store.operator.fields import SHIPMENT_FIELDS
from receiver.store.operator.shipment_filter import ShipmentFilter
from receiver.store.rows import REVOKED_LEASE, dismissed, reopened
from receiver.store.tables import BULK, shipments

#: What may be decided about many shipments at once.
BulkAction = Literal["retry", "dismiss"]
#: The most rows changed in one transaction: what is received meanwhile waits for the write lock as long as one of them.
_ROWS_A_TRANSACTION = 500


class BulkDecisions:
    """Counts, shows and changes all that a filter means. All of it raises `receiver.store.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, action: BulkAction, of: ShipmentFilter, *, most: int | None = None) -> int:
        """How many would be decided about; counting stops at ``most``."""
        some = select(shipments.c.id).where(*_meant(action, of)).limit(most).subquery()
        return int(self._database.rows(select(func.count().label("many")).select_from(some))[0]["many"])

    def examples(self, action: BulkAction, of: ShipmentFilter, *, most: int) -> list[dict[str, Any]]:
        """So many of those, the latest change first."""
        s = shipments.c
        shown = select(*(s[name] for name in SHIPMENT_FIELDS)).where(*_meant(action, of))
        return [dict(row) for row in self._database.rows(shown.order_by(s.changed_at.desc(), s.id).limit(most))]

    def decide(
        self,
        action: BulkAction,
        of: ShipmentFilter,
        *,
        now: float,
        recorder: Callable[[], Recorder] = lambda: unrecorded,
    ) -> int:
        """Decide about each, behind what is live; how many. Each transaction takes one ``recorder``. A shipment that
        has changed meanwhile, so that the filter does not mean it any more, is left alone."""
        meant = _meant(action, of)
        chosen = select(shipments.c.id).where(*meant).order_by(shipments.c.id)
        ids, changed = [row["id"] for row in self._database.rows(chosen)], 0
        values = {**reopened(now), "priority": BULK} if action == "retry" else dismissed(now)
        for start in range(0, len(ids), _ROWS_A_TRANSACTION):
            those = [shipments.c.id.in_(ids[start : start + _ROWS_A_TRANSACTION]), *meant]
            changed += self._database.write(_changing(those, values, recorder(), now=now))
        self._database.arrived.set()
        return changed


def _meant(action: BulkAction, of: ShipmentFilter) -> list[ColumnElement[bool]]:
    """All that the filter means and the action would change."""
    done = [shipments.c.state != State.DISMISSED] if action == "dismiss" else []
    return [*of.conditions(), *done]


def _changing(
    where: list[ColumnElement[bool]], values: Mapping[str, Any], record: Recorder, *, now: float
) -> Callable[[Connection], int]:
    """A transaction that changes shipments and records each; how many."""

    def transaction(connection: Connection) -> int:
        found = connection.execute(select(shipments).where(*where).order_by(shipments.c.id).with_for_update())
        rows = [dict(row) for row in found.mappings()]
        of = shipments.c.id.in_([row["id"] for row in rows])
        connection.execute(update(shipments).where(of).values({**values, **REVOKED_LEASE}))
        for row in rows:
            if joins_or_leaves(row, values):
                wake_beside(connection, row, now=now)
        record(connection, [(row["id"], standing(row), standing({**row, **values})) for row in rows])
        return len(rows)

    return transaction
