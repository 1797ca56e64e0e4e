"""Events and delivery for VTEX: a PUT for each change of their set, once the tracking number is on the invoice.

Before a PUT that says delivered, the order is read once more: VTEX mails the shopper, and the invoice may have gone to
another parcel since.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from receiver.config import Config
from receiver.reconcile.beside import Beside
from receiver.reconcile.context import ReconcileContext
from receiver.reconcile.plan import as_it_was
from receiver.shipments import (
    Known,
    NextState,
    PendingEvents,
    Reason,
    Sent,
    SentTracking,
    ShipmentRecord,
    State,
    Visibility,
    held,
    with_remark,
)
from receiver.store import Attempt, InvoiceTaken, Overwrites, Queue
from receiver.timing import READ_BACK_SECONDS, next_read_back, recheck_delay
from receiver.vtex.answers import NotFound, Rejected
from receiver.vtex.delivery_check import Shown, delivery_check
from receiver.vtex.tracking import Tracking, tracking

#: What is missing at VTEX where no PUT is sent, before and after the first one that says delivered.
_NOT_SENT = ("VTEX was not told of the delivery", "VTEX was told of the delivery before, not of its later events")


@dataclass(frozen=True, slots=True)
class _Look:
    """Why the order is read once more: as which ``call``, what ``waits`` for it, and what VTEX ``lacks`` meanwhile.
    ``remark``: what a person should know who decides then."""

    call: str
    waits: str
    lacks: str
    remark: str = ""

    @classmethod
    def before_delivery(cls, sent: Sent) -> "_Look":
        lacks, number = _NOT_SENT[sent.is_delivered], sent.tracking_number
        # Another parcel of the invoice may tell the delivery later, and this remark stays.
        not_told = lacks if sent.is_delivered else f"VTEX was not told so of {number}"
        remark = f"The carrier reports {number} delivered; {not_told}."
        return cls("GET before delivery", "delivery waits", lacks, remark)


_AFTER_REFUSAL = _Look("GET after refusal", "events wait", "VTEX does not take its events")


class Events:
    """Sends the events after a write. ``decide`` chooses order and invoice again; ``clock`` is Unix time in seconds;
    ``done`` is the log of what was sent."""

    def __init__(
        self,
        config: Config,
        queue: Queue,
        *,
        decide: Callable[[ReconcileContext], NextState],
        clock: Callable[[], float],
        done: logging.Logger,
    ) -> None:
        self._config, self._queue, self._decide, self._clock, self._done = config, queue, decide, clock, done

    def send(self, context: ReconcileContext, end: NextState) -> NextState:
        """Send the events if the number is on the invoice and their set has changed."""
        stored, sent, now = context.stored, context.sent, self._clock()
        if end.state is not State.IN_STEP or end.due_at is not None or sent is None or not context.endpoint.events:
            return end
        beside = context.beside(self._queue, self._config.endpoints)
        if (sender := beside.sender()) is not None:
            return self._leave_to(sender, context, end, sent, now)
        told = _own_tracking(sent)
        body = _tracking(context, beside.parcels(), told, now)
        if body.body["isDelivered"] and not sent.is_delivered:
            beside = self._with_unwritten(context, beside)
            body = _tracking(context, beside.parcels(), told, now)
        if body.is_empty or (told is not None and body.digest == told.digest):
            return _rests(end, body)
        if stored.state in (State.DUE, State.IN_STEP) and (stored.check_at or 0.0) > now:  # a back-off is not cut short
            return as_it_was(stored, again_at=stored.check_at)
        checked = self._against_delivery(context, sent, beside, body, now)
        if isinstance(checked, NextState):
            return checked
        if context.decided:
            context.input_digest = context.digest()  # the choice holds, no matter how this call ends
        context.wanted_since = context.wanted_since or now
        other = self._look(context, sent, _Look.before_delivery(sent), now) if checked.body["isDelivered"] else None
        return other if other is not None else self._send(context, end, sent, checked, now)

    def _with_unwritten(self, context: ReconcileContext, beside: Beside) -> Beside:
        """A shipment that is held or waits, and was never written, may know of a volume that is not delivered."""
        numbers = {number for parcel in beside.parcels() for number in parcel.numbers}
        found = context.bearing(self._queue, numbers)
        unwritten = {name for name, one in found.items() if one.generation.sent is None and one.known.in_possession}
        return replace(beside, unwritten={name: found[name] for name in unwritten})

    def _against_delivery(
        self, context: ReconcileContext, sent: Sent, beside: Beside, body: Tracking, now: float
    ) -> Tracking | NextState:
        """What to send; or a hold, if it would take back a delivery that VTEX was told, or the history of one."""
        own = _own_tracking(sent)
        if own is not None and body.doubt and len(body.body["events"]) < own.events:
            return held(Reason.DELIVERY_DOUBTED, body.doubt)
        told = None if body.body["isDelivered"] else self._told(context, sent)
        if told is None:
            return body
        body = _tracking(context, beside.parcels(), told, now)
        return held(Reason.DELIVERY_DOUBTED, body.doubt) if body.doubt else body

    def _leave_to(
        self, sender: ShipmentRecord, context: ReconcileContext, end: NextState, sent: Sent, now: float
    ) -> NextState:
        """Wake the owner of the invoice, which sends what this shipment knows with its own, if that is news. What is
        recorded of the delivery is what the owner has told VTEX."""
        own = _tracking(context, [context.known], None, now)
        theirs = sender.generation.sent.tracking if sender.generation.sent else None
        is_told = theirs is not None and theirs.delivered
        is_left = sent.tracking is not None and (sent.tracking.sent_by, sent.tracking.digest) == (sender.id, own.digest)
        if not own.is_empty and not (is_left and (is_told or not own.body["isDelivered"])):
            date = theirs.delivered_date if theirs is not None else None
            left = replace(_as_sent(own, now), delivered=is_told, delivered_date=date, note="", sent_by=sender.id)
            context.sent = sent.with_tracking(left)
            context.wakes.append(sender.id)
        return replace(end, due_at=own.again)

    def _send(self, context: ReconcileContext, end: NextState, sent: Sent, body: Tracking, now: float) -> NextState:
        owner = context.beside(self._queue, self._config.endpoints).owner
        its = owner.generation.sent if owner else None
        attempt = Attempt(
            call="PUT",
            order_id=sent.order_id,
            invoice_number=sent.invoice_number,
            request=body.body,
            replaces=Overwrites(owner.id, its.tracking_number if its else None) if owner else None,
        )
        try:
            context.calls.put(attempt)
        except InvoiceTaken as taken:  # since it was looked up
            return self._not_trackable_yet(context, sent, f"{taken.shipment} is about to write it")
        except (NotFound, Rejected) as error:
            return self._refused(context, sent, error, now)
        context.sent = sent.with_tracking(_as_sent(body, now))
        many = len(body.body["events"])
        line = "tracking events sent: shipment=%s invoice=%s events=%d"
        self._done.info(line, context.claim.id, sent.invoice_number, many)
        return _rests(replace(end, note="written" if context.stored.reason else end.note), body)

    def _refused(self, context: ReconcileContext, sent: Sent, error: NotFound | Rejected, now: float) -> NextState:
        """VTEX does not take the events. The invoice may have been made again since the write, or be gone."""
        if (other := self._look(context, sent, _AFTER_REFUSAL, now)) is not None:
            return other
        if isinstance(error, NotFound):
            return self._not_trackable_yet(context, sent, str(error))
        return held(Reason.EVENTS_REJECTED, str(error))

    def _look(self, context: ReconcileContext, sent: Sent, look: _Look, now: float) -> NextState | None:
        """Read the order before the delivery is sent, or after VTEX has refused events. ``None``: the invoice shows the
        parcel's number, or a decision of this claim has just read the order."""
        if context.decided:
            return None
        try:
            order = context.calls.order(sent.order_id, call=look.call)
        except NotFound as error:
            return self._not_trackable_yet(context, sent, str(error))
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
                note = f"written; its {look.waits} until the invoice shows the number"
                return NextState(state=State.IN_STEP, note=note, due_at=at, check_at=at)
        # An invoice that has shown the number and shows none was made again: it is written as if for the first time.
        if shown is Shown.NO_NUMBER and (sent.is_delivered or sent.visibility is not Visibility.SEEN):
            empty = f"order {sent.order_id}, invoice {sent.invoice_number} shows no tracking number"
            return held(Reason.NOT_APPLIED, f"{empty}; {look.lacks}")
        end = self._decide(context)
        if end.state in (State.HELD, State.KEPT):
            return with_remark(end, look.remark) if look.remark else end
        return self.send(context, end)

    def _told(self, context: ReconcileContext, sent: Sent) -> SentTracking | None:
        """The delivery that VTEX was told for the invoice, if any: for an earlier parcel under this number, by another
        shipment, or by another system, as far as this claim has read the order."""
        told = self._queue.delivery_told(context.claim.account, sent.order_id, sent.invoice_number)
        if told is not None:
            return told
        order = context.calls.order_read(sent.order_id)
        shown = [one for one in order.outputs if one.invoice_number == sent.invoice_number] if order else []
        is_delivered = any(package.is_delivered for package in shown)
        return SentTracking(digest="", at=0.0, delivered=True) if is_delivered else None

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


def _tracking(context: ReconcileContext, parcels: Sequence[Known], told: SentTracking | None, now: float) -> Tracking:
    return tracking(parcels, now=now, zone=context.endpoint.zone, told=told)


def _own_tracking(sent: Sent) -> SentTracking | None:
    """What this shipment has sent itself."""
    return sent.tracking if sent.tracking is not None and sent.tracking.sent_by is None else None


def _rests(end: NextState, body: Tracking) -> NextState:
    """The state after VTEX got the events: ``end``, due again when a delivery date ahead may be sent, or a hold if the
    delivery is doubtful."""
    return held(Reason.DELIVERY_DOUBTED, body.doubt) if body.doubt else replace(end, due_at=body.again)


def _as_sent(body: Tracking, now: float) -> SentTracking:
    return SentTracking(
        digest=body.digest,
        at=now,
        delivered=body.body["isDelivered"],
        delivered_date=body.body["deliveredDate"],
        events=len(body.body["events"]),
        note=body.note,
    )
