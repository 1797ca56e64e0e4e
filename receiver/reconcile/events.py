"""Events and delivery for VTEX: a PUT for each change of their set, once the tracking number is on the invoice."""

import logging
from collections.abc import Callable
from dataclasses import replace

from receiver.config import Config
from receiver.reconcile.plan import Rest, basis, hold
from receiver.reconcile.work import Work, with_tracking
from receiver.store import Attempt, InvoiceTaken, Over, Queue
from receiver.timing import awaiting
from receiver.vtex.answers import NotFound, Rejected
from receiver.vtex.tracking import tracking
from receiver.vtex.writes import Body

log = logging.getLogger("receiver.worker")


class Events:
    """Sends what follows a write. ``clock`` is Unix time in seconds."""

    def __init__(self, config: Config, queue: Queue, *, clock: Callable[[], float]) -> None:
        self._config, self._queue, self._clock = config, queue, clock

    def follow(self, work: Work, rest: Rest) -> Rest:
        """Once the number is on the invoice, the events follow: a PUT for each change of their set, and no question."""
        claim, sent, now = work.claim, work.sent, self._clock()
        if rest.state != "in_step" or rest.due_at is not None or sent is None or not work.endpoint.events:
            return rest
        beside = [shipment for shipment in sent.get("parcels", ()) if shipment != claim.id]
        parcels = [work.known, *self._queue.known(beside)]
        was_delivered = bool(sent.get("tracking", {}).get("delivered"))
        told = tracking(parcels, now=now, zone=work.endpoint.zone, was_delivered=was_delivered)
        if told.is_empty or told.digest == sent.get("tracking", {}).get("digest"):
            return replace(rest, due_at=told.again)
        if claim.state in ("due", "in_step") and (claim.check_at or 0.0) > now:  # VTEX's trouble is not cut short
            note = claim.note or ""
            return Rest(
                state=claim.state, reason=claim.reason, note=note, due_at=claim.check_at, check_at=claim.check_at
            )
        if work.decided:
            claim.basis = basis(claim, work.known, work.endpoint)  # the choice stands, whatever comes of this call
        work.wanted_since = work.wanted_since or now
        attempt = Attempt(call="PUT", order_id=sent["order"], invoice_number=sent["invoice"], request=told.body)
        try:
            self._put(work, attempt, sent["trackingNumber"])
        except InvoiceTaken as taken:
            work.sent = with_tracking(sent, told, now, told_by=taken.shipment)
            work.wakes.append(taken.shipment)
            return rest
        except NotFound as error:
            return self._not_trackable_yet(work, sent, error)
        except Rejected as error:
            return hold("events_rejected", str(error))
        work.sent = with_tracking(sent, told, now)
        log.info("%s: events told to invoice %s: %d", claim.id, sent["invoice"], len(told.body["events"]))
        return replace(rest, note="written" if claim.reason else rest.note, due_at=told.again)

    def _put(self, work: Work, attempt: Attempt, number: str) -> None:
        """One parcel that two endpoints tell is told by the one that wrote it; where that one tells no events, by the
        other. Raises `InvoiceTaken`."""
        try:
            work.calls.put(attempt)
        except InvoiceTaken as taken:
            writer = self._config.endpoints.get(taken.shipment.partition("/")[0])
            if writer is not None and writer.events:
                raise
            work.calls.put(replace(attempt, over=Over(taken.shipment, number, displaced=False)))

    def _not_trackable_yet(self, work: Work, sent: Body, error: NotFound) -> Rest:
        """What was just written is not visible to the other call yet: it is waited for, up to the horizon."""
        now, waiting_for = self._clock(), sent.get("untold", {})
        since, waits = waiting_for.get("first_at", now), waiting_for.get("waits", 0)
        if now - since > self._config.horizon_days * 86_400:
            return hold("events_rejected", str(error))
        work.sent = {**sent, "untold": {"first_at": since, "waits": waits + 1}}
        at = now + awaiting(waits, self._config.await_seconds)
        return Rest(state="in_step", note=f"written; its events wait for the invoice ({error})", due_at=at, check_at=at)
