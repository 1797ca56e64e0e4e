"""What passes between a worker and the `Queue`: a claim on a shipment, the calls made for it, and how it ended."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from receiver.shipments import Known, Update
from receiver.store.database import new_id
from receiver.vtex.facts import Fact


class LeaseLost(Exception):
    """The shipment is no longer ours: the lease lapsed and somebody else may have it."""


class Paused(Exception):
    """The account takes no calls now; ``until`` in seconds since the epoch."""

    def __init__(self, until: float) -> None:
        super().__init__(f"paused until {datetime.fromtimestamp(until, UTC).isoformat(timespec='seconds')}")
        self.until = until


class Busy(Exception):
    """The account's pace has no place soon; ``at`` says when, in seconds since the epoch. None was taken."""

    def __init__(self, at: float) -> None:
        super().__init__(f"no place before {datetime.fromtimestamp(at, UTC).isoformat(timespec='seconds')}")
        self.at = at


class InvoiceTaken(Exception):
    """Another shipment's tracking is, or is about to be, on this invoice; ``shipment`` says whose."""

    def __init__(self, shipment: str) -> None:
        super().__init__(shipment)
        self.shipment = shipment


@dataclass(frozen=True, slots=True)
class Over:
    """Whose place on an invoice a write takes, as it was when that was decided: the shipment and the number it had last
    written. ``displaced``: it is no longer told there, and must look again."""

    shipment: str
    number: str | None
    displaced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call to VTEX, written down before it is made. ``request`` is the body sent, if any; ``over`` whose place on
    the invoice it takes."""

    call: str
    order_id: str
    invoice_number: str | None = None
    rule: str | None = None
    evidence: dict[str, Any] | None = None
    request: dict[str, Any] | None = None
    over: Over | None = None
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended; ``answer`` is VTEX's own words, cut short."""

    attempt: str
    at: float
    outcome: str
    status: int | None
    answer: str | None


@dataclass(slots=True, kw_only=True)
class Claim:
    """A leased shipment: the row as the last settlement left it, and every update since.

    ``open_writes`` are PATCHes whose outcome nobody wrote down, the oldest first; ``probing``: its account has just
    come out of a pause; ``unread``: some news could not be read, and stays new.
    """

    id: str
    endpoint: str
    account: str
    token: str
    lease_until: float
    state: str
    reason: str | None
    note: str | None
    check_at: float | None
    arrivals: int
    tries: int
    waits: int
    basis: str | None
    known: Known
    sent: dict[str, Any] | None
    order_id: str | None
    invoice_number: str | None
    rule: str | None
    evidence: dict[str, Any] | None
    assigned_order: str | None
    assigned_invoice: str | None
    assigned_at: float | None
    assigned_over: str | None
    wanted_since: float | None
    generation: int
    updates: list[Update]
    update_ids: list[int]
    open_writes: list[dict[str, Any]] = field(default_factory=list)
    rings: int = 0
    claimed_at: float = 0.0
    probing: bool = False
    unread: bool = False

    @property
    def overrules(self) -> bool:
        """Whether a person has named order and invoice since the last write: his word overwrites once, what comes later
        has the better right."""
        if self.assigned_order is None:
            return False
        return self.sent is None or self.sent.get("assigned_at") != self.assigned_at


@dataclass(slots=True, kw_only=True)
class Settlement:
    """What a claim ends in: the columns of the shipment that change, the endings of its attempts, what was learnt.

    ``due_at`` is when to look again; news that came meanwhile makes it now. ``names`` are the kinds and values by which
    somebody may speak of the shipment; ``waits``: it waits for such word; ``fresh``: some were not known before.
    ``wakes`` are other shipments that must look again now, ``releases`` invoices that were taken and not written:
    ``(order id, invoice number, whose it was before)``.
    """

    due_at: float | None
    changes: dict[str, Any]
    endings: list[Ending] = field(default_factory=list)
    learnt: list[Fact] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)
    waits: bool = False
    fresh: bool = False
    wakes: list[str] = field(default_factory=list)
    releases: list[tuple[str, str, str | None]] = field(default_factory=list)
