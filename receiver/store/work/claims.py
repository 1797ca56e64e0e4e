"""What passes between a worker and the `Queue`: a claim on a shipment, the calls made for it, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from receiver.shipments import Generation, Known, Sent, ShipmentRecord, Update
from receiver.store.database import new_id
from receiver.store.finding.index_change import IndexChange
from receiver.timing import stamp


class LeaseLost(Exception):
    """The lease on the shipment has expired, or was revoked; another worker may have it."""


#: Where a person at the command line learns why an account is paused.
PAUSE_TOLD_BY = "receiver check says why"


class Paused(Exception):
    """The account takes no calls now; ``until`` in seconds since the epoch."""

    def __init__(self, until: float) -> None:
        super().__init__(f"paused until {stamp(until)}; {PAUSE_TOLD_BY}")
        self.until = until


class RateLimited(Exception):
    """The account's rate limit has no slot soon; ``at`` says when, in seconds since the epoch. None was reserved."""

    def __init__(self, at: float) -> None:
        super().__init__(f"no slot before {stamp(at)}")
        self.at = at


class InvoiceTaken(Exception):
    """Another shipment's tracking is, or is about to be, on this invoice; ``shipment`` is its id."""

    def __init__(self, shipment: str) -> None:
        super().__init__(shipment)
        self.shipment = shipment


@dataclass(frozen=True, slots=True)
class Overwrites:
    """The shipment that a write replaces on an invoice, and the number it had last written when that was decided."""

    shipment: str
    number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call to VTEX, recorded before it is made. ``request`` is the body sent, if any; ``replaces`` is the shipment
    whose tracking it overwrites. ``displaces``: our other shipments are gone from the invoice afterwards, and must be
    looked at again. ``overrules``: a person has named the invoice since the last write, so that this one may overwrite
    any other shipment's."""

    call: str
    order_id: str
    invoice_number: str | None = None
    rule: str | None = None
    evidence: Mapping[str, Any] | None = None
    request: Mapping[str, Any] | None = None
    replaces: Overwrites | None = None
    displaces: bool = False
    overrules: bool = False
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended; ``answer`` is VTEX's own words, cut short."""

    attempt: str
    at: float
    outcome: str
    status: int | None
    answer: str | None
    #: As in `Attempt`; ``None``: this process did not make the call.
    call: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWrite:
    """A PATCH that was begun and has no recorded outcome."""

    id: str
    account: str
    generation: int
    order_id: str
    invoice_number: str
    rule: str | None
    evidence: Mapping[str, Any] | None
    request: Mapping[str, Any]
    begun_at: float


@dataclass(slots=True)
class Lease:
    """The right to work on a shipment until ``until`` (seconds since the epoch). Each reserved call renews it."""

    token: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A leased shipment: its record, and every update since the last settlement.

    ``open_writes``, the oldest first, are PATCHes of unknown outcome. ``half_open``: the account's pause has just
    ended, and this claim is the circuit breaker's one probe. ``unread``: some updates were unreadable, and stay new.
    ``delivery``: the one that brought the last update. ``ended``: the generation that ends with these updates.
    ``due_at``, since when it was due, and ``claimed_at`` in seconds since the epoch.
    """

    record: ShipmentRecord
    lease: Lease
    updates: tuple[Update, ...] = ()
    delivery: str | None = None
    update_ids: tuple[int, ...] = ()
    open_writes: tuple[OpenWrite, ...] = ()
    due_at: float = 0.0
    claimed_at: float = 0.0
    half_open: bool = False
    unread: bool = False
    ended: Generation | None = None

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def endpoint(self) -> str:
        return self.record.endpoint

    @property
    def account(self) -> str:
        return self.record.account


@dataclass(frozen=True, slots=True)
class Release:
    """An invoice that was acquired for a write that VTEX refused. ``former`` is the shipment that had it before."""

    order_id: str
    invoice_number: str
    former: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How a claim ends, the acknowledgement of its updates.

    ``due_at`` is when to look again; an update that came meanwhile makes it now. ``generation`` is stored whole.
    ``known`` is the fold of all updates, or ``None`` if they could not be understood. ``folded`` are the ids of the
    settled updates, none in that case. ``account`` is the shipment's account from now on, ``None`` for no change.
    ``wakes`` are other shipments that become due now. ``releases`` are invoices that were acquired and not written.
    ``left``: the record of the invoice that the shipment had and has no more, or has in another way.
    """

    due_at: float | None
    generation: Generation
    known: Known | None = None
    folded: tuple[int, ...] = ()
    account: str | None = None
    endings: tuple[Ending, ...] = ()
    index: IndexChange = field(default_factory=IndexChange)
    wakes: tuple[str, ...] = ()
    releases: tuple[Release, ...] = ()
    left: Sent | None = None
