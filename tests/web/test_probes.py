"""A carrier's check that the URL lives: what is one, what it hears, and that nothing comes of it."""

import json
from datetime import UTC, datetime

import pytest

from adapters import Probe, Request
from tests.support.rig import Rig, posted
from tests.support.sending import outcome, rows, serve, toy

ECHO = Probe(methods=("GET",), echo="check")
CHALLENGE = Probe(challenge="challenge", unless_headers=("x-me-signature",), unless_fields=("event",))


def asked(method: str = "GET", *, query: str = "", body: bytes = b"", **headers: str) -> Request:
    at = datetime(2026, 11, 18, tzinfo=UTC)
    return Request(method=method, path="/webhooks/toy", query=query, headers=headers, body=body, received_at=at)


class TestEcho:
    @pytest.mark.parametrize(
        ("query", "answer"),
        [
            ("check=abc-123", "abc-123"),
            ("x=1&check=a%20b", "a b"),
            ("", None),
            ("check=", None),
            ("check=a&check=b", None),
            ("check=a%0d%0aSet-Cookie:x", None),
            ("check=%C3%A9", None),
            ("check=" + "a" * 2_001, None),
        ],
    )
    def test_answer(self, query, answer):
        """One short plain text comes back as it was sent; for anything else there is nothing but success."""
        assert ECHO.matches(asked(query=query))
        assert answer == ECHO.answer(asked(query=query))

    def test_other_method(self):
        """A POST with the parameter is no probe."""
        assert not ECHO.matches(asked("POST", query="check=abc", body=b"{}"))
        assert ECHO.answer(asked("POST", query="check=abc")) is None

    def test_reply(self, rig: Rig):
        """The text goes back as text that no browser takes for a page, and nothing is stored."""
        serve(rig, toy(PROBE=ECHO))
        answer = rig.client.get("/webhooks/melhor-envio?check=%3Cscript%3E")

        assert (200, b"<script>", "text/plain") == (answer.status_code, answer.data, answer.mimetype)
        assert "nosniff" == answer.headers["X-Content-Type-Options"]
        assert [] == rows(rig)
        assert (200, "probe") == outcome(rig.client.get("/webhooks/melhor-envio"))


class TestChallenge:
    def test_answer(self):
        """The challenge comes back alone, whatever stood beside it."""
        request = asked("POST", body=b'{"challenge": "abc-123", "subscription": 7}')

        assert CHALLENGE.matches(request)
        assert {"challenge": "abc-123"} == CHALLENGE.answer(request)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[" * 1_500,
            b"null",
            b'["challenge"]',
            b"{}",
            b'{"challenge": 7}',
            b'{"challenge": "a\\nb"}',
            b'{"challenge": "\\u00e9"}',
            b'{"challenge": "abc", "event": "order.posted"}',
            b'{"challenge": "abc", "more": "' + b"x" * 2_000 + b'"}',
        ],
    )
    def test_none(self, body):
        """What is no short challenge, or may be an event, is no probe."""
        assert not CHALLENGE.matches(asked("POST", body=body))

    def test_signed(self):
        """What comes with a signature must prove itself."""
        assert not CHALLENGE.matches(asked("POST", body=b'{"challenge": "abc"}', **{"x-me-signature": "x"}))

    def test_reply(self, rig: Rig):
        """The challenge goes back in the form it came in, nothing is stored, and an unsigned event is still refused."""
        serve(rig, toy(PROBE=CHALLENGE))
        answer = rig.client.post("/webhooks/melhor-envio", data=b'{"challenge": "abc"}')

        assert (200, "application/json") == (answer.status_code, answer.mimetype)
        assert {"challenge": "abc"} == json.loads(answer.data)
        assert [] == rows(rig)
        assert 401 == rig.client.post("/webhooks/melhor-envio", json={"challenge": "abc", **posted()}).status_code
