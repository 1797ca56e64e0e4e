"""The queue of fetches from carriers: one row per endpoint and URL, leased to one worker at a time. Each message that
asks for it makes it due again, so ten notices of one parcel at once cost one call.

An answer and the end of its fetch are stored in one transaction.
"""

import json
import secrets
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Double,
    Integer,
    Text,
    bindparam,
    case,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Connection

from adapters import Fetch
from receiver.store.database import Database
from receiver.store.intake.inbox import Delivery, Inbox, Receipt
from receiver.store.intake.unknown_words import log_new
from receiver.store.tables import fetches
from receiver.store.work.claims import LeaseLost

#: Statuses that are about the merchant's credentials, not about the resource.
NOT_ALLOWED = (401, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchClaim:
    """A leased fetch. ``delivery`` is the last message that asked for it; ``asked_at`` is when one first did since the
    last fetch."""

    id: str
    endpoint: str
    delivery: str
    fetch: Fetch
    token: str
    update_count: int
    tries: int
    asked_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """How a claim ended: ``done``, ``held`` (a person must act), ``gave_up``, or ``None``: retry at ``due_at``.

    ``quiet_until`` delays all of the endpoint's fetches; ``answer`` is the carrier's answer.
    """

    outcome: str | None
    due_at: float | None = None
    status: int | None = None
    reason: str | None = None
    quiet_until: float | None = None
    answer: Delivery | None = None


@cache
def _statements() -> tuple[Any, Any, Any]:
    """Whether a fetch is due, its claim, and its end: built once."""
    f, now = fetches, bindparam("now", type_=Double)
    other = fetches.alias("other")
    busy = (
        select(other.c.id)
        .where(other.c.endpoint == bindparam("of"), or_(other.c.lease_until > now, other.c.quiet_until > now))
        .exists()
    )
    ready = (f.c.endpoint == bindparam("of"), f.c.due_at <= now, ~busy)
    ready_one = select(literal(1)).where(*ready).limit(1)
    oldest = select(f.c.id).where(*ready).order_by(f.c.due_at).limit(1)
    chosen = oldest.with_for_update(skip_locked=True).cte("chosen").prefix_with("MATERIALIZED")
    claim = (
        update(f)
        .where(f.c.id.in_(select(chosen.c.id)))
        .values(token=bindparam("by"), lease_until=bindparam("until"))
        .returning(f)
    )
    news = f.c.update_count > bindparam("seen")
    ended: BindParameter[str | None] = bindparam("ended", type_=Text)
    again = news & (ended == "done")
    settle = (
        update(f)
        .where(f.c.id == bindparam("of"), f.c.token == bindparam("by"))
        .values(
            token=None,
            lease_until=None,
            outcome=case((again, None), else_=ended),
            due_at=case((again, now), else_=bindparam("due", type_=Double)),
            headers=case((~news & ended.in_(("done", "gave_up")), "{}"), else_=f.c.headers),
            asked_at=case((again, now), else_=f.c.asked_at),
            status=bindparam("said", type_=Integer),
            reason=bindparam("why", type_=Text),
            quiet_until=bindparam("quiet", type_=Double),
            tries=bindparam("tried"),
            changed_at=now,
        )
    )
    return ready_one, claim, settle


class Fetches:
    """Leases due fetches of endpoints; ``lease`` is in seconds."""

    def __init__(self, database: Database, inbox: Inbox, *, lease: float) -> None:
        self._database, self._inbox, self._lease = database, inbox, lease
        self._ready, self._claim, self._settle = _statements()

    def something_due(self, endpoint: str, now: float) -> bool:
        """Whether `claim` may find a fetch: a cheap check without the write lock. Raises `StoreUnavailable`."""
        return bool(self._database.rows(self._ready, {"of": endpoint, "now": now}))

    def claim(self, endpoint: str, *, now: float) -> FetchClaim | None:
        """The endpoint's oldest due fetch, leased; ``None`` while another one runs, or before ``quiet_until``.

        Raises `StoreUnavailable`.
        """
        values = {"of": endpoint, "now": now, "by": secrets.token_hex(12), "until": now + self._lease}

        def transaction(connection: Connection) -> FetchClaim | None:
            row = connection.execute(self._claim, values).mappings().first()
            if row is None:
                return None
            fetch = Fetch(
                url=row["url"], method=row["method"], headers=json.loads(row["headers"]), wanted=bool(row["wanted"])
            )
            names = ("id", "endpoint", "delivery", "token", "update_count", "tries", "asked_at")
            return FetchClaim(fetch=fetch, **{name: row[name] for name in names})

        return self._database.write(transaction)

    def settle(self, claim: FetchClaim, end: Fetched, *, now: float) -> None:
        """Record how the fetch ended, and its answer, in one transaction. Raises `LeaseLost`, `StoreUnavailable`."""
        values = {
            "of": claim.id,
            "by": claim.token,
            "seen": claim.update_count,
            "now": now,
            "ended": end.outcome,
            "due": end.due_at,
            "said": end.status,
            "why": end.reason,
            "quiet": end.quiet_until,
            "tried": 0 if end.outcome == "done" else claim.tries + 1,
        }

        def transaction(connection: Connection) -> list[Receipt]:
            receipts = self._inbox.store(connection, [end.answer]) if end.answer is not None else []
            if not connection.execute(self._settle, values).rowcount:
                raise LeaseLost(claim.id)
            if end.outcome == "done":
                self._reopen(connection, claim.endpoint, fetches.c.status.in_(NOT_ALLOWED), now)
            if end.answer is not None:
                self._inbox.count(connection, [end.answer], receipts)
            return receipts

        for receipt in self._database.write(transaction, deadline=self._lease / 4):
            log_new(receipt.new_words)
        if end.answer is not None:
            self._database.arrived.set()

    def reopen(self, endpoint: str, *, now: float) -> None:
        """Retry fetches held for the endpoint's settings, or never sent: the settings may be corrected now."""
        settings = or_(fetches.c.status.in_(NOT_ALLOWED), fetches.c.status.is_(None))
        self._database.write(lambda connection: self._reopen(connection, endpoint, settings, now))

    def _reopen(self, connection: Connection, endpoint: str, why: ColumnElement[bool], now: float) -> None:
        held = (fetches.c.endpoint == endpoint, fetches.c.outcome == "held", why)
        connection.execute(update(fetches).where(*held).values(outcome=None, due_at=now, quiet_until=None))
