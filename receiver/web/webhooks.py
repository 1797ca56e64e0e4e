"""``/webhooks/<endpoint>[/<token>]``: carriers POST here. ``/webhooks/<endpoint>/oauth/token``: some carriers first
fetch a token here."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, request
from werkzeug.exceptions import BadRequest, MethodNotAllowed, RequestEntityTooLarge

from adapters import ClientCredentials, NotAuthentic, Request
from adapters._auth import WITHOUT_BODY
from receiver.config import Config, Endpoint
from receiver.intake import Intake, Outcome, Result
from receiver.intake.unknown_routes import RouteCause, UntakenRequests
from receiver.log_context import about
from receiver.store import StoreUnavailable
from receiver.store.counters import ACCEPT_SECONDS, INCOMPLETE, PROBES, REJECTS, Counters
from receiver.web import tokens
from receiver.web.access_lines import AccessLines
from receiver.web.clients import one_client
from receiver.web.incoming import whole_body
from receiver.web.outage import Outage
from receiver.web.people import Throttle
from receiver.web.replies import problem, reply

#: The most bytes of a token request: a form of a few fields. Its content is not used.
_TOKEN_BODY = 16 * 1024
#: Bytes of a carrier's check of the URL.
_MOST_CHECK = 2_000
#: Unproven requests that one endpoint records in a minute: of one address, and of all together, from where on each
#: address gets one try; and of how many addresses. Further ones are only counted, and hear 429. Each is looked at all
#: the same, which costs little: a right proof always enters, because many a carrier never sends a webhook again.
MOST_UNPROVEN, MOST_OF_ALL, MOST_STRANGERS = 60, 600, 1_000
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def blueprint(
    config: Config,
    intake: Intake,
    unknown: UntakenRequests,
    counters: Counters,
    outage: Outage,
    *,
    clock: Callable[[], float],
) -> Blueprint:
    """The routes of the configured endpoints; ``unknown`` hears of requests that none of them takes, ``counters`` how
    long the others took, ``outage`` what could not be stored."""
    webhooks = _Webhooks(config, intake, unknown, counters, outage, clock)
    routes = Blueprint("webhooks", __name__)
    options: dict[str, Any] = {"methods": _METHODS, "strict_slashes": False, "provide_automatic_options": False}
    routes.add_url_rule("/webhooks/<name>", "receive", webhooks.receive, defaults={"token": ""}, **options)
    routes.add_url_rule("/webhooks/<name>/<path:token>", "receive", webhooks.receive, **options)
    routes.add_url_rule("/webhooks/<name>/oauth/token", "token", webhooks.token, **options)
    return routes


class _Webhooks:
    """The views. Each endpoint has a throttle of its own."""

    def __init__(
        self, config: Config, intake: Intake, unknown: UntakenRequests, counters: Counters, outage: Outage,
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._intake, self._unknown, self._counters, self._outage = intake, unknown, counters, outage
        self._clock, self._lines, self._by_name = clock, AccessLines(clock), _finder(config)
        self._throttles = {
            name: Throttle(clock, of_one=MOST_UNPROVEN, of_all=MOST_OF_ALL, addresses=MOST_STRANGERS)
            for name in config.endpoints
        }

    def receive(self, name: str, token: str) -> Response:
        """A webhook."""
        began, endpoint = time.perf_counter(), _taken(self._by_name(name), name, token, self._unknown)
        throttle, sender = self._throttles[endpoint.name], one_client(request.remote_addr or "")
        left = throttle.wait(sender)
        now = datetime.fromtimestamp(self._clock(), UTC)
        if not _may_be_heard(endpoint, token, now, self._intake, noted=not left):
            return self._refused(throttle, sender, left)
        incoming = _request(endpoint, token, self._body(endpoint), now)
        with about():
            try:
                result = self._intake.receive(endpoint, incoming, noted=not left)
            except StoreUnavailable as error:
                self._outage.refused(endpoint, error)
                return problem(503)
            if left and _proven(result) is False:
                return self._refused(throttle, sender, left)
            answer, seconds = reply(endpoint, result), time.perf_counter() - began
            self._lines.write(endpoint, incoming, result, status=answer.status_code, seconds=seconds)
        throttle.count(sender, proven=_proven(result))
        self._outage.over()
        _count(self._counters, endpoint, result, seconds, now=self._clock())
        return answer

    def _body(self, endpoint: Endpoint) -> bytes:
        """The whole body. One that is too large is noted: its carrier stops, and may not send it again. One that breaks
        off is counted: a proxy or a network in between may cut off all that are long."""
        try:
            return whole_body(endpoint.max_body)
        except RequestEntityTooLarge:
            self._unknown.note(endpoint.name, RouteCause.TOO_LARGE, method=request.method)
            raise
        except BadRequest:
            self._lines.write_incomplete(endpoint, request.remote_addr or "")
            self._counters.later(REJECTS, endpoint.name, INCOMPLETE)
            self._counters.flush(now=self._clock())
            raise

    def _refused(self, throttle: Throttle, sender: str, left: int) -> Response:
        """The answer to an unproven request: 401, or 429 while its sender must wait ``left`` seconds."""
        self._counters.flush(now=self._clock())
        if left:
            return problem(429, retry_after=left)
        throttle.count(sender, proven=False)
        return problem(401)

    def token(self, name: str) -> Response:
        """A request for the token that the endpoint's webhooks are to bring."""
        endpoint = self._by_name(name)
        if endpoint is None or not isinstance(endpoint.scheme, ClientCredentials):
            cause = RouteCause.PATH if endpoint else RouteCause.ENDPOINT
            self._unknown.note(name, cause, method=request.method, has_token=True)
            abort(404)
        if request.method != "POST":
            self._unknown.note(name, RouteCause.METHOD, method=request.method)
            raise MethodNotAllowed(("POST",))
        throttle, sender = self._throttles[endpoint.name], one_client(request.remote_addr or "")
        left = throttle.wait(sender)
        incoming = _request(endpoint, "", whole_body(_TOKEN_BODY), datetime.fromtimestamp(self._clock(), UTC))
        answer = tokens.answer(endpoint, endpoint.scheme, incoming, self._intake, noted=not left)
        if left and answer.status_code == 401:
            return self._refused(throttle, sender, left)
        throttle.count(sender, proven={200: True, 401: False}.get(answer.status_code))
        return answer


def _count(counters: Counters, endpoint: Endpoint, result: Result, seconds: float, *, now: float) -> None:
    """Count how long it took, and a probe: no transaction is about either."""
    if result.outcome is Outcome.PROBE:
        counters.later(PROBES, endpoint.name)
    counters.time(ACCEPT_SECONDS, seconds)
    counters.flush(now=now)


def _taken(endpoint: Endpoint | None, name: str, token: str, unknown: UntakenRequests) -> Endpoint:
    """The endpoint, if it takes this path, method and encoding. Raises 404, 405 or 415, noted for the operator."""
    if endpoint is None or (token and endpoint.scheme.kind != "path"):
        cause = RouteCause.PATH if endpoint else RouteCause.ENDPOINT
        unknown.note(name, cause, method=request.method, has_token=bool(token))
        abort(404)
    probe = endpoint.carrier.probe
    allowed = (*endpoint.carrier.methods, *(probe.methods if probe else ()))
    if request.method not in allowed:
        unknown.note(name, RouteCause.METHOD, method=request.method, has_token=bool(token))
        raise MethodNotAllowed(allowed)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        unknown.note(name, RouteCause.ENCODING, method=request.method, has_token=bool(token))
        abort(415)
    return endpoint


def _proven(result: Result) -> bool | None:
    """Whether the sender proved itself; ``None`` for a check of the URL, which needs no proof."""
    if result.outcome is Outcome.PROBE:
        return False if result.why else None
    return result.outcome is not Outcome.UNAUTHENTICATED


def _finder(config: Config) -> Callable[[str], Endpoint | None]:
    """The endpoint of a name. ``-`` and ``_`` are one sign: carriers' panels and our table of carriers write both. The
    exact name wins; a name that could be either of two is none."""
    alike: dict[str, list[Endpoint]] = {}
    for name, endpoint in config.endpoints.items():
        alike.setdefault(name.replace("_", "-"), []).append(endpoint)

    def find(name: str) -> Endpoint | None:
        found = alike.get(name.replace("_", "-"), [])
        return config.endpoints.get(name) or (found[0] if len(found) == 1 else None)

    return find


def _may_be_heard(endpoint: Endpoint, token: str, now: datetime, intake: Intake, *, noted: bool) -> bool:
    """False: the sender is refused before its body is read. No part of the body proves it, and it is no check of the
    URL, which comes without a proof: the body is too long, or in chunks, and so of any length, where no check is
    known."""
    if endpoint.scheme.kind not in WITHOUT_BODY:
        return True
    declared, is_chunked = request.content_length, "Transfer-Encoding" in request.headers
    is_long = endpoint.carrier.probe is None if is_chunked else (declared or 0) > _MOST_CHECK
    if not is_long:
        return True
    try:
        intake.authenticate(endpoint, _request(endpoint, token, b"", now), endpoint.scheme.check, noted=noted)
    except NotAuthentic:
        return False
    return True


def _request(endpoint: Endpoint, token: str, body: bytes, now: datetime) -> Request:
    raw_target = str(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.full_path)
    return Request(
        method=request.method,
        path=raw_target.partition("?")[0],
        query=request.query_string.decode("latin-1"),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        received_at=now,
        token=token,
        zone=endpoint.zone,
        client=request.remote_addr or "",
    )
