"""What a payload says: decode → validate → convert → the merchant's rules. Nothing is stored."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice
from typing import Any

from adapters import Fetch, Ignored, OrderNamed, ReferenceKind, Request, Shipment, Unreadable, text
from receiver.carriers.references import ORDER_KINDS, account_of, refer
from receiver.config import Endpoint
from receiver.intake.log_lines import error_location
from receiver.shipments import shipment_to_json, with_local_days
from receiver.vtex.answers import storable
from receiver.vtex.order_ids import Labels, says_reverse

log = logging.getLogger("receiver.intake")

#: The most unknown status words kept of one delivery, and the most letters of each: a status word is short.
_MOST_WORDS, _LONGEST_WORD = 20, 200


class Outcome(StrEnum):
    """The result of a request; `receiver.web.replies` maps it to a status."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    PROBE = "probe"
    QUARANTINED = "quarantined"
    ERROR = "error"
    UNAUTHENTICATED = "unauthenticated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A payload's conversion: the shipments with the merchant's references, or why there are none. A quarantined
    payload may have shipments, from its readable members. A notice has ``fetches`` instead, or in addition.

    ``updates`` are the shipments as they are stored: ``(shipment id, its update as JSON text)``. ``accounts`` maps a
    shipment id to its account if the endpoint's settings determine it.
    """

    outcome: Outcome
    shipments: tuple[Shipment, ...] = ()
    updates: tuple[tuple[str, str], ...] = ()
    accounts: Mapping[str, str] = field(default_factory=dict)
    fetches: tuple[Fetch, ...] = ()
    event_id: str | None = None
    order_named: OrderNamed | None = None
    path: str | None = None
    why: str | None = None

    @property
    def reason(self) -> str | None:
        """``path: why``, or ``why`` without a path."""
        return f"{self.path}: {self.why}" if self.path else self.why

    @property
    def unknown_words(self) -> tuple[str, ...]:
        """The carrier's status words that its adapter does not know, each once."""
        words = (storable(word)[:_LONGEST_WORD] for shipment in self.shipments for word in shipment.unknown_words)
        return tuple(islice(dict.fromkeys(words), _MOST_WORDS))


def read(endpoint: Endpoint, request: Request) -> Reading:
    """Decode, validate, convert, and apply the merchant's reference rules. Never raises."""
    carrier = endpoint.carrier
    try:
        conversion = carrier.convert(request)
        event_id = text(carrier.event_id(conversion.payload, request), "the event's id")
        ruled = tuple(_as_configured(shipment, said, endpoint) for shipment, said in conversion.parcels)
        updates = tuple(_update(endpoint, shipment) for shipment in ruled)
        accounts = _accounts(endpoint, [part for _, part in conversion.parcels], [name for name, _ in updates])
    except Ignored as ignored:
        named = ignored if isinstance(ignored, OrderNamed) else None
        return Reading(outcome=Outcome.IGNORED, why=ignored.reason, order_named=named)
    except Unreadable as unreadable:
        return Reading(outcome=Outcome.QUARANTINED, path=unreadable.path, why=unreadable.why)
    except Exception as error:  # noqa: BLE001  an adapter's mistake must not lose the delivery
        fault = error_location(error)
        log.error(
            "adapter failed, delivery kept for receiver reprocess: endpoint=%s carrier=%s fault=%s",
            endpoint.name,
            carrier.slug,
            fault,
        )
        return Reading(outcome=Outcome.ERROR, why=fault)
    fetches = tuple(conversion.fetches)
    taken = Reading(
        outcome=Outcome.ACCEPTED,
        shipments=ruled,
        updates=updates,
        accounts=accounts,
        fetches=fetches,
        event_id=event_id,
    )
    return _in_part(taken, conversion.refused) if conversion.refused else taken


def _in_part(taken: Reading, refused: list[Unreadable]) -> Reading:
    """A quarantined reading: `reprocess` reads the refused members after a fix."""
    first, more = refused[0], len(refused) - 1
    why = f"{first.why}{f' (and {more} more)' if more else ''}; the other members were taken"
    return replace(taken, outcome=Outcome.QUARANTINED, path=first.path, why=why)


def _as_configured(shipment: Shipment, payload: Any, endpoint: Endpoint) -> Shipment:
    """The shipment with what the endpoint's settings add: references by its rules, the name of its courier,
    and whether it is a return."""
    courier = endpoint.couriers.get(shipment.courier_code.strip().lower())
    if courier:
        shipment = replace(shipment, courier=courier)
    if endpoint.references:
        shipment = replace(shipment, references=refer(shipment, payload, endpoint.references))
    if not endpoint.carrier.numbered:
        shipment = replace(shipment, tracking_number=_only_number(shipment))
    if any(rule.marks(payload) for rule in endpoint.reverse) or _says_reverse(payload, endpoint):
        shipment = replace(shipment, reverse=True)
    return shipment


def _says_reverse(payload: Any, endpoint: Endpoint) -> bool:
    """True if a word beside the order's id, which a rule's pattern leaves out, means a return or an exchange."""
    rules = (rule for rule in endpoint.references if rule.kind in ORDER_KINDS)
    around = [said for rule in rules for said in rule.beside(payload) if said.strip()]
    if not around:  # as nearly always
        return False
    labels = Labels.of(endpoint.account, endpoint.order_id_affixes)
    return any(says_reverse(said, labels) for said in around)


def _only_number(shipment: Shipment) -> str | None:
    """The number that the merchant's rule found, for a carrier that gives none; of several a person must choose."""
    numbers = {one.value for one in shipment.references if one.kind == ReferenceKind.TRACKING_NUMBER}
    return numbers.pop() if len(numbers) == 1 else None


def _update(endpoint: Endpoint, shipment: Shipment) -> tuple[str, str]:
    key = text(shipment.key, "the shipment's key")
    return f"{endpoint.name}/{key}", json.dumps(shipment_to_json(with_local_days(shipment, endpoint.zone)))


def _accounts(endpoint: Endpoint, payloads: Sequence[Any], names: Sequence[str]) -> dict[str, str]:
    """Shipment id → account. If rules divide an endpoint's parcels and none fits, the shipment stays in its account:
    this message may lack the field."""
    if endpoint.asked_accounts:
        return {}  # new shipments go to the first; the others stay where their orders were found
    if not endpoint.accounts:
        return dict.fromkeys(names, endpoint.account)
    ruled = [(name, account_of(payload, endpoint.accounts)) for name, payload in zip(names, payloads, strict=True)]
    return {name: account for name, account in ruled if account is not None}
