"""The merchant's credentials for calls to a carrier: a header, or a token that they are exchanged for."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from adapters import Exchange
from receiver.config import Endpoint
from receiver.http import Answer, NoAnswer

#: Makes a call for an endpoint: method, URL, headers, body.
Call = Callable[[Endpoint, str, str, dict[str, str], bytes | None], Answer]


class Credentials:
    """Makes calls with an endpoint's ``fetch_credentials``; tokens are kept in memory until they expire.

    ``clock`` is Unix time in seconds.
    """

    def __init__(self, call: Call, *, clock: Callable[[], float]) -> None:
        self._call, self._clock = call, clock
        self._tokens: dict[str, tuple[str, float]] = {}

    def call(self, endpoint: Endpoint, method: str, url: str, headers: dict[str, str]) -> Answer:
        """The call's answer, or the answer that refused a token. Raises `NoAnswer`."""
        exchange = endpoint.carrier.credentials
        if not isinstance(exchange, Exchange):
            return self._call(endpoint, method, url, {**headers, **_header(endpoint)}, None)
        former = self._tokens.get(endpoint.name)
        answer = self._with_token(endpoint, exchange, method, url, headers)
        if former is not None and answer.status in (401, 403):
            # The token may have been revoked early.
            self._tokens.pop(endpoint.name, None)
            answer = self._with_token(endpoint, exchange, method, url, headers)
        return answer

    def _with_token(
        self, endpoint: Endpoint, exchange: Exchange, method: str, url: str, headers: dict[str, str]
    ) -> Answer:
        token, until = self._tokens.get(endpoint.name, ("", 0.0))
        if self._clock() >= until:
            answer = self._exchanged(endpoint, exchange)
            if answer.status != 200:
                return Answer(401, answer.headers, b"") if 400 <= answer.status < 408 else answer
            token = _token(answer, exchange)
            self._tokens[endpoint.name] = token, self._clock() + exchange.lives.total_seconds()
        separator = "&" if "?" in url else "?"
        return self._call(endpoint, method, f"{url}{separator}{exchange.query}={quote(token, safe='')}", headers, None)

    def _exchanged(self, endpoint: Endpoint, exchange: Exchange) -> Answer:
        halves = (endpoint.fetch_credentials or "").split(":", 1)
        body = urlencode(dict(zip(exchange.fields, halves, strict=True))).encode()
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        return self._call(endpoint, "POST", exchange.url, headers, body)


def _token(answer: Answer, exchange: Exchange) -> str:
    try:
        payload: Any = json.loads(answer.body)
    except (ValueError, RecursionError):
        payload = None
    token = payload.get(exchange.token) if isinstance(payload, dict) else None
    if not isinstance(token, str) or not token:
        raise NoAnswer("the answer to the credentials holds no token", answer.status)
    return token


def _header(endpoint: Endpoint) -> dict[str, str]:
    kind, credentials = endpoint.carrier.credentials, endpoint.fetch_credentials
    if not isinstance(kind, str) or credentials is None:
        return {}
    if kind == "basic":
        return {"Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}
    return {"Authorization": f"Bearer {credentials}"} if kind == "bearer" else {kind: credentials}
