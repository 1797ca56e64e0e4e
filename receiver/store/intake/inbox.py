"""The web side: a delivery and the shipments it touches are on disk before the sender gets a 2xx."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

from sqlalchemy import and_, bindparam, case, delete, insert, select, update
from sqlalchemy.engine import Connection

from adapters import Fetch
from receiver.store.counters import DELIVERIES, REJECTS, counted
from receiver.store.database import Database, new_id
from receiver.store.decisions import Recorder, unrecorded
from receiver.store.finding.index import Index
from receiver.store.intake.rereading import replace_updates
from receiver.store.intake.unknown_words import NewWord, UnknownWords, log_new
from receiver.store.prepared import PreparedInsert
from receiver.store.rows import IS_AT_HOME, due_by
from receiver.store.tables import BULK, LIVE, deliveries, fetches, rejects, shipments, updates

#: The columns of a shipment that is heard of for the first time.
_NEW_SHIPMENT = (
    "id", "endpoint", "account", "state", "due_at", "check_at", "priority", "update_count", "first_at", "changed_at",
)  # fmt: skip
#: How many rejects are kept of each endpoint.
MOST_REJECTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook as it is stored. ``target`` and ``headers`` are redacted; ``digest`` is of the original body.

    ``updates`` are ``(shipment id, what it says as JSON text)``; ``accounts`` maps a shipment id to its account where
    that is certain; ``account`` is for all other new shipments. ``version`` is that of the program and the adapter that
    read it. ``unknown_words`` are the carrier's status words that its adapter does not know, each once. ``fetches`` are
    the calls it asks for, at ``asked_at`` or else on arrival; ``notice`` is the delivery that asked for this one.
    """

    id: str
    endpoint: str
    carrier: str
    account: str
    received_at: float
    dedup: str
    outcome: str
    reason: str | None
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    digest: str
    auth: str
    version: str | None = None
    updates: tuple[tuple[str, str], ...] = field(default=())
    accounts: Mapping[str, str] = field(default_factory=dict)
    unknown_words: tuple[str, ...] = ()
    fetches: tuple[Fetch, ...] = field(default=())
    notice: str | None = None
    asked_at: float | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of storing. ``delivery`` is the stored id; ``duplicate``: it was stored before. ``new_words`` are the
    unknown status words that came with it for the first time."""

    delivery: str
    duplicate: bool
    new_words: tuple[NewWord, ...] = ()


class _Statements:
    """The inbox's statements, in one dialect."""

    def __init__(self, insert_or: Callable[..., Any]) -> None:
        self.store = PreparedInsert(
            insert_or(deliveries).on_conflict_do_nothing(index_elements=["dedup"]), deliveries.c.keys()
        )
        self.insert_updates = PreparedInsert(
            insert_or(updates), ("delivery", "shipment", "received_at", "digest", "said")
        )
        self.wake = PreparedInsert(_wake(insert_or(shipments)), _NEW_SHIPMENT)
        self.ask = _ask(insert_or(fetches))
        self.first = select(deliveries.c.dedup, deliveries.c.id).where(
            deliveries.c.dedup.in_(bindparam("dedups", expanding=True))
        )


def _wake(upsert: Any) -> Any:
    """Make a shipment due, a new one or one that is there."""
    # A shipment that was written to an account's order, or assigned to it, stays with that order.
    unbound = and_(shipments.c.sent.is_(None), shipments.c.assigned_order.is_(None), IS_AT_HOME)
    moves = and_(bindparam("certain") == 1, unbound)
    changes = {
        "account": case((moves, upsert.excluded.account), else_=shipments.c.account),
        "update_count": shipments.c.update_count + 1,
        **due_by(upsert.excluded.priority, upsert.excluded.due_at),
    }
    return upsert.on_conflict_do_update(index_elements=["id"], set_=changes)


def _ask(upsert: Any) -> Any:
    """Ask a carrier for something; what was asked for before and not yet fetched is asked for once."""
    rests = fetches.c.due_at.is_(None)
    changes = {
        **{name: upsert.excluded[name] for name in ("delivery", "headers", "wanted", "changed_at")},
        "update_count": fetches.c.update_count + 1,
        "outcome": None,
        # A back-off that the carrier caused continues.
        "due_at": case((rests, upsert.excluded.due_at), else_=fetches.c.due_at),
        "asked_at": case((rests, upsert.excluded.asked_at), else_=fetches.c.asked_at),
        "tries": case((rests, 0), else_=fetches.c.tries),
    }
    return upsert.on_conflict_do_update(index_elements=["id"], set_=changes)


#: A process has several inboxes. To build and compile the statements takes longer than to store a delivery.
_statements = cache(_Statements)


class Inbox:
    """Stores deliveries."""

    def __init__(self, database: Database) -> None:
        self._database, self._words = database, UnknownWords(database)
        self.index = Index(database)
        self._statements = _statements(database.insert)

    def receive(self, delivery: Delivery) -> Receipt:
        """Store a delivery; durable when this returns. Raises `StoreUnavailable`."""
        receipt: Receipt = self._database.write_bulk(self._receive, delivery)
        if (delivery.updates or delivery.fetches) and not receipt.duplicate:
            self._database.arrived.set()
        log_new(receipt.new_words)
        return receipt

    def reprocess(
        self,
        delivery_id: str,
        *,
        outcome: str,
        reason: str | None,
        dedup: str,
        fresh: Delivery,
        bulk: bool = False,
        record: Recorder = unrecorded,
    ) -> bool:
        """Store a kept delivery's new outcome after a fix. Its new updates replace the former ones. ``bulk``: one of
        many, whose shipments give way to live ones.

        False: another delivery has the same meaning already. Raises `StoreUnavailable`.
        """

        def transaction(connection: Connection) -> tuple[bool, list[NewWord]]:
            taken = connection.execute(select(deliveries.c.id).where(deliveries.c.dedup == dedup)).scalar()
            duplicate = taken is not None and taken != delivery_id
            values: dict[str, Any] = {"outcome": "duplicate", "reason": f"same as {taken}", "unknown_words": None}
            if not duplicate:
                values = {"outcome": outcome, "reason": reason, "dedup": dedup, "version": fresh.version}
                values["unknown_words"] = _words_column(fresh)
            were = (deliveries.c.outcome, deliveries.c.reason, deliveries.c.unknown_words)
            before = connection.execute(select(*were).where(deliveries.c.id == delivery_id)).mappings().one()
            # This locks the delivery: a command that reprocesses it at the same time sees what was said here.
            connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(values))
            record(connection, [(delivery_id, _ending(dict(before)), _ending(values))])
            priority, now_said = BULK if bulk else LIVE, () if duplicate else fresh.updates
            news = replace_updates(connection, delivery_id, now_said, priority=priority, now=fresh.received_at)
            if duplicate:
                return False, []
            self._store_news(connection, [replace(fresh, updates=news)], priority=priority)
            return True, self._words.note(connection, [_uncounted(fresh, before["unknown_words"])])

        written, new_words = self._database.write(transaction)
        self._database.arrived.set()
        log_new(new_words)
        return written

    def reject(
        self, *, endpoint: str, at: float, reason: str, cause: str, method: str, target: str, headers: dict[str, str]
    ) -> None:
        """Note a request that failed authentication, and forget the endpoint's oldest note where there are more than
        `MOST_REJECTS`. ``cause`` is what is counted."""
        row = {
            "id": new_id(),
            "endpoint": endpoint,
            "at": at,
            "reason": reason,
            "method": method,
            "target": target,
            "headers": json.dumps(headers),
        }
        of_endpoint = rejects.c.endpoint == endpoint
        newest_first = select(rejects.c.id).where(of_endpoint).order_by(rejects.c.id.desc())
        oldest = newest_first.offset(MOST_REJECTS).limit(1).scalar_subquery()

        def transaction(connection: Connection) -> None:
            connection.execute(insert(rejects), row)
            connection.execute(delete(rejects).where(of_endpoint, rejects.c.id <= oldest))
            self._database.counters.add(connection, counted(REJECTS, [(endpoint, cause)]), now=at)

        self._database.write(transaction)

    def reject_unstored(self, endpoint: str, cause: str) -> None:
        """Count a failed authentication of which nothing else is kept."""
        self._database.counters.later(REJECTS, endpoint, cause)

    def store(self, connection: Connection, items: list[Delivery]) -> list[Receipt]:
        """`receive` within the caller's transaction: the receipts of the deliveries, in their order. That transaction
        ends with `count`."""
        # All writers lock in one order: keys, then shipments, each sorted.
        rows = [_row(item) for item in sorted(items, key=lambda item: item.dedup)]
        first: dict[str, str] = {}
        if self._statements.store.run(connection, rows) < len(rows):
            found = connection.execute(self._statements.first, {"dedups": [row["dedup"] for row in rows]})
            first = {row.dedup: row.id for row in found}
        fresh = [item for item in items if first.get(item.dedup, item.id) == item.id]
        if fresh:
            self._store_news(connection, fresh)
        words: dict[str, list[NewWord]] = {}
        for word in self._words.note(connection, fresh):
            words.setdefault(word.delivery, []).append(word)
        stored = [first.get(item.dedup, item.id) for item in items]
        return [
            Receipt(item.id, duplicate=False, new_words=tuple(words.get(item.id, ())))
            if name == item.id
            else Receipt(name, duplicate=True)
            for item, name in zip(items, stored, strict=True)
        ]

    def count(self, connection: Connection, items: Sequence[Delivery], receipts: Sequence[Receipt]) -> None:
        """Count what was stored, as the transaction's last statement: others of this process wait for its end."""
        outcomes = (
            (item.endpoint, "duplicate" if receipt.duplicate else item.outcome)
            for item, receipt in zip(items, receipts, strict=True)
        )
        now = max(item.received_at for item in items)
        self._database.counters.add(connection, counted(DELIVERIES, outcomes), now=now)

    def _receive(self, connection: Connection, items: list[Delivery]) -> list[Receipt]:
        receipts = self.store(connection, items)
        self.count(connection, items, receipts)
        return receipts

    def _store_news(self, connection: Connection, items: list[Delivery], *, priority: int = LIVE) -> None:
        """Store what new deliveries bring: updates, whose shipments become due, and what carriers are to be asked."""
        self._store_updates(connection, items, priority=priority)
        asked = {row["id"]: row for item in items for row in map(partial(_fetch_row, item), item.fetches)}
        if asked:
            connection.execute(self._statements.ask, [asked[name] for name in sorted(asked)])

    def _store_updates(self, connection: Connection, items: list[Delivery], *, priority: int) -> None:
        rows = [
            {
                "delivery": item.id,
                "shipment": shipment,
                "received_at": item.received_at,
                "digest": item.digest,
                "said": text,
            }
            for item in items
            for shipment, text in item.updates
        ]
        if not rows:
            return
        self._statements.insert_updates.run(connection, rows)
        woken = {shipment: item for item in items for shipment, _ in item.updates}
        accounts = {shipment: account for item in items for shipment, account in item.accounts.items()}
        now = max(item.received_at for item in items)
        self._statements.wake.run(
            connection,
            [
                {
                    "id": shipment,
                    "endpoint": woken[shipment].endpoint,
                    "account": accounts.get(shipment, woken[shipment].account),
                    "certain": int(shipment in accounts),
                    "state": "due",
                    "due_at": now,
                    "check_at": 0.0,
                    "priority": priority,
                    "update_count": 1,
                    "first_at": now,
                    "changed_at": now,
                }
                for shipment in sorted(woken)
            ],
        )


def _row(item: Delivery) -> dict[str, Any]:
    return {
        "id": item.id,
        "endpoint": item.endpoint,
        "carrier": item.carrier,
        "received_at": item.received_at,
        "dedup": item.dedup,
        "outcome": item.outcome,
        "reason": item.reason,
        "method": item.method,
        "target": item.target,
        "headers": json.dumps(item.headers),
        "body": item.body,
        "digest": item.digest,
        "proof": item.auth,
        "version": item.version,
        "notice": item.notice,
        "unknown_words": _words_column(item),
    }


def _ending(row: Mapping[str, Any]) -> dict[str, Any]:
    """How a delivery ended, as the record of decisions tells it."""
    return {"outcome": str(row["outcome"]), "reason": row["reason"]}


def _uncounted(fresh: Delivery, before: str | None) -> Delivery:
    """The delivery without the unknown words that its former reading had: those are counted."""
    counted = json.loads(before or "[]")
    return replace(fresh, unknown_words=tuple(word for word in fresh.unknown_words if word not in counted))


def _words_column(item: Delivery) -> str | None:
    return json.dumps(item.unknown_words) if item.unknown_words else None


def _fetch_row(item: Delivery, fetch: Fetch) -> dict[str, Any]:
    digest = hashlib.sha256(f"{fetch.method} {fetch.url}".encode()).hexdigest()[:32]
    now = item.received_at if item.asked_at is None else item.asked_at
    return {
        "id": f"{item.endpoint}/{digest}",
        "endpoint": item.endpoint,
        "delivery": item.id,
        "method": fetch.method,
        "url": fetch.url,
        "headers": json.dumps(dict(fetch.headers)),
        "wanted": int(fetch.wanted),
        "due_at": now,
        "update_count": 1,
        "asked_at": now,
        "changed_at": now,
    }
