"""What is particular to Enviopack: the message is the query, and credentials are exchanged for a token first."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, Request, Shipment, Status, Unreadable
from receiver.carriers import discover
from receiver.intake import Intake
from receiver.store import Inbox
from tests.support.bare_server import Heard, answer, serving
from tests.support.rig import Rig
from tests.support.sending import outcome, rows

CARRIER = discover()["enviopack"]
SHIPMENT = "https://api.enviopack.com/envios/500001"
HISTORY = "https://api.enviopack.com/envios/500001/tracking?formato=ISO"
NOTICE = Request(
    method="GET", path="/webhooks/enviopack", query="tipo=envio-procesado&id=500001", headers={}, body=b"",
    received_at=datetime(2026, 11, 12, tzinfo=UTC),
)  # fmt: skip


class Api:
    """Enviopack's API on loopback: gives out tokens, and answers the caller that has the last one."""

    def __init__(self) -> None:
        self.given, self.auth = 0, "200 OK"
        self.shipment = b'{"id": 500001, "tracking_number": "EP1", "condicion": "T"}'
        self.history = b'[{"fecha": "2026-11-11 10:00:00", "mensaje": "Colectado", "codigo": "COLE"}]'

    def talk(self, connection, heard: Heard) -> None:
        if heard.target == "/auth":
            self.given += self.auth == "200 OK"
            connection.sendall(answer(self.auth, json.dumps({"token": f"t&{self.given}"}).encode()))
        elif heard.target == f"/envios/500001?access_token=t%26{self.given}":
            connection.sendall(answer("200 OK", self.shipment))
        elif heard.target == f"/envios/500001/tracking?formato=ISO&access_token=t%26{self.given}":
            connection.sendall(answer("200 OK", self.history))
        else:
            connection.sendall(answer("401 No"))


@pytest.fixture
def api():
    talker = Api()
    with serving(talker.talk) as server:
        talker.server = server
        yield talker


@pytest.fixture
def thin_rig(rig: Rig, api: Api) -> Rig:
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
    """A notice of a type that no integrator names is kept for a person, and nothing is fetched."""
    with pytest.raises(Unreadable, match=r"\$\.tipo"):
        CARRIER.convert(replace(NOTICE, query="tipo=otra-cosa&id=1"))


def shipment(url: str = SHIPMENT, **changes: object) -> Shipment:
    body = json.dumps({"tracking_number": "EP1", **changes}).encode()
    [told] = CARRIER.convert(replace(NOTICE, body=body, fetched=url)).shipments
    return told


def history(*steps: object, zone: ZoneInfo | None = CARRIER.zone) -> Shipment:
    [told] = CARRIER.convert(replace(NOTICE, body=json.dumps(steps).encode(), fetched=HISTORY, zone=zone)).shipments
    return told


def step(code: str | None, at: str | None = "2026-11-11 10:00:00", words: str | None = "x") -> dict:
    return {"fecha": at, "mensaje": words, "codigo": code}


def test_history_first():
    """A change of condition has the history fetched first, with its dates; a new label has none yet."""
    changed = replace(NOTICE, query="tipo=envio-cambio-condicion&id=500001")
    answered = replace(NOTICE, body=b"[]", fetched=HISTORY)

    assert [HISTORY] == [fetch.url for fetch in CARRIER.convert(changed).fetches]
    assert [SHIPMENT] == [fetch.url for fetch in CARRIER.convert(answered).fetches]
    assert [SHIPMENT] == [fetch.url for fetch in CARRIER.convert(NOTICE).fetches]


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("T", Status.IN_TRANSIT),
        ("E", Status.DELIVERED),
        ("C", Status.CANCELLED),
        ("R", Status.EXCEPTION),
        ("D", Status.EXCEPTION),
        ("A", Status.EXCEPTION),
        (None, Status.OTHER),
        ("", Status.OTHER),
    ],
)
def test_conditions(condition, status):
    """A condition says where the parcel is, and dates nothing."""
    told = shipment(condicion=condition)

    assert ("500001", status, None, None) == (told.key, told.status, told.dispatched_at, told.delivered_at)
    assert () == told.unknown_words


@pytest.mark.parametrize("word", ["t", "ENTREGADO", "Z"])
def test_unknown(word):
    """A condition or a step that no list has is "other", and is named."""
    for told in (shipment(condicion=word), history(step(word))):
        assert (Status.OTHER, (word,)) == (told.status, told.unknown_words)


@pytest.mark.parametrize(
    ("correo", "name", "code"),
    [
        ({"id": "oca"}, "OCA", "oca"),
        ({"id": "oca", "nombre": "Oca Postal"}, "Oca Postal", "oca"),
        ({"id": "correo-demo"}, None, "correo-demo"),
        (None, None, ""),
    ],
)
def test_courier(correo, name, code):
    """The courier's own name counts before the name of its code."""
    told = shipment(correo=correo)

    assert (name, code) == (told.courier, told.courier_code)


def test_page():
    """Enviopack's public page leads to the parcel by its number."""
    assert "https://seguimiento.enviopack.com/?id=EP1" == shipment().tracking_url


def test_steps():
    """Steps with codes date the dispatch and the delivery, in Argentina's time."""
    told = history(
        step("ENTR", "2026-11-12 23:10:00"), step("COLE", "2026-11-10 16:40:00"), step("INLD", "2026-11-10 09:00:00")
    )

    assert Status.DELIVERED is told.status
    assert "2026-11-10T16:40:00-03:00" == told.dispatched_at.isoformat()
    assert "2026-11-12T23:10:00-03:00" == told.happened_at.isoformat() == told.delivered_at.isoformat()
    assert ["2026-11-10", "2026-11-10", "2026-11-12"] == [event.day.isoformat() for event in told.events]


@pytest.mark.parametrize(
    ("code", "words"), [("DEVU", "x"), (None, "Devuelto al remitente"), ("ENVI", "devolución al remitente")]
)
def test_delivered_back(code, words):
    """A delivery after a return in the same history is marked: it may be the merchant's."""
    told = history(step(code, "2026-11-11 10:00:00", words), step("ENTR", "2026-11-12 10:00:00"))

    assert (Status.DELIVERED, True) == (told.status, told.returned)


def test_steps_without_codes():
    """Where the history has no codes, its words are events and prove nothing."""
    told = history({"fecha": "2026-11-11 10:00:00", "mensaje": "Entregado"}, step(None, words=None))

    assert (Status.OTHER, None, None) == (told.status, told.dispatched_at, told.delivered_at)
    assert ["Entregado"] == [event.description for event in told.events]


@pytest.mark.parametrize("at", [None, "", " ", "0001-01-01 00:00:00"])
def test_undated(at):
    """A step without a date stands where the list has it, and shoppers do not see it."""
    steps = step("COLE"), step("ENVI", at), step("ENTR", "2026-11-12 10:00:00")
    last = step("COLE"), step("ENVI", "2026-11-12 10:00:00"), step("ENTR", at)

    for listed in (steps, steps[::-1]):
        told = history(*listed)
        assert (Status.DELIVERED, "2026-11-12T10:00:00-03:00") == (told.status, told.delivered_at.isoformat())
        assert 2 == len(told.events)
    for listed in (last, last[::-1]):
        told = history(*listed)
        assert (Status.DELIVERED, None) == (told.status, told.delivered_at)
        assert "2026-11-12T10:00:00-03:00" == told.happened_at.isoformat()


def test_of_unknown_order():
    """A step without a date is refused where nothing shows what came after it, and so is a date that is none."""
    with pytest.raises(Unreadable, match=r"\$: has an event without a date"):
        history(step("COLE", " "), step("ENTR"))
    with pytest.raises(Unreadable, match=r"\$\[0\]\.fecha"):
        history(step("COLE", "ayer"))


def test_no_history():
    """An empty history has nothing to store."""
    with pytest.raises(Ignored, match="no history"):
        CARRIER.read([], replace(NOTICE, fetched=HISTORY))


def test_no_number():
    """Without a number there is nothing to write yet."""
    with pytest.raises(Ignored, match="no tracking number"):
        shipment(tracking_number=None)


def test_from_elsewhere():
    """An answer whose URL names no shipment is refused."""
    with pytest.raises(Unreadable, match="its URL names none"):
        shipment("https://api.enviopack.com/pedidos/7")


def test_fetched(thin_rig: Rig, api: Api):
    """Key and secret are exchanged for a token, which is used for as long as it lives; neither is stored."""
    notify(thin_rig)
    notify(thin_rig)

    auth, *asked = api.server.heard
    assert ("POST", b"api-key=a+key&secret-key=a%2Bsecret") == (auth.method, auth.body)
    assert ["/envios/500001?access_token=t%261"] * 2 == [heard.target for heard in asked]
    assert ["enviopack/500001"] == [row["id"] for row in thin_rig.queries.shipments()]
    stored = json.dumps([*rows(thin_rig), *rows(thin_rig, "fetches")], default=str)
    assert "t%26" not in stored
    assert "a+secret" not in stored

    thin_rig.now += 4 * 3600
    notify(thin_rig)
    assert 2 == api.given


def test_history_and_shipment(thin_rig: Rig, api: Api):
    """A change of condition has both fetched with the token, and both are one parcel."""
    thin_rig.send(replace(NOTICE, query="tipo=envio-cambio-condicion&id=500001"), endpoint="enviopack")
    thin_rig.work()

    _, *asked = api.server.heard
    assert ["/envios/500001/tracking?formato=ISO&access_token=t%261", "/envios/500001?access_token=t%261"] == [
        heard.target for heard in asked
    ]
    [parcel] = thin_rig.queries.shipments()
    assert ("enviopack/500001", "EP1") == (parcel["id"], parcel["tracking_number"])


def test_taken_back(thin_rig: Rig, api: Api):
    """A token that is refused before its time is exchanged again, once."""
    notify(thin_rig)
    api.given += 1
    notify(thin_rig)

    assert ["done"] == [row["outcome"] for row in rows(thin_rig, "fetches")]
    assert 3 == api.given


def test_not_accepted(thin_rig: Rig, api: Api, caplog):
    """Credentials that get no token are reported, and the fetch is held."""
    api.auth = "400 Bad"
    notify(thin_rig)

    assert ["held"] == [row["outcome"] for row in rows(thin_rig, "fetches")]
    assert "fetch_credentials are not accepted" in caplog.text


@pytest.mark.parametrize("status", ["500 Oops", "429 Slow"])
def test_trouble(thin_rig: Rig, api: Api, status):
    """Trouble at the exchange is the carrier's trouble: it is tried again."""
    api.auth = status
    notify(thin_rig)

    [fetch] = rows(thin_rig, "fetches")
    assert None is fetch["outcome"]
    assert fetch["due_at"] > thin_rig.now


def test_reprocess(thin_rig: Rig, api: Api):
    """The message is kept though it stands in the query: what could not be fetched can be asked for again."""
    notify(thin_rig)
    first = rows(thin_rig)[0]
    assert "/webhooks/enviopack/[redacted]?tipo=envio-procesado&id=500001" == first["target"]
    api.shipment = b'{"id": 500001, "tracking_number": "EP2"}'
    thin_rig.now += 60

    intake = Intake(thin_rig.config, Inbox(thin_rig.database), clock=lambda: thin_rig.now)
    assert "accepted" == intake.reprocess(thin_rig.queries.delivery(first["id"])).outcome
    thin_rig.work()
    assert "EP2" == thin_rig.shipment("enviopack/500001")["tracking_number"]


def test_other_methods(thin_rig: Rig):
    """Enviopack asks by GET; what neither posts nor gets is refused."""
    assert (200, "accepted") == outcome(thin_rig.send(replace(NOTICE, method="POST"), endpoint="enviopack"))
    assert 405 == thin_rig.send(replace(NOTICE, method="PUT"), endpoint="enviopack").status_code
