"""Nasty orders, each with the truth beside it, and what is decided about them.

A world is made first: invoices, of which some are not in VTEX yet, and one parcel that belongs to exactly one of them.
Then VTEX and the carrier each tell their part of it: padded, stripped, in other capitals, in one with the series,
incomplete, or plainly wrong. The parcel's number may stand at VTEX in another notation or under an alias, and what
stands there may be a text that is no number. An invoice may have been delivered by the merchant's own van.

What no rule could know is left out: two invoices of one number are invoiced together and never in one box; a carrier
that errs does not err from one to the other; where the merchant says that no two parcels share an invoice, they do not.
Every order falls under one of the policies of a second parcel and of a changed number.
"""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from receiver.shipments import Visibility
from receiver.vtex.choice import Clues
from receiver.vtex.invoice_numbers import unsafe_invoice_number
from receiver.vtex.orders import Order, read_order
from receiver.vtex.patch_body import patch_body
from receiver.vtex.wanted import History, Owner, Wanted, with_aliases
from receiver.vtex.writes import Agreed, Policy, Write, decide
from tests.support.sent_cases import sent_of

EARLIER, LATER = "2026-11-09T12:00:00+00:00", "2026-11-11T12:00:00+00:00"
MINE = "melhor-envio/mine"
NUMBER, ALIAS = "TN1", "LGI-0042BR"
#: The parcel's numbers as other systems write them.
NOTATIONS = [NUMBER, "tn1", "T N-1", "tn.1"]
ALIASES = [ALIAS, "lgi0042br", "LGI 0042 BR"]
#: Texts that the merchant's ERP writes where VTEX wants any number.
PLACEHOLDERS = ("834", "-", "{invoice_number}", "{order_id}")
WANTED = Wanted(
    shipment=MINE,
    tracking_number=NUMBER,
    tracking_url="https://track.example/TN1",
    courier="Jadlog",
    dispatched_at=datetime(2026, 11, 10, 12, tzinfo=UTC),
    configured_courier=None,
    name="Melhor Envio",
)


@dataclass(kw_only=True)
class Invoice:
    """An invoice as it is, and how VTEX stores it: ``style`` is how its number is written there."""

    number: int
    series: int
    stored: str
    stored_key: str | None
    value: int
    style: str = "plain"
    there: bool = True
    tracking: str | None = None
    delivered: bool = False

    @property
    def key(self) -> str:
        return f"3526111111111100019155{self.series:03}{self.number:09}1234567890"

    def package(self) -> dict[str, Any]:
        return {
            "type": "Output",
            "invoiceNumber": self.stored,
            "invoiceKey": self.stored_key,
            "invoiceValue": self.value,
            "trackingNumber": self.tracking,
            "courierStatus": {"status": "unknown", "finished": True} if self.delivered else "unknown",
            "items": [{"itemIndex": 0, "quantity": 1, "price": 1}, {"itemIndex": 1, "quantity": 1, "price": 1}],
        }


@dataclass(kw_only=True)
class Case:
    """One order with its truth. ``second``: another parcel of the invoice was first, and it has room for one number;
    ``joint``: what VTEX must be told then, where the policy says that this one is told, too. ``told_elsewhere``:
    another endpoint has told this very parcel under another number. ``clear``: nothing is missing and nothing
    contradicts, so it must be written. ``off``: by how many cents VTEX's sum is wrong."""

    truth: Invoice
    invoices: list[Invoice]
    clues: Clues = field(default_factory=lambda: Clues(tracking_number=NUMBER))
    history: History = field(default_factory=History)
    policy: Policy = field(default_factory=Policy)
    joint: str | None = None
    cancelled: bool = False
    placeholders: tuple[str, ...] = ()
    wanted: Wanted = WANTED
    status: str = "handling"
    off: int = 0
    second: bool = False
    told_elsewhere: bool = False
    returns: list[dict[str, Any]] = field(default_factory=list)
    clear: bool = False

    @property
    def document(self) -> dict[str, Any]:
        return {
            "orderId": "1-01",
            "status": self.status,
            "items": [{"id": "SKU-1", "uniqueId": "A"}, {"id": "SKU-1", "uniqueId": "B"}],
            "value": sum(invoice.value for invoice in self.invoices) + self.off,
            "packageAttachment": {
                "packages": [invoice.package() for invoice in self.invoices if invoice.there] + self.returns
            },
        }

    @property
    def order(self) -> Order:
        return read_order(self.document).without_placeholders(self.placeholders)

    @property
    def shows_mine(self) -> bool:
        """The true invoice shows one of the parcel's numbers."""
        return self.truth.tracking in [*NOTATIONS, *(ALIASES if self.wanted.other_numbers else [])]

    @property
    def right(self) -> str | None:
        """The number VTEX may be told: the true invoice's, if it is there and that number names nothing else. A person
        may also name one of a cancelled order."""
        packages = self.document["packageAttachment"]["packages"]
        bearing = [package["type"] for package in packages if package["invoiceNumber"] == self.truth.stored]
        if self.clues.assigned:
            return self.truth.stored if bearing == ["Output"] else None
        told = self.joint is not None or not self.second
        is_closed = self.cancelled or self.is_handed_over
        return self.truth.stored if bearing == ["Output"] and not is_closed and told else None

    @property
    def is_handed_over(self) -> bool:
        """The true invoice is delivered, and not by this parcel: another one of ours is there, or no number at all."""
        if not self.truth.delivered:
            return False
        shown = [one.tracking_number for one in self.order.outputs if one.invoice_number == self.truth.stored]
        return self.second or (shown == [None] and self.truth.stored not in self.history.owners)


def nasty(chance: random.Random) -> Case:
    """A world, and what VTEX and the carrier tell of it."""
    invoices = _invoices(chance)
    case = Case(truth=chance.choice(invoices), invoices=invoices, cancelled=chance.random() < 0.05)
    case.policy = Policy(
        second_parcel=chance.choice(["hold", "first", "latest", "join"]),
        number_changed=chance.choice(["keep", "overwrite"]),
    )
    case.placeholders = PLACEHOLDERS if chance.random() < 0.3 else ()
    if chance.random() < 0.3:
        case.wanted = replace(WANTED, other_numbers=(ALIAS,))
    twins = len({invoice.number for invoice in invoices}) < len(invoices)
    if not twins:
        for invoice in invoices:
            invoice.there = chance.random() < 0.75
            invoice.stored += chance.choice(["/1", " ", "#", " A"]) if chance.random() < 0.03 else ""
    elif chance.random() < 0.2:
        for invoice in invoices:
            invoice.there = False
    _status(chance, case)
    case.clues, named, honest = _clues(chance, case)
    case.clues = replace(case.clues, other_numbers=case.wanted.other_numbers)
    case.clues = replace(case.clues, one_parcel_per_invoice=not named and chance.random() < 0.4)
    _other_parcels(chance, case, named=named)
    ours = {number: owner.numbers for number, owner in case.history.owners.items() if not owner.moved}
    case.clues = replace(case.clues, ours={number: its for number, its in ours.items() if its != {"OLD1"}})
    _placeholders(chance, case)
    for invoice in invoices:
        invoice.delivered = chance.random() < 0.06
    _returns(chance, case)
    is_filled = bool(case.placeholders) and case.truth.tracking in _filled(case.truth)
    is_free = case.truth.tracking is None or case.shows_mine or case.told_elsewhere or is_filled
    case.clear = bool(honest and not twins and case.right is not None and is_free)
    case.clear &= not unsafe_invoice_number(case.truth.stored)
    chance.shuffle(case.invoices)
    return case


def _status(chance: random.Random, case: Case) -> None:
    """VTEX says ``invoiced`` only where no invoice is to come; then its sums may be off."""
    if case.cancelled:
        case.status = chance.choice(["canceled", "replaced"])
    elif all(invoice.there for invoice in case.invoices) and chance.random() < 0.6:
        case.status, case.off = "invoiced", chance.choice([0, 0, 10, -sum(invoice.value for invoice in case.invoices)])


def _invoices(chance: random.Random) -> list[Invoice]:
    first = chance.choice([7, 900, 30711, 445494])
    made: list[Invoice] = []
    for place in range(chance.choice([1, 1, 2, 2, 3, 4, 5])):
        number, series = first + place, 1
        if made and chance.random() < 0.1:  # the numbers of two series run into one another
            number, series = made[-1].number, made[-1].series + 1
        stored = chance.choice([str(number), str(number), f"{number:09}", f"{number:06}", f"0{number}"])
        invoice = Invoice(number=number, series=series, stored=stored, stored_key=None, value=chance.randint(1, 9_999))
        invoice.stored_key = chance.choice([None, invoice.key, invoice.key, f"NFe{invoice.key}", "unknown"])
        made.append(invoice)
    letters = len({invoice.number for invoice in made}) == len(made)  # letters tell nothing of two series
    for invoice in made:
        _restyle(chance, invoice, chance.choice(["plain"] * 6 + ["series", "key", "letters" if letters else "plain"]))
    return made


def _restyle(chance: random.Random, invoice: Invoice, style: str) -> None:
    """Some ERPs store number and series in one, the key as the number, or letters."""
    invoice.style, number, series = style, invoice.number, invoice.series
    if invoice.style == "series":
        invoice.stored = chance.choice([f"{number}-{series}", f"{number:09}-{series:02}"])
    elif invoice.style == "key":
        invoice.stored, invoice.stored_key = invoice.key, chance.choice([None, invoice.key])
    elif invoice.style == "letters":
        invoice.stored = f"NFv{invoice.number}s{invoice.series}"


def _clues(chance: random.Random, case: Case) -> tuple[Clues, bool, bool]:
    """What the carrier says; whether it names an invoice at all; whether all of it is true and enough."""
    truth, clues = case.truth, Clues(tracking_number=NUMBER)
    said = chance.random()
    if said < 0.25:
        return clues, False, False
    if said < 0.3:
        who = chance.choice(["assigned_invoice", "linked_invoice"])
        if who == "linked_invoice":
            return replace(clues, linked_invoice=truth.stored), True, True
        return replace(clues, assigned_invoice=truth.stored, assigned=True), True, True
    number = _said_number(chance, truth)
    key = chance.choice([truth.key, f"NFe{truth.key}"])
    other = chance.choice(case.invoices)
    foreign = replace(truth, number=truth.number + chance.randint(50, 99))
    if said < 0.42:  # a field of the carrier's form was used for something else, or for another invoice
        wrong = chance.choice([other, other, foreign])
        if wrong.number == truth.number:
            wrong = foreign
        if chance.random() < 0.5:
            return replace(clues, invoice_numbers=[number], invoice_keys=[wrong.key]), True, False
        return replace(clues, invoice_numbers=[str(wrong.number)], invoice_keys=[key]), True, False
    if said < 0.46:
        return replace(clues, invoice_numbers=["1172452900788"]), True, False
    if said < 0.5:
        return replace(clues, invoice_numbers=[number, str(other.number)]), True, False
    has_number, has_key = chance.choice([(True, False), (True, False), (False, True), (True, True)])
    series = [str(truth.series)] if has_number and chance.random() < 0.4 else []
    clues = replace(
        clues,
        invoice_numbers=[number] if has_number else [],
        invoice_series=series,
        invoice_keys=[key] if has_key else [],
    )
    enough = {
        "plain": has_number or truth.stored_key is not None,
        "series": bool(series) or has_key,
        "key": has_key,
        "letters": has_number,
    }
    return clues, True, enough[truth.style]


def _said_number(chance: random.Random, truth: Invoice) -> str:
    if truth.style == "letters" or (truth.style == "plain" and chance.random() < 0.3):
        return chance.choice([truth.stored, truth.stored.upper()])
    return chance.choice([str(truth.number), str(truth.number), f"{truth.number:09}", f"00{truth.number}"])


def _other_parcels(chance: random.Random, case: Case, *, named: bool) -> None:
    """Tracking that is there already: of other parcels, of this one, of this one under an earlier number."""
    owners: dict[str, Owner] = {}
    for place, invoice in enumerate(case.invoices):
        if (
            invoice is case.truth
            or not invoice.there
            or chance.random() < (0.1 if case.clues.one_parcel_per_invoice else 0.5)
        ):
            continue
        invoice.tracking = f"OTHER{place}"
        if named and chance.random() < 0.1 and invoice.number != case.truth.number:  # a box with two invoices
            invoice.tracking = NUMBER
        elif chance.random() < (0.9 if case.clues.one_parcel_per_invoice else 0.5):
            who = f"melhor-envio/{place}"
            owners[invoice.stored] = Owner(who, invoice.tracking, {who: (EARLIER, invoice.tracking)})
            shown = ["other-1", invoice.tracking] if place == 1 else [invoice.tracking]
            invoice.tracking = chance.choice(["FOREIGN", None, *shown * 6])  # changed since; not shown yet
    draw, sent = chance.random(), None
    if case.truth.there and not case.clues.assigned and chance.random() < 0.05:
        # A gateway has told this parcel under its partner's number, and knows this one, too.
        case.truth.tracking, gateway = "PARTNER1", "gateway/mine"
        parcels = {gateway: (EARLIER, "PARTNER1")}
        owners[case.truth.stored] = Owner(gateway, "PARTNER1", parcels, aliases=frozenset({"PARTNER1", "tn 1"}))
        case.told_elsewhere = True
    elif case.truth.there and draw < 0.15:
        case.truth.tracking = chance.choice([*NOTATIONS, *(ALIASES if case.wanted.other_numbers else [])])
    elif case.truth.there and draw < 0.25:
        case.truth.tracking = chance.choice(["OLD1", "old-1", "RETYPED"])
        owners[case.truth.stored] = Owner(MINE, "OLD1", {MINE: (EARLIER, "OLD1")})
        body = patch_body(tracking_number="OLD1", tracking_url=None, courier="Jadlog", dispatched_date=None)
        sent = sent_of(body, invoice=case.truth.stored, visibility=Visibility.SEEN)
        case.clues = replace(case.clues, own_invoice=case.truth.stored)
    elif case.truth.there and draw < 0.35:
        case.truth.tracking = chance.choice(["TYPED-BY-HAND", "TN10", "N1"])
    elif (
        case.truth.there
        and draw < (0.5 if named or len(case.invoices) > 1 else 0.9)
        and (named or not case.clues.one_parcel_per_invoice)
    ):
        owners[case.truth.stored] = _first_parcel(chance, case)
    case.history = History(sent=sent, owners=owners, overruled=case.clues.assigned and sent is None)


def _placeholders(chance: random.Random, case: Case) -> None:
    """Where another system writes a text that is no number, told to us or not."""
    for invoice in case.invoices:
        if invoice.tracking is None and chance.random() < (0.6 if case.placeholders else 0.03):
            invoice.tracking = chance.choice(_filled(invoice))


def _filled(invoice: Invoice) -> list[str]:
    return ["834", "-", invoice.stored.strip(), "1-01"]


def _first_parcel(chance: random.Random, case: Case) -> Owner:
    """Another parcel on the true invoice, dispatched before this one or after it; some a person has moved away."""
    case.truth.tracking = chance.choice(["FIRST", None])
    first, dispatched = "melhor-envio/first", chance.choice([EARLIER, LATER])
    if chance.random() < 0.2:
        case.truth.tracking = "FIRST"
        return Owner(first, "FIRST", {first: (dispatched, "FIRST")}, moved=True)
    case.second = True
    if case.policy.second_parcel == "join":
        case.joint = f"FIRST;{NUMBER}" if dispatched == EARLIER else f"{NUMBER};FIRST"
    elif case.policy.second_parcel == "latest" and dispatched == EARLIER:
        case.joint = NUMBER
    return Owner(first, "FIRST", {first: (dispatched, "FIRST")})


def _returns(chance: random.Random, case: Case) -> None:
    for _ in range(chance.choice([0, 0, 0, 1, 2])):
        like = chance.choice(case.invoices)
        number = chance.choice([like.stored, str(like.number), "77"])
        kind = "Input" if chance.random() < 0.95 else None
        case.returns.append({**like.package(), "type": kind, "invoiceNumber": number})


def judgements(orders: int, seed: int) -> list[tuple[Case, Any]]:
    """Nasty orders and the decisions about them; the seed makes every run the same."""
    chance = random.Random(seed)
    cases = [nasty(chance) for _ in range(orders)]
    return [(case, _decided(case)) for case in cases]


def _decided(case: Case) -> Any:
    wanted = with_aliases(case.wanted, case.history.owners.values())
    clues = replace(case.clues, other_numbers=wanted.other_numbers)
    return decide(case.order, clues, wanted, case.history, case.policy)


def wrong(judged: list[tuple[Case, Any]]) -> list[tuple[Case, Any]]:
    """What was decided for an invoice that is not the parcel's: written, or counted as agreed."""
    decided = [(case, decision) for case, decision in judged if isinstance(decision, Write | Agreed)]
    return [(case, decision) for case, decision in decided if decision.choice.package.invoice_number != case.right]


def told_number(case: Case) -> str:
    if case.shows_mine and case.truth.tracking:
        return case.truth.tracking
    return NUMBER if case.clues.assigned else case.joint or NUMBER


def has_paddings(case: Case) -> bool:
    """Equal numbers in different padding."""
    stored = {invoice.stored for invoice in case.invoices}
    return len({number.lstrip("0") for number in stored}) < len(stored)
