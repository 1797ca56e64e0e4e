"""Canaries: a secret that came in is found nowhere afterwards, whatever became of the request and however it was
written. Bodies are kept, so personal data is in the database, and only there."""

import base64
import hashlib
import json
import logging
from dataclasses import replace
from urllib.parse import quote, quote_plus

import pytest

from adapters import Header, Request
from receiver.intake import Intake, Outcome
from receiver.intake.redaction import REDACTED, Redaction
from receiver.store import Inbox
from tests.support.rig import Rig, posted
from tests.support.sending import good, rows, serve, toy

#: In every secret below; the characters around it are written in another way in URLs, JSON and headers.
CANARY = b"k4n4ry"
SECRET = 'q"k4n4ry/ç+% ='
ENDPOINTS = {
    "hmac": {"carrier": "melhor_envio", "secrets": [SECRET]},
    "header": {"carrier": "frenet", "secrets": [SECRET], "auth": {"scheme": "header", "name": "x-mine"}},
    "query": {"carrier": "frenet", "secrets": [SECRET], "auth": {"scheme": "query", "name": "pass"}},
    "path": {"carrier": "frenet", "secrets": [SECRET], "auth": {"scheme": "path"}},
    "bearer": {"carrier": "ups", "secrets": [SECRET], "auth": {"scheme": "bearer"}},
    "basic": {"carrier": "easypost", "secrets": [f"user:{SECRET}"], "auth": {"scheme": "basic"}},
    "key": {"carrier": "intelipost", "secrets": [SECRET]},
}
PAYLOADS = {"melhor_envio": posted(), "frenet": good("frenet"), "ups": good("ups"), "easypost": good("easypost")}
PAYLOADS["intelipost"] = good("intelipost")


def base64s(secret: bytes) -> list[bytes]:
    """What is left of a secret in base64, wherever in the encoded text it began."""
    return [base64.b64encode(b"x" * start + secret)[4 if start else 0 : -4] for start in range(3)]


class Kept:
    """Everything that a receiver wrote down or said."""

    def __init__(self, rig: Rig, log: pytest.LogCaptureFixture) -> None:
        self.rig, self.log = rig, log
        self.answers: list[bytes] = []
        log.set_level(logging.DEBUG)

    def send(self, request: Request, *, endpoint: str, signed: bool = True) -> int:
        answer = self.rig.send(request, endpoint=endpoint, signed=signed)
        self.answers.append(answer.data + repr(answer.headers).encode())
        return answer.status_code

    def where(self, *traces: bytes) -> list[str]:
        """The places that hold one of the traces; the database with its write-ahead log counts as one."""
        places = {
            "database": b"".join(file.read_bytes() for file in sorted(self.rig.folder.glob("receiver.db*"))),
            "log": "\n".join(f"{one.message} {one.exc_text}" for one in self.log.records).encode(),
            "answers": b"".join(self.answers),
        }
        return [name for name, content in places.items() if any(trace in content for trace in traces)]


@pytest.fixture
def kept(rig: Rig, caplog: pytest.LogCaptureFixture) -> Kept:
    rig.configure(endpoints=ENDPOINTS)
    return Kept(rig, caplog)


def request(endpoint: str, body: bytes, **headers: str) -> Request:
    return Request(
        method="POST", path=f"/webhooks/{endpoint}", headers={"content-type": "application/json", **headers}, body=body,
        received_at=None,
    )  # fmt: skip


def bodies(carrier: str):
    """Bodies that end in each outcome, with the secret in places that no one reads, or that make them unreadable."""
    payload, in_url, written = PAYLOADS[carrier], quote(SECRET, safe=""), json.dumps(SECRET)
    yield json.dumps({**payload, "note": f"<{SECRET}>"}).encode()
    yield json.dumps({**payload, "note": [SECRET]}, ensure_ascii=False).encode()
    yield json.dumps(
        {**payload, "link": f"https://x/{quote(SECRET)}?a={quote_plus(SECRET)}&b={in_url.lower()}"}
    ).encode()
    yield json.dumps({**payload, "note": base64.b64encode(SECRET.encode()).decode()}).encode()
    yield json.dumps({"note": SECRET}).replace("/", "\\/").encode()
    yield f'{{"a": {written}, "a": 1}}'.encode()
    yield f"{{{written}: 1, {written}: 2}}".encode()
    yield f"not JSON: {SECRET}".encode()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_canary(kept, endpoint):
    """No secret of any scheme survives anywhere: accepted, rejected, quarantined, failed or taken for a probe."""
    settings = kept.rig.config.endpoints[endpoint]
    forwarded = {"referer": f"https://x/{quote(SECRET)}", "x-note": SECRET.encode().decode("latin-1")}
    statuses = set()
    for body in bodies(settings.carrier.slug):
        given = request(endpoint, body, **forwarded)
        forged = settings.scheme.sign(given, "k4n4ry-of-another")
        kept.rig.now += 1
        statuses |= {kept.send(given, endpoint=endpoint), kept.send(forged, endpoint=endpoint, signed=False)}
        statuses |= {kept.send(replace(given, method="GET"), endpoint=endpoint)}
        statuses |= {kept.send(replace(given, body=b"{}"), endpoint=endpoint)}
    for query in (quote(SECRET, safe=""), "k4n4ry", "k4n4ry==", "x=k4n4ry&k4n4ry&pass=k4n4ry"):
        kept.rig.now += 1
        for signed in (True, False):
            kept.send(replace(request(endpoint, b"1"), query=query), endpoint=endpoint, signed=signed)
    serve(kept.rig, replace(settings.carrier, read=lambda payload, _: payload[SECRET]), endpoint=endpoint)
    kept.send(request(endpoint, next(bodies(settings.carrier.slug))), endpoint=endpoint)

    assert {200, 401} <= statuses
    assert {"accepted", "quarantined", "error"} <= {row["outcome"] for row in rows(kept.rig)}
    assert rows(kept.rig, "rejects")
    assert [] == kept.where(CANARY, *base64s(SECRET.encode()), *base64s(f"user:{SECRET}".encode()))


def test_signature(kept):
    """A signature is a credential as well: with body and signature both can be sent again."""
    scheme = kept.rig.config.endpoints["hmac"].scheme
    signed = scheme.sign(request("hmac", json.dumps(posted()).encode()), SECRET)
    signature = signed.headers["x-me-signature"].encode()
    kept.send(signed, endpoint="hmac", signed=False)
    kept.send(replace(signed, body=signed.body + b" "), endpoint="hmac", signed=False)

    assert (1, 1) == (len(rows(kept.rig)), len(rows(kept.rig, "rejects")))
    assert [] == kept.where(signature)


def test_personal_data(kept):
    """Who lives where is in the stored body and nowhere else: no log line, no answer."""
    person = {"street": "Rua das Flores 17", "phone": "+55 11 98765-4321", "email": "ana@example.com"}
    traces = [text.encode() for text in person.values()]
    for body in (
        {**posted(), "to": person},
        {**posted(), "event": person},
        {**posted(), "data": {"id": person}},
        {**posted(), "data": [person]},
        person,
        [person],
    ):
        kept.send(request("hmac", json.dumps(body).encode()), endpoint="hmac")
        kept.send(request("hmac", json.dumps(body).encode()), endpoint="hmac", signed=False)
    kept.send(request("hmac", json.dumps(person).encode()[:-1]), endpoint="hmac")
    serve(kept.rig, toy(read=lambda payload, _: payload[payload["to"]["street"]]), endpoint="hmac")
    kept.send(request("hmac", json.dumps({**posted(), "to": person, "n": 1}).encode()), endpoint="hmac")

    assert {"accepted", "quarantined", "error"} == {row["outcome"] for row in rows(kept.rig)}
    assert ["database"] == kept.where(*traces)


class TestSecretFields:
    """Bodies that carry a secret of the carrier's own, in fields that its module names."""

    @pytest.fixture
    def toys(self, kept):
        serve(kept.rig, toy(SECRET_FIELDS=("auth.key", "items.token")), endpoint="hmac")
        return kept

    @pytest.mark.parametrize(
        "secret",
        [
            {"auth": {"key": "k4n4ry"}},
            {"auth": {"key": {"inner": "k4n4ry"}}},
            {"auth": [{"key": "k4n4ry"}], "items": [{"token": "k4n4ry"}, {"token": ["k4n4ry"]}]},
        ],
    )
    def test_blanked(self, toys, secret):
        """The field is blanked, in every item of a list, and nothing else of the body changes."""
        assert 200 == toys.send(request("hmac", json.dumps({**posted(), **secret}).encode()), endpoint="hmac")
        (row,) = rows(toys.rig)

        assert [] == toys.where(CANARY)
        assert posted().items() <= json.loads(row["body"]).items()
        assert hashlib.sha256(json.dumps({**posted(), **secret}).encode()).hexdigest() == row["digest"]

    @pytest.mark.parametrize(
        "body",
        [
            b'{"auth": {"key": "k4n4ry"}, "x": NaN}',
            b'{"auth": {"key": "k4n4ry\\"k4n4ry"}, "x": 1, "x": 2}',
            b'{"auth": {"key" : "k4n4ry',
            b'\xff{"auth": {"key":\n"k4n4ry"}}',
            b'{"items": [{"token": k4n4ry}]' + b"[" * 100_000,
            b'{"auth": {"key": "k4n4ry"}, "x": ' + b"1" * 5_000 + b"}",
        ],
    )
    def test_unreadable(self, toys, body):
        """What cannot be read is searched for the field's name: nothing is kept for want of a parser."""
        assert 200 == toys.send(request("hmac", body), endpoint="hmac")
        assert ["quarantined"] == [row["outcome"] for row in rows(toys.rig)]
        assert [] == toys.where(CANARY)

    def test_others_untouched(self, toys):
        """A body without such a field keeps its bytes."""
        body = b' {"event":"order.posted", "data":{"id":"p1", "key":1.10}}\n'
        toys.send(request("hmac", body), endpoint="hmac")

        assert [body] == [row["body"] for row in rows(toys.rig)]


def test_reprocess_blanked(kept):
    """A tracking number that was blanked is never sent on: the delivery stays a failed one and says why."""
    serve(kept.rig, toy(read=lambda *_: 1 / 0), endpoint="hmac", secrets=("TN1BR000",))
    kept.send(request("hmac", json.dumps(posted(number="TN1BR000")).encode()), endpoint="hmac")
    kept.rig.configure(endpoints=ENDPOINTS)
    intake = Intake(kept.rig.config, Inbox(kept.rig.database))
    reading = intake.reprocess(kept.rig.queries.delivery(rows(kept.rig)[0]["id"]))

    assert Outcome.ERROR == reading.outcome
    assert "a field we use held a secret, which was blanked when stored" == reading.reason
    assert [] == rows(kept.rig, "shipments")


def test_reprocess_as_it_came(kept):
    """A field that said ``[redacted]`` from the start, as scrubbed recordings do, is no reason to refuse."""
    serve(kept.rig, toy(read=lambda *_: 1 / 0), endpoint="hmac")
    kept.send(request("hmac", json.dumps(posted(number="[redacted]")).encode()), endpoint="hmac")
    kept.rig.configure(endpoints=ENDPOINTS)
    intake = Intake(kept.rig.config, Inbox(kept.rig.database))

    assert Outcome.ACCEPTED == intake.reprocess(kept.rig.queries.delivery(rows(kept.rig)[0]["id"])).outcome


def test_reason(kept):
    """A reason may quote a key of the payload, but no secret."""
    kept.send(request("hmac", f"{{{json.dumps(SECRET)}: 1, {json.dumps(SECRET)}: 2}}".encode()), endpoint="hmac")

    assert [f"$..'{REDACTED}': is there twice, with different values"] == [row["reason"] for row in rows(kept.rig)]
    assert [] == kept.where(CANARY)


def test_whole_form(rig):
    """The longest way of writing a secret goes first: no end of it is left standing."""
    redaction = Redaction(replace(rig.config.endpoints["melhor-envio"], secrets=("abcdef",)))

    assert REDACTED == redaction.text(base64.b64encode(b"abcdef:").decode().rstrip("="))


class TestTarget:
    """The request line as it is kept."""

    @pytest.mark.parametrize(
        ("query", "written"),
        [
            ("", ""),
            ("a=1&b=2", "?a=[redacted]&b=[redacted]"),
            ("bare", "?[redacted]"),
            ("YmFyZQ==", "?[redacted]"),
            ("a=&b=x=y", "?[redacted]&b=[redacted]"),
            ("a%00\n\xe9=1", "?a%00%0A%C3%A9=[redacted]"),
            ("&&", ""),
        ],
    )
    def test_query(self, rig, query, written):
        """Of a query only names survive; a text that stands alone may be a token."""
        redaction = Redaction(rig.config.endpoints["melhor-envio"])

        assert f"/webhooks/melhor-envio{written}" == redaction.target(replace(request("x", b""), query=query))

    def test_token(self, rig):
        """A token in the path is blanked, whatever it looks like on the wire."""
        redaction = Redaction(rig.config.endpoints["melhor-envio"])
        sent = replace(request("melhor-envio/%61%2Fb", b""), token="a/b")

        assert "/webhooks/melhor-envio/[redacted]" == redaction.target(sent)


class TestHeaders:
    def test_sensitive(self, rig):
        """Headers that carry credentials somewhere are blanked everywhere."""
        names = """authorization proxy-authorization cookie x-api-key apikey appkey key x-amz-security-token
            x-shop-hmac-sha256 x-event-id webhook-signature client-secret x-password"""
        redaction = Redaction(rig.config.endpoints["melhor-envio"])

        assert dict.fromkeys(names.split(), "[redacted]") == redaction.headers(
            replace(request("x", b""), headers=dict.fromkeys(names.split(), "v"))
        )

    def test_kept(self, rig):
        """What is no credential is kept as it came."""
        redaction = Redaction(rig.config.endpoints["melhor-envio"])
        plain = {
            "content-type": "application/json",
            "user-agent": "Java/11",
            "x-forwarded-for": "192.0.2.1",
            "host": "a",
        }

        assert plain == redaction.headers(replace(request("x", b""), headers=plain))

    def test_stored(self, rig):
        """Of a delivery only those headers are stored that its carrier's module names, and what its sender is called:
        a proxy adds who a person is and where."""
        added = {
            "x-forwarded-for": "192.0.2.1",
            "referer": "https://x.example/ana",
            "cookie": "ana",
            "user-agent": "Java",
        }
        assert 200 == rig.post(posted(), **added).status_code

        [row] = rows(rig)
        assert {"user-agent", "content-type", "x-me-signature"} >= set(json.loads(row["headers"])) >= {"user-agent"}
        assert "ana" not in row["headers"]

    def test_of_the_carrier(self, rig):
        """The header of every scheme that the carrier offers counts, chosen or not."""
        chosen = replace(rig.config.endpoints["melhor-envio"], carrier=toy(AUTH=(Header("x-a"), Header("x-b"))))

        headers = Redaction(chosen).headers(replace(request("x", b""), headers={"x-b": "v", "x-c": "v"}))
        assert {"x-b": "[redacted]", "x-c": "v"} == headers
