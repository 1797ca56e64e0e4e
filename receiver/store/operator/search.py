"""Finds shipments by anything that a person may have at hand: any of the parcel's, order's and invoice's numbers."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import and_, false, func, literal_column, or_, select

from receiver.shipments.numbers import normalised, spellings
from receiver.store.database import Database
from receiver.store.tables import links, orders, shipments, updates, waits
from receiver.vtex.facts import MARKETPLACE_ID
from receiver.vtex.nfe import plain_key, plain_number

#: The most shipments, and the most orders, that a search finds; the latest change first.
MOST_FOUND = 200

#: Updates that no worker has folded yet, as their index has them; and how many of them a search reads at most.
_IS_NEW, _MOST_UNREAD = "folded = 0", 100_000
#: A number in a sentence; a hyphen inside of it; thousands as an invoice has them in print.
_NUMBER, _HYPHEN = re.compile(r"[\w./-]*\d[\w./-]*"), re.compile(r"(?<=\d)\s*-\s*(?=\d)")
_THOUSANDS = re.compile(r"\d{1,3}(\.\d{3})+")
#: Kinds of names that are a parcel's own.
_OWN = ("tracking_number", "shipment")
#: Kinds of the index where a row is about one invoice of its order.
_OF_AN_INVOICE = ("invoice_number", "invoice_key", "tracking_number")


def search(database: Database, text: str, accounts: Iterable[str], endpoints: Iterable[str] = ()) -> tuple[str, ...]:
    """The ids of the shipments with this tracking number in any notation, order, purchase, sequence, invoice number,
    NF-e key or id, in these accounts; the carrier's own id may stand without its endpoint, where that is one of
    ``endpoints``. Where the text is the number or the id of a parcel, the other parcels of its order are not meant.
    Each look goes by an index; where none finds anything, `unread` may, or the number that was `_read_out`. Raises
    `receiver.store.StoreUnavailable`."""
    text = text.strip()
    if not text:
        return ()
    found = _search(database, text, accounts, endpoints)
    return found if found or (number := _read_out(text)) is None else _search(database, number, accounts, endpoints)


def _read_out(text: str) -> str | None:
    """The number in a text such as "NF 43.021" or "pedido 1410000000001 - 01"; ``None``: there are several, or the text
    is nothing else."""
    numbers = [one.strip("./-") for one in _NUMBER.findall(_HYPHEN.sub("-", text))]
    number = numbers[0] if len(numbers) == 1 else text
    number = number.replace(".", "") if _THOUSANDS.fullmatch(number) else number
    return None if number == text else number


def _search(database: Database, text: str, accounts: Iterable[str], endpoints: Iterable[str]) -> tuple[str, ...]:
    s = shipments.c
    names = [(account, *name) for account in sorted(accounts) for name in _names(text)]
    own = [name for name in names if name[1] in _OWN]
    found = [
        *_latest(database, s.id.in_(ids_of(text, endpoints))),
        *(_latest(database, s.normalised_number == normalised(text)) if normalised(text) else ()),
        *_waiting(database, own),
    ]
    is_a_parcels = bool(found)
    found += [*_latest(database, s.order_id == text), *_waiting(database, [n for n in names if n[1] == "order_id"])]
    if not is_a_parcels:
        found += [*_waiting(database, names), *_of_orders(database, names)]
    if not found:
        found = _latest(database, s.id.in_(unread(database, text)))
    newest = sorted({row["id"]: row for row in found}.values(), key=lambda row: (row["changed_at"], row["id"]))
    return tuple(row["id"] for row in newest[: -MOST_FOUND - 1 : -1])


def unread(database: Database, text: str, field: str = "") -> tuple[str, ...]:
    """The ids of the shipments of which something new says exactly this text, which no worker has looked at yet, as
    while an account is paused. ``field``: as this one alone. Raises `receiver.store.StoreUnavailable`."""
    new = select(updates.c.shipment, updates.c.said).where(literal_column(_IS_NEW)).limit(_MOST_UNREAD).subquery()
    said = f'"{field}": {json.dumps(text)}' if field else json.dumps(text)
    found = select(new.c.shipment).where(new.c.said.contains(said, autoescape=True)).distinct().limit(MOST_FOUND)
    return tuple(sorted(row["shipment"] for row in database.rows(found)))


def of_order(database: Database, order_id: str) -> tuple[str, ...]:
    """The ids of the order's shipments, and of those without an order that wait for this one. Each look goes by an
    index. Raises `receiver.store.StoreUnavailable`."""
    s, names = shipments.c, [(account, "order_id", order_id) for account in _accounts_awaiting(database)]
    waiting = database.rows(select(waits.c.shipment).where(_bearing(waits, names)))
    without = and_(s.id.in_([row["shipment"] for row in waiting]), func.coalesce(s.order_id, order_id) == order_id)
    found = [row["id"] for one in (s.order_id == order_id, without) for row in database.rows(select(s.id).where(one))]
    return tuple(dict.fromkeys(found))


def _accounts_awaiting(database: Database) -> list[str]:
    """The accounts in which a shipment waits: a step into the index for each, where `DISTINCT` would read all of it."""
    account = waits.c.account
    seen = select(func.min(account).label("account")).select_from(waits).cte("seen", recursive=True)
    following = select(func.min(account)).where(account > seen.c.account).scalar_subquery()
    seen = seen.union_all(select(following).where(seen.c.account.is_not(None)))
    return [row["account"] for row in database.rows(select(seen.c.account).where(seen.c.account.is_not(None)))]


def ids_of(name: str, endpoints: Iterable[str]) -> list[str]:
    """The ids that a shipment may have whose id, or whose carrier's own id, is this name."""
    return [name, *(f"{endpoint}/{name}" for endpoint in endpoints)]


def _names(text: str) -> list[tuple[str, str]]:
    """The names by which the index, links and waiting shipments may know the text."""
    kinds = ("order_id", "order_group", MARKETPLACE_ID, "shipment")
    names = [(kind, text) for kind in kinds]
    names += [("sequence", text.removeprefix("seq")), ("invoice_number", plain_number(text))]
    names += [("tracking_number", way) for way in sorted(spellings(text))]
    if key := plain_key(text):
        names.append(("invoice_key", key))
    return names


def _waiting(database: Database, names: Sequence[tuple[str, str, str]]) -> list[Any]:
    """The shipments that wait under one of the names."""
    ids = select(waits.c.shipment.label("id")).where(_bearing(waits, names)).limit(MOST_FOUND)
    return _latest(database, shipments.c.id.in_([row["id"] for row in database.rows(ids)]))


def _of_orders(database: Database, names: Sequence[tuple[str, str, str]]) -> list[Any]:
    """The shipments of the orders that the index or a link knows by one of the names. Where the name is an invoice's,
    those of its other invoices are left out."""
    places: dict[str, set[str | None]] = {}
    for table in (orders, links):
        c = table.c
        known = select(c.kind, c.order_id, c.invoice_number).where(_bearing(table, names)).limit(MOST_FOUND)
        for row in database.rows(known):
            invoice = row["invoice_number"] if row["kind"] in _OF_AN_INVOICE else None
            places.setdefault(row["order_id"], set()).add(plain_number(invoice) if invoice else None)

    def fits(row: Any) -> bool:
        invoices, own = places[row["order_id"]], row["invoice_number"]
        return None in invoices or own is None or plain_number(own) in invoices

    return [row for row in _latest(database, shipments.c.order_id.in_(sorted(places))) if fits(row)]


def _latest(database: Database, of: Any) -> list[Any]:
    s = shipments.c
    shown = select(s.id, s.changed_at, s.order_id, s.invoice_number).where(of)
    return list(database.rows(shown.order_by(s.changed_at.desc(), s.id.desc()).limit(MOST_FOUND)))


def _bearing(table: Any, names: Sequence[tuple[str, str, str]]) -> Any:
    c = table.c
    return or_(
        false(), *(and_(c.account == account, c.kind == kind, c.value == value) for account, kind, value in names)
    )
