"""PURE: the texts in which a carrier names a parcel's order, read by the rules of the endpoint and account."""

from adapters import ReferenceKind
from receiver.config import Endpoint
from receiver.shipments import Known
from receiver.vtex.order_ids import Labels, OrderText, read_order_text

#: The references that may name an order, in the order in which VTEX is asked for them.
ORDER_KINDS = (ReferenceKind.ORDER_ID, ReferenceKind.SEQUENCE, ReferenceKind.ORDER_GROUP)


def order_texts(known: Known, endpoint: Endpoint, account: str) -> dict[ReferenceKind, list[OrderText]]:
    """The references that may name an order, by kind, only where there are any."""
    labels = Labels.of(account, endpoint.order_id_affixes)
    return {
        kind: [read_order_text(value, labels) for value in values]
        for kind in ORDER_KINDS
        if (values := known.values(kind))
    }
