"""PURE: given the order VTEX shows and the shipment we know, which write makes them agree, if any."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from receiver.shipments import Parcels, Reason, Sent
from receiver.shipments.numbers import is_among, same_number
from receiver.vtex.choice import Choice, Clues, Hold, Wait, choose, only_invoice, own_invoice
from receiver.vtex.differences import is_earlier_day, iso, same_page
from receiver.vtex.orders import Order, Package

#: What makes VTEX fail on an invoice's own number: "/" is decoded before routing (KI-1302085), white space gives 500
#: (KI-409225), "#" and the like broke its replication (KI-953285); ":" and the like are refused by its web server as a
#: dangerous path. What is not printable is unsafe, too.
_UNSAFE = re.compile(r"[\s/\\#?%:*<>|\"&]")
#: An id's length is nowhere documented; nothing seen comes near this.
MOST_SEGMENT = 200

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the carrier's word comes to. ``name`` is the carrier's, the last resort for ``courier``. ``other_numbers``
    are the parcel's further numbers; ``dispatched_at`` is on the parcel's local clock."""

    shipment: str
    tracking_number: str
    tracking_url: str | None
    courier: str | None
    dispatched_at: datetime | None
    configured_courier: str | None
    name: str
    other_numbers: tuple[str, ...] = ()

    def bears(self, number: str | None) -> bool:
        """True where the number is one of the parcel's, no matter how it is written."""
        return is_among(number, (self.tracking_number, *self.other_numbers))


@dataclass(frozen=True, slots=True)
class Owner:
    """The shipment of ours whose tracking an invoice carries. ``number`` is what it wrote there last, ``None`` until
    that is known; ``parcels`` are all that are told there. ``moved``: a person has sent it to another invoice since,
    and what stands here is left over. ``is_delivered``: VTEX was told that it is delivered. ``by_person``: a person
    had assigned it when it was written."""

    shipment: str
    number: str | None
    parcels: Parcels = field(default_factory=dict)
    moved: bool = False
    is_delivered: bool = False
    by_person: bool = False

    @property
    def numbers(self) -> set[str]:
        """What the invoice may show of it: its number, or those of all parcels that are told there."""
        return {*_numbers(self.parcels), *([self.number] if self.number else [])}


@dataclass(frozen=True, slots=True)
class History:
    """What went before: ``sent`` is what VTEX was last in step with, ``unsettled`` a PATCH of unknown outcome;
    ``owners`` maps an invoice's number to the shipment of ours that wrote there. ``overruled``: a person has named the
    invoice since."""

    sent: Sent | None = None
    unsettled: Body | None = None
    owners: Mapping[str, Owner] = field(default_factory=dict)
    overruled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an endpoint's settings say of two parcels on one invoice, and of a number that a person changed."""

    second_parcel: str = "hold"
    number_changed: str = "keep"


@dataclass(frozen=True, slots=True)
class Write:
    """Send this PATCH. ``over``: whose place on the invoice it takes; ``displaces``: that parcel is no longer told."""

    choice: Choice
    body: Body
    parcels: Parcels = field(default_factory=dict)
    over: Owner | None = None
    displaces: bool = False


@dataclass(frozen=True, slots=True)
class Agreed:
    """VTEX already shows it; ``body`` is what counts as sent."""

    choice: Choice
    body: Body
    note: str = ""
    parcels: Parcels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Keep:
    """VTEX keeps what it holds, as the endpoint's settings say; ``reason`` is one of those that keep."""

    choice: Choice
    reason: Reason
    note: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Room for a write: the parcels it tells, in the order of their dispatch, and whom it moves aside."""

    choice: Choice
    parcels: Parcels
    over: Owner | None = None
    displaces: bool = False


def decide(
    order: Order, clues: Clues, wanted: Wanted, history: History, policy: Policy = Policy()
) -> Write | Agreed | Keep | Wait | Hold:
    """The one write that makes VTEX agree with the carrier, or why there is none."""
    choice = choose(order, clues)
    if isinstance(choice, Hold):
        choice = _among_ours(choice, order, clues, wanted, history, policy)
    if not isinstance(choice, Choice):
        return choice
    package = choice.package
    if unsafe_invoice_number(package.invoice_number):
        note = f"invoice {package.invoice_number!r} of order {order.order_id}; {_way_out(package.invoice_number)}"
        return Hold(Reason.UNSAFE_INVOICE_NUMBER, note)
    owner = history.owners.get(package.invoice_number)
    place = _place(choice, owner, order.order_id, wanted, history, policy)
    if not isinstance(place, _Place):
        return place
    body = merged(package, wanted, history, place.parcels)
    if shows(package, body) and not _corrects_the_day(body, order.order_id, place, wanted, history):
        return Agreed(place.choice, {**body, "dispatchedDate": _date_sent(history)}, parcels=place.parcels)
    if (owner is None or owner.shipment != wanted.shipment) and _would_blank_the_date(package, body):
        note = "the dispatch date is unknown; writing would blank the one VTEX has"
        return Agreed(place.choice, _visible(package), note)
    return Write(place.choice, body, place.parcels, place.over, place.displaces)


def merged(package: Package, wanted: Wanted, history: History, parcels: Parcels) -> Body:
    """The PATCH body: all four keys, over what the package holds of these parcels; a filled field is never blanked. The
    URL and courier of another parcel, whose number a person has overwritten, would send the shopper astray.

    Of several parcels the one dispatched first has its page, courier and date there. ``dispatchedDate`` cannot be read
    back: what was sent before stands in for what VTEX has.
    """
    number = joined(parcels)
    first = next(iter(parcels))
    ours = {number, *_numbers(parcels), *_written(history)}
    held = package if package.tracking_number is None or is_among(package.tracking_number, ours) else None
    url, courier = held.tracking_url if held else None, held.courier if held else None
    is_same_page = same_number(package.tracking_number, number) and same_page(url, wanted.tracking_url)
    own_courier = wanted.courier or wanted.configured_courier
    if first != wanted.shipment:
        return patch_body(
            tracking_number=number,
            tracking_url=url or wanted.tracking_url,
            courier=courier or own_courier or wanted.name,
            dispatched_date=parcels[first][0],
        )
    return patch_body(
        tracking_number=number,
        tracking_url=url if is_same_page else wanted.tracking_url or url,
        courier=own_courier or courier or wanted.name,
        dispatched_date=_earliest(iso(wanted.dispatched_at), _date_sent(history)),
    )


def joined(parcels: Parcels) -> str:
    """The text VTEX gets for the parcels: ``A;B`` for several (VTEX community, thread 42917; VTEX documents none)."""
    return ";".join(_numbers(parcels))


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


def shows(package: Package, body: Mapping[str, Any]) -> bool:
    """True where GET order shows what the body says, the number in any notation; the dispatch date is not among what it
    shows."""
    visible = _visible(package)
    number, own = visible["trackingNumber"], body["trackingNumber"]
    others_match = all(visible[name] == body[name] for name in ("trackingUrl", "courier"))
    return others_match and (number == own or same_number(number, own))


def says_nothing_new(wanted: Wanted, sent: Sent) -> bool:
    """True where a write would repeat what was sent, or leave alone what was left.

    A write may mail the shopper. A dispatch date is a reason for one only where it was unknown before, or where an
    earlier day became known. A page that differs in its query alone is none.
    """
    if words(wanted) == sent.wanted:
        return True
    own = sent.parcels.get(wanted.shipment)
    former = sent.wanted[0] if sent.wanted else own[1] if own else sent.tracking_number
    if not same_number(wanted.tracking_number, former):
        return False
    if own is not None and wanted.shipment != next(iter(sent.parcels)):
        return True  # page, courier and date are those of the parcel dispatched first
    if sent.written and is_earlier_day(iso(wanted.dispatched_at), sent.dispatched_date):
        return False
    courier = wanted.courier or wanted.configured_courier
    is_same_page = wanted.tracking_url is None or same_page(wanted.tracking_url, sent.tracking_url)
    return is_same_page and courier in (None, sent.courier)


def words(wanted: Wanted) -> tuple[str | None, ...]:
    """What a write would tell VTEX in the carrier's name, for comparing."""
    courier = wanted.courier or wanted.configured_courier
    return (wanted.tracking_number, wanted.tracking_url, courier, iso(wanted.dispatched_at))


def unsafe_invoice_number(number: str) -> bool:
    """True for an invoice number by which VTEX cannot be addressed, encoded or not."""
    if not number or number in (".", "..") or len(number) > MOST_SEGMENT:
        return True
    return not number.isprintable() or bool(_UNSAFE.search(number))


def _way_out(number: str) -> str:
    """What a person can do about an invoice that cannot be addressed."""
    if re.search(r"\s", number):
        return (
            "VTEX fails on white space in Admin, too (KI-409225): post the invoice again under a number without it, "
            "with the tracking inside"
        )
    return "enter the tracking in VTEX Admin"


def _among_ours(
    hold: Hold, order: Order, clues: Clues, wanted: Wanted, history: History, policy: Policy
) -> Choice | Hold:
    """Numbers that our own other parcels wrote are not foreign ones."""
    owners = [history.owners.get(package.invoice_number) for package in order.outputs]
    for package, owner in zip(order.outputs, owners, strict=True):
        if owner is not None and _has_overwritten(owner, order.order_id, package, wanted, history):
            return own_invoice(order, package, clues)
    if hold.reason != Reason.NUMBER_DIFFERS or None in owners:
        return hold
    alone = owners[0] if len(owners) == 1 else None
    if alone is not None and (alone.moved or policy.second_parcel != "hold"):
        return only_invoice(order, clues)
    return Hold(Reason.SECOND_PARCEL, hold.note, hold.evidence)


def _has_overwritten(owner: Owner, order_id: str, package: Package, wanted: Wanted, history: History) -> bool:
    """True where a person has put another parcel on the invoice in this one's place: that decided about both."""
    was_here = history.sent is not None and history.sent.is_at(order_id, package.invoice_number)
    return was_here and owner.by_person and not owner.moved and owner.shipment != wanted.shipment


def _place(
    choice: Choice, owner: Owner | None, order_id: str, wanted: Wanted, history: History, policy: Policy
) -> _Place | Agreed | Keep | Hold:
    """Room for the parcel on the chosen invoice, or what stands in the way: another parcel of ours, or a number that is
    not ours."""
    number = _number_to_show(choice.package.tracking_number, wanted, history)
    alone: Parcels = {wanted.shipment: (iso(wanted.dispatched_at), number)}
    other = owner if owner is not None and owner.shipment != wanted.shipment else None
    if choice.rule == "assigned" and history.overruled:
        # A person's word overwrites once: what comes later has the better right.
        return _Place(choice, alone, other, displaces=other is not None and not other.moved)
    if other is not None and not other.moved:
        return _beside(choice, other, order_id, wanted, history, policy)
    standing = choice.package.tracking_number
    ours: set[str] = set()
    if other is not None:
        ours |= {other.number or wanted.tracking_number}
    elif owner is not None:
        # The store learns of a write whose answer was lost only with this claim's end.
        alone = _in_line(owner.parcels or (history.sent.parcels if history.sent else {}), wanted, number)
        ours |= {joined(alone), *_written(history)}
    if standing is None or is_among(standing, ours) or wanted.bears(standing):
        return _Place(choice, alone, other)
    note = f"invoice {choice.package.invoice_number} holds {standing}, not {joined(alone)}"
    if owner is None or other is not None or not (history.sent and history.sent.visibility.was_seen):
        return Hold(Reason.NUMBER_DIFFERS, note, {"candidates": [choice.package.invoice_number], "holds": [standing]})
    if policy.number_changed == "keep":
        return Keep(choice, Reason.NUMBER_CHANGED, note)
    return _Place(_because(choice, 'number_changed = "overwrite"', standing), alone)


def _beside(
    choice: Choice, other: Owner, order_id: str, wanted: Wanted, history: History, policy: Policy
) -> _Place | Agreed | Keep | Hold:
    """Another parcel of ours is on the invoice, which has room for one number."""
    package, standing = choice.package, choice.package.tracking_number
    is_told = wanted.shipment in other.parcels
    if not is_told and any(map(wanted.bears, (other.number, standing, *_numbers(other.parcels)))):
        return Agreed(choice, _visible(package), f"the same parcel is told by {other.shipment}")
    carried = f"{other.number} of {other.shipment}" if other.number else f"what {other.shipment} is about to write"
    note = f"invoice {package.invoice_number} carries {carried}"
    if _has_overwritten(other, order_id, package, wanted, history):
        return Keep(choice, Reason.OTHER_PARCEL, f"{note}; a person assigned it in this parcel's place")
    if policy.second_parcel == "hold" or other.number is None:
        return Hold(Reason.SECOND_PARCEL, note)
    if other.is_delivered:
        return Hold(Reason.SECOND_PARCEL, f"{note}, and VTEX was told that it is delivered")
    if standing is not None and not is_among(standing, {other.number, *_numbers(other.parcels), *_written(history)}):
        note = f"invoice {package.invoice_number} holds {standing}, not {other.number}"
        return Hold(Reason.NUMBER_DIFFERS, note, {"candidates": [package.invoice_number], "holds": [standing]})
    because = f'second_parcel = "{policy.second_parcel}"'
    if policy.second_parcel == "join":
        parcels = _in_line(other.parcels, wanted, wanted.tracking_number)
        return _Place(_because(choice, because, other.number, parcels=parcels), parcels, other)
    theirs = other.parcels.get(other.shipment, (None, ""))[0]
    if policy.second_parcel == "latest" and _is_later(wanted.dispatched_at, theirs):
        alone = {wanted.shipment: (iso(wanted.dispatched_at), wanted.tracking_number)}
        return _Place(_because(choice, because, other.number), alone, other, displaces=True)
    return Keep(choice, Reason.OTHER_PARCEL, f"{note}; {because}")


def _number_to_show(standing: str | None, wanted: Wanted, history: History) -> str:
    """The parcel's number as the invoice is to show it. One that is there already stays in VTEX's own notation; so does
    another number of the same parcel, unless we wrote it ourselves."""
    if standing is None or same_number(standing, wanted.tracking_number):
        return standing or wanted.tracking_number
    is_own = wanted.bears(standing) and not is_among(standing, _written(history))
    return standing if is_own else wanted.tracking_number


def _corrects_the_day(body: Body, order_id: str, place: "_Place", wanted: Wanted, history: History) -> bool:
    """True where nothing but the dispatch day is wrong at VTEX, as far as we know: we wrote this invoice, without a
    date or with a later day."""
    sent, invoice = history.sent, place.choice.package.invoice_number
    if sent is None or not sent.written or not sent.is_at(order_id, invoice) or sent.visibility.is_elsewhere:
        return False
    is_first = next(iter(place.parcels)) == wanted.shipment
    return is_first and is_earlier_day(body["dispatchedDate"], _date_sent(history))


def _in_line(parcels: Parcels, wanted: Wanted, number: str) -> Parcels:
    """The parcels with this one, in the order of their dispatch; those of unknown date last."""
    former = parcels.get(wanted.shipment, (None, ""))[0]
    several = {**parcels, wanted.shipment: (iso(wanted.dispatched_at) or former, number)}

    def by_dispatch(shipment: str) -> tuple[bool, float, str]:
        at = several[shipment][0]
        return (at is None, datetime.fromisoformat(at).timestamp() if at else 0.0, shipment)

    return {shipment: several[shipment] for shipment in sorted(several, key=by_dispatch)}


def _is_later(mine: datetime | None, theirs: str | None) -> bool:
    """Only a known date is later than a known one."""
    return mine is not None and theirs is not None and mine.replace(microsecond=0) > datetime.fromisoformat(theirs)


def _because(choice: Choice, setting: str, overwrites: str | None, *, parcels: Parcels | None = None) -> Choice:
    told = {"overwrites": overwrites, "because": setting, "parcels": parcels}
    return replace(choice, evidence={**choice.evidence, **{name: value for name, value in told.items() if value}})


def _numbers(parcels: Parcels) -> list[str]:
    return list(dict.fromkeys(number for _, number in parcels.values()))


def _earliest(known: str | None, sent: str | None) -> str | None:
    """The date known now, unless an earlier day was sent before."""
    if known is None or sent is None:
        return known or sent
    return sent if is_earlier_day(sent, known) else known


def _date_sent(history: History) -> str | None:
    dates = [body.get("dispatchedDate") for body in _bodies(history)]
    return next(filter(None, dates), None)


def _written(history: History) -> set[str]:
    return {body["trackingNumber"] for body in _bodies(history)}


def _bodies(history: History) -> list[Body]:
    """What we wrote, or may have written."""
    return [body for body in (history.sent.body if history.sent else None, history.unsettled) if body]


def _would_blank_the_date(package: Package, body: Body) -> bool:
    """The date of another parcel, whose number a person has overwritten, is no loss."""
    return body["dispatchedDate"] is None and same_number(package.tracking_number, body["trackingNumber"])


def _visible(package: Package) -> Body:
    return patch_body(
        tracking_number=package.tracking_number or "",
        tracking_url=package.tracking_url,
        courier=package.courier,
        dispatched_date=None,
    )
