"""PURE: VTEX's order hook: its configuration, and the events it sends.

Source: the guide "Orders feed" and "Create or update hook configuration" (Orders API), developers.vtex.com. The events
are hints: they come late, twice, in any order, and hold nothing but an order's id that would be worth believing.
"""

import re
from dataclasses import dataclass
from typing import Any

from receiver.vtex.order_ids import SUFFIX

#: The header in which the secret travels: VTEX signs nothing, but sends configured headers along.
SECRET_HEADER = "x-hook-secret"
#: Statuses in which an order may have gained an invoice. A partly invoiced order goes back to ``payment-approved``, or
#: stays in ``handling``: it never says ``invoiced`` before all of it is.
MAY_HAVE_INVOICE = ("payment-approved", "handling", "invoice", "invoiced")
#: Sent when a configuration is saved. Whether the configured headers come with it is documented nowhere.
PING = {"hookConfig": "ping"}

_MOST = 200


@dataclass(frozen=True, slots=True)
class Event:
    """An order changed. Its status is not believed: events come late and in any order, only a reading tells."""

    order_id: str

    @property
    def names(self) -> list[tuple[str, str]]:
        """What a shipment may be waiting for whose order this is: kinds and values."""
        group = SUFFIX.sub("", self.order_id)
        return sorted({("order_id", self.order_id), ("order_id", group), ("order_group", group)})


@dataclass(frozen=True, slots=True)
class Standing:
    """The hook an app key has now; of its headers only the names."""

    url: str
    filter: dict[str, Any]
    headers: tuple[str, ...]

    @property
    def address(self) -> str:
        """The URL as it may be shown: without a user and a query, which may hold somebody's secrets."""
        return re.sub(r"//[^/]*@", "//", re.split(r"[?#]", self.url)[0])


def read_event(body: Any) -> Event | None:
    """A notification of either kind, in either case of its names; ``None`` for what names no order."""
    if not isinstance(body, dict):
        return None
    fields = {name.lower(): value for name, value in body.items()}
    order_id = fields.get("orderid")
    if not isinstance(order_id, str) or not 0 < len(order_id.strip()) <= _MOST or not order_id.isprintable():
        return None
    return Event(order_id.strip())


def configuration(url: str, secret: str) -> dict[str, Any]:
    """The body that installs the hook. ``FromWorkflow``: the other kind is known to skip events (KI-832400)."""
    return {
        "filter": {"type": "FromWorkflow", "status": list(MAY_HAVE_INVOICE)},
        "hook": {"url": url, "headers": {SECRET_HEADER: secret}},
    }


def read_configuration(body: Any) -> Standing | None:
    """What VTEX shows of a hook; ``None`` where there is none."""
    hook = body.get("hook") if isinstance(body, dict) else None
    if not isinstance(hook, dict) or not isinstance(hook.get("url"), str) or not hook["url"]:
        return None
    headers, filters = hook.get("headers"), body.get("filter")
    names = tuple(sorted(headers)) if isinstance(headers, dict) else ()
    return Standing(hook["url"], filters if isinstance(filters, dict) else {}, names)
