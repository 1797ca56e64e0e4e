"""One claim while it is worked on: what is known, what was sent, and what its settlement will say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from receiver.calls.claimed import Calls
from receiver.config import Endpoint
from receiver.reconcile.plan import wanted_of
from receiver.shipments import Known
from receiver.store import Claim
from receiver.vtex.answers import NotFound
from receiver.vtex.orders import Package
from receiver.vtex.tracking import Tracking
from receiver.vtex.writes import Body, Parcels, was_seen, words


@dataclass(slots=True)
class Work:
    """What one claim has come to so far; ``unsettled`` is a write whose end nobody saw, ``decided``: order and invoice
    were chosen with all that is known. ``wakes`` and ``releases`` are the settlement's."""

    claim: Claim
    known: Known
    endpoint: Endpoint
    calls: Calls
    sent: Body | None
    wanted_since: float | None
    unsettled: Body | None = None
    decided: bool = False
    wakes: list[str] = field(default_factory=list)
    releases: list[tuple[str, str, str | None]] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)

    def sent_to(
        self,
        order_id: str,
        invoice: str,
        body: Body,
        now: float,
        *,
        verified: bool | None,
        parcels: Parcels | None = None,
    ) -> Body:
        """What the shipment's row keeps of a write: the body, where it went, whether it was seen there, and whose
        numbers it tells, if several; of what was sent to that very invoice before, what was told of events, and whether
        any of it was ever seen. ``wanted`` is what the carrier's word came to at that time."""
        former = self.sent if is_sent(self.sent, order_id, invoice) else None
        sent = {**body, "order": order_id, "invoice": invoice, "at": now, "verified": verified}
        sent["wanted"] = words(wanted_of(self.claim.id, self.known, self.endpoint))
        if parcels and len(parcels) > 1:
            sent["parcels"] = dict(parcels)
        if self.claim.assigned_at is not None:
            sent["assigned_at"] = self.claim.assigned_at
        if verified or was_seen(former):
            sent["seen"] = True
        if former and "tracking" in former:
            sent["tracking"] = former["tracking"]
        return sent

    def invoices(self, named: Mapping[str, Any], *, call: str = "GET order") -> list[Package]:
        """The invoices of the order and number that an attempt names; none where VTEX does not know the order."""
        try:
            order = self.calls.order(named["order_id"], call=call)
        except NotFound:
            return []
        return [package for package in order.outputs if package.invoice_number == named["invoice_number"]]


def is_sent(sent: Body | None, order_id: str, invoice: str) -> bool:
    """True where ``sent`` is about that invoice."""
    return sent is not None and (sent["order"], sent["invoice"]) == (order_id, invoice)


def with_tracking(sent: Body, told: Tracking, now: float, *, told_by: str | None = None) -> Body:
    """``sent`` with the set of events VTEX has now; ``told_by`` another shipment, where the invoice is that one's."""
    kept = {
        "digest": told.digest,
        "at": now,
        "delivered": told.body["isDelivered"],
        "delivered_date": told.body["deliveredDate"],
        "events": len(told.body["events"]),
        "note": told.note,
        "told_by": told_by,
    }
    rest = {name: value for name, value in sent.items() if name != "untold"}
    return {**rest, "tracking": {name: value for name, value in kept.items() if value not in (None, "")}}
