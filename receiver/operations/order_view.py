"""One order: what we know of its parcels, and its invoices as VTEX shows them now."""

from typing import Any

from receiver.calls.background import BackgroundCalls, calls_to
from receiver.config import Config
from receiver.operations.order_check import IsPurchase, orders_of, read_document
from receiver.operations.published import published_attempt
from receiver.store import Database, OperatorQueries, Paused, RateLimited
from receiver.store.operator.fields import SHIPMENT_FIELDS
from receiver.store.operator.queries import Unknown
from receiver.store.work.invoice_owners import owners_of
from receiver.vtex.answers import NotFound, VtexError
from receiver.vtex.client import path_segment
from receiver.vtex.orders import Order, UnexpectedOrder


def order_view(config: Config, database: Database, order_id: str, *, account: str | None = None) -> dict[str, Any]:
    """``shipments`` and ``attempts`` of the order; ``status`` and ``invoices`` as VTEX shows them, or ``unread`` with
    the reason why they were not read. ``account``: where to ask, by default that of its shipments, or the only one.

    Raises `receiver.store.operator.queries.Unknown` if neither we nor VTEX know the order,
    `receiver.operations.order_check.IsPurchase` if VTEX knows it as a purchase, `receiver.vtex.client.BadSegment`,
    `receiver.store.StoreUnavailable`.
    """
    path_segment(order_id)
    try:
        stored = OperatorQueries(database).order(order_id)
    except Unknown:
        stored = {"order_id": order_id, "shipments": [], "attempts": []}
    ours = [{name: row[name] for name in SHIPMENT_FIELDS} for row in stored["shipments"]]
    accounts = list(config.accounts)
    asked = account or next((row["account"] for row in ours), accounts[0] if len(accounts) == 1 else None)
    there = _at_vtex(config, database, order_id, asked, is_ours=bool(ours))
    if not ours and not stored["attempts"] and there["unread"] is not None:
        raise Unknown(f"no parcel belongs to order {order_id}, and {there['unread']}")
    calls = [published_attempt(one) for one in stored["attempts"]]
    return {**stored, "shipments": ours, "attempts": calls, "account": asked, **there}


def _at_vtex(
    config: Config, database: Database, order_id: str, account: str | None, *, is_ours: bool
) -> dict[str, Any]:
    nothing: dict[str, Any] = {"status": None, "invoices": []}
    if account is None:
        return {**nothing, "unread": f"the account must be named, there are {', '.join(config.accounts)}"}
    if account not in config.accounts:
        return {**nothing, "unread": f"account {account} is not in the configuration"}
    calls = calls_to(config, database, account)
    try:
        order = _read(calls, order_id, is_ours=is_ours)
    except NotFound:
        return {**nothing, "unread": f"VTEX account {account} does not know it"}
    except (VtexError, UnexpectedOrder, Paused, RateLimited) as error:
        return {**nothing, "unread": f"VTEX did not answer: {error}"}
    return {"status": order.status, "invoices": _invoices(database, account, order), "unread": None}


def _read(calls: BackgroundCalls, order_id: str, *, is_ours: bool) -> Order:
    """The order. An id that no parcel of ours has is looked up as a purchase, too: people mistake one for the other."""
    try:
        return calls.vtex.read(read_document(calls, order_id))
    except NotFound:
        if not is_ours and (orders := orders_of(calls, order_id)):
            raise IsPurchase(order_id, orders) from None
        raise


def _invoices(database: Database, account: str, order: Order) -> list[dict[str, Any]]:
    """The order's invoices and returns; ``shipment``: the parcel of ours whose tracking the invoice carries."""
    owners = owners_of(database, account, order.order_id)
    here = {number: owner.shipment for number, owner in owners.items() if not owner.moved}
    return [
        {
            "invoice_number": one.invoice_number,
            "type": one.kind,
            "value": one.value,
            "invoice_key": one.invoice_key,
            "issued_at": one.issued_at,
            "tracking_number": one.tracking_number,
            "tracking_url": one.tracking_url,
            "courier": one.courier,
            "shipment": here.get(one.invoice_number),
        }
        for one in order.packages
    ]
