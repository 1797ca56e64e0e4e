"""Converts between a shipment's row and its objects: the one place that knows both columns and fields."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, case, func, literal, select

from receiver.shipments import (
    Assignment,
    Decision,
    Generation,
    Known,
    Reason,
    Sent,
    ShipmentRecord,
    State,
    Update,
    known_from_json,
    known_to_json,
    shipment_from_json,
    stamp_from_json,
    stamp_to_json,
)
from receiver.shipments.numbers import normalised
from receiver.shipments.record import SOLD_ELSEWHERE
from receiver.store.tables import LIVE, attempts, shipments

#: When a shipment was changed last, and how many updates it has.
Version = tuple[float, int]
#: What may be raised when a row of another version is read.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)
#: True for a shipment in one of its endpoint's accounts; otherwise it is in the account of the order's seller.
IS_AT_HOME = func.coalesce(shipments.c.evidence, "").not_like(f'%"{SOLD_ELSEWHERE}"%')


def record_from(row: Mapping[str, Any]) -> ShipmentRecord:
    """The shipment in a row of ``shipments``. Raises one of `UNREADABLE`."""
    return ShipmentRecord(
        id=row["id"],
        endpoint=row["endpoint"],
        account=row["account"],
        known=known_from_json(json.loads(row["known"])),
        generation=generation_from(row),
        update_count=row["update_count"],
        wake_count=row["wake_count"],
        companion_of=row["companion_of"],
    )


def version_of(row: Mapping[str, Any]) -> Version:
    """Tells whether a row of ``shipments`` has changed."""
    return row["changed_at"], row["update_count"]


def generation_from(row: Mapping[str, Any]) -> Generation:
    """The generation, the parcel that has the number now, in a row of ``shipments``. Raises one of `UNREADABLE`."""
    return Generation(
        number=row["generation"],
        state=State(row["state"]),
        reason=Reason(row["reason"]) if row["reason"] else None,
        note=row["note"] or "",
        check_at=row["check_at"],
        input_digest=row["input_digest"],
        tries=row["tries"],
        waits=row["waits"],
        wanted_since=row["wanted_since"],
        decision=Decision(
            order_id=row["order_id"],
            invoice_number=row["invoice_number"],
            rule=row["rule"],
            evidence=json.loads(row["evidence"]) if row["evidence"] else None,
        ),
        assignment=assignment_from(row),
        sent=sent_from(row["sent"]),
    )


def sent_from(stored: str | None) -> Sent | None:
    """The value of the column ``sent``. Raises one of `UNREADABLE`."""
    return Sent.from_json(json.loads(stored)) if stored else None


def settled_columns(generation: Generation, known: Known | None = None, account: str | None = None) -> dict[str, Any]:
    """The columns of a shipment that a settlement changes: all of its generation, and what of it the fold (``known``)
    and another ``account`` change."""
    columns: dict[str, Any] = {
        "generation": generation.number,
        "state": State(generation.state).value,
        "reason": Reason(generation.reason).value if generation.reason else None,
        "note": generation.note,
        "check_at": generation.check_at,
        "input_digest": generation.input_digest,
        "tries": generation.tries,
        "waits": generation.waits,
        "wanted_since": generation.wanted_since,
        "order_id": generation.decision.order_id,
        "invoice_number": generation.decision.invoice_number,
        "rule": generation.decision.rule,
        "evidence": json.dumps(generation.decision.evidence) if generation.decision.evidence else None,
        **assigned_columns(generation.assignment),
        "sent": json.dumps(generation.sent.to_json()) if generation.sent else None,
    }
    if known is not None:
        columns |= {
            "known": json.dumps(known_to_json(known)),
            "tracking_number": known.tracking_number,
            "normalised_number": normalised(known.tracking_number) or None,
        }
    if account is not None:
        columns["account"] = account
    return columns


def assigned_columns(assignment: Assignment | None) -> dict[str, Any]:
    """The columns of a person's assignment."""
    if assignment is None:
        return dict.fromkeys(("assigned_order", "assigned_invoice", "assigned_at", "assigned_over", "assigned_seen"))
    overrules = assignment.overrules
    return {
        "assigned_order": assignment.order_id,
        "assigned_invoice": assignment.invoice_number,
        "assigned_at": assignment.at,
        "assigned_over": json.dumps(stamp_to_json(overrules)) if overrules else None,
        "assigned_seen": assignment.seen,
    }


#: Revokes the lease: a worker that has the shipment right now must not settle over this decision.
REVOKED_LEASE = {"token": None, "worker_name": None, "lease_until": None, "update_count": shipments.c.update_count + 1}


def reopened(now: Any) -> dict[str, Any]:
    """The columns of a shipment that is decided again, as if nothing had been decided."""
    return {
        "state": State.DUE.value,
        "reason": None,
        "note": "",
        "due_at": now,
        "priority": LIVE,
        "check_at": 0.0,
        "input_digest": "",  # the digest of nothing: a decision is made even without news
        "tries": 0,
        "waits": 0,
        "wanted_since": None,
        "changed_at": now,
    }


def due_by(priority: Any, due_at: Any) -> dict[str, Any]:
    """The columns of a shipment that becomes due by then. One that is due sooner stays so, and bulk work does not push
    back live work that waits."""
    s = shipments.c
    is_first = and_(s.due_at.is_not(None), s.priority < priority)
    return {
        "priority": case((is_first, s.priority), else_=priority),
        "due_at": case((s.due_at < due_at, s.due_at), else_=due_at),
    }


def dismissed(now: float) -> dict[str, Any]:
    """The columns of a shipment for which a person wants nothing sent. A write that is under way is looked up once
    more: VTEX may have it."""
    a = attempts.c
    is_writing = (a.shipment == shipments.c.id, a.call == "PATCH", a.outcome.is_(None))
    return {
        "state": State.DISMISSED.value,
        "reason": None,
        "note": "dismissed by a person",
        "due_at": select(literal(now)).where(*is_writing).limit(1).correlate(shipments).scalar_subquery(),
        "changed_at": now,
    }


def update_from(row: Mapping[str, Any]) -> Update:
    """The update in a row of ``updates``. Raises one of `UNREADABLE`."""
    return Update(
        shipment=shipment_from_json(json.loads(row["said"])),
        received_at=datetime.fromtimestamp(row["received_at"], UTC),
        digest=row["digest"],
    )


def assignment_from(row: Mapping[str, Any]) -> Assignment | None:
    """The assignment in a row of ``shipments``. Raises one of `UNREADABLE`."""
    if row["assigned_order"] is None:
        return None
    return Assignment(
        order_id=row["assigned_order"],
        invoice_number=row["assigned_invoice"],
        at=row["assigned_at"],
        overrules=stamp_from_json(json.loads(row["assigned_over"])) if row["assigned_over"] else None,
        seen=row["assigned_seen"],
        by_link=row["companion_of"] is not None and row["assigned_at"] is None,
    )


def about_order(order_id: str) -> str:
    """The value of ``shipment`` for an attempt without a shipment. No endpoint, so no shipment, can have this name."""
    return f"order:{order_id}"
