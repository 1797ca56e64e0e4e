"""The workers' side: a shipment is in one pair of hands at a time, and nothing is sent without a written intent.

A claim leases due shipments with all their new updates; a lapsed lease is anybody's. Whatever a claim's holder does
later says ``WHERE token = …``: who lost the lease changes nothing.
"""

import json
import logging
import math
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Double, bindparam, case, func, insert, literal, or_, select, update
from sqlalchemy.engine import Connection

from receiver.shipments import Update, known_from_json, shipment_from_json
from receiver.store.claims import Attempt, Busy, Claim, Ending, InvoiceTaken, LeaseLost, Paused, Settlement
from receiver.store.database import Database
from receiver.store.index import Index
from receiver.store.tables import accounts, attempts, invoices, shipments, updates

__all__ = ["PACE_AHEAD", "Ending", "Queue"]

#: Seconds of an account's pace that may be booked out before no more of its shipments are claimed: hands would only
#: wait, and every call of theirs would put the next further off.
PACE_AHEAD = 5.0

#: Seconds until an errand that found live work before it asks for a place again.
_LOOK_AGAIN = 0.5

log = logging.getLogger("receiver.store")
#: Seconds until somebody looks again at what this version cannot read.
_ASIDE = 3600.0
#: What a stored row that another version wrote may raise when it is read.
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)


class Queue:
    """Hands out due shipments of VTEX accounts. ``holder`` names this worker in the leases it takes."""

    def __init__(self, database: Database, *, holder: str, lease: float) -> None:
        self._database, self.holder, self.lease = database, holder, lease
        self.index = Index(database)
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
        self._ready = select(literal(1)).where(*ready, ~shut).limit(1)
        self._due = select(literal(1)).where(*ready).limit(1)
        self._account = select(accounts).where(account)
        self._in_hands = select(literal(1)).where(s.c.account == bindparam("of"), s.c.lease_until > now).limit(1)
        oldest = select(s.c.id).where(*ready).order_by(s.c.due_at).limit(bindparam("most"))
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
        self._taken = update(updates).where(updates.c.id == bindparam("update")).values(taken=1)
        reserve = database.insert(accounts)
        begins = case((accounts.c.free_at > now, accounts.c.free_at), else_=now)
        self._reserve = reserve.on_conflict_do_update(
            index_elements=["name"], set_={"free_at": begins + bindparam("span")}
        ).returning(accounts.c.free_at, accounts.c.paused_until)
        self._own = database.insert(invoices).on_conflict_do_nothing()
        self._end = update(attempts).where(attempts.c.id == bindparam("attempt"))

    def something_due(self, account: str, now: float) -> bool:
        """A cheap look, without the write lock: may `claim` find work? Raises `StoreUnavailable`."""
        return bool(self._database.rows(self._ready, {"of": account, "now": now, "ahead": now + PACE_AHEAD}))

    def claim(self, account: str, *, most: int, now: float) -> list[Claim]:
        """Lease up to ``most`` due shipments of one account, oldest first.

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
            if probing and connection.execute(self._in_hands, of).first():
                return []
            rows = connection.execute(
                self._claim, {**of, "most": 1 if probing else most, "by": token, "until": until}
            ).mappings()
            claims: dict[str, Claim] = {}
            for row in sorted(rows, key=lambda row: row["due_at"]):
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
            if attempt.call == "PATCH":
                self._take_invoice(connection, claim, attempt)
            connection.execute(insert(attempts), _attempt_row(claim, attempt, now))
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
            # Just out of a pause, one call at a time sees whether the account answers.
            ahead = [self._due] if pace is None or pace.pause_reason is None else [self._due, self._in_hands]
            if any(connection.execute(look, of).first() for look in ahead):
                raise Busy(now + _LOOK_AGAIN)
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
            self.index.settled(connection, claim, settlement, now=now)

        self._database.write(work, deadline=self.lease / 4)

    def end(self, endings: Sequence[Ending]) -> None:
        """Record how calls ended whose shipment is no longer ours."""
        self._database.write(lambda connection: self._end_attempts(connection, endings))

    def free_own_leases(self) -> int:
        """Give back what a former process of this very name held. Only safe while no other bears the name."""
        statement = (
            update(shipments)
            .where(shipments.c.holder == self.holder, shipments.c.lease_until.is_not(None))
            .values(token=None, holder=None, lease_until=None)
        )
        return self._database.write(lambda connection: connection.execute(statement).rowcount)

    def pause(self, account: str, *, until: float, reason: str, own_fault: bool, now: float | None = None) -> bool:
        """No calls for the account before ``until``, by any worker. True: it was not paused yet for such a cause.

        ``own_fault``: the key or the configuration is wrong, as opposed to VTEX asking for quiet. Several hands may
        meet the same wall: while a pause is in force at ``now``, only VTEX's own word makes it longer, and it is
        counted once.
        """

        def work(connection: Connection) -> bool:
            row = connection.execute(self._account.with_for_update(), {"of": account}).mappings().first()
            in_force = row is not None and now is not None and row["paused_until"] > now
            if row and in_force and (own_fault or until <= row["paused_until"]):
                return False
            values = {
                "paused_until": max(until, row["paused_until"] if row else 0.0),
                "pause_reason": reason,
                "pauses": (row["pauses"] if row else 0) + (not in_force),
                "own_fault": int(own_fault),
            }
            statement = self._database.insert(accounts).values(name=account, free_at=0.0, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
            return not (row and row["pause_reason"] and row["own_fault"] == int(own_fault))

        return self._database.write(work)

    def resume(self, account: str) -> bool:
        """The account answers again. True: it had been paused."""
        statement = (
            update(accounts)
            .where(accounts.c.name == account, accounts.c.pause_reason.is_not(None))
            .values(paused_until=0.0, pause_reason=None, pauses=0)
        )
        return self._database.write(lambda connection: connection.execute(statement).rowcount > 0)

    def resume_after_reload(self, account: str) -> None:
        """Try an account again whose key did not work: the configuration has just been read anew. What VTEX asked
        for by ``Retry-After`` stays."""
        statement = (
            update(accounts)
            .where(accounts.c.name == account, accounts.c.pause_reason.is_not(None), accounts.c.own_fault == 1)
            .values(paused_until=0.0)
        )
        self._database.write(lambda connection: connection.execute(statement))

    def pauses(self, account: str) -> int:
        """How many times in a row the account had to be paused."""
        rows = self._database.rows(select(accounts.c.pauses).where(accounts.c.name == account))
        return rows[0]["pauses"] if rows else 0

    def refused_orders(self, account: str, *, since: float) -> int:
        """On how many distinct orders VTEX refused us lately."""
        statement = select(func.count(attempts.c.order_id.distinct()).label("many")).where(
            attempts.c.account == account, attempts.c.outcome == "refused", attempts.c.begun_at >= since
        )
        return int(self._database.rows(statement)[0]["many"])

    def owners(self, account: str, order_id: str) -> dict[str, tuple[str, str | None]]:
        """Invoice number → (the shipment whose tracking it carries, the number we last sent there)."""
        statement = (
            select(invoices.c.invoice_number, invoices.c.shipment, shipments.c.sent)
            .join(shipments, shipments.c.id == invoices.c.shipment)
            .where(invoices.c.account == account, invoices.c.order_id == order_id)
        )
        found: dict[str, tuple[str, str | None]] = {}
        for row in self._database.rows(statement):
            sent = json.loads(row["sent"]) if row["sent"] else {}
            found[row["invoice_number"]] = (row["shipment"], sent.get("trackingNumber"))
        return found

    def _place(self, connection: Connection, account: str, *, span: float, now: float, longest_wait: float) -> float:
        """When the next call of the account may start; the place is taken."""
        booking = {"name": account, "free_at": now + span, "paused_until": 0.0, "pauses": 0, "now": now, "span": span}
        place = connection.execute(self._reserve, booking).one()
        if place.paused_until > now:
            raise Paused(place.paused_until)
        starts = float(place.free_at) - span
        if starts > now + longest_wait:
            raise Busy(starts)
        return starts

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
            claims[row["shipment"]].open_write = dict(row)

    def _take_invoice(self, connection: Connection, claim: Claim, attempt: Attempt) -> None:
        key = {"account": claim.account, "order_id": attempt.order_id, "invoice_number": attempt.invoice_number}
        connection.execute(self._own, {**key, "shipment": claim.id})
        of_invoice = [invoices.c[name] == value for name, value in key.items()]
        owner = connection.execute(select(invoices.c.shipment).where(*of_invoice)).scalar()
        if owner == claim.id:
            return
        if attempt.rule != "assigned" or claim.sent is not None:
            raise InvoiceTaken(str(owner))
        connection.execute(update(invoices).where(*of_invoice).values(shipment=claim.id))

    def _end_attempts(self, connection: Connection, endings: Sequence[Ending]) -> None:
        rows = [
            {
                "attempt": ending.attempt,
                "finished_at": ending.at,
                "outcome": ending.outcome,
                "status": ending.status,
                "answer": ending.answer,
            }
            for ending in endings
        ]
        if rows:
            connection.execute(self._end, rows)


_AS_STORED = (
    *("id", "endpoint", "account", "token", "lease_until", "state", "reason", "note", "check_at"),
    *("arrivals", "tries", "waits", "basis", "order_id", "invoice_number", "rule"),
    *("assigned_order", "assigned_invoice", "wanted_since", "generation", "rings"),
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


def _attempt_row(claim: Claim, attempt: Attempt, now: float) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "shipment": claim.id,
        "generation": claim.generation,
        "account": claim.account,
        "call": attempt.call,
        "order_id": attempt.order_id,
        "invoice_number": attempt.invoice_number,
        "rule": attempt.rule,
        "evidence": json.dumps(attempt.evidence) if attempt.evidence else None,
        "request": json.dumps(attempt.request) if attempt.request else None,
        "begun_at": now,
    }
