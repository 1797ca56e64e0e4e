"""Links that a carrier's own message makes: its order is one of the merchant's."""

import logging

from adapters import OrderNamed, ReferenceKind
from receiver.config import Endpoint
from receiver.store import Index, Link
from receiver.vtex.order_ids import Labels, read_order_text

log = logging.getLogger("receiver.intake")


def link_order(endpoint: Endpoint, message: OrderNamed, index: Index, *, now: float) -> None:
    """Store the link in each account that the endpoint serves. A text with unknown or reverse words links nothing: it
    may be another order. Raises `StoreUnavailable`."""
    for account in endpoint.accounts_served:
        named = read_order_text(message.order, Labels.of(account, endpoint.order_id_affixes))
        if named.unknown or named.reverse:
            log.info("order not linked, unknown words around its id: endpoint=%s", endpoint.name)
            continue
        name = (str(ReferenceKind.CARRIER_ORDER), message.carrier_order)
        index.link(account, [Link((name,), named.order_id)], now=now)
