"""Make VTEX agree with one shipment. `Reconciler._steps` has the steps: unknown writes, plan, decide or read back,
events. Then comes the settlement. Pure modules make all decisions; `failures` maps an error to the next state."""

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from receiver.calls.claimed import ClaimCalls
from receiver.calls.kept_reads import KeptReads
from receiver.config import Config, Endpoint
from receiver.log_context import about, learn
from receiver.reconcile.accounts import SoldElsewhere, at_seller
from receiver.reconcile.advice import advice, advised, placeholder_advice
from receiver.reconcile.beside import present, rejoined
from receiver.reconcile.clues import clues_in, passed_on
from receiver.reconcile.context import ReconcileContext
from receiver.reconcile.events import Events
from receiver.reconcile.every_name import names_of
from receiver.reconcile.failures import FailurePolicy
from receiver.reconcile.names import replaced_parcels
from receiver.reconcile.plan import as_it_was, plan, policy_of
from receiver.reconcile.resolve import Resolver
from receiver.reconcile.unknown_writes import check_unknown_writes
from receiver.reconcile.wakes import woken_after
from receiver.shipments import (
    Decision,
    Generation,
    NextState,
    Reason,
    State,
    Visibility,
    advance,
    held,
    kept,
    waiting,
    with_remark,
)
from receiver.shipments.numbers import spellings
from receiver.store import (
    Attempt,
    Claim,
    InvoiceTaken,
    LeaseLost,
    Overwrites,
    Paused,
    Queue,
    RateLimited,
    Release,
    Settlement,
    StoreUnavailable,
)
from receiver.timing import READ_BACKS, RETRY
from receiver.vtex.answers import NotFound, Refused, Rejected, VtexError
from receiver.vtex.choice import Hold, Wait
from receiver.vtex.client import Vtex
from receiver.vtex.orders import Order, UnexpectedOrder
from receiver.vtex.patch_body import shows
from receiver.vtex.wanted import History, Owner, with_aliases
from receiver.vtex.writes import Agreed, Keep, Write, decide

log = logging.getLogger("receiver.worker")

#: Seconds until a shipment is looked at again if its endpoint is not in the configuration.
_NO_ENDPOINT = 3600.0


class Reconciler:
    """Processes claims of one `Queue`. ``clock`` is Unix time in seconds; ``sleep`` waits for a slot of the account's
    rate limit. ``done`` is the log of what was written, and of who is needed."""

    def __init__(
        self,
        config: Config,
        queue: Queue,
        clients: Mapping[str, Vtex],
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        chance: random.Random | None = None,
        done: logging.Logger = log,
    ) -> None:
        self._config, self._queue, self._clients, self._done = config, queue, clients, done
        self._clock, self._sleep, self._chance = clock, sleep, chance or random.Random()  # noqa: S311  only jitter
        self._kept_reads = KeptReads(longest=queue.lease / 2)
        self._failures = FailurePolicy(config, queue, clock=clock, chance=self._chance)
        self._events = Events(config, queue, decide=self._decide, clock=clock, done=done)

    def run(self, claim: Claim) -> None:
        """Process one claim and settle it. After a lost lease it is not settled: another worker has the shipment.

        Raises `StoreUnavailable`: then the shipment is left until its lease expires.
        """
        order = claim.record.generation.decision.order_id
        with about(shipment=claim.id, account=claim.account, delivery=claim.delivery, order=order):
            self._run(claim)

    def _run(self, claim: Claim) -> None:
        try:
            endpoint = self._config.endpoints.get(claim.endpoint)
            if endpoint is None:
                note = f"endpoint {claim.endpoint} is not in the configuration"
                self._leave(claim, replace(claim.record.generation, note=note), self._clock() + _NO_ENDPOINT)
                return
            context = self._open(claim, endpoint)
            end = self._result(context)
            if context.stored.state is State.DISMISSED:  # what a person dismissed is not opened by a failure to read it
                end = as_it_was(context.stored, again_at=end.due_at)
            self._settle(context, self._advised(context, end))
        except LeaseLost:
            log.info("lease lost, another worker has the shipment: shipment=%s", claim.id)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("internal error: shipment=%s", claim.id)
            self._leave_after_fault(claim)

    def _open(self, claim: Claim, endpoint: Endpoint) -> ReconcileContext:
        """Fold the updates in. If the carrier has recycled the number, a new generation begins."""
        known, begun = advance(claim.record.known, claim.updates)
        if begun:
            ended = claim.record.generation
            new = Generation(number=ended.number + begun)
            claim = replace(claim, record=replace(claim.record, generation=new), ended=ended)
        vtex = self._clients[claim.account]
        calls = ClaimCalls(
            claim,
            self._queue,
            vtex,
            clock=self._clock,
            sleep=self._sleep,
            kept=self._kept_reads,
            placeholders=(*vtex.account.placeholders, *endpoint.placeholders),
            numbers=known.numbers,
        )
        return ReconcileContext.begin(claim, known, endpoint, calls)

    def _result(self, context: ReconcileContext) -> NextState:
        """Run the steps, and turn every failure into a state with its reason."""
        try:
            return self._steps(context)
        except Paused as error:
            return self._failures.put_back(context, error.until)
        except RateLimited as error:
            return NextState(state=State.DUE, due_at=error.at)
        except UnexpectedOrder as error:
            return self._failures.back_off(context, Reason.VTEX_UNAVAILABLE, str(error))
        except VtexError as error:
            return self._failures.after_error(context, error)
        except (LeaseLost, StoreUnavailable):
            raise
        except Exception:
            log.exception("internal error: shipment=%s", context.claim.id)
            return self._failures.back_off(context, Reason.INTERNAL_ERROR, "")

    def _advised(self, context: ReconcileContext, end: NextState) -> NextState:
        """Add the order, invoice and command to a new hold's note. A hold that already existed keeps its note."""
        if end.note == context.stored.note:
            return end
        return advised(end, context.claim.id, context.decision, context.sent)

    def _steps(self, context: ReconcileContext) -> NextState:
        # 1. A PATCH whose answer was lost: the order shows whether it was applied.
        pending = check_unknown_writes(context, self._config.read_back_seconds, now=self._clock())
        if pending is not None:
            return pending
        # 2. Plan the next step. Pure.
        now = self._clock()
        if context.sent is not None and context.sent.written:
            context.twins = context.beside(self._queue, self._config.endpoints).twins(now=now)
        step = plan(context.shipment, context.known, context.endpoint, self._config, now=now, twins=context.twins)
        if isinstance(step, NextState):
            end = step
        else:
            # 3. Ask VTEX: decide and write, or read back what was written.
            context.wanted_since = context.wanted_since or now
            end = self._read_back(context) if step.purpose == "read_back" else self._decide(context)
        # 4. Once the number is on the invoice, its events follow.
        return self._events.send(context, end)

    # -- deciding and writing -----------------------------------------------------------------------------------

    def _decide(self, context: ReconcileContext) -> NextState:
        """Find the order and the invoice, and write what differs."""
        context.decided = True
        account = context.claim.account
        of = (context.shipment, context.known, context.endpoint, self._queue.index)
        replaced = replaced_parcels(context.claim.id, context.known, context.claim.record.companion_of)
        former = self._queue.places(replaced)
        resolver = Resolver(*of, former=former, get_order=context.calls.order, get_group=context.calls.group)
        found = resolver.find()
        context.links_read |= resolver.links.read
        context.also = resolver.also
        if isinstance(found, Wait | Hold):
            return self._wait_or_hold(context, found, State.AWAITING_ORDER)
        order = found.order
        learn(order=order.order_id)
        if (elsewhere := self._at_seller(context, order)) is not None:
            return elsewhere
        owners = passed_on(self._queue.owners(account, order.order_id), replaced)
        owners = present(owners, context.claim.id, order.order_id, self._queue.records)
        there = partial(context.beside_at, self._queue, order.order_id)
        owners = rejoined(owners, context.claim.id, context.known.numbers, order, there)
        stored = context.stored
        seen = stored.by_person.seen if stored.by_person else None
        overrules, taken_back = stored.overrules, stored.is_taken_back
        history = History(context.sent, context.unsettled, owners, overrules, seen, taken_back)
        wanted = with_aliases(context.wanted(), owners.values())
        clues = clues_in(context, found, owners, wanted)
        decision = decide(order, clues, wanted, history, policy_of(context.endpoint))
        if isinstance(decision, Wait):
            return self._wait_or_hold(context, decision, State.AWAITING_INVOICE, order)
        if isinstance(decision, Hold):
            return self._hold(context, decision, order, owners)
        return self._apply(context, order, decision)

    def _at_seller(self, context: ReconcileContext, order: Order) -> NextState | None:
        """Move the shipment to the account that invoices the order, unless a person has assigned it here."""
        if context.stored.by_person is not None:
            return None
        account, accounts = context.claim.account, self._config.accounts
        before = SoldElsewhere.of(context.stored.decision, account)
        way = at_seller(order, account, before, accounts, written=context.sent is not None)
        if isinstance(way, Hold):
            return self._wait_or_hold(context, way, State.HELD, order)
        if way is None:
            return None
        context.account, context.decision = way.seller, Decision(evidence=way.evidence)
        note = f"order {order.order_id} of {account}: {way.seller}"
        return waiting(State.DUE, Reason.AWAITS_SELLER, note, due_at=self._clock())

    def _hold(self, context: ReconcileContext, decision: Hold, order: Order, owners: Mapping[str, Owner]) -> NextState:
        """Hold for a person. Or wait, if the other parcel's number is not known yet, because it may be the same."""
        end = self._wait_or_hold(context, decision, State.HELD, order)
        if decision.reason in (Reason.NUMBER_DIFFERS, Reason.AMBIGUOUS_INVOICE):
            end = with_remark(end, self._placeholder_advice(context, order, owners))
        others = [owner for owner in owners.values() if owner.shipment != context.claim.id and not owner.moved]
        writing = [owner.shipment for owner in others if owner.number is None]
        if decision.reason is Reason.SECOND_PARCEL and writing:
            return self._failures.yield_to(context, writing[0], decision.note)
        return end

    def _placeholder_advice(self, context: ReconcileContext, order: Order, owners: Mapping[str, Owner]) -> str:
        """The setting that ends such holds, if an invoice's number seems to be a placeholder."""
        index, account = self._queue.index, context.claim.account
        for package in order.outputs:
            number = package.tracking_number
            if number is None or package.invoice_number in owners:
                continue
            rows = [row for way in spellings(number) for row in index.orders_named(account, "tracking_number", way)]
            orders = {order.order_id, *(row["order_id"] for row in rows)}
            own = order.own_values(package)
            if hint := placeholder_advice(number, own, orders=len(orders), endpoint=context.endpoint.name):
                return hint
        return ""

    def _apply(self, context: ReconcileContext, order: Order, decision: Write | Agreed | Keep) -> NextState:
        """An invoice was chosen: write it, or record why nothing is written."""
        choice, invoice, sent = decision.choice, decision.choice.package.invoice_number, context.sent
        is_ours = sent is not None and sent.is_at(order.order_id, invoice)
        if isinstance(decision, Agreed) and context.unsettled and is_ours:
            # A write whose answer was lost was found applied: the rule that chose it is kept.
            context.decision = replace(context.decision, order_id=order.order_id)
            return NextState(state=State.IN_STEP, note=context.stored.note)
        context.decision = Decision(
            order_id=order.order_id, invoice_number=invoice, rule=choice.rule, evidence=choice.evidence
        )
        if isinstance(decision, Keep):
            context.sent = sent.lost() if sent else None  # what we sent is not what the invoice shows
            return kept(decision.reason, decision.note)
        if isinstance(decision, Agreed):
            context.sent = context.sent_to(
                order.order_id,
                invoice,
                decision.body,
                self._clock(),
                visibility=Visibility.SEEN,
                parcels=decision.parcels,
                written=False,
            )
            return NextState(state=State.IN_STEP, note=decision.note or "VTEX already had it")
        return self._write(context, order, decision)

    def _wait_or_hold(
        self, context: ReconcileContext, why: Wait | Hold, state: State, order: Order | None = None
    ) -> NextState:
        """Wait or hold without a chosen invoice. The former choice is cleared, so it is not shown beside the reason: a
        parcel that was written before may not belong there any more."""
        sold = SoldElsewhere.of(context.stored.decision, context.claim.account)
        evidence = {**(sold.evidence if sold else {}), **(why.evidence if isinstance(why, Hold) else {})}
        context.decision = Decision(order_id=order.order_id if order else None, evidence=evidence or None)
        if isinstance(why, Hold):
            return held(why.reason, why.note, advice(why, context.claim.id, order))
        context.sent = context.sent.lost() if context.sent else None
        if state is State.AWAITING_ORDER:
            return self._failures.wait_for_order(context, why)
        return self._failures.wait_for(context, state, why)

    def _write(self, context: ReconcileContext, order: Order, decision: Write) -> NextState:
        choice, invoice, over = decision.choice, decision.choice.package.invoice_number, decision.over
        # Record the invoice's former values: an edit that this write overwrites leaves a trace.
        context.decision = replace(context.decision, evidence={**choice.evidence, "held": choice.package.held})
        attempt = Attempt(
            call="PATCH",
            order_id=order.order_id,
            invoice_number=invoice,
            rule=choice.rule,
            evidence=context.decision.evidence,
            request=decision.body,
            replaces=Overwrites(over.shipment, over.number) if over else None,
            displaces=decision.displaces,
            overrules=decision.overrules,
        )
        try:
            context.calls.patch(attempt)
        except InvoiceTaken as taken:
            note = f"invoice {invoice} carries {taken.shipment}"
            return self._failures.yield_to(context, taken.shipment, note)
        except (NotFound, Rejected, Refused) as error:
            was_sent = context.stored.sent
            if was_sent is None or not was_sent.is_at(order.order_id, invoice):  # its present tracking is not ours
                former = over.shipment if over else None
                context.releases.append(Release(order.order_id, invoice, former))
            if not isinstance(error, NotFound):
                raise
            missing = Wait(Reason.INVOICE_NOT_THERE, str(error))
            return self._wait_or_hold(context, missing, State.AWAITING_INVOICE, order)
        return self._written(context, order.order_id, decision)

    def _written(self, context: ReconcileContext, order_id: str, decision: Write) -> NextState:
        now, choice, reads_back = self._clock(), decision.choice, self._config.read_back_seconds > 0
        invoice = choice.package.invoice_number
        # Without a read-back, the answer is trusted.
        visibility = Visibility.UNSEEN if reads_back else Visibility.BELIEVED
        context.sent = context.sent_to(
            order_id, invoice, decision.body, now, visibility=visibility, parcels=decision.parcels
        )
        self._done.info(
            "tracking written: shipment=%s order=%s invoice=%s rule=%s",
            context.claim.id, order_id, invoice, choice.rule,
        )  # fmt: skip
        at = now + self._config.read_back_seconds if reads_back else None
        return NextState(state=State.IN_STEP, due_at=at, check_at=at)

    # -- reading back -------------------------------------------------------------------------------------------

    def _read_back(self, context: ReconcileContext) -> NextState:
        """Read the order once more and record what VTEX shows, because a 200 is no proof of the write."""
        sent, claim = context.stored.sent, context.claim
        assert sent is not None  # noqa: S101  `plan` asks for a read-back only after a write
        packages = context.invoices(sent.order_id, sent.invoice_number, call="GET read-back")
        if any(shows(package, sent.body) for package in packages):
            context.sent = sent.seen()
            # An update that came while the read-back was pending may name another order or invoice.
            again = self._clock() if context.has_news() else None
            return NextState(state=State.IN_STEP, note="written and seen on the invoice", due_at=again)
        owner = self._queue.owners(claim.account, sent.order_id).get(sent.invoice_number)
        if owner is not None and owner.shipment != claim.id:
            return self._decide(context)  # another parcel of ours has been written there since
        reads = sent.reads + 1
        if reads < len(READ_BACKS):
            context.sent = replace(sent, reads=reads)
            again = self._clock() + READ_BACKS[reads] * self._config.read_back_seconds
            return NextState(state=State.IN_STEP, note="written, not visible yet", due_at=again, check_at=again)
        context.sent = replace(sent, reads=reads).lost()
        shown = packages[0].tracking_number if packages else None
        if shown not in (None, sent.tracking_number):
            return held(Reason.NUMBER_DIFFERS, f"after our write the invoice holds {shown}")
        return held(Reason.NOT_APPLIED, f"order {sent.order_id}, invoice {sent.invoice_number}")

    # -- settling -----------------------------------------------------------------------------------------------

    def _leave_after_fault(self, claim: Claim) -> None:
        stored = claim.record.generation
        at = self._clock() + RETRY.seconds(stored.tries + 1, self._chance)
        end = waiting(stored.state, Reason.INTERNAL_ERROR, due_at=at)
        after = replace(stored, reason=end.reason, note=end.note, check_at=at, tries=stored.tries + 1)
        self._leave(claim, after, at)

    def _leave(self, claim: Claim, after: Generation, at: float) -> None:
        """Settle without processing the updates: they stay new."""
        self._queue.settle(claim, Settlement(due_at=at, generation=after), now=self._clock())

    def _settle(self, context: ReconcileContext, end: NextState) -> None:
        orders = [order for order in (context.decision.order_id, *context.calls.asked) if order]
        names = names_of(context.claim.id, context.known, context.endpoint, context.claim.account, orders)
        context.wakes += woken_after(context, end, self._queue, self._config.endpoints)
        settlement = context.settlement(end, names)
        self._queue.settle(context.claim, settlement, now=self._clock())
        stored = context.claim.record.generation
        if end.state.needs_a_person and (stored.state, stored.reason) != (end.state, end.reason):
            self._done.warning(
                "needs a person: shipment=%s state=%s reason=%s note=%s",
                context.claim.id, end.state, end.reason, settlement.generation.note,
            )  # fmt: skip
