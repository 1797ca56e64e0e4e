"""How carriers prove themselves. `Scheme.check` raises `NotAuthentic` or passes; it never returns a verdict that
somebody could forget to look at.

Every comparison is constant-time and looks at every secret. A scheme also knows how to ``sign`` a request, so that
recordings, whose credentials were redacted, can be sent again.
"""

import base64
import binascii
import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Protocol
from urllib.parse import parse_qsl, quote, urlencode

from adapters._contract import NotAuthentic, Request


class Scheme(Protocol):
    """One way of proving the sender. ``kind`` is its name in the configuration."""

    @property
    def kind(self) -> str: ...
    @property
    def credential_headers(self) -> tuple[str, ...]:
        """Lower-case names of the headers whose values are credentials."""

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        """Raise `NotAuthentic` unless the request proves one of ``secrets``."""

    def sign(self, request: Request, secret: str) -> Request:
        """The same request, proven with ``secret``."""


def _matches_any(given: bytes, expected: Sequence[bytes]) -> bool:
    found = False
    for candidate in expected:
        found |= hmac.compare_digest(given, candidate)
    return found


def _with_header(request: Request, name: str, value: str) -> Request:
    return replace(request, headers={**request.headers, name: value.encode().decode("latin-1")})


def _utf8(secret: str) -> bytes:
    return secret.encode()


def nfkd(secret: str) -> bytes:
    """The UTF-8 bytes of the NFKD-normalised secret (EasyPost's client libraries)."""
    return unicodedata.normalize("NFKD", secret).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hmac:
    """A keyed hash over the exact body bytes, in a header."""

    kind: ClassVar[str] = "hmac"
    header: str
    encoding: Literal["base64", "hex"]
    digest: Literal["sha256", "sha512"] = "sha256"
    prefix: str = ""
    key: Callable[[str], bytes] = _utf8

    @property
    def credential_headers(self) -> tuple[str, ...]:
        return (self.header,)

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        written = request.headers.get(self.header, "").strip()
        if not written:
            raise NotAuthentic(f"header {self.header} is missing")
        if not written.startswith(self.prefix):
            raise NotAuthentic(f"header {self.header} does not start with {self.prefix!r}")
        try:
            given = self._decode(written[len(self.prefix) :])
        except (ValueError, binascii.Error):
            raise NotAuthentic(f"header {self.header} is not {self.encoding}") from None
        if not _matches_any(given, [self._mac(request.body, secret) for secret in secrets]):
            raise NotAuthentic(f"header {self.header} does not match the body under any configured secret")

    def sign(self, request: Request, secret: str) -> Request:
        mac = self._mac(request.body, secret)
        written = mac.hex() if self.encoding == "hex" else base64.b64encode(mac).decode()
        return _with_header(request, self.header, self.prefix + written)

    def _mac(self, body: bytes, secret: str) -> bytes:
        return hmac.digest(self.key(secret), body, getattr(hashlib, self.digest))

    def _decode(self, written: str) -> bytes:
        if self.encoding == "hex":
            return bytes.fromhex(written)
        return base64.b64decode(written, validate=True)


@dataclass(frozen=True, slots=True)
class Header:
    """A header that simply carries the secret. ``name`` may be left to the merchant."""

    kind: ClassVar[str] = "header"
    name: str = ""

    @property
    def credential_headers(self) -> tuple[str, ...]:
        return (self.name,)

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        given = request.headers.get(self.name)
        if not given:
            raise NotAuthentic(f"header {self.name} is missing")
        if not _matches_any(_header_bytes(given), [_utf8(secret) for secret in secrets]):
            raise NotAuthentic(f"header {self.name} holds another value than the configured secrets")

    def sign(self, request: Request, secret: str) -> Request:
        return _with_header(request, self.name, secret)


@dataclass(frozen=True, slots=True)
class Bearer:
    """``Authorization: Bearer <secret>`` (RFC 6750)."""

    kind: ClassVar[str] = "bearer"
    credential_headers: ClassVar[tuple[str, ...]] = ("authorization",)

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            raise NotAuthentic("header authorization carries no bearer token")
        if not _matches_any(_header_bytes(given.strip(" \t")), [_utf8(secret) for secret in secrets]):
            raise NotAuthentic("the bearer token is none of the configured secrets")

    def sign(self, request: Request, secret: str) -> Request:
        return _with_header(request, "authorization", f"Bearer {secret}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """HTTP Basic (RFC 7617); the secret is ``user:password``.

    With ``user_is_key`` the carrier puts an API key in the user name and anything in the password: a secret without
    a colon is then compared with the user name alone.
    """

    kind: ClassVar[str] = "basic"
    credential_headers: ClassVar[tuple[str, ...]] = ("authorization",)
    user_is_key: bool = False

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic" or not encoded:
            raise NotAuthentic("header authorization carries no Basic credentials")
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (ValueError, binascii.Error):
            raise NotAuthentic("header authorization is not base64") from None
        user = given.partition(b":")[0]
        found = False
        for secret in secrets:
            whole = ":" in secret or not self.user_is_key
            found |= hmac.compare_digest(given if whole else user, _utf8(secret))
        if not found:
            raise NotAuthentic("the Basic credentials are none of the configured secrets")

    def sign(self, request: Request, secret: str) -> Request:
        credentials = secret if ":" in secret else f"{secret}:"
        return _with_header(request, "authorization", "Basic " + base64.b64encode(credentials.encode()).decode())


@dataclass(frozen=True, slots=True)
class Query:
    """A secret in the query string, for carriers that can only be given a URL."""

    kind: ClassVar[str] = "query"
    credential_headers: ClassVar[tuple[str, ...]] = ()
    name: str = "token"

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        given = [value for name, value in parse_qsl(request.query, keep_blank_values=True) if name == self.name]
        if len(given) != 1:
            raise NotAuthentic(f"query parameter {self.name} is {'there more than once' if given else 'missing'}")
        if not _matches_any(_text_bytes(given[0]), [_utf8(secret) for secret in secrets]):
            raise NotAuthentic(f"query parameter {self.name} is none of the configured secrets")

    def sign(self, request: Request, secret: str) -> Request:
        kept = [(name, value) for name, value in parse_qsl(request.query, keep_blank_values=True) if name != self.name]
        return replace(request, query=urlencode([*kept, (self.name, secret)]))


@dataclass(frozen=True, slots=True)
class Path:
    """A secret as the last segment of the URL: ``/webhooks/<endpoint>/<secret>``."""

    kind: ClassVar[str] = "path"
    credential_headers: ClassVar[tuple[str, ...]] = ()

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        if not request.token:
            raise NotAuthentic("the URL ends without its token")
        if not _matches_any(_text_bytes(request.token), [_utf8(secret) for secret in secrets]):
            raise NotAuthentic("the token in the URL is none of the configured secrets")

    def sign(self, request: Request, secret: str) -> Request:
        base = request.path
        if request.token:
            base = base.removesuffix("/" + request.token).removesuffix("/" + quote(request.token, safe=""))
        return replace(request, path=f"{base}/{quote(secret, safe='')}", token=secret)


def _header_bytes(given: str) -> bytes:
    """The bytes on the wire: header text is latin-1 (RFC 9110, 5.5; PEP 3333)."""
    return given.encode("latin-1", errors="replace")


def _text_bytes(given: str) -> bytes:
    return given.encode(errors="replace")
