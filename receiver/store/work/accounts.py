"""Rate limit, circuit breaker and failures of VTEX accounts: one row each, shared by every process of every host."""

import json
import math
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from sqlalchemy import Double, bindparam, case, select, update
from sqlalchemy.engine import Connection

from receiver.store.database import Database
from receiver.store.decisions import Recorder, unrecorded
from receiver.store.rows import about_order
from receiver.store.tables import accounts
from receiver.store.work.attempts import Attempts
from receiver.store.work.claims import Attempt, Paused, RateLimited
from receiver.store.work.queue_statements import IS_LEASED

#: The circuit breaker's threshold: this many distinct orders in a row without an answer, the first and the last at most
#: this many seconds apart. Fewer fail by chance when a tenth of all calls fails.
FAILING_ORDERS, FAILING_WITHIN = 10, 120.0

#: The column of the orders whose reads, or writes (``True``), failed in a row.
_FAILING = {False: "failing", True: "failing_writes"}
#: Seconds of an account's rate limit that may be reserved ahead. Beyond that no more of its shipments are claimed:
#: workers would only wait, and each call would delay the next one further.
RESERVED_AHEAD = 5.0
#: Calls whose slot may be further ahead: those of shipments that were claimed before, on all hosts together.
_MOST_AT_ONCE = 50
#: Seconds until a background call is tried again after it gave way to live work or to a probe.
LOOK_AGAIN = 0.5


def most_reserved(interval: float) -> float:
    """The seconds that workers can have reserved ahead, at this ``interval`` between two calls. A slot further ahead
    comes from a host whose clock is ahead. It is not believed, or it would silence all others."""
    return RESERVED_AHEAD + max(5.0, _MOST_AT_ONCE * interval)


@cache
def _reserve(insert_or: Callable[..., Any]) -> Any:
    """Take the account's next slot."""
    now = bindparam("now", type_=Double)
    believed = accounts.c.next_slot_at.between(now, bindparam("believed", type_=Double))
    begins = case((believed, accounts.c.next_slot_at), else_=now)
    reserve = insert_or(accounts).on_conflict_do_update(
        index_elements=["name"], set_={"next_slot_at": begins + bindparam("interval")}
    )
    shown = ("next_slot_at", "paused_until", *_FAILING.values())
    return reserve.returning(*(accounts.c[name] for name in shown))


class Accounts:
    """Rate limit and circuit breaker for all calls of a VTEX account, no matter which process makes them."""

    def __init__(self, database: Database) -> None:
        self._database, self.attempts = database, Attempts(database)
        self.row = select(accounts).where(accounts.c.name == bindparam("of"))
        self._reserve = _reserve(database.insert)
        #: Accounts whose reads, or writes, failed since their last answer, as far as this process knows. Answers for
        #: all other accounts need no database write.
        self._failing: set[tuple[str, bool]] = set()
        self._pauses: dict[str, float] = {}

    def pause(self, account: str, *, until: float, reason: str, own_fault: bool, now: float | None = None) -> bool:
        """Stop all workers' calls for the account before ``until``. True: it was not yet paused for such a cause.

        ``own_fault``: the key or the configuration is wrong, as opposed to VTEX asking for a pause. Several workers may
        fail at once. A pause in force at ``now`` is counted once, and only VTEX's own request makes it longer.
        """

        def transaction(connection: Connection) -> bool:
            return self._pause(connection, account, until=until, reason=reason, own_fault=own_fault, now=now)

        return self._database.write(transaction)

    def resume(self, account: str, *, now: float = math.inf, failed: bool = False) -> bool:
        """End the account's pause, because VTEX answers again. True: it had been paused.

        A pause that is in force at ``now`` stays: the answer is to a call that began before it. While writes fail, an
        answered read ends the pause, but the next pause is longer. That VTEX answered, but ``failed``, ends only a
        pause that it asked for, and the next one is longer, too.
        """
        calm = case((accounts.c.failing_writes.is_not(None), accounts.c.pauses), else_=0)
        over = (accounts.c.pause_reason.is_not(None), accounts.c.paused_until <= now)
        statement = (
            update(accounts)
            .where(accounts.c.name == account, *over)
            .values(paused_until=0.0, pause_reason=None, pauses=accounts.c.pauses if failed else calm)
        )

        def transaction(connection: Connection) -> bool:
            if failed and not self._was_asked_for(connection, account):
                return False
            return connection.execute(statement).rowcount > 0

        resumed = self._database.write(transaction)
        if resumed:
            self._database.arrived.set()  # the other workers need not wait for the next poll
        return resumed

    def resume_after_reload(self, account: str) -> None:
        """End a pause that a wrong key caused, because the configuration has just been reloaded. A pause that VTEX
        asked for with ``Retry-After`` stays."""
        statement = (
            update(accounts)
            .where(accounts.c.name == account, accounts.c.pause_reason.is_not(None), accounts.c.own_fault == 1)
            .values(paused_until=0.0)
        )
        self._database.write(lambda connection: connection.execute(statement))

    def end_pause(self, account: str, *, now: float, record: Recorder = unrecorded) -> bool:
        """A person ends a pause, whatever its cause: one call sees whether VTEX answers, then the rest go on. False:
        the account is not paused at ``now``."""

        def transaction(connection: Connection) -> bool:
            row = connection.execute(self.row.with_for_update(), {"of": account}).mappings().first()
            if row is None or row["paused_until"] <= now:
                return False
            connection.execute(update(accounts).where(accounts.c.name == account).values(paused_until=0.0))
            reason = row["pause_reason"]
            record(connection, [(account, {"until": row["paused_until"], "reason": reason}, {"until": None})])
            return True

        ended = self._database.write(transaction)
        if ended:
            self._pauses.pop(account, None)
            self._database.arrived.set()
        return ended

    def is_own_fault(self, account: str) -> bool:
        """The account is paused because its key or the configuration is wrong, not because VTEX asked for it."""
        row = self._read(account)
        return bool(row and row["pause_reason"] and row["own_fault"])

    def opens_at(self, now: float) -> float:
        """When the next pause that this process knows of ends; infinite without one."""
        return min((until for until in self._pauses.values() if until > now), default=math.inf)

    def pauses(self, account: str, *, now: float = math.inf) -> int:
        """How many times in a row the account had to be paused, without a pause that is in force at ``now``."""
        row = self._read(account)
        return row["pauses"] - (row["paused_until"] > now) if row else 0

    def check_open(self, account: str, *, now: float) -> None:
        """Check the account again after a wait for a slot: other workers made calls meanwhile. Raises `Paused`."""
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
        """Record a call about an order that got no answer or a server error. True: the account is now paused.

        `FAILING_ORDERS` failures in a row, of reads or of writes, open the circuit breaker. One order that always fails
        counts once. ``pause_seconds`` takes the number of pauses before this one. After a pause, each further failure
        is a probe's, and pauses the account again.
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
        """Record that VTEX answered about an order: earlier failures were not in a row. An answered read says nothing
        about writes."""
        ended = {(account, kind) for kind in ((False, True) if writing else (False,))} & self._failing
        if ended:
            self._failing -= ended
            columns = [column for _, kind in ended for column in (_FAILING[kind], f"{_FAILING[kind]}_since")]
            calm = update(accounts).where(accounts.c.name == account).values(dict.fromkeys(columns))
            if (account, True) in ended:  # the read that ended their pause did not reset the count
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
        """Permit one call that belongs to no shipment: reserve a slot of the rate limit and record the intent.

        ``once``: the call must not be made twice, and these are the earlier attempts that the caller knows of. Returns
        when the call may start. Raises `Paused`, `RateLimited`, `receiver.store.work.attempts.Begun`,
        `StoreUnavailable`; then nothing was changed.
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
        """Reserve a slot for a read that is not recorded. Returns and raises as `reserve_about_order` does."""

        def transaction(connection: Connection) -> float:
            self.let_probe(connection, account, now)
            return self.reserve(connection, account, interval=interval, now=now, max_wait=max_wait)

        return self._database.write(transaction)

    def reserve(
        self, connection: Connection, account: str, *, interval: float, now: float, max_wait: float = math.inf
    ) -> float:
        """Reserve a slot in a transaction; returns when its call may start. Raises `Paused`, `RateLimited`."""
        new = {"name": account, "next_slot_at": now + interval, "paused_until": 0.0, "pauses": 0}
        of = {**new, "now": now, "interval": interval, "believed": now + most_reserved(interval)}
        slot = connection.execute(self._reserve, of).one()
        if slot.paused_until > now:
            raise Paused(slot.paused_until)
        starts = float(slot.next_slot_at) - interval
        if starts > now + max_wait:
            raise RateLimited(starts)
        self._failing |= {(account, kind) for kind, name in _FAILING.items() if getattr(slot, name)}
        return starts

    def is_leased(self, connection: Connection, account: str, now: float) -> bool:
        """Whether a worker has leased a shipment of the account."""
        return connection.execute(IS_LEASED, {"of": account, "now": now}).first() is not None

    def let_probe(self, connection: Connection, account: str, now: float) -> None:
        """Half-open: after a pause, one call at a time probes whether VTEX answers. Raises `RateLimited`."""
        row = connection.execute(self.row, {"of": account}).first()
        if row is not None and row.pause_reason is not None and self.is_leased(connection, account, now):
            raise RateLimited(now + LOOK_AGAIN)

    def _was_asked_for(self, connection: Connection, account: str) -> bool:
        """Whether VTEX asked for the account's last pause: neither an outage began it, nor a fault of our own."""
        row = connection.execute(self.row.with_for_update(), {"of": account}).mappings().first()
        failing = [json.loads(row[name] or "[]") for name in _FAILING.values()] if row else []
        return bool(row and not row["own_fault"]) and all(len(orders) < FAILING_ORDERS for orders in failing)

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
