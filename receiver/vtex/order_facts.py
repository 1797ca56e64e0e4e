"""PURE: reads from an order the facts that it adds to the index."""

from collections import Counter

from receiver.shipments.numbers import normalised
from receiver.vtex.facts import CANCELLED_ORDER, ISSUER, MARKETPLACE_ID, SERIES_NUMBER, TRACKED, Fact
from receiver.vtex.nfe import issuer, plain_key, plain_number, series_and_number
from receiver.vtex.order_ids import external_id
from receiver.vtex.orders import Order


def index_facts(order: Order) -> list[Fact]:
    """The facts of an order for the index, without returns."""
    facts = [
        Fact(kind, value, order.order_id)
        for kind, value in (("sequence", order.sequence), ("order_group", order.group))
        if value
    ]
    sold_as = dict.fromkeys([order.marketplace_order_id, external_id(order.order_id)])
    facts += [Fact(MARKETPLACE_ID, value, order.order_id) for value in sold_as if value not in (None, order.order_id)]
    if order.is_cancelled:
        facts.append(Fact(CANCELLED_ORDER, order.order_id, order.order_id))
    shown = Counter(normalised(package.tracking_number) for package in order.outputs)
    for package in order.outputs:
        issued_at = order.created_at if package.issued_at is None else package.issued_at
        of = (order.order_id, package.invoice_number or None, issued_at)
        if package.invoice_number:
            facts.append(Fact("invoice_number", plain_number(package.invoice_number), *of))
        if key := plain_key(package.invoice_key):
            facts.append(Fact("invoice_key", key, *of))
            facts.append(Fact(SERIES_NUMBER, "/".join(series_and_number(key)), *of))
            facts.append(Fact(ISSUER, issuer(key), *of))
        if number := normalised(package.tracking_number):
            is_dated = issued_at is not None  # carriers use numbers again: one without a date could be of years ago
            if is_dated:
                facts.append(Fact("tracking_number", number, *of))
            if package.invoice_number and (shown[number] > 1 or not is_dated):
                facts.append(Fact(TRACKED, package.invoice_number, *of))
    # Databases refuse a NUL or half a surrogate pair, and no carrier sends one.
    return [fact for fact in facts if f"{fact.value}{fact.order_id}{fact.invoice_number or ''}".isprintable()]
