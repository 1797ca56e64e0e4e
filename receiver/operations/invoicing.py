"""``POST invoice``, which is not idempotent. The order is read first, and the intent is recorded. After a lost answer
the order is read again. Nothing is posted twice unless a person says so."""

import json
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

from receiver.calls.pauses import record_result
from receiver.store import Attempt, Database, Ending, Index, Paused, RateLimited
from receiver.store.work.accounts import Accounts
from receiver.store.work.attempts import Begun
from receiver.timing import stamp
from receiver.vtex import invoice_checks
from receiver.vtex.answers import Throttled, Transient, Unanswered, VtexError, leaves_open, outcome_of
from receiver.vtex.client import Vtex
from receiver.vtex.invoice_checks import Invoice, Override
from receiver.vtex.orders import Order, UnexpectedOrder, read_order

log = logging.getLogger("receiver.invoicing")

#: Seconds before each check whether the order shows the invoice: VTEX applies it some seconds after its answer.
LOOKS = (0, 2, 3, 5, 10, 20, 30)
#: The longest wait for a slot of the account's rate limit, in seconds.
MAX_WAIT = 60.0
_POST = "POST invoice"
_LOST = "its answer was lost"
_SEEN_LATER = "applied, seen later"
_EARLIER = "an earlier call has posted it, and the order shows it"

_ITS_LIKE = {"replaces": "an invoice of the same number, type, value and key"}

#: Reads VTEX's document of the order with that id.
_Read = Callable[[str], Any]


class NotPosted(Exception):
    """The invoice was not posted; ``reasons`` are sentences."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPost:
    """The request as it would be sent."""

    method: str
    url: str
    body: Invoice


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """The facts before a POST: the order, and the earlier attempts at this invoice. ``lost`` are those of unknown
    outcome. ``shown``: the order has such an invoice. ``done_earlier``: an earlier attempt posted it."""

    document: Any
    order: Order
    earlier: list[dict[str, Any]]
    lost: list[dict[str, Any]]
    shown: bool
    done_earlier: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The result. ``visible``: the order shows the invoice. ``accepted``: VTEX accepted it, but the order does not show
    it yet. ``unknown``: the answer was lost, and it is not shown. ``earlier``: an earlier call had posted it."""

    outcome: Literal["visible", "accepted", "unknown"]
    order_id: str
    receipt: str | None = None
    earlier: bool = False


class Invoicing:
    """Posts invoices to one account's orders. ``clock`` is Unix time in seconds."""

    def __init__(
        self,
        database: Database,
        vtex: Vtex,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._accounts, self._index = Accounts(database), Index(database)
        self._vtex, self._clock, self._sleep = vtex, clock, sleep

    def rehearse(self, order_id: str, invoice: Invoice, overrides: Collection[Override] = ()) -> PlannedPost:
        """The request that `post` would send now. Raises as `post` does. Nothing is stored, not even the reads; they
        obey the account's rate limit and pauses."""
        look = self._look(order_id, invoice, overrides, self._glance)
        if look.done_earlier:
            raise NotPosted(_EARLIER)
        _check(look.document, invoice, overrides)
        return PlannedPost(method="POST", url=self._vtex.invoice_url(look.order.order_id), body=invoice)

    def post(self, order_id: str, invoice: Invoice, overrides: Collection[Override] = ()) -> Posted:
        """Post an invoice that fits its schema, and check until the order shows it.

        Raises `NotPosted`, a `receiver.vtex.answers.VtexError`, `receiver.vtex.orders.UnexpectedOrder`,
        `receiver.vtex.client.BadSegment`, `receiver.store.Paused`, `receiver.store.RateLimited`,
        `receiver.store.StoreUnavailable`.
        """
        look = self._look(order_id, invoice, overrides, self._document)
        for one in look.lost:
            seen = not _replaced_its_like(one) and invoice_checks.shows(look.order, _posted_body(one))
            self._end(one["id"], _SEEN_LATER if seen else "not visible later", call=one["call"])
        where = look.order.order_id
        if look.done_earlier:
            return Posted(outcome="visible", order_id=where, earlier=True)
        _check(look.document, invoice, overrides)
        attempt = replace(_attempt(where, invoice), evidence=_ITS_LIKE if look.shown else None)
        try:
            receipt = self._booked(
                attempt, lambda: self._vtex.post_invoice(where, invoice), once=[one["id"] for one in look.earlier]
            )
        except Begun as error:
            raise NotPosted(f"{error}; look again in a minute") from None
        except Throttled as error:
            if not leaves_open(error):
                raise
            return Posted(outcome="unknown", order_id=where)  # the account is paused: the order cannot be read now
        except (Unanswered, Transient):
            # If such an invoice was there before, a read cannot tell whether it was posted.
            if not look.shown and self._seen(where, invoice, self._document):
                self._end(attempt.id, _SEEN_LATER, call=attempt.call)
                return Posted(outcome="visible", order_id=where)
            return Posted(outcome="unknown", order_id=where)
        number = str(receipt["receipt"]) if isinstance(receipt, dict) and "receipt" in receipt else None
        seen = self._seen(where, invoice, self._document)
        return Posted(outcome="visible" if seen else "accepted", order_id=where, receipt=number)

    def _look(self, order_id: str, invoice: Invoice, overrides: Collection[Override], read: _Read) -> _Look:
        """Read the order and the earlier attempts. Raises `NotPosted` if an earlier call may have posted it."""
        document = read(order_id)
        order = read_order(document)
        asked = _attempt(order.order_id, invoice)
        earlier, same = self._accounts.attempts.earlier(self._vtex.account.name, asked), asked.request
        # Accepted and not visible yet, even with another body: the file may have been rewritten meanwhile.
        absent = not invoice_checks.bearing(order, invoice)
        pending = [
            one
            for one in earlier
            if one["outcome"] is None or (one["outcome"] == "done" and (absent or _posted_body(one) == same))
        ]
        unseen = [
            one for one in pending if _replaced_its_like(one) or not invoice_checks.shows(order, _posted_body(one))
        ]
        if unseen:
            self._look_for_earlier(order, unseen[-1], overrides, read)
            document = read(order.order_id)
            order = read_order(document)
        lost = [one for one in pending if one["outcome"] is None]
        shown = invoice_checks.shows(order, invoice)
        applied = [
            one for one in earlier if one["outcome"] in (None, "done", _SEEN_LATER) and _posted_body(one) == same
        ]
        done = shown and "replace" not in overrides and bool(applied)
        done = done or (shown and any(_posted_body(one) == same for one in lost if not _replaced_its_like(one)))
        return _Look(document=document, order=order, earlier=earlier, lost=lost, shown=shown, done_earlier=done)

    def _look_for_earlier(
        self, order: Order, last: dict[str, Any], overrides: Collection[Override], read: _Read
    ) -> None:
        """Check an earlier call that may have posted the invoice. Only a person may say that it did not."""
        recent = self._clock() - last["begun_at"] < sum(LOOKS) and not _replaced_its_like(last)
        if (recent and self._seen(order.order_id, _posted_body(last), read)) or "again" in overrides:
            return
        when = stamp(last["begun_at"])
        receipt = f" (receipt {last['answer']})" if last["answer"] else ""
        how = f"VTEX accepted it{receipt}" if last["outcome"] else _LOST
        raise NotPosted(
            f"it was posted at {when}, {how}, and order {order.order_id} does not show it; "
            "look again later, or say --again if VTEX Admin proves that it was lost"
        )

    def _seen(self, order_id: str, invoice: Invoice, read: _Read) -> bool:
        """Check with growing delays until the order shows the invoice. A failed read decides nothing."""
        for seconds in LOOKS:
            if seconds:
                self._sleep(seconds)
            try:
                if invoice_checks.shows(read_order(read(order_id)), invoice):
                    return True
            except (Unanswered, Transient, UnexpectedOrder, RateLimited, Paused) as error:
                log.info("order not read: order=%s reason=%s", order_id, error)
            except VtexError:
                return False
        return False

    def _document(self, order_id: str) -> Any:
        attempt = Attempt(call="GET order", order_id=order_id)
        document = self._booked(attempt, lambda: self._vtex.get_order(order_id))
        facts = self._vtex.facts(document)
        self._index.learn(self._vtex.account.name, facts, now=self._clock())
        return document

    def _glance(self, order_id: str) -> Any:
        """`_document`, without storing anything."""
        account, now = self._vtex.account, self._clock()
        interval = 60.0 / account.requests_per_minute
        starts = self._accounts.reserve_read(account.name, interval=interval, now=now, max_wait=MAX_WAIT)
        return self._made(order_id, lambda: self._vtex.get_order(order_id), wait=starts - now)

    def _booked(self, attempt: Attempt, make: Callable[[], Any], *, once: Collection[str] | None = None) -> Any:
        """Make one call within the account's rate limit, and record its intent and its end. A POST of unknown outcome
        stays open."""
        account, now = self._vtex.account, self._clock()
        interval = 60.0 / account.requests_per_minute
        starts = self._accounts.reserve_about_order(
            account.name, attempt, interval=interval, now=now, max_wait=MAX_WAIT, once=once
        )
        try:
            content = self._made(attempt.order_id, make, wait=starts - now, writing=attempt.request is not None)
        except Paused:
            self._end(attempt.id, "not sent", None, "the account was paused meanwhile", call=attempt.call)
            raise
        except VtexError as error:
            if once is None or not leaves_open(error):
                self._end(attempt.id, outcome_of(error), error.status, str(error), call=attempt.call)
            raise
        receipt = str(content["receipt"]) if isinstance(content, dict) and "receipt" in content else None
        self._end(attempt.id, "done", 200, receipt, call=attempt.call)
        return content

    def _made(self, order_id: str, make: Callable[[], Any], *, wait: float, writing: bool = False) -> Any:
        """Make a call in its slot, and report its result to the circuit breaker."""
        account = self._vtex.account.name
        if wait > 0:
            self._sleep(wait)
            self._accounts.check_open(account, now=self._clock())
        try:
            content = make()
        except VtexError as error:
            record_result(self._accounts, account, error, order_id=order_id, writing=writing, now=self._clock())
            raise
        record_result(self._accounts, account, order_id=order_id, writing=writing, now=self._clock())
        return content

    def _end(
        self, attempt: str, outcome: str, status: int | None = None, answer: str | None = None, *, call: str
    ) -> None:
        ending = Ending(attempt, self._clock(), outcome, status, answer, call)
        self._accounts.attempts.end_now([ending], account=self._vtex.account.name)


def _posted_body(attempt: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(attempt["request"] or "{}")
    return body


def _replaced_its_like(attempt: dict[str, Any]) -> bool:
    """Whether the order showed such an invoice before the call: then a read cannot tell whether it was posted."""
    return attempt["outcome"] is None and json.loads(attempt["evidence"] or "null") is not None


def _check(document: Any, invoice: Invoice, overrides: Collection[Override]) -> None:
    """Raises `NotPosted` for objections that no override covers."""
    against = [one for one in invoice_checks.objections(document, invoice) if one.overridden_by not in overrides]
    if against:
        raise NotPosted(*(_with_option(one) for one in against))


def _attempt(order_id: str, invoice: Invoice) -> Attempt:
    """The attempt, without the embedded document, which may be large and holds the shopper's name and address."""
    request = {name: value for name, value in invoice.items() if name != "embeddedInvoice"}
    return Attempt(call=_POST, order_id=order_id, invoice_number=invoice["invoiceNumber"], request=request)


def _with_option(objection: invoice_checks.Objection) -> str:
    return f"{objection.text} (--{objection.overridden_by} allows it)" if objection.overridden_by else objection.text
