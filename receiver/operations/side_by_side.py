"""PURE: an order's invoices beside what is known of a parcel: what speaks for each, and what against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from adapters import ReferenceKind
from receiver.shipments import Known
from receiver.shipments.numbers import is_among
from receiver.vtex.nfe import plain_key, plain_number
from receiver.vtex.orders import OUTPUT


class Mark(StrEnum):
    """Something that a person should see of an invoice before they choose it."""

    NAMED = "named"  #: the carrier names its number or its key
    BEARS = "bears"  #: it shows one of the parcel's tracking numbers already
    CANDIDATE = "candidate"  #: one of those between which the rules did not choose
    OURS = "ours"  #: it carries another parcel of ours
    OTHER = "other"  #: it shows a tracking number that is not this parcel's
    RETURN = "return"  #: it is the invoice of a return


@dataclass(frozen=True, slots=True)
class MarkedInvoice:
    """One invoice of `receiver.operations.order_view.order_view`, with its marks."""

    invoice: Mapping[str, Any]
    marks: tuple[Mark, ...]

    @property
    def may_be_chosen(self) -> bool:
        """Whether tracking can be written there at all."""
        return Mark.RETURN not in self.marks and bool(self.invoice["invoice_number"])


def side_by_side(
    shipment: str, known: Known, evidence: Mapping[str, Any] | None, invoices: Sequence[Mapping[str, Any]]
) -> list[MarkedInvoice]:
    """Each invoice with its marks, in VTEX's order. ``evidence`` is that of the last decision."""
    candidates = (evidence or {}).get("candidates") or ()
    numbers = {plain_number(value) for value in known.values(ReferenceKind.INVOICE_NUMBER)}
    keys = {plain_key(value) or value for value in known.values(ReferenceKind.INVOICE_KEY)}
    found = []
    for one in invoices:
        number, standing = one["invoice_number"], one["tracking_number"]
        is_named = plain_number(number) in numbers or (plain_key(one["invoice_key"]) or "-") in keys
        bears = is_among(standing, known.numbers)
        marks = {
            Mark.RETURN: one["type"] != OUTPUT,
            Mark.NAMED: is_named,
            Mark.BEARS: bears,
            Mark.CANDIDATE: number in candidates,
            Mark.OURS: one["shipment"] not in (None, shipment),
            Mark.OTHER: bool(standing) and not bears,
        }
        found.append(MarkedInvoice(one, tuple(mark for mark, is_so in marks.items() if is_so)))
    return found
