"""Asks VTEX whether its invoices still show what we last wrote: rate-limited like all calls, one GET for each order."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from receiver.calls.pauses import record_result
from receiver.shipments import Sent
from receiver.shipments.numbers import is_among, numbers_in
from receiver.store import Attempt, Database, Ending, Index, Paused, RateLimited
from receiver.store.work.accounts import Accounts
from receiver.timing import until_slot
from receiver.vtex.answers import Misconfigured, NotFound, Throttled, VtexError, outcome_of
from receiver.vtex.client import Vtex
from receiver.vtex.orders import Order, Package, UnexpectedOrder
from receiver.vtex.patch_body import shows, visible

_WORDS = {"trackingNumber": "tracking number", "trackingUrl": "tracking URL", "courier": "courier"}
_VISIBLE = tuple(_WORDS)
#: Seconds after which VTEX has long shown a delivery that it was told.
_SHOWN_BY_THEN = 3_600.0


class Comparing:
    """Compares what was ``written`` with what VTEX shows. ``clock`` is Unix time in seconds."""

    def __init__(
        self,
        database: Database,
        clients: Mapping[str, Vtex],
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._accounts, self._index = Accounts(database), Index(database)
        self._clients, self._clock, self._sleep = clients, clock, sleep
        #: The few orders with left-over numbers: each order is read once.
        self._read: dict[tuple[str, str], Order | str] = {}

    def differing(self, written: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any] | None]:
        """One item for each parcel, in the order of `Discrepancies.written`: what differs, or ``None``.

        An unreadable order gives an item that says so. Raises `receiver.vtex.answers.Throttled` and
        `receiver.vtex.answers.Misconfigured`, which are about the account, `receiver.store.Paused` and
        `receiver.store.StoreUnavailable`.
        """
        for (account, order_id), parcels in groupby(written, lambda one: (one["account"], one["sent"].order_id)):
            order = self._read.get((account, order_id)) or self._order(account, order_id)
            for parcel in parcels:
                yield _difference(parcel, order, self._clock())

    def left_over(self, left: Iterable[dict[str, Any]]) -> Iterator[None]:
        """Check each number in `Discrepancies.left_over`: one that VTEX no longer shows is not listed again. An
        unreadable order proves nothing. Raises as `differing` does."""
        for (account, order_id), numbers in groupby(left, lambda one: (one["account"], one["order_id"])):
            order = self._read[account, order_id] = self._order(account, order_id)
            for one in numbers:
                if isinstance(order, Order) and not _has(order, one["invoice_number"], one["tracking_number"]):
                    self._accounts.attempts.gone(one["attempt"])
                yield None

    def _order(self, account: str, order_id: str) -> Order | str:
        """The order, or the reason in words why it cannot be read."""
        vtex = self._clients[account]
        attempt = Attempt(call="GET order", order_id=order_id)
        self._wait(vtex, attempt)
        try:
            document = vtex.get_order(order_id)
            order = vtex.read(document)
            self._index.learn(account, vtex.facts(document), now=self._clock())
        except (VtexError, UnexpectedOrder) as error:
            if isinstance(error, VtexError):
                record_result(self._accounts, account, error, order_id=order_id, now=self._clock())
            self._end(vtex, attempt, outcome_of(error), getattr(error, "status", None), str(error))
            if isinstance(error, Throttled | Misconfigured):
                raise
            return "VTEX does not know the order" if isinstance(error, NotFound) else f"not answered: {error}"
        record_result(self._accounts, account, order_id=order_id, now=self._clock())
        self._end(vtex, attempt, "done", 200, None)
        return order

    def _wait(self, vtex: Vtex, attempt: Attempt) -> None:
        """Reserve a slot of the rate limit, but only while nothing else waits for one: comparing is least urgent."""
        interval = 60.0 / vtex.account.requests_per_minute
        while True:
            now = self._clock()
            try:
                starts = self._accounts.reserve_about_order(
                    vtex.account.name, attempt, interval=interval, now=now, max_wait=interval
                )
            except RateLimited as error:
                self._sleep(error.at - now)
            else:
                self._sleep(until_slot(starts, asked_at=now, now=self._clock()))
                try:
                    self._accounts.check_open(vtex.account.name, now=self._clock())
                except Paused:
                    self._end(vtex, attempt, "not sent", None, "the account was paused meanwhile")
                    raise
                return

    def _end(self, vtex: Vtex, attempt: Attempt, outcome: str, status: int | None, answer: str | None) -> None:
        ending = Ending(attempt.id, self._clock(), outcome, status, answer, attempt.call)
        self._accounts.attempts.end_now([ending], account=vtex.account.name)


def _has(order: Order, invoice: str, number: str) -> bool:
    shown = [one.tracking_number for one in order.outputs if one.invoice_number == invoice]
    return any(is_among(number, numbers_in(one)) for one in shown)


def _difference(parcel: Mapping[str, Any], order: Order | str, now: float) -> dict[str, Any] | None:
    sent: Sent = parcel["sent"]
    found = [
        one for one in (order.outputs if isinstance(order, Order) else ()) if one.invoice_number == sent.invoice_number
    ]
    held = next((one for one in found if shows(one, sent.body)), found[0] if found else None)
    differing = _differing(sent, held, now) if held else []
    if held and not differing:
        return None
    return {
        "gap": "differs",
        **{name: parcel[name] for name in ("account", "shipment", "tracking_number")},
        "order_id": sent.order_id,
        "invoice_number": sent.invoice_number,
        "since": sent.at,
        "sent": {**{name: sent.body[name] for name in _VISIBLE}, "isDelivered": sent.is_delivered},
        "shown": {**visible(held), "isDelivered": held.is_delivered} if held else None,
        "note": f"VTEX shows {', '.join(differing)}" if held else _unread(order),
    }


def _differing(sent: Sent, held: Package, now: float) -> list[str]:
    """What VTEX shows in place of what we sent, in words."""
    found = [] if shows(held, sent.body) else [_shown(name, sent, held) for name in _VISIBLE]
    told = sent.tracking
    if told is not None and told.delivered and not held.is_delivered and told.at < now - _SHOWN_BY_THEN:
        found.append(f"no delivery (we sent {told.delivered_date or 'one without a time'})")
    return list(filter(None, found))


def _shown(name: str, sent: Sent, held: Package) -> str:
    now, ours = visible(held)[name], sent.body[name]
    if now == ours:
        return ""
    return f"{f'{_WORDS[name]} {now}' if now else f'no {_WORDS[name]}'} (we sent {ours or 'none'})"


def _unread(order: Order | str) -> str:
    return order if isinstance(order, str) else "the order does not show the invoice"
