"""PURE: which of an order's invoices a parcel belongs to. It never guesses.

The rules are `receiver.vtex.rules.RULES`, in the order in which they apply. A link, the carrier's number and its key
must agree on one invoice. If none of them names one, the invoice that already shows the tracking counts. Without any of
these, only an order with exactly one invoice decides.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from adapters import ReferenceKind
from receiver.shipments import Known, Reason
from receiver.shipments.numbers import is_among, numbers_in
from receiver.vtex.nfe import plain_key, plain_number, series_and_number, significant
from receiver.vtex.notations import by_digits, exactly, inner_number, key_of, may_be_one, stored_series, with_series
from receiver.vtex.orders import INPUT, OUTPUT, Order, Package


@dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """What is known about the invoice that a parcel belongs to.

    ``other_numbers`` are the parcel's further numbers, such as the carrier's own code or an AWB. ``ours``: invoice
    number → the numbers of other parcels that we wrote there. ``one_parcel_per_invoice``: the merchant says that no two
    parcels share an invoice.
    """

    tracking_number: str
    other_numbers: Sequence[str] = ()
    invoice_numbers: Sequence[str] = ()
    invoice_series: Sequence[str] = ()
    invoice_keys: Sequence[str] = ()
    assigned_invoice: str | None = None
    linked_invoice: str | None = None
    linked_by: str | None = None
    own_invoice: str | None = None
    assigned: bool = False
    one_parcel_per_invoice: bool = False
    ours: Mapping[str, Collection[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, known: Known, number: str | None) -> Self:
        """What the carrier says about the invoice. ``number`` is the one for VTEX; the parcel may have others."""
        return cls(
            tracking_number=number or "",
            other_numbers=tuple(other for other in known.numbers if other != number),
            invoice_numbers=known.values(ReferenceKind.INVOICE_NUMBER),
            invoice_series=known.values(ReferenceKind.INVOICE_SERIES),
            invoice_keys=known.values(ReferenceKind.INVOICE_KEY),
        )

    def bears(self, number: str | None) -> bool:
        """True if the number is one of the parcel's, no matter how it is written."""
        return is_among(number, (self.tracking_number, *self.other_numbers))


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen invoice, the rule that chose it, and evidence that a person can check."""

    package: Package
    rule: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wait:
    """The order or invoice is not there yet: ``reason`` is of the kind ``WAITING``."""

    reason: Reason
    note: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """A person must decide: ``reason`` is of the kind ``HELD``. ``evidence["candidates"]`` are the invoices to choose
    from."""

    reason: Reason
    note: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


def choose(order: Order, clues: Clues) -> Choice | Wait | Hold:
    """The one invoice of ``order`` that the clues identify, or why there is none."""
    if order.is_cancelled and not clues.assigned:
        return Hold(Reason.ORDER_CANCELLED, _cancelled(order))
    if clues.assigned_invoice:
        return _assigned(order, clues.assigned_invoice, clues)
    for kind, values in _references(clues).items():
        if len({plain_key(value) or plain_number(value) for value in values}) > 1:
            return Hold(Reason.AMBIGUOUS_REFERENCE, f"the carrier names several {kind}: {', '.join(values)}")
    votes = _named_votes(order, clues)
    if clues.linked_invoice and "link" not in votes:
        return _missing(order, [clues.linked_invoice], by="a link")
    is_confirmed = len(votes) > 1 or "link" in votes
    votes = votes or _seen_votes(order, clues)
    if votes and not is_confirmed and _contradicts_itself(clues):
        return Hold(Reason.AMBIGUOUS_REFERENCE, f"the carrier's number and key name two invoices: {_names(clues)}")
    if votes:
        return _elect(order, votes, clues)
    if clues.invoice_numbers or clues.invoice_keys:
        return _missing(order, [*clues.invoice_numbers, *clues.invoice_keys])
    return _unnamed(order, clues)


def only_invoice(order: Order, clues: Clues) -> Choice | Hold:
    """The only invoice of an order, no matter what tracking it has: for a parcel that names none and may share it."""
    return _chosen(order, order.outputs[0], "only_invoice", clues)


def bears_parcel(order: Order, clues: Clues) -> bool:
    """True if an invoice of the order has the parcel's invoice number, its key, or one of its tracking numbers."""
    return bool(_named_votes(order, clues) or _seen_votes(order, clues))


def bears_key(order: Order, clues: Clues) -> bool:
    """True if an invoice of the order has exactly the key that the carrier names: no other order has it."""
    key = _key(clues)
    return key is not None and any(key_of(package) == key for package in order.outputs)


def invoice_numbers_of(packages: Sequence[Package]) -> list[str]:
    """The invoice numbers of packages."""
    return [package.invoice_number for package in packages]


def own_invoice(order: Order, package: Package, clues: Clues) -> Choice | Hold:
    """The invoice where this parcel was written before, no matter what it shows now."""
    return _chosen(order, package, "own_invoice", clues)


def invoices_named(order: Order, number: str) -> list[Package]:
    """The invoices that a person may mean by a number: the one written exactly so, else those with the same digits."""
    return exactly(order.outputs, number) or by_digits(order.outputs, number)


def _cancelled(order: Order) -> str:
    if order.status == "replaced":
        return f"order {order.order_id} is replaced: VTEX has made a new order; assign that one"
    return f"order {order.order_id} is {order.status}"


def _references(clues: Clues) -> dict[str, Sequence[str]]:
    return {
        "invoice numbers": clues.invoice_numbers,
        "invoice series": clues.invoice_series,
        "invoice keys": clues.invoice_keys,
    }


def _named_votes(order: Order, clues: Clues) -> dict[str, list[Package]]:
    """Rule → the invoices that a link or the carrier names, without rules that find none."""
    outputs, votes = order.outputs, dict[str, list[Package]]()
    if clues.linked_invoice:
        votes["link"] = invoices_named(order, clues.linked_invoice)
    ways = _ways(outputs, clues.invoice_numbers[0], clues) if clues.invoice_numbers else {}
    named = _numbered(outputs, ways, clues)
    if named is not None:
        votes[named[0]] = named[1]
    rule, bearing = _keyed(outputs, clues, inside=not any(votes.values()))
    votes[rule] = bearing
    if bearing and named is None and (ruled_out := _first(ways)):
        votes[ruled_out[0]] = ruled_out[1]  # the key belongs to one invoice, the number to another
    return {rule: packages for rule, packages in votes.items() if packages}


def _keyed(outputs: Sequence[Package], clues: Clues, *, inside: bool) -> tuple[str, list[Package]]:
    """The invoices that the carrier's key names, and by which rule; ``inside``: also by number and series in the
    key."""
    key = _key(clues)
    if key is None:
        return "invoice_key", []
    same = [package for package in outputs if key_of(package) == key]
    if same or not inside:
        return "invoice_key", same
    series, number = series_and_number(key)
    keyless = [package for package in outputs if key_of(package) is None]
    return "key_number", [*by_digits(keyless, number), *with_series(keyless, number, series)]


def _ways(outputs: Sequence[Package], number: str, clues: Clues) -> dict[str, list[Package]]:
    """Rule → the invoices that the carrier's number may mean by that rule."""
    series, plain = _series(clues), number.strip().lower()
    return {
        "invoice_number": exactly(outputs, number),
        "invoice_number_case": [one for one in outputs if one.invoice_number.strip().lower() == plain],
        "invoice_number_digits": by_digits(outputs, number),
        "number_and_series": with_series(outputs, number, series) if series else [],
    }


def _first(ways: Mapping[str, list[Package]]) -> tuple[str, list[Package]] | None:
    return next(((rule, found) for rule, found in ways.items() if found), None)


def _numbered(
    outputs: Sequence[Package], ways: Mapping[str, list[Package]], clues: Clues
) -> tuple[str, list[Package]] | None:
    """The invoices that the carrier's number means, and by which rule; ``None`` if its key or series rules out all.

    Carriers pad and strip zeros: if VTEX stores "900" and "000900", either may be meant; so may "900-2" beside "900".
    """
    fitting = {rule: [one for one in found if not _is_ruled_out(one, clues)] for rule, found in ways.items()}
    first = _first(fitting)
    if first is None:
        return None
    number = significant(clues.invoice_numbers[0])
    alike = [one for one in outputs if number is not None and inner_number(one) == number]
    meant = [*(one for found in fitting.values() for one in found), *alike]
    return first[0], [one for one in dict.fromkeys(meant) if not _is_ruled_out(one, clues)]


def _seen_votes(order: Order, clues: Clues) -> dict[str, list[Package]]:
    """Rule → the invoices that show this parcel's tracking, without those that the carrier's references rule out."""
    possible = [package for package in order.outputs if not _is_ruled_out(package, clues)]
    votes = {
        "tracking_number": [
            package for package in possible if any(map(clues.bears, numbers_in(package.tracking_number)))
        ],
        "own_invoice": [package for package in possible if package.invoice_number == clues.own_invoice],
    }
    return {rule: packages for rule, packages in votes.items() if packages}


def _elect(order: Order, votes: Mapping[str, Sequence[Package]], clues: Clues) -> Choice | Hold:
    """The one invoice on which all rules agree."""
    common = [package for package in order.outputs if all(package in voted for voted in votes.values())]
    if len(common) != 1:
        either = [package for package in order.outputs if any(package in voted for voted in votes.values())]
        return _ambiguous(order, either, " and ".join(votes))
    rule = next((rule for rule, voted in votes.items() if len(voted) == 1), next(iter(votes)))
    return _chosen(order, common[0], rule, clues)


def _chosen(order: Order, package: Package, rule: str, clues: Clues) -> Choice | Hold:
    """The choice; a hold if another package has the same number, because VTEX addresses invoices by number alone."""
    bearing = [other for other in order.packages if other.invoice_number == package.invoice_number]
    if len(bearing) > 1:
        return _shared(order, invoice_numbers_of(bearing), rule)
    return Choice(package, rule, _evidence(order, package, clues))


def _is_ruled_out(package: Package, clues: Clues) -> bool:
    """True if the carrier's key, series or number shows that it means another invoice."""
    own, said = key_of(package), _key(clues)
    if own is not None and said is not None:
        return own != said
    series = _series(clues)
    own_series = series_and_number(own)[0] if own else stored_series(package)
    if _differ(own_series, series):
        return True
    number = next(iter(clues.invoice_numbers), series_and_number(said)[1] if said else None)
    if number is None or (own is not None and series_and_number(own)[1] == significant(number)):
        return False
    return not may_be_one(package.invoice_number, number)


def _contradicts_itself(clues: Clues) -> bool:
    """True if the carrier's number or series cannot be the one in its own key."""
    key = _key(clues)
    if key is None:
        return False
    series, number = series_and_number(key)
    said = next(iter(clues.invoice_numbers), number)
    return _differ(series, significant(next(iter(clues.invoice_series), None))) or not may_be_one(said, number)


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _key(clues: Clues) -> str | None:
    return plain_key(next(iter(clues.invoice_keys), None))


def _series(clues: Clues) -> str | None:
    """The series that the carrier names, as a field or in the key."""
    key = _key(clues)
    return significant(next(iter(clues.invoice_series), None)) or (series_and_number(key)[0] if key else None)


def _assigned(order: Order, number: str, clues: Clues) -> Choice | Wait | Hold:
    """The invoice that a person assigned, over every other clue."""
    found = invoices_named(order, number)
    if len(found) > 1:
        return _ambiguous(order, found, "assigned")
    if not found:
        return _missing(order, [number], by="a person")
    return _chosen(order, found[0], "assigned", clues)


def _unnamed(order: Order, clues: Clues) -> Choice | Wait | Hold:
    """The choice if no link and no carrier names an invoice, and no invoice shows the parcel."""
    outputs = order.outputs
    if not outputs or _of_unknown_type(order):
        return _no_output(order)
    unused = [package for package in outputs if not package.tracking_number]
    if len(outputs) > 1 and unused and not _is_last_open(outputs, unused, clues):
        return _ambiguous(order, outputs, "only_open_invoice")
    if not order.is_complete:
        return Wait(Reason.PARTLY_INVOICED, f"order {order.order_id} has {', '.join(invoice_numbers_of(outputs))}")
    if not unused:
        holding = ", ".join(f"{package.invoice_number}: {package.tracking_number}" for package in outputs)
        note = f"every invoice of {order.order_id} holds another number ({holding})"
        return Hold(Reason.NUMBER_DIFFERS, note, {"candidates": invoice_numbers_of(outputs)})
    if _is_ruled_out(unused[0], clues):
        return _missing(order, [f"series {series}" for series in clues.invoice_series])
    rule = "only_open_invoice" if len(outputs) == 1 else "last_open_invoice"
    return _chosen(order, unused[0], rule, clues)


def _is_last_open(outputs: Sequence[Package], unused: Sequence[Package], clues: Clues) -> bool:
    """True if the merchant's setting leaves one invoice: every other invoice shows another parcel of ours."""
    if not clues.one_parcel_per_invoice or len(unused) != 1:
        return False
    taken = [package for package in outputs if package not in unused]
    return all(is_among(package.tracking_number, clues.ours.get(package.invoice_number, ())) for package in taken)


def _of_unknown_type(order: Order) -> list[Package]:
    """Packages that are neither an invoice nor a return. One of them may be an invoice."""
    return [package for package in order.packages if package.kind not in (OUTPUT, INPUT)]


def _no_output(order: Order) -> Wait | Hold:
    if unknown := _of_unknown_type(order):
        shown = ", ".join(f"{one.invoice_number} of type {one.kind or 'null'}" for one in unknown)
        return Hold(Reason.UNKNOWN_PACKAGE_TYPE, f"order {order.order_id}: {shown}")
    return Wait(Reason.ONLY_RETURN_INVOICES if order.packages else Reason.NO_INVOICE, f"order {order.order_id}")


def _missing(order: Order, wanted: Sequence[str], *, by: str = "the carrier") -> Wait | Hold:
    """The named invoice is not there: wait for it. If the order is complete, hold: a person must name the right one."""
    if not order.outputs:
        return _no_output(order)
    there = ", ".join(
        f"{package.invoice_number} (key {package.invoice_key})" if package.invoice_key else package.invoice_number
        for package in order.outputs
    )
    note = f"{by} names {', '.join(wanted)}; order {order.order_id} has {there}"
    if order.is_complete:
        return Hold(Reason.NAMED_INVOICE_MISSING, note, {"candidates": invoice_numbers_of(order.outputs)})
    return Wait(Reason.INVOICE_NOT_THERE, note)


def _names(clues: Clues) -> str:
    return ", ".join([*clues.invoice_numbers, *clues.invoice_series, *clues.invoice_keys])


def _ambiguous(order: Order, packages: Sequence[Package], rule: str) -> Hold:
    numbers = invoice_numbers_of(packages)
    if len(set(numbers)) == 1:
        return _shared(order, numbers, rule)
    shown = ", ".join(
        f"{package.invoice_number} (holds {package.tracking_number})"
        if package.tracking_number
        else package.invoice_number
        for package in packages
    )
    return Hold(
        Reason.AMBIGUOUS_INVOICE,
        f"order {order.order_id}: {shown} all fit ({rule})",
        {"candidates": numbers, "rule": rule},
    )


def _shared(order: Order, numbers: Sequence[str], rule: str) -> Hold:
    note = f"order {order.order_id}: {len(numbers)} packages bear {numbers[0]}"
    return Hold(Reason.SHARED_INVOICE_NUMBER, note, {"candidates": list(numbers), "rule": rule})


def _evidence(order: Order, package: Package, clues: Clues) -> dict[str, Any]:
    said = {
        "assigned_invoice": clues.assigned_invoice,
        "linked_by": clues.linked_by,
        "linked_invoice": clues.linked_invoice,
        "carrier_invoice_number": list(clues.invoice_numbers),
        "carrier_invoice_key": list(clues.invoice_keys),
        "carrier_tracking_numbers": [clues.tracking_number, *clues.other_numbers] if clues.other_numbers else [],
        "vtex_invoice_number": package.invoice_number,
        "vtex_invoice_key": package.invoice_key,
        "vtex_tracking_number": package.tracking_number,
        "invoices": invoice_numbers_of(order.outputs),
        "complete": order.is_complete,
    }
    return {name: value for name, value in said.items() if value not in (None, [])}
