"""Which order a shipment belongs to: what a person or a link said, what the carrier says, what other orders taught us.
Never a guess: where two orders answer, a person decides."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters import ReferenceKind
from receiver.config import Endpoint
from receiver.plan import basis, order_ids
from receiver.shipments import RECYCLED_AFTER, Known
from receiver.store import Claim, Queue
from receiver.vtex.answers import NotFound
from receiver.vtex.client import BadSegment
from receiver.vtex.orders import Hold, Order, Wait, key_digits

#: An order id ends in the seller's place in the purchase; what lacks it may be the order group.
_SUFFIX = re.compile(r"-\d{2}$")
#: What the index may tell of a parcel whose carrier names no order. An invoice number alone may not: it repeats across
#: series and sellers, and the index never knows every order.
_LEARNT = (ReferenceKind.INVOICE_KEY, ReferenceKind.TRACKING_NUMBER)


@dataclass(frozen=True, slots=True)
class Found:
    """The order, and the invoice where a link names one."""

    order: Order
    linked_invoice: str | None = None


class Resolver:
    """Finds the order of one claim. ``get_order`` and ``get_group`` ask VTEX; what they raise goes through, except
    that VTEX knows no such order."""

    def __init__(
        self, queue: Queue, account: str, *, get_order: Callable[[str], Order], get_group: Callable[[str], Any]
    ) -> None:
        self._queue, self._account = queue, account
        self._get_order, self._get_group = get_order, get_group

    def find(self, claim: Claim, known: Known, endpoint: Endpoint) -> Found | Wait | Hold:
        """The order, or why there is none."""
        if claim.assigned_order is not None:
            return self._order(claim.assigned_order)
        found = self._linked(known) or self._awaited(claim, known)
        if found is not None:
            return found
        for look in (self._named, self._learnt):
            found = look(known)
            if found is not None:
                return found
        return _nowhere(known, endpoint)

    def _awaited(self, claim: Claim, known: Known) -> Found | None:
        """The order whose invoice is awaited: while nobody says anything new, the way to it is not gone again."""
        if claim.state != "awaiting_invoice" or claim.order_id is None or claim.basis != basis(claim, known):
            return None
        found = self._order(claim.order_id)
        return found if isinstance(found, Found) else None

    def _linked(self, known: Known) -> Found | Wait | Hold | None:
        linked = self._in_index(ReferenceKind.TRACKING_NUMBER, known, source="link")
        if linked is None or isinstance(linked, Hold):
            return linked
        order_id, invoice = linked
        found = self._order(order_id)
        return replace(found, linked_invoice=invoice) if isinstance(found, Found) else found

    def _named(self, known: Known) -> Found | Hold | None:
        for kind, values in order_ids(known).items():
            if len(values) > 1:
                return Hold("ambiguous_reference", f"{kind}: {', '.join(values)}")
            found = self._by_reference(kind, values[0])
            if not isinstance(found, Wait):
                return found
        return None

    def _learnt(self, known: Known) -> Found | Wait | Hold | None:
        # Where the carrier names an order that is not there yet, only a key, which is unique, may name another.
        for kind in _LEARNT[:1] if order_ids(known) else _LEARNT:
            learnt = self._in_index(kind, known, source="order")
            if isinstance(learnt, Hold):
                return learnt
            if learnt is not None:
                return self._order(learnt[0])
        return None

    def _by_reference(self, kind: ReferenceKind, value: str) -> Found | Wait | Hold:
        if kind == ReferenceKind.SEQUENCE:
            return self._order(f"seq{value.removeprefix('seq')}")
        if kind == ReferenceKind.ORDER_ID:
            found = self._order(value)
            if not isinstance(found, Wait) or _SUFFIX.search(value):
                return found
        return self._by_group(value)

    def _by_group(self, group: str) -> Found | Wait | Hold:
        """The order of a purchase, only if it has exactly one."""
        try:
            documents = self._get_group(group)
        except NotFound:
            return Wait("order_not_found", group)
        except BadSegment as error:
            return Hold("unsafe_order_id", str(error))
        members = documents if isinstance(documents, list) else []
        ids = {str(one["orderId"]) for one in members if isinstance(one, dict) and one.get("orderId")}
        if len(ids) > 1:
            return Hold("ambiguous_order", f"{group} names {', '.join(sorted(ids))}")
        return self._order(ids.pop()) if ids else Wait("order_not_found", group)

    def _order(self, order_id: str) -> Found | Wait | Hold:
        try:
            return Found(self._get_order(order_id))
        except NotFound:
            return Wait("order_not_found", order_id)
        except BadSegment as error:
            return Hold("unsafe_order_id", str(error))

    def _in_index(self, kind: ReferenceKind, known: Known, *, source: str) -> tuple[str, str | None] | Hold | None:
        """The one order the index knows for the shipment's number, key or tracking number."""
        values = known.values(kind)
        if kind == ReferenceKind.TRACKING_NUMBER and known.tracking_number:
            values = sorted({*values, known.tracking_number})
        if kind == ReferenceKind.INVOICE_KEY:
            values = [digits for value in values if (digits := key_digits(value))]
        rows = [row for value in values for row in self._queue.orders_named(self._account, kind, value)]
        rows = [row for row in rows if row["source"] == source and _of_this_parcel(row, known)]
        ids = {row["order_id"] for row in rows}
        if len(ids) > 1:
            return Hold("ambiguous_order", f"{kind} {', '.join(values)} belongs to {', '.join(sorted(ids))}")
        return (rows[0]["order_id"], rows[0]["invoice_number"]) if rows else None


def _of_this_parcel(row: Mapping[str, Any], known: Known) -> bool:
    """False for what was learnt so long ago that it is about the parcel that bore a recycled number before."""
    heard = known.since or known.last_heard
    return heard is None or row.get("learnt_at", math.inf) > (heard - RECYCLED_AFTER).timestamp()


def _nowhere(known: Known, endpoint: Endpoint) -> Wait:
    named = [value for values in order_ids(known).values() for value in values]
    if named:
        return Wait("order_not_found", f"the carrier names {', '.join(named)}")
    fields = ", ".join(endpoint.carrier.references)
    return Wait("no_reference", f"{endpoint.carrier.slug} may carry it in {fields}" if fields else "")
