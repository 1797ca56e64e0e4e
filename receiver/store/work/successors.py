"""The carrier replaces a parcel of several orders by another one: each order of the old one is the new one's, too."""

from sqlalchemy import select
from sqlalchemy.engine import Connection

from receiver.shipments import Reason
from receiver.store.finding.companions import Place, add_companions, companion_id
from receiver.store.tables import shipments
from receiver.store.work.claims import Claim, Settlement


def serve_order_of_replaced(connection: Connection, claim: Claim, settlement: Settlement, *, now: float) -> None:
    """Where a companion settles as replaced, give the parcel that takes its parcel's place a companion at the same
    order and invoice. One that is there stays as it is: a person may have decided about it."""
    after, known = settlement.generation, settlement.known
    if claim.record.companion_of is None or after.reason is not Reason.REPLACED:
        return
    if after.assignment is None or known is None or known.replaced_by is None:
        return
    order_id, parcel = after.assignment.order_id, f"{claim.endpoint}/{known.replaced_by.value}"
    invoice = after.assignment.invoice_number or after.decision.invoice_number
    columns = [shipments.c[name] for name in ("id", "endpoint", "companion_of")]
    # The lock: an update of that parcel that settles at this moment must find the companion, or be copied to it here.
    row = connection.execute(select(*columns).where(shipments.c.id == parcel).with_for_update()).mappings().first()
    known_there = select(shipments.c.id).where(shipments.c.id == companion_id(parcel, order_id))
    if row is None or connection.execute(known_there).first():
        return
    add_companions(connection, {**row, "account": claim.account}, [Place(order_id, invoice)], now=now)
