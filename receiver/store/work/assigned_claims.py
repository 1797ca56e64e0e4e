"""The claim that a worker would get after a person's assignment; nothing is written or leased."""

import math

from sqlalchemy import select

from receiver.shipments import Assignment, Generation, ShipmentRecord
from receiver.store.database import Database
from receiver.store.finding.assigning import Unknown, assigned
from receiver.store.finding.companions import companion_id
from receiver.store.rows import record_from, update_from
from receiver.store.tables import NEW, REPLACED, attempts, shipments, updates
from receiver.store.work.attempts import IS_OPEN_WRITE, open_write_from
from receiver.store.work.claims import Claim, Lease


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
    lost = select(attempts).where(a.shipment == shipment_id, IS_OPEN_WRITE).order_by(a.id)
    return Claim(
        record=record_from({**row, **values}),
        lease=Lease("", math.inf),
        updates=tuple(update_from(dict(one)) for one in database.rows(new)),
        open_writes=tuple(open_write_from(dict(one)) for one in database.rows(lost)),
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
