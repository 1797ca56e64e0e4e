"""What a person's assignment changes of a shipment's row, and the claim that a worker would get after it."""

import json
import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from receiver.shipments import Assignment, Generation, Sent, ShipmentRecord, stamp_from_json
from receiver.store.claims import Claim, Lease
from receiver.store.companions import companion_id
from receiver.store.database import Database
from receiver.store.rows import assigned_columns, open_write_from, record_from, reopened, sent_from, update_from
from receiver.store.tables import NEW, REPLACED, attempts, shipments, updates
from receiver.vtex.nfe import plain_number

#: Columns of a shipment that a decision changes, and what was written before and stays at VTEX.
Change = tuple[dict[str, Any], Sent | None]


class Unknown(Exception):
    """There is no such shipment or delivery."""


class NotAssigned(Unknown):
    """No person has named the shipment's order: there is nothing to take back."""


def assigned(
    row: Mapping[str, Any], order_id: str, invoice_number: str | None, *, seen: str | None = None, now: float
) -> Change:
    """A person names the order and the invoice of the row's shipment. ``seen``: the invoice's tracking number then, as
    `receiver.shipments.Assignment` has it."""
    cancelled = json.loads(row["known"]).get("cancelled")
    assignment = Assignment(
        order_id=order_id,
        invoice_number=invoice_number,
        at=now,
        overrules=stamp_from_json(cancelled) if cancelled else None,
        seen=seen,
    )
    sent = sent_from(row["sent"])
    is_there = sent is not None and _is_at(sent, order_id, invoice_number)
    values = {**assigned_columns(assignment), **reopened(now), "sent": row["sent"] if is_there else None}
    return values, sent if sent is not None and sent.written and not is_there else None


def unassigned(row: Mapping[str, Any], *, now: float) -> Change:
    """The rules decide about the row's shipment again. Raises `NotAssigned`."""
    if row["assigned_order"] is None:
        raise NotAssigned(f"{row['id']} is not assigned; to decide again: receiver retry {row['id']}")
    sent = sent_from(row["sent"])
    left = json.dumps(sent.lost().to_json()) if sent else None
    return {
        **assigned_columns(None),
        **reopened(now),
        "sent": left,
    }, sent if sent is not None and sent.written else None


def claim_if_assigned(
    database: Database, shipment_id: str, order_id: str, invoice_number: str | None, *, now: float
) -> Claim:
    """The claim that a worker would get at ``now`` if a person assigned the shipment; nothing is written or leased.

    Raises `Unknown`, one of `receiver.store.rows.UNREADABLE`, `receiver.store.StoreUnavailable`.
    """
    rows = database.rows(select(shipments).where(shipments.c.id == shipment_id))
    if not rows:
        raise Unknown(f"no shipment {shipment_id!r}")
    row = dict(rows[0])
    values, _ = assigned(row, order_id, invoice_number, now=now)
    u, a = updates.c, attempts.c
    new = select(updates).where(u.shipment == shipment_id, u.folded == NEW).order_by(u.id)
    lost = (a.shipment == shipment_id, a.outcome.is_(None), a.call == "PATCH")
    return Claim(
        record=record_from({**row, **values}),
        lease=Lease("", math.inf),
        updates=tuple(update_from(dict(one)) for one in database.rows(new)),
        open_writes=tuple(
            open_write_from(dict(one)) for one in database.rows(select(attempts).where(*lost).order_by(a.id))
        ),
        claimed_at=now,
    )


def claim_of_companion(database: Database, parcel: ShipmentRecord, order_id: str, *, now: float) -> Claim:
    """The claim that the parcel's companion at one more order would get."""
    name = companion_id(parcel.id, order_id)
    if database.rows(select(shipments.c.id).where(shipments.c.id == name)):
        return claim_if_assigned(database, name, order_id, None, now=now)
    its = select(updates).where(updates.c.shipment == parcel.id, updates.c.folded != REPLACED).order_by(updates.c.id)
    begun = Generation(input_digest="", assignment=Assignment(order_id=order_id, at=now))
    return Claim(
        record=ShipmentRecord(
            id=name, endpoint=parcel.endpoint, account=parcel.account, generation=begun, companion_of=parcel.id
        ),
        lease=Lease("", math.inf),
        updates=tuple(update_from(dict(one)) for one in database.rows(its)),
        claimed_at=now,
    )


def _is_at(sent: Sent, order_id: str, invoice_number: str | None) -> bool:
    """Whether the tracking was sent where a person says it belongs."""
    if sent.order_id != order_id:
        return False
    return invoice_number is None or plain_number(sent.invoice_number) == plain_number(invoice_number)
