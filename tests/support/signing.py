"""A request to sign, and why a scheme refuses one."""

import base64
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters import NotAuthentic, Request

BODY = '{"order":"v1-01","nota":"São"}'.encode()
NOW = datetime(2026, 3, 1, tzinfo=UTC)
PLAIN = Request(method="POST", path="/webhooks/carrier", headers={}, body=BODY, received_at=NOW)
TAMPERED = BODY.replace(b"v1-01", b"v1-02")


def headed(**headers: str) -> Request:
    """`PLAIN` with these headers; underscores stand for hyphens."""
    return replace(PLAIN, headers={name.replace("_", "-"): value for name, value in headers.items()})


def reason(scheme, request: Request, *secrets: str) -> str:
    """Why the scheme refuses; the reason never holds a secret."""
    with pytest.raises(NotAuthentic) as refused:
        scheme.check(request, secrets)
    assert not [secret for secret in secrets if secret in refused.value.reason]
    return refused.value.reason


def url64(part: bytes | str) -> str:
    return base64.urlsafe_b64encode(part if isinstance(part, bytes) else part.encode()).rstrip(b"=").decode()
