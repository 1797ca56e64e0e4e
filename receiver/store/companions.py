"""One parcel that serves several orders. Each order but the first has a companion: a shipment of its own, assigned to
the order by a person or a link, that gets every update of the parcel. Its writes, holds and history are its own."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, exists, insert, literal, select, update
from sqlalchemy.engine import Connection, RowMapping

from receiver.shipments import State
from receiver.store.rows import reopened
from receiver.store.tables import NEW, REPLACED, shipments, updates


@dataclass(frozen=True, slots=True)
class Place:
    """An order, and its invoice where one is named."""

    order_id: str
    invoice_number: str | None = None


def places_to_json(places: Sequence[Place]) -> str | None:
    """As a column holds them; ``None`` for none."""
    return json.dumps([[place.order_id, place.invoice_number] for place in places]) if places else None


def places_from_json(written: str | None) -> tuple[Place, ...]:
    return tuple(Place(order_id, invoice) for order_id, invoice in json.loads(written or "[]"))


def companion_id(shipment_id: str, order_id: str) -> str:
    """The id of the parcel's companion at the order."""
    return f"{shipment_id}+{order_id}"


def add_companions(
    connection: Connection,
    parcel: RowMapping | Mapping[str, Any],
    places: Sequence[Place],
    *,
    now: float,
    by_person: bool = False,
) -> list[str]:
    """Give the parcel (``id``, ``endpoint``, ``account``, ``companion_of``) a companion at each place where it has
    none, with every update so far; a companion that is there gets the place's invoice. A companion has none itself.
    Where a person has named the place, a link changes nothing.

    Returns the ids of those that are new or changed.
    """
    changed: list[str] = []
    for place in places if parcel["companion_of"] is None else ():
        name = companion_id(parcel["id"], place.order_id)
        columns = [shipments.c[part] for part in ("assigned_order", "assigned_invoice", "assigned_at")]
        known = connection.execute(select(*columns).where(shipments.c.id == name)).first()
        is_a_persons = known is not None and known.assigned_order is not None and known.assigned_at is not None
        is_alike = known is not None and tuple(known)[:2] == (place.order_id, place.invoice_number)
        if (is_a_persons and not by_person) or (is_alike and is_a_persons == by_person):
            continue
        if known is None:
            connection.execute(insert(shipments), _row(parcel, name, now))
            _copy(connection, updates.c.shipment == parcel["id"])
        at = now if by_person else None  # what a link says is no person's word
        assigned = {"assigned_order": place.order_id, "assigned_invoice": place.invoice_number, "assigned_at": at}
        assigned["assigned_seen"] = None
        connection.execute(update(shipments).where(shipments.c.id == name).values(**assigned, **reopened(now)))
        changed.append(name)
    return changed


def pass_on(connection: Connection, parcel: str, update_ids: Collection[int], *, now: float) -> None:
    """Copy updates of the parcel to its companions and wake them."""
    _copy(connection, updates.c.id.in_(sorted(update_ids)))
    soonest = case((shipments.c.due_at < now, shipments.c.due_at), else_=now)
    woken = {"due_at": soonest, "update_count": shipments.c.update_count + 1}
    connection.execute(update(shipments).where(shipments.c.companion_of == parcel).values(woken))


def _row(parcel: RowMapping | Mapping[str, Any], name: str, now: float) -> dict[str, Any]:
    return {
        "id": name,
        "endpoint": parcel["endpoint"],
        "account": parcel["account"],
        "companion_of": parcel["id"],
        "state": State.DUE.value,
        "due_at": now,
        "check_at": 0.0,
        "first_at": now,
        "changed_at": now,
    }


def _copy(connection: Connection, of: ColumnElement[bool]) -> None:
    """Copy the chosen updates to the companions that do not have them."""
    u, copy, companion = updates, updates.alias("copy"), shipments.alias("companion")
    has_it = exists().where(copy.c.shipment == companion.c.id, copy.c.delivery == u.c.delivery, copy.c.said == u.c.said)
    chosen = (
        select(u.c.delivery, companion.c.id, u.c.received_at, u.c.digest, u.c.said, literal(NEW))
        .join(companion, companion.c.companion_of == u.c.shipment)
        .where(of, u.c.folded != REPLACED, ~has_it)
        .order_by(u.c.id)
    )
    names = ["delivery", "shipment", "received_at", "digest", "said", "folded"]
    connection.execute(insert(updates).from_select(names, chosen))
