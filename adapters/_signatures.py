"""How carriers sign their requests. Signatures are computed over the bytes that arrived, never over a parsed body.

"Now" is ``request.received_at``: a recording is as fresh as when it arrived.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

from adapters._auth import AnySecret, matches_any, utf8, with_header
from adapters._contract import NotAuthentic, Request

Encoding = Literal["base64", "hex", "either"]
#: The clock difference that Standard Webhooks, Stripe's scheme and ShipEngine allow, either way.
WINDOW = timedelta(minutes=5)


def nfkd(secret: str) -> bytes:
    """The UTF-8 bytes of the NFKD-normalised secret (EasyPost's client libraries)."""
    return unicodedata.normalize("NFKD", secret).encode()


def from_hex(secret: str) -> bytes:
    """The bytes of a secret in hex (Onfleet, "Secrets"). Raises `ValueError`."""
    return _some(bytes.fromhex(secret))


def from_whsec(secret: str) -> bytes:
    """The bytes after ``whsec_`` (Standard Webhooks, "Signature scheme"). Raises `ValueError`."""
    return _some(base64.b64decode(secret.removeprefix("whsec_"), validate=True))


def _some(key: bytes) -> bytes:
    """The key. Raises `ValueError` if it is empty: anyone can sign with an empty key."""
    if not key:
        raise ValueError("an empty key")
    return key


#: How a key is made of the secret, in words.
_KEYS: dict[Callable[[str], bytes], str] = {
    nfkd: "; the key is the secret in Unicode's form NFKD",
    from_hex: "; the secret is the key in hex",
}


def whole_body(request: Request) -> bytes:
    return request.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Hmac(AnySecret):
    """A keyed hash in a header, over the exact body bytes or over the result of ``message``, which raises
    `NotAuthentic` if the request lacks a part of it.

    ``prefix`` must precede the hash, ``tolerated`` may; ``aliases`` are other names of the header. ``renamed``: the
    merchant may give the header another name. ``covers`` says in words what ``message`` gives.
    """

    kind: ClassVar[str] = "hmac"
    header: str
    encoding: Encoding
    digest: Literal["sha256", "sha512"] = "sha256"
    prefix: str = ""
    tolerated: str = ""
    aliases: tuple[str, ...] = ()
    renamed: bool = False
    key: Callable[[str], bytes] = utf8
    message: Callable[[Request], bytes] = whole_body
    covers: str = "the body"

    @property
    def credential_headers(self) -> tuple[str, ...]:
        return (self.header, *self.aliases)

    @property
    def signature(self) -> str:
        """What is signed and how it is written, in words."""
        written = "hex or base64" if self.encoding == "either" else self.encoding
        after = f" after `{self.prefix}`" if self.prefix else ""
        return f"HMAC-{self.digest.upper()} of {self.covers}, in {written}{after}{_KEYS.get(self.key, '')}"

    def under(self, header: str) -> "Hmac":
        """The same under a name of the merchant's, where the prefix may be missing."""
        return replace(self, header=header, prefix="", tolerated=self.prefix or self.tolerated)

    def fault(self, secret: str) -> str | None:
        try:
            self.key(secret)
        except (ValueError, binascii.Error):
            return "is not written as this carrier shows it"
        return None

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        written = required(request, *self.credential_headers)
        if not written.startswith(self.prefix):
            raise NotAuthentic(f"header {self.header} does not start with {self.prefix!r}")
        given = decoded(written[len(self.prefix) :].removeprefix(self.tolerated), self.encoding, self.header)
        message = self.message(request)
        macs = [self._mac(message, secret) for secret in secrets]
        if not any([matches_any(one, macs) for one in given]):  # noqa: C419  every one is looked at
            raise NotAuthentic(f"header {self.header} does not match the body under any configured secret")

    def sign(self, request: Request, secret: str) -> Request:
        mac = self._mac(self.message(request), secret)
        written = base64.b64encode(mac).decode() if self.encoding == "base64" else mac.hex()
        return with_header(request, self.header, self.prefix + written)

    def _mac(self, message: bytes, secret: str) -> bytes:
        return hmac.digest(self.key(secret), message, getattr(hashlib, self.digest))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped(AnySecret):
    """``t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`` in one header, the format known from Stripe."""

    kind: ClassVar[str] = "hmac"
    signature: ClassVar[str] = "`t=<Unix time>,v1=<HMAC-SHA256 of time.body, in hex>`"
    header: str
    window: timedelta = WINDOW

    @property
    def credential_headers(self) -> tuple[str, ...]:
        return (self.header,)

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        written = required(request, self.header)
        pairs = [part.strip().partition("=") for part in written.split(",")]
        stamps = [value for name, _, value in pairs if name == "t"]
        signatures = [value for name, _, value in pairs if name == "v1"]
        if len(stamps) != 1 or not signatures:
            raise NotAuthentic(f"header {self.header} is not t=…,v1=…")
        check_fresh(from_unix(stamps[0], self.header), request, self.window, self.header)
        macs = [_stamped_mac(stamps[0], request.body, secret) for secret in secrets]
        given = _decodable(signatures, "hex", self.header)
        if not any([matches_any(one, macs) for one in given]):  # noqa: C419  every one is looked at
            raise NotAuthentic(f"header {self.header} does not match the body under any configured secret")

    def sign(self, request: Request, secret: str) -> Request:
        stamp = str(int(request.received_at.timestamp()))
        return with_header(request, self.header, f"t={stamp},v1={_stamped_mac(stamp, request.body, secret).hex()}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardWebhooks(AnySecret):
    """``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``: HMAC-SHA256 of ``id.timestamp.body``, several
    signatures in one header (https://www.standardwebhooks.com, "Signature scheme"). Secrets begin with ``whsec_``.

    Svix, from which the standard comes, names them ``svix-id``, ``svix-timestamp``, ``svix-signature``. All three are
    of one kind; where both kinds are there, the standard's count.
    """

    kind: ClassVar[str] = "hmac"
    signature: ClassVar[str] = (
        "HMAC-SHA256 of `webhook-id.webhook-timestamp.body`, in base64 after `v1,`; the key is base64 after `whsec_`"
    )
    window: timedelta = WINDOW
    credential_headers: ClassVar[tuple[str, ...]] = ("webhook-signature", "svix-signature")

    def fault(self, secret: str) -> str | None:
        try:
            from_whsec(secret)
        except (ValueError, binascii.Error):
            return "is not base64 after 'whsec_', or nothing stands there"
        return None

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        signed = (kind for kind in ("webhook", "svix") if request.headers.get(f"{kind}-signature", "").strip())
        kind = next(signed, "webhook")
        parts = {name: required(request, f"{kind}-{name}") for name in ("id", "timestamp", "signature")}
        stamp = from_unix(parts["timestamp"], f"{kind}-timestamp")
        check_fresh(stamp, request, self.window, f"{kind}-timestamp")
        signatures = [one.removeprefix("v1,") for one in parts["signature"].split() if one.startswith("v1,")]
        if not signatures:
            raise NotAuthentic(f"header {kind}-signature has no signature of version v1")
        given = _decodable(signatures, "base64", f"{kind}-signature")
        macs = [self._mac(request, kind, secret) for secret in secrets]
        if not any([matches_any(one, macs) for one in given]):  # noqa: C419  every one is looked at
            raise NotAuthentic(f"header {kind}-signature does not match the body under any configured secret")

    def sign(self, request: Request, secret: str) -> Request:
        named = request if request.headers.get("webhook-id") else with_header(request, "webhook-id", "msg_replayed")
        stamped = with_header(named, "webhook-timestamp", str(int(request.received_at.timestamp())))
        return with_header(
            stamped, "webhook-signature", "v1," + base64.b64encode(self._mac(stamped, "webhook", secret)).decode()
        )

    def _mac(self, request: Request, kind: str, secret: str) -> bytes:
        head = f"{request.headers[f'{kind}-id'].strip()}.{request.headers[f'{kind}-timestamp'].strip()}."
        return hmac.digest(from_whsec(secret), head.encode("latin-1", "replace") + request.body, hashlib.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Salted(AnySecret):
    """Hex SHA-256 of ``body/key``: not an HMAC, but the key comes last, so nothing can be appended (17TRACK)."""

    kind: ClassVar[str] = "hmac"
    signature: ClassVar[str] = "SHA-256 of `body/secret`, in hex"
    header: str

    @property
    def credential_headers(self) -> tuple[str, ...]:
        return (self.header,)

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        written = required(request, self.header)
        digests = [_salted(request.body, secret) for secret in secrets]
        if not matches_any(decoded(written, "hex", self.header)[0], digests):
            raise NotAuthentic(f"header {self.header} does not match the body under any configured secret")

    def sign(self, request: Request, secret: str) -> Request:
        return with_header(request, self.header, _salted(request.body, secret).hex())


@dataclass(frozen=True, slots=True, kw_only=True)
class Jwt(AnySecret):
    """A JSON Web Token with HS256 in a header (RFC 7519). It authenticates the sender, but does not cover the body."""

    kind: ClassVar[str] = "jwt"
    signature: ClassVar[str] = "a JSON Web Token with HS256, which does not cover the body"
    header: str

    @property
    def credential_headers(self) -> tuple[str, ...]:
        return (self.header,)

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        written = required(request, self.header)
        signed, _, signature = written.rpartition(".")
        head, claims = (self._part(part) for part in (signed.split(".") if signed.count(".") == 1 else ("", "")))
        if head.get("alg") != "HS256":
            raise NotAuthentic(f"header {self.header} is signed by {str(head.get('alg'))[:20]!r}, not by HS256")
        macs = [hmac.digest(utf8(secret), signed.encode("latin-1", "replace"), hashlib.sha256) for secret in secrets]
        if not matches_any(self._bytes(signature), macs):
            raise NotAuthentic(f"header {self.header} is signed with none of the configured secrets")
        now = request.received_at.timestamp()
        if now > self._time(claims, "exp", now) or now < self._time(claims, "nbf", now):
            raise NotAuthentic(f"header {self.header} holds a token that is not valid at this time")

    def sign(self, request: Request, secret: str) -> Request:
        signed = ".".join(_in_url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, {}))
        mac = hmac.digest(utf8(secret), signed.encode(), hashlib.sha256)
        return with_header(request, self.header, f"{signed}.{_in_url(mac)}")

    def _part(self, encoded: str) -> dict[str, Any]:
        try:
            part = json.loads(self._bytes(encoded))
        except (ValueError, RecursionError):
            part = None
        if not isinstance(part, dict):
            raise NotAuthentic(f"header {self.header} is no JSON Web Token")
        return part

    def _time(self, claims: dict[str, Any], name: str, otherwise: float) -> float:
        value = claims.get(name, otherwise)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise NotAuthentic(f"header {self.header} holds a token whose {name} is no time")
        return value

    def _bytes(self, encoded: str) -> bytes:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", encoded):
            raise NotAuthentic(f"header {self.header} is no JSON Web Token")
        try:
            return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except (ValueError, binascii.Error):
            raise NotAuthentic(f"header {self.header} is no JSON Web Token") from None


def required(request: Request, *names: str) -> str:
    """The value of the first of these headers that is present. Raises `NotAuthentic` if none is."""
    written = next(filter(None, (request.headers.get(name, "").strip() for name in names)), "")
    if not written:
        raise NotAuthentic(f"header {names[0]} is missing")
    return written


def decoded(written: str, encoding: Encoding, header: str) -> list[bytes]:
    """The bytes that a signature may mean: under ``either`` a text may be both hex and base64.

    Raises `NotAuthentic`.
    """
    found: list[bytes] = []
    if encoding in ("hex", "either"):
        with contextlib.suppress(ValueError):
            found.append(bytes.fromhex(written))
    if encoding in ("base64", "either"):
        with contextlib.suppress(ValueError, binascii.Error):
            found.append(base64.b64decode(written, validate=True))
    if not found:
        wanted = "neither hex nor base64" if encoding == "either" else f"not {encoding}"
        raise NotAuthentic(f"header {header} is {wanted}")
    return found


def _decodable(signatures: Sequence[str], encoding: Encoding, header: str) -> list[bytes]:
    """The bytes of those that can be decoded: one that cannot hides no good one beside it. Raises `NotAuthentic` where
    none can."""
    found: list[bytes] = []
    for signature in signatures:
        with contextlib.suppress(NotAuthentic):
            found += decoded(signature, encoding, header)
    return found or decoded(signatures[0], encoding, header)


def from_unix(written: str, header: str) -> datetime:
    """A time in whole seconds. Raises `NotAuthentic`."""
    if not (written.isascii() and written.isdecimal() and len(written) < 12):
        raise NotAuthentic(f"header {header} holds no Unix time")
    return datetime.fromtimestamp(int(written), UTC)


def check_fresh(stamp: datetime, request: Request, window: timedelta, header: str) -> None:
    """Raise `NotAuthentic` if it was signed too long ago, or in the future."""
    if abs(request.received_at - stamp) > window:
        raise NotAuthentic(f"header {header} is more than {int(window.total_seconds())} s off our clock")


def _stamped_mac(stamp: str, body: bytes, secret: str) -> bytes:
    return hmac.digest(utf8(secret), stamp.encode() + b"." + body, hashlib.sha256)


def _salted(body: bytes, secret: str) -> bytes:
    return hashlib.sha256(body + b"/" + utf8(secret)).digest()


def _in_url(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
