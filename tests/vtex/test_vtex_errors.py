"""What an answer of VTEX leaves open, and how long an account that is answered by nothing keeps still."""

import pytest

from receiver.http import Answer
from receiver.vtex.answers import (
    Misconfigured,
    NotFound,
    Refused,
    Rejected,
    Throttled,
    Transient,
    Unroutable,
    VtexError,
    decipher,
    leaves_open,
)

PAGE = {"content-type": "text/html; charset=utf-8"}


def error(status: int, body: bytes = b"", **headers: str) -> VtexError:
    """What an answer raises."""
    with pytest.raises(VtexError) as caught:
        decipher(Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, body), now=0.0)
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "open_"),
    [
        (500, b"", {}, Transient, True),
        (408, b"", {}, Transient, True),
        (200, b"{", {}, Transient, True),
        (503, b"", {}, Throttled, True),
        (429, b"", {}, Throttled, False),
        (401, b"", {}, Misconfigured, False),
        (302, b"", {"location": "https://login.example/?token=secret"}, Misconfigured, False),
        (200, b"<html>", {}, Misconfigured, False),
        (403, b"{}", {}, Refused, False),
        (400, b"<!doctype html>", {}, Unroutable, False),
        (400, b"{}", PAGE, Unroutable, False),
        (404, b"{}", {}, NotFound, False),
        (400, b'{"message": "Invoice not found"}', {}, NotFound, False),
        (400, b"{}", {}, Rejected, False),
    ],
)
def test_leaves_open(status: int, body: bytes, headers: dict[str, str], kind: type, open_: bool) -> None:
    """After a server's error, a 503 and a garbled answer a write may have been applied; after a refusal it was not."""
    raised = error(status, body, **{name.replace("-", "_"): text for name, text in headers.items()})

    assert (kind, status, open_) == (type(raised), raised.status, leaves_open(raised))
    assert "secret" not in str(raised)
