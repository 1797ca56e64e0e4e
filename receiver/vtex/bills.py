"""PURE: an invoice as ``POST invoice`` takes it, and what speaks against posting it to an order.

Source: "Order invoice notification", Orders API. The call is not idempotent, an ``Input`` invoice refunds money, and
VTEX refuses invoices above the order's value.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from receiver.vtex.orders import Order, Package, read_order
from receiver.vtex.writes import unsafe_segment

Bill = dict[str, Any]
#: What a person may say yes to; each is an option of ``receiver invoice``.
Leave = Literal["replace", "return", "differing", "again"]
#: VTEX lets nobody invoice a cancelled order; one that is being cancelled may get stuck between the two.
_CANCELLED = ("canceled", "cancel", "cancellation-requested", "request-cancel", "waiting-for-seller-decision")


@dataclass(frozen=True, slots=True)
class Objection:
    """Why the invoice should not be posted; ``lifted_by`` is the leave that a person can give, if any."""

    text: str
    lifted_by: Leave | None = None


def faults(bill: Bill) -> list[str]:
    """What is wrong with the invoice itself, besides its schema: each with its JSON path."""
    times = {name: bill[name] for name in ("issuanceDate", "dispatchedDate") if bill.get(name) is not None}
    found = [f"$.{name}: is no date that exists" for name, written in times.items() if not _is_time(written)]
    if unsafe_segment(bill["invoiceNumber"]):
        found.append(
            "$.invoiceNumber: VTEX cannot address a number with white space or one of / \\ # ? %: "
            "no tracking could be written to that invoice"
        )
    return found


def objections(document: Any, bill: Bill) -> list[Objection]:
    """What speaks against it on this order. Raises `receiver.vtex.orders.UnexpectedOrder`."""
    order = read_order(document)
    return [*_about_the_order(order, bill), *_about_the_value(order, bill), *_about_the_items(document, bill)]


def bearing(order: Order, bill: Bill) -> list[Package]:
    """The order's invoices of that number, of either type."""
    return [package for package in order.packages if package.invoice_number.strip() == bill["invoiceNumber"]]


def shows(order: Order, bill: Bill) -> bool:
    """True where the order has that invoice: its number, its type, its value."""
    said = (bill["type"], int(bill["invoiceValue"]))
    return any((package.kind, package.value) == said for package in bearing(order, bill))


def _about_the_order(order: Order, bill: Bill) -> Iterator[Objection]:
    if order.status in _CANCELLED:
        yield Objection(f"order {order.order_id} is {order.status}")
    if bill["type"] == "Input":
        yield Objection("it is a return (Input): VTEX refunds its value to the shopper", "return")
    for package in bearing(order, bill):
        text = f"the order has invoice {package.invoice_number} already ({package.kind}, {package.value} cents)"
        yield Objection(text, "replace")


def _about_the_value(order: Order, bill: Bill) -> Iterator[Objection]:
    value, kind = int(bill["invoiceValue"]), bill["type"]
    others = [package for package in order.packages if package.invoice_number.strip() != bill["invoiceNumber"]]
    before = sum(package.value for package in others if package.kind == kind)
    if kind == "Input":
        limit: int | None = sum(package.value for package in order.outputs)
        whose = "what was invoiced"
    else:
        limit, whose = order.value, "the order's value"
    if limit is None:
        yield Objection("VTEX does not tell the order's value: it cannot be compared", "differing")
    elif before + value > limit:
        yield Objection(
            f"its {value} cents and the {before} of the order's other {kind} invoices exceed {whose}, {limit}",
            "differing",
        )


def _about_the_items(document: Any, bill: Bill) -> Iterator[Objection]:
    items = [item for item in document.get("items") or [] if isinstance(item, dict)]
    ordered = _quantities((item.get("id"), item.get("quantity")) for item in items)
    before = _quantities(_invoiced(document, items, bill))
    for sku, quantity in _quantities((item["id"], item["quantity"]) for item in bill["items"]).items():
        if sku not in ordered:
            yield Objection(f"SKU {sku} is not in the order", "differing")
        elif quantity + before[sku] > ordered[sku]:
            earlier = f" and {before[sku]} on other invoices" if before[sku] else ""
            yield Objection(f"SKU {sku}: {quantity} here{earlier}, ordered {ordered[sku]}", "differing")


def _invoiced(document: Any, items: list[dict[str, Any]], bill: Bill) -> Iterator[tuple[Any, Any]]:
    """SKU and quantity of each line of the order's other invoices of the same type."""
    attachment = document.get("packageAttachment")
    packages = attachment.get("packages") if isinstance(attachment, dict) else None
    for package in packages if isinstance(packages, list) else []:
        if not isinstance(package, dict) or package.get("type") != bill["type"]:
            continue
        if str(package.get("invoiceNumber")).strip() == bill["invoiceNumber"]:
            continue
        for line in package.get("items") or []:
            index = line.get("itemIndex") if isinstance(line, dict) else None
            if isinstance(index, int) and 0 <= index < len(items):
                yield items[index].get("id"), line.get("quantity")


def _quantities(lines: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    for sku, quantity in lines:
        if isinstance(quantity, int) and sku is not None:
            found[str(sku)] += quantity
    return found


def _is_time(written: str) -> bool:
    try:
        datetime.fromisoformat(written)
    except ValueError:
        return False
    return True
