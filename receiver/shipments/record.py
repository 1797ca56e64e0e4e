"""PURE: what is stored of one shipment between two claims, and the result of a claim."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from receiver.shipments.known import Known, Stamp
from receiver.shipments.reasons import Reason
from receiver.shipments.sent import Sent
from receiver.shipments.state import State

#: The key in a decision's evidence: another account sold the order, and the shipment stays where it is invoiced.
SOLD_ELSEWHERE = "sold_elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Which order and invoice were chosen, by which rule and on what evidence. Empty: none was chosen."""

    order_id: str | None = None
    invoice_number: str | None = None
    rule: str | None = None
    evidence: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A person has named the order, and perhaps the invoice; ``at`` in seconds since the epoch. ``overrules`` is the
    cancellation that was known then. ``seen``: the tracking number that the invoice showed then, empty where it had
    none, ``None`` where it was not read. ``by_link``: no person has, but a link that names several orders: it overrules
    nothing."""

    order_id: str
    invoice_number: str | None = None
    at: float | None = None
    overrules: Stamp | None = None
    seen: str | None = None
    by_link: bool = False


def goes_despite(assignment: Assignment | None, known: Known) -> bool:
    """Whether a person named the order when the cancellation was known that is known now: the parcel goes all the
    same."""
    return assignment is not None and known.cancelled is not None and assignment.overrules == known.cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Everything that belongs to one parcel under a recycled number. A new parcel begins with ``Generation(number=…)``,
    so nothing of the former one can remain.

    ``check_at``: VTEX is not asked before (seconds since the epoch). ``input_digest`` is the digest of all inputs of
    the last decision (`receiver.reconcile.plan.input_digest`). ``tries`` counts failures in a row, ``waits`` steps of
    the schedule; ``wanted_since`` is when the write became due, for the horizon.
    """

    number: int = 1
    state: State = State.DUE
    reason: Reason | None = None
    note: str = ""
    check_at: float | None = 0.0
    input_digest: str | None = None
    tries: int = 0
    waits: int = 0
    wanted_since: float | None = None
    decision: Decision = field(default_factory=Decision)
    assignment: Assignment | None = None
    sent: Sent | None = None

    @property
    def by_person(self) -> Assignment | None:
        """The assignment, if a person has made it."""
        return self.assignment if self.assignment is not None and not self.assignment.by_link else None

    @property
    def overrules(self) -> bool:
        """Whether a person has named order and invoice since the last write: that overwrites once."""
        if self.by_person is None:
            return False
        return self.sent is None or self.sent.assigned_at != self.by_person.at

    @property
    def is_taken_back(self) -> bool:
        """Whether a person has taken back the assignment that the last write followed, and no rule has led there
        since."""
        return self.sent is not None and self.sent.assigned_at is not None and self.by_person is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentRecord:
    """A shipment as the last settlement left it. ``update_count`` and ``wake_count`` say how many updates, and how many
    changes of its order, had come when it was read: what came since makes it due again.
    ``companion_of``: the parcel that serves several orders, where this record stands for one more of them."""

    id: str
    endpoint: str
    account: str
    known: Known = field(default_factory=Known)
    generation: Generation = field(default_factory=Generation)
    update_count: int = 0
    wake_count: int = 0
    companion_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextState:
    """The state in which a claim ends. ``due_at``: when to look again, ``None`` for not by itself; ``check_at``: VTEX
    is not asked before. Both in seconds since the epoch."""

    state: State
    reason: Reason | None = None
    note: str = ""
    due_at: float | None = None
    check_at: float | None = None


#: The text before the command that settles a hold.
TO_DECIDE = " To decide: "


def held(reason: Reason, detail: str = "", command: str = "") -> NextState:
    """A person must decide. Only an update, a link, that person or a change of the order reopens the shipment.
    ``command`` settles it."""
    note = reason.explained(detail)
    return NextState(state=State.HELD, reason=reason, note=f"{note}{TO_DECIDE}{command}" if command else note)


def with_remark(end: NextState, remark: str) -> NextState:
    """The state with one more sentence in its note, before the command to paste."""
    note, mark, command = end.note.partition(TO_DECIDE)
    return replace(end, note=f"{note} {remark}{mark}{command}") if remark else end


def kept(reason: Reason, detail: str = "") -> NextState:
    """The invoice stays as it is, by the endpoint's settings; only an update or a person reopens the shipment."""
    return NextState(state=State.KEPT, reason=reason, note=reason.explained(detail))


def waiting(state: State, reason: Reason, detail: str = "", *, due_at: float | None = None) -> NextState:
    """Something must appear or succeed first; VTEX is not asked before ``due_at``."""
    return NextState(state=state, reason=reason, note=reason.explained(detail), due_at=due_at, check_at=due_at)
