"""Replays recordings through the code of a live request.

A dry run makes no network call and stores nothing: the same `read` and the same decision use orders from a file or from
the recording's expectation. `send` stores for real, and a worker writes. `post` sends to a running receiver.
"""

import json
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from adapters import NotAuthentic, Request, Shipment
from receiver.config import BadConfig, Config, Endpoint, endpoint_from
from receiver.http import Answer, Http, NoAnswer
from receiver.intake import Intake, Outcome, Reading, read
from receiver.reconcile.dry_run import decided
from receiver.recordings.format import BadRecording, Recording
from receiver.shipments import Update, shipment_to_json, with_local_days
from receiver.shipments.differences import NOWHERE, unlike
from receiver.store import OperatorQueries
from receiver.vtex.orders import UnexpectedOrder, read_order

#: Bytes of another server's answer that are shown.
_MOST_SAID = 200
#: Outcomes that are failures, unless the recording expects them.
_FAILURES = (Outcome.QUARANTINED, Outcome.ERROR, Outcome.UNAUTHENTICATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What VTEX should show for one shipment, and where. ``patch`` and ``tracking`` are ``{"order", "invoice",
    "body"}``; ``state`` is ``None`` if nothing was decided."""

    shipment: str
    wanted: Mapping[str, Any]
    state: str | None = None
    reason: str | None = None
    note: str | None = None
    rule: str | None = None
    patch: Mapping[str, Any] | None = None
    tracking: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The result of one recording. ``differences`` are the points that the recording did not expect."""

    name: str
    outcome: str
    carrier: str = ""
    reason: str | None = None
    status: int | None = None
    fields: tuple[Fields, ...] = ()
    differences: tuple[str, ...] = ()

    @property
    def as_expected(self) -> bool:
        return not self.differences


@dataclass(slots=True)
class Replay:
    """Runs recordings under a configuration (``None``: each must bring its own endpoint settings).

    ``orders`` are VTEX orders by id for the dry run's decision; ``now`` is the dry run's present time in seconds since
    the epoch (``None``: the recording's time of arrival). A ``given`` endpoint gets all recordings.
    """

    config: Config | None = None
    endpoint: str | None = None
    orders: dict[str, Any] = field(default_factory=dict)
    now: float | None = None
    given: Endpoint | None = None
    _own: dict[str, Endpoint] = field(default_factory=dict)

    def dry(self, recording: Recording) -> Replayed:
        """Convert and decide without sending anything."""
        try:
            endpoint = self.endpoint_of(recording)
            own_orders = orders_by_id(recording.expected.get("orders", ()))
        except (BadRecording, UnexpectedOrder) as error:
            return bad(recording.name, error)
        recording = _arrived(recording)
        reading = _read(endpoint, recording)
        fields = [_undecided(endpoint, shipment) for shipment in reading.shipments]
        orders = ChainMap(self.orders, own_orders)
        if orders or recording.expected.get("state"):
            fields = [self._decided(one, endpoint, recording, orders) for one in fields]
        differences = (*_outcome_differences(recording, reading.outcome, reading.reason),)
        differences += (*_reading_differences(recording, reading, endpoint), *_end_differences(recording, fields))
        return _replayed(recording, endpoint, reading, fields, differences)

    def send(self, recording: Recording, intake: Intake) -> Replayed:
        """Store the recording as if it had just arrived. After a worker has processed it, `ended` adds the result.

        Raises `receiver.store.StoreUnavailable`.
        """
        try:
            endpoint = self.endpoint_of(recording, configured=True)
            signed = _signed(endpoint, _sent_now(recording.request))
        except (BadRecording, NotAuthentic) as error:
            return bad(recording.name, _unsigned(error))
        reading = _read(endpoint, recording)
        result = intake.receive(endpoint, signed)
        reason = f"{result.path}: {result.why}" if result.path else result.why
        fields = [_undecided(endpoint, shipment) for shipment in reading.shipments]
        differences = tuple(_outcome_differences(recording, result.outcome, reason))
        return _replayed(recording, endpoint, replace(reading, outcome=result.outcome), fields, differences)

    def ended(self, recording: Recording, stored: Replayed, queries: OperatorQueries) -> Replayed:
        """The result of `send`, with the present state of its shipments and the last PATCH and PUT of each."""
        fields = [_from_store(one, queries) for one in stored.fields]
        differences = (*stored.differences, *_end_differences(recording, fields))
        return replace(stored, fields=tuple(fields), differences=differences)

    def post(self, recording: Recording, base_url: str, http: Http) -> Replayed:
        """Send the recording to a running receiver, signed again with the configured secret. ``base_url`` is the
        receiver's, or the whole URL of one of its endpoints, without a token."""
        try:
            endpoint = self.endpoint_of(recording)
            origin, path = _address(base_url, endpoint)
            request = _signed(endpoint, replace(_sent_now(recording.request), path=path))
        except (BadRecording, NotAuthentic) as error:
            return bad(recording.name, _unsigned(error))
        target = f"{request.path}?{request.query}" if request.query else request.path
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
        try:
            answer = http.call(request.method, origin + target, headers=headers, body=request.body)
        except NoAnswer as error:
            return Replayed(name=recording.name, outcome="no answer", differences=(str(error),))
        reply = _json_object(answer.body)
        outcome, detail = reply.get("outcome"), reply.get("detail")
        wanted = recording.expected.get("reply", {}).get("status", answer.status)
        differences = [f"status {answer.status}, expected {wanted}"] if wanted != answer.status else []
        if _is_probe(endpoint, request) and answer.status == endpoint.carrier.reply.success:
            outcome = Outcome.PROBE  # answered in the carrier's own format, or without a body to a HEAD
        elif outcome is None:
            differences = [f"status {answer.status}: {detail or _of_another_server(answer)}"]
        else:
            differences += _outcome_differences(recording, str(outcome), detail)
        return Replayed(
            name=recording.name,
            carrier=endpoint.carrier.slug,
            outcome=str(outcome or "refused"),
            status=answer.status,
            differences=tuple(differences),
        )

    def endpoint_of(self, recording: Recording, *, configured: bool = False) -> Endpoint:
        """The recording's endpoint: the one named, the one in its path, the one in its settings (unless it must be
        ``configured``), or the only one of its carrier. Raises `BadRecording`."""
        if self.given is not None:
            return self.given
        endpoints = self.config.endpoints if self.config else {}
        if self.endpoint is not None:
            if self.endpoint not in endpoints:
                raise BadRecording(f"{recording.name}: endpoint {self.endpoint!r} is not in the configuration")
            return endpoints[self.endpoint]
        in_path = recording.request.path.removeprefix("/webhooks/").partition("/")[0]
        carrier = recording.carrier or in_path.replace("-", "_")
        if in_path in endpoints and carrier in (endpoints[in_path].carrier.slug, in_path.replace("-", "_")):
            return endpoints[in_path]
        if "secrets" in recording.expected.get("endpoint", {}) and not configured:
            return self._own_endpoint(recording)
        fitting = [one for one in endpoints.values() if one.carrier.slug == carrier]
        if not fitting:
            raise BadRecording(f"{recording.name}: the configuration has no endpoint for {carrier}")
        if len(fitting) > 1:
            names = ", ".join(one.name for one in fitting)
            raise BadRecording(f"{recording.name}: {names} take {carrier}; say which with --endpoint")
        return fitting[0]

    def _own_endpoint(self, recording: Recording) -> Endpoint:
        settings = recording.expected["endpoint"]
        written = json.dumps(settings, sort_keys=True)
        if written not in self._own:  # a long file repeats few settings
            carriers = self.config.carriers if self.config else None
            try:
                self._own[written] = endpoint_from(settings, account="dry-run", carriers=carriers)
            except BadConfig as error:
                raise BadRecording(f"{recording.name}: {'; '.join(error.faults)}") from None
        return self._own[written]

    def _decided(self, parcel: Fields, endpoint: Endpoint, recording: Recording, orders: Mapping[str, Any]) -> Fields:
        now = recording.request.received_at.timestamp() if self.now is None else self.now
        updates = [
            Update(shipment=with_local_days(shipment, endpoint.zone), received_at=one.request.received_at, digest="")
            for one in (*recording.earlier, recording)
            for shipment in _read(endpoint, one).shipments
            if shipment.key == parcel.wanted["key"]
        ]
        links = recording.expected.get("links", ())
        end = decided(parcel.shipment, updates, endpoint, self.config, orders=orders, links=links, now=now)
        return replace(parcel, **{name: getattr(end, name) for name in end.__slots__})


def orders_by_id(documents: Iterable[Any]) -> dict[str, Any]:
    """VTEX documents by order id. Raises `receiver.vtex.orders.UnexpectedOrder`."""
    return {read_order(document).order_id: document for document in documents}


def bad(name: str, error: Exception) -> Replayed:
    """The result for a file that is not a recording, or that no endpoint can receive."""
    return Replayed(name=name, outcome="bad recording", differences=(str(error),))


def _arrived(recording: Recording) -> Recording:
    """The recording; without a time of arrival, it arrives now."""
    if "received_at" in recording.expected:
        return recording
    return replace(recording, request=replace(recording.request, received_at=datetime.now(UTC)))


def _sent_now(request: Request) -> Request:
    """The request with the present time, because a signature may contain it."""
    return replace(request, received_at=datetime.now(UTC))


def _read(endpoint: Endpoint, recording: Recording) -> Reading:
    """The reading of a live request, before it is stored, with the answers to its fetches."""
    reading = _read_alone(endpoint, recording.request)
    shipments, asked, answers = [*reading.shipments], [*reading.fetches], recording.answers
    while asked:
        fetch = asked.pop(0)
        answer = answers.pop(fetch.url, None)
        if answer is None or not fetch.wanted:
            continue
        fetched = read(endpoint, replace(answer, zone=endpoint.zone))
        if fetched.outcome in _FAILURES:
            return fetched
        shipments += fetched.shipments
        asked += fetched.fetches
    return replace(reading, shipments=tuple(shipments))


def _read_alone(endpoint: Endpoint, request: Request) -> Reading:
    if _is_probe(endpoint, request):
        return Reading(outcome=Outcome.PROBE)
    try:
        signed = _signed(endpoint, request)
        endpoint.scheme.check(signed, endpoint.secrets)
    except BadRecording:  # only the carrier can sign it: it is read without authentication
        return read(endpoint, replace(request, zone=endpoint.zone))
    except NotAuthentic as error:
        return Reading(outcome=Outcome.UNAUTHENTICATED, why=error.reason)
    return read(endpoint, signed)


def _signed(endpoint: Endpoint, request: Request) -> Request:
    """The request, signed again. Raises `BadRecording` if the endpoint's settings have no secret to sign with, and
    `NotAuthentic` if the request lacks a part of what is signed."""
    request = replace(request, zone=endpoint.zone)
    if _is_probe(endpoint, request):
        return request
    try:
        return endpoint.scheme.sign(request, endpoint.secrets[0])
    except (IndexError, ValueError):  # only public keys are known
        raise BadRecording(f"endpoint {endpoint.name}: only {endpoint.carrier.name} can sign for it") from None


def _unsigned(error: BadRecording | NotAuthentic) -> Exception:
    """Why a recording cannot be sent."""
    return BadRecording(f"it cannot be signed: {error.reason}") if isinstance(error, NotAuthentic) else error


def _is_probe(endpoint: Endpoint, request: Request) -> bool:
    probe = endpoint.carrier.probe
    return probe is not None and probe.matches(request)


def _undecided(endpoint: Endpoint, shipment: Shipment) -> Fields:
    return Fields(shipment=f"{endpoint.name}/{shipment.key}", wanted=shipment_to_json(shipment))


def _from_store(parcel: Fields, queries: OperatorQueries) -> Fields:
    history = queries.history(parcel.shipment)
    row, attempts = history["shipment"], history["attempts"]
    end = {name: row[name] for name in ("state", "reason", "note", "rule")}
    return replace(parcel, patch=_last(attempts, "PATCH"), tracking=_last(attempts, "PUT"), **end)


def _last(attempts: Iterable[Mapping[str, Any]], call: str) -> dict[str, Any] | None:
    made = [one for one in attempts if one["call"] == call]
    if not made:
        return None
    return {"order": made[-1]["order_id"], "invoice": made[-1]["invoice_number"], "body": made[-1]["request"]}


def _replayed(
    recording: Recording, endpoint: Endpoint, reading: Reading, fields: Iterable[Fields], differences: tuple[str, ...]
) -> Replayed:
    return Replayed(
        name=recording.name,
        carrier=endpoint.carrier.slug,
        outcome=reading.outcome,
        reason=reading.reason,
        fields=tuple(fields),
        differences=differences,
    )


def _outcome_differences(recording: Recording, outcome: str, why: str | None) -> Iterator[str]:
    wanted = recording.expected.get("reply", {}).get("outcome")
    because = f" ({why})" if why else ""
    if wanted is None and outcome in _FAILURES:
        yield f"{outcome}{because}"
    # A delivery that is new to one database may be a duplicate in another.
    if wanted not in (None, outcome, Outcome.DUPLICATE) and outcome != Outcome.DUPLICATE:
        yield f"outcome {outcome}{because}, expected {wanted}"


def _reading_differences(recording: Recording, reading: Reading, endpoint: Endpoint) -> Iterator[str]:
    expected = recording.expected
    if "ignored" in expected and expected["ignored"] != reading.why:
        yield f"ignored because {reading.why!r}, expected {expected['ignored']!r}"
    if "shipments" in expected:
        shipments = [_as_read(shipment_to_json(shipment), endpoint) for shipment in reading.shipments]
        yield from _unlike("shipments", shipments, [_as_read(one, endpoint) for one in expected["shipments"]])


def _end_differences(recording: Recording, fields: list[Fields]) -> Iterator[str]:
    if not fields or fields[-1].state is None:
        return
    end = fields[-1]
    for name in ("state", "reason", "rule", "patch", "tracking"):
        got = getattr(end, name)
        if name in recording.expected:
            yield from _unlike(name, got, recording.expected[name])
    if end.reason == "internal_error":
        yield str(end.note)


def _unlike(name: str, got: Any, expected: Any) -> Iterator[str]:
    """A line for each place: ``shipments[0].tracking_number: "A", expected "B"``."""
    for place, one, other in unlike(name, got, expected):
        shown, wanted = ("nothing" if it is NOWHERE else json.dumps(it, ensure_ascii=False) for it in (one, other))
        yield f"{place}: {shown}, expected {wanted}"


def _as_read(shipment: Mapping[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    """The shipment without fields that the merchant's settings change: recordings expect what the adapter reads."""
    added = {"references"}
    if str(shipment.get("courier_code", "")).lower() in endpoint.couriers:
        added.add("courier")
    if not endpoint.carrier.numbered:
        added.add("tracking_number")
    return {name: value for name, value in shipment.items() if name not in added}


def _address(url: str, endpoint: Endpoint) -> tuple[str, str]:
    """Where to send: the origin, and the path of the endpoint that the URL names, or else of ``endpoint``."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    named = path.rpartition("/webhooks/")
    whole = path if named[1] and named[2] else f"{path.removesuffix('/webhooks')}/webhooks/{endpoint.name}"
    return f"{parts.scheme}://{parts.netloc}", whole


def _of_another_server(answer: Answer) -> str:
    """What a server answered that is no receiver."""
    kind, server = answer.headers.get("content-type", "no content type"), answer.headers.get("server")
    said = " ".join(answer.body[:_MOST_SAID].decode("utf-8", "replace").split())
    return f"this is no answer of a receiver ({server or 'unnamed server'}, {kind}): {said}".rstrip(": ")


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
