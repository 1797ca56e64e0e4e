"""PATCHes whose answer was lost: before any other decision, the order is read to see whether one was applied."""

from receiver.reconcile.context import ReconcileContext
from receiver.reconcile.plan import as_it_was
from receiver.shipments import Decision, NextState, State, Visibility
from receiver.store import Ending, OpenWrite
from receiver.vtex.patch_body import shows


def check_unknown_writes(context: ReconcileContext, read_back_seconds: float, *, now: float) -> NextState | None:
    """Read the orders of writes with unknown outcome, and record what they show. ``None``: every outcome is known now.

    A state: it is too early to read, or the shipment must first return to the account of the write.
    """
    claim, stored = context.claim, context.stored
    if not claim.open_writes:
        return None
    last = claim.open_writes[-1]
    if last.account != claim.account:  # an update has moved the shipment; the write stays in its account
        context.account = last.account
        return as_it_was(stored, again_at=now)
    begins = max(last.begun_at + read_back_seconds, stored.check_at or 0.0)
    if begins > now:
        note = stored.note or "a write of unknown outcome may not be visible yet"
        return NextState(state=stored.state, reason=stored.reason, note=note, due_at=begins, check_at=begins)
    context.wanted_since = context.wanted_since or now
    visible = [write for write in claim.open_writes if _is_visible(context, write)]
    for write in claim.open_writes:
        outcome = "applied, seen later" if write in visible else "not visible later"
        context.calls.endings.append(Ending(write.id, now, outcome, None, None, "PATCH"))
    _take_over(context, (visible or claim.open_writes)[-1], applied=bool(visible), now=now)
    return None


def _take_over(context: ReconcileContext, write: OpenWrite, *, applied: bool, now: float) -> None:
    """Continue as if the write's answer had arrived, unless the invoice belongs to another parcel or a person has named
    another one since."""
    stored, assigned = context.stored, context.stored.assignment
    if write.generation != stored.number or (assigned and assigned.order_id != write.order_id):
        return
    if assigned and assigned.invoice_number not in (None, write.invoice_number):
        return
    context.unsettled = dict(write.request)
    if not applied:
        return
    evidence = write.evidence or {}
    sent = context.sent_to(
        write.order_id,
        write.invoice_number,
        write.request,
        now,
        visibility=Visibility.SEEN,
        parcels=evidence.get("parcels"),
    )
    context.sent = sent.of_unknown_words()  # the carrier may have said more since
    context.decision = Decision(
        order_id=write.order_id, invoice_number=write.invoice_number, rule=write.rule, evidence=write.evidence
    )
    # News since the write may name another invoice: decide again with the order just read.
    note = "written; the answer was lost, and the invoice shows it"
    if stored.state is State.DISMISSED:
        note = stored.note
    context.correct(sent=context.sent, note=note, input_digest="")
    context.input_digest = ""


def _is_visible(context: ReconcileContext, write: OpenWrite) -> bool:
    found = context.invoices(write.order_id, write.invoice_number)
    return any(shows(package, write.request) for package in found)
