"""The orders of the stand-in: what each call does to them, and what GET shows of it, and when.

Source: "Orders API" at https://developers.vtex.com/docs/api-reference/orders-api; known issues by number (KI).
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any

from receiver.sandbox.answers import Answer, Refused, oms_error, plain_error
from receiver.sandbox.bodies import bad, check_invoice, check_patch, check_tracking, iso, package_of, shown_event
from receiver.sandbox.faults import Faults
from receiver.sandbox.views import Order, is_too_old, oddly, without_packages

__all__ = ["BadOrders", "Call", "Order", "Sandbox", "check_order"]

_KEPT = 10_000
_MINUTE = 60.0


class BadOrders(ValueError):
    """An orders file, or an entry of it, is not an order; the message names both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as it arrived. ``status`` is 0 if the connection was closed without an answer.

    ``path`` is as sent, still percent-encoded; ``body`` is the request's JSON, ``None`` if there is none; ``order`` and
    ``invoice`` are the ones it names, as VTEX stores them; ``applied``: a write took effect.
    """

    at: float
    method: str
    path: str
    status: int
    body: Any
    applied: bool
    order: str | None = None
    invoice: str | None = None


class Sandbox:
    """The state of the stand-in. Thread-safe; ``faults`` may be replaced at any time."""

    def __init__(self, orders: Iterable[Order], faults: Faults, *, clock: Callable[[], float], seed: int) -> None:
        self.faults = faults
        #: (order id, invoice number) to the ``dispatchedDate`` last written, which VTEX never shows
        self.dispatched: dict[tuple[str, str], str | None] = {}
        #: called for every order that is added, changes its status or gains an invoice
        self.on_change: Callable[[Order], object] = lambda _: None
        self._clock = clock
        self._seed = seed
        self._dice: dict[str, Random] = {}
        self._lock = threading.RLock()
        self._versions: dict[str, list[tuple[float, Order]]] = {}
        self._first_named: dict[str, float] = {}
        self._first_status: dict[str, Any] = {}
        self._calls: deque[Call] = deque(maxlen=_KEPT)
        self._writes: dict[tuple[str | None, str | None], deque[Call]] = {}
        for order in orders:
            self.put(order)

    @property
    def calls(self) -> list[Call]:
        """The calls to the order management, oldest first; only the last ten thousand are kept."""
        with self._lock:
            return list(self._calls)

    @property
    def orders(self) -> dict[str, Order]:
        """Every order with all writes, even those that GET does not show yet. Read-only: change orders with `put`."""
        with self._lock:
            return {name: versions[-1][1] for name, versions in self._versions.items()}

    def writes(self, order: str, invoice: str) -> list[Call]:
        """The writes that took effect on one invoice, oldest first."""
        with self._lock:
            return list(self._writes.get((order, invoice), ()))

    def put(self, order: Order) -> None:
        """Add an order, or replace the one with that id; its packages are delayed again. Raises `BadOrders`."""
        check_order(order)
        with self._lock:
            self._versions[order["orderId"]] = [(float("-inf"), deepcopy(order))]
            self._first_named.pop(order["orderId"], None)
            self._first_status.setdefault(order["orderId"], order.get("status"))
        self.on_change(order)

    def status_in_list(self, order_id: str) -> Any:
        """The order's status in the list, which may be long out of date (KI-577103): here always the first one."""
        return self._first_status[order_id]

    def lately(self, now: float) -> int:
        """How many calls came in the last minute."""
        with self._lock:
            return sum(call.at > now - _MINUTE for call in self._calls)

    def is_hidden(self, order_id: str) -> bool:
        """True for an order that VTEX no longer shows."""
        return self.faults.two_years and is_too_old(self._versions[order_id][-1][1], self._clock())

    def with_dates(self, order: Order) -> Order:
        """A copy of one of `orders` whose packages have the ``dispatchedDate`` that VTEX hides."""
        shown = deepcopy(order)
        for package in filter(_is_output, _packages(shown)):
            key = (order["orderId"], str(package.get("invoiceNumber")))
            if key in self.dispatched:
                package["dispatchedDate"] = self.dispatched[key]
        return shown

    def record(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)
            if call.applied:
                self._writes.setdefault((call.order, call.invoice), deque(maxlen=_KEPT)).append(call)

    def roll(self, name: str, fraction: float) -> bool:
        """True in this share of throws. Every name has its own dice, so one fault does not shift another."""
        if fraction <= 0:
            return False
        with self._lock:
            if name not in self._dice:
                self._dice[name] = Random(f"{self._seed}/{name}")  # noqa: S311  faults must repeat, not surprise
            return self._dice[name].random() < fraction

    def named(self, *, order_id: str = "", group: str = "") -> list[str]:
        """The ids of the orders that a path names: by id, by ``seq`` and sequence number, or by group."""
        with self._lock:
            if order_id in self._versions:
                return [order_id]
            if group:
                return [name for name, order in self.orders.items() if order.get("orderGroup") == group]
            sequence = order_id.removeprefix("seq")
            if sequence == order_id:
                return []
            return [name for name, order in self.orders.items() if order.get("sequence") == sequence][:1]

    def get_order(self, order_id: str) -> Answer:
        with self._lock:
            names = self.named(order_id=order_id)
            if not names or self.is_hidden(names[0]):
                raise Refused(oms_error(404, "Order not found"))
            return Answer(body=self._shown(names[0]))

    def get_group(self, group: str) -> Answer:
        with self._lock:
            names = [name for name in self.named(group=group) if not self.is_hidden(name)]
            return Answer(body=[self._shown(name) for name in names])

    def patch_invoice(self, order_id: str, invoice: str, body: Any) -> Answer:
        """Write all four fields as given: null in the body blanks a field, unless ``merge_patch``."""
        with self._lock:
            order, package = self._invoice(order_id, invoice)
            check_patch(body)
            given = {name: value for name, value in body.items() if value is not None or not self.faults.merge_patch}
            package.update(
                {name: given[name] for name in ("trackingNumber", "trackingUrl", "courier") if name in given}
            )
            answer = self._save(order, "PATCH")
            if answer.applied and "dispatchedDate" in given:
                self.dispatched[order_id, invoice] = given["dispatchedDate"]
            return answer

    def put_tracking(self, order_id: str, invoice: str, body: Any) -> Answer:
        """Write events and delivery; ``status`` stays ``unknown`` even when delivered, as VTEX's reference shows."""
        with self._lock:
            order, package = self._invoice(order_id, invoice)
            check_tracking(body)
            if not package.get("trackingNumber"):
                raise bad("$", "the invoice has no tracking number")
            earlier = (package.get("courierStatus") or {}).get("data") or [] if self.faults.append_events else []
            package["courierStatus"] = {
                "status": "unknown",
                "finished": body["isDelivered"],
                "data": [*earlier, *(shown_event(event, self._clock()) for event in body["events"])],
            }
            if body["deliveredDate"]:
                package["courierStatus"]["deliveredDate"] = f"{body['deliveredDate'].replace(' ', 'T')}:00+00:00"
            return self._save(order, "PUT")

    def post_invoice(self, order_id: str, body: Any) -> Answer:
        """Add a package; for a number that the order already has, ``repost`` decides."""
        with self._lock:
            order = self._open(order_id)
            value = check_invoice(body, order)
            there = [one for one in _packages(order) if one.get("invoiceNumber") == body["invoiceNumber"]]
            if there and self.faults.repost == "receipt":
                return Answer(body=self._receipt(order))
            if there and self.faults.repost == "refused":
                raise bad("$.invoiceNumber", "the order has this invoice already")
            kept = [one for one in _packages(order) if one not in there or self.faults.repost == "doubled"]
            # While the first invoice is not visible, VTEX does not count its value.
            self._book(order, body, value, [one for one in kept if one not in there])
            attachment = order.get("packageAttachment") or {}
            order["packageAttachment"] = {**attachment, "packages": [*kept, package_of(body, value, order)]}
            answer = self._save(order, "POST")
            if answer.applied and body["type"] == "Output":
                self.dispatched[order_id, body["invoiceNumber"]] = body.get("dispatchedDate")
        if answer.applied:
            self.on_change(order)
        return answer

    def _book(self, order: Order, body: Any, value: int, others: list[dict[str, Any]]) -> None:
        """Set the order's status after an invoice. Raises `Refused` if the invoices would exceed the order's value."""
        invoiced, returned = (sum(map(_value, filter(test, others))) for test in (_is_output, _is_input))
        if body["type"] == "Input":
            left = invoiced - returned
            if value > left:  # the words are from KI-1380918; their status is unknown
                raise Refused(plain_error(400, f"Unable to using the restitution Refund more than {left}"))
            return
        missing = order.get("value", 0) - invoiced - value
        if missing < 0:
            raise bad("$.invoiceValue", "the invoices would exceed the order's value")
        order["status"] = "payment-approved" if missing else "invoiced"
        order["invoicedDate"] = iso(self._clock())

    def _shown(self, order_id: str) -> Order:
        now, versions = self._clock(), self._versions[order_id]
        # If the delay was shortened meanwhile, a later version is due first: the latest due one counts.
        del versions[: max((index for index, (since, _) in enumerate(versions) if since <= now), default=0)]
        order = versions[0][1]
        shown = without_packages(order) if self._late(order_id) else order
        return oddly(shown) if self.faults.odd_orders else shown

    def _late(self, order_id: str) -> bool:
        now = self._clock()
        return now < self._first_named.setdefault(order_id, now) + self.faults.invoice_delay

    def _open(self, order_id: str) -> Order:
        if order_id not in self._versions:
            raise Refused(oms_error(404, "Order not found"))
        return deepcopy(self._versions[order_id][-1][1])

    def _invoice(self, order_id: str, invoice: str) -> tuple[Order, dict[str, Any]]:
        order, late = self._open(order_id), self._late(order_id)
        if " " in invoice:  # KI-409225
            raise Refused(plain_error(500, "An error has occurred"))
        for package in [] if late else _packages(order):
            if _is_output(package) and package.get("invoiceNumber") == invoice:
                return order, package
        raise Refused(plain_error(self.faults.missing_status, "Invoice Not Found"))

    def _save(self, order: Order, method: str) -> Answer:
        now, faults = self._clock(), self.faults
        if method in faults.methods and self.roll("unapplied", faults.unapplied):
            return Answer(body=self._receipt(order))
        order["lastChange"] = iso(now)
        self._versions[order["orderId"]].append((now + self.faults.visible_after, order))
        return Answer(body=self._receipt(order), applied=True)

    def _receipt(self, order: Order) -> dict[str, str]:
        dice = self._dice.setdefault("receipt", Random(f"{self._seed}/receipt"))  # noqa: S311  receipts must repeat
        seller_id = order.get("sellerOrderId") or f"00-{order['orderId']}"
        return {"date": iso(self._clock()), "orderId": seller_id, "receipt": f"{dice.getrandbits(128):032x}"}


def check_order(order: Any, name: str = "order") -> None:
    """Passes or raises `BadOrders`: the id must be usable in a path, and packages must be packages."""
    if not isinstance(order, dict):
        raise BadOrders(f"{name}: is no JSON object")
    if not isinstance(order.get("orderId"), str) or not order["orderId"]:
        raise BadOrders(f"{name}: has no orderId")
    attachment = order.get("packageAttachment")
    if attachment is not None and not isinstance(attachment, dict):
        raise BadOrders(f"{name}: packageAttachment is neither object nor null")
    if not isinstance(order.get("value", 0), int):
        raise BadOrders(f"{name}: value is no number of cents")
    packages = (attachment or {}).get("packages") or []
    if not isinstance(packages, list) or not all(isinstance(package, dict) for package in packages):
        raise BadOrders(f"{name}: packageAttachment.packages is no list of objects")


def _packages(order: Order) -> list[dict[str, Any]]:
    return (order.get("packageAttachment") or {}).get("packages") or []


def _is_output(package: dict[str, Any]) -> bool:
    return package.get("type") == "Output"


def _is_input(package: dict[str, Any]) -> bool:
    return package.get("type") == "Input"


def _value(package: dict[str, Any]) -> int:
    value = package.get("invoiceValue")
    return value if isinstance(value, int) else 0
