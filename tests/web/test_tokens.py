"""Carriers that fetch a token first, end to end with UPS's second version: token, push, expiry, rotation."""

import base64
import json

import pytest
from werkzeug.test import TestResponse

from tests.support.rig import Rig
from tests.support.sending import good, outcome, rows

SECRET, OTHER = "ups-client:ups-w0rd", "ups-client:ups-newer-w0rd"
OAUTH = {"carrier": "ups", "auth": {"scheme": "oauth"}, "secrets": [SECRET]}
PATH = "/webhooks/ups/oauth/token"


@pytest.fixture
def ups(rig: Rig) -> Rig:
    rig.configure(endpoints={"ups": OAUTH})
    return rig


def ask(rig: Rig, secret: str | None = SECRET, *, body: bytes = b"grant_type=client_credentials") -> TestResponse:
    """Ask for a token as the client whose secret this is."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if secret is not None:
        headers["authorization"] = "Basic " + base64.b64encode(secret.encode()).decode()
    return rig.client.post(PATH, data=body, headers=headers)


def push(rig: Rig, token: str, **headers: str) -> TestResponse:
    """A parcel's news as UPS sends it with a token."""
    sent = {"authorization": f"Bearer {token}", "x-api-key": "ups-client", **headers}
    return rig.client.post("/webhooks/ups", json=good("ups"), headers=sent)


def test_push(ups: Rig):
    """A token that was just fetched opens the door, for the client that fetched it."""
    token = ask(ups).json["access_token"]

    assert (200, "accepted") == outcome(push(ups, token))
    assert 401 == push(ups, token, **{"x-api-key": "another-client"}).status_code
    assert 401 == push(ups, token + "0").status_code
    [delivery] = rows(ups)
    assert "oauth" == delivery["proof"]
    assert token not in json.dumps(delivery, default=str)


def test_expiry(ups: Rig):
    """A token lives an hour, by the receiver's clock."""
    token = ask(ups).json["access_token"]

    ups.now += 3600
    assert 200 == push(ups, token).status_code
    ups.now += 1
    assert 401 == push(ups, token).status_code
    assert 200 == push(ups, ask(ups).json["access_token"]).status_code


def test_rotation(ups: Rig):
    """While both secrets are configured both get tokens; the old one's die with it."""
    old = ask(ups).json["access_token"]
    ups.configure(endpoints={"ups": {**OAUTH, "secrets": [OTHER, SECRET]}})
    assert {200} == {push(ups, token).status_code for token in (old, ask(ups, OTHER).json["access_token"])}

    ups.configure(endpoints={"ups": {**OAUTH, "secrets": [OTHER]}})
    assert 401 == push(ups, old).status_code
    assert 401 == ask(ups, SECRET).status_code


def test_answer(ups: Rig):
    """The answer has the form of RFC 6749, 5.1, and no one keeps it."""
    answer = ask(ups)

    assert (200, "application/json") == (answer.status_code, answer.mimetype)
    assert ("Bearer", 3600) == (answer.json["token_type"], answer.json["expires_in"])
    assert ("no-store", "no-cache") == (answer.headers["Cache-Control"], answer.headers["Pragma"])
    assert [] == rows(ups)


@pytest.mark.parametrize("secret", [None, OTHER, "ups-client", "someone:else"])
def test_no_client(ups: Rig, secret):
    """Who is no client hears just that, in the RFC's words; the operator hears why."""
    answer = ask(ups, secret, body=b"anything")

    assert (401, {"error": "invalid_client"}) == (answer.status_code, answer.json)
    assert 'Basic realm="ups"' == answer.headers["WWW-Authenticate"]
    assert "no-store" == answer.headers["Cache-Control"]
    [reject] = ups.queries.rejects()
    assert "the token request" in reject["reason"]
    assert "w0rd" not in json.dumps(reject)


FORM = b"grant_type=client_credentials&client_id=ups-client&client_secret=ups-w0rd"


def test_in_the_form(ups: Rig):
    """Where the endpoint says so, the form may hold the client's credentials; never the form and the header."""
    assert 401 == ask(ups, None, body=FORM).status_code

    ups.configure(endpoints={"ups": {**OAUTH, "auth": {"scheme": "oauth", "in_form": True}}})
    assert (200, "accepted") == outcome(push(ups, ask(ups, None, body=FORM).json["access_token"]))
    assert 200 == ask(ups).status_code
    assert 401 == ask(ups, body=FORM).status_code
    assert 401 == ask(ups, None, body=FORM.replace(b"w0rd", b"word")).status_code
    assert 401 == ask(ups, None, body=FORM.replace(b"client_id=ups-client&", b"")).status_code
    assert 401 == ask(ups, None, body=b"\xff").status_code
    assert "w0rd" not in json.dumps(ups.queries.rejects())


def test_rejects_bounded(ups: Rig):
    """Someone who guesses does not fill the table: five notes a second are enough."""
    for _ in range(20):
        assert 401 == ask(ups, OTHER).status_code

    assert 5 == len(ups.queries.rejects())


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "invalid_request"),
        (b"scope=all", "invalid_request"),
        (b"{}", "invalid_request"),
        (b"grant_type=client_credentials&grant_type=password", "invalid_request"),
        (b"grant_type=password&username=a&password=b", "unsupported_grant_type"),
        (b"grant_type=", "invalid_request"),
    ],
)
def test_bad_request(ups: Rig, body, error):
    """A client that asks wrongly hears how, in the RFC's words."""
    answer = ask(ups, body=body)

    assert (400, {"error": error}) == (answer.status_code, answer.json)
    assert "no-store" == answer.headers["Cache-Control"]


def test_elsewhere(ups: Rig):
    """Only endpoints of this scheme give tokens, and only to a POST."""
    ups.configure(endpoints={"ups": OAUTH, "frenet": {"carrier": "frenet", "secrets": ["word-1"]}})

    assert 404 == ups.client.post("/webhooks/frenet/oauth/token").status_code
    assert 404 == ups.client.post("/webhooks/nobody/oauth/token").status_code
    refused = ups.client.get(PATH)
    assert (405, "POST") == (refused.status_code, refused.headers["Allow"])
    assert 413 == ask(ups, body=b"x" * 2_000_001).status_code


def test_guesses(ups: Rig, monkeypatch: pytest.MonkeyPatch):
    """Who guesses a client's secret again and again is told to wait, and only counted; the client's own secret enters
    from the same address, as at the webhooks themselves."""
    monkeypatch.setattr("receiver.web.webhooks.MOST_UNPROVEN", 3)
    ups.configure(endpoints={"ups": OAUTH})

    assert [401] * 3 + [429] == [ask(ups, OTHER).status_code for _ in range(4)]
    assert 200 == ask(ups).status_code
