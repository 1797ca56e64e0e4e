"""The order that a person names, as VTEX shows it: so that a typing error does not move a parcel."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from receiver.calls.background import BackgroundCalls
from receiver.reconcile.advice import assign_command, assign_to_one_of
from receiver.store.operator.queries import Unknown
from receiver.vtex.answers import NotFound
from receiver.vtex.choice import invoice_numbers_of, invoices_named
from receiver.vtex.order_ids import as_stored
from receiver.vtex.orders import Order

T = TypeVar("T")

#: How long a person waits for the account's rate limit, in seconds.
MAX_WAIT = 10.0


#: Orders read for people at one time in this process: its other threads are for carriers.
_LOOKUPS = threading.BoundedSemaphore(4)


class TooManyLookups(Exception):
    """Other orders are being read for people at this moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead:
    """What a person may assign instead; ``lead`` stands before it. Where several ``orders`` or ``invoices`` fit, the
    first of them is named, and the others follow. ``is_to_come``: VTEX does not show it yet."""

    shipment: str
    orders: Sequence[str]
    invoices: Sequence[str] = ()
    lead: str = ""
    is_to_come: bool = False

    @property
    def command(self) -> str:
        """The command that does it."""
        if self.orders[1:]:
            return assign_to_one_of(self.shipment, self.orders)
        command = assign_command(self.shipment, self.orders[0], self.invoices)
        return f"{command} --unseen" if self.is_to_come else command


class NotShown(Exception):
    """VTEX does not show that order or invoice. ``what`` says what VTEX has; the message also has the command to give
    instead."""

    def __init__(self, what: str, instead: Instead) -> None:
        super().__init__(f"{what}. {instead.lead}{instead.command}")
        self.what, self.instead = what, instead


class IsPurchase(Unknown):
    """There is no such order: the id is that of a purchase, with these ``orders``."""

    def __init__(self, purchase: str, orders: list[str]) -> None:
        super().__init__(f"{purchase} is a purchase of {', '.join(orders)}")
        self.orders = orders


@contextmanager
def lookup() -> Iterator[None]:
    """Around everything that reads orders for a person who waits for a page or an answer. Raises `TooManyLookups`."""
    if not _LOOKUPS.acquire(blocking=False):
        raise TooManyLookups("other orders are being looked up: try again")
    try:
        yield
    finally:
        _LOOKUPS.release()


def read_document(calls: BackgroundCalls, order_id: str) -> Any:
    """The order as VTEX sends it; people copy its id in capitals, too. Raises `receiver.vtex.answers.VtexError`,
    `receiver.store.Paused`, `receiver.store.RateLimited`, `receiver.store.StoreUnavailable`."""
    try:
        return _called(calls, lambda: calls.vtex.get_order(order_id), order_id)
    except NotFound:
        stored = as_stored(order_id, calls.vtex.account.name)
        if stored == order_id:
            raise
        return _called(calls, lambda: calls.vtex.get_order(stored), stored)


def shown(
    calls: BackgroundCalls, shipment: str, order_id: str, invoice_number: str | None
) -> tuple[str, str | None, str | None]:
    """The order's id and the invoice's number as VTEX writes them, after one read of the order; and the tracking number
    that the invoice shows, empty where it has none, ``None`` where no invoice is named. Raises as `shown_document`
    does."""
    order = calls.vtex.read(shown_document(calls, shipment, order_id))
    number = shown_invoice(order, shipment, invoice_number)
    found = next((one for one in order.outputs if one.invoice_number == number), None)
    return order.order_id, number, None if found is None else found.tracking_number or ""


def shown_order(calls: BackgroundCalls, shipment: str, order_id: str) -> str:
    """The order's id as VTEX writes it. Raises as `shown_document` does."""
    return calls.vtex.read(shown_document(calls, shipment, order_id)).order_id


def shown_document(calls: BackgroundCalls, shipment: str, order_id: str) -> Any:
    """The order that a person names, as VTEX sends it.

    Raises `NotShown`, `receiver.vtex.answers.VtexError`, `receiver.vtex.orders.UnexpectedOrder`,
    `receiver.store.Paused`, `receiver.store.RateLimited`, `receiver.store.StoreUnavailable`.
    """
    try:
        return read_document(calls, order_id)
    except NotFound:
        pass
    account = calls.vtex.account.name
    if members := orders_of(calls, order_id):
        raise NotShown(
            str(IsPurchase(order_id, members)), Instead(shipment=shipment, orders=members, lead="Name the order: ")
        )
    instead = Instead(shipment=shipment, orders=[order_id], lead="If it is still to come: ", is_to_come=True)
    raise NotShown(f"VTEX account {account} does not know order {order_id}", instead)


def orders_of(calls: BackgroundCalls, group: str) -> list[str]:
    """The orders of a purchase; none where VTEX knows no such purchase. Raises as `read_document` does."""
    try:
        documents = _called(calls, lambda: calls.vtex.get_order_group(group), group)
    except NotFound:
        return []
    members = documents if isinstance(documents, list) else []
    return sorted({str(one["orderId"]) for one in members if isinstance(one, dict) and one.get("orderId")})


def shown_invoice(order: Order, shipment: str, number: str | None) -> str | None:
    """The invoice's number as VTEX writes it. Raises `NotShown`."""
    if number is None:
        return None
    found = invoices_named(order, number)
    if len(found) == 1:
        return found[0].invoice_number
    there_are: list[str] = []
    if found:
        there = f"order {order.order_id} has several invoices {number}"
        there_are = invoice_numbers_of(found)
    elif order.outputs:
        there_are = invoice_numbers_of(order.outputs)
        there = f"order {order.order_id} has no invoice {number}; it has {', '.join(there_are)}"
    else:
        there = f"order {order.order_id} has no invoice yet; one that comes is found by the rules"
    raise NotShown(there, Instead(shipment=shipment, orders=[order.order_id], invoices=there_are))


def _called(calls: BackgroundCalls, make: Callable[[], T], order_id: str) -> T:
    return calls.call(make, order_id=order_id, max_wait=MAX_WAIT)
