"""PURE: what a shipment needs next, before any call: a state to rest in, or a question to VTEX."""

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal

from adapters import ReferenceKind
from receiver.config import Config, Endpoint
from receiver.reconcile.reverse import reverse_end
from receiver.shipments import (
    Generation,
    Known,
    NextState,
    Reason,
    Sent,
    ShipmentRecord,
    Stamped,
    State,
    held,
    kept,
    local_time,
    unknown_word,
    waiting,
)
from receiver.shipments.known import earliest
from receiver.shipments.record import goes_despite
from receiver.vtex.wanted import Wanted
from receiver.vtex.writes import Policy, says_nothing_new

#: How far ahead of our clock, in seconds, a carrier's dispatch date may be before a person must look at it.
MOST_AHEAD = 24 * 3600.0
#: Holds that every look finds again, as long as the carrier's data is their cause.
_FOUND_AGAIN = (
    Reason.CANCELLED_AFTER_SEND,
    Reason.CANCELLED_AFTER_DISPATCH,
    Reason.FUTURE_DATE,
    Reason.DELIVERY_DOUBTED,
    Reason.REVERSE_SHIPMENT,
    Reason.REVERSE_IGNORED,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to VTEX: to decide what to write, or to see whether a write is visible."""

    purpose: Literal["decide", "read_back"]


def plan(
    shipment: ShipmentRecord,
    known: Known,
    endpoint: Endpoint,
    config: Config,
    *,
    now: float,
    twins: Sequence[Known] = (),
) -> NextState | Ask:
    """The shipment's next step, with all its updates folded into ``known``. ``now`` is in seconds since the epoch;
    ``twins`` as in `wanted_of`."""
    stored = shipment.generation
    if stored.state is State.DISMISSED:
        return NextState(state=State.DISMISSED, note=stored.note)
    if shipment.companion_of is not None and stored.assignment is None:  # without its order it would repeat the parcel
        return NextState(state=State.DISMISSED, note=f"{shipment.companion_of} does not serve a second order any more")
    early = _before_dispatch(stored, known, endpoint, config)
    if early is not None and early.state is not State.HELD:
        return early
    if (end := reverse_end(shipment, known, endpoint) or early) is not None:
        return end
    has_news = stored.input_digest != input_digest(shipment, known, endpoint)
    if _is_closed(stored) and not has_news:
        return as_it_was(stored)
    sent = stored.sent
    if sent is not None and says_nothing_new(wanted_of(shipment.id, known, endpoint, sent, twins), sent):
        after = _after_send(stored, config, now)
        is_elsewhere = sent.visibility.is_elsewhere
        if isinstance(after, Ask) or after.due_at is not None or not (has_news or is_elsewhere):
            return after
    if (ahead := _date_ahead(known, now)) is not None:
        return ahead
    if stored.check_at is not None and stored.check_at > now and (stored.state is State.DUE or not has_news):
        return as_it_was(stored, again_at=stored.check_at)
    return Ask("decide")


def as_it_was(stored: Generation, *, again_at: float | None = None) -> NextState:
    """The state of the last settlement again, due at ``again_at``."""
    return NextState(state=stored.state, reason=stored.reason, note=stored.note, due_at=again_at, check_at=again_at)


def wanted_of(
    shipment: str, known: Known, endpoint: Endpoint, sent: Sent | None = None, twins: Sequence[Known] = ()
) -> Wanted:
    """The desired state: what the carrier says, in VTEX's terms. The tracking number must be known.

    Of several volumes the first one's number is sent, and then stays: if an earlier volume is reported later, the
    shopper gets no new mail. ``sent`` is what was sent before. ``twins`` are the same parcel as other endpoints tell
    it, in local time: of them come an earlier dispatch, and the page where this one has none.
    """
    own = sent.parcels.get(shipment, (None, sent.tracking_number))[1] if sent else ""
    volume = known.volume_with(own) or known.first_volume
    assert volume.tracking_number is not None  # noqa: S101  `plan` permits nothing else
    number = volume.tracking_number.value
    pages = [one.tracking_url for one in (volume, *(twin.volume_with(number) for twin in twins)) if one]
    dispatched = local_time(known.dispatched_at, endpoint.zone) if known.dispatched_at else None
    return Wanted(
        shipment=shipment,
        tracking_number=number,
        other_numbers=tuple(other for other in known.numbers if other != number),
        tracking_url=next((page.value for page in pages if page), None),
        courier=known.courier.value if known.courier else None,
        dispatched_at=reduce(earliest, (twin.dispatched_at for twin in twins), dispatched),
        configured_courier=endpoint.courier,
        name=endpoint.carrier.name,
    )


def policy_of(endpoint: Endpoint) -> Policy:
    """What the endpoint's settings permit a write to do."""
    return Policy(second_parcel=endpoint.second_parcel, number_changed=endpoint.number_changed)


def input_digest(shipment: ShipmentRecord, known: Known, endpoint: Endpoint) -> str:
    """A digest of every input to the choice of order and invoice. While it is unchanged, the decision is kept."""
    assigned = shipment.generation.assignment
    parts = [
        shipment.account,
        str(known.tracking_number),
        str(assigned.order_id if assigned else None),
        str(assigned.invoice_number if assigned else None),
    ]
    if endpoint.second_parcel in ("latest", "join"):
        parts.append(str(known.dispatched_at))
    if shipment.generation.reason is Reason.OTHER_PARCEL and known.delivered:
        parts.append("delivered")  # the other parcel may be there no more, and nothing has said so
    parts += [f"{reference.kind}={reference.value}" for reference in sorted(known.references)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _before_dispatch(stored: Generation, known: Known, endpoint: Endpoint, config: Config) -> NextState | None:
    if known.replaced_by is not None and not _is_assigned_since(stored, known.replaced_by):
        return kept(Reason.REPLACED, f"{endpoint.name}/{known.replaced_by.value}")
    if not goes_despite(stored.assignment, known):
        if known.cancelled_after_possession or (known.voided and stored.sent):
            return held(Reason.CANCELLED_AFTER_SEND if stored.sent else Reason.CANCELLED_AFTER_DISPATCH)
        if known.voided:
            return NextState(state=State.CANCELLED, note="the carrier voided the label before taking the parcel")
    if not known.in_possession and config.send_on == "dispatched":
        end = waiting(State.WAITING, Reason.NOT_DISPATCHED)
        word = known.unknown_word
        return replace(end, note=unknown_word(word, endpoint.carrier.slug)) if word else end
    if known.tracking_number is None:
        return _several_numbers(known, endpoint) or waiting(State.WAITING, Reason.NO_TRACKING_NUMBER)
    return None


def _several_numbers(known: Known, endpoint: Endpoint) -> NextState | None:
    """A hold where the merchant's rule gives the number, and found more than one in a message: a person must choose."""
    found = known.values(ReferenceKind.TRACKING_NUMBER)
    if endpoint.carrier.numbered or len(found) < 2:
        return None
    command = shlex.join(["receiver", "reprocess", "--accepted", "--endpoint", endpoint.name])
    return held(Reason.AMBIGUOUS_NUMBER, f"tracking_number: {', '.join(found)}", command)


def _is_assigned_since(stored: Generation, news: Stamped) -> bool:
    """True if a person named the order after this news had come."""
    return stored.assignment is not None and (stored.assignment.at or 0) >= news.stamp[1].timestamp()


def _is_closed(stored: Generation) -> bool:
    """Held, kept or given up, until something new arrives to decide on."""
    if stored.state not in (State.HELD, State.KEPT, State.GAVE_UP):
        return False
    return stored.reason not in _FOUND_AGAIN


def _after_send(stored: Generation, config: Config, now: float) -> NextState | Ask:
    assert stored.sent is not None  # noqa: S101  asked only after a send
    if not stored.sent.visibility.is_open or config.read_back_seconds == 0:
        note = stored.note if stored.state is State.IN_STEP else ""  # why it was held is no longer so
        return NextState(state=State.IN_STEP, note=note)
    if stored.check_at is None or stored.check_at <= now:
        return Ask("read_back")
    return NextState(state=State.IN_STEP, note=stored.note, due_at=stored.check_at, check_at=stored.check_at)


def _date_ahead(known: Known, now: float) -> NextState | None:
    if known.dispatched_at is None:
        return None
    due_at = known.dispatched_at.timestamp()
    if due_at <= now:
        return None
    if due_at - now > MOST_AHEAD:
        far = held(Reason.FUTURE_DATE, f"dispatched {known.dispatched_at.isoformat(timespec='seconds')}")
        return replace(far, due_at=due_at)  # the only hold that time alone resolves
    return waiting(State.WAITING, Reason.DISPATCH_AHEAD, due_at=due_at)
