"""PURE: an order as VTEX shows it, and which of its invoices a shipment belongs to. Never a guess.

An invoice is a package of type ``Output``; ``Input`` is a return and carries no delivery. The rules are `RULES`, in
order. Whoever names the invoice (a link, the carrier's number and key) must agree on one; only where nobody names any
does it count where tracking already is. One parcel an invoice is assumed by the last rule alone.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from receiver.shipments import Reason
from receiver.vtex.nfe import key_digits, plain_number, series_and_number, significant

#: Rule → what it means, in the order in which they are asked.
RULES = {
    "assigned": "a person named the invoice",
    "link": "a link sent beforehand names the invoice",
    "invoice_number": "the carrier's invoice number is the one VTEX stores",
    "invoice_number_digits": "the same digits, without leading zeros",
    "invoice_key": "the same 44-digit NF-e key",
    "key_number": "number and series inside the NF-e key",
    "tracking_number": "the invoice already holds this tracking number",
    "own_invoice": "this shipment's earlier number was written there by us",
    "only_open_invoice": "the only invoice without tracking, and the invoices cover the order's value",
    "only_invoice": "the order's only invoice, where another parcel of ours is",
}

CANCELLED = ("canceled", "cancel")


class UnexpectedOrder(Exception):
    """What VTEX sent under 200 is not an order."""


@dataclass(frozen=True, slots=True)
class Package:
    """One invoice of an order, as far as tracking is concerned. ``value`` is in cents, ``issued_at`` in seconds since
    the epoch."""

    invoice_number: str
    kind: str
    value: int
    invoice_key: str | None
    tracking_number: str | None
    tracking_url: str | None
    courier: str | None
    issued_at: float | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order, reduced to what the choice needs. ``value`` is in cents, ``None`` where VTEX does not say."""

    order_id: str
    status: str
    value: int | None
    sequence: str | None
    group: str | None
    packages: tuple[Package, ...]

    @property
    def outputs(self) -> list[Package]:
        return [package for package in self.packages if package.kind == "Output"]

    @property
    def covered(self) -> bool:
        """The Output invoices add up to the order: no other invoice is to be expected."""
        return self.value is not None and sum(package.value for package in self.outputs) >= self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """What is known of the invoice a shipment belongs to."""

    tracking_number: str
    invoice_numbers: Sequence[str] = ()
    invoice_series: Sequence[str] = ()
    invoice_keys: Sequence[str] = ()
    assigned_invoice: str | None = None
    linked_invoice: str | None = None
    own_invoice: str | None = None
    assigned: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The invoice, the rule that chose it, and the evidence in words a person can check."""

    package: Package
    rule: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wait:
    """Not there yet: ``reason`` is one of those that wait."""

    reason: Reason
    note: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """For a person: ``reason`` is one of those that are held."""

    reason: Reason
    note: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


def read_order(document: Any) -> Order:
    """VTEX's document as an `Order`, defensively: only ``orderId`` must be there. Raises `UnexpectedOrder`."""
    if not isinstance(document, dict) or not _text(document.get("orderId")):
        raise UnexpectedOrder("VTEX answered 200 with something that is no order")
    attachment = document.get("packageAttachment")
    packages = attachment.get("packages") if isinstance(attachment, dict) else None
    return Order(
        order_id=str(document["orderId"]),
        status=_text(document.get("status")) or "",
        value=_cents(document.get("value")),
        sequence=_text(document.get("sequence")),
        group=_text(document.get("orderGroup")),
        packages=tuple(_package(one) for one in packages if isinstance(one, dict))
        if isinstance(packages, list)
        else (),
    )


def choose(order: Order, clues: Clues) -> Choice | Wait | Hold:
    """The one invoice of ``order`` that the clues point at, or why there is none."""
    if order.status in CANCELLED and not clues.assigned:
        return Hold(Reason.ORDER_CANCELLED, f"order {order.order_id} is {order.status}")
    if clues.assigned_invoice:
        return _assigned(order, clues.assigned_invoice, clues)
    for kind, values in _references(clues).items():
        if len({key_digits(value) or plain_number(value) for value in values}) > 1:
            return Hold(Reason.AMBIGUOUS_REFERENCE, f"the carrier names several {kind}: {', '.join(values)}")
    votes = _named_votes(order, clues)
    if clues.linked_invoice and "link" not in votes:
        return _missing(order, [clues.linked_invoice], by="a link")
    if len(votes) == 1 and "link" not in votes and _contradicts_itself(clues):
        return Hold(Reason.AMBIGUOUS_REFERENCE, f"the carrier's number and key name two invoices: {_names(clues)}")
    votes = votes or _seen_votes(order, clues)
    if votes:
        return _elected(order, votes, clues)
    if clues.invoice_numbers or clues.invoice_keys:
        return _missing(order, [*clues.invoice_numbers, *clues.invoice_keys])
    return _only_open(order, clues)


def only_invoice(order: Order, clues: Clues) -> Choice | Hold:
    """The one invoice of an order, whatever tracking is there. For a parcel that names none and may share it."""
    return _chosen(order, order.outputs[0], "only_invoice", clues)


def _references(clues: Clues) -> dict[str, Sequence[str]]:
    return {
        "invoice numbers": clues.invoice_numbers,
        "invoice series": clues.invoice_series,
        "invoice keys": clues.invoice_keys,
    }


def _named_votes(order: Order, clues: Clues) -> dict[str, list[Package]]:
    """Rule → the invoices that somebody names, without the rules that point at none."""
    outputs, votes = order.outputs, dict[str, list[Package]]()
    if clues.linked_invoice:
        votes["link"] = _exactly(outputs, clues.linked_invoice) or _by_digits(outputs, clues.linked_invoice)
    if clues.invoice_numbers:
        number = clues.invoice_numbers[0]
        exact = _exactly(outputs, number)
        # Carriers pad and strip: where VTEX stores "900" and "000900", either may be meant.
        same = exact + [package for package in _by_digits(outputs, number) if package not in exact]
        fitting = [package for package in same if not _ruled_out(package, clues)]
        rule = "invoice_number" if any(package in exact for package in fitting) else "invoice_number_digits"
        votes[rule] = fitting
    key = _key(clues)
    if key is not None:
        votes["invoice_key"] = [package for package in outputs if key_digits(package.invoice_key) == key]
        if not any(votes.values()):
            keyless = [package for package in outputs if key_digits(package.invoice_key) is None]
            votes["key_number"] = _by_digits(keyless, series_and_number(key)[1])
    return {rule: packages for rule, packages in votes.items() if packages}


def _seen_votes(order: Order, clues: Clues) -> dict[str, list[Package]]:
    """Rule → the invoices where this shipment's tracking is, but for those that the carrier's words rule out."""
    possible = [package for package in order.outputs if not _ruled_out(package, clues)]
    votes = {
        "tracking_number": [package for package in possible if package.tracking_number == clues.tracking_number],
        "own_invoice": [package for package in possible if package.invoice_number == clues.own_invoice],
    }
    return {rule: packages for rule, packages in votes.items() if packages}


def _elected(order: Order, votes: Mapping[str, Sequence[Package]], clues: Clues) -> Choice | Hold:
    """The one invoice on which all rules agree."""
    common = [package for package in order.outputs if all(package in voted for voted in votes.values())]
    if len(common) != 1:
        either = [package for package in order.outputs if any(package in voted for voted in votes.values())]
        return _ambiguous(order, either, " and ".join(votes))
    rule = next((rule for rule, voted in votes.items() if len(voted) == 1), next(iter(votes)))
    return _chosen(order, common[0], rule, clues)


def _chosen(order: Order, package: Package, rule: str, clues: Clues) -> Choice | Hold:
    """VTEX is told an invoice by its number alone: one that any other package bears names neither."""
    bearing = [other for other in order.packages if other.invoice_number == package.invoice_number]
    if len(bearing) > 1:
        note = f"order {order.order_id}: {len(bearing)} packages bear {package.invoice_number}"
        return Hold(Reason.SHARED_INVOICE_NUMBER, note, {"candidates": _numbers(bearing), "rule": rule})
    return Choice(package, rule, _evidence(order, package, clues))


def _ruled_out(package: Package, clues: Clues) -> bool:
    """True where the carrier's key, series or number says that it speaks of another invoice than this."""
    own, said = key_digits(package.invoice_key), _key(clues)
    if own is not None and said is not None:
        return own != said
    series = significant(next(iter(clues.invoice_series), None))
    if _differ(series_and_number(own)[0] if own else None, series):
        return True
    number = next(iter(clues.invoice_numbers), series_and_number(said)[1] if said else None)
    return number is not None and not _may_be_one(package.invoice_number, number)


def _contradicts_itself(clues: Clues) -> bool:
    """True where the carrier's number or series is not the one inside its own key."""
    key = _key(clues)
    if key is None:
        return False
    series, number = series_and_number(key)
    said_series = significant(next(iter(clues.invoice_series), None))
    return _differ(series, said_series) or _differ(number, significant(next(iter(clues.invoice_numbers), None)))


def _may_be_one(stored: str, said: str) -> bool:
    """False where two writings cannot mean one number: "900-1" may be 900, "1900" is not."""
    one, other = significant(stored), significant(said)
    if one is not None and other is not None:
        return one == other
    one, other = (written.strip().lstrip("0") for written in (stored, said))
    return one in other or other in one


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _key(clues: Clues) -> str | None:
    return key_digits(next(iter(clues.invoice_keys), None))


def _exactly(packages: Sequence[Package], number: str) -> list[Package]:
    return [package for package in packages if package.invoice_number.strip() == number.strip()]


def _by_digits(packages: Sequence[Package], number: str) -> list[Package]:
    wanted = significant(number)
    return [package for package in packages if wanted is not None and significant(package.invoice_number) == wanted]


def _assigned(order: Order, number: str, clues: Clues) -> Choice | Wait | Hold:
    """A person's word stands against every other clue."""
    found = _exactly(order.outputs, number) or _by_digits(order.outputs, number)
    if len(found) > 1:
        return _ambiguous(order, found, "assigned")
    if not found:
        return _missing(order, [number], by="a person")
    return _chosen(order, found[0], "assigned", clues)


def _only_open(order: Order, clues: Clues) -> Choice | Wait | Hold:
    if not order.outputs:
        return Wait(Reason.ONLY_RETURN_INVOICES if order.packages else Reason.NO_INVOICE, f"order {order.order_id}")
    unused = [package for package in order.outputs if not package.tracking_number]
    if len(unused) > 1:
        return _ambiguous(order, unused, "only_open_invoice")
    if not order.covered:
        return Wait(Reason.PARTLY_INVOICED, f"order {order.order_id} has {', '.join(_numbers(order.outputs))}")
    if not unused:
        holding = ", ".join(f"{package.invoice_number}: {package.tracking_number}" for package in order.outputs)
        name_one = "; to overwrite one, name it: --invoice" if clues.assigned else ""
        return Hold(
            Reason.NUMBER_DIFFERS, f"every invoice of {order.order_id} holds another number ({holding}){name_one}"
        )
    if _ruled_out(unused[0], clues):
        return _missing(order, [f"series {series}" for series in clues.invoice_series])
    return _chosen(order, unused[0], "only_open_invoice", clues)


def _missing(order: Order, wanted: Sequence[str], *, by: str = "the carrier") -> Wait:
    if not order.outputs:
        return Wait(Reason.ONLY_RETURN_INVOICES if order.packages else Reason.NO_INVOICE, f"order {order.order_id}")
    there = ", ".join(
        f"{package.invoice_number} (key {package.invoice_key})" if package.invoice_key else package.invoice_number
        for package in order.outputs
    )
    return Wait(Reason.INVOICE_NOT_THERE, f"{by} names {', '.join(wanted)}; order {order.order_id} has {there}")


def _names(clues: Clues) -> str:
    return ", ".join([*clues.invoice_numbers, *clues.invoice_series, *clues.invoice_keys])


def _ambiguous(order: Order, packages: Sequence[Package], rule: str) -> Hold:
    numbers = _numbers(packages)
    return Hold(
        Reason.AMBIGUOUS_INVOICE,
        f"order {order.order_id}: {', '.join(numbers)} all fit ({rule})",
        {"candidates": numbers, "rule": rule},
    )


def _evidence(order: Order, package: Package, clues: Clues) -> dict[str, Any]:
    said = {
        "assigned_invoice": clues.assigned_invoice,
        "linked_invoice": clues.linked_invoice,
        "carrier_invoice_number": list(clues.invoice_numbers),
        "carrier_invoice_key": list(clues.invoice_keys),
        "vtex_invoice_number": package.invoice_number,
        "vtex_invoice_key": package.invoice_key,
        "vtex_tracking_number": package.tracking_number,
        "invoices": _numbers(order.outputs),
        "covered": order.covered,
    }
    return {name: value for name, value in said.items() if value not in (None, [])}


def _numbers(packages: Sequence[Package]) -> list[str]:
    return [package.invoice_number for package in packages]


def _package(one: dict[str, Any]) -> Package:
    return Package(
        invoice_number=one["invoiceNumber"] if isinstance(one.get("invoiceNumber"), str) else "",
        kind=_text(one.get("type")) or "",
        value=_cents(one.get("invoiceValue")) or 0,
        invoice_key=_text(one.get("invoiceKey")),
        tracking_number=_text(one.get("trackingNumber")),
        tracking_url=_text(one.get("trackingUrl")),
        courier=_text(one.get("courier")),
        issued_at=_instant(_text(one.get("issuanceDate"))),
    )


def _text(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def _instant(written: str | None) -> float | None:
    """VTEX's time as seconds since the epoch; without an offset it is UTC ("Formatting order invoicing time")."""
    try:
        moment = datetime.fromisoformat(written) if written else None
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() if moment else None


def _cents(value: Any) -> int | None:
    """Integers in GET, text in POST (Orders API)."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if math.isfinite(value) else None
