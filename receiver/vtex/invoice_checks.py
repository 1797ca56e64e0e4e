"""PURE: an invoice as ``POST invoice`` takes it, and the objections to posting it to an order.

Source: "Order invoice notification", Orders API. The call is not idempotent, an ``Input`` invoice refunds money, and
VTEX refuses invoices above the order's value.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from receiver.vtex.invoice_numbers import unsafe_invoice_number
from receiver.vtex.nfe import plain_key, plain_number
from receiver.vtex.orders import Order, Package, read_order

Invoice = dict[str, Any]
#: What a person may permit; each is an option of ``receiver invoice``.
Override = Literal["replace", "return", "differing", "again"]
#: An item's price in the order, in cents: as listed, and as sold.
_PRICES = ("price", "sellingPrice")
#: Seconds; an issuance date further ahead is a typing error.
_MOST_AHEAD = 24 * 3600.0
_NO_WORDS = ("description", None)
#: VTEX refuses invoices of a cancelled order. An order that is being cancelled may get stuck.
_CANCELLED = ("canceled", "cancel", "cancellation-requested", "request-cancel", "waiting-for-seller-decision")


@dataclass(frozen=True, slots=True)
class Objection:
    """Why the invoice should not be posted; ``overridden_by`` is the option that permits it, if any."""

    text: str
    overridden_by: Override | None = None


def as_sent(invoice: Invoice) -> Invoice:
    """The invoice in the types that VTEX documents: value and SKUs as text, no description for an unknown one. Older
    references and VTEX's own SDKs send numbers. The result still fits the schema."""
    items = [
        {name: value for name, value in {**line, "id": _as_text(line["id"])}.items() if (name, value) != _NO_WORDS}
        for line in invoice["items"]
    ]
    return {**invoice, "invoiceValue": _as_text(invoice["invoiceValue"]), "items": items}


def warnings(invoice: Invoice, *, now: float) -> list[str]:
    """What is unusual about the invoice, although VTEX accepts it. ``now`` in seconds since the epoch."""
    found = []
    issued = datetime.fromisoformat(invoice["issuanceDate"])
    issued = issued if issued.tzinfo else issued.replace(tzinfo=UTC)
    if issued.timestamp() - now > _MOST_AHEAD:
        found.append(f"$.issuanceDate: {invoice['issuanceDate']} lies more than a day ahead")
    if _counts_each_once(invoice):
        found.append(f"$.invoiceValue: {invoice['invoiceValue']} cents count each item once, whatever its quantity")
    return found


def faults(invoice: Invoice) -> list[str]:
    """Errors in the invoice itself that its schema cannot find, each with its JSON path."""
    times = {name: invoice[name] for name in ("issuanceDate", "dispatchedDate") if invoice.get(name) is not None}
    found = [f"$.{name}: is no date that exists" for name, written in times.items() if not _is_time(written)]
    if (at := invoice.get("dispatchedDate")) is not None and _is_time(at) and datetime.fromisoformat(at).tzinfo is None:
        found.append("$.dispatchedDate: has no offset, such as -03:00: VTEX does not document what it makes of it")
    if not invoice["invoiceValue"].isdecimal():
        found.append("$.invoiceValue: holds more than digits")
    for place, line in enumerate(invoice["items"]):
        found += [
            f"$.items[{place}].{name}: {line[name]!r} is no whole number written as one"
            for name in ("quantity", "price")
            if not isinstance(line[name], int)
        ]
    if unsafe_invoice_number(invoice["invoiceNumber"]):
        found.append(
            '$.invoiceNumber: VTEX cannot address a number with white space or one of / \\ # ? % : * < > | " &; '
            "no tracking could be written to that invoice"
        )
    return found


def objections(document: Any, invoice: Invoice) -> list[Objection]:
    """The objections to the invoice on this order. Raises `receiver.vtex.orders.UnexpectedOrder`."""
    order = read_order(document)
    return [*_about_the_order(order, invoice), *_about_the_value(order, invoice), *_about_the_items(document, invoice)]


def bearing(order: Order, invoice: Invoice) -> list[Package]:
    """The order's invoices with that number, of either type."""
    return [package for package in order.packages if _is_of_number(package, invoice)]


def shows(order: Order, invoice: Invoice) -> bool:
    """True if the order has that invoice: its number, type and value, and its key if both have one."""
    expected = (invoice["type"], int(invoice["invoiceValue"]))
    return any(
        (package.kind, package.value) == expected and _agree(package.invoice_key, invoice.get("invoiceKey"))
        for package in bearing(order, invoice)
    )


def _is_of_number(package: Package, invoice: Invoice) -> bool:
    return package.invoice_number.strip() == str(invoice["invoiceNumber"]).strip()


def _is_same(package: Package, invoice: Invoice) -> bool:
    """True if both are one invoice, by the digits of the number or by the key."""
    key = plain_key(invoice.get("invoiceKey"))
    alike = plain_number(package.invoice_number) == plain_number(invoice["invoiceNumber"])
    return alike or (key is not None and key == plain_key(package.invoice_key))


def _agree(*keys: str | None) -> bool:
    """False if there are two different NF-e keys; VTEX may show none."""
    return len({digits for key in keys if (digits := plain_key(key))}) < 2


def _about_the_order(order: Order, invoice: Invoice) -> Iterator[Objection]:
    if order.status in _CANCELLED:
        yield Objection(f"order {order.order_id} is {order.status}")
    if invoice["type"] == "Input":
        yield Objection("it is a return (Input): VTEX refunds its value to the shopper", "return")
    for package in order.packages:
        there = f"the order has invoice {package.invoice_number} already ({package.kind}, {package.value} cents)"
        if not _is_of_number(package, invoice):
            if _is_same(package, invoice):
                yield Objection(f"{there}: the same one in another writing would stand beside it", "differing")
        elif package.kind == invoice["type"] == "Input":
            yield Objection(f"{there}: to post a return again is to refund again")
        else:
            yield Objection(there, "replace")


def _about_the_value(order: Order, invoice: Invoice) -> Iterator[Objection]:
    value, kind = int(invoice["invoiceValue"]), invoice["type"]
    others = [package for package in order.packages if not _is_of_number(package, invoice)]
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


def _about_the_items(document: Any, invoice: Invoice) -> Iterator[Objection]:
    items = [item for item in document.get("items") or [] if isinstance(item, dict)]
    ordered = _quantities((item.get("id"), item.get("quantity")) for item in items)
    before = _quantities(_invoiced(document, items, invoice))
    here = _quantities((item["id"], item["quantity"]) for item in invoice["items"])
    against = [
        *(one for sku, many in here.items() if (one := _about_one(sku, many, before[sku], ordered.get(sku)))),
        *_about_the_prices(items, invoice),
    ]
    if not against and invoice["type"] == "Output" and ordered:
        against += _about_the_rest(read_order(document), invoice, all_items=not ordered - (here + before))
    yield from against


def _about_one(sku: str, here: int, before: int, ordered: int | None) -> Objection | None:
    if ordered is None:
        return Objection(f"SKU {sku} is not in the order", "differing")
    if here + before <= ordered:
        return None
    earlier = f" and {before} on other invoices" if before else ""
    return Objection(f"SKU {sku}: {here} here{earlier}, ordered {ordered}", "differing")


def _about_the_prices(items: list[dict[str, Any]], invoice: Invoice) -> Iterator[Objection]:
    """Objections to the lines' prices. Some documents give a price per piece, some for all pieces: both are valid."""
    for line in invoice["items"]:
        of_sku = [item for item in items if str(item.get("id")) == line["id"]]
        # A gift is sold at price 0.
        prices = {item[name] for item in of_sku for name in _PRICES if item.get(name) is not None}
        if prices and not {line["price"], line["price"] / line["quantity"]} & prices:
            known = " or ".join(map(str, sorted(prices)))
            yield Objection(f"SKU {line['id']}: {line['price']} cents a piece here, in the order {known}", "differing")


def _about_the_rest(order: Order, invoice: Invoice, *, all_items: bool) -> Iterator[Objection]:
    """Objections if this invoice completes all items but not all of the value, or the reverse."""
    others = sum(package.value for package in order.outputs if not _is_of_number(package, invoice))
    total = others + int(invoice["invoiceValue"])
    if all_items and order.value is not None and total < order.value and not _counts_each_once(invoice):
        text = f"with it every item is invoiced, for {total} cents in all; the order's value is {order.value}"
        yield Objection(text, "differing")
    if not all_items and not others and total == order.value:
        yield Objection(f"with it the order's whole value is invoiced, {total} cents, but not every item", "differing")


def _counts_each_once(invoice: Invoice) -> bool:
    """True if the value is the sum of the lines' prices without their quantities, and these matter. VTEX's own example
    of the call does so (``2499`` for twice ``2499``)."""
    lines, value = invoice["items"], int(invoice["invoiceValue"])
    once: int = sum(line["price"] for line in lines)
    in_all: int = sum(line["price"] * line["quantity"] for line in lines)
    return value == once < in_all


def _as_text(value: str | float) -> str:
    return value if isinstance(value, str) else str(int(value))


def _invoiced(document: Any, items: list[dict[str, Any]], invoice: Invoice) -> Iterator[tuple[Any, Any]]:
    """SKU and quantity of each line of the order's other invoices of the same type."""
    attachment = document.get("packageAttachment")
    packages = attachment.get("packages") if isinstance(attachment, dict) else None
    for package in packages if isinstance(packages, list) else []:
        if not isinstance(package, dict) or package.get("type") != invoice["type"]:
            continue
        if str(package.get("invoiceNumber")).strip() == invoice["invoiceNumber"].strip():
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
