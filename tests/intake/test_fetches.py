"""Thin notices: stored and answered like any delivery; then fetched, from the carrier's own hosts, and read."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from adapters import Fetch, Header, Ignored, Reference, ReferenceKind, Request, Shipment, Status
from receiver.carriers import registry
from receiver.intake import Intake
from receiver.store import Fetched, Fetches, Horizons, Inbox, LeaseLost, Retention
from receiver.store.work.clock_steps import correct
from tests.support.bare_server import Heard, answer, serving
from tests.support.rig import Rig, eventually, order, package
from tests.support.sending import outcome, rows, toy

SECRET = "toy-secret-1"
CREDENTIALS = "toy-user:toy-password-2"
URL = "https://api.toy.example/parcels?page=1"


def _notice(payload, _request) -> list[Fetch]:
    if payload["kind"] == "activate":
        return [Fetch(url=payload["url"], method="POST", headers={"Toy-Secret": payload["secret"]}, wanted=False)]
    return [] if payload["kind"] == "whole" else [Fetch(url=payload["url"])]


def _more(payload, request) -> list[Fetch]:
    page, pages = payload.get("page", 1), payload.get("pages", 1)
    return [Fetch(url=request.fetched.replace(f"page={page}", f"page={page + 1}"))] if page < pages else []


def _read(payload, _request) -> list[Shipment]:
    if not payload["parcels"]:
        raise Ignored("no parcels")
    return [
        Shipment(
            key=one["id"], status=Status.DISPATCHED, tracking_number=one["number"],
            references=(Reference(ReferenceKind.ORDER_ID, one["order"]),),
        )
        for one in payload["parcels"]
    ]  # fmt: skip


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["parcels"],
    "properties": {"parcels": {"type": "array"}},
    "$defs": {"notice": {"type": "object", "required": ["kind"]}},
}


@pytest.fixture
def thin(monkeypatch):
    """A carrier that sends notices."""

    def document(_name, definition=None, **_):
        if definition is None:
            return SCHEMA
        return {"$schema": SCHEMA["$schema"], "$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{definition}"}

    for module in ("schemas", "registry"):
        monkeypatch.setattr(f"receiver.carriers.{module}.document", document)
    registry.validator.cache_clear()
    yield toy(
        AUTH=(Header("x-toy"),), HOSTS=("api.toy.example", re.compile(r"api\d\.toy\.example")), CREDENTIALS="basic",
        SECRET_FIELDS=("secret",), notice=_notice, more=_more, read=_read,
    )  # fmt: skip
    registry.validator.cache_clear()


class Api:
    """The carrier's API on loopback: what it says by path, and what it was asked."""

    def __init__(self) -> None:
        self.says: dict[str, bytes] = {}
        self.otherwise = answer("404 Not Found")

    def talk(self, connection, heard: Heard) -> None:
        connection.sendall(self.says.get(heard.target, self.otherwise))

    def has(self, *parcels: dict, target: str = "/parcels?page=1", **more) -> None:
        self.says[target] = answer("200 OK", json.dumps({"parcels": parcels, **more}).encode())


@pytest.fixture
def api():
    talker = Api()
    with serving(talker.talk) as server:
        talker.server = server
        yield talker


@pytest.fixture
def thin_rig(rig_on_either: Rig, api: Api, thin) -> Rig:
    """A receiver with one endpoint of that carrier, under the name `melhor-envio`."""
    rig = rig_on_either
    made = replace(
        rig.config.endpoints["melhor-envio"], carrier=thin, scheme=Header("x-toy"), secrets=(SECRET,), references=(),
        base_url=api.server.url, fetch_credentials=CREDENTIALS, unreadable=422,
    )  # fmt: skip
    rig.use(replace(rig.config, endpoints={"melhor-envio": made}))
    return rig


def parcel(name: str = "p1", **changes: str) -> dict[str, str]:
    return {"id": name, "number": f"TN-{name}", "order": "1-01", **changes}


def notice(url: str = URL, **more) -> dict[str, str]:
    return {"kind": "thin", "url": url, **more}


def fetch(rig: Rig) -> dict:
    """The one fetch there is."""
    [row] = rows(rig, "fetches")
    return row


class TestWay:
    def test_to_vtex(self, thin_rig: Rig, api: Api):
        """A notice is answered at once; its parcel is fetched with the merchant's credentials, and reaches VTEX."""
        thin_rig.add_order(order("1-01", package("N1")))
        api.has(parcel())
        assert (200, "accepted") == outcome(thin_rig.post(notice()))
        assert [] == api.server.heard

        thin_rig.work()
        [asked] = api.server.heard
        assert ("GET", "/parcels?page=1") == (asked.method, asked.target)
        assert "Basic dG95LXVzZXI6dG95LXBhc3N3b3JkLTI=" == asked.headers["authorization"]
        assert "TN-p1" == thin_rig.package_of("1-01", "N1")["trackingNumber"]
        first, second = rows(thin_rig)
        assert ("header", None, "accepted") == (first["proof"], first["notice"], first["outcome"])
        assert ("fetched", first["id"], URL) == (second["proof"], second["notice"], second["target"])
        assert first["id"] == thin_rig.queries.history("melhor-envio/p1")["deliveries"][0]["notice"]
        assert "password" not in json.dumps([*rows(thin_rig), fetch(thin_rig)], default=str)

    def test_merged(self, thin_rig: Rig, api: Api):
        """Ten notices of one resource that come together cost one call; a later one costs another."""
        api.has(parcel())
        for _ in range(10):
            assert (200, "accepted") == outcome(thin_rig.post(notice()))
        thin_rig.work()
        assert 1 == len(api.server.heard)

        thin_rig.post(notice())
        thin_rig.work()
        assert 2 == len(api.server.heard)
        assert 12 == len(rows(thin_rig))

    def test_news_meanwhile(self, thin_rig: Rig, api: Api):
        """A notice that comes while its resource is being fetched has it fetched once more."""
        thin_rig.post(notice())
        fetches = Fetches(thin_rig.database, Inbox(thin_rig.database), lease=60)
        claim = fetches.claim("melhor-envio", now=thin_rig.now)
        thin_rig.post(notice())
        fetches.settle(claim, Fetched(outcome="done", status=200), now=thin_rig.now)

        assert (None, thin_rig.now) == (fetch(thin_rig)["outcome"], fetch(thin_rig)["due_at"])

    def test_pages(self, thin_rig: Rig, api: Api):
        """Each page asks for the next one."""
        for page in (1, 2, 3):
            api.has(parcel(f"p{page}"), target=f"/parcels?page={page}", page=page, pages=3)
        thin_rig.post(notice())
        thin_rig.work()

        assert ["/parcels?page=1", "/parcels?page=2", "/parcels?page=3"] == [one.target for one in api.server.heard]
        assert {"melhor-envio/p1", "melhor-envio/p2", "melhor-envio/p3"} == {
            row["id"] for row in thin_rig.queries.shipments()
        }

    def test_beside(self, thin_rig: Rig, api: Api):
        """A worker that runs fetches beside its shipments."""
        thin_rig.add_order(order("1-01", package("N1")))
        api.has(parcel())
        thin_rig.worker.start()
        try:
            thin_rig.post(notice())
            eventually(lambda: thin_rig.package_of("1-01", "N1")["trackingNumber"])
        finally:
            thin_rig.worker.stop()

    def test_whole(self, thin_rig: Rig):
        """A message that asks for nothing is read like any other."""
        assert (200, "accepted") == outcome(thin_rig.post({"kind": "whole", "parcels": [parcel()]}))
        assert [] == rows(thin_rig, "fetches")

    def test_reprocess(self, thin_rig: Rig, api: Api):
        """An answer that could not be read is kept, and read again after a fix; so is its notice."""
        api.says["/parcels?page=1"] = answer("200 OK", b'{"parcel": 1}')
        thin_rig.post(notice())
        thin_rig.work()
        asked, came = rows(thin_rig)
        assert ("quarantined", "$: lacks 'parcels'") == (came["outcome"], came["reason"])

        intake = Intake(thin_rig.config, Inbox(thin_rig.database), clock=lambda: thin_rig.now)
        assert "quarantined" == intake.reprocess(thin_rig.queries.delivery(came["id"])).outcome
        api.has(parcel())
        assert "accepted" == intake.reprocess(thin_rig.queries.delivery(asked["id"])).outcome
        thin_rig.work()
        assert ["melhor-envio/p1"] == [row["id"] for row in thin_rig.queries.shipments()]


def test_echoed_credentials(thin_rig: Rig, api: Api):
    """Credentials that an API sends back are not kept."""
    api.has(parcel(note="for toy-user:toy-password-2, Basic dG95LXVzZXI6dG95LXBhc3N3b3JkLTI="))
    thin_rig.post(notice())
    thin_rig.work()

    body = bytes(rows(thin_rig)[1]["body"])
    assert b"toy-password-2" not in body
    assert b"dG95LXVzZXI6" not in body


class TestWhereTo:
    @pytest.mark.parametrize(
        "url",
        [
            "http://api.toy.example/parcels", "https://evil.example/", "https://api.toy.example.evil.example/",
            "https://evil.example/api.toy.example", "https://api.toy.example@evil.example/", "https://apixtoy.example/",
            "https://user:word@api.toy.example/", "https://api.toy.example:8443/", "https://127.0.0.1/", "//x",
            "https://api.toy.example\\@evil.example/", "https://api.toy.example /", "https://[::1", "file:///etc/passwd",
            "https://api12.toy.example/", "https://api.toy.example./", "https://api.toy.example/" + "x" * 2_000, "",
        ],
    )  # fmt: skip
    def test_strange(self, thin_rig: Rig, api: Api, url):
        """A notice that leads anywhere else is quarantined, without its URL being quoted; nothing is called."""
        response = thin_rig.post(notice(url))
        thin_rig.work()

        assert (422, "quarantined") == outcome(response)
        assert "asks for a call that is not made" in response.json["detail"]
        assert [] == api.server.heard
        assert [] == rows(thin_rig, "fetches")

    @pytest.mark.parametrize("url", [URL, "https://API.toy.example:443/p", "https://api7.toy.example/p"])
    def test_own(self, thin_rig: Rig, url):
        """The carrier's own hosts are, in whatever case, and at the port of https."""
        assert (200, "accepted") == outcome(thin_rig.post(notice(url)))

    def test_no_redirect(self, thin_rig: Rig, api: Api):
        """A redirect is not followed: the credentials would go along."""
        api.otherwise = answer("302 Found", b"", f"Location: {api.server.url}/elsewhere")
        thin_rig.post(notice())
        thin_rig.work()

        assert 1 == len(api.server.heard)
        assert ("held", "a redirect, which is not followed") == (fetch(thin_rig)["outcome"], fetch(thin_rig)["reason"])


class TestTrouble:
    def test_again(self, thin_rig: Rig, api: Api):
        """A carrier in trouble, or a resource not yet there, is asked again after a pause that grows."""
        api.otherwise = answer("500 Oops")
        thin_rig.post(notice())
        thin_rig.work()
        first = fetch(thin_rig)["due_at"] - thin_rig.now
        assert 4 <= first <= 6
        thin_rig.later(first)
        assert 8 <= fetch(thin_rig)["due_at"] - thin_rig.now <= 12
        api.otherwise = answer("404 Not Found")
        thin_rig.later(12)
        assert (None, "HTTP 404", 3) == tuple(fetch(thin_rig)[name] for name in ("outcome", "reason", "tries"))

        api.has(parcel())
        thin_rig.later(60)
        assert ("done", 0) == (fetch(thin_rig)["outcome"], fetch(thin_rig)["tries"])

    def test_notice_does_not_hurry(self, thin_rig: Rig, api: Api):
        """Another notice does not cut a back-off short."""
        api.otherwise = answer("500 Oops")
        thin_rig.post(notice())
        thin_rig.work()
        due = fetch(thin_rig)["due_at"]
        thin_rig.post(notice())
        thin_rig.work()

        assert (due, 1) == (fetch(thin_rig)["due_at"], len(api.server.heard))

    @pytest.mark.parametrize("header", ["Retry-After: 120", "X-Rate-Limit-Reset: 120"])
    def test_slow_down(self, thin_rig: Rig, api: Api, header):
        """A carrier that asks for quiet gets it, for all that is to be fetched there."""
        api.otherwise = answer("429 Slow", b"", header)
        thin_rig.post(notice())
        thin_rig.work()
        api.has(parcel("p2"), target="/other")
        thin_rig.post(notice("https://api.toy.example/other"))
        thin_rig.later(119)
        assert 1 == len(api.server.heard)

        api.has(parcel())
        thin_rig.later(10)
        assert {"melhor-envio/p1", "melhor-envio/p2"} == {row["id"] for row in thin_rig.queries.shipments()}

    def test_slow_down_set_back(self, thin_rig: Rig, api: Api):
        """The quiet that a carrier asked for ends after its own length, even if the clock is set back meanwhile."""
        api.otherwise = answer("429 Slow", b"", "Retry-After: 120")
        thin_rig.post(notice())
        thin_rig.work()
        thin_rig.now -= 3_600
        correct(thin_rig.database, back=3_600, now=thin_rig.now, lease=60)
        thin_rig.later(119)
        assert 1 == len(api.server.heard)

        api.has(parcel())
        thin_rig.later(1)
        assert ["melhor-envio/p1"] == [row["id"] for row in thin_rig.queries.shipments()]

    @pytest.mark.parametrize("status", ["401 No", "403 No"])
    def test_not_allowed(self, thin_rig: Rig, api: Api, status, caplog):
        """Credentials that are not accepted are told of; what they were needed for is tried again once they are."""
        api.otherwise = answer(status)
        thin_rig.post(notice())
        thin_rig.work()
        assert "fetch_credentials are not accepted" in caplog.text
        assert CREDENTIALS not in caplog.text
        assert ("held", None) == (fetch(thin_rig)["outcome"], fetch(thin_rig)["due_at"])
        thin_rig.later(86_400)
        assert 1 == len(api.server.heard)

        api.has(parcel())
        api.has(parcel("p2"), target="/other")
        thin_rig.post(notice("https://api.toy.example/other"))
        thin_rig.work()
        assert {"melhor-envio/p1", "melhor-envio/p2"} == {row["id"] for row in thin_rig.queries.shipments()}

    def test_restart(self, thin_rig: Rig, api: Api):
        """A restart tries held credentials again: they may be other ones."""
        api.otherwise = answer("401 No")
        thin_rig.post(notice())
        thin_rig.work()
        api.has(parcel())
        thin_rig.worker._fetcher.begin()
        thin_rig.work()

        assert "done" == fetch(thin_rig)["outcome"]

    def test_given_up(self, thin_rig: Rig, api: Api, caplog):
        """After ``horizon_days`` no one asks any more; the log says so, and a person can ask again."""
        api.otherwise = answer("500 Oops")
        thin_rig.post(notice())
        thin_rig.work()
        thin_rig.later(7 * 86_400 + 1)

        assert ("gave_up", None) == (fetch(thin_rig)["outcome"], fetch(thin_rig)["due_at"])
        assert "fetch given up: endpoint=melhor-envio delivery=" in caplog.text
        [given] = rows(thin_rig)
        Intake(thin_rig.config, Inbox(thin_rig.database), clock=lambda: thin_rig.now).reprocess(
            thin_rig.queries.delivery(given["id"])
        )
        thin_rig.work()
        assert (None, "HTTP 500") == (fetch(thin_rig)["outcome"], fetch(thin_rig)["reason"])

    def test_too_large(self, thin_rig: Rig, api: Api):
        """An answer of more than ``max_body`` is not taken."""
        api.says["/parcels?page=1"] = answer("200 OK", b" " * 2_000_001)
        thin_rig.post(notice())
        thin_rig.work()

        assert "larger than" in fetch(thin_rig)["reason"]

    def test_lost_lease(self, thin_rig: Rig):
        """Who slept through his lease records neither an end nor an answer."""
        thin_rig.post(notice())
        inbox = Inbox(thin_rig.database)
        fetches = Fetches(thin_rig.database, inbox, lease=60)
        claim = fetches.claim("melhor-envio", now=thin_rig.now)
        assert fetches.claim("melhor-envio", now=thin_rig.now + 59) is None
        assert fetches.claim("melhor-envio", now=thin_rig.now + 61)
        [given] = rows(thin_rig)
        intake = Intake(thin_rig.config, inbox, clock=lambda: thin_rig.now)
        endpoint = thin_rig.config.endpoints["melhor-envio"]
        request = replace(_answer_request(thin_rig), fetched=URL)
        delivery = intake.fetched(endpoint, request, notice=given["id"])

        with pytest.raises(LeaseLost):
            fetches.settle(claim, Fetched(outcome="done", answer=delivery), now=thin_rig.now + 62)
        assert [given["id"]] == [row["id"] for row in rows(thin_rig)]


def _answer_request(rig: Rig):
    body = json.dumps({"parcels": [parcel()]}).encode()
    at = datetime.fromtimestamp(rig.now, UTC)
    return Request(method="GET", path="/parcels", headers={}, body=body, received_at=at)


class TestActivation:
    """A message that asks for a call whose answer no one reads, with a secret of its own."""

    ASKS: ClassVar = {"kind": "activate", "url": "https://api.toy.example/subscription/7", "secret": "hook-secret-9"}

    def test_made(self, thin_rig: Rig, api: Api):
        """The call is made with the secret, which is stored nowhere once it was."""
        api.says["/subscription/7"] = answer("204 No Content", b"")
        assert (200, "accepted") == outcome(thin_rig.post(self.ASKS))
        assert "hook-secret-9" not in json.dumps(rows(thin_rig), default=str)
        assert "hook-secret-9" in fetch(thin_rig)["headers"]

        thin_rig.work()
        [asked] = api.server.heard
        assert ("POST", "hook-secret-9") == (asked.method, asked.headers["toy-secret"])
        assert ("done", "{}") == (fetch(thin_rig)["outcome"], fetch(thin_rig)["headers"])
        assert 1 == len(rows(thin_rig))

    def test_without_credentials(self, thin_rig: Rig, api: Api, caplog):
        """Where credentials are optional, a call that needs them waits until they are configured."""
        whole = thin_rig.config
        made = replace(whole.endpoints["melhor-envio"], fetch_credentials=None)
        thin_rig.use(replace(whole, endpoints={"melhor-envio": made}))
        thin_rig.post(self.ASKS)
        thin_rig.work()
        assert "the endpoint has no fetch_credentials" in caplog.text
        assert ("held", []) == (fetch(thin_rig)["outcome"], api.server.heard)

        api.says["/subscription/7"] = answer("204 No Content", b"")
        thin_rig.use(whole)
        thin_rig.worker._fetcher.begin()
        thin_rig.work()
        assert "hook-secret-9" == api.server.heard[0].headers["toy-secret"]
        assert ("done", "{}") == (fetch(thin_rig)["outcome"], fetch(thin_rig)["headers"])

    def test_reprocess(self, thin_rig: Rig):
        """The blanked secret cannot be used again, and that is said."""
        thin_rig.post(self.ASKS)
        [row] = rows(thin_rig)
        reading = Intake(thin_rig.config, Inbox(thin_rig.database)).reprocess(thin_rig.queries.delivery(row["id"]))

        assert "error" == reading.outcome
        assert "a field we use held a secret, which was blanked when stored" == reading.why

    def test_header(self, thin_rig: Rig):
        """What cannot stand in a header is not put there."""
        assert (422, "quarantined") == outcome(thin_rig.post({**self.ASKS, "secret": "a\r\nX: b"}))


def test_retention(thin_rig: Rig, api: Api):
    """What is done is forgotten with the bodies; what is held loses its secret."""
    api.has(parcel())
    thin_rig.post(notice())
    api.says["/subscription/7"] = answer("401 No")
    thin_rig.post(TestActivation.ASKS)
    thin_rig.work()
    assert {"done", "held"} == {row["outcome"] for row in rows(thin_rig, "fetches")}

    Retention(thin_rig.database).prune(Horizons(bodies=1, unreadable=1), now=thin_rig.now + 86_401)
    assert ("held", "{}") == (fetch(thin_rig)["outcome"], fetch(thin_rig)["headers"])
