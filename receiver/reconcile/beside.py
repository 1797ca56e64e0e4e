"""PURE: our other shipments on a parcel's invoice. Twins are the same parcel as other endpoints tell it; others share
the invoice. VTEX gets the events and the delivery that all of them know, and one of them sends these."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from receiver.config import Endpoint
from receiver.shipments import Known, Reason, Sent, ShipmentRecord, State
from receiver.shipments.numbers import is_among, numbers_in
from receiver.shipments.record import goes_despite
from receiver.shipments.twins import in_local_time, same_parcel, together, undelivered
from receiver.vtex.orders import Order, Package
from receiver.vtex.wanted import Owner, Wanted
from receiver.vtex.writes import tells_more


@dataclass(frozen=True, slots=True)
class Beside:
    """The invoice where ``own`` was written, or seen. ``known`` and ``sent`` are of ``own`` in this claim; ``others``
    are our other shipments that were written or seen there, or were once, by id; ``owner`` is the invoice's, if it is
    one of them. ``unwritten`` are those with a number of a parcel there that were never written: asked for before a
    delivery alone."""

    own: str
    known: Known
    sent: Sent
    others: Mapping[str, ShipmentRecord]
    owner: ShipmentRecord | None
    endpoints: Mapping[str, Endpoint]
    unwritten: Mapping[str, ShipmentRecord] = field(default_factory=dict)

    @property
    def here(self) -> dict[str, ShipmentRecord]:
        """The others whose tracking went to this invoice: none that has left it, or that a person has dismissed."""
        return {name: one for name, one in self._stay.items() if one.generation.state is not State.DISMISSED}

    @property
    def _stay(self) -> dict[str, ShipmentRecord]:
        place = (self.sent.order_id, self.sent.invoice_number)
        return {name: record for name, record in self.others.items() if not has_left(record, *place)}

    def sender(self) -> ShipmentRecord | None:
        """The invoice's owner, if it sends the events of this parcel, too. ``None``: this shipment sends them itself,
        since the owner has left the invoice, gave way there to a person's number, sends no events, or is another
        parcel."""
        owner = self.here.get(self.owner.id) if self.owner else None
        if owner is None or self._takes_over(owner) or not self._has_events(owner, default=False):
            return None
        shared = self._shared()
        with_owner = shared if owner.id in shared else {owner.id: owner.known}
        is_one = any(same_parcel(self.known, known) for known in with_owner.values())
        return owner if self.own in with_owner or is_one else None

    def parcels(self) -> list[Known]:
        """What is known of each parcel on the invoice, its twins' word included. Of one whose endpoint sends no events
        the volumes count: VTEX gets no delivery before they are delivered, too. Of a twin that a person has dismissed,
        or that was never written, only what is not delivered counts: nothing is sent for it, and a lost volume of its
        is still lost."""
        shared, twins = self._shared(), {**self._twins(), self.own: self.known}
        if self.own not in shared and not any(same_parcel(self.known, known) for known in shared.values()):
            shared = {self.own: self.known}
        others = {
            name: twin if self._has_events(self.others.get(name)) else replace(twin, events=frozenset())
            for name, twin in sorted(twins.items())
            if name not in shared
        }
        silent = {**self._dismissed, **self.unwritten}
        others |= {name: undelivered(one.known, self.known) for name, one in silent.items()}
        while pair := _pair(shared, others):
            one, other = pair
            shared[one] = together(shared[one], others.pop(other))
            # Each may be one volume of a gateway's shipment, which alone knows that they belong together.
            alike = [name for name in shared if name != one and same_parcel(shared[name], shared[one])]
            others |= {name: shared.pop(name) for name in alike}
        return list(shared.values())

    def twins(self, *, now: float) -> list[Known]:
        """This parcel as other endpoints tell it, in its local time. ``now`` is in seconds since the epoch: a dispatch
        ahead of it is unknown."""
        known = self._twins()
        twins = [known[name] for name in self.twin_names()]
        return [
            replace(twin, dispatched_at=None) if twin.dispatched_at and twin.dispatched_at.timestamp() > now else twin
            for twin in twins
        ]

    def twin_names(self) -> list[str]:
        """The shipments that are this very parcel."""
        return [name for name, known in self._twins().items() if same_parcel(self.known, known)]

    def uninformed(self, wanted: Wanted) -> str | None:
        """The owner, if it wrote less of this very parcel than this shipment knows: it is to write that."""
        owner = self.here.get(self.owner.id) if self.owner else None
        if owner is None or not same_parcel(self.known, owner.known) or owner.generation.sent is None:
            return None
        return owner.id if tells_more(wanted, owner.generation.sent) else None

    def _takes_over(self, owner: ShipmentRecord) -> bool:
        """Whether a person has put a number of this shipment in place of the owner's, for which nothing is sent now."""
        gave_way = owner.generation.state is State.KEPT and owner.generation.reason == Reason.NUMBER_CHANGED
        shown = numbers_in(self.sent.tracking_number)
        return gave_way and any(is_among(number, self.known.numbers) for number in shown)

    def _shared(self) -> dict[str, Known]:
        """The parcels that share the invoice, by shipment; none if one has it alone."""
        here = self.here
        written = [self.sent, *(one.generation.sent for one in here.values() if _shows(one))]
        if self.owner is not None:  # dismissed, perhaps: it knows who shared the invoice
            written.append(self.owner.generation.sent)
        at_place = [one for one in written if one and one.is_at(self.sent.order_id, self.sent.invoice_number)]
        names = sorted({name for one in at_place for name in one.parcels})
        known = {**{name: self._in_local_time(one) for name, one in here.items()}, self.own: self.known}
        return {name: known[name] for name in names if name in known}

    @property
    def _dismissed(self) -> dict[str, ShipmentRecord]:
        return {name: one for name, one in self._stay.items() if one.generation.state is State.DISMISSED}

    def _twins(self) -> dict[str, Known]:
        return {name: self._in_local_time(one) for name, one in self.here.items() if _shows(one)}

    def _in_local_time(self, record: ShipmentRecord) -> Known:
        endpoint = self.endpoints.get(record.endpoint)
        return in_local_time(record.known, endpoint.zone if endpoint else None)

    def _has_events(self, record: ShipmentRecord | None, *, default: bool = True) -> bool:
        """Whether the record's endpoint sends events; ``default`` for one that is not in the configuration."""
        endpoint = self.endpoints.get(record.endpoint) if record else None
        return endpoint.events if endpoint else default


def present(
    owners: Mapping[str, Owner],
    own: str,
    order_id: str,
    records: Callable[[Collection[str]], Mapping[str, ShipmentRecord]],
) -> dict[str, Owner]:
    """The owners of an order's invoices, without the parcels that have left those which they shared. ``own`` has not:
    it is decided upon."""
    found = records({name for owner in owners.values() if len(owner.parcels) > 1 for name in owner.parcels} - {own})
    left = {(invoice, name) for invoice in owners for name, one in found.items() if has_left(one, order_id, invoice)}
    return {
        invoice: replace(
            owner, parcels={name: its for name, its in owner.parcels.items() if (invoice, name) not in left}
        )
        for invoice, owner in owners.items()
    }


def rejoined(
    owners: Mapping[str, Owner],
    own: str,
    numbers: Collection[str],
    order: Order,
    others: Callable[[Package], Mapping[str, ShipmentRecord]],
) -> dict[str, Owner]:
    """The owners of an order's invoices. Where ``own`` has left an invoice that still shows one of its ``numbers``
    joined to others, those of ``others`` that stayed share it, as before."""
    found = dict(owners)
    for package in order.outputs:
        parts, owner = numbers_in(package.tracking_number)[1:], owners.get(package.invoice_number)
        if not any(is_among(part, numbers) for part in parts) or (owner and _counts_it(owner, own, numbers)):
            continue
        place = (order.order_id, package.invoice_number)
        stayed = {name: one for name, one in others(package).items() if _shows(one) and not has_left(one, *place)}
        if stayed:
            found[package.invoice_number] = _sharing(stayed, parts, owner if owner and owner.shipment != own else None)
    return found


def _counts_it(owner: Owner, own: str, numbers: Collection[str]) -> bool:
    """Whether the owner is no obstacle: it is ``own``, has left, or has written the parcel's number there, too."""
    if owner.shipment == own:
        return not owner.moved
    return owner.moved or any(is_among(number, numbers) for number in owner.numbers)


def _sharing(stayed: Mapping[str, ShipmentRecord], parts: Collection[str], owner: Owner | None) -> Owner:
    """One owner for all that stayed, with the numbers that the invoice shows for them."""
    parcels, is_delivered = {}, False
    for name, record in sorted(stayed.items()):
        sent, shown = record.generation.sent, [part for part in parts if is_among(part, record.known.numbers)]
        is_delivered |= sent is not None and sent.is_delivered
        if sent is not None and shown:
            parcels[name] = (sent.dispatched_date, shown[0])
    if owner is None:
        first = next(iter(parcels), next(iter(stayed)))
        owner = Owner(first, parcels[first][1] if parcels else None, aliases=frozenset(stayed[first].known.numbers))
    return replace(owner, parcels={**owner.parcels, **parcels}, is_delivered=owner.is_delivered or is_delivered)


def has_left(record: ShipmentRecord, order_id: str, invoice_number: str) -> bool:
    """Whether the shipment is none of the invoice's parcels, or none any more: it went elsewhere, its label was voided
    and no person overruled that, or a person has dismissed it after the carrier cancelled it. A parcel that the carrier
    had may go all the same."""
    generation, known = record.generation, record.known
    if generation.sent is None or not generation.sent.is_at(order_id, invoice_number):
        return True
    is_void = known.voided and not goes_despite(generation.assignment, known)
    return is_void or (known.is_cancelled and generation.state is State.DISMISSED)


def _shows(record: ShipmentRecord) -> bool:
    """Whether the invoice shows the parcel, as far as we know."""
    generation = record.generation
    return generation.state is not State.KEPT and bool(generation.sent and not generation.sent.visibility.is_elsewhere)


def _pair(shared: Mapping[str, Known], others: Mapping[str, Known]) -> tuple[str, str] | None:
    """A parcel on the invoice and one of the others that is the same one."""
    pairs = ((one, other) for other in others for one in shared if same_parcel(shared[one], others[other]))
    return next(pairs, None)
