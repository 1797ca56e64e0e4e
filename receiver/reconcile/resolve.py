"""Finds the order of a shipment: from a person's assignment, a link, the carrier's references, or the index of orders.
It never guesses: if two orders fit, a person decides."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from adapters import ReferenceKind
from receiver.config import Endpoint
from receiver.reconcile.accounts import SoldElsewhere
from receiver.reconcile.every_name import names_of, sold_as
from receiver.reconcile.names import UNIQUE, is_of_this_parcel
from receiver.reconcile.order_texts import order_text, order_texts, rule_to_add, unclear, where_it_may_be
from receiver.reconcile.own_links import OwnLinks
from receiver.reconcile.plan import input_digest
from receiver.shipments import Known, Reason, ShipmentRecord, State
from receiver.shipments.numbers import is_among, numbers_in
from receiver.store import Index, Place
from receiver.vtex.answers import NotFound
from receiver.vtex.choice import Clues, Hold, Wait, bears_key, bears_parcel
from receiver.vtex.client import BadSegment
from receiver.vtex.facts import MARKETPLACE_ID, SERIES_NUMBER
from receiver.vtex.nfe import issuer, plain_key, plain_number, series_and_number
from receiver.vtex.order_ids import SUFFIX, OrderText
from receiver.vtex.orders import Order, UnexpectedOrder, read_order

#: Index look-ups for a parcel whose carrier names no order.
_INDEXED = ("invoice_key", SERIES_NUMBER, "tracking_number")
#: The same plus invoice numbers, if the merchant says that they are unique. Usually they repeat across series and
#: sellers, and the index never knows every order.
_INDEXED_IF_UNIQUE = (*_INDEXED, "invoice_number")
#: Reasons why the carrier's reference does not lead to a certain order. A key in the index still may.
_A_KEY_DECIDES = (Reason.UNSAFE_ORDER_ID, Reason.UNCONFIRMED_SEQUENCE, Reason.INVOICE_NOT_THERE)
#: The most orders that are read to see which of them a parcel belongs to.
_MOST_READ = 4


@dataclass(frozen=True, slots=True)
class Found:
    """The order, and the invoice if a link names one; ``linked_by``: the names of the links that led to it."""

    order: Order
    linked_invoice: str | None = None
    linked_by: str | None = None


class Resolver:
    """Finds the order of one claim. ``former`` is where the parcels are that this one stands in for. ``get_order`` and
    ``get_group`` ask VTEX. Their errors are passed on, except for an order that VTEX does not know."""

    def __init__(
        self,
        shipment: ShipmentRecord,
        known: Known,
        endpoint: Endpoint,
        index: Index,
        *,
        former: Sequence[Place] = (),
        get_order: Callable[[str], Order],
        get_group: Callable[[str], Any],
    ) -> None:
        self._shipment, self._known, self._endpoint, self._index = shipment, known, endpoint, index
        self._get_order, self._get_group, self._former = get_order, get_group, former
        self._account = shipment.account
        #: If another account sold the order, only its id there may name it here: each account has its own numbers.
        self._sold = SoldElsewhere.of(shipment.generation.decision, shipment.account)
        self._texts = order_texts(known, endpoint, self._account)
        self._names = names_of(shipment.id, known, endpoint, self._account)
        self._clues = Clues.of(known, known.tracking_number)
        #: The links that were read: the decision has heard of them.
        self.links = OwnLinks()
        #: The other orders that the parcel serves, by the links that lead it; ``None`` where it has no link at all.
        self.also: tuple[Place, ...] | None = None

    def find(self) -> Found | Wait | Hold:
        """The order, or why none was found."""
        assigned = self._shipment.generation.assignment
        if assigned is not None:
            if self._shipment.companion_of is None:
                self.links = self._own_links()
                self.also = self.links.others(assigned.order_id)
            at_seller = self._by_carrier() if assigned.by_link and self._sold else self._order(assigned.order_id)
            return self._not_found() if at_seller is None else at_seller
        found = self._by_link() or self._by_replaced_parcel()
        if found is not None:
            return found
        found = self._by_awaited_invoice() or self._by_carrier()
        if found is None or (not isinstance(found, Found) and found.reason in _A_KEY_DECIDES):
            found = self._by_index() or found
        return self._not_found() if found is None else self._with_its_twins(found)

    def _with_its_twins(self, found: Found | Wait | Hold) -> Found | Wait | Hold:
        """The order that was found, with the invoice of our other shipments of this parcel, where its carrier names
        none: another invoice may still show the number, where it was by mistake."""
        is_named = bool(self._clues.invoice_numbers or self._clues.invoice_keys)
        if is_named or not isinstance(found, Found) or found.linked_invoice or len(found.order.outputs) < 2:
            return found
        led = [row for row in self._ours if row["is_led"] and row["order_id"] == found.order.order_id]
        invoices = {one.invoice_number for one in found.order.outputs} & {row["invoice_number"] for row in led}
        return replace(found, linked_invoice=invoices.pop()) if len(invoices) == 1 else found

    @cached_property
    def _ours(self) -> list[dict[str, Any]]:
        """Where our other shipments of this parcel are."""
        ours = self._index.orders_of_ours(self._account, self._shipment.id, self._known.numbers)
        return [row for row in ours if is_of_this_parcel("tracking_number", row["dated_at"], self._known)]

    def _not_found(self) -> Wait:
        if self._sold is not None:
            said = f"order {self._sold.order_id} of {self._sold.via[-1]}; {self._account} knows it once its hook, or"
            return Wait(Reason.AWAITS_SELLER, f"{said} receiver index, has read its order")
        if named := [text.text for texts in self._texts.values() for text in texts]:
            return Wait(Reason.ORDER_NOT_FOUND, f"the carrier names {', '.join(named)}")
        for number in self._known.values(ReferenceKind.INVOICE_NUMBER):
            rows = self._index.orders_named(self._account, "invoice_number", plain_number(number))
            if rows and self._endpoint.invoice_numbers == "repeat":
                orders = ", ".join(row["order_id"] for row in rows[:3])
                said = f'invoice number {number} is known of {orders}; invoice_numbers = "unique" lets it decide'
                return Wait(Reason.NO_REFERENCE, said)
        return Wait(Reason.NO_REFERENCE, where_it_may_be(self._endpoint))

    def _by_awaited_invoice(self) -> Found | None:
        """The order whose invoice is awaited. Without news, the order need not be found again."""
        stored, order_id = self._shipment.generation, self._shipment.generation.decision.order_id
        if stored.state is not State.AWAITING_INVOICE or order_id is None:
            return None
        if stored.input_digest != input_digest(self._shipment, self._known, self._endpoint):
            return None
        found = self._order(order_id)
        return found if isinstance(found, Found) else None

    def _by_link(self) -> Found | Wait | Hold | None:
        self.links = links = self._own_links()
        linked = _one_order(links.rows, links.said)
        self.also = links.others(linked if isinstance(linked, str) else None)
        if linked is None or isinstance(linked, Hold):
            return linked
        if len(links.invoices) > 1:
            return Hold(Reason.AMBIGUOUS_INVOICE, f"links name {', '.join(links.invoices)} of {linked}")
        found = self._by_reference(ReferenceKind.ORDER_ID, order_text(linked, self._endpoint, self._account))
        if isinstance(found, Found):
            return replace(found, linked_invoice=next(iter(links.invoices), None), linked_by=links.said)
        if isinstance(found, Hold) and found.reason is Reason.UNCONFIRMED_SEQUENCE:  # no rule for a field helps
            (order_id,) = found.evidence["orders"]
            return replace(found, note=f"a link names {linked}, a short number of order {order_id}; link its whole id")
        return found

    def _own_links(self) -> OwnLinks:
        # Invoice numbers repeat: if the carrier names the order, such a link may be about another invoice.
        lead = self._endpoint.invoice_numbers != "repeat" or not self._texts
        return OwnLinks.of(self._index, self._account, self._names, self._known, invoice_numbers_lead=lead)

    def _by_replaced_parcel(self) -> Found | Wait | Hold | None:
        """The order and the invoice of the parcel that this one stands in for."""
        if not self._former:
            return None
        orders = {place.order_id for place in self._former}
        if len(orders) > 1:
            return _ambiguous(orders, "the parcel that this one replaces")
        invoices = {place.invoice_number for place in self._former if place.invoice_number}
        found = self._order(orders.pop())
        invoice = invoices.pop() if len(invoices) == 1 else None
        return replace(found, linked_invoice=invoice) if isinstance(found, Found) else None

    # -- what the carrier says --------------------------------------------------------------------------------------

    def _by_carrier(self) -> Found | Wait | Hold | None:
        if self._sold is not None:
            found = self._by_marketplace_id([self._sold.order_id])
            return None if _is_not_found(found) else found
        for kind, texts in self._texts.items():
            if len({text.order_id for text in texts}) > 1:
                return Hold(Reason.AMBIGUOUS_REFERENCE, f"{kind}: {', '.join(text.text for text in texts)}")
            # If one message has unknown words around the id, that message needs a person's answer.
            found = self._by_reference(kind, max(texts, key=lambda text: bool(text.unknown)))
            if not _is_not_found(found):
                return found
        return None

    def _by_reference(self, kind: ReferenceKind, text: OrderText) -> Found | Wait | Hold:
        if kind == ReferenceKind.SEQUENCE:
            return self._order(f"seq{text.sequence or text.text.removeprefix('seq')}")
        if kind == ReferenceKind.ORDER_ID:
            found = self._by_id(text)
            return self._by_sale(text) if _is_not_found(found) else found
        return self._by_named_group(text)

    def _by_id(self, text: OrderText) -> Found | Wait | Hold:
        """By the text as the carrier writes it; else by VTEX's part, if only labels surround it; else by group."""
        # VTEX decodes a slash before it routes, so such an id cannot be asked for.
        asks_whole = "/" not in text.text or (text.is_whole and text.sequence is None)
        found = self._order(text.text) if asks_whole else Wait(Reason.ORDER_NOT_FOUND, text.text)
        if not isinstance(found, Wait):
            return found
        if (hold := unclear(text)) is not None:
            return hold
        if text.sequence is not None:
            return self._by_bare_sequence(text.sequence)
        if not text.is_whole:
            found = self._order(text.order_id)
        return found if not isinstance(found, Wait) or SUFFIX.search(text.order_id) else self._by_group(text.order_id)

    def _by_bare_sequence(self, number: str) -> Found | Wait | Hold:
        """Digits as short as a sequence are only a hint: something else of the parcel must be on the order."""
        found = self._order(f"seq{number}")
        ruled = {value.removeprefix("seq") for value in self._known.values(ReferenceKind.SEQUENCE)}
        if not isinstance(found, Found) or number in ruled or bears_parcel(found.order, self._clues):
            return found
        order, clues = found.order, self._clues
        if not order.is_complete and (clues.invoice_numbers or clues.invoice_keys):
            return Wait(
                Reason.INVOICE_NOT_THERE, f"{number} is the sequence of {order.order_id}, its invoice is not there"
            )
        return self._unconfirmed(f"{number} is the sequence of order {order.order_id}", order, 'is = "sequence"')

    def _unconfirmed(self, said: str, order: Order, settings: str) -> Hold:
        """Hold: a short number is only a hint, and nothing else of the parcel is on the order that has it."""
        note = f"{said}; if the field always holds it, {rule_to_add(self._endpoint, settings)}"
        return Hold(Reason.UNCONFIRMED_SEQUENCE, note, {"orders": [order.order_id]})

    def _by_named_group(self, text: OrderText) -> Found | Wait | Hold:
        """By the group as the carrier writes it; else by VTEX's part, which may be an order's whole id."""
        found = self._by_group(text.text)
        if not _is_not_found(found):
            return found
        if (hold := unclear(text)) is not None:
            return hold
        if SUFFIX.search(text.order_id):
            return self._order(text.order_id)
        return found if text.is_whole else self._by_group(text.order_id)

    def _by_group(self, group: str) -> Found | Wait | Hold:
        """The order of a purchase: the only one, or the one with the parcel's invoice or number."""
        try:
            documents = self._get_group(group)
        except NotFound:
            return Wait(Reason.ORDER_NOT_FOUND, group)
        except BadSegment as error:
            return Hold(Reason.UNSAFE_ORDER_ID, str(error))
        members = {order.order_id: order for order in _orders(documents)}
        if not members:
            return Wait(Reason.ORDER_NOT_FOUND, group)
        return self._one_of(list(members.values()), group)

    def _by_sale(self, text: OrderText) -> Found | Wait | Hold:
        """By the id at the store that sold the order. An ERP's own number may be as short as some stores' ids."""
        found = self._by_marketplace_id(sold_as(text))
        if not isinstance(found, Found) or not text.is_short or bears_parcel(found.order, self._clues):
            return found
        order_id = found.order.order_id
        template = f'is = "order_id", template = "{order_id.partition("-")[0]}-{{}}"'
        return self._unconfirmed(f"{text.text} is order {order_id} at its marketplace", found.order, template)

    def _by_marketplace_id(self, ids: Sequence[str]) -> Found | Wait | Hold:
        """An order that another store sold, by any spelling of its id there. The index knows it from orders that were
        read."""
        rows = [row for one in ids for row in self._index.orders_named(self._account, MARKETPLACE_ID, one)]
        order_ids = sorted({row["order_id"] for row in rows})
        if not order_ids:
            return Wait(Reason.ORDER_NOT_FOUND, ids[0])
        if len(order_ids) > _MOST_READ:
            return _ambiguous(order_ids, ids[0])
        read = [self._order(order_id) for order_id in order_ids]
        orders = [found.order for found in read if isinstance(found, Found)]
        return self._one_of(orders, ids[0]) if orders else read[0]

    def _one_of(self, orders: Sequence[Order], said: str) -> Found | Wait | Hold:
        """Of several orders, the only one with the parcel's key, invoice number or tracking number; else the only one
        not cancelled."""
        if len(orders) == 1:
            return self._order(orders[0].order_id)
        indexed = {row["order_id"] for kind in UNIQUE for row in self._rows(kind)}
        ways = (
            [order for order in orders if bears_key(order, self._clues)],
            [order for order in orders if bears_parcel(order, self._clues)],
            [order for order in orders if order.order_id in indexed],
        )
        bearing = next((found for found in ways if found), orders)
        live = [order for order in bearing if not order.is_cancelled]
        for fitting in (bearing, live):
            if len(fitting) == 1:
                return self._order(fitting[0].order_id)
        return _ambiguous([order.order_id for order in live or orders], said)

    # -- what orders taught -----------------------------------------------------------------------------------------

    def _by_index(self) -> Found | Wait | Hold | None:
        # If the carrier names an order that is not there yet, only a unique key may lead to another order.
        kinds = _INDEXED if self._endpoint.invoice_numbers == "repeat" else _INDEXED_IF_UNIQUE
        for kind in _INDEXED[:1] if self._texts else kinds:
            values, rows = self._values(kind), self._rows(kind)
            if kind == "tracking_number":
                rows = self._showing(rows)
            indexed = _one_order(rows, f"{kind} {', '.join(values)}")
            if isinstance(indexed, Hold):
                return indexed
            if indexed is not None:
                found = self._order(indexed)
                return self._of_one_issuer(found, values) if kind == SERIES_NUMBER else found
        return None

    def _values(self, kind: str) -> list[str]:
        return [value for its, value in self._names if its == kind]

    def _rows(self, kind: str) -> list[dict[str, Any]]:
        """The index's rows for this parcel's names of one kind."""
        rows = [row for value in self._values(kind) for row in self._index.orders_named(self._account, kind, value)]
        return [row for row in rows if is_of_this_parcel(kind, row["dated_at"], self._known)]

    def _showing(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The index's rows of the parcel's numbers whose orders still show one; else those of our other shipments with
        these numbers. Where one of these was written, or a person says that it belongs, an invoice that shows its
        number elsewhere is one where it was by mistake."""
        numbers, led = self._known.numbers, {row["order_id"] for row in self._ours if row["is_led"]}
        rows = [row for row in rows if row["order_id"] in led or not led]
        if shown := [row for row in rows if self._shows_one_of(numbers, row["order_id"])]:
            return shown
        there = [(row, [row["tracking_number"]] if row["tracking_number"] else numbers) for row in self._ours]
        return [row for row, its in there if self._shows_one_of(its, row["order_id"])]

    def _of_one_issuer(self, found: Found | Wait | Hold, values: Sequence[str]) -> Found | Wait | Hold:
        """Each issuer has its own series. If several invoice in one account, hold: series and number may be
        ambiguous."""
        if not isinstance(found, Found):
            return found
        keys = [key for one in found.order.outputs if (key := plain_key(one.invoice_key))]
        for one in {issuer(key) for key in keys if "/".join(series_and_number(key)) in values}:
            if self._index.has_other_issuer(self._account, one):
                said = f"series and number {', '.join(values)}, known of {found.order.order_id}"
                return Hold(Reason.AMBIGUOUS_ORDER, f"{said}, but several issuers invoice in this account")
        return found

    def _shows_one_of(self, numbers: Sequence[str], order_id: str) -> bool:
        """Whether the order still shows one of the numbers. It may have been corrected since the index read it."""
        outputs = found.order.outputs if isinstance(found := self._order(order_id), Found) else []
        shown = [part for one in outputs for part in numbers_in(one.tracking_number)]
        return any(is_among(part, shown) for number in numbers for part in numbers_in(number))

    def _order(self, order_id: str) -> Found | Wait | Hold:
        try:
            return Found(self._get_order(order_id))
        except NotFound:
            return Wait(Reason.ORDER_NOT_FOUND, order_id)
        except BadSegment as error:
            return Hold(Reason.UNSAFE_ORDER_ID, str(error))


def _one_order(rows: Sequence[Mapping[str, Any]], said: str) -> str | Hold | None:
    ids = sorted({row["order_id"] for row in rows})
    return _ambiguous(ids, said) if len(ids) > 1 else next(iter(ids), None)


def _ambiguous(order_ids: Collection[str], said: str) -> Hold:
    ids = sorted(order_ids)
    return Hold(Reason.AMBIGUOUS_ORDER, f"{said} belongs to {', '.join(ids)}", {"orders": ids})


def _is_not_found(found: Found | Wait | Hold) -> bool:
    return isinstance(found, Wait) and found.reason is Reason.ORDER_NOT_FOUND


def _orders(documents: Any) -> Iterator[Order]:
    """The readable orders in VTEX's list for a purchase."""
    for document in documents if isinstance(documents, list) else ():
        with suppress(UnexpectedOrder):
            yield read_order(document)
