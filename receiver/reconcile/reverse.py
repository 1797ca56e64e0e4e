"""PURE: returns and exchanges. Such a parcel never touches the sale's invoice unless a person assigns it."""

import shlex

from receiver.config import Endpoint
from receiver.reconcile.advice import assign_command
from receiver.reconcile.order_texts import order_texts
from receiver.shipments import Known, NextState, Reason, ShipmentRecord, held, kept
from receiver.vtex.order_ids import OrderText


def reverse_end(shipment: ShipmentRecord, known: Known, endpoint: Endpoint) -> NextState | None:
    """The end state of a reverse shipment; ``None`` for any other parcel, and for one that a person has assigned.

    A shipment is reverse if the adapter or a rule of the endpoint marks any of its messages so, or if a word around an
    order id says so.
    """
    stored = shipment.generation
    if stored.by_person is not None:
        return None
    texts = [text for named in order_texts(known, endpoint, shipment.account).values() for text in named]
    words = [text for text in texts if text.reverse]
    if not known.reverse and not words:
        return None
    said = ", ".join(text.text for text in words) or "the carrier's message marks it"
    if stored.sent is not None:
        said += f"; its number is on invoice {stored.sent.invoice_number} of order {stored.sent.order_id} already"
    elif endpoint.reverse_shipments == "ignore":
        return kept(Reason.REVERSE_IGNORED, said)
    return held(Reason.REVERSE_SHIPMENT, said, _commands(shipment.id, texts))


def _commands(shipment: str, texts: list[OrderText]) -> str:
    """The command that leaves the sale alone, and the one that writes to it."""
    # A text that is no id is asked for as a whole; with the word for a return in it, it names no order.
    order = next((text.order_id for text in texts if not (text.is_whole and text.reverse)), "ORDER")
    return f"{shlex.join(['receiver', 'dismiss', shipment])}   (or, if it is a sale: {assign_command(shipment, order)})"
