"""The decisions about one shipment that only a person may take. Each is recorded in the transaction of its change."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from receiver.shipments import Sent, State, known_from_json
from receiver.store.database import Database
from receiver.store.decisions import Recorder, unrecorded
from receiver.store.finding.assigning import Unknown, assigned, unassigned
from receiver.store.finding.bearers import decide_again
from receiver.store.finding.beside import joins_or_leaves, wake_beside
from receiver.store.finding.companions import Others, Place, serve_assigned, unassign_others
from receiver.store.rows import REVOKED_LEASE, UNREADABLE, Version, dismissed, reopened, version_of
from receiver.store.tables import shipments


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """What a person's decision leaves. ``stays``: what we wrote elsewhere before, or by a word that is taken back: VTEX
    keeps it there. ``others``: the parcel's companions."""

    stays: Sent | None
    others: Others


class Changed(Exception):
    """The shipment is not as the person has seen it. Nothing was decided."""


class Unchanged(Exception):
    """The shipment stands so already. Nothing was decided."""


class ShipmentDecisions:
    """Changes what a person decides about one shipment. All of it raises `receiver.store.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def assign(
        self,
        shipment_id: str,
        *,
        order_id: str,
        invoice_number: str | None,
        also: Sequence[Place] = (),
        seen: str | None = None,
        version: Version | None = None,
        now: float,
        record: Recorder = unrecorded,
    ) -> DecisionResult:
        """A person names the order and the invoice; that overrules every rule. ``also``: the other orders that the
        parcel serves, in place of the former ones; where none is named, those stay. ``seen``: the tracking number that
        the invoice showed (`receiver.shipments.Assignment`). ``version``: of the shipment, as the person has seen it.
        Raises `Unknown`, `Changed`."""

        def change(row: dict[str, Any]) -> tuple[dict[str, Any], Sent | None]:
            if version not in (None, version_of(row)):
                raise Changed
            return assigned(row, order_id, invoice_number, seen=seen, now=now)

        def others(connection: Connection, row: dict[str, Any]) -> Others:
            return serve_assigned(connection, row, order_id, also, now=now)

        return self._decide(shipment_id, change, record, others, now=now)

    def unassign(
        self, shipment_id: str, *, mark: str | None = None, now: float, record: Recorder = unrecorded
    ) -> DecisionResult:
        """The rules decide again, as if no person had named an order, or others beside it. ``mark``: of the shipment,
        as the person has seen it (`standing_mark`). Raises `Unknown`, also where nothing was assigned; `Changed`."""

        def others(connection: Connection, row: dict[str, Any]) -> Others:
            return unassign_others(connection, row, now=now)

        return self._decide(shipment_id, lambda row: unassigned(row, now=now), record, others, mark=mark, now=now)

    def dismiss(self, shipment_id: str, *, mark: str | None = None, now: float, record: Recorder = unrecorded) -> None:
        """Nothing will be sent for this shipment, no matter what comes. ``mark`` as in `unassign`. Raises `Unknown`,
        `Unchanged`, `Changed`."""

        def change(row: dict[str, Any]) -> tuple[dict[str, Any], None]:
            if row["state"] == State.DISMISSED:
                raise Unchanged(f"{shipment_id} is dismissed already")
            return dismissed(now), None

        self._decide(shipment_id, change, record, mark=mark, now=now)

    def retry(self, shipment_id: str, *, mark: str | None = None, now: float, record: Recorder = unrecorded) -> None:
        """Look at the shipment again now. ``mark`` as in `unassign`. Raises `Unknown`, `Changed`."""
        self._decide(shipment_id, lambda _: (reopened(now), None), record, mark=mark, now=now)

    def _decide(
        self,
        shipment_id: str,
        change: Callable[[dict[str, Any]], tuple[dict[str, Any], Sent | None]],
        record: Recorder,
        others: Callable[[Connection, dict[str, Any]], Others] = lambda *_: Others(),
        *,
        mark: str | None = None,
        now: float,
    ) -> DecisionResult:
        """Change one shipment as ``change`` says of its row, and its companions by ``others``; record it in the same
        transaction. Raises `Unknown`; `Changed` where it stands otherwise than ``mark`` says."""

        def transaction(connection: Connection) -> DecisionResult:
            row = _locked(connection, shipment_id)
            values, stays = change(row)
            if mark not in (None, standing_mark(row)):
                raise Changed
            changed = update(shipments).where(shipments.c.id == shipment_id)
            connection.execute(changed.values({**values, **REVOKED_LEASE}))
            if joins_or_leaves(row, values):
                wake_beside(connection, row, now=now)
            _lead(connection, row, values, now)
            companions = others(connection, row)
            after = standing({**row, **values}) | ({"stays": stays.place} if stays else {})
            record(connection, [(shipment_id, standing(row), after | companions.orders(shipment_id))])
            return DecisionResult(stays, companions)

        decided = self._database.write(transaction)
        self._database.arrived.set()
        return decided


def _locked(connection: Connection, shipment_id: str) -> dict[str, Any]:
    """The row of a shipment, until the transaction ends. Raises `Unknown`."""
    chosen = select(shipments).where(shipments.c.id == shipment_id).with_for_update()
    row = connection.execute(chosen).mappings().first()
    if row is None:
        raise Unknown(f"no shipment {shipment_id!r}")
    return dict(row)


def _lead(connection: Connection, row: Mapping[str, Any], values: Mapping[str, Any], now: float) -> None:
    """Where a person says where the parcel belongs, its shipments of other endpoints are decided again."""
    order_id = values.get("assigned_order")
    if order_id is None:
        return
    try:
        numbers = known_from_json(json.loads(row["known"])).numbers
    except UNREADABLE:
        return
    place = Place(order_id, values["assigned_invoice"])
    decide_again(connection, row["account"], row["id"], numbers, place, now=now)


def standing(row: Mapping[str, Any]) -> dict[str, Any]:
    """Where a shipment stands, as the record of decisions tells it."""
    shown = ("state", "reason", "order_id", "invoice_number", "assigned_order", "assigned_invoice")
    return {name: row[name] for name in shown}


def standing_mark(row: Mapping[str, Any]) -> str:
    """Tells whether a shipment stands as a person has seen it, no matter what its carrier has said since."""
    return hashlib.sha256(json.dumps(standing(row)).encode()).hexdigest()[:16]
