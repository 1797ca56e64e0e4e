"""PURE: what a worker would do with a shipment after its messages are read differently, in words."""

from receiver.config import Config, Endpoint
from receiver.reconcile.plan import Ask, plan, wanted_of
from receiver.shipments import Known, NextState, Sent, ShipmentRecord, State
from receiver.vtex.tracking import tracking
from receiver.vtex.wanted import Wanted, words

#: The fields that `receiver.vtex.wanted.words` compares, in its order.
_FIELDS = ("number", "URL", "courier", "date")


def follow_up(shipment: ShipmentRecord, after: Known, endpoint: Endpoint, config: Config, *, now: float) -> str:
    """The next step if ``after`` were known, without any call to VTEX. ``now`` is in seconds since the epoch."""
    step = plan(shipment, after, endpoint, config, now=now)
    sent = shipment.generation.sent
    events = _events(sent, after, endpoint, now=now) if sent else ""
    if isinstance(step, NextState):
        if events and step.state is State.IN_STEP:
            return f"would send {events}"
        return _rest(step)
    if sent is None:
        return "would look for its order and invoice at VTEX: nothing was written yet"
    looks = _looks_again(step, sent, wanted_of(shipment.id, after, endpoint, sent))
    return f"{looks}, then send {events}" if events else looks


def _rest(end: NextState) -> str:
    reason = f", {end.reason}" if end.reason else ""
    return f"nothing is written: {end.state}{reason}"


def _looks_again(step: Ask, sent: Sent, wanted: Wanted) -> str:
    where = f"invoice {sent.invoice_number} of order {sent.order_id}"
    if step.purpose == "read_back":
        return f"would read {where} back"
    former = sent.wanted or (sent.tracking_number, sent.tracking_url, sent.courier, sent.dispatched_date)
    changed = [name for name, was, is_now in zip(_FIELDS, former, words(wanted), strict=True) if was != is_now]
    return f"would look at {where} again: {', '.join(changed) or 'its references'} changed"


def _events(sent: Sent, after: Known, endpoint: Endpoint, *, now: float) -> str:
    """What VTEX would be told of events and delivery; ``""`` if it has them already."""
    body = tracking([after], now=now, zone=endpoint.zone, told=sent.tracking)
    is_known = sent.tracking is not None and sent.tracking.digest == body.digest
    if not endpoint.events or is_known or body.is_empty:
        return ""
    where = f"invoice {sent.invoice_number} of order {sent.order_id}"
    if not body.body["isDelivered"] or sent.is_delivered:
        return f"its events to {where}"
    beside = " once every parcel there is delivered" if sent.parcels else ""
    return f"its events and its delivery to {where}{beside}"
