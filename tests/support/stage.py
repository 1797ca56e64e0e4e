"""What a random world is made of: the receiver, the dice, what is yet to happen, and the truth about orders, parcels
and what people said of them."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from math import inf
from random import Random

from tests.support.lives import Invoice, Parcel
from tests.support.rig import Rig


@dataclass(eq=False)
class Lie:
    """A person or a system says by mistake that the parcel belongs to that order, and invoice, if one is named. The
    word stands from ``since`` until it is corrected."""

    parcel: Parcel
    order_id: str
    invoice_number: str | None
    since: float
    until: float = inf

    def covers(self, order_id: str | None, number: str | None, at: float) -> bool:
        """Whether what is sent to that invoice then may be its consequence."""
        is_there = order_id == self.order_id and self.invoice_number in (None, number)
        return is_there and self.since <= at <= self.until


@dataclass(eq=False)
class Stage:
    """``cancelled``: the orders that VTEX shows as cancelled, and since when. ``edits``: by invoice the foreign number
    that a person at the shop typed in, and when."""

    rig: Rig
    chance: Random
    seed: int
    invoices: dict[str, list[Invoice]] = field(default_factory=dict)
    parcels: list[Parcel] = field(default_factory=list)
    lies: list[Lie] = field(default_factory=list)
    cancelled: dict[str, float] = field(default_factory=dict)
    edits: dict[Invoice, tuple[str, float]] = field(default_factory=dict)
    due: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def at(self, at: float, happens: Callable[[], object]) -> None:
        heapq.heappush(self.due, (at, next(self._numbers), happens))

    def within(self, seconds: float, happens: Callable[[], object]) -> None:
        """At some time from now on."""
        self.at(self.rig.now + self.chance.random() * seconds, happens)

    def happens(self, share: float) -> bool:
        return self.chance.random() < share

    def invoice_at(self, order_id: str | None, number: str | None) -> Invoice | None:
        """The invoice that has or had the number."""
        its = self.invoices.get(order_id or "", ())
        return next((one for one in its if number in {one.number, *one.former}), None)

    def whose(self, shipment: str) -> tuple[Parcel, Invoice] | None:
        """The parcel that a shipment is really of, and its invoice there. A number that is used again is that of the
        later parcel; ``None``: the shipment is of one that is over."""
        for parcel in reversed(self.parcels):
            for name in parcel.shipments:
                for suffix, invoice in parcel.places.items():
                    if shipment == name + suffix and name.partition("/")[0] in parcel.heard_from:
                        return parcel, invoice
        return None

    def is_known(self, parcel: Parcel) -> list[str]:
        """The shipments by which the receiver knows the parcel."""
        rows = {row["id"] for row in self.rig.queries.shipments()}
        return [one for one in parcel.shipments if one in rows and one.partition("/")[0] in parcel.heard_from]

    def package(self, invoice: Invoice) -> dict[str, object] | None:
        """The invoice as VTEX has it, or ``None``."""
        order = self.rig.sandbox.orders.get(invoice.order_id)
        packages = order["packageAttachment"]["packages"] if order else ()
        its = (one for one in packages if one["type"] == "Output" and one["invoiceNumber"] == invoice.number)
        return next(its, None)
