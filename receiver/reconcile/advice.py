"""PURE: the command that settles a hold, ready to paste."""

import shlex
from collections.abc import Sequence

from receiver.shipments import Reason
from receiver.vtex.choice import Hold
from receiver.vtex.orders import Order

#: Holds that end with a person's choice of an invoice.
_NAME_THE_INVOICE = (
    Reason.AMBIGUOUS_INVOICE,
    Reason.AMBIGUOUS_REFERENCE,
    Reason.NAMED_INVOICE_MISSING,
    Reason.NUMBER_DIFFERS,
    Reason.SECOND_PARCEL,
)


def advice(hold: Hold, number: str | None, order: Order | None) -> str:
    """The command with the parcel's tracking number, the order and the invoice; ``""`` where none of ours settles it.
    Where several invoices may be meant, the others stand behind it."""
    if number is None or order is None or hold.reason not in _NAME_THE_INVOICE:
        return ""
    candidates = list(hold.evidence.get("candidates") or [package.invoice_number for package in order.outputs])
    return assign_command(number, order.order_id, candidates) if candidates else ""


def assign_command(shipment: str, order_id: str, invoices: Sequence[str] = ()) -> str:
    """`receiver assign` with the first of the invoices; the others stand behind it."""
    named = ["--invoice", invoices[0]] if invoices else []
    command = shlex.join(["receiver", "assign", shipment, "--order", order_id, *named])
    return f"{command}   (or {', '.join(invoices[1:])})" if invoices[1:] else command
