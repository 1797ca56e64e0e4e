"""The links that are about one parcel, of all that bear one of its names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from receiver.reconcile.names import CARRIER_ORDER, NAMES, is_of_this_parcel, newest_words
from receiver.shipments import Known
from receiver.store import Index, Place
from receiver.store.finding.bearers import Name
from receiver.store.finding.companions import places_from_json


@dataclass(frozen=True, slots=True)
class OwnLinks:
    """The links that lead a parcel, and their names as a person reads them (``said``). ``read``: kind, value and time
    of each link that was looked at, even if it is about another parcel: a decision has heard of it."""

    rows: tuple[Mapping[str, Any], ...] = ()
    said: str = ""
    read: frozenset[tuple[str, str, float]] = frozenset()

    @classmethod
    def of(
        cls, index: Index, account: str, names: Sequence[Name], known: Known, *, invoice_numbers_lead: bool
    ) -> "OwnLinks":
        """Read those of the parcel's names. A link of the carrier's own order leads only where no other does.
        ``invoice_numbers_lead``: a link of an invoice number may be about this parcel."""
        its_names = [name for name in names if name[0] in (*NAMES, CARRIER_ORDER)]
        stored = {name: row for name in its_names if (row := index.link_of(account, *name))}
        read = frozenset((*name, row["told_at"]) for name, row in stored.items())
        leading = [kind for kind in NAMES if invoice_numbers_lead or kind != "invoice_number"]
        for kinds in (leading, [CARRIER_ORDER]):
            newest = newest_words((name, row) for name, row in stored.items() if name[0] in kinds)
            its = {name: row for name, row in newest.items() if is_of_this_parcel(name[0], row["told_at"], known)}
            if its:
                return cls(tuple(its.values()), ", ".join(f"{kind} {value}" for kind, value in its), read)
        return cls(read=read)

    @property
    def invoices(self) -> list[str]:
        """The invoices that they name, sorted. If there are several, a person must decide."""
        return sorted({row["invoice_number"] for row in self.rows if row["invoice_number"]})

    def others(self, order_id: str | None) -> tuple[Place, ...] | None:
        """The other orders that the parcel serves, by the links that led to this one: the newest counts. ``None`` where
        no link bears a name of the parcel."""
        if not self.read:
            return None
        led = [row for row in self.rows if row["order_id"] == order_id]
        told = max((row["told_at"] for row in led if row.get("also")), default=None)
        places = [place for row in led if row["told_at"] == told for place in places_from_json(row.get("also"))]
        return tuple(dict.fromkeys(places))
