"""One parcel that serves several orders. Each order but the first has a companion: a shipment of its own, assigned to
the order by a person or a link, that gets every update of the parcel. Its writes, holds and history are its own."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, insert, literal, or_, select, update
from sqlalchemy.engine import Connection, Row, RowMapping

from receiver.shipments import ShipmentRecord, State
from receiver.store.rows import REVOKED_LEASE, assigned_columns, dismissed, reopened
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


def also_of(link: Mapping[str, Any] | RowMapping) -> list[str]:
    """The other orders of a link, a row of its table."""
    return [place.order_id for place in places_from_json(link["also"])]


def companion_id(shipment_id: str, order_id: str) -> str:
    """The id of the parcel's companion at the order."""
    return f"{shipment_id}+{order_id}"


@dataclass(frozen=True, slots=True)
class Others:
    """Ids of the companions that serve a parcel's other orders after a person's decision, and of those that it
    ended."""

    serving: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()

    def orders(self, parcel: str) -> dict[str, list[str]]:
        """The orders of both, as the record of decisions tells them."""
        sides = {"also": self.serving, "ended": self.ended}
        bare = companion_id(parcel, "")
        return {name: [one.removeprefix(bare) for one in ids] for name, ids in sides.items() if ids}


#: What a companion that ends keeps nothing of. What was written stays at VTEX, and `receiver reconcile` lists it.
_NOWHERE = {"sent": None, "order_id": None, "invoice_number": None}
_C = shipments.c
_SERVES = and_(_C.companion_of.is_not(None), _C.assigned_order.is_not(None), _C.state != State.DISMISSED)
_BY_LINK = _C.assigned_at.is_(None)


def serve_assigned(
    connection: Connection, parcel: Mapping[str, Any], order_id: str, places: Sequence[Place], *, now: float
) -> Others:
    """A person names the parcel's order, and ``places`` beside it. Named others replace the former ones, which are
    dismissed; without any, the former ones stay. The parcel's own order needs no companion."""
    orders = sorted(place.order_id for place in places)
    not_named = _C.assigned_order.not_in(orders) if orders else _C.assigned_order == order_id
    ended = _end(connection, _C.companion_of == parcel["id"], not_named, values=dismissed(now))
    add_companions(connection, parcel, places, now=now, by_person=True)
    return Others(_serving(connection, parcel), ended)


def unassign_others(connection: Connection, parcel: Mapping[str, Any], *, now: float) -> Others:
    """A person takes back what a person said of the parcel: the companions that a person gave it end."""
    its = (_C.companion_of == parcel["id"], _C.assigned_at.is_not(None))
    ended = _end(connection, *its, values=_without_order(now))
    return Others(_serving(connection, parcel), ended)


def serve_linked(connection: Connection, parcel: ShipmentRecord, places: Sequence[Place], *, now: float) -> None:
    """The links that lead the parcel name just these other orders: it gets a companion at each, and those that former
    links gave it end."""
    elsewhere = _C.assigned_order.not_in(sorted(place.order_id for place in places))
    _end(connection, _C.companion_of == parcel.id, _BY_LINK, elsewhere, values=_without_order(now))
    its = {name: getattr(parcel, name) for name in ("id", "endpoint", "account", "companion_of")}
    add_companions(connection, its, places, now=now)


def end_linked(
    connection: Connection,
    found: Collection[RowMapping],
    places: Sequence[Place],
    *,
    but: Sequence[Place] = (),
    now: float,
) -> None:
    """A link names these places no more, ``but`` the latter: of the shipments that bear its name (``id``), and of
    those parcels, the companions there end."""
    gone = {place.order_id for place in places} - {place.order_id for place in but}
    if gone and found:
        ids = [row["id"] for row in found]
        its = or_(_C.id.in_(ids), _C.companion_of.in_(ids))
        _end(connection, its, _BY_LINK, _C.assigned_order.in_(sorted(gone)), values=_without_order(now))


def _serving(connection: Connection, parcel: Mapping[str, Any]) -> tuple[str, ...]:
    its = select(_C.id).where(_SERVES, _C.companion_of == parcel["id"]).order_by(_C.id)
    return tuple(connection.execute(its).scalars())


def _end(connection: Connection, *chosen: ColumnElement[bool], values: Mapping[str, Any]) -> tuple[str, ...]:
    ending = update(shipments).where(_SERVES, *chosen).values({**_NOWHERE, **values, **REVOKED_LEASE})
    return tuple(sorted(connection.execute(ending.returning(_C.id)).scalars()))


def _without_order(now: float) -> dict[str, Any]:
    """The columns of a companion that loses its order, and may get it again."""
    return {**reopened(now), **assigned_columns(None)}


def add_companions(
    connection: Connection, parcel: Mapping[str, Any], places: Sequence[Place], *, now: float, by_person: bool = False
) -> None:
    """Give the parcel (``id``, ``endpoint``, ``account``, ``companion_of``) a companion at each place where it has
    none, with every update so far; a companion that is there gets the place's invoice. A companion has none itself.
    Where a person has named the place, or has dismissed the companion, a link changes nothing.
    """
    for place in places if parcel["companion_of"] is None else ():
        name = companion_id(parcel["id"], place.order_id)
        columns = [_C[part] for part in ("assigned_order", "assigned_invoice", "assigned_at", "state")]
        known = connection.execute(select(*columns).where(_C.id == name)).first()
        if known is None:
            connection.execute(insert(shipments), _row(parcel, name, now))
            _copy(connection, updates.c.shipment == parcel["id"])
        elif not _is_news(known, place, by_person=by_person):
            continue
        at = now if by_person else None  # what a link says is no person's word
        assigned = {"assigned_order": place.order_id, "assigned_invoice": place.invoice_number, "assigned_at": at}
        changes = {**assigned_columns(None), **assigned, **reopened(now), **REVOKED_LEASE}
        connection.execute(update(shipments).where(_C.id == name).values(changes))


def _is_news(known: Row[Any], place: Place, *, by_person: bool) -> bool:
    """Whether a companion that is there is to be changed by the word of a person or a link. One that rests without an
    order has lost it; with its order, a person has dismissed it."""
    if known.assigned_order is None:
        return True
    is_dismissed, is_a_persons = known.state == State.DISMISSED, known.assigned_at is not None
    is_alike = (known.assigned_order, known.assigned_invoice) == (place.order_id, place.invoice_number)
    if by_person:
        return is_dismissed or not is_alike or not is_a_persons
    return not (is_dismissed or is_alike or is_a_persons)


def pass_on(connection: Connection, parcel: str, update_ids: Collection[int], *, now: float) -> None:
    """Copy updates of the parcel to its companions and wake them."""
    _copy(connection, updates.c.id.in_(sorted(update_ids)))
    soonest = case((_C.due_at < now, _C.due_at), else_=now)
    woken = {"due_at": soonest, "update_count": _C.update_count + 1}
    connection.execute(update(shipments).where(_C.companion_of == parcel).values(woken))


def _row(parcel: Mapping[str, Any], name: str, now: float) -> dict[str, Any]:
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
