"""How carriers authenticate: the protocol of all schemes, and the schemes that send their secret with the request.
`adapters._signatures` has those that sign.

`Scheme.check` raises `NotAuthentic` or passes. It returns no result that a caller could forget to check. Every
comparison is constant-time and compares every secret. A scheme can also ``sign`` a request, so that recordings, whose
credentials were redacted, can be sent again.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qsl, quote, urlencode

from adapters._contract import NotAuthentic, Request

#: Kinds of schemes whose proof is in the request's head alone.
WITHOUT_BODY = ("header", "bearer", "basic", "query", "path", "jwt", "oauth")


class Scheme(Protocol):
    """One way to authenticate the sender. ``kind`` is its name in the configuration."""

    @property
    def kind(self) -> str: ...
    @property
    def credential_headers(self) -> tuple[str, ...]:
        """Lower-case names of the headers whose values are credentials."""

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        """Raise `NotAuthentic` unless the request proves knowledge of one of ``secrets``."""

    def sign(self, request: Request, secret: str) -> Request:
        """The same request, authenticated with ``secret``."""

    def fault(self, secret: str) -> str | None:
        """Why ``secret`` is unusable under this scheme; ``None``: it is usable."""


class AnySecret:
    """A scheme that accepts any text as the secret."""

    __slots__ = ()

    def fault(self, secret: str) -> str | None:  # noqa: ARG002  the protocol's signature
        return None


def matches_any(given: bytes, expected: Sequence[bytes]) -> bool:
    """Whether ``given`` is one of ``expected``, compared in constant time and always with every one."""
    found = False
    for candidate in expected:
        found |= hmac.compare_digest(given, candidate)
    return found


def with_header(request: Request, name: str, value: str) -> Request:
    """The request with one more header; text beyond latin-1 is sent as its UTF-8 bytes (PEP 3333)."""
    return replace(request, headers={**request.headers, name: value.encode().decode("latin-1")})


def utf8(secret: str) -> bytes:
    """A secret's bytes, as most carriers take them."""
    return secret.encode()


@dataclass(frozen=True, slots=True)
class Header(AnySecret):
    """A header whose value is the secret. The merchant may choose ``name``. ``issued``: the carrier makes the secret,
    and the merchant copies it; else the merchant makes it up."""

    kind: ClassVar[str] = "header"
    name: str = ""
    issued: bool = False

    @property
    def credential_headers(self) -> tuple[str, ...]:
        return (self.name,)

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        given = request.headers.get(self.name)
        if not given:
            raise NotAuthentic(f"header {self.name} is missing")
        if not matches_any(_header_bytes(given), [utf8(secret) for secret in secrets]):
            raise NotAuthentic(f"header {self.name} holds another value than the configured secrets")

    def sign(self, request: Request, secret: str) -> Request:
        return with_header(request, self.name, secret)


@dataclass(frozen=True, slots=True)
class Bearer(AnySecret):
    """``Authorization: Bearer <secret>`` (RFC 6750). ``issued`` as in `Header`."""

    kind: ClassVar[str] = "bearer"
    credential_headers: ClassVar[tuple[str, ...]] = ("authorization",)
    issued: bool = False

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            raise NotAuthentic("header authorization carries no bearer token")
        if not matches_any(_header_bytes(given.strip(" \t")), [utf8(secret) for secret in secrets]):
            raise NotAuthentic("the bearer token is none of the configured secrets")

    def sign(self, request: Request, secret: str) -> Request:
        return with_header(request, "authorization", f"Bearer {secret}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """HTTP Basic (RFC 7617); the secret is ``user:password``.

    With ``user_is_key`` the carrier puts an API key in the user name and anything in the password: a secret without
    a colon is then compared with the user name alone.
    """

    kind: ClassVar[str] = "basic"
    credential_headers: ClassVar[tuple[str, ...]] = ("authorization",)
    user_is_key: bool = False

    def fault(self, secret: str) -> str | None:
        return None if ":" in secret or self.user_is_key else "must be 'user:password' for Basic authentication"

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
            found |= hmac.compare_digest(given if whole else user, utf8(secret))
        if not found:
            raise NotAuthentic("the Basic credentials are none of the configured secrets")

    def sign(self, request: Request, secret: str) -> Request:
        credentials = secret if ":" in secret else f"{secret}:"
        return with_header(request, "authorization", "Basic " + base64.b64encode(credentials.encode()).decode())


@dataclass(frozen=True, slots=True)
class Query(AnySecret):
    """A secret in the query string, for carriers that can only be given a URL."""

    kind: ClassVar[str] = "query"
    credential_headers: ClassVar[tuple[str, ...]] = ()
    name: str = "token"

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        given = [value for name, value in parse_qsl(request.query, keep_blank_values=True) if name == self.name]
        if len(given) != 1:
            raise NotAuthentic(f"query parameter {self.name} is {'there more than once' if given else 'missing'}")
        if not matches_any(_text_bytes(given[0]), [utf8(secret) for secret in secrets]):
            raise NotAuthentic(f"query parameter {self.name} is none of the configured secrets")

    def sign(self, request: Request, secret: str) -> Request:
        kept = [(name, value) for name, value in parse_qsl(request.query, keep_blank_values=True) if name != self.name]
        return replace(request, query=urlencode([*kept, (self.name, secret)]))


@dataclass(frozen=True, slots=True)
class Path(AnySecret):
    """A secret as the last segment of the URL: ``/webhooks/<endpoint>/<secret>``."""

    kind: ClassVar[str] = "path"
    credential_headers: ClassVar[tuple[str, ...]] = ()

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        if not request.token:
            raise NotAuthentic("the URL ends without its token")
        if not matches_any(_text_bytes(request.token), [utf8(secret) for secret in secrets]):
            raise NotAuthentic("the token in the URL is none of the configured secrets")

    def sign(self, request: Request, secret: str) -> Request:
        base = request.path
        if request.token:
            base = base.removesuffix("/" + request.token).removesuffix("/" + quote(request.token, safe=""))
        return replace(request, path=f"{base}/{quote(secret, safe='')}", token=secret)


class UnknownKey(NotAuthentic):
    """The request names an unknown key: the carrier may have changed its keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RsaJwks:
    """RSA-SHA256 (PKCS #1 v1.5) over ``<timestamp>.<body>``, by a key that the carrier publishes at ``keys_url`` as a
    JSON Web Key Set (RFC 7517).

    The secrets are such sets, or keys in PEM. If none is configured, the receiver fetches the set. A request that names
    no key of the sets raises `UnknownKey`. Only a private key in PEM can ``sign``.
    """

    kind: ClassVar[str] = "rsa"
    signature: ClassVar[str] = "RSA-SHA256 (PKCS #1 v1.5) of `time.body`, in base64; the carrier publishes the key"
    signature_header: str
    key_id_header: str
    timestamp_header: str
    keys_url: str
    window: timedelta = timedelta(minutes=5)

    @property
    def credential_headers(self) -> tuple[str, ...]:
        return (self.signature_header,)

    def fault(self, secret: str) -> str | None:
        try:
            _rsa_keys(secret)
        except (ValueError, TypeError, KeyError, AttributeError):
            return "is neither an RSA key in PEM nor a JSON Web Key Set"
        return None

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        written, key_id, stamp = (
            request.headers.get(name, "").strip()
            for name in (self.signature_header, self.key_id_header, self.timestamp_header)
        )
        if not (written and key_id and stamp):
            raise NotAuthentic(
                f"header {self.signature_header}, {self.key_id_header} or {self.timestamp_header} is missing"
            )
        self._check_fresh(stamp, request)
        try:
            signature = base64.b64decode(written, validate=True)
        except (ValueError, binascii.Error):
            raise NotAuthentic(f"header {self.signature_header} is not base64") from None
        fitting = [key for secret in secrets for name, key in _rsa_keys(secret) if name in (None, key_id)]
        if not fitting:
            raise UnknownKey(f"header {self.key_id_header} names a key that is not among those at hand")
        message = stamp.encode("latin-1", "replace") + b"." + request.body
        if not any([_verifies(key, signature, message) for key in fitting]):  # noqa: C419  every one is tried
            raise NotAuthentic(f"header {self.signature_header} does not match the body under any key of that name")

    def sign(self, request: Request, secret: str) -> Request:
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415  see `_rsa_keys`
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415

        stamp = request.received_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        message = stamp.encode() + b"." + request.body
        signature = _private_key(secret).sign(message, PKCS1v15(), hashes.SHA256())
        signed = with_header(request, self.signature_header, base64.b64encode(signature).decode())
        signed = with_header(signed, self.timestamp_header, stamp)
        return signed if signed.headers.get(self.key_id_header) else with_header(signed, self.key_id_header, "replayed")

    def _check_fresh(self, written: str, request: Request) -> None:
        try:
            stamp = datetime.fromisoformat(written)
            off = abs(request.received_at - stamp)
        except (ValueError, TypeError, OverflowError):
            raise NotAuthentic(f"header {self.timestamp_header} holds no time with an offset") from None
        if off > self.window:
            raise NotAuthentic(
                f"header {self.timestamp_header} is more than {int(self.window.total_seconds())} s off our clock"
            )


#: Shorter RSA keys prove nothing: they can be factored, or soon will be.
_LEAST_RSA_BITS = 2048


@lru_cache(maxsize=32)  # fetched sets come and go
def _rsa_keys(secret: str) -> tuple[tuple[str | None, Any], ...]:
    """``(key id, public key)`` of a JSON Web Key Set; a key in PEM matches every name.

    Raises `ValueError` and what its parts raise. The import is here because it is slow, and only one carrier needs it.
    """
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    key: Any
    if "PRIVATE KEY-----" in secret:
        key = serialization.load_pem_private_key(secret.encode(), None).public_key()
    elif "-----BEGIN" in secret:
        key = serialization.load_pem_public_key(secret.encode())
    else:
        rows = [row for row in json.loads(secret)["keys"] if row["kty"] == "RSA" and row.get("use", "sig") == "sig"]
        numbers = [(row["kid"], _base64_number(row["n"]), _base64_number(row["e"])) for row in rows]
        found = [
            (name, rsa.RSAPublicNumbers(e, n).public_key())
            for name, n, e in numbers
            if n.bit_length() >= _LEAST_RSA_BITS
        ]
        if not found:
            raise ValueError("no RSA key for signatures")
        return tuple(found)
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _LEAST_RSA_BITS:
        raise ValueError("no RSA key for signatures")
    return ((None, key),)


@lru_cache(maxsize=4)  # its numbers are proven at each reading: that takes as long as a hundred signatures
def _private_key(pem: str) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415  see `_rsa_keys`

    return load_pem_private_key(pem.encode(), None)


def _base64_number(written: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)), "big")


def _verifies(key: Any, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  see `_rsa_keys`
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415

    try:
        key.verify(signature, message, PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _header_bytes(given: str) -> bytes:
    """The bytes on the wire: header text is latin-1 (RFC 9110, 5.5; PEP 3333)."""
    return given.encode("latin-1", errors="replace")


def _text_bytes(given: str) -> bytes:
    return given.encode(errors="replace")
