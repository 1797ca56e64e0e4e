"""The fields of a row in every list, of the API, the command line and files; and the conditions that lists share."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select

from receiver.shipments.state import STUCK
from receiver.store.tables import fetches, shipments, waits

#: The fields of a shipment in a list; its story has the rest.
SHIPMENT_FIELDS = (
    *("id", "endpoint", "account", "state", "reason", "note", "tracking_number", "order_id", "invoice_number", "rule"),
    *("assigned_order", "assigned_invoice", "due_at", "first_at", "changed_at"),
)
#: The order that a stuck shipment without one waits for, where it is one: an index has it for each row that is listed.
_AWAITED = "awaited_order"
#: The same in a list.
LISTED_FIELDS = (*SHIPMENT_FIELDS, _AWAITED)
#: What did not get in.
REJECT_FIELDS = ("id", "at", "endpoint", "reason", "count", "method", "target", "headers")
#: What is kept of a fetch and is the queue's own, or may hold a secret.
_HIDDEN = ("headers", "token", "update_count", "wanted", "lease_until", "quiet_until")
FETCH_FIELDS = tuple(column.name for column in fetches.c if column.name not in _HIDDEN)
#: A delivery without its body.
DELIVERY_FIELDS = (
    *("id", "endpoint", "carrier", "received_at", "outcome", "reason", "method", "target", "headers", "digest"),
    *("proof", "version", "notice", "unknown_words"),
)


def listed_shipment() -> list[Any]:
    """The columns of a shipment in a list: `LISTED_FIELDS`."""
    s, w = shipments.c, waits.c
    one = case((func.min(w.value) == func.max(w.value), func.min(w.value)))
    awaited = select(one).where(w.shipment == s.id, w.kind == "order_id").correlate(shipments).scalar_subquery()
    waits_for_it = and_(s.order_id.is_(None), s.state.in_(STUCK))
    return [*(s[name] for name in SHIPMENT_FIELDS), case((waits_for_it, awaited)).label(_AWAITED)]


def equal(wanted: Mapping[Any, str | None]) -> list[ColumnElement[bool]]:
    """The columns that must have a value; ``None``: any."""
    return [column == value for column, value in wanted.items() if value is not None]


def within(column: Any, since: float | None, until: float | None) -> list[ColumnElement[bool]]:
    """The bounds of a time, from ``since`` on and before ``until``; ``None``: no bound."""
    bounds = (since is not None and column >= since, until is not None and column < until)
    return [bound for bound in bounds if bound is not False]
