"""What each of VTEX's answers means, and its words, fit for a log."""

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.http import LEAST_PAUSE, MOST_PAUSE, Answer, pause
from receiver.vtex.answers import (
    Misconfigured,
    NotFound,
    Refused,
    Rejected,
    Throttled,
    Transient,
    Unanswered,
    Unroutable,
    VtexError,
    decipher,
    message,
    without_words,
)

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC).timestamp()
JSON, HTML = {"content-type": "application/json; charset=utf-8"}, {"content-type": "text/html; charset=utf-8"}
PAGE = b"\n<!DOCTYPE html><title>Sign in</title>"


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b'{"orderId": "1-01"}', {"orderId": "1-01"}), (b"[]", []), (b"null", None), (b"", None), (b" \r\n", None)],
)
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success(status, body, expected):
    """A success is its JSON; some of VTEX's writes answer with an empty body."""
    assert expected == decipher(Answer(status, JSON, body), now=NOW)


ERRORS = [
    (200, HTML, PAGE, Misconfigured),  # a login page
    (200, {}, PAGE, Misconfigured),
    (200, HTML, b"Sign in", Misconfigured),
    (300, {}, b"", Misconfigured),
    (200, {}, b"<HTML>", Misconfigured),
    (200, JSON, b"OK", Transient),
    (200, JSON, b'{"orderId": ', Transient),
    (200, JSON, b"\xff\xfe", Transient),
    (200, JSON, b"9" * 5_000, Transient),
    (200, JSON, b"[" * 100_000, Transient),
    (301, {}, b"", Misconfigured),
    (302, {"location": "https://login.example/"}, PAGE, Misconfigured),
    (304, {}, b"", Misconfigured),
    (307, {}, b"", Misconfigured),
    (400, JSON, b'{"error": {"code": "OMS003", "message": "no"}}', Rejected),
    (400, JSON, b'{"message": "Invoice Not Found"}', NotFound),
    (400, HTML, PAGE, Unroutable),
    (401, JSON, b'{"error": {"code": "1", "message": "Unauthorized access"}}', Misconfigured),
    (401, HTML, PAGE, Misconfigured),
    (403, JSON, b"{}", Refused),
    (403, HTML, PAGE, Refused),
    (404, JSON, b'{"message": "Order not found"}', NotFound),
    (404, {}, b"", NotFound),
    (404, HTML, PAGE, Unroutable),
    (405, JSON, b"{}", Rejected),
    (405, HTML, PAGE, Unroutable),
    (408, JSON, b"{}", Transient),
    (408, HTML, PAGE, Transient),
    (409, JSON, b"{}", Rejected),
    (414, HTML, PAGE, Unroutable),
    (415, {}, b"", Rejected),
    (422, JSON, b"{}", Rejected),
    (429, JSON, b"{}", Throttled),
    (429, HTML, PAGE, Throttled),
    (500, JSON, b"{}", Transient),
    (502, HTML, PAGE, Transient),
    (503, HTML, PAGE, Throttled),
    (504, {}, b"", Transient),
    (599, {}, b"", Transient),
]


@pytest.mark.parametrize(("status", "headers", "body", "kind"), ERRORS)
def test_error_tree(status, headers, body, kind):
    """Each answer that is no success is exactly one kind of trouble, and knows its status."""
    with pytest.raises(VtexError) as caught:
        decipher(Answer(status, headers, body), now=NOW)

    assert kind is type(caught.value)
    assert status == caught.value.status


def test_every_error_is_shown():
    """The table above shows every kind of trouble, but for the answer that never came."""
    kinds = {*VtexError.__subclasses__(), *Rejected.__subclasses__()}

    assert {row[3] for row in ERRORS} == kinds - {Unanswered}


def test_redirect_target():
    """A redirect tells where to, without query and fragment: they may carry a token."""
    for rest in ("?token=secret", "#token=secret", ""):
        with pytest.raises(Misconfigured, match=r"^redirected to https://login\.example/in$"):
            decipher(answer(302, location=f"https://login.example/in{rest}"), now=NOW)
    with pytest.raises(Misconfigured, match=r"^redirected to nowhere$"):
        decipher(answer(302), now=NOW)


def http_date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.fixture
def far_from_utc(monkeypatch):
    """The machine's own zone is another than HTTP's."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "America/Sao_Paulo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [
        ("120", 120.0),
        (" 120 ", 120.0),
        (http_date(90), 90.0),
        ("Wed, 18 Nov 2026 12:01:30 -0000", 90.0),
        ("Wed, 18 Nov 2026 09:01:30 -0300", 90.0),
        (None, LEAST_PAUSE),
        ("", LEAST_PAUSE),
        ("0", LEAST_PAUSE),
        ("1", LEAST_PAUSE),
        ("-5", LEAST_PAUSE),
        ("1.5", LEAST_PAUSE),
        ("soon", LEAST_PAUSE),
        ("१२०", LEAST_PAUSE),
        (http_date(-3600), LEAST_PAUSE),
        ("Mon, 99 Foo 2026 25:61:61 GMT", LEAST_PAUSE),
        ("3601", MOST_PAUSE),
        ("9" * 400, MOST_PAUSE),
        (http_date(86_400), MOST_PAUSE),
    ],
)
def test_retry_after(status, retry_after, expected, far_from_utc):
    """The account is quiet as long as VTEX asks, for a minute where it does not say, and never for over an hour. A 503
    that says nothing is an outage, whose length is not VTEX's word."""
    if status == 503 and not retry_after:
        expected = None
    headers = {} if retry_after is None else {"retry_after": retry_after}
    with pytest.raises(Throttled) as caught:
        decipher(answer(status, **headers), now=NOW)

    assert expected == caught.value.pause


@given(st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ \S*"))
def test_pause_of_anything(written):
    """No writing of Retry-After stops the program, or stops it for long."""
    assert LEAST_PAUSE <= pause(written, NOW) <= MOST_PAUSE


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"code": "OMS003", "message": "Order status should be ready", "exception": None}},
         "HTTP 400: OMS003 Order status should be ready"),
        ({"error": {"code": "1", "message": None}}, "HTTP 400: 1"),
        ({"error": "no such thing"}, "HTTP 400: no such thing"),
        ({"type": "https://tools.ietf.org/html/rfc9110#section-15.5.2", "title": "Unauthorized", "status": 401},
         "HTTP 400: Unauthorized"),
        ({"message": "Invoice Not Found"}, "HTTP 400: Invoice Not Found"),
        ({"Message": "An error has occurred"}, "HTTP 400: An error has occurred"),
        ({"error": {}}, 'HTTP 400: {"error": {}}'),
        ({"message": 5}, 'HTTP 400: {"message": 5}'),
        (["x"], 'HTTP 400: ["x"]'),
    ],
)  # fmt: skip
def test_words(body, expected):
    """VTEX's words are found in every shape its services use; else the body's beginning speaks."""
    assert expected == message(Answer(400, JSON, json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "HTTP 400"),
        (b"Bad Request", "HTTP 400: Bad Request"),
        (b"two\r\n  lines\x0b", "HTTP 400: two lines"),
        (PAGE, "HTTP 400 with an HTML page"),
        (b"\xff", "HTTP 400: �"),
        (b'{"message": "ana.souza+x@example.com.br is unknown"}', "HTTP 400: [e-mail] is unknown"),
        (b'{"message": "document 12345678909 is unknown"}', "HTTP 400: document [digits] is unknown"),
        (b'{"message": "invoice 000030711 is unknown"}', "HTTP 400: invoice 000030711 is unknown"),
        (b"ana@example.com called from 5511987654321", "HTTP 400: [e-mail] called from [digits]"),
    ],
)
def test_words_are_safe(body, expected):
    """One line, without e-mail addresses and without runs of digits long enough to be a person's."""
    assert expected == message(answer(400, body))


def test_words_are_short():
    """An answer's words are cut at 500 characters, and a body nested too deep is just text."""
    assert len("HTTP 500: ") + 500 == len(message(answer(500, b"x" * 10_000)))
    assert "HTTP 500: " + "[" * 500 == message(answer(500, b"[" * 100_000))


@pytest.mark.parametrize("letters", ["a", "1-"])
def test_long_words_cost_little(letters):
    """Whatever VTEX, or a proxy before it, writes of a fault: to look at it holds no worker."""
    words = json.dumps({"message": letters * 20_000}).encode()
    began = time.process_time()
    assert message(answer(500, words)).startswith("HTTP 500: ")
    assert 1 > time.process_time() - began


class TestPrivacy:
    @pytest.mark.parametrize("private", ["123.456.789-09", "(11) 98765-4321", "+55 11 98765-4321"])
    def test_written_as_people_do(self, private: str):
        """A document or a phone with its dots and dashes is as private as without: it goes to log, store and `show`."""
        body = json.dumps({"message": f"client {private} is blocked"}).encode()

        assert private not in message(Answer(400, {"content-type": "application/json"}, body))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("GET order: HTTP 404: no order of Maria Souza\nat Rua A", "GET order: HTTP 404: …"),
        ("VTEX did not answer within 30 s", "VTEX did not answer within 30 s"),
    ],
)
def test_without_words(text, left):
    """VTEX's own words may name a person, and are cut off to the last line; ours stay."""
    assert left == without_words(text)
