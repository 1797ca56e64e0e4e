"""Our shipments that were written to one invoice: which they are, and that all are looked at again when one leaves."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import and_, bindparam, or_, select, update
from sqlalchemy.engine import Connection

from receiver.shipments import Known, Reason, Sent, ShipmentRecord, State, known_from_json
from receiver.store.database import Database
from receiver.store.rows import REVOKED_LEASE, UNREADABLE, record_from, sent_from
from receiver.store.tables import invoices, shipments

#: Built once: building a statement takes longer than running it.
_PLACE = ("account", "order_id", "invoice_number")
#: The shipments that chose the invoice. Not by account: a planner would choose the index of an account's shipments.
_CHOSE = tuple(shipments.c[part] == bindparam(f"its_{part}") for part in ("order_id", "invoice_number"))
_OF_INVOICE = (invoices.c[part] == bindparam(f"its_{part}") for part in _PLACE)
_ITS_OWNER = select(invoices.c.shipment).where(*_OF_INVOICE).scalar_subquery()
_IS_NEAR = or_(and_(*_CHOSE), shipments.c.id == _ITS_OWNER, shipments.c.id.in_(bindparam("parcels", expanding=True)))
_BESIDE = select(shipments, _ITS_OWNER.label("its_owner")).where(_IS_NEAR, shipments.c.id != bindparam("own"))
_HAS_ITS_PLACE = (shipments.c.sent.is_not(None), shipments.c.state != State.DISMISSED.value)
_WAKE_BESIDE = (
    update(shipments)
    .where(*_CHOSE, *_HAS_ITS_PLACE, shipments.c.id != bindparam("own"))
    .values(due_at=bindparam("now"), update_count=shipments.c.update_count + 1)
)
#: The shipments that found another one on the order's invoice, and those that share it. A worker that has one now has
#: decided from facts that no longer hold. Not by account, as above: another account's are decided as before.
_WERE_REFUSED = shipments.c.reason.in_((Reason.SECOND_PARCEL.value, Reason.OTHER_PARCEL.value))
_SHARE_IT = and_(shipments.c.invoice_number == bindparam("its_shared_invoice"), *_HAS_ITS_PLACE)
_WAKE_LEFT = (
    update(shipments)
    .where(
        shipments.c.order_id == bindparam("its_order_id"),
        or_(_WERE_REFUSED, _SHARE_IT),
        shipments.c.id != bindparam("own"),
    )
    .values(**REVOKED_LEASE, due_at=bindparam("now"), check_at=0.0, input_digest="")
)
_BY_ID = select(shipments).where(shipments.c.id.in_(bindparam("ids", expanding=True)))


def beside(database: Database, account: str, own: str, sent: Sent) -> tuple[str, dict[str, ShipmentRecord]]:
    """Our shipments beside ``own`` that belong to its invoice, or share it, by id; and the id of the invoice's
    owner, empty if there is none but ``own``. Raises one of `receiver.store.rows.UNREADABLE`."""
    place = {"its_account": account, "its_order_id": sent.order_id, "its_invoice_number": sent.invoice_number}
    rows = database.rows(_BESIDE, {**place, "own": own, "parcels": list(sent.parcels)})
    found = {
        row["id"]: record_from(dict(row)) for row in rows if row["account"] == account or row["id"] == row["its_owner"]
    }
    written = [record.generation.sent for record in found.values()]
    # One that shares the invoice may be held without an order.
    missing = {name for one in written if one for name in one.parcels} - found.keys() - {own}
    return next((row["its_owner"] or "" for row in rows), ""), found | records(database, missing)


def joins_or_leaves(row: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether a decision that changes the shipment's row to these values takes it from its invoice, or brings it
    back."""
    was, is_now = (state == State.DISMISSED.value for state in (row["state"], values.get("state", row["state"])))
    return was != is_now or bool(values.get("sent", row["sent"]) != row["sent"])


def wake_left(connection: Connection, own: str, sent: Sent, known: Known, *, now: float) -> None:
    """The shipment ``own`` has left the invoice of ``sent``: those that it refused there are decided again. If its
    label was cancelled, so are those that share it."""
    shared = sent.invoice_number if known.is_cancelled else None
    place = {"its_order_id": sent.order_id, "its_shared_invoice": shared}
    connection.execute(_WAKE_LEFT, {**place, "own": own, "now": now})


def records(database: Database, ids: Collection[str]) -> dict[str, ShipmentRecord]:
    """These shipments, by id. Raises one of `receiver.store.rows.UNREADABLE`."""
    rows = database.rows(_BY_ID, {"ids": sorted(ids)}) if ids else []
    return {row["id"]: record_from(dict(row)) for row in rows}


def wake_beside(connection: Connection, row: Mapping[str, Any], *, now: float) -> None:
    """The shipment in the row leaves its invoice or comes back: what our others there tell VTEX depends on it, and
    whether there is room for one that it refused. Of a row that cannot be read the invoice is not known."""
    try:
        sent, known = sent_from(row["sent"]), known_from_json(json.loads(row["known"]))
    except UNREADABLE:
        return
    if sent is None:
        return
    place = {"its_order_id": sent.order_id, "its_invoice_number": sent.invoice_number}
    connection.execute(_WAKE_BESIDE, {**place, "own": row["id"], "now": now})
    wake_left(connection, row["id"], sent, known, now=now)
