"""Scrubbing keeps what we use and nothing of a person."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters import Request
from receiver.carriers import discover
from receiver.carriers.references import Rule
from receiver.recordings import load
from receiver.recordings.replay import Replay
from receiver.recordings.scrub import scrubbed
from tests.support.paths import SAMPLES
from tests.support.recorded import RECORDED, recordings_of, try_each


def scrub(body: object, slug: str = "melhor_envio", *rules: Rule, **headers: str) -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    request = Request(method="POST", path="/webhooks/x", headers=headers, body=raw, received_at=at)
    return scrubbed(request, discover()[slug], rules)


@pytest.mark.parametrize("carrier", RECORDED)
def test_same_decision(carrier):
    """Each scrubbed recording of each carrier ends as the whole one does."""

    def ends_alike(path):
        recording, run = load(path), Replay()
        request = scrubbed(recording.request, discover()[carrier], run.endpoint_of(recording).references)
        assert () == run.dry(replace(recording, request=request)).differences

    try_each(recordings_of(carrier), ends_alike)


@pytest.mark.parametrize("slug", discover())
def test_canary(slug):
    """Whatever stands in a field that the schema of a carrier does not name goes, on every level."""
    carrier = discover()[slug]
    recordings = map(load, recordings_of(slug))
    recording = next(one for one in recordings if one.expected.get("reply", {}).get("outcome") == "accepted")
    if not recording.request.body:  # the message is its query, of which only what we use is kept
        assert recording.request.query == scrubbed(recording.request, carrier).query
        return

    def planted(value):
        if isinstance(value, dict):
            return {**{key: planted(item) for key, item in value.items()}, "neighbour": {"street": "CANARY 1"}}
        return [planted(item) for item in value] if isinstance(value, list) else value

    request = replace(recording.request, body=carrier.encode(planted(carrier.decode(recording.request))))
    assert "CANARY" in json.dumps(carrier.decode(request))

    left = scrubbed(request, carrier)
    assert b"CANARY" not in left.body
    assert "CANARY" not in json.dumps(carrier.decode(left))


class TestBody:
    def test_unknown(self):
        """Of a field that the schema does not name, the name stays, and null and booleans do."""
        body = {
            "event": "order.posted",
            "data": {"id": 7, "note": "CANARY", "phone": 551198, "urgent": True, "x": None},
        }

        assert {
            "event": "order.posted",
            "data": {"id": 7, "note": "[redacted]", "phone": "[redacted]", "urgent": True, "x": None},
        } == json.loads(scrub(body).body)

    def test_names(self):
        """A key that is no field's name goes with its value."""
        body = {"maria@canary.example": 1, "+55 11 98888": {"a": 1}, "street": 1}

        assert {"[redacted]": "[redacted]", "street": "[redacted]"} == json.loads(scrub(body).body)

    @pytest.mark.parametrize(
        "body", [b"name=CANARY", b"[" * 100_000, b"\xff\xfe", b"", b'{"a": ' + b"9" * 5_000 + b"}"]
    )
    def test_no_json(self, body):
        """Of a body that cannot be taken apart nothing stays."""
        assert b"[redacted]" == scrub(body).body

    @pytest.mark.parametrize(("body", "left"), [(["CANARY"], ["[redacted]"]), ([["CANARY"]], ["[redacted]"])])
    def test_list(self, body, left):
        """A list where the schema has an object."""
        assert left == json.loads(scrub(body).body)

    def test_surrogate(self):
        """A lone surrogate in a field that we use is still one: that is what was wrong with it."""
        body = b'{"event": "order.posted", "data": {"id": "\\ud800"}}'

        assert json.loads(body) == json.loads(scrub(body).body)


class TestRules:
    BODY = json.dumps(
        {
            "event": "e",
            "data": {"id": "1", "tags": [{"tag": "Maria, pedido 1410000000001-01", "by": "Maria"}, {"tag": "gift"}]},
        }
    ).encode()

    def test_pattern(self):
        """Of a text in which a rule finds its reference, the match stays; its neighbours do not."""
        rule = Rule.parse("data.tags[*].tag", "order_id", r"pedido (\S+)$")

        tags = json.loads(scrub(self.BODY, "melhor_envio", rule).body)["data"]["tags"]

        assert [{"tag": "pedido 1410000000001-01", "by": "[redacted]"}, "[redacted]"] == tags

    def test_whole(self):
        """Without a pattern the whole field is the reference; numbers are, too."""
        rule = Rule.parse("data.order", "order_id")

        data = json.loads(scrub({"event": "e", "data": {"id": "1", "order": 77, "x": 78}}, "melhor_envio", rule).body)

        assert {"id": "1", "order": "77", "x": "[redacted]"} == data["data"]

    def test_no_hit(self):
        """Where a rule finds nothing, nothing stays."""
        rule = Rule.parse("data.tags[*].tag", "order_id", r"^\d+$")

        assert "[redacted]" == json.loads(scrub(self.BODY, "melhor_envio", rule).body)["data"]["tags"]

    def test_unfit(self):
        """A reference that no one may store is no reason to fail."""
        rule = Rule.parse("data.order", "order_id")

        body = {"event": "e", "data": {"id": "1", "order": "a\x00b"}}

        assert "[redacted]" == json.loads(scrub(body, "melhor_envio", rule).body)["data"]["order"]


def test_headers():
    """Headers that tell of the format stay; names, addresses and credentials go."""
    kept = scrub({}, **{"content-type": "application/json", "x-forwarded-for": "10.1.1.1", "cookie": "a=b"}).headers

    assert {"content-type": "application/json"} == kept


def test_request_line():
    """The rest of the request stays as it was stored."""
    request = load(SAMPLES / "frenet" / "posted.http").request

    assert (request.method, request.path, request.query) == (
        (left := scrubbed(request, discover()["frenet"])).method,
        left.path,
        left.query,
    )
