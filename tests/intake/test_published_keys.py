"""Keys that a carrier publishes: fetched beside the requests, kept when a fetch fails, a closed door without any."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from unittest.mock import patch

import pytest

from adapters import Request, RsaJwks
from receiver.config import BadConfig, Endpoint
from receiver.intake import published_keys
from receiver.intake.published_keys import Keys
from receiver.web.app import create_app
from tests.support.bare_server import answer, serving
from tests.support.rig import Rig, eventually, posted
from tests.support.rsa_pairs import Pair, published
from tests.support.sending import toy

SCHEME = RsaJwks(
    signature_header="x-rsa", key_id_header="x-rsa-key", timestamp_header="x-rsa-time",
    keys_url="https://carrier.example/v1/jwks?x=1",
)  # fmt: skip


OLD, NEW = Pair("old"), Pair("new")


class Carrier:
    """Publishes keys on loopback, answers as it is told, and remembers who asked."""

    def __init__(self) -> None:
        self.says = published(OLD)
        self.hold = threading.Event()
        self.hold.set()

    def talk(self, connection, _heard) -> None:
        self.hold.wait(10)
        connection.sendall(self.says)


@dataclass
class Site:
    """A receiver whose one endpoint is proven by the carrier's keys."""

    rig: Rig
    carrier: Carrier
    server: object
    app: object = None

    def opened(self, **settings) -> "Site":
        made = replace(
            self.rig.config.endpoints["melhor-envio"],
            carrier=toy(), scheme=SCHEME, secrets=(), base_url=self.server.url, **settings,
        )  # fmt: skip
        config = replace(self.rig.config, endpoints={"melhor-envio": made})
        self.app = create_app(config, self.rig.database, clock=lambda: self.rig.now)
        return self

    def post(self, pair: Pair, *, parcel: str = "p1") -> int:
        request = Request(
            method="POST", path="/webhooks/melhor-envio", headers={"x-rsa-key": pair.kid},
            body=json.dumps(posted(parcel=parcel)).encode(), received_at=datetime.fromtimestamp(self.rig.now, UTC),
        )  # fmt: skip
        signed = SCHEME.sign(request, pair.pem)
        response = self.app.test_client().post(signed.path, data=signed.body, headers=signed.headers)
        self.last = response
        return response.status_code

    @property
    def asked(self) -> int:
        return len(self.server.heard)


@pytest.fixture
def site(rig: Rig):
    carrier = Carrier()
    with serving(carrier.talk) as server:
        yield Site(rig, carrier, server)


def test_fetched_at_start(site: Site):
    """The keys are asked for at start, at the published path; no one has to send a webhook first."""
    site.opened()
    eventually(lambda: site.asked == 1)

    assert 200 == site.post(OLD)
    assert ("GET", "/v1/jwks?x=1") == (site.server.heard[0].method, site.server.heard[0].target)
    assert 1 == site.asked


def test_first_request_waits(site: Site):
    """A webhook that comes while the first keys are on their way waits for them."""
    site.carrier.hold.clear()
    site.opened()
    threading.Timer(0.2, site.carrier.hold.set).start()

    assert 200 == site.post(OLD)
    assert 1 == site.asked


def test_unknown_keys_share_a_thread(site: Site, monkeypatch: pytest.MonkeyPatch):
    """Twenty requests that name unknown keys at one instant wait for one fetch, in one thread. Later ones start none:
    anybody may name a key."""
    monkeypatch.setattr(published_keys, "_DEADLINE", 60.0)
    site.opened()
    eventually(lambda: site.asked == 1)
    site.rig.now += 60
    site.carrier.hold.clear()
    with ThreadPoolExecutor(20) as pool:
        sent = [pool.submit(site.post, NEW, parcel=f"p{number}") for number in range(20)]
        eventually(lambda: site.asked == 2)
        assert 1 == sum(thread.name == "aside" for thread in threading.enumerate())
        site.carrier.hold.set()
        assert [401] * 20 == [one.result() for one in sent]
    with patch.object(published_keys, "aside") as never:
        assert 401 == site.post(NEW)
    never.assert_not_called()


def test_name_server_is_silent(site: Site, monkeypatch: pytest.MonkeyPatch):
    """No deadline ends the look for the carrier's address: a request waits for so long, later ones not at all, and each
    is asked to come again."""
    answers, known = threading.Event(), socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **more: answers.wait(60) and known(*asked, **more))
    monkeypatch.setattr(published_keys, "_DEADLINE", 0.1)
    site.opened()

    begun = time.monotonic()
    assert 503 == site.post(OLD)
    assert 0.6 <= time.monotonic() - begun < 5
    with ThreadPoolExecutor(20) as pool:
        assert [503] * 20 == list(pool.map(lambda number: site.post(OLD, parcel=f"p{number}"), range(20)))
    assert "they are still being fetched" in site.rig.queries.rejects()[0]["reason"]
    answers.set()
    eventually(lambda: site.post(OLD, parcel=str(_a_minute_later(site))) == 200)


def _a_minute_later(site: Site) -> float:
    site.rig.now += 60
    return site.rig.now


def test_closed_without_keys(site: Site):
    """Without keys no one is proven and no one refused: the sender is asked to come again, the operator hears why."""
    site.carrier.says = answer("500 Oops")
    site.opened()

    assert 503 == site.post(OLD)
    assert "30" == site.last.headers["Retry-After"]
    assert "Send it again" in site.last.json["detail"]
    [reject] = site.rig.queries.rejects()
    assert "are not at hand: HTTP 500" in reject["reason"]
    site.carrier.says = published(OLD)
    assert 503 == site.post(OLD)
    assert 1 == site.asked
    site.rig.now += 60
    assert 200 == site.post(OLD)


def test_rotated(site: Site):
    """A key no one knows has the set fetched again, once; then the webhook is taken."""
    site.opened()
    assert 200 == site.post(OLD)
    site.carrier.says = published(OLD, NEW)
    site.rig.now += 60

    assert [200, 200] == [site.post(NEW), site.post(OLD)]
    assert 2 == site.asked


def test_unknown_for_good(site: Site):
    """A key that the carrier does not publish is refused, and does not have it asked more than once a minute."""
    site.opened()
    assert 200 == site.post(OLD)
    site.rig.now += 60

    assert [401] * 5 == [site.post(NEW) for _ in range(5)]
    assert 2 == site.asked


def test_never_two_at_once(site: Site):
    """A request that comes while the set is fetched waits for that fetch, and makes none of its own."""
    site.opened()
    assert 200 == site.post(OLD)
    site.carrier.says = published(NEW)
    site.rig.now += 60
    site.carrier.hold.clear()
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(site.post(NEW))) for _ in range(6)]
    for thread in threads:
        thread.start()
    eventually(lambda: site.asked == 2)
    site.carrier.hold.set()
    for thread in threads:
        thread.join()

    assert [200] * 6 == statuses
    assert 2 == site.asked


@pytest.mark.parametrize(
    "says",
    [
        answer("500 Oops"),
        answer("302 Found", b"", "Location: http://127.0.0.1:1/"),
        answer("200 OK", b"<html>"),
        answer("200 OK", b'{"keys": []}'),
        b"",
    ],
)
def test_kept(site: Site, says):
    """A fetch that fails, leads elsewhere or brings no keys takes none away."""
    site.opened()
    assert 200 == site.post(OLD)
    site.carrier.says = says
    site.rig.now += 100_000

    assert 503 == site.post(NEW)
    assert 200 == site.post(OLD)


def test_fresh(site: Site):
    """An old set is fetched again beside the requests, with its ETag; an unchanged one is not sent again."""
    site.carrier.says = published(OLD, headers=('ETag: "v1"', "Cache-Control: public, max-age=600"))
    site.opened()
    assert 200 == site.post(OLD)
    site.carrier.says = answer("304 Not Modified", b"")
    site.rig.now += 599
    assert 200 == site.post(OLD)
    assert 1 == site.asked

    site.rig.now += 1
    assert 200 == site.post(OLD)
    eventually(lambda: site.asked == 2)
    assert '"v1"' == site.server.heard[1].headers["if-none-match"]
    assert 200 == site.post(OLD)


def test_withdrawn(site: Site):
    """A key that the carrier withdrew proves nothing once the set has grown old."""
    site.opened()
    assert 200 == site.post(OLD)
    site.carrier.says = published(NEW)
    site.rig.now += 3_600
    site.post(OLD)
    eventually(lambda: site.asked == 2)

    assert 401 == eventually(lambda: (status := site.post(OLD)) == 401 and status)


def test_pinned(site: Site):
    """Keys of the configuration win: nothing is fetched."""
    pinned = replace(site.rig.config.endpoints["melhor-envio"], scheme=SCHEME, secrets=(json.dumps({"keys": []}),))
    keys = Keys([pinned])
    keys.fetch()

    assert "none" == keys.authenticate(pinned, None, lambda _, secrets: "none" if secrets == pinned.secrets else "some")
    assert 0 == site.asked


def test_elsewhere(rig: Rig):
    """A ``base_url`` makes sense only where the carrier is called."""
    with pytest.raises(BadConfig, match=r"melhor-envio\.base_url: has no meaning: melhor_envio is never called"):
        rig.configure(endpoints={"melhor-envio": {"secrets": ["word-1"], "base_url": "http://127.0.0.1:1"}})


def test_call_url():
    """``base_url`` stands for the host alone; path and query stay."""
    endpoint = Endpoint(name="x", carrier=toy(), account="lux", scheme=SCHEME, secrets=())

    assert SCHEME.keys_url == endpoint.call_url(SCHEME.keys_url)
    elsewhere = replace(endpoint, base_url="http://127.0.0.1:8/a")
    assert "http://127.0.0.1:8/a/v1/jwks?x=1" == elsewhere.call_url(SCHEME.keys_url)
