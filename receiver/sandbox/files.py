"""Reads orders for the stand-in from files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from receiver.sandbox.orders import BadOrders, Order, check_order

#: Three orders to begin with: one invoice, two invoices, none yet.
EXAMPLES = Path(__file__).with_name("examples.json")


def load_orders(path: Path) -> list[Order]:
    """The orders of a file: a JSON list, one JSON object, or one object on each line. Raises `BadOrders`."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadOrders(f"{path}: cannot be read: {error}") from None
    orders: dict[str, Order] = {}
    for name, order in _entries(path, content):
        check_order(order, name)
        if order["orderId"] in orders:
            raise BadOrders(f"{name}: order {order['orderId']} is there twice")
        orders[order["orderId"]] = order
    return list(orders.values())


def _entries(path: Path, content: str) -> Iterator[tuple[str, Any]]:
    try:
        whole = json.loads(content)
    except ValueError as error:
        yield from _lines(path, content, error)
        return
    if isinstance(whole, list):
        yield from ((f"{path}: entry {number}", order) for number, order in enumerate(whole, 1))
    else:
        yield f"{path}", whole


def _lines(path: Path, content: str, error: ValueError) -> Iterator[tuple[str, Any]]:
    """The lines of a JSON Lines file, if the first line is JSON; otherwise the whole file is faulty."""
    alone = False
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            order = json.loads(line)
        except ValueError as at_line:
            where = f"line {number}: is not JSON: {at_line}" if alone else f"is not JSON: {error}"
            raise BadOrders(f"{path}: {where}") from None
        alone = True
        yield f"{path}: line {number}", order
    if not alone:
        raise BadOrders(f"{path}: is empty")
