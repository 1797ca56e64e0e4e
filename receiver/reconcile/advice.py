"""PURE: the command that settles a hold, ready to paste."""

import json
import shlex

from receiver.shipments import Reason
from receiver.shipments.numbers import normalised
from receiver.vtex.choice import Hold
from receiver.vtex.orders import Order

#: A tracking number on so many orders is none: no parcel belongs to three of them.
_MANY_ORDERS = 3

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
    if not candidates:
        return ""
    first, *others = candidates
    command = shlex.join(["receiver", "assign", number, "--order", order.order_id, "--invoice", first])
    return f"{command}   (or {', '.join(others)})" if others else command


def placeholder_advice(number: str, *, orders: int, endpoint: str) -> str:
    """The setting to paste where what an invoice holds seems to be no tracking number, but a text that another system
    writes into VTEX's field. ``orders``: how many are known to show it. ``""`` where it may be a number."""
    if normalised(number) and orders < _MANY_ORDERS:
        return ""
    line = f"placeholders = [{json.dumps(number, ensure_ascii=False)}]"
    seen = f" ({orders} orders show it)" if normalised(number) else ""
    return f"{number} seems to be no tracking number{seen}. If so, add to [endpoints.{endpoint}]: {line}"
