"""One delivery from bytes to stored outcome: probe? → authenticate → decode → read → store. It never calls VTEX."""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from adapters import NotAuthentic, Request
from receiver.config import Config, Endpoint
from receiver.intake.arrival import FETCHED, Arrival, stored_request
from receiver.intake.auth_failures import AuthFailures
from receiver.intake.log_lines import learn_delivery, log_quarantined
from receiver.intake.orders_named import link_order
from receiver.intake.published_keys import Keys, KeysUnavailable
from receiver.intake.reading import Outcome, Reading, read
from receiver.intake.redaction import REDACTED, Redaction
from receiver.store import Delivery, Inbox, new_id
from receiver.store.decisions import Recorder, unrecorded

log = logging.getLogger("receiver.intake")
T = TypeVar("T")

#: Why a request without a proof is answered as a check of the URL.
UNSIGNED = "not signed: taken for the carrier's check of the URL, nothing is done"


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


class Intake:
    """Receives requests for the endpoints of a configuration."""

    def __init__(
        self, config: Config, inbox: Inbox, *, clock: Callable[[], float] = time.time, keys: Keys | None = None
    ) -> None:
        self._config, self._inbox, self._clock = config, inbox, clock
        self._keys = keys or Keys(config.endpoints.values(), clock=clock)
        self._redactions = {name: Redaction(endpoint) for name, endpoint in config.endpoints.items()}
        self._auth_failures = AuthFailures(inbox, clock=clock)

    def receive(self, endpoint: Endpoint, request: Request, *, noted: bool = True) -> Result:
        """Store the request; returns the outcome once it is durable. An unproven one that is not ``noted`` is only
        counted. Raises `StoreUnavailable`, `KeysUnavailable`."""
        probe = endpoint.carrier.probe
        if probe and probe.matches(request):
            return Result(outcome=Outcome.PROBE, answer=probe.answer(request))
        try:
            self.authenticate(endpoint, request, endpoint.scheme.check, noted=noted)
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

    def authenticate(
        self, endpoint: Endpoint, request: Request, by: Callable[[Request, Sequence[str]], T], *, noted: bool = True
    ) -> T:
        """The result of ``by`` for the request and the endpoint's secrets.

        Raises `NotAuthentic` and `KeysUnavailable`, after recording the failure for the operator. Where too many failed
        before, it is not ``noted``: only counted.
        """
        try:
            return self._keys.authenticate(endpoint, request, by)
        except NotAuthentic as error:
            if not noted:
                self._auth_failures.count(endpoint.name)
                raise
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

    def _reject(self, endpoint: Endpoint, request: Request, reason: str, *, status: int) -> None:
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
