"""PURE: what a parcel should show at VTEX, what was written before, and which parcels of ours are on an invoice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from receiver.shipments import Parcels, Sent
from receiver.shipments.numbers import is_among
from receiver.vtex.differences import iso

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
    the parcel. ``moved``: this number is left over, because a person has since assigned it to another invoice, or the
    carrier voided its label and no person overruled that. ``is_delivered``: its delivery was sent to VTEX.
    ``by_person``: a person had assigned it when it was written."""

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
        return {*tracking_numbers_of(self.parcels), *([self.number] if self.number else [])}


@dataclass(frozen=True, slots=True)
class History:
    """What was written before: ``sent`` is the last synced state, ``unsettled`` a PATCH of unknown outcome. ``owners``
    maps an invoice's number to our shipment that wrote there. ``overruled``: a person has named the invoice since;
    ``seen``: the tracking number that it showed then, empty where it had none, ``None`` where that is not known.
    ``taken_back``: a person has taken back the assignment that ``sent`` followed."""

    sent: Sent | None = None
    unsettled: Body | None = None
    owners: Mapping[str, Owner] = field(default_factory=dict)
    overruled: bool = False
    seen: str | None = None
    taken_back: bool = False

    @property
    def date_sent(self) -> str | None:
        """The dispatch date that VTEX has of us."""
        return next(filter(None, (body.get("dispatchedDate") for body in self._bodies)), None)

    @property
    def written(self) -> set[str]:
        """The tracking numbers that we wrote, or may have written."""
        return {body["trackingNumber"] for body in self._bodies}

    @property
    def _bodies(self) -> list[Body]:
        return [body for body in (self.sent.body if self.sent else None, self.unsettled) if body]


def with_aliases(wanted: Wanted, owners: Iterable[Owner]) -> Wanted:
    """The desired state with every number of the parcel that our other shipments know. A gateway and its partner may
    report one parcel, each by a number of its own, and only the gateway may know both."""
    of_others = [owner.aliases for owner in owners if owner.shipment != wanted.shipment]
    same = sorted(number for aliases in of_others if is_among(wanted.tracking_number, aliases) for number in aliases)
    others = [number for number in same if not wanted.bears(number)]
    return replace(wanted, other_numbers=(*wanted.other_numbers, *others)) if others else wanted


def words(wanted: Wanted) -> tuple[str | None, ...]:
    """The carrier's values that a write would send, for comparing."""
    courier = wanted.courier or wanted.configured_courier
    return (wanted.tracking_number, wanted.tracking_url, courier, iso(wanted.dispatched_at))


def tracking_numbers_of(parcels: Parcels) -> list[str]:
    """The tracking numbers of parcels, each once, in their order."""
    return list(dict.fromkeys(number for _, number in parcels.values()))
