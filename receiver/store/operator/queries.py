"""The operator's side: where shipments and deliveries are, and why."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import and_, func, or_, select

from receiver.shipments import ShipmentRecord, State
from receiver.shipments.numbers import normalised
from receiver.store.database import Database
from receiver.store.finding.assigning import Unknown
from receiver.store.intake.unknown_routes import UnknownRoutes
from receiver.store.operator.fields import equal
from receiver.store.operator.search import ids_of, of_order, unread
from receiver.store.rows import Version, record_from, sent_from, version_of
from receiver.store.tables import FOLDED, REPLACED, accounts, attempts, deliveries, fetches, rejects, shipments, updates

__all__ = ["OPEN", "OUTCOMES", "OperatorQueries", "Unknown"]

#: Outcomes of deliveries that wait for a fix of this program.
OPEN = ("quarantined", "error")
#: Outcomes of stored deliveries, and of repeats of them.
OUTCOMES = ("accepted", "ignored", *OPEN, "duplicate")


class OperatorQueries:
    """Queries for the operator. All of it raises `receiver.store.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def shipments(self) -> Iterator[dict[str, Any]]:
        """All shipments with all that is stored of them, the latest change first."""
        statement = select(shipments).order_by(shipments.c.changed_at.desc(), shipments.c.id)
        return (_shipment(dict(row)) for row in self._database.each(statement))

    def deliveries(
        self, *, outcome: str | None = None, endpoint: str | None = None, since: float = 0.0
    ) -> Iterator[dict[str, Any]]:
        """Deliveries in the order they came, bodies included."""
        wanted = {deliveries.c.outcome: outcome, deliveries.c.endpoint: endpoint}
        statement = (
            select(deliveries).where(*equal(wanted), deliveries.c.received_at >= since).order_by(deliveries.c.id)
        )
        return (_delivery(dict(row)) for row in self._database.each(statement))

    def delivery_ids(
        self, outcomes: Sequence[str], *, endpoint: str | None = None, carrier: str | None = None, since: float = 0.0
    ) -> list[str]:
        """The ids of the deliveries of these outcomes, in the order they came."""
        d = deliveries
        where = [d.c.outcome.in_(outcomes), *equal({d.c.endpoint: endpoint, d.c.carrier: carrier})]
        statement = select(d.c.id).where(*where, d.c.received_at >= since).order_by(d.c.id)
        return [row["id"] for row in self._database.rows(statement)]

    def has_deliveries(self, *, endpoint: str | None = None, carrier: str | None = None) -> bool:
        """Whether there is a delivery of that endpoint or that carrier."""
        wanted = equal({deliveries.c.endpoint: endpoint, deliveries.c.carrier: carrier})
        return bool(self._database.rows(select(deliveries.c.id).where(*wanted).limit(1)))

    def stored_updates(self, *, delivery: str | None = None, shipment: str | None = None) -> list[dict[str, Any]]:
        """The updates of a delivery or of a shipment, as they are read now, in order of arrival."""
        wanted = equal({updates.c.delivery: delivery, updates.c.shipment: shipment})
        statement = select(updates).where(*wanted, updates.c.folded != REPLACED).order_by(updates.c.id)
        return [dict(row) for row in self._database.rows(statement)]

    def record(self, shipment_id: str) -> ShipmentRecord | None:
        """A shipment as of its last settlement. Raises one of `receiver.store.rows.UNREADABLE`."""
        rows = self._database.rows(select(shipments).where(shipments.c.id == shipment_id))
        return record_from(dict(rows[0])) if rows else None

    def delivery(self, delivery_id: str) -> dict[str, Any]:
        """A delivery with its body. Raises `Unknown`."""
        rows = self._database.rows(select(deliveries).where(deliveries.c.id == delivery_id))
        if not rows:
            raise Unknown(f"no delivery {delivery_id}")
        return _delivery(dict(rows[0]))

    def fetches(self, *, endpoint: str | None = None) -> Iterator[dict[str, Any]]:
        """Fetches from carriers, the latest change first; ``outcome`` ``None`` is still under way."""
        hidden = ("headers", "token", "update_count", "wanted")
        shown = [column for column in fetches.c if column.name not in hidden]
        where = equal({fetches.c.endpoint: endpoint})
        return map(dict, self._database.each(select(*shown).where(*where).order_by(fetches.c.changed_at.desc())))

    def auth_failures(self) -> list[dict[str, Any]]:
        """The last senders that were not proven, newest first."""
        return [{**row, "count": 1} for row in self._database.rows(select(rejects).order_by(rejects.c.id.desc()))]

    def rejects(self) -> list[dict[str, Any]]:
        """The last senders that were not proven, and what no endpoint takes, counted; newest first."""
        failed = self.auth_failures()
        shown = ("reason", "method", "target", "count")
        unknown = [
            {"id": f"{row['cause']}:{row['name']}", "endpoint": row["name"], "at": row["last_at"], "headers": "{}"}
            | {name: row[name] for name in shown}
            for row in UnknownRoutes(self._database).all()
        ]
        return sorted([*failed, *unknown], key=lambda row: row["at"], reverse=True)

    def find(self, name: str, endpoints: Iterable[str] = ()) -> str:
        """A shipment's id from its id, from the carrier's own id at one of the ``endpoints``, or from its tracking
        number in any notation. Raises `Unknown`, also where several are meant."""
        bears_it = and_(shipments.c.normalised_number == normalised(name), shipments.c.companion_of.is_(None))
        is_named = or_(shipments.c.id.in_(ids_of(name, endpoints)), bears_it)
        statement = select(shipments.c.id).where(is_named)
        found = [row["id"] for row in self._database.rows(statement)]
        found = found or list(unread(self._database, name, "tracking_number"))
        if name in found:
            return name
        if not found:
            raise Unknown(f"no shipment has the id or the tracking number {name!r}")
        if len(found) > 1:
            raise Unknown(f"{name!r} is a number or id of {', '.join(sorted(found))}: name one")
        return str(found[0])

    def has_unread(self) -> bool:
        """Whether a parcel is due of which no worker has looked at anything: its row has no number and no order yet."""
        unread = (shipments.c.state == State.DUE.value, shipments.c.known == "{}")
        return bool(self._database.rows(select(shipments.c.id).where(*unread).limit(1)))

    def account_of(self, shipment_id: str) -> str:
        """The VTEX account of a shipment. Raises `Unknown`."""
        rows = self._database.rows(select(shipments.c.account).where(shipments.c.id == shipment_id))
        if not rows:
            raise Unknown(f"no shipment {shipment_id!r}")
        return str(rows[0]["account"])

    def version(self, shipment_id: str) -> Version:
        """Tells whether a shipment has changed. Raises `Unknown`."""
        s = shipments.c
        rows = self._database.rows(select(s.changed_at, s.update_count).where(s.id == shipment_id))
        if not rows:
            raise Unknown(f"no shipment {shipment_id!r}")
        return version_of(dict(rows[0]))

    def history(self, shipment_id: str) -> dict[str, Any]:
        """A shipment with all its deliveries and all calls made for it, oldest first. If its account is paused, also
        until when and why. Raises `Unknown`."""
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
        """An order's shipments, including those that wait for it, the latest change first. And every write to it that
        was begun, oldest first; posting an invoice belongs to no shipment. Raises `Unknown` if there is neither."""
        its = select(shipments).where(shipments.c.id.in_(of_order(self._database, order_id)))
        found = self._database.rows(its.order_by(shipments.c.changed_at.desc(), shipments.c.id))
        begun = select(attempts).where(attempts.c.order_id == order_id, attempts.c.request.is_not(None))
        writes = self._database.rows(begun.order_by(attempts.c.id))
        if not found and not writes:
            raise Unknown(f"no shipment and no write belongs to an order {order_id!r}")
        return {
            "order_id": order_id,
            "shipments": [_shipment(dict(row)) for row in found],
            "attempts": [_attempt(dict(row)) for row in writes],
        }

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

    def oldest_unsettled(self, *, besides: Collection[str] = ()) -> float | None:
        """Since when the oldest due shipment has been due, of all accounts ``besides`` these."""
        waiting = select(func.min(shipments.c.due_at).label("oldest")).where(shipments.c.due_at.is_not(None))
        if besides:
            waiting = waiting.where(shipments.c.account.not_in(sorted(besides)))
        found: float | None = self._database.rows(waiting)[0]["oldest"]
        return found


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
