"""PURE: given the order VTEX shows and the shipment we know, which write makes them agree, if any."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from receiver.vtex.orders import Choice, Clues, Hold, Order, Package, Wait, choose

#: What makes VTEX fail on an invoice's own number: "/" is decoded before routing (KI-1302085), white space gives 500
#: (KI-409225), "#" and the like broke its replication (KI-953285). What is not printable is unsafe besides.
_UNSAFE = re.compile(r"[\s/\\#?%]")
_VISIBLE = ("trackingNumber", "trackingUrl", "courier")
#: An id's length is nowhere documented; nothing seen comes near this.
MOST_SEGMENT = 200

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the carrier's word comes to. ``name`` is the carrier's, the last resort for ``courier``."""

    shipment: str
    tracking_number: str
    tracking_url: str | None
    courier: str | None
    dispatched_at: datetime | None
    configured_courier: str | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What went before: ``sent`` is the body VTEX was last in step with, ``unsettled`` a PATCH of unknown outcome;
    ``owners`` maps invoice number to the shipment of ours that wrote there and the number it sent last."""

    sent: Body | None = None
    unsettled: Body | None = None
    owners: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Write:
    """Send this PATCH."""

    choice: Choice
    body: Body


@dataclass(frozen=True, slots=True)
class Agreed:
    """VTEX already shows it; ``body`` is what counts as sent."""

    choice: Choice
    body: Body
    note: str = ""


def decide(order: Order, clues: Clues, wanted: Wanted, history: History) -> Write | Agreed | Wait | Hold:
    """The one write that makes VTEX agree with the carrier, or why there is none."""
    choice = choose(order, clues)
    if not isinstance(choice, Choice):
        return _with_owners(choice, order, history)
    package = choice.package
    if unsafe_segment(package.invoice_number):
        return Hold("unsafe_invoice_number", f"invoice {package.invoice_number!r} of order {order.order_id}")
    owner = history.owners.get(package.invoice_number, (None, None))[0]
    # A person's word overwrites once: what others wrote there since has the better right.
    overrules = choice.rule == "assigned" and history.sent is None
    if not overrules and (taken := _taken(choice, wanted, history)) is not None:
        return taken
    body = merged(package, wanted, history)
    if shows(package, body):
        return Agreed(choice, body)
    if owner != wanted.shipment and _would_blank_the_date(package, body):
        return Agreed(choice, _visible(package), "the dispatch date is unknown; writing would blank the one VTEX has")
    return Write(choice, body)


def merged(package: Package, wanted: Wanted, history: History) -> Body:
    """The PATCH body: all four keys, over what the package holds of this parcel; a filled field is never blanked. The
    URL and courier of another parcel, whose number a person has overwritten, would send the shopper astray.

    ``dispatchedDate`` cannot be read back: what was sent before stands in for what VTEX has.
    """
    ours = {wanted.tracking_number, *(body["trackingNumber"] for body in (history.sent, history.unsettled) if body)}
    held = package if package.tracking_number is None or package.tracking_number in ours else None
    dates = [body.get("dispatchedDate") for body in (history.sent, history.unsettled) if body]
    return patch_body(
        tracking_number=wanted.tracking_number,
        tracking_url=wanted.tracking_url or (held.tracking_url if held else None),
        courier=wanted.courier or wanted.configured_courier or (held.courier if held else None) or wanted.name,
        dispatched_date=iso(wanted.dispatched_at) or next(filter(None, dates), None),
    )


def patch_body(
    *, tracking_number: str, tracking_url: str | None, courier: str | None, dispatched_date: str | None
) -> Body:
    """The body of "Update partial invoice" (Orders API): VTEX requires all four keys."""
    return {
        "trackingNumber": tracking_number,
        "trackingUrl": tracking_url,
        "courier": courier,
        "dispatchedDate": dispatched_date,
    }


def shows(package: Package, body: Body) -> bool:
    """True where GET order shows what the body says; the dispatch date is not among what it shows."""
    visible = _visible(package)
    return all(visible[name] == body[name] for name in _VISIBLE)


def says_nothing_new(wanted: Wanted, sent: Body) -> bool:
    """True where a write would repeat what was sent: a changed date alone is no reason to mail the shopper again."""
    return (
        wanted.tracking_number == sent["trackingNumber"]
        and wanted.tracking_url in (None, sent["trackingUrl"])
        and (wanted.courier or wanted.configured_courier) in (None, sent["courier"])
    )


def iso(time: datetime | None) -> str | None:
    """A time as VTEX takes it: seconds, and always an explicit offset."""
    return time.isoformat(timespec="seconds") if time else None


def unsafe_segment(segment: str) -> bool:
    """True for what must not become part of a URL: HTTP libraries collapse dot segments even when encoded."""
    if not segment or segment in (".", "..") or len(segment) > MOST_SEGMENT:
        return True
    return not segment.isprintable() or bool(_UNSAFE.search(segment))


def _with_owners(decision: Wait | Hold, order: Order, history: History) -> Wait | Hold:
    """Numbers that our own other parcels wrote are not foreign ones."""
    ours = [package.invoice_number in history.owners for package in order.outputs]
    if isinstance(decision, Hold) and decision.reason == "number_differs" and all(ours):
        return Hold("second_parcel", decision.note, decision.evidence)
    return decision


def _taken(choice: Choice, wanted: Wanted, history: History) -> Agreed | Hold | None:
    """What stands in the way on the invoice itself: another parcel of ours, or a number that is not ours."""
    package = choice.package
    owner, number = history.owners.get(package.invoice_number, (None, None))
    if owner not in (None, wanted.shipment):
        if wanted.tracking_number in (number, package.tracking_number):
            return Agreed(choice, _visible(package), f"the same parcel is told by {owner}")
        return Hold("second_parcel", f"invoice {package.invoice_number} carries {number} of {owner}")
    ours = {wanted.tracking_number}
    if owner == wanted.shipment:
        ours |= {body["trackingNumber"] for body in (history.sent, history.unsettled) if body}
    if package.tracking_number is None or package.tracking_number in ours:
        return None
    return Hold(
        "number_differs",
        f"invoice {package.invoice_number} holds {package.tracking_number}, not {wanted.tracking_number}",
    )


def _would_blank_the_date(package: Package, body: Body) -> bool:
    """The date of another parcel, whose number a person has overwritten, is no loss."""
    return body["dispatchedDate"] is None and package.tracking_number == body["trackingNumber"]


def _visible(package: Package) -> Body:
    return patch_body(
        tracking_number=package.tracking_number or "",
        tracking_url=package.tracking_url,
        courier=package.courier,
        dispatched_date=None,
    )
