"""What the receiver would decide about one shipment. It runs the real `Reconciler` with a queue in memory and a VTEX
that is a mapping. It makes no network call and stores nothing."""

import logging
import math
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from receiver.config import Account, Config, Endpoint
from receiver.reconcile.reconciler import Reconciler
from receiver.shipments import Sent, SentTracking, ShipmentRecord, Update
from receiver.shipments.numbers import normalised
from receiver.store import Attempt, Claim, Index, Lease, Place, Queue, Settlement
from receiver.store.counters import Counters, Timed
from receiver.store.work.accounts import Accounts
from receiver.vtex.answers import NotFound
from receiver.vtex.client import Vtex, path_segment
from receiver.vtex.wanted import Owner

#: Nothing was done, so no log may say that it was.
_SILENT = logging.getLogger("receiver.dry_run")
_SILENT.setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Decided:
    """The state a shipment would end in. ``patch`` and ``tracking`` are ``{"order", "invoice", "body"}``, ``None`` for
    no such write."""

    state: str
    reason: str | None
    note: str | None
    rule: str | None
    patch: Mapping[str, Any] | None
    tracking: Mapping[str, Any] | None


def decided(
    shipment: str,
    updates: Sequence[Update],
    endpoint: Endpoint,
    config: Config | None,
    *,
    orders: Mapping[str, Any],
    links: Iterable[Mapping[str, Any]] = (),
    now: float,
) -> Decided:
    """The result for a shipment with these updates, VTEX orders by id, and links.

    ``links`` are ``{"tracking_number", "order"}`` with or without ``"invoice"``; ``now`` is in seconds since the epoch.
    """
    base = config or Config(path=Path("receiver.toml"), database="")
    told_at = min(update.received_at for update in updates).timestamp()
    queue = _Queue(_Index(links, told_at))
    vtex = _Vtex(Account(name=endpoint.account, base_url="", app_key="", app_tokens=()), orders)
    return _run(_claim(shipment, endpoint, updates, now), endpoint, base, queue, vtex, now=now)


def decided_claim(
    claim: Claim, endpoint: Endpoint, config: Config, stored: Queue, *, orders: Mapping[str, Any], now: float
) -> Decided:
    """The result for a claim, with these VTEX orders by id. ``stored`` is only read: the index, and other shipments."""
    vtex = _Vtex(config.accounts[claim.account], orders)
    return _run(claim, endpoint, config, _Queue(stored.index, stored), vtex, now=now)


def _run(claim: Claim, endpoint: Endpoint, config: Config, queue: "_Queue", vtex: "_Vtex", *, now: float) -> Decided:
    reconciler = Reconciler(
        replace(config, read_back_seconds=0, endpoints={**config.endpoints, endpoint.name: endpoint}),
        queue,
        {claim.account: vtex},
        clock=lambda: now,
        sleep=lambda _: None,
        chance=random.Random(0),  # noqa: S311  jitter
        done=_SILENT,
    )
    reconciler.run(claim)
    assert queue.settled is not None  # noqa: S101  `run` settles, or raises
    end = queue.settled.generation
    return Decided(end.state, end.reason, end.note, end.decision.rule, vtex.patch, vtex.tracking)


class _Queue(Queue):
    """A queue of one claim in memory. It permits every call and keeps the settlement. Other shipments are those of
    ``stored``."""

    lease = math.inf

    def __init__(self, index: Index, stored: Queue | None = None) -> None:
        self.index, self.accounts, self.counters = index, _Accounts(), _Counters()
        self.settled: Settlement | None = None
        self._stored = stored

    def reserve(  # as `Queue` has it
        self,
        claim: Claim,  # noqa: ARG002
        attempt: Attempt,  # noqa: ARG002
        *,
        interval: float,  # noqa: ARG002
        now: float,
        max_wait: float = 0.0,  # noqa: ARG002
    ) -> float:
        return now

    def settle(self, claim: Claim, settlement: Settlement, *, now: float) -> None:  # noqa: ARG002  as `Queue` has it
        self.settled = settlement

    def owners(self, account: str, order_id: str) -> dict[str, Owner]:
        return self._stored.owners(account, order_id) if self._stored else {}

    def beside(self, account: str, own: str, sent: Sent) -> tuple[str, dict[str, ShipmentRecord]]:
        return self._stored.beside(account, own, sent) if self._stored else ("", {})

    def bearing(self, account: str, own: str, numbers: Collection[str]) -> dict[str, ShipmentRecord]:
        return self._stored.bearing(account, own, numbers) if self._stored else {}

    def records(self, ids: Collection[str]) -> dict[str, ShipmentRecord]:
        return self._stored.records(ids) if self._stored else {}

    def delivery_told(self, account: str, order_id: str, invoice_number: str) -> SentTracking | None:
        return self._stored.delivery_told(account, order_id, invoice_number) if self._stored else None

    def places(self, ids: Collection[str]) -> list[Place]:  # noqa: ARG002  as `Queue` has it
        return []


class _Counters(Counters):
    """Counts nothing: no call is made."""

    def __init__(self) -> None:
        pass

    def time(self, what: Timed, seconds: float) -> None:
        """No call, no duration."""


class _Accounts(Accounts):
    """An account without a database: nothing fails or pauses."""

    def __init__(self) -> None:
        pass

    def answered(self, account: str, *, writing: bool) -> None:
        """Does nothing: without calls to VTEX, no failure needs to be reset."""


class _Index(Index):
    """An index with links in memory, without facts of orders and other shipments."""

    def __init__(self, links: Iterable[Mapping[str, Any]], told_at: float) -> None:
        self._told_at = told_at
        self._links = {("tracking_number", normalised(link["tracking_number"])): link for link in links}

    def orders_named(self, account: str, kind: str, value: str) -> list[dict[str, Any]]:  # noqa: ARG002  as `Index` has it
        return []

    def orders_of_ours(self, account: str, own: str, numbers: Collection[str]) -> list[dict[str, Any]]:  # noqa: ARG002  as `Index` has it
        return []

    def link_of(self, account: str, kind: str, value: str) -> dict[str, Any] | None:  # noqa: ARG002  as `Index` has it
        link = self._links.get((kind, value))
        found = {"invoice_number": link.get("invoice"), "told_at": self._told_at} if link else {}
        return {"order_id": link["order"], **found} if link else None


class _Vtex(Vtex):
    """VTEX from a mapping of orders. It records the one PATCH and PUT, and cannot reach a network."""

    def __init__(self, account: Account, orders: Mapping[str, Any]) -> None:
        self.account, self._orders = account, orders
        self.patch: dict[str, Any] | None = None
        self.tracking: dict[str, Any] | None = None

    def get_order(self, order_id: str) -> Any:
        path_segment(order_id)
        if order_id in self._orders:
            return self._orders[order_id]
        if order_id.startswith("seq"):
            for order in self._orders.values():
                if order_id == f"seq{order.get('sequence')}":
                    return order
        raise NotFound(f"{order_id} is not among the orders given", 404)

    def get_order_group(self, group: str) -> Any:
        path_segment(group)
        return [order for order in self._orders.values() if order.get("orderGroup") == group]

    def patch_invoice(self, order_id: str, invoice_number: str, body: dict[str, Any]) -> None:
        self.patch = {"order": order_id, "invoice": invoice_number, "body": body}

    def put_tracking(self, order_id: str, invoice_number: str, body: dict[str, Any]) -> None:
        self.tracking = {"order": order_id, "invoice": invoice_number, "body": body}


def _claim(shipment: str, endpoint: Endpoint, updates: Sequence[Update], now: float) -> Claim:
    record = ShipmentRecord(id=shipment, endpoint=endpoint.name, account=endpoint.account, update_count=1)
    return Claim(record=record, lease=Lease("", now + 3600), updates=tuple(updates))
