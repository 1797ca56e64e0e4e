"""Make VTEX agree with one shipment: gather, decide, apply, record. All judgement is in pure modules; here is the
order of things, what is made of each trouble, and the settlement at the end."""

import json
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from adapters import ReferenceKind
from receiver.calls import Calls
from receiver.config import Config, Endpoint
from receiver.pauses import KEY_PAUSE, pause, pause_after
from receiver.plan import READ_BACKS, Rest, awaiting, backoff, basis, hold, plan, stamp, waiting, wanted_of
from receiver.resolve import Found, Resolver, names_of
from receiver.shipments import Known, advance, known_to_json
from receiver.store import Attempt, Busy, Claim, InvoiceTaken, LeaseLost, Paused, Queue, Settlement, StoreUnavailable
from receiver.store.index import STUCK
from receiver.store.queue import Ending
from receiver.vtex.answers import NotFound, Refused, Rejected, VtexError
from receiver.vtex.client import Vtex
from receiver.vtex.orders import Clues, Fact, Hold, Order, Package, UnexpectedOrder, Wait, index_facts
from receiver.vtex.writes import Agreed, Body, History, Write, decide, shows

log = logging.getLogger("receiver.worker")

#: So many distinct orders refused within so many seconds are no longer about the orders.
REFUSED_ORDERS, REFUSED_WITHIN = 3, 600.0
#: How often a shipment steps back while another one is about to write the same invoice: longer than a lease in all.
STEPS_BACK = 5
#: Where something is still to be done. A shipment that rests elsewhere has its whole horizon before it again.
_UNDER_WAY = ("due", "awaiting_order", "awaiting_invoice")
#: Where a choice of order and invoice was made, and stays made while what it rests on does.
_DECIDED = ("in_step", "held", "awaiting_order", "awaiting_invoice", "gave_up")


@dataclass(slots=True)
class _Work:
    """What one claim has come to so far; ``unsettled`` is a write whose end nobody saw, ``decided``:
    order and invoice were chosen with all that is known."""

    claim: Claim
    known: Known
    endpoint: Endpoint
    calls: Calls
    sent: Body | None
    wanted_since: float | None
    unsettled: Body | None = None
    decided: bool = False
    learnt: list[Fact] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)


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

    def _open(self, claim: Claim, endpoint: Endpoint) -> _Work:
        """Fold the news in; a recycled number begins a new generation."""
        known, generations = advance(claim.known, claim.updates)
        if generations:
            claim = replace(
                claim, sent=None, state="due", check_at=0.0, basis=None, tries=0, waits=0, wanted_since=None,
                order_id=None, invoice_number=None, rule=None, evidence=None, assigned_order=None,
                assigned_invoice=None, generation=claim.generation + generations,
            )  # fmt: skip
        vtex = self._clients[claim.account]
        calls = Calls(claim, self._queue, vtex, clock=self._clock, sleep=self._sleep)
        work = _Work(claim, known, endpoint, calls, claim.sent, claim.wanted_since)
        for name in ("order_id", "invoice_number", "rule", "generation", "assigned_order", "assigned_invoice"):
            work.changes[name] = getattr(claim, name)
        work.changes["evidence"] = json.dumps(claim.evidence) if claim.evidence else None
        return work

    def _result(self, work: _Work) -> Rest:
        """Plan, ask, and turn whatever goes wrong into a rest with its reason."""
        try:
            return self._looked_up(work) or self._planned(work)
        except Paused as error:
            return self._put_back(error.until)
        except Busy as error:
            return Rest(state="due", due_at=error.at)
        except UnexpectedOrder as error:
            return self._back_off(work, "vtex_unavailable", str(error))
        except VtexError as error:
            return self._after_error(work, error)
        except (LeaseLost, StoreUnavailable):
            raise
        except Exception:
            log.exception("%s: internal error", work.claim.id)
            return self._back_off(work, "internal_error", "")

    def _planned(self, work: _Work) -> Rest:
        now = self._clock()
        step = plan(work.claim, work.known, work.endpoint, self._config, now=now)
        if isinstance(step, Rest):
            return step
        work.wanted_since = work.wanted_since or now
        return self._read_back(work) if step.purpose == "read_back" else self._ask(work)

    # -- asking -------------------------------------------------------------------------------------------------

    def _looked_up(self, work: _Work) -> Rest | None:
        """A PATCH whose end nobody saw: the order tells whether it was applied. ``None``: there is none any more."""
        claim, attempt, now = work.claim, work.claim.open_write, self._clock()
        if attempt is None or claim.state == "dismissed":
            return None
        begins = max(attempt["begun_at"] + self._config.read_back_seconds, claim.check_at or 0.0)
        if begins > now:
            note = claim.note or "a write of unknown outcome may not be visible yet"
            return Rest(state=claim.state, reason=claim.reason, note=note, due_at=begins, check_at=begins)
        work.wanted_since = work.wanted_since or now
        body: Body = json.loads(attempt["request"])
        applied = any(shows(package, body) for package in self._invoices(work, attempt))
        outcome = "applied, seen later" if applied else "not visible later"
        work.calls.endings.append(Ending(attempt["id"], now, outcome, None, None))
        wrote = (attempt["generation"], attempt["order_id"], attempt["invoice_number"])
        if wrote != (claim.generation, claim.assigned_order or wrote[1], claim.assigned_invoice or wrote[2]):
            return None
        work.unsettled = body
        if applied:
            claim.basis = ""  # what came since may name another invoice: decide again, the order is at hand
            work.sent = claim.sent = _sent(attempt["order_id"], attempt["invoice_number"], body, now, verified=True)
            claim.note = "written; the answer was lost, and the invoice shows it"
            for name in ("order_id", "invoice_number", "rule", "evidence"):
                work.changes[name] = attempt[name]
        return None

    def _invoices(self, work: _Work, named: Mapping[str, Any], *, call: str = "GET order") -> list[Package]:
        """The invoices of the order and number that an attempt names; none where VTEX does not know the order."""
        try:
            order = work.calls.order(named["order_id"], call=call)
        except NotFound:
            return []
        return [package for package in order.outputs if package.invoice_number == named["invoice_number"]]

    def _ask(self, work: _Work) -> Rest:
        claim, now = work.claim, self._clock()
        work.decided = True
        resolver = Resolver(self._queue.index, claim.account, get_order=work.calls.order, get_group=work.calls.group)
        found = resolver.find(claim, work.known, work.endpoint)
        if isinstance(found, Wait):
            return self._await(work, "awaiting_order", found)
        if isinstance(found, Hold):
            return hold(found.reason, found.note)
        order = found.order
        work.learnt.extend(index_facts(order))
        work.changes["order_id"] = order.order_id
        owners = self._queue.owners(claim.account, order.order_id)
        own = next((number for number, (shipment, _) in owners.items() if shipment == claim.id), None)
        history = History(sent=work.sent, unsettled=work.unsettled, owners=owners)
        decision = decide(order, _clues(work, found, own), wanted_of(claim.id, work.known, work.endpoint), history)
        if isinstance(decision, Wait):
            return self._await(work, "awaiting_invoice", decision)
        if isinstance(decision, Hold):
            work.changes["evidence"] = json.dumps(decision.evidence) if decision.evidence else None
            writing = [shipment for shipment, number in owners.values() if shipment != claim.id and number is None]
            if decision.reason == "second_parcel" and writing:
                return self._step_back(work, writing[0], decision.note)
            return hold(decision.reason, decision.note)
        invoice = decision.choice.package.invoice_number
        if isinstance(decision, Agreed) and work.unsettled and _is(work.sent, order.order_id, invoice):
            return Rest(state="in_step", note=claim.note or "")  # found applied: the rule that chose it then stands
        work.changes["invoice_number"] = invoice
        work.changes["rule"] = decision.choice.rule
        work.changes["evidence"] = json.dumps(decision.choice.evidence)
        if isinstance(decision, Agreed):
            work.sent = _sent(order.order_id, invoice, decision.body, now, verified=True)
            return Rest(state="in_step", note=decision.note or "VTEX already had it")
        return self._write(work, order, decision)

    # -- writing ------------------------------------------------------------------------------------------------

    def _write(self, work: _Work, order: Order, decision: Write) -> Rest:
        choice, invoice = decision.choice, decision.choice.package.invoice_number
        attempt = Attempt(
            call="PATCH",
            order_id=order.order_id,
            invoice_number=invoice,
            rule=choice.rule,
            evidence=dict(choice.evidence),
            request=decision.body,
        )
        try:
            work.calls.patch(attempt)
        except InvoiceTaken as taken:
            return self._step_back(work, taken.shipment, f"invoice {invoice} carries {taken.shipment}")
        except NotFound as error:
            return self._await(work, "awaiting_invoice", Wait("invoice_not_there", str(error)))
        now = self._clock()
        work.sent = _sent(order.order_id, invoice, decision.body, now, verified=None)
        log.info("%s: tracking written to invoice %s of %s (%s)", work.claim.id, invoice, order.order_id, choice.rule)
        read_back = now + self._config.read_back_seconds if self._config.read_back_seconds else None
        return Rest(state="in_step", due_at=read_back, check_at=read_back)

    def _read_back(self, work: _Work) -> Rest:
        """A 200 is no proof: look once more, and record what VTEX shows."""
        sent = dict(work.claim.sent or {})
        named = {"order_id": sent["order"], "invoice_number": sent["invoice"]}
        packages = self._invoices(work, named, call="GET read-back")
        if any(shows(package, sent) for package in packages):
            work.sent = {**sent, "verified": True}
            # News that came while the read-back was pending may name another order or invoice.
            again = None if work.claim.basis == basis(work.claim, work.known) else self._clock()
            return Rest(state="in_step", note="written and seen on the invoice", due_at=again)
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

    def _await(self, work: _Work, state: str, wait: Wait) -> Rest:
        claim, now = work.claim, self._clock()
        fresh = claim.basis != basis(claim, work.known)
        if fresh:
            work.wanted_since = now
        if self._past_horizon(work, now):
            return waiting("gave_up", wait.reason, wait.note)
        waits = 0 if fresh else claim.waits
        work.changes["waits"] = waits + 1
        return waiting(state, wait.reason, wait.note, due_at=now + awaiting(waits))

    def _back_off(self, work: _Work, reason: str, note: str) -> Rest:
        now = self._clock()
        if self._past_horizon(work, now):
            return waiting("gave_up", reason, note)
        work.changes["tries"] = work.claim.tries + 1
        return waiting("due", reason, note, due_at=now + backoff(work.claim.tries + 1, self._chance))

    def _step_back(self, work: _Work, other: str, note: str) -> Rest:
        """Another shipment has taken the invoice and has yet to say which number it wrote: it may be the same one."""
        if work.claim.tries >= STEPS_BACK:
            return hold("second_parcel", note)
        work.changes["tries"] = work.claim.tries + 1
        at = self._clock() + backoff(work.claim.tries + 1, self._chance)
        return Rest(state="due", note=f"{other} is about to write this invoice", due_at=at, check_at=at)

    def _put_back(self, until: float) -> Rest:
        """Not this shipment's fault: its tries stay, and it is due as soon as the account is."""
        return waiting("due", "account_paused", f"until {stamp(until)}", due_at=self._clock())

    def _after_error(self, work: _Work, error: VtexError) -> Rest:
        claim, now = work.claim, self._clock()
        until = pause_after(self._queue, claim.account, error, now=now)
        if until is not None:
            return self._put_back(until)
        if isinstance(error, Refused):
            return self._refused(work, error)
        if isinstance(error, Rejected):
            return hold("vtex_rejected", str(error))
        return self._back_off(work, "vtex_unavailable", str(error))

    def _refused(self, work: _Work, error: Refused) -> Rest:
        account, now = work.claim.account, self._clock()
        self._queue.end(work.calls.endings)
        if self._queue.refused_orders(account, since=now - REFUSED_WITHIN) >= REFUSED_ORDERS:
            reason = f"several orders are refused: {error}"
            return self._put_back(pause(self._queue, account, KEY_PAUSE, reason, own_fault=True, now=now))
        return hold("vtex_refused", str(error))

    def _past_horizon(self, work: _Work, now: float) -> bool:
        return now - (work.wanted_since or now) > self._config.horizon_days * 86_400

    def _leave(self, claim: Claim, changes: dict[str, Any], at: float) -> None:
        """Settle without having understood the news: it stays new."""
        claim.update_ids.clear()
        self._queue.settle(claim, Settlement(due_at=at, changes=changes), now=self._clock())

    def _settle(self, work: _Work, rest: Rest) -> None:
        claim = work.claim
        changes = {
            "tries": 0 if rest.state != "due" else claim.tries,
            "waits": claim.waits,
            "wanted_since": work.wanted_since if rest.state in _UNDER_WAY else None,
            "check_at": rest.check_at,
            **work.changes,
            "state": rest.state,
            "reason": rest.reason,
            "note": rest.note,
            "known": json.dumps(known_to_json(work.known)),
            "sent": json.dumps(work.sent) if work.sent else None,
            "tracking_number": work.known.tracking_number,
            "basis": basis(claim, work.known) if work.decided and rest.state in _DECIDED else claim.basis,
        }
        settlement = Settlement(
            due_at=rest.due_at,
            changes=changes,
            endings=work.calls.endings,
            learnt=work.learnt,
            names=names_of(claim.id, work.known, changes["order_id"]),
            waits=rest.state in STUCK,
            fresh=claim.basis != changes["basis"],
        )
        self._queue.settle(claim, settlement, now=self._clock())
        if rest.state in ("held", "gave_up") and (claim.state, claim.reason) != (rest.state, rest.reason):
            log.warning("%s is %s: %s: %s", claim.id, rest.state.replace("_", " "), rest.reason, rest.note)


def _clues(work: _Work, found: Found, own_invoice: str | None) -> Clues:
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


def _is(sent: Body | None, order_id: str, invoice: str) -> bool:
    return sent is not None and (sent["order"], sent["invoice"]) == (order_id, invoice)


def _sent(order_id: str, invoice: str, body: Body, now: float, *, verified: bool | None) -> dict[str, Any]:
    return {**body, "order": order_id, "invoice": invoice, "at": now, "verified": verified}
