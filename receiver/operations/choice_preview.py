"""What an assignment would send to VTEX, computed by the reconciler itself. Nothing is written, here or at VTEX."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from receiver.calls.background import calls_to
from receiver.config import Config
from receiver.operations.order_check import shown_document, shown_invoice
from receiver.reconcile.dry_run import Decided, decided_claim
from receiver.store import Claim, Database, OperatorQueries, Paused, Queue, RateLimited
from receiver.store.rows import Version
from receiver.store.work.assigned_claims import claim_if_assigned, claim_of_companion
from receiver.vtex.answers import VtexError
from receiver.vtex.client import check_place, invoice_path
from receiver.vtex.orders import Order, UnexpectedOrder


class NoPreview(Exception):
    """What would be sent cannot be told now. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call to VTEX that would be made. ``replaces`` is what the invoice shows now, by VTEX's names."""

    method: str
    path: str
    body: dict[str, Any]
    replaces: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """How the shipment would end: its state, with the reason and the note, the rule that chooses the invoice, and the
    calls that would be made; none: VTEX shows it already, or it would be held."""

    shipment: str
    state: str
    reason: str | None
    note: str | None
    rule: str | None
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would follow, and the ``version`` of the shipment of which that is true. ``token`` is another one as soon as
    anything of it is. It needs no secret: who may send it may decide anyway."""

    foreseen: list[Foreseen]
    version: Version
    token: str


def foresee(
    config: Config,
    database: Database,
    shipment: str,
    order_id: str,
    invoice_number: str | None = None,
    *,
    also: Sequence[str] = (),
    now: float,
) -> list[Foreseen]:
    """What would follow if a person assigned the shipment now, and what for each companion of ``also``. VTEX is asked
    for each order once. ``now`` is in seconds since the epoch.

    Raises `NoPreview`, `receiver.operations.order_check.NotShown`, `receiver.store.operator.queries.Unknown`,
    `receiver.vtex.client.BadSegment`, `receiver.store.StoreUnavailable`.
    """
    check_place(order_id, invoice_number, also)
    account = OperatorQueries(database).account_of(shipment)
    if account not in config.accounts:
        raise NoPreview(f"account {account} is not in the configuration")
    calls = calls_to(config, database, account)
    try:
        documents = [shown_document(calls, shipment, one) for one in dict.fromkeys((order_id, *also))]
        orders = [calls.vtex.read(document) for document in documents]
    except (VtexError, UnexpectedOrder, Paused, RateLimited) as error:
        raise NoPreview(f"VTEX did not answer: {error}") from None
    first, *others = orders
    number = shown_invoice(first, shipment, invoice_number)
    claim = claim_if_assigned(database, shipment, first.order_id, number, now=now)
    claims = [claim, *(claim_of_companion(database, claim.record, one.order_id, now=now) for one in others)]
    by_id = {order.order_id: document for order, document in zip(orders, documents, strict=True)}
    ends = [_end(config, database, one, by_id, now=now) for one in claims]
    return [_foreseen(claim.id, end, orders) for claim, end in zip(claims, ends, strict=True)]


def preview(
    config: Config,
    database: Database,
    shipment: str,
    order_id: str,
    invoice_number: str | None = None,
    *,
    also: Sequence[str] = (),
    now: float,
) -> Preview:
    """`foresee`, for a person who may then decide. Raises as that does."""
    version = OperatorQueries(database).version(shipment)
    foreseen = foresee(config, database, shipment, order_id, invoice_number, also=also, now=now)
    # A note may say until when an account is paused.
    shown = [version, order_id, invoice_number, *({**asdict(one), "note": None} for one in foreseen)]
    token = hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:32]
    return Preview(foreseen=foreseen, version=version, token=token)


def _end(config: Config, database: Database, claim: Claim, documents: Mapping[str, Any], *, now: float) -> Decided:
    endpoint = config.endpoints.get(claim.endpoint)
    if endpoint is None:
        raise NoPreview(f"endpoint {claim.endpoint} is not in the configuration")
    stored = Queue(database, worker_name="preview", lease=config.lease)
    return decided_claim(claim, endpoint, config, stored, orders=documents, now=now)


def _foreseen(shipment: str, end: Decided, orders: Sequence[Order]) -> Foreseen:
    made = [("PATCH", "", end.patch), ("PUT", "/tracking", end.tracking)]
    return Foreseen(
        shipment=shipment,
        state=end.state,
        reason=end.reason,
        note=end.note,
        rule=end.rule,
        calls=tuple(_call(method, suffix, write, orders) for method, suffix, write in made if write),
    )


def _call(method: str, suffix: str, write: Mapping[str, Any], orders: Sequence[Order]) -> Call:
    order_id, number = write["order"], write["invoice"]
    packages = [package for order in orders if order.order_id == order_id for package in order.outputs]
    shows = next((one.held for one in packages if one.invoice_number == number), {})
    path = invoice_path(order_id, number) + suffix
    return Call(method=method, path=path, body=write["body"], replaces=shows if method == "PATCH" else {})
