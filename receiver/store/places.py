"""Whose tracking an invoice carries: a row of ``invoices`` each, the arbiter between workers that mean to write."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.engine import Connection

from receiver.store.claims import Attempt, Claim, InvoiceTaken
from receiver.store.database import Database
from receiver.store.tables import attempts, invoices, shipments
from receiver.vtex.writes import Owner


class Places:
    """Takes and gives back places on invoices, within the transactions of the `Queue`."""

    def __init__(self, database: Database) -> None:
        self._own = database.insert(invoices).on_conflict_do_nothing()

    def take(self, connection: Connection, claim: Claim, attempt: Attempt) -> None:
        """The place that ``attempt`` means to write to, for ``claim``: a free one, its own, or another parcel's where a
        person says so or nothing has changed since that was decided. Raises `InvoiceTaken`."""
        key = {"account": claim.account, "order_id": attempt.order_id, "invoice_number": attempt.invoice_number}
        connection.execute(self._own, {**key, "shipment": claim.id})
        of_invoice = [invoices.c[name] == value for name, value in key.items()]
        owner = connection.execute(select(invoices.c.shipment).where(*of_invoice).with_for_update()).scalar()
        if owner == claim.id:
            return
        by_a_person = attempt.rule == "assigned" and claim.overrules
        if not by_a_person and not _is_as_decided(connection, attempt, str(owner)):
            raise InvoiceTaken(str(owner))
        if attempt.call == "PUT":  # events beside another's number: who wrote it goes on writing it
            return
        connection.execute(update(invoices).where(*of_invoice).values(shipment=claim.id))
        if attempt.over is not None and attempt.over.displaced:
            # Whoever works on it now has decided on what is no longer so.
            anew = {"token": None, "holder": None, "lease_until": None, "arrivals": shipments.c.arrivals + 1}
            moved_aside = update(shipments).where(shipments.c.id == owner)
            connection.execute(moved_aside.values(**anew, due_at=claim.lease_until, basis=""))

    def release(self, connection: Connection, claim: Claim, taken: tuple[str, str, str | None]) -> None:
        """Give a place back that was taken in vain: to whose it was before, if it was anybody's."""
        order_id, invoice, former = taken
        mine = (
            invoices.c.account == claim.account,
            invoices.c.order_id == order_id,
            invoices.c.invoice_number == invoice,
            invoices.c.shipment == claim.id,
        )
        back = update(invoices).where(*mine).values(shipment=former) if former else delete(invoices).where(*mine)
        connection.execute(back)


def owner_from(order_id: str, row: Mapping[str, Any]) -> Owner:
    """The owner in a row of ``invoices`` joined with its shipment."""
    sent = json.loads(row["sent"]) if row["sent"] else {}
    place = (order_id, row["invoice_number"])
    if sent:
        moved = (sent.get("order", order_id), sent.get("invoice", row["invoice_number"])) != place
    else:
        moved = (row["assigned_order"] or order_id, row["assigned_invoice"] or row["invoice_number"]) != place
    number = sent.get("trackingNumber")
    alone = {row["shipment"]: (sent.get("dispatchedDate"), number)} if number else {}
    several = {shipment: (at, text) for shipment, (at, text) in sent.get("parcels", {}).items()}
    return Owner(row["shipment"], number, several or alone, moved)


def _is_as_decided(connection: Connection, attempt: Attempt, owner: str) -> bool:
    """The invoice is still as it was when the write was decided, and its owner is not writing there right now."""
    over = attempt.over
    if over is None or over.shipment != owner:
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
    sent = connection.execute(select(shipments.c.sent).where(shipments.c.id == owner)).scalar()
    number = json.loads(sent)["trackingNumber"] if sent else None
    return bool(number == over.number)
