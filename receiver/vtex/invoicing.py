"""``POST invoice``, which is not idempotent: the order is read first, the intent is recorded, a lost answer leads to
reads, and nothing is posted a second time unless a person says so."""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from receiver.pauses import heard
from receiver.store import Attempt, Busy, Paused
from receiver.store.accounts import Accounts, Begun
from receiver.store.claims import Ending
from receiver.vtex import bills
from receiver.vtex.answers import NoAnswer, Throttled, Transient, VtexError
from receiver.vtex.bills import Bill, Leave
from receiver.vtex.client import Vtex
from receiver.vtex.orders import Order, UnexpectedOrder, read_order

log = logging.getLogger("receiver.invoicing")

#: Seconds before each look whether the order shows the invoice: VTEX applies it some seconds after its answer.
LOOKS = (0, 2, 3, 5, 10, 20, 30)
#: The longest wait for a place in the account's pace, in seconds.
LONGEST_WAIT = 60.0
_POST = "POST invoice"
_LOST = "its answer was lost"
_EARLIER = "an earlier call, whose answer was lost, has posted it"


class NotPosted(Exception):
    """The invoice was not posted; ``reasons`` are sentences."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The request as it would be sent."""

    method: str
    url: str
    body: Bill


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """``visible``: the order shows it. ``accepted``: VTEX took it, and the order does not show it yet. ``unknown``: the
    answer was lost, and the order does not show it. ``earlier``: an earlier call of ours had already posted it."""

    outcome: Literal["visible", "accepted", "unknown"]
    order_id: str
    receipt: str | None = None
    earlier: bool = False


class Invoicing:
    """Posts invoices to one account's orders. ``clock`` is Unix time in seconds."""

    def __init__(
        self,
        accounts: Accounts,
        vtex: Vtex,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._accounts, self._vtex, self._clock, self._sleep = accounts, vtex, clock, sleep

    def rehearse(self, order_id: str, bill: Bill, leave: Collection[Leave] = ()) -> Request:
        """The request that `post` would send now. Raises as `post` does."""
        order, earlier = self._cleared(order_id, bill, leave)
        if isinstance(earlier, Posted):
            raise NotPosted(_EARLIER)
        url = self._vtex.invoice_url(order.order_id)
        return Request(method="POST", url=url, body=bill)

    def post(self, order_id: str, bill: Bill, leave: Collection[Leave] = ()) -> Posted:
        """Post an invoice that keeps its schema, and look until the order shows it.

        Raises `NotPosted`, a `receiver.vtex.answers.VtexError`, `receiver.vtex.orders.UnexpectedOrder`,
        `receiver.vtex.client.BadSegment`, `receiver.store.Paused`, `receiver.store.Busy`,
        `receiver.store.StoreUnavailable`.
        """
        order, earlier = self._cleared(order_id, bill, leave)
        if isinstance(earlier, Posted):
            return earlier
        attempt = _attempt(order.order_id, bill)
        try:
            receipt = self._booked(
                attempt, lambda: self._vtex.post_invoice(order.order_id, bill), once=[one["id"] for one in earlier]
            )
        except Begun as error:
            raise NotPosted(f"{error}; look again in a minute") from None
        except (NoAnswer, Transient):
            if self._seen(order.order_id, bill):
                self._end(attempt.id, "applied, seen later")
                return Posted(outcome="visible", order_id=order.order_id)
            return Posted(outcome="unknown", order_id=order.order_id)
        number = str(receipt["receipt"]) if isinstance(receipt, dict) and "receipt" in receipt else None
        seen = self._seen(order.order_id, bill)
        return Posted(outcome="visible" if seen else "accepted", order_id=order.order_id, receipt=number)

    def _cleared(
        self, order_id: str, bill: Bill, leave: Collection[Leave]
    ) -> tuple[Order, list[dict[str, Any]] | Posted]:
        """The order as it is, and the earlier attempts at this very invoice; or that one of them did it.

        Raises `NotPosted`: somebody must say more before it may be posted.
        """
        document = self._document(order_id)
        order = read_order(document)
        earlier = self._accounts.earlier(self._vtex.account.name, _attempt(order.order_id, bill))
        pending = [one for one in earlier if one["outcome"] in (None, "done")]
        lost = [one for one in pending if one["outcome"] is None]
        if pending and not bills.bearing(order, bill):
            self._look_for_earlier(order, bill, pending[-1], leave)
            document = self._document(order.order_id)
            order = read_order(document)
        if lost:
            seen = bills.shows(order, bill)
            for one in lost:
                self._end(one["id"], "applied, seen later" if seen else "not visible later")
            if seen:
                return order, Posted(outcome="visible", order_id=order.order_id, earlier=True)
        against = [one for one in bills.objections(document, bill) if one.lifted_by not in leave]
        if against:
            raise NotPosted(*(_with_option(one) for one in against))
        return order, earlier

    def _look_for_earlier(self, order: Order, bill: Bill, last: dict[str, Any], leave: Collection[Leave]) -> None:
        """An earlier call may have posted it: only a person may say that it did not."""
        recent = self._clock() - last["begun_at"] < sum(LOOKS)
        if (recent and self._seen(order.order_id, bill)) or "again" in leave:
            return
        when = datetime.fromtimestamp(last["begun_at"], UTC).isoformat(timespec="seconds")
        how = f"VTEX accepted it (receipt {last['answer']})" if last["outcome"] else _LOST
        raise NotPosted(
            f"it was posted at {when}, {how}, and order {order.order_id} does not show it; "
            "look again later, or say --again if VTEX Admin proves that it was lost"
        )

    def _seen(self, order_id: str, bill: Bill) -> bool:
        """Look with growing delays until the order shows it. Trouble while looking is no answer."""
        for seconds in LOOKS:
            if seconds:
                self._sleep(seconds)
            try:
                if bills.shows(read_order(self._document(order_id)), bill):
                    return True
            except (NoAnswer, Transient, UnexpectedOrder, Busy, Paused) as error:
                log.info("order %s could not be read: %s", order_id, error)
            except VtexError:
                return False
        return False

    def _document(self, order_id: str) -> Any:
        return self._booked(Attempt(call="GET order", order_id=order_id), lambda: self._vtex.get_order(order_id))

    def _booked(self, attempt: Attempt, make: Callable[[], Any], *, once: Collection[str] | None = None) -> Any:
        """One call: paced with all others of the account, its intent and its end written down. A POST whose outcome
        nobody knows stays open."""
        account, now = self._vtex.account, self._clock()
        span = 60.0 / account.requests_per_minute
        starts = self._accounts.book_about_order(
            account.name, attempt, span=span, now=now, longest_wait=LONGEST_WAIT, once=once
        )
        if starts > now:
            self._sleep(starts - now)
        try:
            content = make()
        except VtexError as error:
            heard(self._accounts, account.name, error, now=self._clock())
            if once is None or not _unknown(error):
                self._end(attempt.id, type(error).__name__.lower(), error.status, str(error))
            raise
        heard(self._accounts, account.name, now=self._clock())
        receipt = str(content["receipt"]) if isinstance(content, dict) and "receipt" in content else None
        self._end(attempt.id, "done", 200, receipt)
        return content

    def _end(self, attempt: str, outcome: str, status: int | None = None, answer: str | None = None) -> None:
        self._accounts.end([Ending(attempt, self._clock(), outcome, status, answer)])


def _unknown(error: VtexError) -> bool:
    """Whether it was posted. A 503 may be a gateway's, given after VTEX had taken it; a 429 is told before."""
    return isinstance(error, NoAnswer | Transient) or (isinstance(error, Throttled) and error.status == 503)


def _attempt(order_id: str, bill: Bill) -> Attempt:
    """Without the embedded document: it may be large, and holds the shopper's name and address."""
    request = {name: value for name, value in bill.items() if name != "embeddedInvoice"}
    return Attempt(call=_POST, order_id=order_id, invoice_number=bill["invoiceNumber"], request=request)


def _with_option(objection: bills.Objection) -> str:
    return f"{objection.text} (--{objection.lifted_by} allows it)" if objection.lifted_by else objection.text
