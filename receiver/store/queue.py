"""The workers' side: a shipment is in one pair of hands at a time, and nothing is sent without a written intent.

A claim leases due shipments with all their new updates; a lapsed lease is anybody's. Whatever a claim's holder does
later says ``WHERE token = …``: who lost the lease changes nothing.
"""

import json
import logging
import math
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Double, bindparam, case, literal, or_, select, update
from sqlalchemy.engine import Connection, RowMapping

from receiver.shipments import Known, Update, known_from_json, shipment_from_json
from receiver.store.accounts import LOOK_AGAIN, Accounts
from receiver.store.claims import Attempt, Busy, Claim, Ending, LeaseLost, Paused, Settlement
from receiver.store.database import Database
from receiver.store.index import STUCK, reopened
from receiver.store.places import Places, owner_from
from receiver.store.tables import PRIORITIES, accounts, attempts, invoices, shipments, updates, waits
from receiver.vtex.writes import Owner

__all__ = ["PACE_AHEAD", "Ending", "Queue"]

#: Seconds of an account's pace that may be booked out before no more of its shipments are claimed: hands would only
#: wait, and every call of theirs would put the next further off.
PACE_AHEAD = 5.0
#: Calls that change an invoice: only the shipment whose tracking it carries may make them.
WRITES = ("PATCH", "PUT")

#: States from which a shipment may still be written for the first time.
_OPEN = ("due", "waiting", *STUCK)
log = logging.getLogger("receiver.store")
#: Seconds until somebody looks again at what this version cannot read.
_ASIDE = 3600.0
#: What a stored row that another version wrote may raise when it is read.
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)


class Queue(Accounts):
    """Hands out due shipments of VTEX accounts. ``holder`` names this worker in the leases it takes."""

    def __init__(self, database: Database, *, holder: str, lease: float) -> None:
        super().__init__(database)
        self.holder, self.lease = holder, lease
        s = shipments
        now = bindparam("now", type_=Double)
        ready = (
            s.c.account == bindparam("of"),
            s.c.due_at <= now,
            or_(s.c.lease_until.is_(None), s.c.lease_until <= now),
        )
        account = accounts.c.name == bindparam("of")
        closed = or_(accounts.c.paused_until > now, accounts.c.free_at > bindparam("ahead"))
        shut = select(accounts.c.name).where(account, closed).exists()
        self._ready = select(literal(1)).where(*ready, s.c.priority.in_(PRIORITIES), ~shut).limit(1)
        self._due = select(literal(1)).where(*ready, s.c.priority.in_(PRIORITIES)).limit(1)
        of_class = (*ready, s.c.priority == bindparam("turn"))
        oldest = select(s.c.id).where(*of_class).order_by(s.c.due_at).limit(bindparam("most"))
        # Materialised: PostgreSQL may otherwise run it once for each row it looks at, and lock others each time.
        chosen = oldest.with_for_update(skip_locked=True).cte("chosen").prefix_with("MATERIALIZED")
        self._claim = (
            update(s)
            .where(s.c.id.in_(select(chosen.c.id)))
            .values(token=bindparam("by"), holder=holder, lease_until=bindparam("until"))
            .returning(s)
        )
        self._news = (
            select(updates)
            .where(updates.c.shipment.in_(bindparam("ids", expanding=True)), updates.c.taken == 0)
            .order_by(updates.c.id)
        )
        self._open_writes = (
            select(attempts)
            .where(
                attempts.c.shipment.in_(bindparam("ids", expanding=True)),
                attempts.c.outcome.is_(None),
                attempts.c.call == "PATCH",
            )
            .order_by(attempts.c.id)
        )
        mine = (s.c.id == bindparam("of"), s.c.token == bindparam("by"))
        self._renew = update(s).where(*mine).values(lease_until=bindparam("until"))
        due = case((s.c.arrivals > bindparam("seen"), now), else_=bindparam("due", type_=Double))
        # The columns that a settlement changes join this statement by their names.
        self._settle = (
            update(s).where(*mine).values(token=None, holder=None, lease_until=None, due_at=due).returning(s.c.rings)
        )
        self._ring = update(s).where(s.c.id == bindparam("of")).values(due_at=now, check_at=0.0)
        self._set_aside = (
            update(s)
            .where(*mine)
            .values(
                token=None,
                holder=None,
                lease_until=None,
                due_at=bindparam("until"),
                note="its stored state cannot be read",
            )
        )
        self._wake = (
            update(s).where(s.c.id.in_(bindparam("ids", expanding=True))).values(due_at=now, arrivals=s.c.arrivals + 1)
        )
        self._taken = update(updates).where(updates.c.id == bindparam("update")).values(taken=1)
        self._places = Places(database)

    def something_due(self, account: str, now: float) -> bool:
        """A cheap look, without the write lock: may `claim` find work? Raises `StoreUnavailable`."""
        return bool(self._database.rows(self._ready, {"of": account, "now": now, "ahead": now + PACE_AHEAD}))

    def claim(self, account: str, *, most: int, now: float) -> list[Claim]:
        """Lease up to ``most`` due shipments of one account: live ones first, and the oldest of each kind.

        None while it is paused, or its pace is booked out for longer than `PACE_AHEAD`. After a pause one at a time, to
        see whether it answers. Raises `StoreUnavailable`.
        """
        token, until = secrets.token_hex(12), now + self.lease

        def work(connection: Connection) -> list[Claim]:
            of = {"of": account, "now": now}
            pace = connection.execute(self._account, {"of": account}).first()
            if pace and (pace.paused_until > now or pace.free_at > now + PACE_AHEAD):
                return []
            probing = bool(pace and pace.pause_reason)
            if probing:  # of several hosts that look at this moment, the next one sees who has it in hands
                connection.execute(self._account.with_for_update(), {"of": account}).first()
            if probing and connection.execute(self._in_hands, of).first():
                return []
            rows: list[RowMapping] = []
            for priority in PRIORITIES:
                room = {"most": (1 if probing else most) - len(rows), "turn": priority}
                if room["most"]:
                    found = connection.execute(self._claim, {**of, **room, "by": token, "until": until})
                    rows += sorted(found.mappings(), key=lambda row: row["due_at"])
            claims: dict[str, Claim] = {}
            for row in rows:
                try:
                    claims[row["id"]] = _claim(dict(row), now=now, probing=probing)
                except _UNREADABLE:
                    # Another version wrote it: it must not keep the whole account from working.
                    log.exception("%s: its stored state cannot be read; it is set aside for an hour", row["id"])
                    connection.execute(self._set_aside, {"of": row["id"], "by": token, "until": now + _ASIDE})
            self._add_news(connection, claims)
            return list(claims.values())

        return self._database.write(work)

    def book(self, claim: Claim, attempt: Attempt, *, span: float, now: float, longest_wait: float = math.inf) -> float:
        """Permission for one call: renews the lease, takes a place in the account's pace, writes the intent down.

        Returns when the call may start. Raises `LeaseLost`, `Paused`, `Busy` (the place would be more than
        ``longest_wait`` seconds away), `InvoiceTaken`, `StoreUnavailable`; then nothing was changed.
        """

        def work(connection: Connection) -> float:
            until = now + self.lease
            renewed = connection.execute(self._renew, {"of": claim.id, "by": claim.token, "until": until}).rowcount
            if not renewed:
                raise LeaseLost(claim.id)
            starts = self._place(connection, claim.account, span=span, now=now, longest_wait=longest_wait)
            if attempt.call in WRITES:
                self._places.take(connection, claim, attempt)
            self._write_down(connection, attempt, claim.account, claim.id, generation=claim.generation, now=now)
            claim.lease_until = until
            return starts

        return self._database.write(work, deadline=self.lease / 4)

    def book_errand(self, account: str, *, span: float, now: float) -> float:
        """Permission for one call that no shipment waits for: when it may start, which is as good as at once.

        Raises `Paused`, `Busy` (a shipment is due, or the pace is booked out), `StoreUnavailable`; then nothing was
        changed.
        """
        of = {"of": account, "now": now}

        def work(connection: Connection) -> float:
            pace = connection.execute(self._account, of).first()
            if pace and pace.paused_until > now:
                raise Paused(pace.paused_until)
            if connection.execute(self._due, of).first():
                raise Busy(now + LOOK_AGAIN)
            self._let_probe(connection, account, now)
            return self._place(connection, account, span=span, now=now, longest_wait=span)

        return self._database.write(work)

    def settle(self, claim: Claim, settlement: Settlement, *, now: float) -> None:
        """Record how a claim ended and let go of it. Raises `LeaseLost`: then nothing was changed."""
        row = {**settlement.changes, "changed_at": now}
        due = settlement.due_at
        if claim.unread:
            due = min(now + _ASIDE, due if due is not None else math.inf)
        row |= {"of": claim.id, "by": claim.token, "seen": claim.arrivals, "now": now, "due": due}

        def work(connection: Connection) -> None:
            self.index.before_settling(connection, claim, settlement)
            settled = connection.execute(self._settle, row).first()
            if settled is None:
                raise LeaseLost(claim.id)
            if settled.rings > claim.rings:  # its order changed while it was looked at
                connection.execute(self._ring, {"of": claim.id, "now": now})
            if claim.update_ids:
                connection.execute(self._taken, [{"update": taken} for taken in claim.update_ids])
            self._end_attempts(connection, settlement.endings)
            for taken in settlement.releases:
                self._places.release(connection, claim, taken)
            if settlement.wakes:
                connection.execute(self._wake, {"ids": sorted(settlement.wakes), "now": now})
            self.index.settled(connection, claim, settlement, now=now)

        self._database.write(work, deadline=self.lease / 4)

    def free_own_leases(self) -> int:
        """Give back what a former process of this very name held. Only safe while no other bears the name."""
        statement = (
            update(shipments)
            .where(shipments.c.holder == self.holder, shipments.c.lease_until.is_not(None))
            .values(token=None, holder=None, lease_until=None)
        )
        return self._database.write(lambda connection: connection.execute(statement).rowcount)

    def follow(self, homes: Mapping[str, Sequence[str]], *, now: float) -> dict[str, int]:
        """Where the configuration takes an endpoint away from an account, its shipments go along, and look at once in
        the other one where they were looking; how many of each. What was written stays where it is.

        ``homes`` are the accounts that an endpoint serves: what is at none of them goes to the first.
        """
        s = shipments
        unwritten = select(s.c.endpoint, s.c.account).where(s.c.state.in_(_OPEN), s.c.sent.is_(None)).distinct()
        astray = {
            row["endpoint"]
            for row in self._database.rows(unwritten)
            if row["account"] not in homes.get(row["endpoint"], [row["account"]])
        }
        moved = {endpoint: self._move(endpoint, homes[endpoint], now) for endpoint in sorted(astray)}
        return {endpoint: many for endpoint, many in moved.items() if many}

    def _move(self, endpoint: str, accounts: Sequence[str], now: float) -> int:
        s, account = shipments, accounts[0]
        writing = select(attempts.c.id).where(
            attempts.c.shipment == s.c.id, attempts.c.outcome.is_(None), attempts.c.call == "PATCH"
        )
        moved = (
            s.c.endpoint == endpoint,
            s.c.account.not_in(accounts),
            s.c.state.in_(_OPEN),
            s.c.sent.is_(None),
            or_(s.c.lease_until.is_(None), s.c.lease_until <= now),
            ~writing.exists(),
        )
        # Whose order is awaited there must be found anew.
        anew = {**reopened(now), "order_id": None, "invoice_number": None}
        looking = {name: case((s.c.due_at.is_not(None), value), else_=s.c[name]) for name, value in anew.items()}
        its = select(s.c.id).where(s.c.id == waits.c.shipment, s.c.endpoint == endpoint, s.c.account == account)

        def work(connection: Connection) -> int:
            many = connection.execute(update(s).where(*moved).values(account=account, **looking)).rowcount
            stale = update(waits).where(waits.c.account.not_in(accounts), its.exists())
            connection.execute(stale.values(account=account))
            return many

        return self._database.write(work)

    def owners(self, account: str, order_id: str) -> dict[str, Owner]:
        """Invoice number → the shipment whose tracking it carries, and what that one last wrote."""
        columns = [shipments.c[name] for name in ("sent", "assigned_order", "assigned_invoice")]
        statement = (
            select(invoices.c.invoice_number, invoices.c.shipment, *columns)
            .join(shipments, shipments.c.id == invoices.c.shipment)
            .where(invoices.c.account == account, invoices.c.order_id == order_id)
        )
        return {row["invoice_number"]: owner_from(order_id, dict(row)) for row in self._database.rows(statement)}

    def known(self, ids: Sequence[str]) -> list[Known]:
        """What carriers have told of these shipments, as of their last settlements."""
        if not ids:
            return []
        statement = select(shipments.c.known).where(shipments.c.id.in_(ids)).order_by(shipments.c.id)
        return [known_from_json(json.loads(row["known"])) for row in self._database.rows(statement)]

    def _add_news(self, connection: Connection, claims: dict[str, Claim]) -> None:
        if not claims:
            return
        for row in connection.execute(self._news, {"ids": list(claims)}).mappings():
            try:
                claims[row["shipment"]].updates.append(_update(dict(row)))
            except _UNREADABLE:
                log.exception("%s: delivery %s cannot be read; it stays new", row["shipment"], row["delivery"])
                claims[row["shipment"]].unread = True
                continue
            claims[row["shipment"]].update_ids.append(row["id"])
        for row in connection.execute(self._open_writes, {"ids": list(claims)}).mappings():
            claims[row["shipment"]].open_writes.append(dict(row))


_AS_STORED = (
    *("id", "endpoint", "account", "token", "lease_until", "state", "reason", "note", "check_at"),
    *("arrivals", "tries", "waits", "basis", "order_id", "invoice_number", "rule"),
    *("assigned_order", "assigned_invoice", "assigned_at", "assigned_over", "wanted_since", "generation", "rings"),
)


def _claim(row: dict[str, Any], *, now: float, probing: bool) -> Claim:
    return Claim(
        **{name: row[name] for name in _AS_STORED},
        known=known_from_json(json.loads(row["known"])),
        sent=json.loads(row["sent"]) if row["sent"] else None,
        evidence=json.loads(row["evidence"]) if row["evidence"] else None,
        updates=[],
        update_ids=[],
        claimed_at=now,
        probing=probing,
    )


def _update(row: dict[str, Any]) -> Update:
    return Update(
        shipment=shipment_from_json(json.loads(row["said"])),
        received_at=datetime.fromtimestamp(row["received_at"], UTC),
        digest=row["digest"],
    )
