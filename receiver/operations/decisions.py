"""A person's decisions about a shipment. VTEX is asked first, so that a typing error does not move a parcel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from receiver.calls.background import BackgroundCalls
from receiver.reconcile.advice import assign_command
from receiver.shipments import Sent
from receiver.store import OperatorQueries, Paused, RateLimited
from receiver.store.companions import Place, companion_id
from receiver.vtex.answers import NotFound, VtexError
from receiver.vtex.choice import invoices_named, numbers_of
from receiver.vtex.orders import Order, UnexpectedOrder

T = TypeVar("T")

#: How long a person waits for the account's rate limit, in seconds.
MAX_WAIT = 10.0


class NotShown(Exception):
    """VTEX does not show that order or invoice. The message says what VTEX has, and which command to use instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """What was stored. ``unchecked``: why VTEX was not asked about it, ``None`` where VTEX shows the order and the
    invoice. ``stays``: what we wrote elsewhere before, and VTEX still has. ``companions``: the
    shipments that stand for the other orders."""

    order_id: str
    invoice_number: str | None
    unchecked: str | None
    stays: Sent | None
    companions: tuple[str, ...] = ()


def assign(
    queries: OperatorQueries,
    shipment: str,
    order_id: str,
    invoice_number: str | None,
    *,
    also: Sequence[str] = (),
    calls: BackgroundCalls | str,
    now: float,
) -> Assigned:
    """Store that the shipment belongs to the order, and to the invoice, if VTEX shows them. Both must be able to stand
    in a URL. ``also``: further orders that the parcel serves; each is written, too. ``calls`` reach the shipment's
    account; a text says why VTEX is not asked.

    The ids are stored as VTEX writes them, or as given if VTEX does not answer. Raises `NotShown`,
    `receiver.store.operator.Unknown`, `receiver.store.StoreUnavailable`.
    """
    unchecked = calls if isinstance(calls, str) else None
    if not isinstance(calls, str):
        try:
            order = _order(calls, shipment, order_id)
            order_id, invoice_number = order.order_id, _invoice(order, shipment, invoice_number)
            also = [_order(calls, shipment, one).order_id for one in also]
        except (VtexError, UnexpectedOrder, Paused, RateLimited) as error:
            unchecked = f"VTEX did not answer: {error}"
    others = tuple(Place(one) for one in dict.fromkeys(also) if one != order_id)
    stays = queries.assign(shipment, order_id=order_id, invoice_number=invoice_number, also=others, now=now)
    companions = tuple(companion_id(shipment, place.order_id) for place in others)
    return Assigned(
        order_id=order_id, invoice_number=invoice_number, unchecked=unchecked, stays=stays, companions=companions
    )


def _order(calls: BackgroundCalls, shipment: str, order_id: str) -> Order:
    try:
        return calls.vtex.read(_called(calls, lambda: calls.vtex.get_order(order_id), order_id))
    except NotFound:
        pass
    account = calls.vtex.account.name
    if members := _members(calls, order_id):
        command = assign_command(shipment, members[0])
        several = f"   (or {', '.join(members[1:])})" if members[1:] else ""
        raise NotShown(f"{order_id} is a purchase of {', '.join(members)}. Name the order: {command}{several}")
    command = f"{assign_command(shipment, order_id)} --unseen"
    raise NotShown(f"VTEX account {account} does not know order {order_id}. If it is still to come: {command}")


def _members(calls: BackgroundCalls, group: str) -> list[str]:
    """The orders of a purchase; none if VTEX does not know the purchase."""
    try:
        documents = _called(calls, lambda: calls.vtex.get_order_group(group), group)
    except NotFound:
        return []
    members = documents if isinstance(documents, list) else []
    return sorted({str(one["orderId"]) for one in members if isinstance(one, dict) and one.get("orderId")})


def _invoice(order: Order, shipment: str, number: str | None) -> str | None:
    """The invoice's number as VTEX writes it. Raises `NotShown`."""
    if number is None:
        return None
    found = invoices_named(order, number)
    if len(found) == 1:
        return found[0].invoice_number
    if found:
        there = f"order {order.order_id} has several invoices {number}"
        command = assign_command(shipment, order.order_id, numbers_of(found))
    elif order.outputs:
        there = f"order {order.order_id} has no invoice {number}; it has {', '.join(numbers_of(order.outputs))}"
        command = assign_command(shipment, order.order_id, numbers_of(order.outputs))
    else:
        there = f"order {order.order_id} has no invoice yet; one that comes is found by the rules"
        command = assign_command(shipment, order.order_id)
    raise NotShown(f"{there}. {command}")


def _called(calls: BackgroundCalls, make: Callable[[], T], order_id: str) -> T:
    return calls.call(make, order_id=order_id, max_wait=MAX_WAIT)
