"""The stand-in's list of orders: it lags, shows stale statuses, and has no more pages than VTEX's.

Source: "List orders" at https://developers.vtex.com/docs/api-reference/orders-api: at most 30 pages of at most 100.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from receiver.sandbox.answers import Answer, Refused, oms_error
from receiver.sandbox.orders import Order, Sandbox

_MOST_PAGES, _MOST_ON_PAGE, _USUAL = 30, 100, 15
_BETWEEN = re.compile(r"invoicedDate:\[(\S+) TO (\S+)\]")


def listed(sandbox: Sandbox, query: Mapping[str, str], now: float) -> Answer:
    """One page of the orders invoiced between two instants, by ``f_invoicedDate``; of all orders without it."""
    page, size = _number(query, "page", 1, _MOST_PAGES), _number(query, "per_page", _USUAL, _MOST_ON_PAGE)
    since, until = _window(query)
    newest = now - sandbox.faults.index_lag
    orders = [order for name, order in sandbox.orders.items() if not sandbox.is_hidden(name)]
    found = [order for order in orders if _is_there(order, since, min(until, newest))]
    found.sort(key=lambda order: (order.get("creationDate") or "", order["orderId"]))
    shown = found[(page - 1) * size : page * size]
    paging = {"total": len(found), "pages": -(-len(found) // size), "currentPage": page, "perPage": size}
    return Answer(body={"list": [_entry(order, sandbox) for order in shown], "facets": [], "paging": paging})


def _is_there(order: Order, since: float, until: float) -> bool:
    invoiced = order.get("invoicedDate")
    return isinstance(invoiced, str) and since <= _seconds(invoiced) <= until


def _entry(order: Order, sandbox: Sandbox) -> dict[str, Any]:
    shown = ("orderId", "creationDate", "sequence", "affiliateId", "origin")
    return {
        **{name: order.get(name) for name in shown},
        "status": sandbox.status_in_list(order["orderId"]),
        "marketPlaceOrderId": order.get("marketplaceOrderId"),  # spelled so only in the list
        "items": None,
        "totalValue": float(order.get("value", 0)),
    }


def _window(query: Mapping[str, str]) -> tuple[float, float]:
    given = query.get("f_invoicedDate")
    if given is None:
        return float("-inf"), float("inf")
    match = _BETWEEN.fullmatch(given)
    try:
        return (_seconds(match[1]), _seconds(match[2])) if match else _refuse("f_invoicedDate")
    except ValueError:
        return _refuse("f_invoicedDate")


def _number(query: Mapping[str, str], name: str, usual: int, most: int) -> int:
    given = query.get(name, str(usual))
    if not (given.isascii() and given.isdecimal()) or not 1 <= int(given) <= most:
        _refuse(name)
    return int(given)


def _refuse(name: str) -> tuple[float, float]:
    raise Refused(oms_error(400, f"{name} is not valid"))


def _seconds(written: str) -> float:
    moment = datetime.fromisoformat(written)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
