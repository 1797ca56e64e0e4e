"""What a person's assignment changes of a shipment's row, and the claim that a worker would get after it."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from receiver.shipments import Assignment, Sent, known_from_json
from receiver.store.rows import assigned_columns, reopened, sent_from
from receiver.vtex.nfe import plain_number

#: Columns of a shipment that a decision changes, and what was written before and stays at VTEX.
Change = tuple[dict[str, Any], Sent | None]


class Unknown(Exception):
    """There is no such shipment or delivery."""


class NotAssigned(Unknown):
    """No person has named the shipment's order: there is nothing to take back. ``what`` says so, and what ``action``
    would do instead; the message also has its command."""

    def __init__(self, what: str, shipment: str, action: Literal["retry", "dismiss"]) -> None:
        super().__init__(f"{what}: receiver {action} {shipment}")
        self.what, self.shipment, self.action = what, shipment, action


def assigned(
    row: Mapping[str, Any], order_id: str, invoice_number: str | None, *, seen: str | None = None, now: float
) -> Change:
    """A person names the order and the invoice of the row's shipment. ``seen``: the invoice's tracking number then, as
    `receiver.shipments.Assignment` has it."""
    assignment = Assignment(
        order_id=order_id,
        invoice_number=invoice_number,
        at=now,
        overrules=known_from_json(json.loads(row["known"])).cancelled,
        seen=seen,
    )
    sent = sent_from(row["sent"])
    is_there = sent is not None and is_where_named(sent, order_id, invoice_number)
    values = {**assigned_columns(assignment), **reopened(now), "sent": row["sent"] if is_there else None}
    return values, sent if sent is not None and sent.written and not is_there else None


def unassigned(row: Mapping[str, Any], *, now: float) -> Change:
    """The rules decide about the row's shipment again. Raises `NotAssigned`."""
    if row["assigned_order"] is None:
        raise NotAssigned(f"{row['id']} is not assigned; to decide again", row["id"], "retry")
    if row["companion_of"] is not None and row["assigned_at"] is None:
        said = f"{row['id']} has its order {row['assigned_order']} by a link, not by a person"
        raise NotAssigned(f"{said}; to send nothing there", row["id"], "dismiss")
    sent = sent_from(row["sent"])
    left = json.dumps(sent.lost().to_json()) if sent else None
    return {
        **assigned_columns(None),
        **reopened(now),
        "sent": left,
    }, sent if sent is not None and sent.written else None


def is_where_named(sent: Sent, order_id: str, invoice_number: str | None) -> bool:
    """Whether the tracking was sent where a person or a link says that it belongs."""
    if sent.order_id != order_id:
        return False
    return invoice_number is None or plain_number(sent.invoice_number) == plain_number(invoice_number)
