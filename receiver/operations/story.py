"""One shipment's whole story, as `receiver show` and the API tell it."""

from collections.abc import Mapping
from typing import Any

from receiver.calls.pause_end import how_it_ends
from receiver.reconcile.names import NAMES, own_names
from receiver.shipments import State, known_from_json
from receiver.shipments.next_step import next_step
from receiver.store import Database, DecisionRecord, Index, OperatorQueries
from receiver.store.finding.companions import also_of
from receiver.vtex.differences import kept_back


def story(database: Database, shipment: str, *, now: float) -> dict[str, Any]:
    """`receiver.store.OperatorQueries.history` of a shipment's id, with the ``links`` that led to its order, what
    people decided (``decisions``), what comes ``next``, and what VTEX is not sent (``kept_back``).

    ``now`` and all times are seconds since the epoch. Raises `receiver.store.operator.queries.Unknown`,
    `receiver.store.StoreUnavailable`.
    """
    history = OperatorQueries(database).history(shipment)
    row, paused = history["shipment"], history["paused"]
    if paused:
        paused["ends"] = how_it_ends(row["account"], own_fault=bool(paused.pop("own_fault")))
    step = next_step(row, paused_until=paused["until"] if paused else None, now=now)
    return {
        **history,
        "links": _links(Index(database), row),
        "decisions": DecisionRecord(database).of("shipment", shipment),
        "next": {"what": step.what, "at": step.at},
        "kept_back": _kept_back(row),
    }


def _links(index: Index, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The links that led to the order of a shipment (a row of `OperatorQueries`), or that it waits for: ``kind``,
    ``value``, ``order_id``, ``invoice_number``, ``told_at``. Empty if a person named the order."""
    if row["assigned_order"] is not None:
        return []
    names = [name for name in sorted(own_names(row["id"], known_from_json(row["known"] or {}))) if name[0] in NAMES]
    found = [(name, index.link_of(row["account"], *name)) for name in names]
    links = [
        {**link, "kind": kind, "value": value, "also": also_of(link)}
        for (kind, value), link in found
        if link is not None
    ]
    return [link for link in links if row["order_id"] in (None, link["order_id"])]


def _kept_back(row: dict[str, Any]) -> list[str]:
    """What VTEX is not sent of what the carrier says; of a parcel that is in step."""
    if row["state"] != State.IN_STEP or not row["sent"] or not row["known"]:
        return []
    return kept_back(known_from_json(row["known"]), row["sent"])
