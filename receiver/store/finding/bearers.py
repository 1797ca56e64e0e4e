"""Which shipments a name is about: those that wait for it, and those that bear it."""

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, or_, select, union, update
from sqlalchemy.engine import Connection, RowMapping

from adapters import ReferenceKind
from receiver.shipments import RECYCLED_AFTER, Reason, ShipmentRecord, State, known_from_json
from receiver.shipments.numbers import normalised
from receiver.store.database import Database
from receiver.store.finding import index_statements as statements
from receiver.store.finding.companions import Place
from receiver.store.rows import REVOKED_LEASE, UNREADABLE, record_from, sent_from
from receiver.store.tables import shipments, waits

#: A name of a shipment or an order: its kind and its value.
Name = tuple[str, str]

#: Values that one statement asks for.
_AT_ONCE = 500
_NUMBERS: Any = bindparam("numbers", expanding=True)
#: The shipments with one of these numbers, in any notation. A row has one of them, `waits` the others.
_BEARING = union(
    select(shipments.c.id).where(shipments.c.normalised_number.in_(_NUMBERS)),
    select(waits.c.shipment).where(
        waits.c.account == bindparam("account"), waits.c.kind == "tracking_number", waits.c.value.in_(_NUMBERS)
    ),
)
#: Not by account and state: SQLite would choose their index, and read all parcels that are at rest.
_OTHERS = (shipments.c.id.in_(_BEARING), shipments.c.id != bindparam("own"), shipments.c.companion_of.is_(None))
_PLACED = select(
    *(shipments.c[name] for name in ("account", "state", "sent", "assigned_order", "assigned_invoice", "assigned_at"))
).where(*_OTHERS)
_BEARS = select(shipments).where(*_OTHERS)
_DECIDE_AGAIN = (
    update(shipments)
    .where(shipments.c.id.in_(bindparam("ids", expanding=True)))
    .values(**REVOKED_LEASE, due_at=bindparam("now"), check_at=0.0, input_digest="")
)


def _locking(of: ColumnElement[bool]) -> Select[Any]:
    its = ("id", "endpoint", "account", "companion_of", "state", "assigned_order", "sent", "known")
    return select(*(shipments.c[name] for name in its)).where(of).order_by(shipments.c.id).with_for_update()


# Built once: a thousand links are one transaction, and to build these for each takes most of its time.
_WAITS: Any = shipments.c.id.in_(bindparam("ids", expanding=True))
# A shipment that waits for this account may be in another account meanwhile.
_HERE = shipments.c.account == bindparam("account")
_AWAITED = _locking(_WAITS)
_BORNE = {
    kind: _locking(or_(_WAITS, and_(_HERE, shipments.c[column] == bindparam("value"))))
    for kind, column in (("tracking_number", "normalised_number"), ("shipment", "id"))
}
#: The shipment of this id.
ONE = _locking(shipments.c.id == bindparam("of"))


def awaiting(connection: Connection, account: str, names: Collection[Name]) -> set[str]:
    """The shipments that wait for one of these names."""
    if not names:
        return set()
    of_names = statements.of_names(account, names)
    return set(connection.execute(statements.waiting_for(len(names)), of_names).scalars())


def borne(connection: Connection, account: str, names: Collection[Name]) -> set[Name]:
    """Those of the names that a shipment bears or waits for: most links come before their parcel, and each look for
    bearers costs its time."""
    found: set[Name] = set()
    for kind, of_kind in groupby(sorted(names), itemgetter(0)):
        values = [value for _, value in of_kind]
        for some in (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE)):
            awaited = select(waits.c.value).where(waits.c.account == account, waits.c.kind == kind)
            known = set(connection.execute(awaited.where(waits.c.value.in_(some)).distinct()).scalars())
            if kind == "tracking_number":
                bare = shipments.c.normalised_number
                its = select(bare).where(bare.in_(sorted({normalised(value) for value in some}))).distinct()
                numbers = set(connection.execute(its).scalars())
                known |= {value for value in some if normalised(value) in numbers}
            if kind == "shipment":
                known |= set(connection.execute(select(shipments.c.id).where(shipments.c.id.in_(some))).scalars())
            found |= {(kind, value) for value in known}
    return found


def bearers(connection: Connection, account: str, kind: str, value: str, now: float) -> list[RowMapping]:
    """The shipments that a link of this name is about, in any state and any notation of their number. A companion bears
    the numbers of its parcel."""
    found = awaiting(connection, account, [(kind, value)])
    of = {"ids": sorted(found), "account": account, "value": value}
    if kind == "tracking_number":
        of["value"] = normalised(value)
    return locked(connection, _BORNE.get(kind, _AWAITED), of, now)


def placed(database: Database, account: str, own: str, numbers: Collection[str]) -> list[dict[str, Any]]:
    """Where our other shipments with one of these numbers are, in any notation: rows of ``order_id``,
    ``invoice_number`` and ``tracking_number`` (what VTEX got of that shipment; ``None`` where that is not known),
    ``dated_at``, and ``is_led``: the shipment was written there, or a person says so. A gateway knows the numbers of
    all volumes, and VTEX shows one."""
    rows = _others(database, _PLACED, account, own, numbers)
    return [place for row in rows if row["state"] != State.DISMISSED for place in _place_of(row)]


def _place_of(row: RowMapping) -> Iterator[dict[str, Any]]:
    sent, assigned = sent_from(row["sent"]), row["assigned_order"]
    if sent is not None and not sent.visibility.is_elsewhere:
        place = {"order_id": sent.order_id, "invoice_number": sent.invoice_number}
        is_led = sent.written or assigned == sent.order_id
        yield {**place, "tracking_number": sent.tracking_number, "dated_at": sent.at, "is_led": is_led}
    elif sent is None and assigned is not None:  # on its way there
        place = {"order_id": assigned, "invoice_number": row["assigned_invoice"]}
        yield {**place, "tracking_number": None, "dated_at": row["assigned_at"], "is_led": True}


def decide_again(
    connection: Connection, account: str, own: str, numbers: Collection[str], place: Place, *, now: float
) -> None:
    """The shipment ``own`` goes to this place: those with one of its numbers that went elsewhere, or gave way to
    another parcel, are decided again. They may rest on a place where it was by mistake, or on one that it has taken.
    Not those of which nothing has been heard for so long that another parcel has the number now, nor those that are at
    the order that their own carrier names: one parcel may serve several orders."""
    of = {"account": account, "own": own, "numbers": sorted({normalised(number) for number in numbers} - {""})}
    rows = connection.execute(_BEARS, of).mappings() if of["numbers"] else ()
    since = datetime.fromtimestamp(now, UTC) - RECYCLED_AFTER
    mine = [row for row in rows if row["account"] == account]
    ids = [row["id"] for row in mine if _rests(row, place) and _may_follow(row, place, since)]
    if ids:
        connection.execute(_DECIDE_AGAIN, {"ids": ids, "now": now})


def _may_follow(row: RowMapping, place: Place, since: datetime) -> bool:
    try:
        known = known_from_json(json.loads(row["known"]))
    except UNREADABLE:
        return False
    gave_way = row["reason"] == Reason.OTHER_PARCEL
    if not gave_way and row["order_id"] != place.order_id and row["order_id"] in known.values(ReferenceKind.ORDER_ID):
        return False
    return known.last_heard is None or known.last_heard >= since


def _rests(row: RowMapping, besides: Place) -> bool:
    """Whether the shipment rests at another order or invoice, or as one that gave way."""
    is_there = row["order_id"] == besides.order_id and besides.invoice_number in (None, row["invoice_number"])
    is_elsewhere = row["sent"] is not None and not is_there
    return row["state"] != State.DISMISSED and bool(is_elsewhere or row["reason"] == Reason.OTHER_PARCEL)


def bearing(database: Database, account: str, own: str, numbers: Collection[str]) -> dict[str, ShipmentRecord]:
    """Our other shipments with one of these numbers, in any notation, by id; companions repeat their parcels, and are
    left out. Raises one of `receiver.store.rows.UNREADABLE`."""
    return {row["id"]: record_from(dict(row)) for row in _others(database, _BEARS, account, own, numbers)}


def _others(
    database: Database, statement: Select[Any], account: str, own: str, numbers: Collection[str]
) -> list[RowMapping]:
    """Those of our other shipments in the account."""
    of = {"account": account, "own": own, "numbers": sorted({normalised(number) for number in numbers} - {""})}
    rows = database.rows(statement, of) if of["numbers"] else []
    return [row for row in rows if row["account"] == account]


def locked(connection: Connection, statement: Select[Any], of: Mapping[str, Any], now: float) -> list[RowMapping]:
    """Shipments, locked, without those that ended so long ago that a word of now is not about them."""
    at = datetime.fromtimestamp(now, UTC)
    return [row for row in connection.execute(statement, of).mappings() if not _is_past(row["known"], at)]


def _is_past(known: str, at: datetime) -> bool:
    try:
        return known_from_json(json.loads(known)).is_past(at)
    except (ValueError, KeyError, TypeError, AttributeError):  # another version wrote it, and can decide
        return False
