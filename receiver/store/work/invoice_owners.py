"""Which shipment's tracking an invoice carries: one row of ``invoices`` each. It decides between workers that want to
write."""

import json
from collections.abc import Iterable

from sqlalchemy import and_, bindparam, delete, or_, select, update
from sqlalchemy.engine import Connection, RowMapping

from receiver.shipments import Reason, State, known_from_json
from receiver.shipments.record import goes_despite
from receiver.store.database import Database
from receiver.store.rows import REVOKED_LEASE, assigned_columns, assignment_from, sent_from
from receiver.store.tables import attempts, invoices, shipments
from receiver.store.work.attempts import IS_OPEN_WRITE
from receiver.store.work.claims import Attempt, Claim, InvoiceTaken, Release
from receiver.vtex.wanted import Owner

#: Built once: building a statement takes longer than running it.
_OF_INVOICE = tuple(invoices.c[part] == bindparam(f"its_{part}") for part in ("account", "order_id", "invoice_number"))
_OWNER = select(invoices.c.shipment).where(*_OF_INVOICE).with_for_update()
#: A write by the owner whose outcome is not known.
_WRITING = (
    select(attempts.c.id)
    .where(
        attempts.c.shipment == invoices.c.shipment,
        IS_OPEN_WRITE,
        attempts.c.order_id == invoices.c.order_id,
        attempts.c.invoice_number == invoices.c.invoice_number,
    )
    .exists()
)
# One statement for all of it: a settlement in between would end the write, and leave what was sent unseen.
_OWNERS = (
    select(
        invoices.c.invoice_number,
        invoices.c.shipment,
        _WRITING.label("is_writing"),
        shipments.c.order_id.label("chosen_order"),
        shipments.c.invoice_number.label("chosen_invoice"),
        *(shipments.c[name] for name in ("state", "sent", "known", "companion_of")),
        *(shipments.c[name] for name in assigned_columns(None)),
    )
    .join(shipments, shipments.c.id == invoices.c.shipment)
    .where(invoices.c.account == bindparam("account"), invoices.c.order_id == bindparam("order_id"))
)
_OWNER_NOW = _OWNERS.where(invoices.c.invoice_number == bindparam("invoice_number"))
#: Those that chose the invoice, and its former owner. Not by account: a planner would choose the index of an account's
#: shipments.
_CHOSE = (shipments.c[part] == bindparam(f"its_{part}") for part in ("order_id", "invoice_number"))
_OWN = shipments.alias("own")
_OWN_NUMBER = select(_OWN.c.normalised_number).where(_OWN.c.id == bindparam("own")).scalar_subquery()
#: The same parcel as another endpoint tells it: it gave way to the former owner, and may know more than the new one.
_GAVE_WAY = and_(shipments.c.reason == Reason.OTHER_PARCEL.value, shipments.c.normalised_number == _OWN_NUMBER)
_DISPLACE = (
    update(shipments)
    .where(
        or_(and_(*_CHOSE), shipments.c.id == bindparam("its_owner")),
        or_(shipments.c.sent.is_not(None), _GAVE_WAY),
        shipments.c.id != bindparam("own"),
    )
    .values(**REVOKED_LEASE, due_at=bindparam("after"), input_digest="")
)


class InvoiceOwners:
    """Acquires and releases invoices within the transactions of the `Queue`."""

    def __init__(self, database: Database) -> None:
        self._own = database.insert(invoices).on_conflict_do_nothing()

    def acquire(self, connection: Connection, claim: Claim, attempt: Attempt) -> None:
        """Acquire the invoice that ``attempt`` is about to write: a free one or its own. Another parcel's too, if a
        person says so or nothing has changed since that decision. One that was acquired and never written is free, once
        its parcel is on its way there no more. Raises `InvoiceTaken`."""
        key = {"account": claim.account, "order_id": attempt.order_id, "invoice_number": attempt.invoice_number}
        its = {f"its_{part}": value for part, value in key.items()}
        connection.execute(self._own, {**key, "shipment": claim.id})
        owner = str(connection.execute(_OWNER, its).scalar())
        if owner == claim.id:
            self._displace(connection, claim, attempt, owner)
            return
        stands = _owners_in(attempt.order_id, connection.execute(_OWNER_NOW, key).mappings())
        if stands and not attempt.overrules and not _is_as_decided(connection, attempt, owner):
            raise InvoiceTaken(owner)
        if stands and attempt.call == "PUT":  # events beside another shipment's number: the owner stays
            return
        connection.execute(update(invoices).where(*_OF_INVOICE).values(shipment=claim.id), its)
        self._displace(connection, claim, attempt, owner)

    def _displace(self, connection: Connection, claim: Claim, attempt: Attempt, owner: str) -> None:
        """A worker that has one of the others now has decided from facts that no longer hold."""
        if attempt.displaces:
            place = {"its_order_id": attempt.order_id, "its_invoice_number": attempt.invoice_number}
            connection.execute(_DISPLACE, {**place, "its_owner": owner, "own": claim.id, "after": claim.lease.until})

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
    return _owners_in(order_id, database.rows(_OWNERS, {"account": account, "order_id": order_id}))


def _owners_in(order_id: str, rows: Iterable[RowMapping]) -> dict[str, Owner]:
    """By the invoice's number, without those that have written nothing there and are not about to."""
    return {row["invoice_number"]: _owner_from(order_id, row) for row in rows if _counts(order_id, row)}


def _counts(order_id: str, row: RowMapping) -> bool:
    """False if the shipment acquired the invoice, its write was not applied, and it will not be repeated by itself: the
    label was voided, a person dismissed it, or another invoice was chosen or assigned since."""
    if row["sent"] is not None or row["is_writing"]:
        return True
    aims_at = (row["assigned_order"] or row["chosen_order"], row["assigned_invoice"] or row["chosen_invoice"])
    return aims_at == (order_id, row["invoice_number"]) and State(row["state"]).is_under_way


def _owner_from(order_id: str, row: RowMapping) -> Owner:
    """The owner in a row of ``invoices`` joined with its shipment."""
    sent, place = sent_from(row["sent"]), (order_id, row["invoice_number"])
    known = known_from_json(json.loads(row["known"]))
    aliases = frozenset(known.numbers)
    if sent is None:
        assigned = (row["assigned_order"] or order_id, row["assigned_invoice"] or row["invoice_number"])
        return Owner(row["shipment"], None, {}, moved=assigned != place, aliases=aliases)
    alone = {row["shipment"]: (sent.dispatched_date, sent.tracking_number)} if sent.tracking_number else {}
    is_void = known.voided and not goes_despite(assignment_from(dict(row)), known)
    return Owner(
        row["shipment"],
        sent.tracking_number,
        sent.parcels or alone,
        moved=is_void or not sent.is_at(*place),
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
        IS_OPEN_WRITE,
        attempts.c.order_id == attempt.order_id,
        attempts.c.invoice_number == attempt.invoice_number,
    )
    if connection.execute(select(attempts.c.id).where(*writing).limit(1)).first():
        return False
    sent = sent_from(connection.execute(select(shipments.c.sent).where(shipments.c.id == owner)).scalar())
    return (sent.tracking_number if sent else None) == replaces.number
