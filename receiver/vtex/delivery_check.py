"""PURE: what an order shows for an invoice, just before the delivery of its parcel is sent to VTEX."""

from collections.abc import Collection
from enum import Enum, auto

from receiver.shipments import Sent
from receiver.shipments.numbers import numbers_in, same_number
from receiver.vtex.orders import Order


class Shown(Enum):
    """What the order shows. The delivery is sent only after `OURS`."""

    OURS = auto()  #: a number of this parcel, alone or joined with others
    NO_NUMBER = auto()  #: no number: our write may not be visible yet
    FORMER_NUMBER = auto()  #: the number from before our write, which may not be visible yet
    NO_INVOICE = auto()  #: the order has no such invoice
    CHANGED = auto()  #: another parcel's number, several packages of this invoice's, or the order is cancelled


def delivery_check(order: Order, sent: Sent, numbers: Collection[str], number_before: str | None) -> Shown:
    """What the order shows. ``sent`` is what VTEX got for the parcel, ``numbers`` are all numbers of the parcel.
    ``number_before`` is the invoice's number when that write was decided."""
    # VTEX is told an invoice by its number alone: of two packages, the delivery could be the other one's.
    if order.is_cancelled or sum(one.invoice_number == sent.invoice_number for one in order.packages) > 1:
        return Shown.CHANGED
    shown = [one.tracking_number for one in order.outputs if one.invoice_number == sent.invoice_number]
    if not shown:
        return Shown.NO_INVOICE
    ours = [*numbers, *numbers_in(sent.tracking_number), *(number for _, number in sent.parcels.values())]
    if any(same_number(part, own) for text in shown for part in numbers_in(text) for own in ours):
        return Shown.OURS
    if not any(shown):
        return Shown.NO_NUMBER
    return Shown.FORMER_NUMBER if all(text in (None, number_before) for text in shown) else Shown.CHANGED
