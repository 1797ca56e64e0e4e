"""Links: the merchant says, before or after the webhooks, which order a parcel belongs to."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters import Unreadable, text
from receiver.carriers.schemas import document, validator
from receiver.config import Config
from receiver.reconcile.names import NAMES
from receiver.shipments.numbers import normalised, numbers_in, spellings
from receiver.store import Index, Link
from receiver.store.decisions import Recorder, unrecorded
from receiver.store.finding.bearers import Name
from receiver.store.finding.companions import Place
from receiver.vtex.client import BadSegment, check_place
from receiver.vtex.nfe import plain_key, plain_number
from receiver.vtex.order_ids import as_stored

#: The most links in one request and transaction.
MOST = 1_000
_ROUNDED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
#: Every field of a link.
FIELDS = tuple(document("link")["properties"])
_ALSO = "also"
#: The names that only one parcel has.
OF_ONE_PARCEL = ("tracking_number", "shipment", "invoice_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkResult:
    """The result for one link. ``status``: ``stored``; ``replaced`` if its name was linked to another order before
    (``formerly``); ``rejected``, with the JSON path and why. ``woken``: how many shipments it made due; ``dismissed``:
    those that it is about and does not change, since a person has dismissed them."""

    index: int
    status: str
    woken: int = 0
    formerly: tuple[str, ...] = ()
    dismissed: tuple[str, ...] = ()
    path: str | None = None
    why: str | None = None


def store_links(
    index: Index, config: Config, account: str, items: Iterable[Any], *, now: float, record: Recorder = unrecorded
) -> list[LinkResult]:
    """Store the good ones of at most `MOST` links, all in one transaction; say of the others what is wrong.
    ``record`` is for those that a person told.

    Raises `receiver.store.StoreUnavailable`.
    """
    links, results = _read(config, account, items)
    done = index.link(account, list(links.values()), now=now, record=record) if links else []
    for number, linked in zip(links, done, strict=True):
        status = "replaced" if linked.replaced else "stored"
        results[number] = LinkResult(
            index=number, status=status, woken=len(linked.woken), formerly=linked.replaced, dismissed=linked.dismissed
        )
    return [results[number] for number in sorted(results)]


def checked_links(config: Config, account: str, items: Iterable[Any]) -> list[LinkResult]:
    """What is wrong with each of these, or nothing; none is stored now."""
    links, results = _read(config, account, items)
    results |= {number: LinkResult(index=number, status="stored") for number in links}
    return [results[number] for number in sorted(results)]


def _read(config: Config, account: str, items: Iterable[Any]) -> tuple[dict[int, Link], dict[int, LinkResult]]:
    """The good ones, and what is wrong with the others, by their place."""
    links: dict[int, Link] = {}
    results: dict[int, LinkResult] = {}
    told: dict[Name, tuple[int, Link]] = {}
    for number, item in enumerate(items):
        try:
            link = read_link(item, account, config)
            _refuse_contradiction(link, told)
        except Unreadable as error:
            results[number] = LinkResult(index=number, status="rejected", path=error.path, why=error.why)
        else:
            links[number] = link
            for name in link.names:
                told.setdefault(name, (number, link))
    return links, results


def _refuse_contradiction(link: Link, told: Mapping[Name, tuple[int, Link]]) -> None:
    """A later link that says something else of a parcel would undo an earlier one of the same request. Raises
    `adapters.Unreadable`."""
    for name in link.names:
        number, earlier = told.get(name, (0, link))
        if name[0] in OF_ONE_PARCEL and _word(link) != _word(earlier):
            why = (
                f"link {number} says something else of it: a parcel has one link, and its other orders stand under also"
            )
            raise Unreadable(f"$.{name[0]}", why)


def _word(link: Link) -> tuple[str, str | None, frozenset[Place]]:
    """What a link says of its parcel."""
    return link.order_id, link.invoice_number, frozenset(link.also)


def read_link(item: Any, account: str, config: Config) -> Link:
    """Read one link as it was sent. Raises `adapters.Unreadable` with the path of the fault."""
    for name in item if isinstance(item, dict) else ():
        if name not in FIELDS:
            raise Unreadable(f"$.{name[:40]}", f"is no field of a link; there are {', '.join(FIELDS)}")
    validator("link")(item)
    fields = {name: text(item.get(name), f"$.{name}") for name in FIELDS if name != _ALSO}
    if fields["order"] is None:
        raise Unreadable("$.order", "is blank")
    order = as_stored(fields["order"], account)
    _check(order, fields["invoice"])
    for name, value in fields.items():
        if _ROUNDED.fullmatch(value or ""):
            raise Unreadable(f"$.{name}", f"{value} is what a spreadsheet makes of a long number: enter it as text")
    names = [_name(kind, str(value), fields["endpoint"], account, config) for kind in NAMES if (value := fields[kind])]
    if not names:
        raise Unreadable("$", f"names no parcel: one of {', '.join(NAMES)} is needed")
    if fields["endpoint"] is not None and fields["shipment"] is None:
        raise Unreadable("$.endpoint", "has a meaning only together with shipment")
    invoice = fields["invoice"] or fields["invoice_number"]
    return Link(tuple(names), order, invoice, _also(item.get(_ALSO), order, account))


def _also(given: Any, order: str, account: str) -> tuple[Place, ...]:
    """The other orders that the parcel serves. Raises `adapters.Unreadable`."""
    listed = given.split(";") if isinstance(given, str) else given or ()
    texts = (found for one in listed if (found := text(one, f"$.{_ALSO}")))
    orders = dict.fromkeys(found for one in texts if (found := as_stored(one, account)) != order)
    _check(order, also=orders)
    return tuple(Place(one) for one in orders)


def _check(order: str, invoice: str | None = None, also: Iterable[str] = ()) -> None:
    try:
        check_place(order, invoice, also)
    except BadSegment as error:
        raise Unreadable(f"$.{error.field}", str(error)) from None


def names_in(text: str, endpoints: Iterable[str]) -> list[Name]:
    """The names of a link that a person's search text may mean."""
    found = [("shipment", text), *(("shipment", f"{endpoint}/{text}") for endpoint in endpoints)]
    found += [("tracking_number", one) for one in sorted(spellings(text))]
    found.append(("invoice_number", plain_number(text)))
    key = plain_key(text)
    return [*found, ("invoice_key", key)] if key else found


def _name(kind: str, value: str, endpoint: str | None, account: str, config: Config) -> Name:
    if kind == "shipment":
        return kind, f"{_endpoint(endpoint, account, config)}/{value}"
    if kind == "invoice_number":
        return kind, plain_number(value)
    if kind == "invoice_key":
        digits = plain_key(value)
        if digits is None:
            raise Unreadable("$.invoice_key", "does not have the 44 characters of an NF-e key")
        return kind, digits
    number = normalised(value)
    if not number:
        raise Unreadable("$.tracking_number", "has no letter and no digit")
    if len(numbers_in(value)) > 2:  # the text, and each part of it
        raise Unreadable("$.tracking_number", "joins several numbers: each has a link of its own")
    return kind, number


def _endpoint(name: str | None, account: str, config: Config) -> str:
    there = [endpoint.name for endpoint in config.endpoints.values() if account in endpoint.accounts_served]
    if name is None and len(there) == 1:
        return there[0]
    if name not in there:
        wrong = "is missing: it says where that shipment is known" if name is None else "is no endpoint of this account"
        raise Unreadable("$.endpoint", f"{wrong}; there are {', '.join(there) or 'none'}")
    return name
