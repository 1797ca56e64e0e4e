"""Every name by which a link, an order or its hook may refer to a shipment: its own, and those of the order that its
carrier names, as the endpoint's settings read them."""

from collections.abc import Collection

from adapters import ReferenceKind
from receiver.config import Endpoint
from receiver.reconcile.names import own_names
from receiver.reconcile.order_texts import order_texts
from receiver.shipments import Known
from receiver.store.finding.bearers import Name
from receiver.vtex.facts import MARKETPLACE_ID
from receiver.vtex.order_ids import SUFFIX, OrderText


def names_of(shipment: str, known: Known, endpoint: Endpoint, account: str, orders: Collection[str] = ()) -> list[Name]:
    """Every name by which a link, an order or its hook may refer to a shipment: sorted ``(kind, value)``. ``orders``
    are the ids that were asked for."""
    texts = order_texts(known, endpoint, account)
    of_orders = {name for order_id in orders for name in _asked_as(order_id)}
    for kind, named in texts.items():
        for text in named:
            of_orders |= {("sequence", text.sequence)} if text.sequence else set()
            if kind == ReferenceKind.ORDER_ID:
                of_orders |= {("order_id", one) for one in (text.order_id, *text.several)}
                of_orders |= {(MARKETPLACE_ID, one) for one in sold_as(text)}
            elif kind == ReferenceKind.ORDER_GROUP:
                of_orders |= {("order_group", SUFFIX.sub("", one)) for one in (text.order_id, *text.several)}
    return sorted({*own_names(shipment, known), *of_orders})


def _asked_as(text: str) -> set[Name]:
    """What an order may be called that was asked for by this text. A link may have its purchase, its sequence, or its
    id at the store that sold it."""
    names: set[Name] = {("order_id", text)}
    if not SUFFIX.search(text):
        names |= {("order_group", text), ("sequence", text.removeprefix("seq")), (MARKETPLACE_ID, text)}
    return names


def sold_as(text: OrderText) -> list[str]:
    """The ids that an order may have at the store that sold it, where the carrier writes this text."""
    return list(dict.fromkeys(filter(None, (text.text, text.order_id, text.sequence))))
