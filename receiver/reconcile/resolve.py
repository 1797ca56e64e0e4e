"""Which order a shipment belongs to: what a person or a link said, what the carrier says, what other orders taught us.
Never a guess: where two orders answer, a person decides."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from adapters import ReferenceKind
from receiver.config import Endpoint
from receiver.reconcile.order_texts import order_texts
from receiver.reconcile.plan import input_digest
from receiver.shipments import RECYCLED_AFTER, Known, Reason, ShipmentRecord, State
from receiver.shipments.numbers import normalised, same_number, spellings
from receiver.store import Index
from receiver.store.index import Name
from receiver.vtex.answers import NotFound
from receiver.vtex.choice import Hold, Wait
from receiver.vtex.client import BadSegment
from receiver.vtex.facts import SERIES_NUMBER
from receiver.vtex.nfe import issuer, key_digits, plain_number, series_and_number
from receiver.vtex.order_ids import SUFFIX, OrderText
from receiver.vtex.orders import Order

#: What orders may teach of a parcel whose carrier names no order.
_LEARNT = ("invoice_key", SERIES_NUMBER, "tracking_number")
#: Besides, where the merchant says that his invoice numbers are unique: commonly they repeat across series and sellers,
#: and the index never knows every order.
_LEARNT_IF_UNIQUE = (*_LEARNT, "invoice_number")
#: What is never used again, however long ago it was said.
_UNIQUE = ("invoice_key", SERIES_NUMBER)
#: By what a link may name a parcel.
NAMES = ("tracking_number", "shipment", "invoice_number", "invoice_key")


@dataclass(frozen=True, slots=True)
class Found:
    """The order, and the invoice where a link names one."""

    order: Order
    linked_invoice: str | None = None


class Resolver:
    """Finds the order of one claim. ``get_order`` and ``get_group`` ask VTEX; what they raise goes through, except
    that VTEX knows no such order."""

    def __init__(
        self, index: Index, account: str, *, get_order: Callable[[str], Order], get_group: Callable[[str], Any]
    ) -> None:
        self._index, self._account = index, account
        self._get_order, self._get_group = get_order, get_group
        #: Kind, value and time of each link that was read: what is decided here follows it already.
        self.links_read: set[tuple[str, str, float]] = set()

    def find(self, shipment: ShipmentRecord, known: Known, endpoint: Endpoint) -> Found | Wait | Hold:
        """The order, or why there is none."""
        if shipment.generation.assignment is not None:
            return self._order(shipment.generation.assignment.order_id)
        names = names_of(shipment.id, known, endpoint, self._account)
        found = self._linked(known, names, endpoint) or self._awaited(shipment, known, endpoint)
        if found is not None:
            return found
        found = self._named(known, endpoint)
        if found is None or (isinstance(found, Hold) and found.reason == Reason.UNSAFE_ORDER_ID):
            found = self._learnt(known, names, endpoint) or found
        return self._nowhere(known, endpoint) if found is None else found

    def _texts(self, known: Known, endpoint: Endpoint) -> dict[ReferenceKind, list[OrderText]]:
        return order_texts(known, endpoint, self._account)

    def _nowhere(self, known: Known, endpoint: Endpoint) -> Wait:
        if named := [text.text for texts in self._texts(known, endpoint).values() for text in texts]:
            return Wait(Reason.ORDER_NOT_FOUND, f"the carrier names {', '.join(named)}")
        for number in known.values(ReferenceKind.INVOICE_NUMBER):
            rows = self._index.orders_named(self._account, "invoice_number", plain_number(number))
            if rows and endpoint.invoice_numbers == "repeat":
                orders = ", ".join(row["order_id"] for row in rows[:3])
                said = f'invoice number {number} is known of {orders}; invoice_numbers = "unique" lets it decide'
                return Wait(Reason.NO_REFERENCE, said)
        fields = ", ".join(endpoint.carrier.references)
        return Wait(Reason.NO_REFERENCE, f"{endpoint.carrier.slug} may carry it in {fields}" if fields else "")

    def _awaited(self, shipment: ShipmentRecord, known: Known, endpoint: Endpoint) -> Found | None:
        """The order whose invoice is awaited: while nobody says anything new, the way to it is not gone again."""
        was, order_id = shipment.generation, shipment.generation.decision.order_id
        if was.state is not State.AWAITING_INVOICE or order_id is None:
            return None
        if was.input_digest != input_digest(shipment, known, endpoint):
            return None
        found = self._order(order_id)
        return found if isinstance(found, Found) else None

    def _linked(self, known: Known, names: Sequence[Name], endpoint: Endpoint) -> Found | Wait | Hold | None:
        # Invoice numbers repeat: where the carrier names the order, a link about the same number is another invoice's.
        repeats = endpoint.invoice_numbers == "repeat" and self._texts(known, endpoint)
        kinds = [kind for kind in NAMES if not (repeats and kind == "invoice_number")]
        stored = [(name, self._index.link_of(self._account, *name)) for name in names if name[0] in kinds]
        self.links_read |= {(*name, row["told_at"]) for name, row in stored if row}
        told = _newest_words((name, row) for name, row in stored if row)
        rows = [row for (kind, _), row in told.items() if _of_this_parcel(kind, row["told_at"], known)]
        linked = _one_order(rows, ", ".join(f"{kind} {value}" for kind, value in told))
        if linked is None or isinstance(linked, Hold):
            return linked
        invoices = sorted({row["invoice_number"] for row in rows if row["invoice_number"]})
        if len(invoices) > 1:
            return Hold(Reason.AMBIGUOUS_INVOICE, f"links name {', '.join(invoices)} of {linked}")
        found = self._order(linked)
        return replace(found, linked_invoice=next(iter(invoices), None)) if isinstance(found, Found) else found

    def _named(self, known: Known, endpoint: Endpoint) -> Found | Hold | None:
        for kind, texts in self._texts(known, endpoint).items():
            if len({text.order_id for text in texts}) > 1:
                return Hold(Reason.AMBIGUOUS_REFERENCE, f"{kind}: {', '.join(text.text for text in texts)}")
            # Where one message writes something unknown around the id, that one needs an answer.
            found = self._by_reference(kind, max(texts, key=lambda text: bool(text.unknown)))
            if not isinstance(found, Wait):
                return found
        return None

    def _learnt(self, known: Known, names: Sequence[Name], endpoint: Endpoint) -> Found | Wait | Hold | None:
        # Where the carrier names an order that is not there yet, only a key, which is unique, may name another.
        kinds = _LEARNT if endpoint.invoice_numbers == "repeat" else _LEARNT_IF_UNIQUE
        for kind in _LEARNT[:1] if self._texts(known, endpoint) else kinds:
            values = [value for its, value in names if its == kind]
            rows = [row for value in values for row in self._index.orders_named(self._account, kind, value)]
            rows = [row for row in rows if _of_this_parcel(kind, row["dated_at"], known)]
            if kind == "tracking_number":
                rows = [row for row in rows if self._shows_one_of(values, row["order_id"])]
            learnt = _one_order(rows, f"{kind} {', '.join(values)}")
            if isinstance(learnt, Hold):
                return learnt
            if learnt is not None:
                found = self._order(learnt)
                return self._of_one_issuer(found, values) if kind == SERIES_NUMBER else found
        return None

    def _of_one_issuer(self, found: Found | Wait | Hold, values: Sequence[str]) -> Found | Wait | Hold:
        """Each issuer counts its own series: where several invoice in one account, series and number name no order."""
        if not isinstance(found, Found):
            return found
        keys = [key for one in found.order.outputs if (key := key_digits(one.invoice_key))]
        for one in {issuer(key) for key in keys if "/".join(series_and_number(key)) in values}:
            if self._index.has_other_issuer(self._account, one):
                said = f"series and number {', '.join(values)}, known of {found.order.order_id}"
                return Hold(Reason.AMBIGUOUS_ORDER, f"{said}, but several issuers invoice in this account")
        return found

    def _shows_one_of(self, numbers: Sequence[str], order_id: str) -> bool:
        """What was learnt may have been corrected since: a number that is no longer there says nothing of the order."""
        found = self._order(order_id)
        shown = [one.tracking_number for one in found.order.outputs] if isinstance(found, Found) else []
        return any(same_number(one, number) for one in shown for number in numbers)

    def _by_reference(self, kind: ReferenceKind, text: OrderText) -> Found | Wait | Hold:
        if kind == ReferenceKind.SEQUENCE:
            return self._order(f"seq{text.text.removeprefix('seq')}")
        if kind == ReferenceKind.ORDER_ID:
            return self._by_id(text)
        return self._by_group(text.text)

    def _by_id(self, text: OrderText) -> Found | Wait | Hold:
        """As the carrier writes it; else VTEX's own part of it, if only labels stand around it; else by the group."""
        # VTEX decodes a slash before it routes: there is no asking for such an id.
        asks_whole = text.is_whole or "/" not in text.text
        found = self._order(text.text) if asks_whole else Wait(Reason.ORDER_NOT_FOUND, text.text)
        if isinstance(found, Wait) and text.unknown:
            return _unknown_text(text)
        if isinstance(found, Wait) and not text.is_whole:
            found = self._order(text.order_id)
        return found if not isinstance(found, Wait) or SUFFIX.search(text.order_id) else self._by_group(text.order_id)

    def _by_group(self, group: str) -> Found | Wait | Hold:
        """The order of a purchase, only if it has exactly one."""
        try:
            documents = self._get_group(group)
        except NotFound:
            return Wait(Reason.ORDER_NOT_FOUND, group)
        except BadSegment as error:
            return Hold(Reason.UNSAFE_ORDER_ID, str(error))
        members = documents if isinstance(documents, list) else []
        ids = {str(one["orderId"]) for one in members if isinstance(one, dict) and one.get("orderId")}
        if len(ids) > 1:
            return Hold(Reason.AMBIGUOUS_ORDER, f"{group} names {', '.join(sorted(ids))}")
        return self._order(ids.pop()) if ids else Wait(Reason.ORDER_NOT_FOUND, group)

    def _order(self, order_id: str) -> Found | Wait | Hold:
        try:
            return Found(self._get_order(order_id))
        except NotFound:
            return Wait(Reason.ORDER_NOT_FOUND, order_id)
        except BadSegment as error:
            return Hold(Reason.UNSAFE_ORDER_ID, str(error))


def names_of(shipment: str, known: Known, endpoint: Endpoint, account: str, orders: Collection[str] = ()) -> list[Name]:
    """Every name by which a link, an order or its hook may speak of a shipment, which was looked for at these orders:
    sorted ``(kind, value)``."""
    texts = order_texts(known, endpoint, account)
    of_orders = {("order_id", text.order_id) for text in texts.get(ReferenceKind.ORDER_ID, ())}
    of_orders |= {("order_id", order_id) for order_id in orders}
    return sorted({*own_names(shipment, known), *of_orders})


def own_names(shipment: str, known: Known) -> set[Name]:
    """The names that a shipment has no matter how its endpoint is configured."""
    names: set[Name] = {("shipment", shipment)}
    for kind in ReferenceKind:
        if kind not in (ReferenceKind.TRACKING_NUMBER, ReferenceKind.INVOICE_SERIES):
            names |= {(str(kind), value) for value in known.values(kind)}
    numbers = known.values(ReferenceKind.INVOICE_NUMBER)
    names |= {("invoice_number", plain_number(number)) for number in numbers}
    names |= {("sequence", value.removeprefix("seq")) for value in known.values(ReferenceKind.SEQUENCE)}
    names |= {("invoice_key", key_digits(value) or value) for value in known.values(ReferenceKind.INVOICE_KEY)}
    names |= {("tracking_number", written) for number in known.numbers for written in spellings(number)}
    series = known.values(ReferenceKind.INVOICE_SERIES)
    if len(series) == len(numbers) == 1:
        names.add((SERIES_NUMBER, f"{plain_number(series[0])}/{plain_number(numbers[0])}"))
    return names


def _unknown_text(text: OrderText) -> Hold:
    """Letters around an id may mean a return, or another store's order: only the merchant knows."""
    setting = f"order_id_affixes = [{', '.join(json.dumps(word, ensure_ascii=False) for word in text.unknown)}]"
    note = f"{text.text}: {' '.join(text.unknown)} around {text.order_id}; if it says nothing, set {setting}"
    return Hold(Reason.UNKNOWN_ORDER_TEXT, note, {"orders": [text.order_id]})


def _newest_words(told: Iterable[tuple[Name, Mapping[str, Any]]]) -> dict[Name, Mapping[str, Any]]:
    """The links by name. A tracking number may have been linked in two notations: the newest word about it counts."""
    newest: dict[Name, Mapping[str, Any]] = {}
    for (kind, value), row in sorted(told, key=lambda one: float(one[1]["told_at"])):
        newest[kind, normalised(value) if kind == "tracking_number" else value] = row
    return newest


def _one_order(rows: Sequence[Mapping[str, Any]], said: str) -> str | Hold | None:
    ids = sorted({row["order_id"] for row in rows})
    if len(ids) > 1:
        return Hold(Reason.AMBIGUOUS_ORDER, f"{said} belongs to {', '.join(ids)}")
    return ids[0] if ids else None


def _of_this_parcel(kind: str, at: float, known: Known) -> bool:
    """False for what was said so long before or after that it is about another parcel that bore a recycled number."""
    first = known.since or known.first_heard or known.last_heard
    if kind in _UNIQUE or first is None:
        return True
    return at > (first - RECYCLED_AFTER).timestamp() and not known.is_past(datetime.fromtimestamp(at, UTC))
