"""The orders behind the stand-in OMS server: what each call does to them, and what GET shows of it, and when.

Source: "Orders API" at https://developers.vtex.com/docs/api-reference/orders-api; known issues by number (KI).
"""

import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from types import NoneType
from typing import Any

from receiver.vtex.sandbox_faults import Answer, Faults, oms_error, plain_error

Order = dict[str, Any]
Kinds = Mapping[str, tuple[type, ...]]

_KEPT = 10_000
_TEXT, _TEXT_OR_NULL = (str,), (str, NoneType)
_PATCH: Kinds = {
    "trackingNumber": _TEXT,
    "trackingUrl": _TEXT_OR_NULL,
    "courier": _TEXT_OR_NULL,
    "dispatchedDate": _TEXT_OR_NULL,
}
_TRACKING: Kinds = {"isDelivered": (bool,), "deliveredDate": _TEXT_OR_NULL, "events": (list,)}
_EVENT: Kinds = {"city": _TEXT, "state": _TEXT, "description": _TEXT, "date": _TEXT}
_INVOICE: Kinds = {
    "type": _TEXT,
    "issuanceDate": _TEXT,
    "invoiceNumber": _TEXT,
    "invoiceValue": (str, int),
    "items": (list,),
}
_INVOICE_EXTRAS: Kinds = {
    "courier": _TEXT,
    "dispatchedDate": _TEXT_OR_NULL,
    "embeddedInvoice": _TEXT_OR_NULL,
    "invoiceKey": _TEXT_OR_NULL,
    "invoiceUrl": _TEXT_OR_NULL,
    "trackingNumber": _TEXT_OR_NULL,
    "trackingUrl": _TEXT_OR_NULL,
}
_INVOICED_ITEM: Kinds = {"id": _TEXT, "price": (int,), "quantity": (int,)}
_MINUTE = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DESCRIPTION_LIMIT = 5000


class BadOrders(ValueError):
    """An orders file, or one entry of it, is no order; the message names both."""


class Refused(Exception):
    """The order management declines; ``answer`` is what it says."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer.body))
        self.answer = answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as it came. ``status`` is 0 where the connection was closed without an answer.

    ``path`` is as sent, still percent-encoded; ``body`` is the request's JSON, ``None`` where there is none;
    ``order`` and ``invoice`` are the ones it names, as VTEX stores them; ``applied``: a write took effect.
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
        #: hears of every order that was put here, changed its status or gained an invoice
        self.on_change: Callable[[Order], object] = lambda _: None
        self._clock = clock
        self._seed = seed
        self._dice: dict[str, Random] = {}
        self._lock = threading.RLock()
        self._versions: dict[str, list[tuple[float, Order]]] = {}
        self._first_named: dict[str, float] = {}
        self._calls: deque[Call] = deque(maxlen=_KEPT)
        self._writes: dict[tuple[str | None, str | None], deque[Call]] = {}
        for order in orders:
            self.put(order)

    @property
    def calls(self) -> list[Call]:
        """The calls to the order management, oldest first; only the newest ten thousand are kept."""
        with self._lock:
            return list(self._calls)

    @property
    def orders(self) -> dict[str, Order]:
        """Every order with all that was written, whether GET shows it yet or not. Read, but change with `put`."""
        with self._lock:
            return {name: versions[-1][1] for name, versions in self._versions.items()}

    def writes(self, order: str, invoice: str) -> list[Call]:
        """The writes that took effect on one invoice, oldest first."""
        with self._lock:
            return list(self._writes.get((order, invoice), ()))

    def put(self, order: Order) -> None:
        """Adds an order, or replaces the one of that id; its packages are late anew. Raises `BadOrders`."""
        check_order(order)
        with self._lock:
            self._versions[order["orderId"]] = [(float("-inf"), deepcopy(order))]
            self._first_named.pop(order["orderId"], None)
        self.on_change(order)

    def with_dates(self, order: Order) -> Order:
        """A copy of one of `orders` whose packages tell the ``dispatchedDate`` that VTEX hides."""
        told = deepcopy(order)
        for package in filter(_is_output, _packages(told)):
            key = (order["orderId"], str(package.get("invoiceNumber")))
            if key in self.dispatched:
                package["dispatchedDate"] = self.dispatched[key]
        return told

    def record(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)
            if call.applied:
                self._writes.setdefault((call.order, call.invoice), deque(maxlen=_KEPT)).append(call)

    def roll(self, name: str, fraction: float) -> bool:
        """True in this share of throws. Every name has dice of its own, so one trouble does not shift another."""
        if fraction <= 0:
            return False
        with self._lock:
            if name not in self._dice:
                self._dice[name] = Random(f"{self._seed}/{name}")  # noqa: S311  faults must repeat, not surprise
            return self._dice[name].random() < fraction

    def named(self, *, order_id: str = "", group: str = "") -> list[str]:
        """The ids of the orders a path speaks of: by id, by ``seq`` and sequence number, or by group."""
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
            if not names:
                raise Refused(oms_error(404, "Order not found"))
            return Answer(body=self._shown(names[0]))

    def get_group(self, group: str) -> Answer:
        with self._lock:
            return Answer(body=[self._shown(name) for name in self.named(group=group)])

    def patch_invoice(self, order_id: str, invoice: str, body: Any) -> Answer:
        """All four fields, as they come: what is null in the body is null afterwards."""
        with self._lock:
            order, package = self._invoice(order_id, invoice)
            _check(body, _PATCH)
            package.update({name: body[name] for name in ("trackingNumber", "trackingUrl", "courier")})
            self.dispatched[order_id, invoice] = body["dispatchedDate"]
            return self._save(order)

    def put_tracking(self, order_id: str, invoice: str, body: Any) -> Answer:
        """Events and delivery; ``status`` stays ``unknown`` even when all is delivered, as VTEX's reference shows."""
        with self._lock:
            order, package = self._invoice(order_id, invoice)
            _check_tracking(body)
            if not package.get("trackingNumber"):
                raise _bad("$", "the invoice has no tracking number")
            earlier = (package.get("courierStatus") or {}).get("data") or [] if self.faults.append_events else []
            package["courierStatus"] = {
                "status": "unknown",
                "finished": body["isDelivered"],
                "data": [*earlier, *(_shown_event(event, self._clock()) for event in body["events"])],
            }
            if body["deliveredDate"]:
                package["courierStatus"]["deliveredDate"] = f"{body['deliveredDate'].replace(' ', 'T')}:00+00:00"
            return self._save(order)

    def post_invoice(self, order_id: str, body: Any) -> Answer:
        """A new package. A number the order has already only gets a new receipt, as the reference says since 2023."""
        with self._lock:
            order = self._open(order_id)
            value = _check_invoice(body, order)
            packages = _packages(order)
            if any(package.get("invoiceNumber") == body["invoiceNumber"] for package in packages):
                return Answer(body=self._receipt(order))
            if body["type"] == "Output":
                missing = order.get("value", 0) - sum(map(_output_value, packages)) - value
                if missing < 0:
                    raise _bad("$.invoiceValue", "the invoices would exceed the order's value")
                order["status"] = "payment-approved" if missing else "invoiced"
                order["invoicedDate"] = _iso(self._clock())
                self.dispatched[order_id, body["invoiceNumber"]] = body.get("dispatchedDate")
            attachment = order.get("packageAttachment") or {}
            order["packageAttachment"] = {**attachment, "packages": [*packages, _package(body, value, order)]}
            answer = self._save(order)
        self.on_change(order)
        return answer

    def _shown(self, order_id: str) -> Order:
        now, versions = self._clock(), self._versions[order_id]
        # A pause that was shortened meanwhile lets a later version through first: the latest due one holds.
        del versions[: max((index for index, (since, _) in enumerate(versions) if since <= now), default=0)]
        order = versions[0][1]
        if self._late(order_id) and order.get("packageAttachment"):
            return {**order, "packageAttachment": {**order["packageAttachment"], "packages": []}}
        return order

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
        raise Refused(plain_error(404, "Invoice Not Found"))

    def _save(self, order: Order) -> Answer:
        now = self._clock()
        order["lastChange"] = _iso(now)
        self._versions[order["orderId"]].append((now + self.faults.visible_after, order))
        return Answer(body=self._receipt(order), applied=True)

    def _receipt(self, order: Order) -> dict[str, str]:
        dice = self._dice.setdefault("receipt", Random(f"{self._seed}/receipt"))  # noqa: S311  receipts must repeat
        seller_id = order.get("sellerOrderId") or order["orderId"]
        return {"date": _iso(self._clock()), "orderId": seller_id, "receipt": f"{dice.getrandbits(128):032x}"}


def check_order(order: Any, name: str = "order") -> None:
    """Passes or raises `BadOrders`: an id that can stand in a path, and packages that are packages."""
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


def _output_value(package: dict[str, Any]) -> int:
    value = package.get("invoiceValue")
    return value if _is_output(package) and isinstance(value, int) else 0


def _iso(now: float) -> str:
    """As VTEX writes times: seven digits of a second."""
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%S.%f}0+00:00"


def _bad(path: str, why: str) -> Refused:
    return Refused(oms_error(400, f"{path}: {why}"))


def _check(body: Any, kinds: Kinds, at: str = "$") -> None:
    if not isinstance(body, dict):
        raise _bad(at, "is no JSON object")
    for name, allowed in kinds.items():
        if name not in body:
            raise _bad(f"{at}.{name}", "is missing")
        if type(body[name]) not in allowed:
            raise _bad(f"{at}.{name}", "has the wrong type")


def _check_tracking(body: Any) -> None:
    _check(body, _TRACKING)
    if body["deliveredDate"] is not None:
        _check_time("$.deliveredDate", body["deliveredDate"], _MINUTE)
    for index, event in enumerate(body["events"]):
        _check(event, _EVENT, f"$.events[{index}]")
        _check_time(f"$.events[{index}].date", event["date"], _DAY)
        if len(event["description"]) > _DESCRIPTION_LIMIT:
            raise _bad(f"$.events[{index}].description", f"is longer than {_DESCRIPTION_LIMIT} characters")


def _check_time(path: str, text: str, shape: re.Pattern[str]) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise _bad(path, "is no date") from None
    if not shape.fullmatch(text):
        raise _bad(path, "is not in the documented format")


def _check_invoice(body: Any, order: Order) -> int:
    """Passes with the invoice's value in cents."""
    _check(body, _INVOICE)
    _check(body, {name: kinds for name, kinds in _INVOICE_EXTRAS.items() if name in body})
    if body["type"] not in ("Output", "Input"):
        raise _bad("$.type", "is neither Output nor Input")
    if not body["invoiceNumber"]:
        raise _bad("$.invoiceNumber", "is empty")
    value = str(body["invoiceValue"])
    if not (value.isascii() and value.isdecimal() and int(value)):
        raise _bad("$.invoiceValue", "is no positive number of cents")
    skus = {item.get("id") for item in order.get("items", [])}
    for index, item in enumerate(body["items"]):
        _check(item, _INVOICED_ITEM, f"$.items[{index}]")
        if item["id"] not in skus:
            raise _bad(f"$.items[{index}].id", "is not in the order")
    return int(value)


def _package(body: dict[str, Any], value: int, order: Order) -> dict[str, Any]:
    skus = [item.get("id") for item in order.get("items", [])]
    items = [
        {
            "itemIndex": skus.index(item["id"]),
            "quantity": item["quantity"],
            "price": item["price"],
            "description": item.get("description"),
            "unitMultiplier": 1.0,
        }
        for item in body["items"]
    ]
    return {
        "items": items,
        "courier": body.get("courier"),
        "invoiceNumber": body["invoiceNumber"],
        "invoiceValue": value,
        "invoiceUrl": body.get("invoiceUrl"),
        "issuanceDate": body["issuanceDate"],
        "trackingNumber": body.get("trackingNumber"),
        "invoiceKey": body.get("invoiceKey"),
        "trackingUrl": body.get("trackingUrl"),
        "embeddedInvoice": body.get("embeddedInvoice") or "",
        "type": body["type"],
        "courierStatus": {"status": "unknown", "finished": False, "data": []},
        "restitutions": {},
    }


def _shown_event(event: dict[str, str], now: float) -> dict[str, str]:
    return {
        "lastChange": f"{event['date']}T00:00:00+00:00",
        "city": event["city"],
        "state": event["state"],
        "description": event["description"],
        "createDate": _iso(now),
    }
