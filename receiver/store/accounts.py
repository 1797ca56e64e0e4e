"""Rate limit, circuit breaker and failures of VTEX accounts: one row each, shared by every process of every host."""

import json
import math
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Double, bindparam, case, literal, select, update
from sqlalchemy.engine import Connection

from receiver.store.attempts import Attempts, about_order
from receiver.store.claims import Attempt, Paused, RateLimited
from receiver.store.database import Database
from receiver.store.tables import accounts, shipments

#: So many distinct orders in a row without one answer, the first and the last so many seconds apart at most: VTEX is in
#: trouble, not an order. Fewer fail by chance where a tenth of all calls does.
FAILING_ORDERS, FAILING_WITHIN = 10, 120.0

#: The column of the orders whose reads, or writes (``True``), failed in a row.
_FAILING = {False: "failing", True: "failing_writes"}
#: Seconds until a background call that live work, or a probe, went before is tried again.
LOOK_AGAIN = 0.5


class Accounts:
    """What holds for all calls of a VTEX account, no matter which process makes them."""

    def __init__(self, database: Database) -> None:
        self._database, self.attempts = database, Attempts(database)
        now = bindparam("now", type_=Double)
        s = shipments.c
        self._leased = select(literal(1)).where(s.account == bindparam("of"), s.lease_until > now).limit(1)
        self.row = select(accounts).where(accounts.c.name == bindparam("of"))
        begins = case((accounts.c.next_slot_at > now, accounts.c.next_slot_at), else_=now)
        reserve = database.insert(accounts)
        self._reserve = reserve.on_conflict_do_update(
            index_elements=["name"], set_={"next_slot_at": begins + bindparam("interval")}
        ).returning(accounts.c.next_slot_at, accounts.c.paused_until, *(accounts.c[name] for name in _FAILING.values()))
        #: Accounts whose reads, or writes, failed since their last answer, as far as this process knows: most answers
        #: need no write.
        self._failing: set[tuple[str, bool]] = set()
        self._pauses: dict[str, float] = {}

    def pause(self, account: str, *, until: float, reason: str, own_fault: bool, now: float | None = None) -> bool:
        """No calls for the account before ``until``, by any worker. True: it was not paused yet for such a cause.

        ``own_fault``: the key or the configuration is wrong, as opposed to VTEX asking for a pause. Several workers may
        fail at once: while a pause is in force at ``now``, only VTEX's own word makes it longer. It is counted once.
        """

        def transaction(connection: Connection) -> bool:
            return self._pause(connection, account, until=until, reason=reason, own_fault=own_fault, now=now)

        return self._database.write(transaction)

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
            self._database.arrived.set()  # the other workers need not wait for the next poll
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

    def is_own_fault(self, account: str) -> bool:
        """The account is paused because its key or the configuration is wrong, not because VTEX asked for it."""
        row = self._read(account)
        return bool(row and row["pause_reason"] and row["own_fault"])

    def resume_now(self, account: str) -> bool:
        """A person ends a pause: one call at once, then the rest if VTEX answers it. False: it is not paused."""
        statement = (
            update(accounts)
            .where(accounts.c.name == account, accounts.c.pause_reason.is_not(None))
            .values(paused_until=0.0)
        )
        resumed = self._database.write(lambda connection: connection.execute(statement).rowcount > 0)
        self._database.arrived.set()
        return resumed

    def opens_at(self, now: float) -> float:
        """When the next pause ends that this process knows of; infinite where it knows of none."""
        return min((until for until in self._pauses.values() if until > now), default=math.inf)

    def pauses(self, account: str, *, now: float = math.inf) -> int:
        """How many times in a row the account had to be paused, a pause that is in force at ``now`` left out."""
        row = self._read(account)
        return row["pauses"] - (row["paused_until"] > now) if row else 0

    def check_open(self, account: str, *, now: float) -> None:
        """Raises `Paused`: after a wait for a slot, during which others went on calling."""
        row = self._read(account)
        if row and row["paused_until"] > now:
            raise Paused(row["paused_until"])

    def failed(
        self,
        account: str,
        order_id: str,
        *,
        writing: bool,
        now: float,
        pause_seconds: Callable[[int], float],
        reason: str,
    ) -> bool:
        """VTEX did not answer about an order, or with an error of its own. True: that pauses the account.

        It does after `FAILING_ORDERS` in a row, of reads or of writes: one order that always fails never comes so far.
        ``pause_seconds`` gives the length of a pause after so many before it. Once paused, each further failure is a
        probe's, and pauses again.
        """
        failing, failing_since = _FAILING[writing], f"{_FAILING[writing]}_since"

        def transaction(connection: Connection) -> bool:
            row = connection.execute(self.row.with_for_update(), {"of": account}).mappings().first()
            if row is None or row["paused_until"] > now:
                return False  # a call that was under way when the pause began says nothing new
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
            until, pauses = now + pause_seconds(row["pauses"]), len(orders)
            what = "writes of " if writing else ""
            why = f"{what}{pauses} orders in a row without an answer: {reason}"
            return self._pause(connection, account, until=until, reason=why, own_fault=False, now=now)

        self._failing.add((account, writing))
        return self._database.write(transaction)

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

    def reserve_about_order(
        self,
        account: str,
        attempt: Attempt,
        *,
        interval: float,
        now: float,
        max_wait: float = math.inf,
        once: Collection[str] | None = None,
    ) -> float:
        """Permission for one call that is made for no shipment: a slot of the rate limit, and the intent recorded.

        ``once``: the call must not be made twice, and these are the earlier attempts that the caller knows of. Returns
        when the call may start. Raises `Paused`, `RateLimited`, `receiver.store.attempts.Begun`, `StoreUnavailable`;
        then nothing was changed.
        """

        def transaction(connection: Connection) -> float:
            self.let_probe(connection, account, now)
            # This locks the account's row: of two processes with the same call, the second sees the first one's intent.
            starts = self.reserve(connection, account, interval=interval, now=now, max_wait=max_wait)
            if once is None:
                self.attempts.begin(connection, attempt, account, about_order(attempt.order_id), now=now)
            else:
                self.attempts.begin_once(connection, attempt, account, list(once), now=now)
            return starts

        return self._database.write(transaction)

    def reserve_read(self, account: str, *, interval: float, now: float, max_wait: float = math.inf) -> float:
        """A slot for a read that is not recorded. Returns and raises as `reserve_about_order` does."""

        def transaction(connection: Connection) -> float:
            self.let_probe(connection, account, now)
            return self.reserve(connection, account, interval=interval, now=now, max_wait=max_wait)

        return self._database.write(transaction)

    def reserve(
        self, connection: Connection, account: str, *, interval: float, now: float, max_wait: float = math.inf
    ) -> float:
        """A slot of the rate limit, within a transaction: when its call may start. Raises `Paused`, `RateLimited`."""
        new = {"name": account, "next_slot_at": now + interval, "paused_until": 0.0, "pauses": 0}
        slot = connection.execute(self._reserve, {**new, "now": now, "interval": interval}).one()
        if slot.paused_until > now:
            raise Paused(slot.paused_until)
        starts = float(slot.next_slot_at) - interval
        if starts > now + max_wait:
            raise RateLimited(starts)
        self._failing |= {(account, kind) for kind, name in _FAILING.items() if getattr(slot, name)}
        return starts

    def is_leased(self, connection: Connection, account: str, now: float) -> bool:
        """A worker has a shipment of the account."""
        return connection.execute(self._leased, {"of": account, "now": now}).first() is not None

    def let_probe(self, connection: Connection, account: str, now: float) -> None:
        """Half-open: just out of a pause, one call at a time sees whether VTEX answers. Raises `RateLimited`."""
        row = connection.execute(self.row, {"of": account}).first()
        if row is not None and row.pause_reason is not None and self.is_leased(connection, account, now):
            raise RateLimited(now + LOOK_AGAIN)

    def _pause(
        self, connection: Connection, account: str, *, until: float, reason: str, own_fault: bool, now: float | None
    ) -> bool:
        row = connection.execute(self.row.with_for_update(), {"of": account}).mappings().first()
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
        statement = self._database.insert(accounts).values(name=account, next_slot_at=0.0, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
        return not (row and row["pause_reason"] and row["own_fault"] == int(own_fault))

    def _read(self, account: str) -> dict[str, Any] | None:
        rows = self._database.rows(self.row, {"of": account})
        return dict(rows[0]) if rows else None
