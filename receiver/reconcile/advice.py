"""PURE: which order and invoice a hold is about, and the command that settles it, ready to paste."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from receiver.shipments import Decision, NextState, Reason, Sent, State
from receiver.shipments.numbers import normalised
from receiver.shipments.record import TO_DECIDE
from receiver.vtex.choice import Hold
from receiver.vtex.orders import Order

#: A text on this many orders is no tracking number: no parcel belongs to three orders.
_MANY_ORDERS = 3

#: Holds that end with a person's choice of an invoice.
_NAME_THE_INVOICE = (
    Reason.AMBIGUOUS_INVOICE,
    Reason.AMBIGUOUS_REFERENCE,
    Reason.NAMED_INVOICE_MISSING,
    Reason.NUMBER_DIFFERS,
    Reason.SECOND_PARCEL,
    Reason.ALREADY_DELIVERED,
)
#: Holds whose cause is corrected elsewhere: then the write is tried again.
_TRY_AGAIN = (
    Reason.VTEX_REJECTED,
    Reason.VTEX_REFUSED,
    Reason.EVENTS_REJECTED,
    Reason.NOT_APPLIED,
    Reason.UNKNOWN_PACKAGE_TYPE,
)
#: Holds that this receiver cannot write, or not yet: what is to be done about them is done elsewhere.
_LEAVE_IT = (Reason.UNSAFE_INVOICE_NUMBER, Reason.SHARED_INVOICE_NUMBER, Reason.DELIVERY_DOUBTED, Reason.FUTURE_DATE)
#: Holds that are written only if a person says so.
_WRITE_ALL_THE_SAME = (Reason.ORDER_CANCELLED, Reason.CANCELLED_AFTER_SEND, Reason.CANCELLED_AFTER_DISPATCH)
#: Holds that end with a person's choice of an invoice or an order.
_NAME_THE_PLACE = (*_NAME_THE_INVOICE, Reason.UNSAFE_ORDER_ID, Reason.AMBIGUOUS_ORDER)


def advised(end: NextState, shipment: str, decision: Decision, sent: Sent | None) -> NextState:
    """Add to a hold's note the order and invoice that it is about and the command that settles it, unless it names them
    already. ``decision`` is the choice, ``sent`` the earlier write. Any other state is returned unchanged."""
    if end.state is not State.HELD or end.reason is None or TO_DECIDE in end.note:
        return end
    place = (
        decision
        if decision.order_id or sent is None
        else Decision(order_id=sent.order_id, invoice_number=sent.invoice_number)
    )
    command = _settling(end.reason, shipment, place)
    where = "" if place.order_id is None or place.order_id in end.note else f" Order {place.order_id}"
    where += f", invoice {place.invoice_number}." if where and place.invoice_number else "." if where else ""
    return replace(end, note=f"{end.note}{where}{TO_DECIDE}{command}" if command else f"{end.note}{where}")


def _settling(reason: Reason, shipment: str, place: Decision) -> str:
    """The command for a reason; ``""`` if no command settles it. ``ORDER`` is the placeholder for an unknown order."""
    to_assign = assign_command(
        shipment, place.order_id or "ORDER", [place.invoice_number] if place.invoice_number else []
    )
    if reason in _TRY_AGAIN:
        return shlex.join(["receiver", "retry", shipment])
    if reason in _NAME_THE_PLACE:
        return to_assign
    leave = shlex.join(["receiver", "dismiss", shipment])
    if reason in _LEAVE_IT:
        return leave
    return f"{leave}   (to write it all the same: {to_assign})" if reason in _WRITE_ALL_THE_SAME else ""


def advice(hold: Hold, shipment: str, order: Order | None) -> str:
    """The command with the shipment's id, the order and the invoice; ``""`` if no command settles it. If several orders
    or invoices fit, the others follow the command.

    The id, because a tracking number may be that of several shipments: two endpoints tell one parcel, a parcel serves
    two orders.
    """
    if orders := list(hold.evidence.get("orders", ())):
        return assign_to_one_of(shipment, orders)
    if order is None or hold.reason not in _NAME_THE_INVOICE:
        return ""
    candidates = list(hold.evidence.get("candidates") or [package.invoice_number for package in order.outputs])
    return assign_command(shipment, order.order_id, candidates) if candidates else ""


def assign_command(shipment: str, order_id: str, invoices: Sequence[str] = ()) -> str:
    """`receiver assign` with the first of the invoices; the others follow it."""
    named = ["--invoice", invoices[0]] if invoices else []
    return shlex.join(["receiver", "assign", shipment, "--order", order_id, *named]) + _or(invoices[1:])


def assign_to_one_of(shipment: str, orders: Sequence[str]) -> str:
    """`receiver assign` with the first of the orders; the others follow it."""
    return assign_command(shipment, orders[0]) + _or(orders[1:])


def _or(others: Sequence[str]) -> str:
    return f"   (or {', '.join(others)})" if others else ""


def placeholder_advice(number: str, own: Mapping[str, str], *, orders: int, endpoint: str) -> str:
    """The setting to paste if an invoice's number seems to be a placeholder that another system writes into VTEX's
    field, and the command that ends such holds then. ``own`` are the order's own values by the names that a placeholder
    has for them; ``orders``: how many orders are known to show the number. ``""`` if it may be a tracking number."""
    name = next((name for name, value in own.items() if value == number), None)
    if name is not None:
        text, why = f"{{{name}}}", f" (it is the order's own {name})"
    elif orders >= _MANY_ORDERS:
        text, why = number, f" ({orders} orders show it)"
    elif not normalised(number):
        text, why = number, ""
    else:
        return ""
    line = f"placeholders = [{json.dumps(text, ensure_ascii=False)}]"
    again = shlex.join(["receiver", "retry", "--state", "held", "--endpoint", endpoint])
    return f"{number} seems to be no tracking number{why}. If so, add to [endpoints.{endpoint}]: {line}, then: {again}."
