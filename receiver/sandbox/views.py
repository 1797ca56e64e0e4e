"""How the stand-in's GET shows an order: delayed packages, too old orders, and odd formats that clients have met.

Sources: "Get order" (Orders API); the known issues 1008459 and 1330069 (packages are rebuilt at every read) and 680919
(no status); integrators' code for ``courierStatus`` as text, ``volumes`` as null and prefixed keys.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

Order = dict[str, Any]

_KEPT = timedelta(days=730)
_KEY = re.compile(r"\d{6}[0-9A-Z]{12}\d{26}")


def is_too_old(order: Order, now: float) -> bool:
    """True for an order from more than two years ago; never for one without a date of creation."""
    created = order.get("creationDate")
    try:
        moment = datetime.fromisoformat(created or "")
    except (TypeError, ValueError):
        return False
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) < datetime.fromtimestamp(now, UTC) - _KEPT


def without_packages(order: Order) -> Order:
    """The order before its invoices are visible."""
    attachment = order.get("packageAttachment")
    return {**order, "packageAttachment": {**attachment, "packages": []}} if attachment else order


def oddly(order: Order) -> Order:
    """The same order in odd formats that integrators met: no status if it is invoiced, no group, packages reversed."""
    packages = (order.get("packageAttachment") or {}).get("packages") or []
    return {
        **order,
        "orderGroup": None,
        "status": None if order.get("status") == "invoiced" else order.get("status"),
        "packageAttachment": {"packages": [_odd(one) for one in reversed(packages)]} if packages else None,
    }


def _odd(package: dict[str, Any]) -> dict[str, Any]:
    key = package.get("invoiceKey")
    left_out = {name: value for name, value in package.items() if name not in ("cfop", "restitutions")}
    return {
        **left_out,
        "invoiceKey": f"NFe{key}" if isinstance(key, str) and _KEY.fullmatch(key) else key,
        "courierStatus": "unknown",
        "embeddedInvoice": None,
        "volumes": None,
        "EnableInferItems": True,
        "items": [],
    }
