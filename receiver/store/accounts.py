"""Pace, pause and trouble of VTEX accounts: one row each, shared by every worker and command of every host."""

import json
import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import Double, Select, bindparam, case, func, insert, literal, select, update
from sqlalchemy.engine import Connection

from receiver.store.claims import Attempt, Busy, Ending, Paused
from receiver.store.database import Database
from receiver.store.index import Index
from receiver.store.tables import accounts, attempts, shipments
from receiver.vtex.nfe import plain_number

#: So many distinct orders in a row without one answer, the first and the last so many seconds apart at most: VTEX is in
#: trouble, not an order. Fewer fail by chance where a tenth of all calls does.
FAILING_ORDERS, FAILING_WITHIN = 10, 120.0

#: The column of the orders whose reads, or writes (``True``), failed in a row.
_FAILING = {False: "failing", True: "failing_writes"}
#: How a call ended that VTEX looked into.
_ANSWERED = ("done", "notfound", "rejected")

#: Seconds until somebody looks again whom live work, or a probe, stood before.
LOOK_AGAIN = 0.5


def about_order(order_id: str) -> str:
    """Stands for the shipment in an attempt that is made for none. No endpoint, and so no shipment, is named so."""
    return f"order:{order_id}"


class Begun(Exception):
    """Somebody has begun the very call meanwhile: it must not be made twice."""


class Accounts:
    """What holds for all calls of a VTEX account, whoever makes them."""

    def __init__(self, database: Database) -> None:
        self._database, self.index = database, Index(database)
        now = bindparam("now", type_=Double)
        s = shipments.c
        self._in_hands = select(literal(1)).where(s.account == bindparam("of"), s.lease_until > now).limit(1)
        self._account = select(accounts).where(accounts.c.name == bindparam("of"))
        begins = case((accounts.c.free_at > now, accounts.c.free_at), else_=now)
        reserve = database.insert(accounts)
        self._reserve = reserve.on_conflict_do_update(
            index_elements=["name"], set_={"free_at": begins + bindparam("span")}
        ).returning(accounts.c.free_at, accounts.c.paused_until, *(accounts.c[name] for name in _FAILING.values()))
        self._end = update(attempts).where(attempts.c.id == bindparam("attempt"))
        #: Accounts whose reads, or writes, failed since their last answer, as far as this process knows: most answers
        #: need no write.
        self._failing: set[tuple[str, bool]] = set()
        self._pauses: dict[str, float] = {}

    def pause(self, account: str, *, until: float, reason: str, own_fault: bool, now: float | None = None) -> bool:
        """No calls for the account before ``until``, by any worker. True: it was not paused yet for such a cause.

        ``own_fault``: the key or the configuration is wrong, as opposed to VTEX asking for quiet. Several hands may
        meet the same wall: while a pause is in force at ``now``, only VTEX's own word makes it longer, and it is
        counted once.
        """

        def work(connection: Connection) -> bool:
            return self._pause(connection, account, until=until, reason=reason, own_fault=own_fault, now=now)

        return self._database.write(work)

    def resume(self, account: str, *, now: float = math.inf) -> bool:
        """The account answers again. True: it had been paused.

        A pause that is in force at ``now`` stays: the answer is to a call that began before it. While writes fail that
        a read came through ends a pause, and the next one is longer.
        """
        writes_fail = accounts.c.failing_writes.is_not(None)
        over = (accounts.c.pause_reason.is_not(None), accounts.c.paused_until <= now)
        statement = (
            update(accounts)
            .where(accounts.c.name == account, *over)
            .values(paused_until=0.0, pause_reason=None, pauses=case((writes_fail, accounts.c.pauses), else_=0))
        )
        resumed = self._database.write(lambda connection: connection.execute(statement).rowcount > 0)
        if resumed:
            self._database.arrived.set()  # the other hands need not wait for the next look
        return resumed

    def resume_after_reload(self, account: str) -> None:
        """Try an account again whose key did not work: the configuration has just been read anew. What VTEX asked
        for by ``Retry-After`` stays."""
        statement = (
            update(accounts)
            .where(accounts.c.name == account, accounts.c.pause_reason.is_not(None), accounts.c.own_fault == 1)
            .values(paused_until=0.0)
        )
        self._database.write(lambda connection: connection.execute(statement))

    def opens_at(self, now: float) -> float:
        """When the next pause ends that this process knows of; infinite where it knows of none."""
        return min((until for until in self._pauses.values() if until > now), default=math.inf)

    def pauses(self, account: str) -> int:
        """How many times in a row the account had to be paused."""
        row = self._row(account)
        return row["pauses"] if row else 0

    def check_open(self, account: str, *, now: float) -> None:
        """Raises `Paused`: for who has waited for his place while others went on calling."""
        row = self._row(account)
        if row and row["paused_until"] > now:
            raise Paused(row["paused_until"])

    def failed(
        self, account: str, order_id: str, *, writing: bool, now: float, rest: Callable[[int], float], reason: str
    ) -> bool:
        """VTEX did not answer about an order, or with an error of its own. True: that pauses the account.

        It does after `FAILING_ORDERS` in a row, of reads or of writes: one order that always fails never comes so far.
        ``rest`` gives the seconds of a pause after so many before it. Once paused, each further failure is a probe's,
        and pauses again.
        """
        failing, failing_since = _FAILING[writing], f"{_FAILING[writing]}_since"

        def work(connection: Connection) -> bool:
            row = connection.execute(self._account.with_for_update(), {"of": account}).mappings().first()
            if row is None or row["paused_until"] > now:
                return False  # who was under way when the pause began says nothing new
            orders = json.loads(row[failing] or "[]")
            since = row[failing_since] or now
            if len(orders) < FAILING_ORDERS and now - since > FAILING_WITHIN:
                orders, since = [], now
            if order_id not in orders:
                orders = [*orders, order_id][-FAILING_ORDERS:]
            values = {failing: json.dumps(orders), failing_since: since}
            connection.execute(update(accounts).where(accounts.c.name == account).values(values))
            if len(orders) < FAILING_ORDERS:
                return False
            until, pauses = now + rest(row["pauses"]), len(orders)
            what = "writes of " if writing else ""
            why = f"{what}{pauses} orders in a row without an answer: {reason}"
            return self._pause(connection, account, until=until, reason=why, own_fault=False, now=now)

        self._failing.add((account, writing))
        return self._database.write(work)

    def answered(self, account: str, *, writing: bool) -> None:
        """VTEX answered about an order: whatever failed before it was not in a row. That a read came through says
        nothing of writes."""
        ended = {(account, kind) for kind in ((False, True) if writing else (False,))} & self._failing
        if ended:
            self._failing -= ended
            columns = [column for _, kind in ended for column in (_FAILING[kind], f"{_FAILING[kind]}_since")]
            calm = update(accounts).where(accounts.c.name == account).values(dict.fromkeys(columns))
            if (account, True) in ended:  # the read that ended their pause left the count to them
                no_pause = accounts.c.pause_reason.is_(None)
                calm = calm.values(pauses=case((no_pause, 0), else_=accounts.c.pauses))
            self._database.write(lambda connection: connection.execute(calm))

    def book_about_order(
        self,
        account: str,
        attempt: Attempt,
        *,
        span: float,
        now: float,
        longest_wait: float = math.inf,
        once: Collection[str] | None = None,
    ) -> float:
        """Permission for one call that is made for no shipment: a place in the pace, and the intent written down.

        ``once``: the call must not be made twice, and these are the earlier attempts that the caller knows of. Returns
        when the call may start. Raises `Paused`, `Busy`, `Begun`, `StoreUnavailable`; then nothing was changed.
        """

        def work(connection: Connection) -> float:
            self._let_probe(connection, account, now)
            # This locks the account's row: of two who mean the same, the second sees the first one's intent.
            starts = self._place(connection, account, span=span, now=now, longest_wait=longest_wait)
            if once is not None:
                earlier = connection.execute(_alike(account, attempt)).mappings()
                if any(_is_same(row["invoice_number"], attempt) and row["id"] not in once for row in earlier):
                    raise Begun(f"{attempt.call} of {attempt.invoice_number} was begun by somebody else just now")
            self._write_down(connection, attempt, account, about_order(attempt.order_id), now=now)
            return starts

        return self._database.write(work)

    def take_place(self, account: str, *, span: float, now: float, longest_wait: float = math.inf) -> float:
        """A place in the pace for a read of which nothing is written down. Returns and raises as
        `book_about_order` does."""

        def work(connection: Connection) -> float:
            self._let_probe(connection, account, now)
            return self._place(connection, account, span=span, now=now, longest_wait=longest_wait)

        return self._database.write(work)

    def earlier(self, account: str, attempt: Attempt) -> list[dict[str, Any]]:
        """Attempts at the very same call about the same invoice, however its number is written, oldest first."""
        rows = self._database.rows(_alike(account, attempt))
        return [dict(row) for row in rows if _is_same(row["invoice_number"], attempt)]

    def end(self, endings: Sequence[Ending]) -> None:
        """Record how calls ended, apart from any settlement."""
        self._database.write(lambda connection: self._end_attempts(connection, endings))

    def refused_orders(self, account: str, *, since: float) -> int:
        """On how many distinct orders in a row VTEX refused us lately: none of the same call was answered after."""
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

    def _place(
        self, connection: Connection, account: str, *, span: float, now: float, longest_wait: float = math.inf
    ) -> float:
        """A place in the account's pace: when its call may start. Raises `Paused`, `Busy`."""
        new = {"name": account, "free_at": now + span, "paused_until": 0.0, "pauses": 0, "now": now, "span": span}
        place = connection.execute(self._reserve, new).one()
        if place.paused_until > now:
            raise Paused(place.paused_until)
        starts = float(place.free_at) - span
        if starts > now + longest_wait:
            raise Busy(starts)
        self._failing |= {(account, kind) for kind, name in _FAILING.items() if getattr(place, name)}
        return starts

    def _let_probe(self, connection: Connection, account: str, now: float) -> None:
        """Just out of a pause, one call at a time sees whether the account answers. Raises `Busy`."""
        of = {"of": account, "now": now}
        pace = connection.execute(self._account, of).first()
        if pace is not None and pace.pause_reason is not None and connection.execute(self._in_hands, of).first():
            raise Busy(now + LOOK_AGAIN)

    def _write_down(
        self, connection: Connection, attempt: Attempt, account: str, shipment: str, *, now: float, generation: int = 1
    ) -> None:
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
        connection.execute(insert(attempts), row)

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

    def _pause(
        self, connection: Connection, account: str, *, until: float, reason: str, own_fault: bool, now: float | None
    ) -> bool:
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
        self._pauses[account] = float(values["paused_until"])
        statement = self._database.insert(accounts).values(name=account, free_at=0.0, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
        return not (row and row["pause_reason"] and row["own_fault"] == int(own_fault))

    def _row(self, account: str) -> dict[str, Any] | None:
        rows = self._database.rows(self._account, {"of": account})
        return dict(rows[0]) if rows else None


def _alike(account: str, attempt: Attempt) -> Select[Any]:
    """The same call about any invoice of the order."""
    of_order = (attempts.c.shipment == about_order(attempt.order_id), attempts.c.account == account)
    return select(attempts).where(*of_order, attempts.c.call == attempt.call).order_by(attempts.c.id)


def _is_same(number: str | None, attempt: Attempt) -> bool:
    return plain_number(number or "") == plain_number(attempt.invoice_number or "")
