"""The record of calls to VTEX: the intent before each, the outcome after it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from receiver.shipments import Generation, SentTracking
from receiver.store.counters import VTEX_CALLS, counted
from receiver.store.database import Database
from receiver.store.rows import about_order
from receiver.store.tables import attempts
from receiver.store.work.claims import Attempt, Ending, OpenWrite
from receiver.vtex.nfe import plain_number

#: Outcomes of writes that VTEX has applied.
APPLIED = ("done", "applied, seen later")
#: The outcome of a write that VTEX applied, and that the order no longer showed at a later read.
GONE = "done, gone later"
#: Where in the evidence of a write it stands to which order and invoice its parcel belonged in the end. Only writes
#: that stood elsewhere then have it, once their number is another parcel's.
BELONGED = "belonged_to"
#: Calls among which the latest failures are looked for: that costs the same, no matter how many there are.
LOOKS_AT = 2_000
#: Outcomes of calls that VTEX answered.
_ANSWERED = ("done", "notfound", "rejected")
#: Outcomes of PUTs that VTEX has applied, or may have: the answer was lost.
_PERHAPS_APPLIED = ("done", "no answer", "transient", "cut off")
#: A PATCH whose outcome is unknown: it was begun, and neither its answer nor a later read has ended it.
IS_OPEN_WRITE = and_(attempts.c.call == "PATCH", attempts.c.outcome.is_(None))
_BEGIN = insert(attempts)
_END = update(attempts).where(attempts.c.id == bindparam("attempt"))


class Begun(Exception):
    """Another process has begun the same call meanwhile. It must not be made twice."""


class Attempts:
    """Reads and writes rows of ``attempts``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self, connection: Connection, attempt: Attempt, account: str, shipment: str, *, now: float, generation: int = 1
    ) -> None:
        """Record the intent, within the transaction that permits the call."""
        row = {
            "id": attempt.id,
            "shipment": shipment,
            "generation": generation,
            "account": account,
            "call": attempt.call,
            "order_id": attempt.order_id,
            "invoice_number": attempt.invoice_number,
            "rule": attempt.rule,
            "evidence": json.dumps(attempt.evidence) if attempt.evidence else None,
            "request": json.dumps(attempt.request) if attempt.request else None,
            "begun_at": now,
        }
        connection.execute(_BEGIN, row)

    def begin_once(
        self, connection: Connection, attempt: Attempt, account: str, known: Sequence[str], *, now: float
    ) -> None:
        """`begin` for a call that no shipment waits for and that must not be made twice. ``known`` are the earlier
        attempts that the caller has considered. Raises `Begun`."""
        earlier = connection.execute(_alike(account, attempt)).mappings()
        if any(_is_same(row["invoice_number"], attempt) and row["id"] not in known for row in earlier):
            raise Begun(f"another process has just begun the {attempt.call} of {attempt.invoice_number}")
        self.begin(connection, attempt, account, about_order(attempt.order_id), now=now)

    def end(self, connection: Connection, endings: Sequence[Ending]) -> None:
        """Record how calls ended, within a transaction."""
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
            connection.execute(_END, rows)

    def end_now(self, endings: Sequence[Ending], *, account: str | None = None) -> None:
        """`end` in a transaction of its own, apart from any settlement. Counted for the ``account``, where no
        settlement will do it. Raises `StoreUnavailable`."""
        calls = [(account, one.call, one.outcome) for one in endings if account and one.call]

        def transaction(connection: Connection) -> None:
            self.end(connection, endings)
            now = max((one.at for one in endings), default=0.0)
            self._database.counters.add(connection, counted(VTEX_CALLS, calls), now=now)

        self._database.write(transaction)

    def gone(self, attempt: str) -> None:
        """Record that the invoice no longer shows what that write put there. Raises `StoreUnavailable`."""
        statement = update(attempts).where(attempts.c.id == attempt).values(outcome=GONE)
        self._database.write(lambda connection: connection.execute(statement))

    def keep_left(self, connection: Connection, shipment: str, ended: Generation) -> None:
        """Record of the writes that a parcel left on other invoices where it belonged. Its shipment is another parcel's
        from now on, and says that no more."""
        a, sent = attempts.c, ended.sent
        belonged = {"order_id": ended.decision.order_id, "invoice_number": ended.decision.invoice_number}
        its = (a.shipment == shipment, a.generation == ended.number, a.call == "PATCH", a.outcome.in_(APPLIED))
        for row in connection.execute(select(a.id, a.order_id, a.invoice_number, a.evidence).where(*its)).all():
            place = (row.order_id, row.invoice_number)
            is_there = sent is not None and sent.is_at(*place) and not sent.visibility.is_elsewhere
            if is_there or (sent is not None and place == tuple(belonged.values())):
                continue
            evidence = json.dumps({**json.loads(row.evidence or "{}"), BELONGED: belonged})
            connection.execute(update(attempts).where(a.id == row.id).values(evidence=evidence))

    def earlier(self, account: str, attempt: Attempt) -> list[dict[str, Any]]:
        """Earlier attempts at the same call for the same invoice, however its number is written, oldest first."""
        rows = self._database.rows(_alike(account, attempt))
        return [dict(row) for row in rows if _is_same(row["invoice_number"], attempt)]

    def delivery_told(self, account: str, order_id: str, invoice_number: str) -> SentTracking | None:
        """The last PUT that may have told VTEX that this invoice is delivered, no matter for which shipment."""
        a = attempts.c
        of_invoice = (a.order_id == order_id, a.request.is_not(None), a.account == account, a.call == "PUT")
        may_be_applied = or_(a.outcome.is_(None), a.outcome.in_(_PERHAPS_APPLIED))
        puts = select(a.request, a.begun_at).where(*of_invoice, a.invoice_number == invoice_number, may_be_applied)
        for row in self._database.rows(puts.order_by(a.id.desc())):
            body = json.loads(row["request"])
            if body["isDelivered"]:
                date = body["deliveredDate"]
                return SentTracking(digest="", at=row["begun_at"], delivered=True, delivered_date=date)
        return None

    def latest_failures(self) -> list[dict[str, Any]]:
        """The calls that went wrong among the newest `LOOKS_AT` of all accounts, newest first."""
        shown = ("id", "account", "shipment", "call", "order_id", "invoice_number", "begun_at", "outcome", "answer")
        newest = select(*(attempts.c[name] for name in shown)).order_by(attempts.c.id.desc()).limit(LOOKS_AT).subquery()
        wrong = newest.c.outcome.not_in((*APPLIED, "notfound", GONE))
        return [dict(row) for row in self._database.rows(select(newest).where(wrong).order_by(newest.c.id.desc()))]

    def refused_orders(self, account: str, *, since: float) -> int:
        """For how many distinct orders in a row VTEX refused our calls; no later call of the same kind was answered."""
        a, of_account = attempts.c, attempts.c.account == account
        refused = select(a.id, a.call, a.order_id).where(of_account, a.outcome == "refused", a.begun_at >= since)
        rows = self._database.rows(refused)
        if not rows:
            return 0
        latest = (
            select(a.call, func.max(a.id).label("id"))
            .where(of_account, a.outcome.in_(_ANSWERED), a.id > min(row["id"] for row in rows))
            .group_by(a.call)
        )
        answered = {row["call"]: row["id"] for row in self._database.rows(latest)}
        return len({row["order_id"] for row in rows if row["id"] > answered.get(row["call"], "")})


def _alike(account: str, attempt: Attempt) -> Select[Any]:
    """Selects attempts at the same call for any invoice of the order."""
    of_order = (attempts.c.shipment == about_order(attempt.order_id), attempts.c.account == account)
    return select(attempts).where(*of_order, attempts.c.call == attempt.call).order_by(attempts.c.id)


def _is_same(number: str | None, attempt: Attempt) -> bool:
    return plain_number(number or "") == plain_number(attempt.invoice_number or "")


def open_write_from(row: Mapping[str, Any]) -> OpenWrite:
    """The PATCH of unknown outcome in a row of ``attempts``."""
    return OpenWrite(
        id=row["id"],
        account=row["account"],
        generation=row["generation"],
        order_id=row["order_id"],
        invoice_number=row["invoice_number"],
        rule=row["rule"],
        evidence=json.loads(row["evidence"]) if row["evidence"] else None,
        request=json.loads(row["request"] or "{}"),
        begun_at=row["begun_at"],
    )
