"""What one order, one number or one text left behind: found, and blanked."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Table, bindparam, delete, or_, select, update
from sqlalchemy.engine import Connection

from receiver.shipments import State
from receiver.shipments.numbers import normalised
from receiver.store.database import Database
from receiver.store.index import REVOKED_LEASE
from receiver.store.tables import (
    REPLACED,
    attempts,
    deliveries,
    fetches,
    invoices,
    links,
    order_news,
    orders,
    rejects,
    shipments,
    updates,
    waits,
)

#: Rows changed in one transaction.
_BITE = 500
#: What stands where something was blanked; and an update that says nothing, in the form that readers expect.
_NOTE, _NOTHING = "forgotten: a person asked for it", '{"key": "forgotten", "status": "other"}'
#: Where a person's data may stand, with the columns that name the row.
_SEARCHED: tuple[tuple[Table, str, tuple[str, ...]], ...] = (
    (deliveries, "id", ("body", "headers", "target", "reason", "dedup")),
    (updates, "shipment", ("said",)),
    (shipments, "id", ("id", "known", "sent", "note", "order_id", "assigned_order", "tracking_number")),
    (attempts, "id", ("request", "answer", "evidence", "order_id")),
    (fetches, "id", ("url", "reason")),
    (rejects, "id", ("headers", "target", "reason")),
)


@dataclass(frozen=True, slots=True)
class Traces:
    """The ids of the rows, by table."""

    deliveries: tuple[str, ...] = ()
    shipments: tuple[str, ...] = ()
    attempts: tuple[str, ...] = ()
    fetches: tuple[str, ...] = ()
    rejects: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        return {name: len(getattr(self, name)) for name in self.__slots__}


class Forgetting:
    """All of it raises `receiver.store.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_order(self, order_id: str) -> Traces:
        """What an order left: its shipments, what was said of them, and every row that holds its id."""
        s = shipments
        waiting = select(waits.c.shipment).where(waits.c.kind == "order_id", waits.c.value == order_id)
        is_its = or_(s.c.order_id == order_id, s.c.assigned_order == order_id, s.c.id.in_(waiting))
        return self._traces(order_id, {row["id"] for row in self._database.rows(select(s.c.id).where(is_its))})

    def of_number(self, number: str) -> Traces:
        """What a tracking number left, in whichever notation it is asked for."""
        bears = or_(shipments.c.id == number, shipments.c.normalised_number == normalised(number))
        return self._traces(number, {row["id"] for row in self._database.rows(select(shipments.c.id).where(bears))})

    def of_text(self, text: str) -> Traces:
        """Every row that holds a text, such as a name, a document's number or an address, in any case of letters."""
        return self._traces(text, set(), whole=False)

    def forget(self, traces: Traces, *, now: float) -> None:
        """Blank it, and close the shipments: nothing is sent for them any more. The rows stay, so that a repeat is
        known; ids and digests stay with them."""
        self._bites(traces.deliveries, _blank_deliveries)
        self._bites(traces.shipments, partial(_blank_shipments, now=now))
        self._bites(traces.attempts, partial(_blank_attempts, attempts.c.id))
        self._bites(traces.fetches, partial(_delete, fetches))
        self._bites(traces.rejects, partial(_delete, rejects))

    def _traces(self, text: str, of: set[str], *, whole: bool = True) -> Traces:
        found: dict[str, set[str]] = {table.name: set() for table, _, _ in _SEARCHED}
        for table, name, columns in _SEARCHED:
            found[table.name].update(self._holding(table, name, columns, text, whole=whole))
        of |= found["shipments"] | found["updates"]
        spoke = select(updates.c.delivery).where(updates.c.shipment.in_(bindparam("ids", expanding=True)))
        speaking = {row["delivery"] for row in self._database.rows(spoke, {"ids": sorted(of)})} if of else set()
        told = {row["shipment"] for row in self._spoken_in(found["deliveries"])}
        return Traces(
            deliveries=tuple(sorted(found["deliveries"] | speaking)),
            shipments=tuple(sorted(of | told)),
            attempts=tuple(sorted(found["attempts"])),
            fetches=tuple(sorted(found["fetches"])),
            rejects=tuple(sorted(found["rejects"])),
        )

    def _spoken_in(self, ids: set[str]) -> Iterator[Any]:
        """The shipments of deliveries that tell of one parcel alone: a batch's other parcels are another person's."""
        statement = select(updates.c.delivery, updates.c.shipment).where(updates.c.delivery.in_(sorted(ids)))
        by_delivery: dict[str, list[Any]] = {}
        for row in self._database.rows(statement) if ids else ():
            by_delivery.setdefault(row["delivery"], []).append(row)
        return (rows[0] for rows in by_delivery.values() if len({row["shipment"] for row in rows}) == 1)

    def _holding(self, table: Table, name: str, columns: tuple[str, ...], text: str, *, whole: bool) -> Iterator[str]:
        """Rows that hold the text as it is or as JSON writes it. ``whole``: not as a part of a longer word.

        Bodies are bytes, so that this is no SQL.
        """
        in_json = {json.dumps(form)[1:-1].casefold() for form in (text, text.lower(), text.upper())}
        edges = (r"(?<!\w)", r"(?!\w)") if whole else ("", "")
        forms = sorted({text.casefold(), *in_json})
        written = re.compile("|".join(f"{edges[0]}{re.escape(form)}{edges[1]}" for form in forms))
        for row in self._database.each(select(table.c[name].label("_name"), *(table.c[one] for one in columns))):
            said = "\n".join(_as_text(row[one]) for one in columns).casefold()
            if written.search(said):
                yield str(row["_name"])

    def _bites(self, ids: Sequence[str], work: Callable[[Connection, list[str]], object]) -> None:
        """Some at a time: what is received meanwhile waits for the write lock as long as one bite."""
        for start in range(0, len(ids), _BITE):
            self._database.write(partial(_swapped, work, list(ids[start : start + _BITE])))


def _swapped(work: Callable[[Connection, list[str]], object], ids: list[str], connection: Connection) -> None:
    work(connection, ids)


def _delete(table: Table, connection: Connection, ids: list[str]) -> None:
    connection.execute(delete(table).where(table.c.id.in_(ids)))


def _as_text(value: Any) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value or "")


def _blank_deliveries(connection: Connection, ids: list[str]) -> None:
    d = deliveries
    found = connection.execute(select(d.c.id, d.c.target).where(d.c.id.in_(ids))).all()
    one = update(d).where(d.c.id == bindparam("of"))
    blank = one.values(body=None, headers="{}", target=bindparam("to"), reason=_NOTE)
    connection.execute(blank, [{"of": name, "to": target.partition("?")[0]} for name, target in found])


def _blank_shipments(connection: Connection, ids: list[str], *, now: float) -> None:
    s = shipments
    orders_of = set(connection.execute(select(s.c.account, s.c.order_id).where(s.c.id.in_(ids))).all())
    empty = dict.fromkeys(("sent", "tracking_number", "normalised_number", "order_id", "invoice_number", "evidence"))
    empty |= dict.fromkeys(("assigned_order", "assigned_invoice", "assigned_over", "reason", "due_at", "check_at"))
    closed = {"state": State.DISMISSED.value, "note": _NOTE, "known": "{}", "changed_at": now, **REVOKED_LEASE}
    connection.execute(update(s).where(s.c.id.in_(ids)).values({**empty, **closed}))
    said = update(updates).where(updates.c.shipment.in_(ids)).values(said=_NOTHING, folded=REPLACED)
    connection.execute(said)
    for column in (waits.c.shipment, invoices.c.shipment):
        connection.execute(delete(column.table).where(column.in_(ids)))
    _blank_attempts(attempts.c.shipment, connection, ids)
    for account, order_id in orders_of:
        for table in (orders, links, order_news):
            connection.execute(delete(table).where(table.c.account == account, table.c.order_id == order_id))


def _blank_attempts(column: Any, connection: Connection, ids: list[str]) -> None:
    connection.execute(update(attempts).where(column.in_(ids)).values(request=None, answer=None, evidence=None))
