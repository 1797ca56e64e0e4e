"""What a shipment needs next, before anybody is asked: rest, or a question to VTEX."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Literal

from adapters import ReferenceKind
from receiver.config import Config, Endpoint
from receiver.shipments import Known, stamp_to_json
from receiver.shipments.reasons import HELD, KEPT, WAITING
from receiver.store import Claim
from receiver.vtex.writes import Body, Policy, Wanted, says_nothing_new

#: How far ahead of us a carrier's clock may be before its dispatch date goes to a person.
MOST_AHEAD = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Nothing to ask. ``due_at``: when to look again; ``check_at``: before it VTEX is not asked."""

    state: str
    reason: str | None = None
    note: str = ""
    due_at: float | None = None
    check_at: float | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """VTEX must be asked: to decide what to write, or to see whether a write is visible."""

    purpose: Literal["decide", "read_back"]


def plan(claim: Claim, known: Known, endpoint: Endpoint, config: Config, *, now: float) -> Rest | Ask:
    """What this claim comes to before any call."""
    if claim.state == "dismissed":
        return Rest(state="dismissed", note=claim.note or "")
    if (early := _before_dispatch(claim, known, config)) is not None:
        return early
    has_news = claim.basis != basis(claim, known, endpoint)
    if _is_closed(claim) and not has_news:
        return Rest(state=claim.state, reason=claim.reason, note=claim.note or "")
    if claim.sent and says_nothing_new(wanted_of(claim.id, known, endpoint), claim.sent):
        after = _after_send(claim, config, now)
        if isinstance(after, Ask) or after.due_at is not None or not (has_news or _is_elsewhere(claim.sent)):
            return after
    if (ahead := _date_ahead(known, now)) is not None:
        return ahead
    if claim.check_at is not None and claim.check_at > now and (claim.state == "due" or not has_news):
        return Rest(
            state=claim.state,
            reason=claim.reason,
            note=claim.note or "",
            due_at=claim.check_at,
            check_at=claim.check_at,
        )
    return Ask("decide")


def wanted_of(shipment: str, known: Known, endpoint: Endpoint) -> Wanted:
    """The carrier's word, in VTEX's terms. The tracking number must be known."""
    assert known.tracking_number is not None  # noqa: S101  `plan` lets nothing else through
    return Wanted(
        shipment=shipment,
        tracking_number=known.tracking_number,
        tracking_url=known.tracking_url,
        courier=known.courier.value if known.courier else None,
        dispatched_at=known.dispatched_at,
        configured_courier=endpoint.courier,
        name=endpoint.carrier.name,
    )


def policy_of(endpoint: Endpoint) -> Policy:
    return Policy(second_parcel=endpoint.second_parcel, number_changed=endpoint.number_changed)


def basis(claim: Claim, known: Known, endpoint: Endpoint) -> str:
    """A digest of everything a choice of order and invoice rests on: while it stays, so does the decision."""
    parts = [claim.account, str(known.tracking_number), str(claim.assigned_order), str(claim.assigned_invoice)]
    if endpoint.second_parcel in ("latest", "join"):
        parts.append(str(known.dispatched_at))
    parts += [f"{reference.kind}={reference.value}" for reference in sorted(known.references)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def hold(reason: str, note: str = "") -> Rest:
    """A person must decide; nothing but news, a link or that person opens it again."""
    return Rest(state="held", reason=reason, note=_sentence(HELD[reason], note))


def keep(reason: str, note: str = "") -> Rest:
    """The invoice stays as it is by the endpoint's settings; only news or a person opens it again."""
    return Rest(state="kept", reason=reason, note=_sentence(KEPT[reason], note))


def waiting(state: str, reason: str, note: str = "", *, due_at: float | None = None) -> Rest:
    return Rest(state=state, reason=reason, note=_sentence(WAITING[reason], note), due_at=due_at, check_at=due_at)


def _before_dispatch(claim: Claim, known: Known, config: Config) -> Rest | None:
    if not _is_overruled(claim, known):
        if known.cancelled_after_possession or (known.voided and claim.sent):
            return hold("cancelled_after_send" if claim.sent else "cancelled_after_dispatch")
        if known.voided:
            return Rest(state="cancelled", note="the carrier voided the label before taking the parcel")
    if not known.in_possession and config.send_on == "dispatched":
        return waiting("waiting", "not_dispatched")
    if known.tracking_number is None:
        return waiting("waiting", "no_tracking_number")
    return None


def _is_overruled(claim: Claim, known: Known) -> bool:
    """True where a person named the order in spite of the very cancellation that is known."""
    if known.cancelled is None or claim.assigned_over is None:
        return False
    overruled: list[str] = json.loads(claim.assigned_over)
    return overruled == stamp_to_json(known.cancelled)


def _is_closed(claim: Claim) -> bool:
    """Held, kept or given up until there is something new to decide on. What `plan` itself computes is computed anew
    instead."""
    if claim.state not in ("held", "kept", "gave_up"):
        return False
    return claim.reason not in ("cancelled_after_send", "cancelled_after_dispatch", "future_date")


def _is_elsewhere(sent: Body) -> bool:
    """What was sent is not what VTEX shows, or not where the parcel belongs."""
    return sent.get("verified") is False


def _after_send(claim: Claim, config: Config, now: float) -> Rest | Ask:
    assert claim.sent is not None  # noqa: S101  asked only after a send
    if claim.sent.get("verified") is not None or config.read_back_seconds == 0:
        return Rest(state="in_step", note=claim.note or "")
    if claim.check_at is None or claim.check_at <= now:
        return Ask("read_back")
    return Rest(state="in_step", note=claim.note or "", due_at=claim.check_at, check_at=claim.check_at)


def _date_ahead(known: Known, now: float) -> Rest | None:
    if known.dispatched_at is None:
        return None
    ahead = known.dispatched_at.timestamp() - now
    if ahead <= 0:
        return None
    if ahead > MOST_AHEAD:
        held = hold("future_date", f"dispatched {known.dispatched_at.isoformat(timespec='seconds')}")
        return replace(held, due_at=known.dispatched_at.timestamp())  # the one hold that time alone resolves
    return waiting("waiting", "dispatch_ahead", due_at=known.dispatched_at.timestamp())


def order_ids(known: Known) -> dict[ReferenceKind, list[str]]:
    """The references that may name an order, by kind, only where there are any."""
    kinds = (ReferenceKind.ORDER_ID, ReferenceKind.SEQUENCE, ReferenceKind.ORDER_GROUP)
    return {kind: values for kind in kinds if (values := known.values(kind))}


def _sentence(general: str, special: str) -> str:
    return f"{general} ({special})" if special else general
