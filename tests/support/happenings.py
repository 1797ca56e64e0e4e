"""What people are told of, as it happens: each function makes one cause begin, and ends it when it is asked for more.

Nothing here writes a row: a carrier sends, VTEX or a carrier refuses, a clock is set, a person decides, time passes.
"""

import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from werkzeug.test import TestResponse

from adapters import Request
from receiver.config import Endpoint
from receiver.notify.causes import Cause
from receiver.notify.findings import NO_WORKER
from receiver.notify.task import NotifyTask
from receiver.operations.decisions import Actor, Decisions
from receiver.processes.worker import Worker
from receiver.sandbox import serve
from receiver.store import Background, Horizons, Retention
from receiver.vtex.hook import configuration
from tests.support.bare_server import Heard, answer, serving
from tests.support.rig import MELHOR_ENVIO, UNREADABLE, Rig, order, package, posted
from tests.support.rsa_pairs import Pair, published
from tests.support.telling import HOUR, heard_daily, hold
from tests.support.vtex_hook import SECRET, event, tell

Happening = Callable[[Rig], Iterator[None]]
DAY = 24 * HOUR
PARCEL = "melhor-envio/p1"
#: Cause → what its messages are about, and how it happens.
HAPPENINGS: dict[Cause, tuple[str, Happening]] = {}


def about(subject: str) -> Callable[[Happening], Happening]:
    """Registers a function under the cause of its name."""

    def register(happening: Happening) -> Happening:
        HAPPENINGS[Cause(happening.__name__)] = (subject, happening)
        return happening

    return register


def decisions(rig: Rig) -> Decisions:
    """A person at the command line."""
    return Decisions(rig.config, rig.database, Actor("ana", "command line"), clock=lambda: rig.now)


def delivered(rig: Rig) -> None:
    """The carrier is heard."""
    assert 200 == rig.post({**posted(), "event": "order.created"}).status_code
    rig.work()


@about("lux")
def held(rig: Rig) -> Iterator[None]:
    hold(rig, "p1")
    yield
    decisions(rig).dismiss(PARCEL)


@about("lux")
def gave_up(rig: Rig) -> Iterator[None]:
    rig.post(posted("9-01"))
    rig.works_until(9 * DAY)
    yield
    decisions(rig).dismiss(PARCEL)


@about("melhor-envio")
def unreadable(rig: Rig) -> Iterator[None]:
    rig.post(UNREADABLE)
    yield
    rig.now += 2 * DAY
    Retention(rig.database).prune(Horizons(bodies=30, unreadable=1), now=rig.now)


@about("melhor_envio")
def unknown_word(rig: Rig) -> Iterator[None]:
    rig.post(posted(event="order.teleported"))
    yield
    rig.now += 1.1 * DAY


@about("melhor-envio")
def unknown_address(rig: Rig) -> Iterator[None]:
    assert 404 == rig.client.post("/webhooks/melhorenvio").status_code
    yield
    rig.now += 1.1 * DAY


@about("melhor-envio")
def not_proven(rig: Rig) -> Iterator[None]:
    forged = {"x-me-signature": "AAAA"}
    for _ in range(3):
        assert 401 == rig.client.post("/webhooks/melhor-envio", json=posted(), headers=forged).status_code
    yield
    delivered(rig)


@about("melhor-envio")
def partly_refused(rig: Rig) -> Iterator[None]:
    """Of two systems that send, one has an old secret, for more than a day; then it has the right one."""
    worker = NotifyTask(rig.config, rig.database, clock=lambda: rig.now, channels={})
    for _ in range(26):
        delivered(rig)
        forged = rig.client.post("/webhooks/melhor-envio", json=posted(), headers={"x-me-signature": "AAAA"})
        assert 401 == forged.status_code
        rig.later(HOUR)
        worker.run_once()
    yield
    rig.later(13 * HOUR)
    delivered(rig)


@about("lux")
def hook_refused(rig: Rig) -> Iterator[None]:
    """VTEX sends another secret than ours, until the hook is installed again."""
    rig.configure(account={"hook_secrets": [SECRET]}, endpoints=dict.fromkeys(("melhor-envio", "other"), MELHOR_ENVIO))
    for _ in range(3):
        assert 401 == tell(rig, event(), secret="the-former-one").status_code
    yield
    assert 200 == tell(rig, event()).status_code


@about("lux")
def links_refused(rig: Rig) -> Iterator[None]:
    """The merchant's system sends another token than ours."""
    rig.configure(account={"link_tokens": ["t0ken"]}, endpoints=dict.fromkeys(("melhor-envio", "other"), MELHOR_ENVIO))

    def link(token: str) -> int:
        said = {"tracking_number": "TN1BR", "order": "1-01"}
        return rig.client.post("/links/lux", json=said, headers={"Authorization": f"Bearer {token}"}).status_code

    assert [401] * 3 == [link("former") for _ in range(3)]
    yield
    assert 200 == link("t0ken")


@about("melhor-envio")
def keys_away(rig: Rig) -> Iterator[None]:
    """The carrier does not publish its keys; then it does, and sends again."""
    pair, says = Pair("k"), [answer("500 Oops")]
    with serving(lambda connection, _: connection.sendall(says[0])) as carrier:
        rig.configure(endpoints={"melhor-envio": {"carrier": "shipengine", "base_url": carrier.url}})
        assert 503 == _signed(rig, pair).status_code
        yield
        says[0] = published(pair)
        rig.now += 60
        assert 200 == _signed(rig, pair).status_code


def _signed(rig: Rig, pair: Pair) -> TestResponse:
    endpoint: Endpoint = rig.config.endpoints["melhor-envio"]
    request = Request(
        method="POST",
        path="/webhooks/melhor-envio",
        headers={"x-shipengine-rsa-sha256-key-id": pair.kid},
        body=b'{"resource_url":"https://api.shipstation.com/v2/batches/1","resource_type":"BATCH_PROCESSED_V2"}',
        received_at=datetime.fromtimestamp(rig.now, UTC),
    )
    return rig.send(endpoint.scheme.sign(request, pair.pem), endpoint="melhor-envio", signed=False)


@about("melhor-envio")
def fetch_held(rig: Rig) -> Iterator[None]:
    """The carrier refuses our credentials; a person corrects them there, and has the delivery read again."""
    says = [answer("401 Unauthorized")]

    def talk(connection: socket.socket, _: Heard) -> None:
        connection.sendall(says[0])

    with serving(talk) as carrier:
        token = {"carrier": "zippin", "auth": {"scheme": "path"}, "secrets": ["token-of-the-path"]}
        rig.configure(
            endpoints={"melhor-envio": {**token, "base_url": carrier.url, "fetch_credentials": "user:password"}}
        )
        notice = {"topic": "status", "data": {"shipment_id": 490001}}
        delivery = rig.post(notice).json["delivery"]
        rig.work()
        yield
        says[0] = answer("200 OK", json.dumps([]).encode())
        decisions(rig).reprocess(delivery)
        rig.work()


@about("melhor-envio")
def nothing_written(rig: Rig) -> Iterator[None]:
    """Orders of another account are looked for, for a day and more; then they are there."""
    for number in range(3):
        rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}BR"))
    rig.works_until(1.1 * DAY)
    yield
    for number in range(3):
        rig.add_order(order(f"{number}-01", package("A")))
    rig.later(7 * HOUR)


@about("former")
def endpoint_gone(rig: Rig) -> Iterator[None]:
    """An endpoint takes a parcel and leaves the configuration; a person wants nothing sent."""
    present = dict.fromkeys(("melhor-envio", "other"), MELHOR_ENVIO)
    rig.configure(endpoints={**present, "former": MELHOR_ENVIO})
    assert 200 == rig.post(posted(), endpoint="former").status_code
    rig.configure(endpoints=present)
    rig.work()
    yield
    decisions(rig).dismiss("former/p1")


@about("lux")
def account_paused(rig: Rig) -> Iterator[None]:
    """VTEX refuses the key; a person corrects it there, and ends the pause."""
    rig.faults(unauthorized=True)
    rig.post(posted())
    rig.work()
    yield
    rig.faults()
    decisions(rig).resume("lux")
    rig.work()


@about("all")
def backlog(rig: Rig) -> Iterator[None]:
    rig.post(posted())
    rig.now += 20 * 60
    yield
    rig.work()


@about("all")
def no_worker(rig: Rig) -> Iterator[None]:
    """A worker ends, and minutes later another one starts."""
    rig.worker._housekeeping()
    rig.now += NO_WORKER + 60
    yield
    rig.worker._housekeeping()


@about("melhor-envio")
def silent(rig: Rig) -> Iterator[None]:
    heard_daily(rig, melhor_envio=12, other=18)
    rig.now += 2 * HOUR
    yield
    delivered(rig)


@about("lux")
def account_silent(rig: Rig) -> Iterator[None]:
    heard_daily(rig, melhor_envio=12, other=12)
    rig.now += 3 * HOUR
    yield
    delivered(rig)


@about("melhor-envio")
def never_heard(rig: Rig) -> Iterator[None]:
    rig.now += 73 * HOUR
    yield
    delivered(rig)


@about("lux")
def order_hook(rig: Rig) -> Iterator[None]:
    """A worker meets another program's hook where ours was, and later ours again."""
    rig.configure(account={"hook_secrets": [SECRET]}, endpoints=dict.fromkeys(("melhor-envio", "other"), MELHOR_ENVIO))
    hooks = rig.sandbox_app.extensions["hooks"]
    with serve(rig.app) as front:
        ours = f"{front.url}/hooks/vtex/lux"
        hooks.save("key", configuration(ours, SECRET))
        Background(rig.database).hook_installed("lux", ours, now=rig.now)
        hooks.configs["key"]["hook"]["url"] = "https://erp.example/hook"
        rig.later(5 * HOUR)
        yield
        hooks.configs["key"]["hook"]["url"] = ours
        rig.later(5 * HOUR)


@about("lux")
def no_answer(rig: Rig) -> Iterator[None]:
    """VTEX answers 500 for hours, and few parcels come."""
    rig.faults(server_error=1.0)
    for number in range(3):
        rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}BR"))
        rig.works_until(HOUR)
    yield
    rig.faults()
    rig.works_until(HOUR + 1800)


@about("lux")
def order_unread(rig: Rig) -> Iterator[None]:
    """VTEX tells of an order and answers 500 to every read of it; days later it does not."""
    rig.configure(account={"hook_secrets": [SECRET]}, endpoints=dict.fromkeys(("melhor-envio", "other"), MELHOR_ENVIO))
    rig.faults(broken=frozenset({"7-01"}))
    assert 200 == tell(rig, event("7-01")).status_code
    for _ in range(9):
        rig.later(HOUR)
    yield
    rig.faults()
    rig.later(1.1 * DAY)


@about(socket.gethostname())
def clock(rig: Rig) -> Iterator[None]:
    """A worker of a host whose clock is 95 s ahead calls VTEX; then the clock is right."""
    ahead = [95.0]
    worker = Worker(rig.config, rig.database, name="ahead", clock=lambda: rig.now + ahead[0], steady=lambda: rig.now)
    rig.post(posted())
    worker.run_until_idle()
    worker._housekeeping()
    yield
    ahead[0] = 0.0
    rig.post(posted(number="TN2BR"))
    worker.run_until_idle()
    rig.now += 6 * 60
    worker._housekeeping()


@about(socket.gethostname())
def clock_set_back(rig: Rig) -> Iterator[None]:
    """The clock goes back by an hour under a worker, and a day passes."""
    steady = rig.now
    worker = Worker(rig.config, rig.database, name="back", clock=lambda: rig.now, steady=lambda: steady)
    rig.now -= HOUR
    worker._correct_clock()
    yield
    rig.now += 1.1 * DAY
