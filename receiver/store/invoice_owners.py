"""Which shipment's tracking an invoice carries: one row of ``invoices`` each. It decides between workers that want to
write."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.engine import Connection

from receiver.shipments import known_from_json
from receiver.store.claims import Attempt, Claim, InvoiceTaken, Release
from receiver.store.database import Database
from receiver.store.rows import REVOKED_LEASE, sent_from
from receiver.store.tables import attempts, invoices, shipments
from receiver.vtex.wanted import Owner

#: Built once: building a statement takes longer than running it.
_OF_INVOICE = tuple(invoices.c[part] == bindparam(f"its_{part}") for part in ("account", "order_id", "invoice_number"))
_OWNER = select(invoices.c.shipment).where(*_OF_INVOICE).with_for_update()
_OWNERS = (
    select(
        invoices.c.invoice_number,
        invoices.c.shipment,
        *(shipments.c[name] for name in ("sent", "known", "assigned_order", "assigned_invoice")),
    )
    .join(shipments, shipments.c.id == invoices.c.shipment)
    .where(invoices.c.account == bindparam("account"), invoices.c.order_id == bindparam("order_id"))
)


class InvoiceOwners:
    """Acquires and releases invoices within the transactions of the `Queue`."""

    def __init__(self, database: Database) -> None:
        self._own = database.insert(invoices).on_conflict_do_nothing()

    def acquire(self, connection: Connection, claim: Claim, attempt: Attempt) -> None:
        """Acquire the invoice that ``attempt`` is about to write: a free one or its own. Another parcel's too, if a
        person says so or nothing has changed since that decision. Raises `InvoiceTaken`."""
        key = {"account": claim.account, "order_id": attempt.order_id, "invoice_number": attempt.invoice_number}
        its = {f"its_{part}": value for part, value in key.items()}
        connection.execute(self._own, {**key, "shipment": claim.id})
        owner = connection.execute(_OWNER, its).scalar()
        if owner == claim.id:
            return
        if not attempt.overrules and not _is_as_decided(connection, attempt, str(owner)):
            raise InvoiceTaken(str(owner))
        if attempt.call == "PUT":  # events beside another shipment's number: the owner stays
            return
        connection.execute(update(invoices).where(*_OF_INVOICE).values(shipment=claim.id), its)
        if attempt.replaces is not None and attempt.replaces.displaced:
            # A worker that has it now has decided from facts that no longer hold.
            displaced = update(shipments).where(shipments.c.id == owner)
            connection.execute(displaced.values(**REVOKED_LEASE, due_at=claim.lease.until, input_digest=""))

    def release(self, connection: Connection, claim: Claim, release: Release) -> None:
        """Return an invoice that was acquired and not written to the shipment that had it before."""
        mine = (
            invoices.c.account == claim.account,
            invoices.c.order_id == release.order_id,
            invoices.c.invoice_number == release.invoice_number,
            invoices.c.shipment == claim.id,
        )
        back = update(invoices).where(*mine).values(shipment=release.former)
        connection.execute(back if release.former else delete(invoices).where(*mine))


def owners_of(database: Database, account: str, order_id: str) -> dict[str, Owner]:
    """Invoice number → the shipment whose tracking it carries, and what that shipment last wrote."""
    rows = database.rows(_OWNERS, {"account": account, "order_id": order_id})
    return {row["invoice_number"]: _owner_from(order_id, dict(row)) for row in rows}


def _owner_from(order_id: str, row: Mapping[str, Any]) -> Owner:
    """The owner in a row of ``invoices`` joined with its shipment."""
    sent, place = sent_from(row["sent"]), (order_id, row["invoice_number"])
    known = known_from_json(json.loads(row["known"]))
    # Of several volumes, each number is only that volume's.
    aliases = frozenset(known.numbers if len(known.volumes) == 1 else ())
    if sent is None:
        assigned = (row["assigned_order"] or order_id, row["assigned_invoice"] or row["invoice_number"])
        return Owner(row["shipment"], None, {}, moved=assigned != place, aliases=aliases)
    alone = {row["shipment"]: (sent.dispatched_date, sent.tracking_number)} if sent.tracking_number else {}
    return Owner(
        row["shipment"],
        sent.tracking_number,
        sent.parcels or alone,
        moved=not sent.is_at(*place),
        is_delivered=sent.is_delivered,
        by_person=sent.assigned_at is not None,
        aliases=aliases,
    )


def _is_as_decided(connection: Connection, attempt: Attempt, owner: str) -> bool:
    """True if the invoice is as it was when the write was decided, and its owner is not writing there right now."""
    replaces = attempt.replaces
    if replaces is None or replaces.shipment != owner:
        return False
    writing = (
        attempts.c.shipment == owner,
        attempts.c.call == "PATCH",
        attempts.c.outcome.is_(None),
        attempts.c.order_id == attempt.order_id,
        attempts.c.invoice_number == attempt.invoice_number,
    )
    if connection.execute(select(attempts.c.id).where(*writing).limit(1)).first():
        return False
    sent = sent_from(connection.execute(select(shipments.c.sent).where(shipments.c.id == owner)).scalar())
    return (sent.tracking_number if sent else None) == replaces.number
