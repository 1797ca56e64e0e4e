"""PURE: which write, if any, makes VTEX's order agree with the shipment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from receiver.shipments import Parcels, Reason, Sent
from receiver.shipments.numbers import is_among, same_number
from receiver.vtex.choice import Choice, Clues, Hold, Wait, choose, only_invoice, own_invoice
from receiver.vtex.differences import is_earlier_day, iso, same_page
from receiver.vtex.invoice_numbers import unsafe_invoice_number, way_out
from receiver.vtex.orders import Order, Package

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The desired state: the carrier's data in VTEX's terms. ``name`` is the carrier's, the last resort for
    ``courier``. ``other_numbers`` are the parcel's further numbers; ``dispatched_at`` is in the parcel's local time."""

    shipment: str
    tracking_number: str
    tracking_url: str | None
    courier: str | None
    dispatched_at: datetime | None
    configured_courier: str | None
    name: str
    other_numbers: tuple[str, ...] = ()

    def bears(self, number: str | None) -> bool:
        """True if the number is one of the parcel's, no matter how it is written."""
        return is_among(number, (self.tracking_number, *self.other_numbers))


@dataclass(frozen=True, slots=True)
class Owner:
    """The shipment of ours whose tracking an invoice carries. ``number`` is what it last wrote there, ``None`` until
    that is known; ``parcels`` are all that share the invoice. ``aliases`` are all numbers by which its carrier calls
    the parcel. ``moved``: a person has since assigned it to another invoice, so this number is left over.
    ``is_delivered``: its delivery was sent to VTEX. ``by_person``: a person had assigned it when it was written."""

    shipment: str
    number: str | None
    parcels: Parcels = field(default_factory=dict)
    moved: bool = False
    is_delivered: bool = False
    by_person: bool = False
    aliases: frozenset[str] = frozenset()

    @property
    def numbers(self) -> set[str]:
        """The numbers that the invoice may show for it: its own, or those of all parcels that share the invoice."""
        return {*_numbers(self.parcels), *([self.number] if self.number else [])}


@dataclass(frozen=True, slots=True)
class History:
    """What was written before: ``sent`` is the last synced state, ``unsettled`` a PATCH of unknown outcome. ``owners``
    maps an invoice's number to our shipment that wrote there. ``overruled``: a person has named the invoice since;
    ``seen``: the tracking number that it showed then, empty where it had none, ``None`` where that is not known."""

    sent: Sent | None = None
    unsettled: Body | None = None
    owners: Mapping[str, Owner] = field(default_factory=dict)
    overruled: bool = False
    seen: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """An endpoint's settings for two parcels on one invoice, and for a number that a person changed."""

    second_parcel: str = "hold"
    number_changed: str = "keep"


@dataclass(frozen=True, slots=True)
class Write:
    """Send this PATCH. ``over``: the owner that it replaces; ``displaces``: that parcel is no longer on the invoice.
    ``overrules``: because a person has named the invoice."""

    choice: Choice
    body: Body
    parcels: Parcels = field(default_factory=dict)
    over: Owner | None = None
    displaces: bool = False
    overrules: bool = False


@dataclass(frozen=True, slots=True)
class Agreed:
    """VTEX already shows the parcel; ``body`` is what counts as sent."""

    choice: Choice
    body: Body
    note: str = ""
    parcels: Parcels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Keep:
    """The invoice keeps its number, as the endpoint's settings say; ``reason`` is of the kind ``KEPT``."""

    choice: Choice
    reason: Reason
    note: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Room for a write: the parcels that it names, in the order of their dispatch, and the owner that it replaces."""

    choice: Choice
    parcels: Parcels
    over: Owner | None = None
    displaces: bool = False
    overrules: bool = False


def with_aliases(wanted: Wanted, owners: Iterable[Owner]) -> Wanted:
    """The desired state with every number of the parcel that our other shipments know. A gateway and its partner may
    report one parcel, each by a number of its own, and only the gateway may know both."""
    of_others = [owner.aliases for owner in owners if owner.shipment != wanted.shipment]
    same = sorted(number for aliases in of_others if is_among(wanted.tracking_number, aliases) for number in aliases)
    others = [number for number in same if not wanted.bears(number)]
    return replace(wanted, other_numbers=(*wanted.other_numbers, *others)) if others else wanted


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
        note = f"invoice {package.invoice_number!r} of order {order.order_id}; {way_out(package.invoice_number)}"
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
    return Write(place.choice, body, place.parcels, place.over, place.displaces, place.overrules)


def merged(package: Package, wanted: Wanted, history: History, parcels: Parcels) -> Body:
    """The PATCH body: all four keys, merged with the package's values for these parcels, so no filled field is blanked.
    The URL and courier of another parcel, whose number a person has overwritten, are dropped: they would mislead the
    shopper.

    Of several parcels, the page, courier and date are those of the one dispatched first. ``dispatchedDate`` cannot be
    read back, so the date sent before counts as VTEX's.
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
    """The number sent for the parcels: ``A;B`` for several (VTEX community, thread 42917; VTEX documents none)."""
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
    """True if the order shows the body's values, the number in any notation. GET order does not show the dispatch
    date."""
    visible = _visible(package)
    number, own = visible["trackingNumber"], body["trackingNumber"]
    others_match = all(visible[name] == body[name] for name in ("trackingUrl", "courier"))
    return others_match and (number == own or same_number(number, own))


def says_nothing_new(wanted: Wanted, sent: Sent) -> bool:
    """True if a write would change nothing since the last one.

    A write may mail the shopper. A dispatch date is a reason for one only if it was unknown before, or if an earlier
    day became known. A page that differs only in its query is no reason.
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
    """The carrier's values that a write would send, for comparing."""
    courier = wanted.courier or wanted.configured_courier
    return (wanted.tracking_number, wanted.tracking_url, courier, iso(wanted.dispatched_at))


def _among_ours(
    hold: Hold, order: Order, clues: Clues, wanted: Wanted, history: History, policy: Policy
) -> Choice | Hold:
    """Reconsider a hold: numbers that our own other parcels wrote are not foreign."""
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
    """True if a person has put another parcel on the invoice in place of this one, and so decided about both."""
    was_here = history.sent is not None and history.sent.is_at(order_id, package.invoice_number)
    return was_here and owner.by_person and not owner.moved and owner.shipment != wanted.shipment


def _place(
    choice: Choice, owner: Owner | None, order_id: str, wanted: Wanted, history: History, policy: Policy
) -> _Place | Agreed | Keep | Hold:
    """Room for the parcel on the chosen invoice, or the obstacle: another parcel of ours, or a foreign number."""
    other = owner if owner is not None and owner.shipment != wanted.shipment else None
    number = _number_to_show(choice.package.tracking_number, wanted, history, other)
    alone: Parcels = {wanted.shipment: (iso(wanted.dispatched_at), number)}
    is_named = choice.rule == "assigned" and history.overruled
    if is_named and _is_as_seen(choice.package.tracking_number, wanted, history):
        # A person's assignment overwrites once: what is written later wins.
        return _Place(choice, alone, other, displaces=other is not None and not other.moved, overrules=True)
    if other is not None and not other.moved:
        return _beside(choice, other, order_id, wanted, history, policy)
    standing = choice.package.tracking_number
    if standing is None and owner is None and choice.package.is_delivered:
        # Handed over without a number, in a store or by the merchant's own van: this may be its way back.
        note = f"invoice {choice.package.invoice_number} of order {order_id}"
        return Hold(Reason.ALREADY_DELIVERED, note, {"candidates": [choice.package.invoice_number]})
    ours: set[str] = set()
    if other is not None:
        ours |= {other.number or wanted.tracking_number}
    elif owner is not None:
        # A write whose answer was lost is stored only when this claim ends.
        alone = _in_line(owner.parcels or (history.sent.parcels if history.sent else {}), wanted, number)
        ours |= {joined(alone), *_written(history)}
    if standing is None or is_among(standing, ours) or wanted.bears(standing):
        return _Place(choice, alone, other)
    note = f"invoice {choice.package.invoice_number} holds {standing}, not {joined(alone)}"
    if is_named:
        note += f"; a person assigned it while it held {history.seen or 'none'}"
    if owner is None or other is not None or not (history.sent and history.sent.visibility.was_seen):
        return Hold(Reason.NUMBER_DIFFERS, note, {"candidates": [choice.package.invoice_number]})
    if policy.number_changed == "keep":
        return Keep(choice, Reason.NUMBER_CHANGED, note)
    return _Place(_because(choice, 'number_changed = "overwrite"', standing), alone)


def _is_as_seen(standing: str | None, wanted: Wanted, history: History) -> bool:
    """True unless another number stands on the invoice than the person saw who named it: what came to VTEX between the
    decision and its write is not overwritten."""
    if standing is None or history.seen is None or wanted.bears(standing):
        return True
    return standing == history.seen or same_number(standing, history.seen)


def _beside(
    choice: Choice, other: Owner, order_id: str, wanted: Wanted, history: History, policy: Policy
) -> _Place | Agreed | Keep | Hold:
    """The decision when another parcel of ours is on the invoice, which has room for one number."""
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
    if other.is_delivered or package.is_delivered:
        return Hold(Reason.SECOND_PARCEL, f"{note}, and VTEX was told that it is delivered")
    if standing is not None and not is_among(standing, {other.number, *_numbers(other.parcels), *_written(history)}):
        note = f"invoice {package.invoice_number} holds {standing}, not {other.number}"
        return Hold(Reason.NUMBER_DIFFERS, note, {"candidates": [package.invoice_number]})
    because = f'second_parcel = "{policy.second_parcel}"'
    if policy.second_parcel == "join":
        parcels = _in_line(other.parcels, wanted, wanted.tracking_number)
        return _Place(_because(choice, because, other.number, parcels=parcels), parcels, other)
    theirs = other.parcels.get(other.shipment, (None, ""))[0]
    if policy.second_parcel == "latest" and _is_later(wanted.dispatched_at, theirs):
        alone = {wanted.shipment: (iso(wanted.dispatched_at), wanted.tracking_number)}
        return _Place(_because(choice, because, other.number), alone, other, displaces=True)
    return Keep(choice, Reason.OTHER_PARCEL, f"{note}; {because}")


def _number_to_show(standing: str | None, wanted: Wanted, history: History, other: Owner | None) -> str:
    """The number that the invoice should show. A number that is already there keeps VTEX's notation. So does another
    number of the same parcel, unless we wrote it, for this shipment or for the ``other`` one."""
    if standing is None or same_number(standing, wanted.tracking_number):
        return standing or wanted.tracking_number
    ours = _written(history) | (other.numbers if other is not None else set())
    return standing if wanted.bears(standing) and not is_among(standing, ours) else wanted.tracking_number


def _corrects_the_day(body: Body, order_id: str, place: "_Place", wanted: Wanted, history: History) -> bool:
    """True if, as far as we know, only the dispatch day is wrong at VTEX: we wrote this invoice without a date or with
    a later day."""
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
    """True if both dates are known and mine is later."""
    return mine is not None and theirs is not None and mine.replace(microsecond=0) > datetime.fromisoformat(theirs)


def _because(choice: Choice, setting: str, overwrites: str | None, *, parcels: Parcels | None = None) -> Choice:
    more = {"overwrites": overwrites, "because": setting, "parcels": parcels}
    return replace(choice, evidence={**choice.evidence, **{name: value for name, value in more.items() if value}})


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
    """The bodies that we wrote, or may have written."""
    return [body for body in (history.sent.body if history.sent else None, history.unsettled) if body]


def _would_blank_the_date(package: Package, body: Body) -> bool:
    """True if the body would blank this parcel's date. That of another parcel, overwritten by a person, may go."""
    return body["dispatchedDate"] is None and same_number(package.tracking_number, body["trackingNumber"])


def _visible(package: Package) -> Body:
    return patch_body(
        tracking_number=package.tracking_number or "",
        tracking_url=package.tracking_url,
        courier=package.courier,
        dispatched_date=None,
    )
