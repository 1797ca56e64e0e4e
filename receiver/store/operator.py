"""The operator's side: what is where and why, and the decisions that only a person may take."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Delete, Row, Update, and_, bindparam, delete, func, or_, select, text, update
from sqlalchemy.engine import Connection

from receiver.shipments import Assignment, Sent, ShipmentRecord, State, stamp_from_json
from receiver.shipments.numbers import normalised
from receiver.store.database import Database
from receiver.store.index import REVOKED_LEASE
from receiver.store.rows import assigned_columns, record_from, reopened, sent_from
from receiver.store.tables import (
    BULK,
    DECLINED,
    FOLDED,
    REPLACED,
    accounts,
    attempts,
    deliveries,
    fetches,
    rejects,
    shipments,
    updates,
    waits,
)
from receiver.store.unknown_routes import UnknownRoutes
from receiver.vtex.nfe import plain_number

#: Outcomes of deliveries that wait for a fix of ours.
OPEN = ("quarantined", "error")
#: Rows changed in one transaction where many are to be.
_BITE = 500


class Unknown(Exception):
    """There is no such shipment or delivery."""


class OperatorQueries:
    """Reads everything, changes only what a person decides."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def shipments(
        self,
        *,
        state: str | None = None,
        reason: str | None = None,
        endpoint: str | None = None,
        number: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Shipments, the latest change first."""
        wanted = {
            shipments.c.state: state,
            shipments.c.reason: reason,
            shipments.c.endpoint: endpoint,
            shipments.c.normalised_number: None if number is None else normalised(number),
        }
        statement = select(shipments).where(*_equal(wanted)).order_by(shipments.c.changed_at.desc(), shipments.c.id)
        return (_shipment(dict(row)) for row in self._database.each(statement))

    def deliveries(
        self, *, outcome: str | None = None, endpoint: str | None = None, since: float = 0.0
    ) -> Iterator[dict[str, Any]]:
        """Deliveries in the order they came, bodies included."""
        wanted = {deliveries.c.outcome: outcome, deliveries.c.endpoint: endpoint}
        statement = (
            select(deliveries).where(*_equal(wanted), deliveries.c.received_at >= since).order_by(deliveries.c.id)
        )
        return (_delivery(dict(row)) for row in self._database.each(statement))

    def delivery_ids(
        self, outcomes: Sequence[str], *, endpoint: str | None = None, carrier: str | None = None, since: float = 0.0
    ) -> list[str]:
        """The ids of the deliveries of these outcomes, in the order they came."""
        d = deliveries
        where = [d.c.outcome.in_(outcomes), *_equal({d.c.endpoint: endpoint, d.c.carrier: carrier})]
        statement = select(d.c.id).where(*where, d.c.received_at >= since).order_by(d.c.id)
        return [row["id"] for row in self._database.rows(statement)]

    def has_deliveries(self, *, endpoint: str | None = None, carrier: str | None = None) -> bool:
        """Whether any delivery is of that endpoint or that carrier."""
        wanted = _equal({deliveries.c.endpoint: endpoint, deliveries.c.carrier: carrier})
        return bool(self._database.rows(select(deliveries.c.id).where(*wanted).limit(1)))

    def declined(self, *, outcome: str | None = None, endpoint: str | None = None) -> list[dict[str, Any]]:
        """How many deliveries were ignored, quarantined or failed, by carrier, outcome and reason, with the last time;
        the reason met last first."""
        d = deliveries
        last = func.max(d.c.received_at).label("last_at")
        columns = (d.c.carrier, d.c.outcome, d.c.reason)
        where = _equal({d.c.outcome: outcome, d.c.endpoint: endpoint})
        counted = select(*columns, func.count().label("count"), last).where(text(DECLINED), *where)
        statement = counted.group_by(*columns)
        return [dict(row) for row in self._database.rows(statement.order_by(last.desc(), *columns))]

    def stored_updates(self, *, delivery: str | None = None, shipment: str | None = None) -> list[dict[str, Any]]:
        """What a delivery says, or what is said of a shipment, as it is read now, in the order it came."""
        wanted = _equal({updates.c.delivery: delivery, updates.c.shipment: shipment})
        statement = select(updates).where(*wanted, updates.c.folded != REPLACED).order_by(updates.c.id)
        return [dict(row) for row in self._database.rows(statement)]

    def record(self, shipment_id: str) -> ShipmentRecord | None:
        """A shipment as the last settlement left it. Raises one of `receiver.store.rows.UNREADABLE`."""
        rows = self._database.rows(select(shipments).where(shipments.c.id == shipment_id))
        return record_from(dict(rows[0])) if rows else None

    def delivery(self, delivery_id: str) -> dict[str, Any]:
        """Raises `Unknown`."""
        rows = self._database.rows(select(deliveries).where(deliveries.c.id == delivery_id))
        if not rows:
            raise Unknown(f"no delivery {delivery_id}")
        return _delivery(dict(rows[0]))

    def fetches(self, *, endpoint: str | None = None) -> Iterator[dict[str, Any]]:
        """What was to be fetched from carriers, the latest change first; ``outcome`` ``None`` is still under way."""
        hidden = ("headers", "token", "update_count", "wanted")
        shown = [column for column in fetches.c if column.name not in hidden]
        where = _equal({fetches.c.endpoint: endpoint})
        return map(dict, self._database.each(select(*shown).where(*where).order_by(fetches.c.changed_at.desc())))

    def rejects(self) -> list[dict[str, Any]]:
        """The last senders that were not proven, and what no endpoint takes, counted; newest first."""
        failed = [{**row, "count": 1} for row in self._database.rows(select(rejects).order_by(rejects.c.id.desc()))]
        shown = ("reason", "method", "target", "count")
        unknown = [
            {"id": f"{row['cause']}:{row['name']}", "endpoint": row["name"], "at": row["last_at"], "headers": "{}"}
            | {name: row[name] for name in shown}
            for row in UnknownRoutes(self._database).all()
        ]
        return sorted([*failed, *unknown], key=lambda row: row["at"], reverse=True)

    def find(self, name: str) -> str:
        """A shipment's id from its id or its tracking number, in any notation. Raises `Unknown`, also where several
        bear the number."""
        is_named = or_(shipments.c.id == name, shipments.c.normalised_number == normalised(name))
        statement = select(shipments.c.id).where(is_named)
        found = [row["id"] for row in self._database.rows(statement)]
        if name in found:
            return name
        if not found:
            raise Unknown(f"no shipment has the id or the tracking number {name!r}")
        if len(found) > 1:
            raise Unknown(f"{name!r} is the tracking number of {', '.join(sorted(found))}: name one")
        return str(found[0])

    def account_of(self, shipment_id: str) -> str:
        """The VTEX account of a shipment. Raises `Unknown`."""
        rows = self._database.rows(select(shipments.c.account).where(shipments.c.id == shipment_id))
        if not rows:
            raise Unknown(f"no shipment {shipment_id!r}")
        return str(rows[0]["account"])

    def history(self, shipment_id: str) -> dict[str, Any]:
        """A shipment with every delivery that spoke of it and every call made for it, oldest first; and until when and
        why its account is paused, if it is. Raises `Unknown`."""
        rows = self._database.rows(select(shipments).where(shipments.c.id == shipment_id))
        if not rows:
            raise Unknown(f"no shipment {shipment_id!r}")
        of_delivery = ("id", "received_at", "digest", "outcome", "carrier", "proof", "version", "notice")
        news = (
            select(updates.c.said, updates.c.folded, *(deliveries.c[name] for name in of_delivery))
            .join(deliveries, deliveries.c.id == updates.c.delivery)
            .where(updates.c.shipment == shipment_id)
            .order_by(updates.c.id)
        )
        tried = select(attempts).where(attempts.c.shipment == shipment_id).order_by(attempts.c.id)
        of_account = accounts.c.name == rows[0]["account"]
        pause = (accounts.c.paused_until.label("until"), accounts.c.pause_reason.label("reason"), accounts.c.own_fault)
        paused = select(*pause).where(of_account, accounts.c.pause_reason.is_not(None))
        return {
            "shipment": _shipment(dict(rows[0])),
            "deliveries": [_news(dict(row)) for row in self._database.rows(news)],
            "attempts": [_attempt(dict(row)) for row in self._database.rows(tried)],
            "paused": next((dict(row) for row in self._database.rows(paused)), None),
        }

    def order(self, order_id: str) -> dict[str, Any]:
        """An order's shipments, those that wait for it included, the latest change first, and every write to it that
        was begun, oldest first, for whatever shipment or for none, as an invoice is posted. Raises `Unknown` where
        there is neither."""
        waiting = select(waits.c.shipment).where(waits.c.kind == "order_id", waits.c.value == order_id)
        awaited = and_(shipments.c.order_id.is_(None), shipments.c.id.in_(waiting))
        of_order = select(shipments).where(or_(shipments.c.order_id == order_id, awaited))
        found = self._database.rows(of_order.order_by(shipments.c.changed_at.desc(), shipments.c.id))
        begun = select(attempts).where(attempts.c.order_id == order_id, attempts.c.request.is_not(None))
        writes = self._database.rows(begun.order_by(attempts.c.id))
        if not found and not writes:
            raise Unknown(f"no shipment and no write belongs to an order {order_id!r}")
        return {
            "order_id": order_id,
            "shipments": [_shipment(dict(row)) for row in found],
            "attempts": [_attempt(dict(row)) for row in writes],
        }

    def assign(self, shipment_id: str, *, order_id: str, invoice_number: str | None, now: float) -> Sent | None:
        """A person names the order and the invoice; that overrules every rule. Returns what we wrote elsewhere before:
        VTEX keeps it there. Raises `Unknown`."""

        def transaction(connection: Connection) -> Sent | None:
            row = _locked(connection, shipment_id)
            cancelled = json.loads(row.known).get("cancelled")
            assignment = Assignment(
                order_id=order_id,
                invoice_number=invoice_number,
                at=now,
                overrules=stamp_from_json(cancelled) if cancelled else None,
            )
            sent = sent_from(row.sent)
            is_there = sent is not None and _is_at(sent, order_id, invoice_number)
            _decide_again(connection, shipment_id, assignment, row.sent if is_there else None, now)
            return sent if sent is not None and sent.written and not is_there else None

        stays = self._database.write(transaction)
        self._database.arrived.set()
        return stays

    def unassign(self, shipment_id: str, *, now: float) -> Sent | None:
        """The rules decide again, as if no person had named an order. Returns what we wrote by that person's word:
        VTEX keeps it there. Raises `Unknown`, also where nothing was assigned."""

        def transaction(connection: Connection) -> Sent | None:
            row = _locked(connection, shipment_id)
            if row.assigned_order is None:
                raise Unknown(f"{shipment_id} is not assigned; to decide again: receiver retry {shipment_id}")
            sent = sent_from(row.sent)
            left = json.dumps(sent.lost().to_json()) if sent else None
            _decide_again(connection, shipment_id, None, left, now)
            return sent if sent is not None and sent.written else None

        stays = self._database.write(transaction)
        self._database.arrived.set()
        return stays

    def dismiss(self, shipment_id: str, *, now: float) -> None:
        """Nothing will be sent for this shipment, whatever comes. Raises `Unknown`."""
        self._change(
            shipment_id,
            {
                "state": State.DISMISSED.value,
                "reason": None,
                "note": "dismissed by a person",
                "due_at": None,
                "changed_at": now,
            },
        )

    def retry(self, shipment_id: str, *, now: float) -> None:
        """Look at the shipment again now. Raises `Unknown`."""
        self._change(shipment_id, reopened(now))

    def retry_all(self, *, state: str, reason: str | None, now: float) -> int:
        """`retry` for all of a state (and reason), behind what is live; how many."""
        where = [shipments.c.state == state, *_equal({shipments.c.reason: reason})]
        return self._update(where, {**reopened(now), "priority": BULK})

    def prune(self, *, bodies_before: float) -> int:
        """Empty the bodies of settled deliveries older than that; what still waits for a fix is kept. How many.

        In small bites: what is received meanwhile waits for the write lock as long as one of them.
        """
        old = (
            select(deliveries.c.id, deliveries.c.received_at)
            .where(
                deliveries.c.received_at >= bindparam("after"),
                deliveries.c.received_at < bodies_before,
                deliveries.c.body.is_not(None),
                deliveries.c.outcome.not_in(OPEN),
            )
            .order_by(deliveries.c.received_at)
            .limit(_BITE)
        )
        empty = update(deliveries).where(
            deliveries.c.id.in_(bindparam("ids", expanding=True)), deliveries.c.outcome.not_in(OPEN)
        )
        emptied, after = 0, 0.0
        while rows := self._database.rows(old, {"after": after}):
            after = rows[-1]["received_at"]
            emptied += self._database.write(_executing(empty.values(body=None), {"ids": [row["id"] for row in rows]}))
        self._forget_fetches(bodies_before)
        return emptied

    def _forget_fetches(self, before: float) -> None:
        """What is done, and the secrets of what never will be."""
        old = fetches.c.changed_at < before
        self._database.write(_executing(delete(fetches).where(old, fetches.c.outcome == "done")))
        self._database.write(_executing(update(fetches).where(old, fetches.c.outcome == "held").values(headers="{}")))

    def paused_accounts(self, *, now: float) -> list[dict[str, Any]]:
        """``name``, ``reason``, ``until`` and ``own_fault`` of each account that takes no calls, or is about to be
        tried again. ``own_fault``: its key or the configuration is wrong."""
        statement = select(accounts).where(accounts.c.pause_reason.is_not(None)).order_by(accounts.c.name)
        return [
            {
                "name": row["name"],
                "reason": row["pause_reason"],
                "until": row["paused_until"],
                "own_fault": bool(row["own_fault"]),
                "now": now,
            }
            for row in self._database.rows(statement)
        ]

    def oldest_unsettled(self) -> float | None:
        """Since when the shipment that waits longest in the queue has been due."""
        waiting = select(func.min(shipments.c.due_at).label("oldest")).where(shipments.c.due_at.is_not(None))
        found: float | None = self._database.rows(waiting)[0]["oldest"]
        return found

    def counts(self) -> dict[str, int]:
        """How many shipments are in each state."""
        statement = select(shipments.c.state, func.count().label("many")).group_by(shipments.c.state)
        return {row["state"]: row["many"] for row in self._database.rows(statement)}

    def _change(self, shipment_id: str, values: dict[str, Any]) -> None:
        if not self._update([shipments.c.id == shipment_id], values):
            raise Unknown(f"no shipment {shipment_id!r}")

    def _update(self, where: list[ColumnElement[bool]], values: dict[str, Any]) -> int:
        statement = update(shipments).where(*where).values({**values, **REVOKED_LEASE})
        changed = self._database.write(_executing(statement))
        self._database.arrived.set()
        return changed


def _locked(connection: Connection, shipment_id: str) -> Row[Any]:
    """The row of a shipment, until the transaction ends. Raises `Unknown`."""
    row = connection.execute(select(shipments).where(shipments.c.id == shipment_id).with_for_update()).first()
    if row is None:
        raise Unknown(f"no shipment {shipment_id!r}")
    return row


def _decide_again(
    connection: Connection, shipment_id: str, assignment: Assignment | None, sent: str | None, now: float
) -> None:
    values = {**assigned_columns(assignment), **reopened(now), "sent": sent, **REVOKED_LEASE}
    connection.execute(update(shipments).where(shipments.c.id == shipment_id).values(values))


def _is_at(sent: Sent, order_id: str, invoice_number: str | None) -> bool:
    """Whether what was sent stands where a person says it belongs."""
    if sent.order_id != order_id:
        return False
    return invoice_number is None or plain_number(sent.invoice_number) == plain_number(invoice_number)


def _executing(statement: Update | Delete, parameters: dict[str, Any] | None = None) -> Callable[[Connection], int]:
    """A piece of writing that tells how many rows it changed."""
    return lambda connection: connection.execute(statement, parameters or {}).rowcount


def _equal(wanted: dict[Any, str | None]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in wanted.items() if value is not None]


def _shipment(row: dict[str, Any]) -> dict[str, Any]:
    hidden = ("token", "worker_name", "update_count", "input_digest", "normalised_number")
    row = {name: value for name, value in row.items() if name not in hidden}
    for name in ("known", "evidence"):
        row[name] = json.loads(row[name]) if row[name] else None
    return {**row, "sent": sent_from(row["sent"])}


def _delivery(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "headers": json.loads(row["headers"])}


def _news(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "said": json.loads(row["said"]),
        "folded": row["folded"] == FOLDED,
        "replaced": row["folded"] == REPLACED,
    }


def _attempt(row: dict[str, Any]) -> dict[str, Any]:
    for name in ("evidence", "request"):
        row[name] = json.loads(row[name]) if row[name] else None
    return row
