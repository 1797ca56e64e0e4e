"""Make VTEX agree with one shipment: gather, decide, apply, record. All judgement is in pure modules; here is the
order of things, and the settlement at the end. What is made of each trouble: `receiver.reconcile.failures`."""

import json
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from adapters import ReferenceKind
from receiver.calls.claimed import Calls
from receiver.config import Config, Endpoint
from receiver.reconcile.events import Events
from receiver.reconcile.failures import Troubles
from receiver.reconcile.plan import Rest, basis, hold, keep, plan, policy_of, waiting, wanted_of
from receiver.reconcile.resolve import Found, Resolver, names_of
from receiver.reconcile.unknown_writes import check_unknown_writes
from receiver.reconcile.work import Work, is_sent
from receiver.shipments import advance, known_to_json
from receiver.store import (
    Attempt,
    Busy,
    Claim,
    InvoiceTaken,
    LeaseLost,
    Over,
    Paused,
    Queue,
    Settlement,
    StoreUnavailable,
)
from receiver.store.index import STUCK
from receiver.timing import READ_BACKS, backoff
from receiver.vtex.answers import NotFound, Refused, Rejected, VtexError, storable
from receiver.vtex.client import Vtex
from receiver.vtex.orders import Clues, Hold, Order, UnexpectedOrder, Wait
from receiver.vtex.writes import Agreed, History, Keep, Write, decide, shows

log = logging.getLogger("receiver.worker")

#: Where something is still to be done. A shipment that rests elsewhere has its whole horizon before it again.
_UNDER_WAY = ("due", "awaiting_order", "awaiting_invoice")
#: Where a choice of order and invoice was made, and stays made while what it rests on does.
_DECIDED = ("in_step", "kept", "held", "awaiting_order", "awaiting_invoice", "gave_up")


class Reconciler:
    """Works on claims of one `Queue`. ``clock`` is Unix time in seconds; ``sleep`` waits for a place in the pace."""

    def __init__(
        self,
        config: Config,
        queue: Queue,
        clients: Mapping[str, Vtex],
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        chance: random.Random | None = None,
    ) -> None:
        self._config, self._queue, self._clients = config, queue, clients
        self._clock, self._sleep, self._chance = clock, sleep, chance or random.Random()  # noqa: S311  only jitter
        self._troubles = Troubles(config, queue, clock=clock, chance=self._chance)
        self._events = Events(config, queue, clock=clock)

    def run(self, claim: Claim) -> None:
        """Bring one claim to its settlement. A lost lease ends it in silence: the shipment is in other hands.

        Raises `StoreUnavailable`: then the shipment is left to its lease.
        """
        try:
            endpoint = self._config.endpoints.get(claim.endpoint)
            if endpoint is None:
                note = f"endpoint {claim.endpoint} is not in the configuration"
                self._leave(claim, {"note": note}, self._clock() + 3600.0)
                return
            work = self._open(claim, endpoint)
            self._settle(work, self._result(work))
        except LeaseLost:
            log.info("%s: the lease was lost; another worker has it", claim.id)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("%s: internal error", claim.id)
            at = self._clock() + backoff(claim.tries + 1, self._chance)
            rest = waiting(claim.state, "internal_error", due_at=at)
            changes = {"reason": rest.reason, "note": rest.note, "check_at": at, "tries": claim.tries + 1}
            self._leave(claim, changes, at)

    def _open(self, claim: Claim, endpoint: Endpoint) -> Work:
        """Fold the news in; a recycled number begins a new generation."""
        known, generations = advance(claim.known, claim.updates)
        if generations:
            claim = replace(
                claim, sent=None, state="due", check_at=0.0, basis=None, tries=0, waits=0, wanted_since=None,
                order_id=None, invoice_number=None, rule=None, evidence=None, assigned_order=None,
                assigned_invoice=None, assigned_at=None, assigned_over=None,
                generation=claim.generation + generations,
            )  # fmt: skip
        vtex = self._clients[claim.account]
        calls = Calls(claim, self._queue, vtex, clock=self._clock, sleep=self._sleep)
        work = Work(claim, known, endpoint, calls, claim.sent, claim.wanted_since)
        for name in ("order_id", "invoice_number", "rule", "generation"):
            work.changes[name] = getattr(claim, name)
        for name in ("assigned_order", "assigned_invoice", "assigned_at", "assigned_over"):
            work.changes[name] = getattr(claim, name)
        work.changes["evidence"] = json.dumps(claim.evidence) if claim.evidence else None
        return work

    def _result(self, work: Work) -> Rest:
        """Plan, ask, and turn whatever goes wrong into a rest with its reason."""
        try:
            step = check_unknown_writes(work, self._config.read_back_seconds, now=self._clock())
            return self._events.follow(work, step or self._planned(work))
        except Paused as error:
            return self._troubles.put_back(work, error.until)
        except Busy as error:
            return Rest(state="due", due_at=error.at)
        except UnexpectedOrder as error:
            return self._troubles.back_off(work, "vtex_unavailable", str(error))
        except VtexError as error:
            return self._troubles.after_error(work, error)
        except (LeaseLost, StoreUnavailable):
            raise
        except Exception:
            log.exception("%s: internal error", work.claim.id)
            return self._troubles.back_off(work, "internal_error", "")

    def _planned(self, work: Work) -> Rest:
        now = self._clock()
        step = plan(work.claim, work.known, work.endpoint, self._config, now=now)
        if isinstance(step, Rest):
            return step
        work.wanted_since = work.wanted_since or now
        return self._read_back(work) if step.purpose == "read_back" else self._ask(work)

    # -- asking -------------------------------------------------------------------------------------------------

    def _ask(self, work: Work) -> Rest:
        claim, now = work.claim, self._clock()
        work.decided = True
        resolver = Resolver(self._queue.index, claim.account, get_order=work.calls.order, get_group=work.calls.group)
        found = resolver.find(claim, work.known, work.endpoint)
        if isinstance(found, Wait | Hold):
            return self._undecided(work, found, "awaiting_order")
        order = found.order
        work.changes["order_id"] = order.order_id
        owners = self._queue.owners(claim.account, order.order_id)
        mine = [number for number, owner in owners.items() if owner.shipment == claim.id and not owner.moved]
        history = History(work.sent, work.unsettled, owners, overruled=claim.overrules)
        clues, wanted = _clues(work, found, next(iter(mine), None)), wanted_of(claim.id, work.known, work.endpoint)
        decision = decide(order, clues, wanted, history, policy_of(work.endpoint))
        if isinstance(decision, Wait):
            return self._undecided(work, decision, "awaiting_invoice", order)
        if isinstance(decision, Hold):
            rest = self._undecided(work, decision, "held", order)
            others = [owner for owner in owners.values() if owner.shipment != claim.id and not owner.moved]
            writing = [owner.shipment for owner in others if owner.number is None]
            if decision.reason == "second_parcel" and writing:
                return self._troubles.step_back(work, writing[0], decision.note)
            return rest
        invoice = decision.choice.package.invoice_number
        if isinstance(decision, Agreed) and work.unsettled and is_sent(work.sent, order.order_id, invoice):
            return Rest(state="in_step", note=claim.note or "")  # found applied: the rule that chose it then stands
        work.changes["invoice_number"] = invoice
        work.changes["rule"] = decision.choice.rule
        work.changes["evidence"] = json.dumps(decision.choice.evidence)
        if isinstance(decision, Keep):
            work.sent = {**work.sent, "verified": False} if work.sent else None  # what we sent is not what is there
            return keep(decision.reason, decision.note)
        if isinstance(decision, Agreed):
            where, parcels = (order.order_id, invoice), decision.parcels
            work.sent = work.sent_to(*where, decision.body, now, verified=True, parcels=parcels)
            return Rest(state="in_step", note=decision.note or "VTEX already had it")
        return self._write(work, order, decision)

    def _undecided(self, work: Work, why: Wait | Hold, state: str, order: Order | None = None) -> Rest:
        """No invoice is chosen: what was chosen before is not what is told beside the reason. Where the parcel was
        written before, it does not belong any more, or not for certain."""
        evidence = why.evidence if isinstance(why, Hold) else None
        work.changes |= {"order_id": order.order_id if order else None, "invoice_number": None, "rule": None}
        work.changes["evidence"] = json.dumps(evidence) if evidence else None
        if isinstance(why, Hold):
            return hold(why.reason, why.note)
        if work.sent:
            work.sent = {**work.sent, "verified": False}
        return self._troubles.wait_for(work, state, why)

    # -- writing ------------------------------------------------------------------------------------------------

    def _write(self, work: Work, order: Order, decision: Write) -> Rest:
        choice, invoice, over = decision.choice, decision.choice.package.invoice_number, decision.over
        attempt = Attempt(
            call="PATCH",
            order_id=order.order_id,
            invoice_number=invoice,
            rule=choice.rule,
            evidence=dict(choice.evidence),
            request=decision.body,
            over=Over(over.shipment, over.number, displaced=decision.displaces) if over else None,
        )
        try:
            work.calls.patch(attempt)
        except InvoiceTaken as taken:
            return self._troubles.step_back(work, taken.shipment, f"invoice {invoice} carries {taken.shipment}")
        except (NotFound, Rejected, Refused) as error:
            if not is_sent(work.claim.sent, order.order_id, invoice):  # then what stands there is not ours
                work.releases.append((order.order_id, invoice, over.shipment if over else None))
            if not isinstance(error, NotFound):
                raise
            return self._undecided(work, Wait("invoice_not_there", str(error)), "awaiting_invoice", order)
        now = self._clock()
        where, parcels = (order.order_id, invoice), decision.parcels
        work.sent = work.sent_to(*where, decision.body, now, verified=None, parcels=parcels)
        if not self._config.read_back_seconds:
            work.sent["seen"] = True  # nobody will look: the answer is believed
        if over is not None and decision.displaces:
            work.wakes.append(over.shipment)
        log.info("%s: tracking written to invoice %s of %s (%s)", work.claim.id, invoice, order.order_id, choice.rule)
        read_back = now + self._config.read_back_seconds if self._config.read_back_seconds else None
        return Rest(state="in_step", due_at=read_back, check_at=read_back)

    def _read_back(self, work: Work) -> Rest:
        """A 200 is no proof: look once more, and record what VTEX shows."""
        sent = dict(work.claim.sent or {})
        named = {"order_id": sent["order"], "invoice_number": sent["invoice"]}
        packages = work.invoices(named, call="GET read-back")
        if any(shows(package, sent) for package in packages):
            work.sent = {**sent, "verified": True, "seen": True}
            # News that came while the read-back was pending may name another order or invoice.
            again = None if work.claim.basis == basis(work.claim, work.known, work.endpoint) else self._clock()
            return Rest(state="in_step", note="written and seen on the invoice", due_at=again)
        owner = self._queue.owners(work.claim.account, sent["order"]).get(sent["invoice"])
        if owner is not None and owner.shipment != work.claim.id:
            return self._ask(work)  # another parcel of ours was written there since
        reads = int(sent.get("reads", 0)) + 1
        if reads < len(READ_BACKS):
            work.sent = {**sent, "reads": reads}
            again = self._clock() + READ_BACKS[reads] * self._config.read_back_seconds
            return Rest(state="in_step", note="written, not visible yet", due_at=again, check_at=again)
        work.sent = {**sent, "reads": reads, "verified": False}
        held = packages[0].tracking_number if packages else None
        if held not in (None, sent["trackingNumber"]):
            return hold("number_differs", f"after our write the invoice holds {held}")
        return hold("not_applied", f"order {sent['order']}, invoice {sent['invoice']}")

    # -- endings ------------------------------------------------------------------------------------------------

    def _leave(self, claim: Claim, changes: dict[str, Any], at: float) -> None:
        """Settle without having understood the news: it stays new."""
        claim.update_ids.clear()
        self._queue.settle(claim, Settlement(due_at=at, changes=changes), now=self._clock())

    def _settle(self, work: Work, rest: Rest) -> None:
        claim, new_basis = work.claim, basis(work.claim, work.known, work.endpoint)
        changes = {
            "tries": 0 if rest.state != "due" else claim.tries,
            "waits": claim.waits,
            "wanted_since": work.wanted_since if rest.state in _UNDER_WAY else None,
            "check_at": rest.check_at,
            **work.changes,
            "state": rest.state,
            "reason": rest.reason,
            "note": (note := storable(rest.note)),
            "known": json.dumps(known_to_json(work.known)),
            "sent": json.dumps(work.sent) if work.sent else None,
            "tracking_number": work.known.tracking_number,
            "basis": new_basis if work.decided and rest.state in _DECIDED else claim.basis,
        }
        if work.sent:
            changes["account"] = claim.account  # news may have moved it meanwhile, but here is what was written
        settlement = Settlement(
            due_at=rest.due_at,
            changes=changes,
            endings=work.calls.endings,
            learnt=work.calls.learnt,
            names=names_of(claim.id, work.known, {changes["order_id"], *work.calls.asked} - {None}),
            waits=rest.state in STUCK,
            fresh=claim.basis != changes["basis"],
            wakes=work.wakes,
            releases=work.releases,
        )
        self._queue.settle(claim, settlement, now=self._clock())
        if rest.state in ("held", "gave_up") and (claim.state, claim.reason) != (rest.state, rest.reason):
            log.warning("%s is %s: %s: %s", claim.id, rest.state.replace("_", " "), rest.reason, note)


def _clues(work: Work, found: Found, own_invoice: str | None) -> Clues:
    known, claim = work.known, work.claim
    return Clues(
        tracking_number=known.tracking_number or "",
        invoice_numbers=known.values(ReferenceKind.INVOICE_NUMBER),
        invoice_series=known.values(ReferenceKind.INVOICE_SERIES),
        invoice_keys=known.values(ReferenceKind.INVOICE_KEY),
        assigned_invoice=claim.assigned_invoice,
        linked_invoice=found.linked_invoice,
        own_invoice=own_invoice,
        assigned=claim.assigned_order is not None,
    )
