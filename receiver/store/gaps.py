"""What should agree and may not: invoices without tracking, parcels that were never written, and what was written."""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import and_, literal, select

from receiver.store.database import Database
from receiver.store.tables import invoices, orders, shipments

#: Where nothing is to be written, by the carrier's word or a person's.
_NOTHING_TO_WRITE = ("waiting", "cancelled", "dismissed", "in_step")


class Gaps:
    """Reads only. ``account`` narrows each list to one VTEX account."""

    def __init__(self, database: Database, *, account: str | None = None) -> None:
        self._database, self._account = database, account

    def without_tracking(self, *, before: float) -> Iterator[dict[str, Any]]:
        """Invoices issued before ``before`` of which no tracking is known; where VTEX tells no date of issue, those
        that the index has known since before.

        The index learns from orders that were read: an invoice may have got its tracking elsewhere since.
        """
        named, tracked = orders.alias("named"), orders.alias("tracked")
        same = (tracked.c.account == named.c.account, tracked.c.order_id == named.c.order_id)
        known = select(literal(1)).where(
            *same, tracked.c.kind == "tracking_number", tracked.c.invoice_number == named.c.invoice_number
        )
        written = (
            select(literal(1))
            .join(shipments, and_(shipments.c.id == invoices.c.shipment, shipments.c.sent.is_not(None)))
            .where(
                invoices.c.account == named.c.account,
                invoices.c.order_id == named.c.order_id,
                invoices.c.invoice_number == named.c.invoice_number,
            )
        )
        statement = (
            select(named.c.account, named.c.order_id, named.c.invoice_number, named.c.dated_at.label("since"))
            .where(
                named.c.kind == "invoice_number",
                named.c.dated_at < before,
                ~known.exists(),
                ~written.exists(),
                *self._of(named.c.account),
            )
            .order_by(named.c.dated_at, named.c.order_id)
        )
        return ({"gap": "without_tracking", **row} for row in self._database.each(statement))

    def never_written(self, *, before: float) -> Iterator[dict[str, Any]]:
        """Parcels that the carrier has had since before ``before`` and whose tracking was never written."""
        statement = (
            select(
                shipments.c.id.label("shipment"),
                *(shipments.c[name] for name in ("account", "tracking_number", "order_id", "invoice_number")),
                *(shipments.c[name] for name in ("state", "reason", "note")),
                shipments.c.first_at.label("since"),
            )
            .where(
                shipments.c.sent.is_(None),
                shipments.c.first_at < before,
                shipments.c.state.not_in(_NOTHING_TO_WRITE),
                *self._of(shipments.c.account),
            )
            .order_by(shipments.c.first_at, shipments.c.id)
        )
        return ({"gap": "never_written", **row} for row in self._database.each(statement))

    def written(self) -> list[dict[str, Any]]:
        """Every parcel whose tracking is on an invoice, as far as we know: ``sent`` is what we wrote there."""
        columns = (shipments.c.id.label("shipment"), shipments.c.account, shipments.c.tracking_number, shipments.c.sent)
        statement = (
            select(*columns)
            .where(shipments.c.state == "in_step", shipments.c.sent.is_not(None), *self._of(shipments.c.account))
            .order_by(shipments.c.account, shipments.c.order_id, shipments.c.id)
        )
        return [{**row, "sent": json.loads(row["sent"])} for row in self._database.rows(statement)]

    def _of(self, column: Any) -> list[Any]:
        return [] if self._account is None else [column == self._account]
