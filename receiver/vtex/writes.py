"""PURE: which write, if any, makes VTEX's order agree with the shipment."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from receiver.shipments import Parcels, Reason, Sent
from receiver.shipments.numbers import is_among, joins, same_number
from receiver.vtex.choice import Choice, Clues, Hold, Wait, choose, only_invoice, own_invoice
from receiver.vtex.differences import is_earlier_day, iso, same_page
from receiver.vtex.invoice_numbers import unsafe_invoice_number, way_out
from receiver.vtex.orders import Order, Package
from receiver.vtex.patch_body import joined, merged, shows, visible
from receiver.vtex.wanted import Body, History, Owner, Wanted, tracking_numbers_of, words


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """An endpoint's settings for two parcels on one invoice, and for a number that a person changed."""

    second_parcel: str = "hold"
    number_changed: str = "keep"


@dataclass(frozen=True, slots=True)
class Write:
    """Send this PATCH. ``over``: the owner that it replaces; ``displaces``: the numbers of all our other shipments are
    gone from the invoice then. ``overrules``: because a person has named the invoice."""

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
        return Agreed(place.choice, {**body, "dispatchedDate": history.date_sent}, parcels=place.parcels)
    if (owner is None or owner.shipment != wanted.shipment) and _would_blank_the_date(package, body):
        note = "the dispatch date is unknown; writing would blank the one VTEX has"
        return Agreed(place.choice, visible(package), note)
    return Write(place.choice, body, place.parcels, place.over, place.displaces, place.overrules)


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


def tells_more(wanted: Wanted, sent: Sent) -> bool:
    """True if another endpoint knows more of a parcel that we wrote: an earlier dispatch day, or its page."""
    if not sent.written:
        return False
    is_page_new = wanted.tracking_url is not None and sent.tracking_url is None
    return is_page_new or is_earlier_day(iso(wanted.dispatched_at), sent.dispatched_date)


def _among_ours(
    hold: Hold, order: Order, clues: Clues, wanted: Wanted, history: History, policy: Policy
) -> Choice | Hold:
    """Reconsider a hold: numbers that our own other parcels wrote are not foreign."""
    owners = [history.owners.get(package.invoice_number) for package in order.outputs]
    for package, owner in zip(order.outputs, owners, strict=True):
        by_person = owner is not None and _has_overwritten(owner, order.order_id, package, wanted, history)
        if by_person and not history.taken_back:
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
        return _Place(choice, alone, other, displaces=True, overrules=True)
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
        ours |= {joined(alone, standing), *history.written}
    if standing is None or is_among(standing, ours) or wanted.bears(standing):
        return _Place(choice, alone, other)
    note = f"invoice {choice.package.invoice_number} holds {standing}, not {joined(alone, standing)}"
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
    theirs = [other.number, *tracking_numbers_of(other.parcels)]
    if standing not in history.written:  # VTEX may still show what we wrote before them
        theirs.append(standing)
    if not is_told and any(map(wanted.bears, theirs)):
        return Agreed(choice, visible(package), f"the same parcel is told by {other.shipment}")
    carried = f"{other.number} of {other.shipment}" if other.number else f"what {other.shipment} is about to write"
    note = f"invoice {package.invoice_number} carries {carried}"
    if _has_overwritten(other, order_id, package, wanted, history):
        note += "; a person assigned it in this parcel's place"
        # What was said of both no longer holds, and no rule takes the place that a person gave to the other.
        return Hold(Reason.SECOND_PARCEL, note) if history.taken_back else Keep(choice, Reason.OTHER_PARCEL, note)
    if policy.second_parcel == "hold" or other.number is None:
        return Hold(Reason.SECOND_PARCEL, note)
    if other.is_delivered or package.is_delivered:
        return Hold(Reason.SECOND_PARCEL, f"{note}, and VTEX was told that it is delivered")
    joint = tracking_numbers_of(other.parcels)
    # Where parcels share an invoice, this one may have shared it before, and come back.
    again = [*joint, wanted.tracking_number] if policy.second_parcel == "join" else joint
    is_ours = is_among(standing, {other.number, *joint, *history.written}) or joins(standing, joint)
    if standing is not None and not is_ours and not joins(standing, again):
        note = f"invoice {package.invoice_number} holds {standing}, not {other.number}"
        return Hold(Reason.NUMBER_DIFFERS, note, {"candidates": [package.invoice_number]})
    because = f'second_parcel = "{policy.second_parcel}"'
    if policy.second_parcel == "join":
        parcels = _in_line(other.parcels, wanted, wanted.tracking_number)
        return _Place(_because(choice, because, other.number, parcels=parcels), parcels, other)
    dispatched = other.parcels.get(other.shipment, (None, ""))[0]
    if policy.second_parcel == "latest" and _is_later(wanted.dispatched_at, dispatched):
        alone = {wanted.shipment: (iso(wanted.dispatched_at), wanted.tracking_number)}
        return _Place(_because(choice, because, other.number), alone, other, displaces=True)
    return Keep(choice, Reason.OTHER_PARCEL, f"{note}; {because}")


def _number_to_show(standing: str | None, wanted: Wanted, history: History, other: Owner | None) -> str:
    """The number that the invoice should show. A number that is already there keeps VTEX's notation. So does another
    number of the same parcel, unless we wrote it, for this shipment or for the ``other`` one."""
    if standing is None or same_number(standing, wanted.tracking_number):
        return standing or wanted.tracking_number
    ours = history.written | (other.numbers if other is not None else set())
    return standing if wanted.bears(standing) and not is_among(standing, ours) else wanted.tracking_number


def _corrects_the_day(body: Body, order_id: str, place: "_Place", wanted: Wanted, history: History) -> bool:
    """True if, as far as we know, only the dispatch day is wrong at VTEX: we wrote this invoice without a date or with
    a later day."""
    sent, invoice = history.sent, place.choice.package.invoice_number
    if sent is None or not sent.written or not sent.is_at(order_id, invoice) or sent.visibility.is_elsewhere:
        return False
    is_first = next(iter(place.parcels)) == wanted.shipment
    return is_first and is_earlier_day(body["dispatchedDate"], history.date_sent)


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


def _would_blank_the_date(package: Package, body: Body) -> bool:
    """True if the body would blank this parcel's date. That of another parcel, overwritten by a person, may go."""
    return body["dispatchedDate"] is None and same_number(package.tracking_number, body["trackingNumber"])
