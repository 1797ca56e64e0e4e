"""One delivery from bytes to stored outcome: probe? → authenticate → decode → read → store. It never calls VTEX."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from itertools import islice
from typing import Any, TypeVar

from adapters import Fetch, Ignored, NotAuthentic, OrderNamed, Request, Shipment, Unreadable, text
from receiver.carriers import Carrier
from receiver.carriers.references import account_of, refer
from receiver.config import Config, Endpoint
from receiver.intake.auth_failures import AuthFailures
from receiver.intake.log_lines import error_location, learn_delivery, log_quarantined
from receiver.intake.orders_named import link_order
from receiver.intake.published_keys import Keys, KeysUnavailable
from receiver.intake.redaction import REDACTED, Redaction
from receiver.shipments import shipment_to_json, with_local_days
from receiver.store import Delivery, Inbox, new_id
from receiver.store.decisions import Recorder, unrecorded
from receiver.vtex.answers import storable

log = logging.getLogger("receiver.intake")
T = TypeVar("T")

#: The ``auth`` of a delivery that this receiver fetched.
FETCHED = "fetched"
#: Why a request without a proof is answered as a check of the URL.
UNSIGNED = "not signed: taken for the carrier's check of the URL, nothing is done"
#: The program's version.
VERSION = version("carrier-webhook-receiver")
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
class Result:
    """A request's outcome. ``path`` and ``why`` say where a quarantined payload is wrong, or why one is ignored,
    or why what is not proven is answered; ``answer`` is the expected answer to a carrier's probe."""

    outcome: Outcome
    delivery: str | None = None
    shipments: int = 0
    path: str | None = None
    why: str | None = None
    answer: str | dict[str, str] | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request, or a fetched answer, as it is stored: without secrets, with the digest of the original. What it is
    read as may change; this does not."""

    id: str
    endpoint: str
    carrier: str
    received_at: float
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    digest: str
    auth: str
    notice: str | None = None

    @classmethod
    def stored(cls, row: Mapping[str, Any]) -> "Arrival":
        """From a row of `receiver.store.OperatorQueries.delivery` whose body is still there."""
        names = ("id", "endpoint", "carrier", "received_at", "method", "target", "headers", "body", "digest", "notice")
        return cls(**{name: row[name] for name in names}, auth=row["proof"])

    def read_as(
        self, endpoint: Endpoint, reading: Reading, *, asks: bool = True, asked_at: float | None = None
    ) -> Delivery:
        """The delivery that it is under this reading. Without ``asks`` the carrier is asked for nothing."""
        return Delivery(
            id=self.id,
            endpoint=self.endpoint,
            carrier=self.carrier,
            account=endpoint.account,
            received_at=self.received_at,
            dedup=_dedup(endpoint, self.digest, reading, self.id),
            outcome=reading.outcome,
            reason=reading.reason,
            method=self.method,
            target=self.target,
            headers=self.headers,
            body=self.body,
            digest=self.digest,
            auth=self.auth,
            version=read_by(endpoint.carrier),
            updates=reading.updates,
            accounts=reading.accounts,
            unknown_words=reading.unknown_words,
            fetches=reading.fetches if asks else (),
            notice=self.notice,
            asked_at=asked_at,
        )


class Intake:
    """Receives requests for the endpoints of a configuration."""

    def __init__(
        self, config: Config, inbox: Inbox, *, clock: Callable[[], float] = time.time, keys: Keys | None = None
    ) -> None:
        self._config, self._inbox, self._clock = config, inbox, clock
        self._keys = keys or Keys(config.endpoints.values(), clock=clock)
        self._redactions = {name: Redaction(endpoint) for name, endpoint in config.endpoints.items()}
        self._auth_failures = AuthFailures(inbox, clock=clock)

    def receive(self, endpoint: Endpoint, request: Request) -> Result:
        """Store the request; returns the outcome once it is durable. Raises `StoreUnavailable`, `KeysUnavailable`."""
        probe = endpoint.carrier.probe
        if probe and probe.matches(request):
            return Result(outcome=Outcome.PROBE, answer=probe.answer(request))
        try:
            self.authenticate(endpoint, request, endpoint.scheme.check)
        except NotAuthentic:
            if probe and probe.may_be_unsigned(request):
                return Result(outcome=Outcome.PROBE, why=UNSIGNED)
            return Result(outcome=Outcome.UNAUTHENTICATED)
        reading = self._read(endpoint, request)
        redaction = self._redactions[endpoint.name]
        target, headers = redaction.target(request), redaction.kept_headers(request)
        arrival = self._arrival(endpoint, request, target=target, headers=headers, auth=endpoint.scheme.kind)
        if reading.order_named is not None:  # before the delivery: what is stored as one is not read again
            link_order(endpoint, reading.order_named, self._inbox.index, now=self._clock())
        receipt = self._inbox.receive(arrival.read_as(endpoint, reading))
        outcome = reading.outcome
        if receipt.duplicate and outcome in (Outcome.ACCEPTED, Outcome.IGNORED):
            outcome = Outcome.DUPLICATE
        ids = [name for name, _ in reading.updates]
        learn_delivery(endpoint, receipt.delivery, ids, reading.shipments)
        if not receipt.duplicate and reading.outcome is Outcome.QUARANTINED:
            log_quarantined(endpoint, receipt.delivery, reading.reason)
        return Result(
            outcome=outcome,
            delivery=receipt.delivery,
            shipments=len(reading.shipments),
            path=reading.path,
            why=reading.why,
        )

    def fetched(self, endpoint: Endpoint, request: Request, *, notice: str) -> Delivery:
        """A fetched answer as its own delivery, not yet stored. The delivery ``notice`` asked for it."""
        reading = self._read(endpoint, request)
        target, headers = self._redactions[endpoint.name].text(request.fetched), dict(request.headers)
        arrival = self._arrival(endpoint, request, target=target, headers=headers, auth=FETCHED, notice=notice)
        if reading.outcome is Outcome.QUARANTINED:
            log_quarantined(endpoint, arrival.id, reading.reason)
        return arrival.read_as(endpoint, reading)

    def authenticate(self, endpoint: Endpoint, request: Request, by: Callable[[Request, Sequence[str]], T]) -> T:
        """The result of ``by`` for the request and the endpoint's secrets.

        Raises `NotAuthentic` and `KeysUnavailable`, after recording the failure for the operator.
        """
        try:
            return self._keys.authenticate(endpoint, request, by)
        except NotAuthentic as error:
            check = endpoint.carrier.probe
            answered = check is not None and check.may_be_unsigned(request)
            self._reject(endpoint, request, error.reason, status=endpoint.carrier.reply.success if answered else 401)
            raise
        except KeysUnavailable as error:
            self._reject(endpoint, request, str(error), status=503)
            raise

    def reread(self, row: dict[str, Any]) -> Reading:
        """A kept delivery as today's adapter reads it; nothing is stored."""
        endpoint = self._config.endpoints.get(row["endpoint"])
        if endpoint is None:
            return Reading(outcome=Outcome.ERROR, why=f"endpoint {row['endpoint']} is not in the configuration")
        if row["body"] is None:
            return Reading(outcome=Outcome.ERROR, why="the body was emptied by retention")
        request = stored_request(row, endpoint)
        reading = self._read(endpoint, request)
        blanked = row["digest"] != hashlib.sha256(request.body).hexdigest()
        used = [*(text for _, text in reading.updates), *(str(fetch) for fetch in reading.fetches)]
        if blanked and any(REDACTED in one for one in used):
            return Reading(outcome=Outcome.ERROR, why="a field we use held a secret, which was blanked when stored")
        return reading

    def reprocess(
        self, row: dict[str, Any], *, bulk: bool = False, fetch: bool = True, record: Recorder = unrecorded
    ) -> Reading:
        """Run a kept delivery again, as after a fix of its adapter; ``record`` hears what that changed. Raises
        `StoreUnavailable`.

        An accepted delivery that is now unreadable stays as it was. Without ``fetch`` the carrier is not called: what
        was fetched before has its own delivery.
        """
        reading = self.reread(row)
        endpoint = self._config.endpoints.get(row["endpoint"])
        if endpoint is None or row["body"] is None:
            return reading
        if row["outcome"] == Outcome.ACCEPTED and reading.outcome in (Outcome.QUARANTINED, Outcome.ERROR):
            return reading
        fresh = Arrival.stored(row).read_as(endpoint, reading, asks=fetch, asked_at=self._clock())
        outcome, reason = fresh.outcome, fresh.reason
        news = self._inbox.reprocess(
            fresh.id, outcome=outcome, reason=reason, dedup=fresh.dedup, fresh=fresh, bulk=bulk, record=record
        )
        return reading if news else replace(reading, outcome=Outcome.DUPLICATE)

    def _read(self, endpoint: Endpoint, request: Request) -> Reading:
        """`read`, without secrets in its texts: they are stored, logged and answered."""
        reading = read(endpoint, request)
        if reading.why is None:
            return reading
        safe = self._redactions[endpoint.name].text
        return replace(reading, why=safe(reading.why), path=reading.path and safe(reading.path))

    def _arrival(
        self, endpoint: Endpoint, request: Request, *, target: str, headers: dict[str, str], auth: str,
        notice: str | None = None,
    ) -> Arrival:  # fmt: skip
        content = request.body + (request.query.encode() if endpoint.carrier.query else b"")
        return Arrival(
            id=new_id(),
            endpoint=endpoint.name,
            carrier=endpoint.carrier.slug,
            received_at=self._clock(),
            method=request.method,
            target=target,
            headers=headers,
            body=self._redactions[endpoint.name].body(request.body),
            digest=hashlib.sha256(content).hexdigest(),
            auth=auth,
            notice=notice,
        )

    def _reject(self, endpoint: Endpoint, request: Request, reason: str, *, status: int = 401) -> None:
        redaction = self._redactions[endpoint.name]
        target, headers = redaction.target(request), redaction.headers(request)
        self._auth_failures.note(
            endpoint.name,
            reason,
            status=status,
            method=request.method,
            target=target,
            headers=headers,
            client=request.client,
        )


def read_by(carrier: Carrier) -> str:
    """The version stored with a delivery: that of this program, and the digest of the adapter and schema."""
    return f"{VERSION}+{carrier.digest}"


def stored_request(row: dict[str, Any], endpoint: Endpoint) -> Request:
    """The original request of a stored delivery, without its credentials."""
    path, _, query = row["target"].partition("?")
    return Request(
        method=row["method"],
        path=path,
        query=query,
        headers=row["headers"],
        body=bytes(row["body"]),
        received_at=datetime.fromtimestamp(row["received_at"], UTC),
        zone=endpoint.zone,
        fetched=row["target"] if row["proof"] == FETCHED else "",
    )


def _as_configured(shipment: Shipment, payload: Any, endpoint: Endpoint) -> Shipment:
    """The shipment with what the endpoint's settings add: references by its rules, the name of its courier,
    and whether it is a return."""
    courier = endpoint.couriers.get(shipment.courier_code.strip().lower())
    if courier:
        shipment = replace(shipment, courier=courier)
    if endpoint.references:
        shipment = replace(shipment, references=refer(shipment, payload, endpoint.references))
    if any(rule.marks(payload) for rule in endpoint.reverse):
        shipment = replace(shipment, reverse=True)
    return shipment


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


def _dedup(endpoint: Endpoint, digest: str, reading: Reading, delivery: str) -> str:
    """The key that identifies duplicates. It joins the carrier's event id and the content: a correction that reuses the
    id is news. An unreadable delivery has its own key and blocks no other. A notice is always news, because its text is
    the same no matter what happened."""
    if reading.outcome in (Outcome.QUARANTINED, Outcome.ERROR):
        return f"{endpoint.name}:kept:{digest}"
    if reading.fetches:
        return f"{endpoint.name}:notice:{delivery}"
    if reading.event_id:
        content = "\n".join(update for _, update in reading.updates)
        return f"{endpoint.name}:event:{reading.event_id}:{hashlib.sha256(content.encode()).hexdigest()[:16]}"
    return f"{endpoint.name}:body:{digest}"
