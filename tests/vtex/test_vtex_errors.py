"""What an answer of VTEX leaves open, and how long an account that is answered by nothing keeps still."""

import random

import pytest

from receiver.vtex.answers import (
    LONGEST_OUTAGE_PAUSE,
    OUTAGE_PAUSE,
    Answer,
    Misconfigured,
    NotFound,
    Refused,
    Rejected,
    Throttled,
    Transient,
    VtexError,
    decipher,
    leaves_open,
    outage_pause,
)

PAGE = {"content-type": "text/html; charset=utf-8"}


class Middle(random.Random):
    """No chance at all: the middle of every range."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


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
        (400, b"<!doctype html>", {}, Refused, False),
        (400, b"{}", PAGE, Refused, False),
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


def test_outage_pause() -> None:
    """The pauses of an outage double up to the longest, and no number of them overflows."""
    grown = [outage_pause(before, Middle()) for before in (0, 1, 2, 10, 10_000)]

    assert [OUTAGE_PAUSE, 2 * OUTAGE_PAUSE, 4 * OUTAGE_PAUSE, *[LONGEST_OUTAGE_PAUSE] * 2] == grown


def test_outage_pauses_differ() -> None:
    """Hosts that stopped together do not come back together: 20 % up or down."""
    pauses = {outage_pause(0, random.Random(seed)) for seed in range(50)}

    assert 50 == len(pauses)
    assert 0.8 * OUTAGE_PAUSE <= min(pauses) < max(pauses) <= 1.2 * OUTAGE_PAUSE
