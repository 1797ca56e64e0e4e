"""PURE: the record of what was sent to VTEX for one parcel: the PATCH, its invoice, whether VTEX shows it, and the
events."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

#: The body of a PATCH: VTEX's four keys.
Body = dict[str, Any]
#: Shipment → its dispatch time as text, and its number; in the order of dispatch.
Parcels = Mapping[str, tuple[str | None, str]]


class Visibility(Enum):
    """Whether VTEX shows on the invoice what we sent. The value is that of the database: ``(verified, seen)``."""

    UNSEEN = (None, False)  #: written; the invoice has not been read since
    BELIEVED = (None, True)  #: written and not read since; the answer, or what the invoice showed before, is trusted
    SEEN = (True, True)  #: the invoice showed it
    MISSING = (False, False)  #: the invoice was read and never showed it
    SUPERSEDED = (False, True)  #: the invoice showed it once; it shows something else now, or the parcel went elsewhere

    @property
    def was_seen(self) -> bool:
        """Whether the invoice has shown what we wrote, now or before, or the answer is trusted."""
        return bool(self.value[1])

    @property
    def is_open(self) -> bool:
        """Whether the invoice has not been read yet."""
        return self.value[0] is None

    @property
    def is_elsewhere(self) -> bool:
        """Whether VTEX does not show what was sent, or the parcel belongs elsewhere."""
        return self.value[0] is False

    def lost(self) -> "Visibility":
        """The visibility after the invoice no longer shows what was sent."""
        return Visibility((False, self.was_seen))


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTracking:
    """The events and the delivery that VTEX has. ``digest`` is that of the PUT's body, ``events`` how many it had;
    ``at`` in seconds since the epoch. ``sent_by``: the shipment that sends them, if another one owns the invoice."""

    digest: str
    at: float
    delivered: bool
    delivered_date: str | None = None
    events: int = 0
    note: str = ""
    sent_by: str | None = None

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "SentTracking":
        return cls(
            digest=plain["digest"],
            at=plain["at"],
            delivered=plain["delivered"],
            delivered_date=plain.get("delivered_date"),
            events=plain.get("events", 0),
            note=plain.get("note", ""),
            sent_by=plain.get("told_by"),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "digest": self.digest,
            "at": self.at,
            "delivered": self.delivered,
            **({"delivered_date": self.delivered_date} if self.delivered_date else {}),
            "events": self.events,
            **({"note": self.note} if self.note else {}),
            **({"told_by": self.sent_by} if self.sent_by else {}),
        }


@dataclass(frozen=True, slots=True)
class PendingEvents:
    """VTEX has not found the invoice for the events yet: since when, and after how many looks."""

    first_at: float
    waits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One parcel's tracking as VTEX last got it, or already had it.

    ``at`` is when, in seconds since the epoch; ``reads`` counts the read-backs without result; ``written``: by us, as
    opposed to what the invoice showed already. ``wanted`` are the carrier's values at that time
    (`receiver.vtex.wanted.words`), ``None`` if unknown. ``parcels``: all on the invoice, if several. ``assigned_at``:
    the time of the person's assignment that this follows. ``tracking``: the events that VTEX has; ``pending_events``:
    VTEX has not accepted them yet.
    """

    order_id: str
    invoice_number: str
    tracking_number: str
    tracking_url: str | None
    courier: str | None
    dispatched_date: str | None
    at: float
    visibility: Visibility
    reads: int = 0
    written: bool = True
    wanted: tuple[str | None, ...] | None = None
    parcels: Parcels = field(default_factory=dict)
    assigned_at: float | None = None
    tracking: SentTracking | None = None
    pending_events: PendingEvents | None = None

    @property
    def body(self) -> Body:
        """The body of the PATCH."""
        return {
            "trackingNumber": self.tracking_number,
            "trackingUrl": self.tracking_url,
            "courier": self.courier,
            "dispatchedDate": self.dispatched_date,
        }

    @property
    def place(self) -> dict[str, str]:
        """Where it went, and the number that stands there."""
        place = {"order_id": self.order_id, "invoice_number": self.invoice_number}
        return {**place, "tracking_number": self.tracking_number}

    @property
    def is_delivered(self) -> bool:
        """Whether the delivery was sent to VTEX."""
        return self.tracking is not None and self.tracking.delivered

    def is_at(self, order_id: str, invoice_number: str) -> bool:
        """Whether this was sent to exactly that invoice."""
        return (self.order_id, self.invoice_number) == (order_id, invoice_number)

    def seen(self) -> "Sent":
        """A copy whose tracking the invoice shows."""
        return replace(self, visibility=Visibility.SEEN)

    def lost(self) -> "Sent":
        """A copy for an invoice that does not show it, or a parcel that belongs elsewhere."""
        return replace(self, visibility=self.visibility.lost())

    def of_unknown_words(self) -> "Sent":
        """A copy without the carrier's values of that time, which are unknown."""
        return replace(self, wanted=None)

    def with_tracking(self, tracking: SentTracking) -> "Sent":
        """A copy with the events that VTEX has now."""
        return replace(self, tracking=tracking, pending_events=None)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Sent":
        """Read `to_json`'s result, of this version or an earlier one. Raises `KeyError`, `ValueError`, `TypeError`."""
        verified, pending = plain.get("verified"), plain.get("untold")
        return cls(
            order_id=plain["order"],
            invoice_number=plain["invoice"],
            tracking_number=plain["trackingNumber"],
            tracking_url=plain.get("trackingUrl"),
            courier=plain.get("courier"),
            dispatched_date=plain.get("dispatchedDate"),
            at=plain.get("at", 0.0),
            visibility=Visibility((verified, bool(verified or plain.get("seen")))),
            reads=plain.get("reads", 0),
            written=plain.get("written", True),
            wanted=tuple(plain["wanted"]) if "wanted" in plain else None,
            parcels={shipment: (at, number) for shipment, (at, number) in plain.get("parcels", {}).items()},
            assigned_at=plain.get("assigned_at"),
            tracking=SentTracking.from_json(plain["tracking"]) if "tracking" in plain else None,
            pending_events=PendingEvents(**pending) if pending else None,
        )

    def to_json(self) -> dict[str, Any]:
        """The JSON for the database."""
        verified, was_seen = self.visibility.value
        optional = {
            "seen": was_seen,
            "reads": self.reads,
            "parcels": {shipment: list(parcel) for shipment, parcel in self.parcels.items()},
            "tracking": self.tracking.to_json() if self.tracking else None,
        }
        return {
            **self.body,
            "order": self.order_id,
            "invoice": self.invoice_number,
            "at": self.at,
            "verified": verified,
            **{name: value for name, value in optional.items() if value},
            **({} if self.written else {"written": False}),
            **({"wanted": list(self.wanted)} if self.wanted is not None else {}),
            **({"assigned_at": self.assigned_at} if self.assigned_at is not None else {}),
            **(
                {"untold": {"first_at": self.pending_events.first_at, "waits": self.pending_events.waits}}
                if self.pending_events
                else {}
            ),
        }
