"""Carriers that fetch a token from us before they send."""

import base64
import binascii
import hashlib
import hmac
import secrets as chance
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes

from adapters._auth import AnySecret, matches_any, utf8, with_header
from adapters._contract import NotAuthentic, Request, Unreadable
from adapters._signatures import decoded
from adapters._values import form


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials(AnySecret):
    """The carrier fetches a token from us (RFC 6749, 4.4) and sends it as ``Authorization: Bearer``.

    The secret is ``client_id:client_secret``. A token contains its expiry and a keyed hash of it, so every process can
    check it and none is stored. If ``id_header`` is present, it must name the client. With ``in_form`` a token request
    may hold the client's credentials in its form instead of a header (2.3.1); never in both.
    """

    kind: ClassVar[str] = "oauth"
    id_header: str = "x-api-key"
    lives: timedelta = timedelta(hours=1)
    in_form: bool = False

    @property
    def credential_headers(self) -> tuple[str, ...]:
        return ("authorization", self.id_header)

    def fault(self, secret: str) -> str | None:
        client, _, word = secret.partition(":")
        return None if client and word else "must be 'client_id:client_secret'"

    def grant(self, request: Request, secrets: Sequence[str]) -> dict[str, Any]:
        """The answer to a token request with a client's credentials. Raises `NotAuthentic`."""
        in_form = self._in_form(request)
        basic = _basic(request) if in_form is None else None
        proven = [secret for secret in secrets if matches_any(utf8(secret), in_form or basic or ())]
        if not proven:
            raise NotAuthentic("the token request's credentials are none of the configured secrets")
        seconds = int(self.lives.total_seconds())
        return {"access_token": self._token(request, proven[0]), "token_type": "Bearer", "expires_in": seconds}

    def _in_form(self, request: Request) -> tuple[bytes, ...] | None:
        """The credentials of the form, where they may stand there and do. Raises `NotAuthentic` if the header has some,
        too."""
        try:
            fields = form(request.body) if self.in_form else {}
        except Unreadable:
            fields = {}
        if "client_secret" not in fields:
            return None
        if request.headers.get("authorization"):
            raise NotAuthentic("the token request carries credentials both in its header and in its form")
        return (f"{fields.get('client_id', '')}:{fields['client_secret']}".encode(),)

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        end, _, rest = token.strip().partition(".")
        nonce, _, written = rest.partition(".")
        if scheme.lower() != "bearer" or not (end.isascii() and end.isdecimal() and nonce and written):
            raise NotAuthentic("header authorization carries no token of ours")
        [given] = decoded(written, "hex", "authorization")
        proven = [secret for secret in secrets if hmac.compare_digest(given, _token_mac(end, nonce, secret))]
        if not proven:
            raise NotAuthentic("the token was not given out under any configured secret")
        if request.received_at.timestamp() > int(end):
            raise NotAuthentic("the token is no longer valid")
        named = request.headers.get(self.id_header)
        if named is not None and not matches_any(
            named.strip().encode("latin-1", "replace"), [utf8(secret.partition(":")[0]) for secret in proven]
        ):
            raise NotAuthentic(f"header {self.id_header} names another client than the token")

    def sign(self, request: Request, secret: str) -> Request:
        proven = with_header(request, "authorization", f"Bearer {self._token(request, secret)}")
        return with_header(proven, self.id_header, secret.partition(":")[0])

    def _token(self, request: Request, secret: str) -> str:
        end, nonce = str(int((request.received_at + self.lives).timestamp())), chance.token_hex(8)
        return f"{end}.{nonce}.{_token_mac(end, nonce, secret).hex()}"


def _basic(request: Request) -> tuple[bytes, ...]:
    """The Basic credentials of a token request, in both writings. Raises `NotAuthentic`."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic" or not encoded:
        raise NotAuthentic("the token request carries no Basic credentials")
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (ValueError, binascii.Error):
        raise NotAuthentic("the token request's Basic credentials are not base64") from None
    # RFC 6749, 2.3.1 requires both parts form-encoded first; not every client does that.
    return (given, b":".join(unquote_to_bytes(part.replace(b"+", b" ")) for part in given.split(b":", 1)))


def _token_mac(end: str, nonce: str, secret: str) -> bytes:
    return hmac.digest(utf8(secret), f"token.{end}.{nonce}".encode(), hashlib.sha256)
