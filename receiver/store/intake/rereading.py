"""Reads a stored delivery again: today's updates replace those of the earlier reading."""

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import func, select, update
from sqlalchemy.engine import Connection

from receiver.shipments import Known, known_from_json, known_to_json, restart
from receiver.store.rows import REVOKED_LEASE, UNREADABLE, due_by, update_from
from receiver.store.tables import FOLDED, NEW, REPLACED, shipments, updates

#: ``(shipment id, its update as JSON text)``, as in `receiver.store.Delivery.updates`.
Said = tuple[str, str]


def replace_updates(
    connection: Connection, delivery: str, now_said: Iterable[Said], *, priority: int, now: float
) -> tuple[Said, ...]:
    """Mark the delivery's updates that are no longer read from it; returns those that are new.

    A fold only ever adds, so a shipment that loses an update is made due and folded from the beginning, from the
    remaining updates. If the oldest of them are gone, it keeps what it knew.
    """
    u, now_said = updates, tuple(now_said)
    parcel = func.coalesce(shipments.c.companion_of, u.c.shipment).label("parcel")  # a companion repeats its parcel
    standing = (
        select(u.c.id, u.c.shipment, u.c.said, parcel)
        .outerjoin(shipments, shipments.c.id == u.c.shipment)
        .where(u.c.delivery == delivery, u.c.folded != REPLACED)
    )
    before = connection.execute(standing).all()
    stale = [row for row in before if (row.parcel, row.said) not in now_said]
    known = {(row.shipment, row.said) for row in before}
    news = tuple(said for said in now_said if said not in known)
    # One lock order: the shipments that lose an update and those that get one, together.
    touched = {row.shipment for row in stale} | {shipment for shipment, _ in news}
    s = shipments
    connection.execute(select(s.c.id).where(s.c.id.in_(touched)).order_by(s.c.id).with_for_update()).all()
    for shipment in sorted({row.shipment for row in stale}):
        gone = [row.id for row in stale if row.shipment == shipment]
        _fold_again(connection, shipment, gone, priority, now)
    return news


def _fold_again(connection: Connection, shipment: str, gone: Sequence[int], priority: int, now: float) -> None:
    """Fold the shipment again without the updates in ``gone``. The lease is revoked, so a worker cannot store a result
    of the former updates."""
    s, u = shipments, updates
    row = connection.execute(select(s.c.known).where(s.c.id == shipment)).first()
    its = select(u).where(u.c.shipment == shipment, u.c.folded != REPLACED)
    stored = connection.execute(its.order_by(u.c.id)).mappings().all()
    connection.execute(update(u).where(u.c.id.in_(gone)).values(folded=REPLACED))
    try:
        known = known_from_json(json.loads(row.known)) if row is not None else Known()
        start = restart(known, [update_from(dict(one)) for one in stored])
    except UNREADABLE:  # another version wrote it: the shipment keeps what it knew
        return
    if start is None:
        return
    connection.execute(update(u).where(u.c.shipment == shipment, u.c.folded == FOLDED).values(folded=NEW))
    changed = {"known": json.dumps(known_to_json(start)), **due_by(priority, now), **REVOKED_LEASE}
    connection.execute(update(s).where(s.c.id == shipment).values(changed))
