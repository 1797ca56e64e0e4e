"""What one order, one number or one text left behind: found in every table, and blanked or deleted."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.engine import Connection

from receiver.shipments.numbers import normalised
from receiver.store.database import Database
from receiver.store.keeping.kept import KEPT
from receiver.store.tables import deliveries, fetches, shipments, updates, waits

#: Rows changed in one transaction: what is received meanwhile waits for the write lock as long as one of them.
_ROWS_A_TRANSACTION = 500
#: Letters and digits that every spelling of a text has in common: JSON escapes the others.
_PLAIN_RUN = re.compile(r"[A-Za-z0-9 .-]+")
#: A shorter run of them would narrow nothing.
_LEAST_RUN = 3

#: The primary key of a row.
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Traces:
    """The keys of the rows, by table; tables without any are left out."""

    found: Mapping[Table, tuple[Key, ...]]

    @property
    def deliveries(self) -> tuple[str, ...]:
        return tuple(str(key[0]) for key in self.found.get(deliveries, ()))

    @property
    def shipments(self) -> tuple[str, ...]:
        return tuple(str(key[0]) for key in self.found.get(shipments, ()))

    def by_table(self) -> dict[str, list[Any]]:
        """Every table's name with the keys of its rows; a key of several parts is a list."""
        return {
            table.name: [key[0] if len(key) == 1 else list(key) for key in self.found.get(table, ())]
            for table, kept in KEPT.items()
            if kept.searched
        }


class Forgetting:
    """All of it raises `receiver.store.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_order(self, order_id: str) -> Traces:
        """What an order left: its shipments, what was said of them, and every row that holds its id."""
        s = shipments
        waiting = select(waits.c.shipment).where(waits.c.kind == "order_id", waits.c.value == order_id)
        is_its = or_(s.c.order_id == order_id, s.c.assigned_order == order_id, s.c.id.in_(waiting))
        return self._traces(order_id, self._ids(is_its))

    def of_number(self, number: str) -> Traces:
        """What a tracking number left, in whichever notation it is asked for."""
        bears = or_(shipments.c.id == number, shipments.c.normalised_number == normalised(number))
        return self._traces(number, self._ids(bears))

    def of_text(self, text: str) -> Traces:
        """Every row that holds a text, such as a name, a document's number or an address, in any case of letters."""
        return self._traces(text, set(), whole=False)

    def forget(self, traces: Traces, *, now: float, record: Callable[[Connection], None]) -> None:
        """Record it, then blank or delete it, as `receiver.store.keeping.kept` says, and close the shipments: nothing
        is sent for them any more. Rows that stay are known as repeats by their ids and digests."""
        if traces.found:
            self._database.write(record)
        for table, keys in traces.found.items():
            if table is deliveries:
                self._each(keys, _keep_paths)
            if KEPT[table].blank is None:
                self._each(keys, partial(_delete, table))
            else:
                more = {"changed_at": now} if table is shipments else {}
                self._each(keys, partial(_blank, table, more))
        self._database.empty_journal()

    def _traces(self, text: str, parcels: set[str], *, whole: bool = True) -> Traces:
        """The rows that hold the text, and those that belong to the parcels that it leads to."""
        found = {table: set(self._holding(table, text, whole=whole)) for table, kept in KEPT.items() if kept.searched}
        of_updates = select(updates.c.shipment).where(_is_one_of(updates, found[updates]))
        parcels |= {key[0] for key in found[shipments]}
        parcels |= {row["shipment"] for row in self._database.rows(of_updates)} if found[updates] else set()
        parcels |= set(self._alone_in({key[0] for key in found[deliveries]}))
        parcels = self._families(parcels)
        found[shipments] |= {(one,) for one in parcels}
        for table, kept in KEPT.items():
            if kept.parcel is not None:
                found[table] |= self._keys(table, table.c[kept.parcel].in_(_ALL), parcels)
        spoke = select(updates.c.delivery).where(updates.c.shipment.in_(_ALL))
        speaking = {row["delivery"] for row in self._rows_of(spoke, parcels)}
        found[deliveries] |= self._keys(deliveries, deliveries.c.id.in_(_ALL), speaking)
        found[fetches] |= self._keys(fetches, fetches.c.delivery.in_(_ALL), {key[0] for key in found[deliveries]})
        self._add_orders(found, parcels)
        return Traces({table: tuple(sorted(keys)) for table, keys in found.items() if keys})

    def _add_orders(self, found: dict[Table, set[Key]], parcels: set[str]) -> None:
        """What is known of the orders of these parcels."""
        of = select(shipments.c.account, shipments.c.order_id).where(
            shipments.c.id.in_(_ALL), shipments.c.order_id.is_not(None)
        )
        places = {(row["account"], row["order_id"]) for row in self._rows_of(of, parcels)}
        for table, kept in KEPT.items():
            if kept.order is not None and places:
                of_order = tuple_(table.c.account, table.c[kept.order]).in_(_ALL)
                found[table] |= self._keys(table, of_order, places)

    def _families(self, parcels: set[str]) -> set[str]:
        """With each parcel its companions, and with a companion its parcel: they tell of one person."""
        s = shipments
        of = select(s.c.companion_of).where(s.c.id.in_(_ALL), s.c.companion_of.is_not(None))
        heads = parcels | {row["companion_of"] for row in self._rows_of(of, parcels)}
        return heads | self._ids(s.c.companion_of.in_(_ALL), heads)

    def _alone_in(self, ids: set[str]) -> Iterator[str]:
        """The shipments of deliveries that tell of one parcel alone: a batch's other parcels are another person's."""
        u, s = updates, shipments
        parcel = func.coalesce(s.c.companion_of, u.c.shipment).label("parcel")
        of = select(u.c.delivery, parcel).outerjoin(s, s.c.id == u.c.shipment).where(u.c.delivery.in_(_ALL))
        by_delivery: dict[str, set[str]] = {}
        for row in self._rows_of(of, ids):
            by_delivery.setdefault(row["delivery"], set()).add(row["parcel"])
        return (next(iter(names)) for names in by_delivery.values() if len(names) == 1)

    def _holding(self, table: Table, text: str, *, whole: bool) -> Iterator[Key]:
        """Rows that hold the text as it is or as any JSON writes it. ``whole``: not as a part of a longer word.

        SQL finds the few rows that may; case and spelling beyond ASCII are not the same in the two databases.
        """
        columns = [table.c[name] for name in KEPT[table].searched]
        edges = (r"(?<!\w)", r"(?!\w)") if whole else ("", "")
        written = re.compile("".join(map(_spelt, text)).join(edges))
        chosen = select(*(one.label(f"key_{one.name}") for one in table.primary_key), *columns)
        run = max(_PLAIN_RUN.findall(text), key=len, default="")
        if len(run) >= _LEAST_RUN:
            chosen = chosen.where(or_(*(self._may_hold(column, run) for column in columns)))
        for row in self._database.each(chosen):
            if any(written.search(_as_text(row[column.name]).casefold()) for column in columns):
                yield tuple(row[f"key_{one.name}"] for one in table.primary_key)

    def _may_hold(self, column: ColumnElement[Any], run: str) -> ColumnElement[bool]:
        if not isinstance(column.type, LargeBinary):
            return column.icontains(run, autoescape=True)
        if self._database.is_sqlite:  # as text it would end at a zero byte
            return or_(cast(column, Text).icontains(run, autoescape=True), func.instr(column, b"\0") > 0)
        return func.encode(column, literal("escape")).icontains(run, autoescape=True)

    def _ids(self, which: ColumnElement[bool], of: Iterable[Any] | None = None) -> set[str]:
        statement = select(shipments.c.id).where(which)
        rows = self._database.rows(statement) if of is None else self._rows_of(statement, of)
        return {row["id"] for row in rows}

    def _keys(self, table: Table, which: ColumnElement[bool], of: Iterable[Any]) -> set[Key]:
        return {tuple(row.values()) for row in self._rows_of(select(*table.primary_key).where(which), of)}

    def _rows_of(self, statement: Any, of: Iterable[Any]) -> Iterator[Any]:
        """Rows of a statement that takes ``ids``, some at a time."""
        ids = sorted(of)
        for start in range(0, len(ids), _ROWS_A_TRANSACTION):
            yield from self._database.rows(statement, {"ids": ids[start : start + _ROWS_A_TRANSACTION]})

    def _each(self, keys: Sequence[Key], change: Callable[[Connection, Sequence[Key]], None]) -> None:
        for start in range(0, len(keys), _ROWS_A_TRANSACTION):
            some = keys[start : start + _ROWS_A_TRANSACTION]
            self._database.write(partial(_swapped, change, some))


_ALL: Any = bindparam("ids", expanding=True)


@cache
def _spelt(letter: str) -> str:
    """A pattern of the letter as any program may write it, in lower case: every letter may be escaped in JSON, and each
    program escapes others. PHP writes ``\\/``, .NET ``\\u0027`` for an apostrophe."""
    forms = {"\\/"} if letter == "/" else set[str]()
    for one in (letter, letter.lower(), letter.upper()):
        units = one.encode("utf-16-be", "surrogatepass").hex()
        escaped = "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
        forms |= {one, json.dumps(one)[1:-1], escaped}
    return f"(?:{'|'.join(sorted(re.escape(form.casefold()) for form in forms))})"


def _swapped(change: Callable[[Connection, Sequence[Key]], None], keys: Sequence[Key], connection: Connection) -> None:
    change(connection, keys)


def _is_one_of(table: Table, keys: Iterable[Key]) -> ColumnElement[bool]:
    return tuple_(*table.primary_key).in_(sorted(keys))


def _delete(table: Table, connection: Connection, keys: Sequence[Key]) -> None:
    connection.execute(delete(table).where(_is_one_of(table, keys)))


def _blank(table: Table, more: Mapping[str, Any], connection: Connection, keys: Sequence[Key]) -> None:
    values = {**(KEPT[table].blank or {}), **more}
    connection.execute(update(table).where(_is_one_of(table, keys)).values(values))


def _keep_paths(connection: Connection, keys: Sequence[Key]) -> None:
    """Of a URL the query goes: the path names the endpoint."""
    d = deliveries
    found = connection.execute(select(d.c.id, d.c.target).where(_is_one_of(d, keys))).all()
    short = update(d).where(d.c.id == bindparam("of")).values(target=bindparam("to"))
    connection.execute(short, [{"of": name, "to": target.partition("?")[0]} for name, target in found])


def _as_text(value: Any) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value or "")
