"""PURE: VTEX's order hook: its configuration, and its events.

Source: the guide "Orders feed" and "Create or update hook configuration" (Orders API), developers.vtex.com. The events
are hints: they come late, twice, in any order. Only the order's id in them can be trusted.
"""

import re
from dataclasses import dataclass
from typing import Any

from receiver.vtex.order_ids import SUFFIX

#: The header with the secret: VTEX signs nothing, but sends configured headers.
SECRET_HEADER = "x-hook-secret"
#: Statuses in which an order may have gained an invoice. A partly invoiced order returns to ``payment-approved``, or
#: stays in ``handling``. It is ``invoiced`` only once all of it is.
MAY_HAVE_INVOICE = ("payment-approved", "handling", "invoice", "invoiced")
#: Sent when a configuration is saved. Whether it has the configured headers is not documented.
PING = {"hookConfig": "ping"}

_MOST = 200


@dataclass(frozen=True, slots=True)
class Event:
    """An order changed. Its status is not trusted, because events come late and in any order: the order is read."""

    order_id: str

    @property
    def names(self) -> list[tuple[str, str]]:
        """The names, as kinds and values, for which a shipment of this order may be waiting."""
        group = SUFFIX.sub("", self.order_id)
        return sorted({("order_id", self.order_id), ("order_id", group), ("order_group", group)})


@dataclass(frozen=True, slots=True)
class Standing:
    """The hook that an app key has now, with only the names of its headers."""

    url: str
    filter: dict[str, Any]
    headers: tuple[str, ...]

    @property
    def address(self) -> str:
        """The URL for display, without user and query, which may hold secrets."""
        return re.sub(r"//[^/]*@", "//", re.split(r"[?#]", self.url)[0])


def read_event(body: Any) -> Event | None:
    """A notification of either kind, its names in either case; ``None`` if it names no order."""
    if not isinstance(body, dict):
        return None
    fields = {name.lower(): value for name, value in body.items()}
    order_id = fields.get("orderid")
    if not isinstance(order_id, str) or not 0 < len(order_id.strip()) <= _MOST or not order_id.isprintable():
        return None
    return Event(order_id.strip())


def configuration(url: str, secret: str) -> dict[str, Any]:
    """The body that installs the hook. It uses ``FromWorkflow``, because the other kind skips events (KI-832400)."""
    return {
        "filter": {"type": "FromWorkflow", "status": list(MAY_HAVE_INVOICE)},
        "hook": {"url": url, "headers": {SECRET_HEADER: secret}},
    }


def read_configuration(body: Any) -> Standing | None:
    """The hook in VTEX's answer; ``None`` if there is none."""
    hook = body.get("hook") if isinstance(body, dict) else None
    if not isinstance(hook, dict) or not isinstance(hook.get("url"), str) or not hook["url"]:
        return None
    headers, filters = hook.get("headers"), body.get("filter")
    names = tuple(sorted(headers)) if isinstance(headers, dict) else ()
    return Standing(hook["url"], filters if isinstance(filters, dict) else {}, names)
