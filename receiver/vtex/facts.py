"""PURE: what a fact of the index is, and the kinds of facts."""

from typing import NamedTuple

#: The index's kinds for series and number of an NF-e, ``1/445494``, both without padding, and for its issuer's CNPJ.
SERIES_NUMBER, ISSUER = "series_number", "issuer"
#: For an invoice whose tracking number does not name it: another one of its order shows the same, or it has no date.
TRACKED = "tracked"
#: The id of an order at the store that sold it, as VTEX shows it, or after the affiliate's prefix.
MARKETPLACE_ID = "marketplace_order_id"
#: For a cancelled order: none of its invoices should get tracking.
CANCELLED_ORDER = "cancelled_order"


class Fact(NamedTuple):
    """One fact for the index: the order and invoice that have a value of this kind. ``issued_at`` is the invoice's
    date, else the order's, in seconds since the epoch."""

    kind: str
    value: str
    order_id: str
    invoice_number: str | None = None
    issued_at: float | None = None
