"""Redaction: a request is stored without its credentials, no matter how they are written."""

import base64
import json
import re
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from adapters import Request, Unreadable, strict_json
from receiver.config import Endpoint

REDACTED = "[redacted]"
#: Headers that are stored of every carrier.
KEPT_HEADERS = ("content-type", "user-agent")
#: Header names that carry credentials at one sender or another, whatever the endpoint's scheme.
_SENSITIVE = re.compile(
    r"auth|token|secret|signature|hmac|credential|cookie|password|(^|-)key$|api-?key|appkey|x-event-id"
)
#: Shorter texts would occur in bodies by chance.
_LEAST_SECRET = 6  # characters
_ESCAPES = re.compile(r"%[0-9A-F]{2}")


class Redaction:
    """Blanks the credentials of one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        schemes = (endpoint.scheme, *endpoint.carrier.auth)
        self._endpoint = endpoint.name
        self._kept = frozenset(endpoint.carrier.query)
        self._credential_headers = frozenset(name for scheme in schemes for name in scheme.credential_headers)
        self._stored_headers = frozenset((*KEPT_HEADERS, *endpoint.carrier.headers, *self._credential_headers))
        secrets = [*endpoint.secrets]
        if endpoint.scheme.kind == "basic":
            secrets += [secret.partition(":")[2] for secret in endpoint.secrets]
        if endpoint.fetch_credentials:
            secrets += [endpoint.fetch_credentials, endpoint.fetch_credentials.partition(":")[2]]
        written = {form for secret in secrets if len(secret) >= _LEAST_SECRET for form in _forms(secret)}
        self._written = tuple(sorted(written, key=len, reverse=True))
        self._written_bytes = tuple(form.encode() for form in self._written)
        self._fields = tuple(tuple(field.split(".")) for field in endpoint.carrier.secret_fields)
        names = "|".join(re.escape(names[-1]) for names in self._fields)
        self._field = re.compile(rf'("(?:{names})"\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|[^\s,}}\]]+)'.encode(), re.DOTALL)

    def target(self, request: Request) -> str:
        """The request target without possible secrets. The path's token is blanked, and every query value, unless the
        query is the carrier's message."""
        path = f"/webhooks/{self._endpoint}/{REDACTED}" if request.token else f"/webhooks/{self._endpoint}"
        query = "&".join(_pair(pair, self._kept) for pair in request.query.split("&") if pair)
        return quote(self.text(f"{path}?{query}" if query else path), safe="/%?&=[]-._~:+,;@!$'()*")

    def headers(self, request: Request) -> dict[str, str]:
        """The headers, with ``[redacted]`` for every value that is or holds a credential."""
        return {name: self._header(name, value) for name, value in request.headers.items()}

    def kept_headers(self, request: Request) -> dict[str, str]:
        """Of `headers`, those that are stored: those that the carrier's module names, and what the program of the
        sender calls itself. The others are no part of the message, and may say who a person is and where."""
        stored = self._stored_headers
        return {name: self._header(name, value) for name, value in request.headers.items() if name in stored}

    def body(self, body: bytes) -> bytes:
        """The body with the endpoint's secrets and the carrier's secret fields blanked; most bodies have neither."""
        for written in self._written_bytes:
            body = body.replace(written, REDACTED.encode())
        return self._without_fields(body) if self._fields else body

    def text(self, text: str) -> str:
        """A text that may quote the request, without the endpoint's secrets."""
        for written in self._written:
            text = text.replace(written, REDACTED)
        return text

    def _header(self, name: str, value: str) -> str:
        if name in self._credential_headers or _is_sensitive(name):
            return REDACTED
        return REDACTED if any(written in value for written in self._written) else value

    def _without_fields(self, body: bytes) -> bytes:
        try:
            payload = strict_json(body)
        except Unreadable:
            # The body cannot be parsed: every field of that name is blanked.
            return self._field.sub(rb'\1"%s"' % REDACTED.encode(), body)
        blanked = [_blank(payload, names) for names in self._fields]
        return json.dumps(payload).encode() if any(blanked) else body


@lru_cache(maxsize=1024)
def _is_sensitive(header: str) -> bool:
    return _SENSITIVE.search(header) is not None


def _pair(pair: str, kept: frozenset[str]) -> str:
    # A lone secret, even with base64 padding, is not a name.
    name, _, value = pair.partition("=")
    if name in kept:
        return pair
    return f"{name}={REDACTED}" if value.strip("=") else REDACTED


def _forms(secret: str) -> set[str]:
    """The ways to write a secret: plain, in header text, URLs, JSON, our own reasons, and base64 as in Basic."""
    in_urls = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    in_urls |= {_ESCAPES.sub(lambda escape: escape.group().lower(), form) for form in in_urls}
    in_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    in_json |= {form.replace("/", r"\/") for form in in_json}
    in_reasons = {repr(secret)[1:-1], ascii(secret)[1:-1]}
    in_base64 = {base64.b64encode(form.encode()).decode().rstrip("=") for form in (secret, f"{secret}:")}
    return {secret, secret.encode().decode("latin-1"), *in_urls, *in_json, *in_reasons, *in_base64}


def _blank(value: Any, names: tuple[str, ...]) -> bool:
    """Blank the field in place, in every item of lists on its path; whether it was found."""
    if isinstance(value, list):
        return sum(_blank(item, names) for item in value) > 0
    if not isinstance(value, dict) or names[0] not in value:
        return False
    if len(names) > 1:
        return _blank(value[names[0]], names[1:])
    value[names[0]] = REDACTED
    return True
