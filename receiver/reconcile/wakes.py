"""Which of our other shipments must be looked at again, because of what a claim has found or done."""

from collections.abc import Mapping

from receiver.config import Endpoint
from receiver.reconcile.context import ReconcileContext
from receiver.shipments import NextState, State
from receiver.store import Queue


def woken_after(
    context: ReconcileContext, end: NextState, queue: Queue, endpoints: Mapping[str, Endpoint]
) -> list[str]:
    """The shipment that wrote this parcel's number, if it knows less of it. And those on an invoice that this one has
    left: what they tell VTEX there depends on it. So does the delivery that its twins tell, where it tells none: its
    endpoint sends no events, a person has dismissed it, or it was never written."""
    woken = _left_behind(context, end, queue)
    now, before = context.known, context.claim.record.known
    is_news = (now.missing, now.astray) != (before.missing, before.astray)
    if is_news and context.sent is None and before.in_possession:
        found = context.bearing(queue, now.numbers)
        woken += [name for name, one in found.items() if one.generation.sent is not None]
    tells = context.endpoint.events and end.state is not State.DISMISSED
    if is_news and context.sent is not None and not tells:
        woken += context.beside(queue, endpoints).twin_names()
    if end.state is State.IN_STEP and context.sent is not None and not context.sent.written:
        owner = context.beside(queue, endpoints).uninformed(context.wanted())
        woken += [owner] if owner is not None else []
    return woken


def _left_behind(context: ReconcileContext, end: NextState, queue: Queue) -> list[str]:
    before, sent = context.claim.record.generation, context.sent
    if before.sent is None or before.state is State.DISMISSED:
        return []
    stays = sent is not None and sent.is_at(before.sent.order_id, before.sent.invoice_number)
    if stays and end.state is not State.DISMISSED:
        return []
    _, others = queue.beside(context.claim.account, context.claim.id, before.sent)
    return [name for name, other in others.items() if other.generation.sent is not None]
