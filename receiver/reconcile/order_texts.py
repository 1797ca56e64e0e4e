"""PURE: the texts in which a carrier names a parcel's order, read by the rules of the endpoint and account, and the
settings that make an unclear one clear."""

import json

from adapters import ReferenceKind
from receiver.carriers.references import ORDER_KINDS
from receiver.config import Endpoint
from receiver.shipments import Known, Reason
from receiver.vtex.choice import Hold
from receiver.vtex.order_ids import Labels, OrderText, read_order_text


def order_texts(known: Known, endpoint: Endpoint, account: str) -> dict[ReferenceKind, list[OrderText]]:
    """The references that may name an order, by kind, only where there are any."""
    return {
        kind: [order_text(value, endpoint, account) for value in values]
        for kind in ORDER_KINDS
        if (values := known.values(kind))
    }


def order_text(value: str, endpoint: Endpoint, account: str) -> OrderText:
    """One text that names an order, by the rules of the endpoint and account."""
    return read_order_text(value, Labels.of(account, endpoint.order_id_affixes))


def unclear(text: OrderText) -> Hold | None:
    """Hold: a text with two ids may be of a parcel with two orders; unknown letters around an id may mean a return, or
    another store's order. Only the merchant knows."""
    if text.several:
        note = f"the carrier names {text.text}; --also names a further order of one parcel"
        return Hold(Reason.AMBIGUOUS_ORDER, note, {"orders": list(text.several)})
    if not text.unknown:
        return None
    setting = f"order_id_affixes = [{', '.join(json.dumps(word, ensure_ascii=False) for word in text.unknown)}]"
    note = f"{text.text}: {' '.join(text.unknown)} around {text.order_id}; if it says nothing, set {setting}"
    return Hold(Reason.UNKNOWN_ORDER_TEXT, note, {"orders": [text.order_id]})


def where_it_may_be(endpoint: Endpoint) -> str:
    """Where the order of a parcel may stand that names none: where the endpoint's rules looked, or else where the
    carrier's other merchants write it."""
    ruled = dict.fromkeys(rule.path for rule in endpoint.references if rule.kind in ORDER_KINDS)
    if ruled:
        return f"the endpoint's rules found none in {', '.join(ruled)}"
    fields = ", ".join(endpoint.carrier.references)
    return f"{endpoint.carrier.slug} may carry it in {fields}" if fields else ""


def rule_to_add(endpoint: Endpoint, settings: str) -> str:
    """The reference rule that says what the field of order ids holds, ready to paste."""
    fields = [rule.path for rule in endpoint.references if rule.kind == ReferenceKind.ORDER_ID]
    fields = fields or list(endpoint.carrier.references)
    path = fields[0] if len(fields) == 1 else "FIELD"
    rule = f"path = {json.dumps(path, ensure_ascii=False)}, {settings}"
    rule += f" (FIELD: the one that holds it, {' or '.join(fields)})" if len(fields) > 1 else ""
    return f"add [[endpoints.{endpoint.name}.references]] with {rule}"
