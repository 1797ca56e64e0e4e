"""Events and delivery for VTEX: a PUT for each change of their set, once the tracking number is on the invoice.

Before a PUT that says delivered, the order is read once more: VTEX mails the shopper, and the invoice may have gone to
another parcel since.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from receiver.config import Config
from receiver.reconcile.context import ReconcileContext
from receiver.reconcile.plan import as_it_was
from receiver.shipments import NextState, PendingEvents, Reason, Sent, SentTracking, State, held, with_remark
from receiver.store import Attempt, InvoiceTaken, Overwrites, Queue
from receiver.timing import READ_BACK_SECONDS, next_read_back, recheck_delay
from receiver.vtex.answers import NotFound, Rejected
from receiver.vtex.delivery_check import Shown, delivery_check
from receiver.vtex.tracking import Tracking, tracking

log = logging.getLogger("receiver.worker")

#: What is missing at VTEX where no PUT is sent, before and after the first one that says delivered.
_NOT_SENT = ("VTEX was not told of the delivery", "VTEX was told of the delivery before, not of its later events")


class Events:
    """Sends the events after a write. ``decide`` chooses order and invoice again; ``clock`` is Unix time in seconds."""

    def __init__(
        self,
        config: Config,
        queue: Queue,
        *,
        decide: Callable[[ReconcileContext], NextState],
        clock: Callable[[], float],
    ) -> None:
        self._config, self._queue, self._decide, self._clock = config, queue, decide, clock

    def send(self, context: ReconcileContext, end: NextState) -> NextState:
        """Send the events if the number is on the invoice and their set has changed."""
        stored, sent, now = context.stored, context.sent, self._clock()
        if end.state is not State.IN_STEP or end.due_at is not None or sent is None or not context.endpoint.events:
            return end
        body = self._tracking(context, sent, now)
        if body.is_empty or (sent.tracking is not None and body.digest == sent.tracking.digest):
            return _rests(end, body)
        if stored.state in (State.DUE, State.IN_STEP) and (stored.check_at or 0.0) > now:  # a back-off is not cut short
            return as_it_was(stored, again_at=stored.check_at)
        if context.decided:
            context.input_digest = context.digest()  # the choice holds, no matter how this call ends
        context.wanted_since = context.wanted_since or now
        # A decision of this claim has just read the order.
        is_to_look = body.body["isDelivered"] and not context.decided
        if is_to_look and (other := self._look(context, sent, now)) is not None:
            return other
        return self._send(context, end, sent, body, now)

    def _send(self, context: ReconcileContext, end: NextState, sent: Sent, body: Tracking, now: float) -> NextState:
        attempt = Attempt(call="PUT", order_id=sent.order_id, invoice_number=sent.invoice_number, request=body.body)
        try:
            self._put(context, attempt, sent.tracking_number)
        except InvoiceTaken as taken:
            context.sent = sent.with_tracking(_as_sent(body, now, sent_by=taken.shipment))
            context.wakes.append(taken.shipment)
            return _rests(end, body)
        except NotFound as error:
            return self._not_trackable_yet(context, sent, str(error))
        except Rejected as error:
            return held(Reason.EVENTS_REJECTED, str(error))
        context.sent = sent.with_tracking(_as_sent(body, now))
        many = len(body.body["events"])
        log.info("tracking events sent: shipment=%s invoice=%s events=%d", context.claim.id, sent.invoice_number, many)
        return _rests(replace(end, note="written" if context.stored.reason else end.note), body)

    def _look(self, context: ReconcileContext, sent: Sent, now: float) -> NextState | None:
        """Read the order before the delivery is sent, unless this claim has read it. ``None``: the invoice shows the
        parcel's number."""
        try:
            order = context.calls.order(sent.order_id, call="GET before delivery")
        except NotFound as error:
            return self._not_trackable_yet(context, sent, str(error))
        not_sent = _NOT_SENT[sent.is_delivered]
        before = (context.decision.evidence or {}).get("held", {}).get("trackingNumber")
        shown = delivery_check(order, sent, context.known.numbers, before)
        if shown is Shown.OURS:
            return None
        if shown is Shown.NO_INVOICE and not order.is_complete:
            missing = f"order {sent.order_id} shows no invoice {sent.invoice_number}"
            return self._not_trackable_yet(context, sent, missing)
        if shown in (Shown.NO_NUMBER, Shown.FORMER_NUMBER):
            at = next_read_back(sent.at, self._config.read_back_seconds or READ_BACK_SECONDS, now)
            if at is not None:
                note = "written; its delivery waits until the invoice shows the number"
                return NextState(state=State.IN_STEP, note=note, due_at=at, check_at=at)
        if shown is Shown.NO_NUMBER:
            empty = f"order {sent.order_id}, invoice {sent.invoice_number} shows no tracking number"
            return held(Reason.NOT_APPLIED, f"{empty}; {not_sent}")
        end = self._decide(context)
        if end.state in (State.HELD, State.KEPT):
            return with_remark(end, f"The carrier reports {sent.tracking_number} delivered; {not_sent}.")
        return self.send(context, end)

    def _tracking(self, context: ReconcileContext, sent: Sent, now: float) -> Tracking:
        beside = [shipment for shipment in sent.parcels if shipment != context.claim.id]
        parcels = [context.known, *self._queue.known(beside)]
        return tracking(parcels, now=now, zone=context.endpoint.zone, told=sent.tracking)

    def _put(self, context: ReconcileContext, attempt: Attempt, number: str) -> None:
        """If two endpoints report one parcel, the one that wrote it sends its events. If that one sends none, the other
        does. Raises `InvoiceTaken`."""
        try:
            context.calls.put(attempt)
        except InvoiceTaken as taken:
            writer = self._config.endpoints.get(taken.shipment.partition("/")[0])
            if writer is not None and writer.events:
                raise
            context.calls.put(replace(attempt, replaces=Overwrites(taken.shipment, number)))

    def _not_trackable_yet(self, context: ReconcileContext, sent: Sent, why: str) -> NextState:
        """The events call does not see the recent write yet: retry on the schedule, up to the horizon."""
        now = self._clock()
        pending = sent.pending_events or PendingEvents(now, 0)
        if now - pending.first_at > self._config.horizon_days * 86_400:
            return held(Reason.EVENTS_REJECTED, why)
        context.sent = replace(sent, pending_events=PendingEvents(pending.first_at, pending.waits + 1))
        at = now + recheck_delay(pending.waits, self._config.await_seconds)
        note = f"written; its events wait for the invoice ({why})"
        return NextState(state=State.IN_STEP, note=note, due_at=at, check_at=at)


def _rests(end: NextState, body: Tracking) -> NextState:
    """The state after VTEX got the events: ``end``, due again when a delivery date ahead may be sent, or a hold if the
    delivery is doubtful."""
    return held(Reason.DELIVERY_DOUBTED, body.doubt) if body.doubt else replace(end, due_at=body.again)


def _as_sent(body: Tracking, now: float, *, sent_by: str | None = None) -> SentTracking:
    return SentTracking(
        digest=body.digest,
        at=now,
        delivered=body.body["isDelivered"],
        delivered_date=body.body["deliveredDate"],
        events=len(body.body["events"]),
        note=body.note,
        sent_by=sent_by,
    )
