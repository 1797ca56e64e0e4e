"""The workers' side: one worker at a time has a shipment, and nothing is sent without a recorded intent.

A claim leases due shipments with all their new updates. After a lease expires, any worker may take the shipment. Every
later statement has ``WHERE token = …``, so a worker that lost its lease cannot change the row.
"""

import logging
import math
import secrets
from collections.abc import Collection, Mapping
from dataclasses import replace
from operator import itemgetter
from types import MappingProxyType

from sqlalchemy import update
from sqlalchemy.engine import Connection

from receiver.shipments import Sent, SentTracking, ShipmentRecord, Update
from receiver.store.counters import VTEX_CALLS, counted
from receiver.store.database import Database
from receiver.store.finding.bearers import bearing
from receiver.store.finding.beside import beside, records, wake_left
from receiver.store.finding.companions import Place, pass_on
from receiver.store.finding.index import Index
from receiver.store.rows import UNREADABLE, record_from, settled_columns, update_from
from receiver.store.tables import shipments
from receiver.store.work import queue_statements as statements
from receiver.store.work.accounts import LOOK_AGAIN, RESERVED_AHEAD, Accounts, most_reserved
from receiver.store.work.attempts import open_write_from
from receiver.store.work.claims import (
    Attempt,
    Claim,
    Ending,
    Lease,
    LeaseLost,
    OpenWrite,
    Paused,
    RateLimited,
    Settlement,
)
from receiver.store.work.invoice_owners import InvoiceOwners, owners_of
from receiver.store.work.successors import serve_order_of_replaced
from receiver.vtex.wanted import Owner

#: Calls that change an invoice: only the shipment that owns the invoice may make them.
WRITES = ("PATCH", "PUT")
log = logging.getLogger("receiver.store")
#: Seconds until a row that this version cannot read is tried again.
_ASIDE = 3600.0
#: PostgreSQL plans a claim once for a connection, and not each time: with many shipments that back off it would never
#: do so by itself, and planning takes longer than the claim. What is planned once must not count on a small table.
_PLANNED_ONCE = "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off"


class Queue:
    """Leases due shipments of VTEX accounts to a worker. ``worker_name`` marks its leases; ``lease`` is in seconds.

    ``intervals`` are the seconds between two calls of each account, by its rate limit.
    ``accounts`` has the rate limits and pauses, ``index`` what is known of orders, ``counters`` what is counted.
    """

    def __init__(
        self,
        database: Database,
        *,
        worker_name: str,
        lease: float,
        intervals: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self._intervals = intervals
        self._database, self.accounts, self.index = database, Accounts(database), Index(database)
        self._owners, self.counters = InvoiceOwners(database), database.counters
        self.worker_name, self.lease = worker_name, lease

    def something_due(self, account: str, now: float) -> bool:
        """Whether `claim` may find work: a cheap check without the write lock. Raises `StoreUnavailable`."""
        ahead, believed = now + RESERVED_AHEAD, self._believed(account, now)
        of = {"of": account, "now": now, "ahead": ahead, "believed": believed}
        return bool(self._database.rows(statements.READY, of))

    def _believed(self, account: str, now: float) -> float:
        """Until when slots of the account may be reserved: later ones come from a host whose clock is ahead."""
        return now + most_reserved(self._intervals.get(account, 0.0))

    def claim(self, account: str, *, most: int, now: float) -> list[Claim]:
        """Lease up to ``most`` due shipments of one account: live ones first, and the oldest of each kind.

        Empty while the account is paused, or its rate limit is reserved for longer than `RESERVED_AHEAD`. After a pause
        it leases one at a time, to probe whether VTEX answers (half-open). Raises `StoreUnavailable`.
        """
        token, until = secrets.token_hex(12), now + self.lease

        def transaction(connection: Connection) -> list[Claim]:
            of = {"of": account, "now": now}
            row = connection.execute(self.accounts.row, {"of": account}).first()
            reserved = row and now + RESERVED_AHEAD < row.next_slot_at <= self._believed(account, now)
            if row and (row.paused_until > now or reserved):
                return []
            half_open = bool(row and row.pause_reason)
            if half_open:  # another host that claims at this moment sees which worker has the probe
                connection.execute(self.accounts.row.with_for_update(), {"of": account}).first()
            if half_open and self.accounts.is_leased(connection, account, now):
                return []
            by = {"by": token, "worker": self.worker_name, "until": until, "most": 1 if half_open else most}
            if not self._database.is_sqlite:
                connection.exec_driver_sql(_PLANNED_ONCE)
            found = connection.execute(statements.CLAIM, {**of, **by}).mappings()
            claims: dict[str, Claim] = {}
            for leased in map(dict, sorted(found, key=itemgetter("priority", "due_at"))):
                try:
                    record = record_from(leased)
                    times = {"due_at": leased["due_at"], "claimed_at": now}
                    claims[record.id] = Claim(record=record, lease=Lease(token, until), half_open=half_open, **times)
                except UNREADABLE:
                    # Another version wrote it. It must not block the whole account.
                    log.exception("stored state unreadable, shipment set aside for an hour: shipment=%s", leased["id"])
                    connection.execute(statements.SET_ASIDE, {"of": leased["id"], "by": token, "until": now + _ASIDE})
            return self._with_updates(connection, claims, now) if claims else []

        return self._database.write(transaction)

    def reserve(
        self, claim: Claim, attempt: Attempt, *, interval: float, now: float, max_wait: float = math.inf
    ) -> float:
        """Permit one call: renew the lease, reserve a slot of the rate limit, record the intent.

        Returns when the call may start. Raises `LeaseLost`, `Paused`, `RateLimited` (the slot would be more than
        ``max_wait`` seconds away), `InvoiceTaken`, `StoreUnavailable`; then nothing was changed.
        """

        def transaction(connection: Connection) -> float:
            until = now + self.lease
            of = {"of": claim.id, "by": claim.lease.token, "until": until}
            # The invoice first: a write changes other shipments' rows, too, and each of their workers may want it.
            if attempt.call in WRITES:
                self._owners.acquire(connection, claim, attempt)
            if not connection.execute(statements.RENEW, of).rowcount:
                raise LeaseLost(claim.id)
            number = claim.record.generation.number
            self.accounts.attempts.begin(connection, attempt, claim.account, claim.id, generation=number, now=now)
            # Last, because all workers of the account wait for this row until the commit.
            starts = self.accounts.reserve(connection, claim.account, interval=interval, now=now, max_wait=max_wait)
            claim.lease.until = until
            return starts

        return self._database.write(transaction, deadline=self.lease / 4)

    def reserve_background(self, account: str, *, interval: float, now: float) -> float:
        """Permit one call that no shipment waits for. Returns when it may start, which is practically at once.

        Raises `Paused`, `RateLimited` (a shipment is due, or the rate limit is reserved ahead), `StoreUnavailable`;
        then nothing was changed.
        """
        of = {"of": account, "now": now}

        def transaction(connection: Connection) -> float:
            row = connection.execute(self.accounts.row, {"of": account}).first()
            if row and row.paused_until > now:
                raise Paused(row.paused_until)
            if connection.execute(statements.DUE, of).first():
                raise RateLimited(now + LOOK_AGAIN)
            self.accounts.let_probe(connection, account, now)
            return self.accounts.reserve(connection, account, interval=interval, now=now, max_wait=interval)

        return self._database.write(transaction)

    def settle(self, claim: Claim, settlement: Settlement, *, now: float) -> None:
        """Acknowledge a claim: record how it ended and release the lease. Raises `LeaseLost`: then nothing was
        changed."""
        due = settlement.due_at
        if claim.unread:
            due = min(now + _ASIDE, due if due is not None else math.inf)
        of = {"of": claim.id, "by": claim.lease.token, "seen": claim.record.update_count, "now": now, "due": due}
        row = {**settled_columns(settlement.generation, settlement.known, settlement.account), "changed_at": now, **of}

        def transaction(connection: Connection) -> None:
            self.index.before_settling(connection, claim.account, settlement.index)
            settled = connection.execute(statements.SETTLE, row).first()
            if settled is None:
                raise LeaseLost(claim.id)
            if settlement.folded:
                connection.execute(statements.FOLDED, [{"update": update_id} for update_id in settlement.folded])
                if connection.execute(statements.COMPANIONS, {"of": claim.id}).first():
                    pass_on(connection, claim.id, settlement.folded, now=now)
            serve_order_of_replaced(connection, claim, settlement, now=now)
            self.accounts.attempts.end(connection, settlement.endings)
            if claim.ended is not None:
                self.accounts.attempts.keep_left(connection, claim.id, claim.ended)
            for release in settlement.releases:
                self._owners.release(connection, claim, release)
            if settlement.wakes:
                connection.execute(statements.WAKE, {"ids": sorted(settlement.wakes), "now": now})
            if settlement.left is not None:
                known = settlement.known or claim.record.known
                wake_left(connection, claim.id, settlement.left, known, now=now)
            heard = {"claimed_at": claim.claimed_at, "wake_count": settled.wake_count, "now": now}
            self.index.after_settling(connection, claim.record, settlement.index, **heard)
            calls = [(claim.account, one.call, one.outcome) for one in settlement.endings if one.call]
            self.counters.add(connection, counted(VTEX_CALLS, calls), now=now)

        self._database.write(transaction, deadline=self.lease / 4)

    def free_own_leases(self) -> int:
        """Release the leases of a former process with the same name. Only safe while no other process has that name."""
        statement = (
            update(shipments)
            .where(shipments.c.worker_name == self.worker_name, shipments.c.lease_until.is_not(None))
            .values(token=None, worker_name=None, lease_until=None)
        )
        return self._database.write(lambda connection: connection.execute(statement).rowcount)

    def owners(self, account: str, order_id: str) -> dict[str, Owner]:
        """Invoice number → the shipment whose tracking it carries, and what that shipment last wrote."""
        return owners_of(self._database, account, order_id)

    def places(self, ids: Collection[str]) -> list[Place]:
        """The order of each of these shipments that has one, assigned or chosen, and the invoice if one is named."""
        rows = self._database.rows(statements.PLACES, {"ids": sorted(ids)}) if ids else []
        pairs = [
            (row["assigned_order"], row["assigned_invoice"])
            if row["assigned_order"]
            else (row["order_id"], row["invoice_number"])
            for row in rows
        ]
        return [Place(order_id, invoice) for order_id, invoice in pairs if order_id]

    def beside(self, account: str, own: str, sent: Sent) -> tuple[str, dict[str, ShipmentRecord]]:
        """The id of the invoice's owner, if it is another shipment, and our shipments beside ``own`` that belong
        to the invoice or share it, by id, as of their last settlements."""
        return beside(self._database, account, own, sent)

    def bearing(self, account: str, own: str, numbers: Collection[str]) -> dict[str, ShipmentRecord]:
        """Our shipments beside ``own`` with one of these numbers, by id, as of their last settlements."""
        return bearing(self._database, account, own, numbers)

    def records(self, ids: Collection[str]) -> dict[str, ShipmentRecord]:
        """These shipments, by id, as of their last settlements."""
        return records(self._database, ids)

    def delivery_told(self, account: str, order_id: str, invoice_number: str) -> SentTracking | None:
        """What VTEX may have been told of this invoice's delivery before, no matter for which shipment."""
        return self.accounts.attempts.delivery_told(account, order_id, invoice_number)

    def _with_updates(self, connection: Connection, claims: dict[str, Claim], now: float) -> list[Claim]:
        """The claims with their new updates and open writes. Other calls without an outcome were cut off with their
        worker, and are repeated if still needed."""
        ids = {"ids": list(claims)}
        new: dict[str, list[tuple[int, Update]]] = {name: [] for name in claims}
        unread: set[str] = set()
        last: dict[str, str] = {}
        for row in connection.execute(statements.NEWS, ids).mappings():
            try:
                new[row["shipment"]].append((row["id"], update_from(dict(row))))
                last[row["shipment"]] = row["delivery"]
            except UNREADABLE:
                log.exception(
                    "stored update unreadable, it stays new: shipment=%s delivery=%s",
                    row["shipment"], row["delivery"],
                )  # fmt: skip
                unread.add(row["shipment"])
        open_writes: dict[str, list[OpenWrite]] = {name: [] for name in claims}
        cut_off: list[Ending] = []
        for row in connection.execute(statements.OPEN_ATTEMPTS, ids).mappings():
            if row["call"] == "PATCH":
                open_writes[row["shipment"]].append(open_write_from(dict(row)))
            else:
                cut_off.append(Ending(row["id"], now, "cut off", None, "repeated where it is still needed"))
        self.accounts.attempts.end(connection, cut_off)
        return [
            replace(
                claim,
                updates=tuple(update for _, update in new[name]),
                delivery=last.get(name),
                update_ids=tuple(update_id for update_id, _ in new[name]),
                open_writes=tuple(open_writes[name]),
                unread=name in unread,
            )
            for name, claim in claims.items()
        ]
