"""PURE: an order as VTEX shows it, reduced to what the choice of an invoice needs.

An invoice is a package of type ``Output``; ``Input`` is a return, without a delivery.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from receiver.shipments.numbers import is_among

#: Statuses of an order that will not be delivered. ``replaced``: VTEX has made a new order in its place (Help Center,
#: "Order replacement").
CANCELLED = ("canceled", "cancel", "replaced")
OUTPUT, INPUT = "Output", "Input"


class UnexpectedOrder(Exception):
    """VTEX answered 200, but the body is not an order."""


@dataclass(frozen=True, slots=True)
class Package:
    """One invoice of an order, as far as tracking is concerned. ``value`` is in cents, ``issued_at`` in seconds since
    the epoch. ``is_delivered``: VTEX was told so, by whatever system."""

    invoice_number: str
    kind: str
    value: int
    invoice_key: str | None
    tracking_number: str | None
    tracking_url: str | None
    courier: str | None
    issued_at: float | None = None
    is_delivered: bool = False

    @property
    def held(self) -> dict[str, str]:
        """The filled ones of VTEX's tracking fields, by VTEX's names."""
        fields = {"trackingNumber": self.tracking_number, "trackingUrl": self.tracking_url, "courier": self.courier}
        return {name: value for name, value in fields.items() if value}


@dataclass(frozen=True, slots=True)
class Order:
    """An order, reduced to what the choice needs. ``value`` is in cents, ``None`` if VTEX does not say.

    ``marketplace_order_id`` is the id at the store that sold it. ``seller_account`` is the other VTEX account that
    fulfils it, ``None`` if this account does, which holds unless VTEX names another one. ``created_at`` in seconds
    since the epoch.
    """

    order_id: str
    status: str
    value: int | None
    sequence: str | None
    group: str | None
    packages: tuple[Package, ...]
    marketplace_order_id: str | None = None
    seller_account: str | None = None
    created_at: float | None = None

    @property
    def outputs(self) -> list[Package]:
        return [package for package in self.packages if package.kind == OUTPUT]

    @property
    def is_cancelled(self) -> bool:
        """Whether nothing will be delivered for the order any more."""
        return self.status in CANCELLED

    @property
    def is_complete(self) -> bool:
        """Whether no other invoice is expected.

        VTEX says so with the status ``invoiced`` (Help Center, "Order flow and status"). Otherwise the Output invoices
        must add up to the order's value, if above 0: VTEX's sums may be off by cents or 0 (KI-605517, KI-387933).
        """
        if self.status == "invoiced":
            return True
        return bool(self.value) and self.value is not None and sum(one.value for one in self.outputs) >= self.value

    def without_placeholders(self, placeholders: Collection[str], *, but: Collection[str] = ()) -> "Order":
        """The order without these texts as tracking numbers: ERPs write them because VTEX requires some value.
        ``{invoice_number}``, ``{order_id}`` and ``{sequence}`` in a text are replaced by the order's own. ``but`` are
        numbers of a parcel, which count as such whatever their text."""
        if not placeholders:
            return self
        return replace(self, packages=tuple(self._without(package, placeholders, but) for package in self.packages))

    def own_values(self, package: Package) -> dict[str, str]:
        """The values by whose names a placeholder may refer to an order and its invoice."""
        return {
            "invoice_number": package.invoice_number.strip(),
            "order_id": self.order_id,
            "sequence": self.sequence or "",
        }

    def _without(self, package: Package, placeholders: Collection[str], but: Collection[str]) -> Package:
        own = self.own_values(package)
        texts = {_filled(text, own) for text in placeholders} - {""}
        is_none = package.tracking_number in texts and not is_among(package.tracking_number, but)
        return replace(package, tracking_number=None) if is_none else package


def read_order(document: Any, *, account: str = "") -> Order:
    """Read VTEX's document as an `Order`. Only ``orderId`` is required. ``account`` is the account that answered.

    Raises `UnexpectedOrder`.
    """
    if not isinstance(document, dict) or not _text(document.get("orderId")):
        raise UnexpectedOrder("VTEX answered 200 with something that is no order")
    attachment = document.get("packageAttachment")
    packages = attachment.get("packages") if isinstance(attachment, dict) else None
    return Order(
        order_id=str(document["orderId"]),
        status=_text(document.get("status")) or "",
        value=_cents(document.get("value")),
        sequence=_text(document.get("sequence")),
        group=_text(document.get("orderGroup")),
        packages=tuple(_package(one) for one in packages if isinstance(one, dict))
        if isinstance(packages, list)
        else (),
        marketplace_order_id=_text(document.get("marketplaceOrderId")),
        seller_account=_seller_account(document.get("sellers"), account),
        created_at=_instant(_text(document.get("creationDate"))),
    )


def _seller_account(sellers: Any, account: str) -> str | None:
    """The other VTEX account that invoices the order. If a fact is missing, the order is our own. A seller outside VTEX
    invoices at the marketplace (Orders API, ``sellers[].fulfillmentEndpoint`` with ``an=<account>``)."""
    first = sellers[0] if isinstance(sellers, list) and sellers and isinstance(sellers[0], dict) else {}
    endpoint = _text(first.get("fulfillmentEndpoint"))
    if endpoint is None or _text(first.get("id")) in (None, "1"):
        return None
    try:
        query = urlsplit(endpoint.replace("&amp;", "&")).query  # some sellers' endpoints were entered as HTML
    except ValueError:
        return None
    # VTEX's accounts are in lower case; what a person entered may not be.
    named = {value.strip().lower() for name, value in parse_qsl(query) if name.lower() == "an"} - {""}
    return named.pop() if len(named) == 1 and account not in named else None


def _filled(text: str, own: dict[str, str]) -> str:
    for name, value in own.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _package(one: dict[str, Any]) -> Package:
    status = one.get("courierStatus")  # some integrators see text
    return Package(
        invoice_number=one["invoiceNumber"] if isinstance(one.get("invoiceNumber"), str) else "",
        kind=_text(one.get("type")) or "",
        value=_cents(one.get("invoiceValue")) or 0,
        invoice_key=_text(one.get("invoiceKey")),
        tracking_number=_text(one.get("trackingNumber")),
        tracking_url=_text(one.get("trackingUrl")),
        courier=_text(one.get("courier")),
        issued_at=_instant(_text(one.get("issuanceDate"))),
        is_delivered=isinstance(status, dict) and status.get("finished") is True,
    )


def _text(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def _instant(written: str | None) -> float | None:
    """VTEX's time in seconds since the epoch; without an offset it is UTC ("Formatting order invoicing time")."""
    try:
        moment = datetime.fromisoformat(written) if written else None
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() if moment else None


def _cents(value: Any) -> int | None:
    """An amount in cents: VTEX sends integers in GET, text in POST (Orders API)."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if math.isfinite(value) else None
