"""One claim while it is worked on: what is known, what was sent, and what its settlement will store."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from receiver.calls.claimed import ClaimCalls
from receiver.config import Endpoint
from receiver.reconcile.beside import Beside
from receiver.reconcile.names import other_numbers
from receiver.reconcile.plan import input_digest, wanted_of
from receiver.shipments import (
    RECYCLED_AFTER,
    Decision,
    Generation,
    Known,
    NextState,
    Parcels,
    Sent,
    ShipmentRecord,
    State,
    Visibility,
)
from receiver.shipments.numbers import same_number
from receiver.store import Claim, IndexChange, Place, Queue, Release, Settlement
from receiver.vtex.answers import NotFound, storable
from receiver.vtex.orders import Order, Package
from receiver.vtex.patch_body import visible
from receiver.vtex.wanted import Body, Wanted, words


@dataclass(slots=True)
class ReconcileContext:
    """The intermediate result of one claim.

    ``shipment`` is the record to decide on: that of the last settlement, corrected if the order showed the outcome of a
    write whose answer was lost. The fields from ``sent`` to ``releases`` are what the settlement stores; ``links_read``
    and ``also`` as in `receiver.store.IndexChange`. The others end with the claim. ``decided``: order and invoice were
    chosen from everything known, including ``links_read``. ``unsettled`` is a PATCH whose outcome is unknown. ``twins``
    as in `receiver.reconcile.plan.wanted_of`.
    """

    claim: Claim
    shipment: ShipmentRecord
    known: Known
    endpoint: Endpoint
    calls: ClaimCalls
    sent: Sent | None
    decision: Decision
    wanted_since: float | None
    input_digest: str | None
    waits: int
    tries: int | None = None
    account: str | None = None
    links_read: set[tuple[str, str, float]] = field(default_factory=set)
    also: tuple[Place, ...] | None = None
    wakes: list[str] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    decided: bool = False
    unsettled: Body | None = None
    twins: Sequence[Known] = ()
    _beside: Beside | None = None

    @classmethod
    def begin(cls, claim: Claim, known: Known, endpoint: Endpoint, calls: ClaimCalls) -> "ReconcileContext":
        """The context of a claim whose record belongs to the present generation."""
        stored = claim.record.generation
        return cls(
            claim=claim,
            shipment=claim.record,
            known=known,
            endpoint=endpoint,
            calls=calls,
            sent=stored.sent,
            decision=stored.decision,
            wanted_since=stored.wanted_since,
            input_digest=stored.input_digest,
            waits=stored.waits,
        )

    @property
    def stored(self) -> Generation:
        """The record's generation, before this claim's own steps."""
        return self.shipment.generation

    def correct(self, **changes: object) -> None:
        """Correct the record from what the order shows, so that the decision rests on it."""
        self.shipment = replace(self.shipment, generation=replace(self.stored, **changes))  # type: ignore[arg-type]  # as `replace` has it

    def digest(self) -> str:
        """The digest of everything that a decision made now rests on, in the shipment's account from now on."""
        there = replace(self.shipment, account=self.account or self.shipment.account)
        return input_digest(there, self.known, self.endpoint)

    def has_news(self) -> bool:
        """Whether anything has changed since the last decision."""
        return self.stored.input_digest != self.digest()

    def wanted(self) -> Wanted:
        """The desired state: what the carrier says now, in VTEX's terms."""
        return wanted_of(self.claim.id, self.known, self.endpoint, self.sent, self.twins)

    def beside(self, queue: Queue, endpoints: Mapping[str, Endpoint]) -> Beside:
        """Our other shipments on the invoice of ``sent``, read once. There must be one."""
        sent, before = self.sent, self._beside
        assert sent is not None  # noqa: S101  asked only after a send
        if before is None or not before.sent.is_at(sent.order_id, sent.invoice_number):
            owner, others = queue.beside(self.claim.account, self.claim.id, sent)
            before = Beside(self.claim.id, self.known, sent, others, others.get(owner), endpoints)
        self._beside = replace(before, sent=sent)
        return self._beside

    def bearing(self, queue: Queue, numbers: Collection[str]) -> dict[str, ShipmentRecord]:
        """Our other shipments with one of these numbers, without those of a parcel that had it long before."""
        found, first = queue.bearing(self.claim.account, self.claim.id, numbers), self.known.first_heard
        return {
            name: one
            for name, one in found.items()
            if not (first and one.known.last_heard and one.known.last_heard < first - RECYCLED_AFTER)
        }

    def beside_at(self, queue: Queue, order_id: str, package: Package) -> Mapping[str, ShipmentRecord]:
        """Our other shipments on an invoice, as the order shows it."""
        number, seen = package.invoice_number, Visibility.SEEN
        standing = self.sent_to(order_id, number, visible(package), 0.0, visibility=seen, written=False)
        return queue.beside(self.claim.account, self.claim.id, standing)[1]

    def sent_to(
        self,
        order_id: str,
        invoice_number: str,
        body: Mapping[str, str | None],
        now: float,
        *,
        visibility: Visibility,
        parcels: Parcels | None = None,
        written: bool = True,
    ) -> Sent:
        """The record of a write: the body, its invoice, and all parcels that it covers, if several. If the same invoice
        was written before, its events are kept, and whether VTEX showed the write."""
        former = self.sent if self.sent and self.sent.is_at(order_id, invoice_number) else None
        if visibility is Visibility.UNSEEN and former is not None and former.visibility.was_seen:
            visibility = Visibility.BELIEVED
        assignment = self.stored.assignment
        return Sent(
            order_id=order_id,
            invoice_number=invoice_number,
            tracking_number=body["trackingNumber"] or "",
            tracking_url=body["trackingUrl"],
            courier=body["courier"],
            dispatched_date=body["dispatchedDate"],
            at=now,
            visibility=visibility,
            written=written or (former is not None and former.written),
            wanted=words(self.wanted()),
            parcels=dict(parcels) if parcels and len(parcels) > 1 else {},
            assigned_at=assignment.at if assignment else None,
            tracking=former.tracking if former else None,
        )

    def invoices(self, order_id: str, invoice_number: str, *, call: str = "GET order") -> list[Package]:
        """The order's invoices with that number; none if VTEX does not know the order."""
        try:
            order: Order = self.calls.order(order_id, call=call)
        except NotFound:
            return []
        return [package for package in order.outputs if package.invoice_number == invoice_number]

    def _is_news_to_others(self) -> bool:
        """Whether the parcel has come to its invoice in this claim, or has got a number since: others with its numbers
        may follow it there."""
        before, sent = self.claim.record, self.sent
        former = before.generation.sent
        has_come = sent is not None and not (former and former.is_at(sent.order_id, sent.invoice_number))
        return has_come or (sent is not None and before.known.numbers != self.known.numbers)

    def _leads_to(self) -> Place | None:
        """Where the parcel is, if that is known by more than a number that stands there. A companion leads none."""
        sent = self.sent
        if sent is None or self.shipment.companion_of or not (sent.written or self.stored.by_person):
            return None
        return Place(sent.order_id, sent.invoice_number)

    def _left(self) -> Sent | None:
        """The record of the invoice that the parcel had and has no more: it went elsewhere, or its label was voided. Or
        that it has in another way, so that those that it refused there are decided again: by the rules, and no more by
        a person's word, or under another number."""
        before, sent = self.claim.record, self.sent
        former = before.generation.sent
        if former is None:
            return None
        stays = sent is not None and sent.is_at(former.order_id, former.invoice_number)
        is_void = self.known.voided and not before.known.voided
        if is_void or sent is None or not stays:
            return former
        is_by_rules = before.generation.is_taken_back and sent.assigned_at is None
        return former if is_by_rules or not same_number(sent.tracking_number, former.tracking_number) else None

    def settlement(self, end: NextState, names: Sequence[tuple[str, str]]) -> Settlement:
        """How the claim ends. ``names`` are those by which a link, an order or the hook may refer to the shipment."""
        stored = self.stored
        digest = self.digest() if self.decided and end.state.rests_on_decision else self.input_digest
        generation = replace(
            stored,
            state=end.state,
            reason=end.reason,
            note=storable(end.note),
            check_at=end.check_at,
            input_digest=digest,
            tries=self.tries if self.tries is not None else stored.tries if end.state is State.DUE else 0,
            waits=self.waits,
            wanted_since=self.wanted_since if end.state.is_under_way else None,
            decision=self.decision,
            sent=self.sent,
        )
        return Settlement(
            due_at=end.due_at,
            generation=generation,
            known=self.known,
            folded=self.claim.update_ids,
            # An update may have moved the shipment meanwhile, but it was written in this account.
            account=self.claim.account if self.sent else self.account,
            endings=tuple(self.calls.endings),
            index=self._index_change(end, names, digest),
            wakes=tuple(self.wakes),
            releases=tuple(self.releases),
            left=self._left(),
        )

    def _index_change(self, end: NextState, names: Sequence[tuple[str, str]], digest: str | None) -> IndexChange:
        numbers = tuple(name for name in names if name[0] == "tracking_number")
        return IndexChange(
            names=tuple(names),
            accounts=self.endpoint.asked_accounts,
            named=end.state.is_stuck or self.sent is None,
            other_numbers=other_numbers(self.known) if self.sent is not None else (),
            has_new_names=self.claim.record.generation.input_digest != digest,
            learnt=tuple(self.calls.learnt),
            links_read=frozenset(self.links_read),
            also=self.also,
            placed=numbers if self._is_news_to_others() else (),
            placed_at=self._leads_to() if self._is_news_to_others() else None,
        )
