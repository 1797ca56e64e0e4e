"""What is particular to Enviopack: the message is the query, and credentials are exchanged for a token first."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters import Ignored, Request, Unreadable
from receiver.carriers import discover
from receiver.intake import Intake
from receiver.store import Inbox
from tests.support.bare_server import Heard, answer, serving
from tests.support.rig import Rig
from tests.support.sending import outcome, rows

CARRIER = discover()["enviopack"]
NOTICE = Request(
    method="GET", path="/webhooks/enviopack", query="tipo=envio-procesado&id=500001", headers={}, body=b"",
    received_at=datetime(2026, 11, 12, tzinfo=UTC),
)  # fmt: skip


class Api:
    """Enviopack's API on loopback: gives out tokens, and answers who has the last one."""

    def __init__(self) -> None:
        self.given, self.auth = 0, "200 OK"
        self.shipment = b'{"id": 500001, "tracking_number": "EP1", "condicion": "T"}'

    def talk(self, connection, heard: Heard) -> None:
        if heard.target == "/auth":
            self.given += self.auth == "200 OK"
            connection.sendall(answer(self.auth, json.dumps({"token": f"t&{self.given}"}).encode()))
        elif heard.target == f"/envios/500001?access_token=t%26{self.given}":
            connection.sendall(answer("200 OK", self.shipment))
        else:
            connection.sendall(answer("401 No"))


@pytest.fixture
def api():
    talker = Api()
    with serving(talker.talk) as server:
        talker.server = server
        yield talker


@pytest.fixture
def door(rig: Rig, api: Api) -> Rig:
    settings = {"secrets": ["url-token-1"], "fetch_credentials": "a key:a+secret", "base_url": api.server.url}
    rig.configure(endpoints={"enviopack": settings})
    return rig


def notify(rig: Rig) -> None:
    assert (200, "accepted") == outcome(rig.send(NOTICE, endpoint="enviopack"))
    rig.work()


@pytest.mark.parametrize("query", ["", "tipo=envio-procesado", "id=1", "tipo=envio-procesado&id=1&id=2", "x"])
def test_incomplete(query):
    """A query that lacks a part, or says two things, is refused by name."""
    with pytest.raises(Unreadable):
        CARRIER.convert(replace(NOTICE, query=query))


@pytest.mark.parametrize("number", ["..%2Fpedidos%2F7", "1%2F..", "%D9%A4", "-1", "1.5"])
def test_no_other_path(number):
    """What is no number becomes no part of a URL."""
    with pytest.raises(Unreadable, match="is no number"):
        CARRIER.convert(replace(NOTICE, query=f"tipo=envio-procesado&id={number}"))


def test_other_type():
    """Other notices have nothing fetched."""
    with pytest.raises(Ignored):
        CARRIER.convert(replace(NOTICE, query="tipo=otra-cosa&id=1"))


@pytest.mark.parametrize("condition", ["E", "T", "C", "entregado", None])
def test_conditions(condition):
    """What a condition means is not public: none of them is taken for a dispatch or a delivery."""
    body = json.dumps({"tracking_number": "EP1", "condicion": condition}).encode()
    [told] = CARRIER.convert(replace(NOTICE, body=body, fetched="https://api.enviopack.com/envios/500001")).shipments

    assert ("500001", "other", None, None) == (told.key, told.status, told.dispatched_at, told.delivered_at)


def test_fetched(door: Rig, api: Api):
    """Key and secret are exchanged for a token, which is used for as long as it lives; neither is stored."""
    notify(door)
    notify(door)

    auth, *asked = api.server.heard
    assert ("POST", b"api-key=a+key&secret-key=a%2Bsecret") == (auth.method, auth.body)
    assert ["/envios/500001?access_token=t%261"] * 2 == [heard.target for heard in asked]
    assert ["enviopack/500001"] == [row["id"] for row in door.desk.shipments()]
    stored = json.dumps([*rows(door), *rows(door, "fetches")], default=str)
    assert "t%26" not in stored
    assert "a+secret" not in stored

    door.now += 4 * 3600
    notify(door)
    assert 2 == api.given


def test_taken_back(door: Rig, api: Api):
    """A token that is refused before its time is exchanged anew, once."""
    notify(door)
    api.given += 1
    notify(door)

    assert ["done"] == [row["outcome"] for row in rows(door, "fetches")]
    assert 3 == api.given


def test_not_accepted(door: Rig, api: Api, caplog):
    """Credentials that get no token are told of, and held for."""
    api.auth = "400 Bad"
    notify(door)

    assert ["held"] == [row["outcome"] for row in rows(door, "fetches")]
    assert "fetch_credentials are not accepted" in caplog.text


@pytest.mark.parametrize("status", ["500 Oops", "429 Slow"])
def test_trouble(door: Rig, api: Api, status):
    """Trouble at the exchange is the carrier's trouble: it is tried again."""
    api.auth = status
    notify(door)

    [fetch] = rows(door, "fetches")
    assert None is fetch["outcome"]
    assert fetch["due_at"] > door.now


def test_reprocess(door: Rig, api: Api):
    """The message is kept though it stands in the query: what could not be fetched can be asked for again."""
    notify(door)
    first = rows(door)[0]
    assert "/webhooks/enviopack/[redacted]?tipo=envio-procesado&id=500001" == first["target"]
    api.shipment = b'{"id": 500001, "tracking_number": "EP2"}'
    door.now += 60

    intake = Intake(door.config, Inbox(door.database), clock=lambda: door.now)
    assert "accepted" == intake.reprocess(door.desk.delivery(first["id"])).outcome
    door.work()
    assert "EP2" == door.shipment("enviopack/500001")["tracking_number"]


def test_other_methods(door: Rig):
    """Enviopack asks by GET; what neither posts nor gets is refused."""
    assert (200, "accepted") == outcome(door.send(replace(NOTICE, method="POST"), endpoint="enviopack"))
    assert 405 == door.send(replace(NOTICE, method="PUT"), endpoint="enviopack").status_code
