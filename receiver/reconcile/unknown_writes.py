"""PATCHes whose end nobody saw: before anything else is decided, the order is asked whether one was applied."""

import json
from collections.abc import Mapping
from typing import Any

from receiver.reconcile.plan import Rest
from receiver.reconcile.work import Work
from receiver.store.claims import Ending
from receiver.vtex.writes import Body, shows


def check_unknown_writes(work: Work, read_back_seconds: float, *, now: float) -> Rest | None:
    """PATCHes whose end nobody saw: the order tells whether one was applied. ``None``: there is none any more."""
    claim = work.claim
    if not claim.open_writes or claim.state == "dismissed":
        return None
    attempt = claim.open_writes[-1]
    if attempt["account"] != claim.account:  # news has moved it meanwhile: what is being written there stays there
        work.changes["account"] = attempt["account"]
        return Rest(state=claim.state, reason=claim.reason, note=claim.note or "", due_at=now, check_at=now)
    begins = max(attempt["begun_at"] + read_back_seconds, claim.check_at or 0.0)
    if begins > now:
        note = claim.note or "a write of unknown outcome may not be visible yet"
        return Rest(state=claim.state, reason=claim.reason, note=note, due_at=begins, check_at=begins)
    work.wanted_since = work.wanted_since or now
    visible = [one for one in claim.open_writes if _is_visible(work, one)]
    for one in claim.open_writes:
        outcome = "applied, seen later" if one in visible else "not visible later"
        work.calls.endings.append(Ending(one["id"], now, outcome, None, None))
    attempt, applied = (visible or claim.open_writes)[-1], bool(visible)
    body: Body = json.loads(attempt["request"])
    wrote = (attempt["generation"], attempt["order_id"], attempt["invoice_number"])
    if wrote != (claim.generation, claim.assigned_order or wrote[1], claim.assigned_invoice or wrote[2]):
        return None
    work.unsettled = body
    if applied:
        claim.basis = ""  # what came since may name another invoice: decide again, the order is at hand
        where = (attempt["order_id"], attempt["invoice_number"])
        parcels = json.loads(attempt["evidence"] or "{}").get("parcels")
        work.sent = claim.sent = work.sent_to(*where, body, now, verified=True, parcels=parcels)
        del work.sent["wanted"]  # the carrier may have said more since
        claim.note = "written; the answer was lost, and the invoice shows it"
        for name in ("order_id", "invoice_number", "rule", "evidence"):
            work.changes[name] = attempt[name]
    return None


def _is_visible(work: Work, attempt: Mapping[str, Any]) -> bool:
    body: Body = json.loads(attempt["request"])
    return any(shows(package, body) for package in work.invoices(attempt))
