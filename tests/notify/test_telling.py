"""People are told once, however many processes look, and a channel that fails holds up nothing."""

import logging
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import insert, text

from receiver.config import Notify
from receiver.notify.causes import Cause
from receiver.notify.channels import NotSent
from receiver.notify.overview import overview
from receiver.notify.task import NotifyTask
from receiver.processes.worker import Worker
from receiver.store import Horizons, Queue, Retention
from receiver.store.notify.alerts import Alerts
from receiver.store.notify.watches import Noted, Watches
from receiver.store.tables import fetches
from receiver.store.work.clock_steps import correct
from receiver.timing import stamp
from tests.support.configs import config
from tests.support.console import Operator, receiver
from tests.support.happenings import HAPPENINGS
from tests.support.mail_server import MailServer
from tests.support.rig import MELHOR_ENVIO, UNREADABLE, Rig, order, package, posted
from tests.support.telling import HOUR, heard_daily, hold

SMTP = {"server": "smtp.example.com", "security": "none", "from": "r@example.com", "to": ["ana@example.com"]}
WEBHOOK = {"url": "https://alerts.example.com/", "secret": f"whsec_{'a' * 40}"}


class Chat:
    """A channel that keeps what it is sent, or fails."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict]] = []
        self.fails: str | None = None

    def send(self, name: str, message: dict, *, at: float) -> None:
        if self.fails:
            raise NotSent(self.fails)
        self.got.append((name, message))

    @property
    def heard(self) -> list[tuple[str, str | None, str | None]]:
        return [(one["kind"], one["cause"], one["subject"]) for _, one in self.got]


class Telling:
    """Two processes that tell, of which either may be first; ``look`` lets time pass, then both look."""

    def __init__(self, rig: Rig, **settings) -> None:
        self.rig, self.chat = rig, Chat()
        rig.config = replace(rig.config, notify=config(notify=settings).notify if settings else Notify())
        self.start()

    def start(self, *endpoints: str) -> None:
        """Both processes again, with these endpoints."""
        rig = self.rig
        if endpoints:
            rig.configure(endpoints=dict.fromkeys(endpoints, MELHOR_ENVIO))
        self.tasks = [
            NotifyTask(rig.config, rig.database, clock=lambda: rig.now, channels={"chat": self.chat}) for _ in range(2)
        ]

    def look(self, hours: float = 0.02) -> list[tuple[str, str | None, str | None]]:
        """What is told now."""
        self.chat.got.clear()
        self.rig.now += hours * HOUR
        for task in self.tasks:
            task.run_once()
        return self.chat.heard


@pytest.fixture
def telling(rig_on_either: Rig) -> Telling:
    return Telling(rig_on_either)


def test_once(telling: Telling) -> None:
    """Several processes tell once: one message for all parcels, with the command that decides each."""
    hold(telling.rig, "p1", "p2")

    assert [("opened", "held", "lux")] == telling.look()
    [(_, message)] = telling.chat.got
    assert "2 shipments are held, account lux" == message["title"]
    assert any("receiver assign melhor-envio/p1 --order 1-01 --invoice A" in line for line in message["lines"])
    assert [] == telling.look()


def test_page(telling: Telling) -> None:
    """Where the console's address is set, each parcel leads to its page, and the message to the console."""
    telling.rig.config = replace(
        telling.rig.config, notify=config(notify={"console": "https://r.example/console/"}).notify
    )
    telling.start()
    hold(telling.rig, "p 1")
    telling.look()

    [(_, message)] = telling.chat.got
    assert message["lines"][0].endswith(" https://r.example/console/parcels/melhor-envio/p%201")
    assert "https://r.example/console" == telling.rig.config.notify.link


def test_at_once(telling: Telling) -> None:
    """Processes that look at the same moment tell once, too."""
    hold(telling.rig, "p1")
    telling.rig.now += HOUR
    with ThreadPoolExecutor() as pool:
        list(pool.map(NotifyTask.run_once, telling.tasks))
    for task in telling.tasks:
        task.run_once()

    assert [("opened", "held", "lux")] == telling.chat.heard


def test_told_after_a_clock_step(telling: Telling) -> None:
    """A clock that is set back keeps no message back: what is new is told once the quiet period has passed."""
    rig, day = telling.rig, 86_400.0
    hold(rig, "p1")
    assert [("opened", "held", "lux")] == telling.look()
    rig.now += HOUR
    hold(rig, "p2")
    rig.now -= day
    correct(rig.database, back=day, now=rig.now, lease=60.0)

    assert [] == telling.look(4.5)
    assert [("more", "held", "lux")] == telling.look(0.6)


def test_resolved(telling: Telling) -> None:
    """When a person has decided, the end is told."""
    hold(telling.rig, "p1")
    telling.look()
    telling.rig.decisions.dismiss("melhor-envio/p1", now=telling.rig.now)

    assert [("resolved", "held", "lux")] == telling.look()


def test_causes(telling: Telling) -> None:
    """Unreadable deliveries, wrong addresses, dead keys: each is told with what it is about."""
    rig = telling.rig
    rig.post(UNREADABLE)
    rig.client.post("/webhooks/melhorenvio")
    rig.client.post("/webhooks/wp-admin")  # a scanner
    accounts = Queue(rig.database, worker_name="test", lease=60).accounts
    accounts.pause("lux", until=rig.now + HOUR, reason="HTTP 401", own_fault=True)

    assert [
        ("opened", "account_paused", "lux"),
        ("opened", "unknown_address", "melhor-envio"),
        ("opened", "unreadable", "melhor-envio"),
    ] == sorted(telling.look(), key=str)
    said = [line for _, message in telling.chat.got for line in message["lines"] if "melhorenvio" in line]
    assert ["/webhooks/melhorenvio, POST, once: no endpoint has this name; did you mean melhor-envio?"] == said


def test_beyond_help(telling: Telling) -> None:
    """What no person can end any more is over: a delivery without its body, a fetch that failed a week ago."""
    rig = telling.rig
    rig.post(UNREADABLE)
    row = {"id": "x/1", "endpoint": "melhor-envio", "delivery": "d", "method": "GET", "url": "https://x.example/"}
    row |= {"wanted": 1, "outcome": "gave_up", "asked_at": rig.now, "changed_at": rig.now}
    rig.database.write(lambda connection: connection.execute(insert(fetches).values(row)))
    assert {"unreadable", "fetch_held"} == {cause for _, cause, _ in telling.look()}

    assert [] == [one for one in telling.look(6 * 24) if one[0] == "resolved"]
    Retention(rig.database).prune(Horizons(bodies=30, unreadable=1), now=rig.now)
    ended = [one for one in telling.look(25) if one[0] == "resolved"]
    assert {"unreadable", "fetch_held"} == {cause for _, cause, _ in ended}


def test_many_addresses(telling: Telling) -> None:
    """A stranger with many names like ours causes one message for each endpoint, and one for all other carriers."""
    for number in range(20):
        telling.rig.client.post(f"/webhooks/melhor-envi{number}")
    for slug in ("loggi", "frenet", "ups", "intelipost"):
        telling.rig.client.post(f"/webhooks/{slug}")

    assert [
        ("opened", "unknown_address", "carriers without an endpoint"),
        ("opened", "unknown_address", "melhor-envio"),
    ] == sorted(telling.look())
    assert [4, 20] == sorted(one["count"] for _, one in telling.chat.got)


def test_address_of_account(telling: Telling) -> None:
    """Links at a wrong account's address are told by the address that is meant."""
    account = replace(telling.rig.config.accounts["lux"], link_tokens=("link-token-of-24-letters",))
    telling.rig.use(replace(telling.rig.config, accounts={"lux": account}))
    telling.start()
    telling.rig.client.post("/links/luxx", data=b"{}")

    assert [("opened", "unknown_address", "links/lux")] == telling.look()
    [(_, message)] = telling.chat.got
    assert ["/links/luxx, POST, once: no account has this name; did you mean lux?"] == message["lines"][:1]


def test_short_pause(telling: Telling) -> None:
    """A pause that VTEX asked for is told only when it lasts."""
    accounts = Queue(telling.rig.database, worker_name="test", lease=60).accounts
    accounts.pause("lux", until=telling.rig.now + HOUR, reason="429", own_fault=False)

    assert [[], [("opened", "account_paused", "lux")]] == [telling.look(), telling.look(0.2)]


def test_backlog(telling: Telling) -> None:
    """Parcels that no worker takes are told; not while a pause explains it."""
    telling.rig.post(posted())

    assert [[], [("opened", "backlog", "all")]] == [telling.look(), telling.look(0.3)]
    accounts = Queue(telling.rig.database, worker_name="test", lease=60).accounts
    accounts.pause("lux", until=telling.rig.now + HOUR, reason="HTTP 401", own_fault=True)
    assert [("opened", "account_paused", "lux"), ("resolved", "backlog", "all")] == telling.look()


def test_silent(telling: Telling) -> None:
    """An endpoint that falls silent while another is heard is told, with what is usual; a delivery ends it."""
    telling.start("melhor-envio", "other")
    heard_daily(telling.rig, melhor_envio=12, other=18)

    assert [[], [("opened", "silent", "melhor-envio")]] == [telling.look(), telling.look(2)]
    assert ["none since the hour of 2026-12-24T11:00:00Z, while 24 were usual at this time of the week"] == (
        telling.chat.got[0][1]["lines"]
    )
    telling.rig.post({**posted(), "event": "order.created"})
    telling.rig.work()
    assert [("resolved", "silent", "melhor-envio")] == telling.look()


def test_just_heard(telling: Telling) -> None:
    """An endpoint whose first delivery has just come is not silent, although its hour is not added up yet."""
    telling.start("melhor-envio", "other")
    assert [] == telling.look()
    telling.rig.post({**posted(), "event": "order.created"})
    telling.rig.database.counters.flush(now=telling.rig.now, only_if_due=False)

    assert [] == telling.look()


def test_account_silent(telling: Telling) -> None:
    """Where each endpoint of an account falls silent, the account is told, once."""
    telling.start("melhor-envio", "other")
    heard_daily(telling.rig, melhor_envio=12, other=12)

    assert [[], [("opened", "account_silent", "lux")]] == [telling.look(), telling.look(3)]


def test_silent_for_long(telling: Telling) -> None:
    """After eight weeks the rhythm is forgotten, and the silence is not: it is neither over nor told again."""
    telling.start("melhor-envio", "other")
    heard_daily(telling.rig, melhor_envio=12, other=12)
    telling.rig.post({**posted(), "event": "order.created"})
    telling.rig.work()
    telling.rig.config = replace(telling.rig.config, notify=Notify(quiet_seconds=HOUR))
    told = [one for _ in range(34) for one in telling.look(48) if one[0] != "digest" and one[2] == "melhor-envio"]

    assert ["silent"] == [cause for kind, cause, _ in told if kind == "opened"]
    assert [] == [one for one in told if one[0] == "resolved"]


def test_never_heard(telling: Telling) -> None:
    """An endpoint that is configured for days without a delivery is told once, and whether its carrier checked the URL;
    a delivery ends it. Who wants none of it says so."""
    rig = telling.rig
    rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "never": {**MELHOR_ENVIO, "silent_after": 0}})
    telling.tasks = [NotifyTask(rig.config, rig.database, clock=lambda: rig.now, channels={"chat": telling.chat})] * 2
    assert [[], []] == [telling.look(), telling.look(71)]
    rig.client.post("/webhooks/melhor-envio", data=b"{}")
    rig.database.counters.flush(now=rig.now, only_if_due=False)

    assert [("opened", "never_heard", "melhor-envio")] == [one for one in telling.look(2) if one[0] != "digest"]
    [line] = telling.chat.got[-1][1]["lines"]
    assert line.startswith("configured since 2026-11-18T")
    assert "; the carrier checked the URL last 2026-11-21T" in line
    rig.post({**posted(), "event": "order.created"})
    rig.work()
    assert ("resolved", "never_heard", "melhor-envio") in telling.look()


def test_without_channels(rig: Rig) -> None:
    """Without a channel what lasts is kept for the console and `notify list`; a channel that is added hears of it."""
    hold(rig, "p1")
    task = NotifyTask(rig.config, rig.database, clock=lambda: rig.now, channels={})
    task.run_once()
    alerts = Alerts(rig.database)
    assert [("held", 0)] == [(one["cause"], one["is_told"]) for one in alerts.all()]
    assert [] == alerts.unsent()

    assert [("opened", "held", "lux")] == Telling(rig).look()


def test_without_channels_beside(telling: Telling) -> None:
    """A process without channels, or with others, takes no message from a process that has them, ends nothing that
    people were told, and takes no digest."""
    rig = telling.rig
    others = [
        NotifyTask(rig.config, rig.database, clock=lambda: rig.now, channels=own) for own in ({}, {"mail": Chat()})
    ]
    hold(rig, "p1")
    telling.chat.fails = "HTTP 451"
    telling.look()
    telling.chat.fails = None
    for other in others:
        rig.now += 0.05 * HOUR
        other.run_once()
    assert [("opened", "held", "lux")] == telling.look()

    rig.decisions.dismiss("melhor-envio/p1", now=rig.now)
    rig.now += 0.02 * HOUR
    others[0].run_once()
    assert [("resolved", "held", "lux")] == telling.look()


def test_digest_without_channels(telling: Telling) -> None:
    """The morning's message is sent by a process that can."""
    rig = telling.rig
    hold(rig, "p1")
    telling.look()
    rig.now += 24 * HOUR
    NotifyTask(rig.config, rig.database, clock=lambda: rig.now, channels={}).run_once()

    assert [("digest", None, None)] == telling.look()


def test_channel_gone(telling: Telling) -> None:
    """A message for a channel that no process has is given up after days."""
    rig, alerts = telling.rig, Alerts(telling.rig.database)
    alerts.put([{"title": "x", "kind": "opened", "cause": "held"}], ["former"], now=rig.now)
    telling.look(2 * 24)
    assert [None] == [one["error"] for one in alerts.unsent()]
    telling.look(1.1 * 24)
    assert ["the channel is not configured any more"] == [one["error"] for one in alerts.unsent()]


def test_only_received(telling: Telling) -> None:
    """An endpoint that only a receiving process has is accepted and never worked on: it is told."""
    rig = telling.rig
    rig.configure(endpoints=dict.fromkeys(("melhor-envio", "outlet"), MELHOR_ENVIO))
    receiving = NotifyTask(rig.config, rig.database, clock=lambda: rig.now, channels={}, stands_in=True)
    rig.post(posted(), endpoint="outlet")
    telling.start("melhor-envio")
    rig.work()
    for _ in range(9):
        rig.now += 0.05 * HOUR
        receiving.run_once()
        telling.look()

    alerts = Alerts(rig.database).all()
    assert ("endpoint_gone", "outlet", 1) in [(one["cause"], one["subject"], one["is_told"]) for one in alerts]


def test_backlog_beside_a_pause(telling: Telling) -> None:
    """A paused account explains its own backlog, not that of the others."""
    rig = telling.rig
    rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "account": "lux"}}, accounts={"sol": {}})
    telling.start()
    rig.post(posted())
    rig.worker.queue.accounts.pause("sol", until=rig.now + 9 * HOUR, reason="HTTP 401", own_fault=True, now=rig.now)

    assert ("opened", "backlog", "all") in [one for _ in range(4) for one in telling.look(0.3)]


class TestNothingWritten:
    @pytest.fixture
    def parcels(self, telling: Telling) -> Callable[[int], None]:
        """Parcels of the endpoint whose orders VTEX does not know."""

        def post(first: int) -> None:
            for number in range(first, first + 3):
                telling.rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}BR"))
            telling.rig.work()

        return post

    def test_one_reached(self, telling: Telling, parcels: Callable[[int], None]) -> None:
        """Where a later parcel reaches its invoice, the others' orders are at fault, not the endpoint."""
        parcels(1)
        telling.rig.later(HOUR)
        telling.rig.add_order(order("9-01", package("A")))
        telling.rig.post(posted("9-01", parcel="p9", number="TN9BR"))
        telling.rig.works_until(4 * 24 * HOUR)

        assert [] == [one for one in telling.look() if one[1] == "nothing_written"]

    def test_since(self, telling: Telling, parcels: Callable[[int], None]) -> None:
        """An endpoint that once worked may wait over a weekend."""
        telling.rig.add_order(order("9-01", package("A")))
        telling.rig.post(posted("9-01", parcel="p9", number="TN9BR"))
        telling.rig.later(HOUR)
        parcels(1)
        telling.rig.works_until(2 * 24 * HOUR)
        assert [] == [one for one in telling.look() if one[1] == "nothing_written"]
        telling.rig.works_until(24 * HOUR)

        assert ("opened", "nothing_written", "melhor-envio") in telling.look()

    def test_few(self, telling: Telling) -> None:
        """Two parcels may be another shop's."""
        for number in range(2):
            telling.rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}BR"))
        telling.rig.works_until(5 * 24 * HOUR)

        assert [] == [one for one in telling.look() if one[1] == "nothing_written"]

    def test_labels_only(self, telling: Telling) -> None:
        """A carrier that tells of labels, and never that it has a parcel, is told after a week."""
        for number in range(3):
            telling.rig.post(posted(f"{number}-01", parcel=f"p{number}", number=None, event="order.created"))
        telling.rig.works_until(6 * 24 * HOUR)
        assert [] == [one for one in telling.look() if one[1] == "nothing_written"]
        telling.rig.works_until(1.1 * 24 * HOUR)

        assert ("opened", "nothing_written", "melhor-envio") in telling.look()


def test_no_answer(telling: Telling) -> None:
    """Few parcels open no circuit breaker: what VTEX did not answer ten times is told, no matter how long it waited for
    its order before. Where the key is refused, that is told instead."""
    rig = telling.rig
    rig.post(posted())
    rig.works_until(48 * HOUR)
    rig.faults(server_error=1.0)
    while "due" != rig.shipment()["state"]:
        rig.works_until(600)
    assert [] == [one for one in telling.look() if one[1] == "no_answer"]
    rig.works_until(1.5 * HOUR)

    assert ("opened", "no_answer", "lux") in telling.look()
    [message] = [one for _, one in telling.chat.got if one["cause"] == "no_answer"]
    assert "1 shipment is without an answer of VTEX after ten tries, account lux" == message["title"]
    rig.faults(unauthorized=True)
    rig.works_until(1.5 * HOUR)
    assert {("resolved", "no_answer", "lux"), ("opened", "account_paused", "lux")} <= {*telling.look()}


def test_clock(telling: Telling) -> None:
    """A host whose clock is wrong is told, by whichever process looks."""
    Watches(telling.rig.database).note(Noted.CLOCK, ["host-b"], now=telling.rig.now, value=95.0)

    assert [("opened", "clock", "host-b")] == telling.look()
    assert ["95 s ahead of VTEX's"] == telling.chat.got[0][1]["lines"]


def test_digest(telling: Telling) -> None:
    """In the morning one message repeats what lasts; a process that starts then does not repeat it."""
    hold(telling.rig, "p1")
    telling.look()

    assert [("digest", None, None)] == telling.look(24)
    assert [] == telling.look()
    telling.rig.decisions.dismiss("melhor-envio/p1", now=telling.rig.now)
    assert ["resolved"] == [kind for kind, *_ in telling.look(24)]


def test_night(rig: Rig) -> None:
    """What begins at night is told when the quiet hours are over, and what ends at night, too."""
    telling = Telling(rig, quiet_hours="13:00-15:00", digest_at="00:00", repeat_hours=0.1, zone="America/Sao_Paulo")
    rig.now += 3 * HOUR
    hold(rig, "p1")

    assert [("opened", "held", "lux")] == telling.look(0.5)
    rig.now += 2 * HOUR
    rig.decisions.dismiss("melhor-envio/p1", now=rig.now)
    rig.post(UNREADABLE)
    assert [] == telling.look()
    assert [("opened", "unreadable", "melhor-envio"), ("resolved", "held", "lux")] == sorted(telling.look(2))


def test_failed_channel(telling: Telling, caplog: pytest.LogCaptureFixture) -> None:
    """A channel that fails is tried again with growing waits, under the same id, and the log has one line."""
    hold(telling.rig, "p1")
    telling.chat.fails = "HTTP 500"
    with caplog.at_level(logging.ERROR, "receiver.notify"):
        for _ in range(4):
            assert [] == telling.look()
    [waiting] = Alerts(telling.rig.database).unsent()
    assert ("HTTP 500", "chat") == (waiting["error"], waiting["channel"])
    telling.chat.fails = None

    assert [("opened", "held", "lux")] == telling.look(1)
    assert [waiting["id"]] == [name for name, _ in telling.chat.got]
    assert [] == Alerts(telling.rig.database).unsent()
    assert 1 == sum(message.startswith("notification not sent: ") for message in caplog.messages)


def test_given_up(telling: Telling) -> None:
    """After thirty tries a message is given up, and stays in the list; the channel fails until another one arrives."""
    hold(telling.rig, "p1")
    telling.chat.fails = "HTTP 500"
    for _ in range(40):
        telling.look(2)

    alerts = Alerts(telling.rig.database)
    assert (None, 30) in [(row["due_at"], row["tries"]) for row in alerts.unsent()]
    assert ["chat"] == [row["channel"] for row in alerts.failing()]
    telling.chat.fails = None
    telling.look(2)

    assert (None, 30) in [(row["due_at"], row["tries"]) for row in alerts.unsent()]
    assert [] == alerts.failing()


def test_now_and_then(telling: Telling) -> None:
    """A request that is refused now and then, beside others that are accepted, is a stranger's: it is not told."""
    rig = telling.rig
    for _ in range(4):
        for _ in range(4):
            rig.post(posted())
            assert 401 == rig.client.post("/webhooks/melhor-envio", headers={"x-me-signature": "AAAA"}).status_code
            rig.later(5 * HOUR)
            assert "partly_refused" not in {cause for _, cause, _ in telling.look()}
        rig.post(posted())
        rig.later(13 * HOUR)
        assert "partly_refused" not in {cause for _, cause, _ in telling.look()}


def test_channel_fails(telling: Telling) -> None:
    """A channel that fails for a quarter of an hour is told over the other one, and so is its end."""
    rig, mail = telling.rig, Chat()
    rig.config = replace(rig.config, notify=config(notify={"smtp": SMTP, "webhook": WEBHOOK}).notify)
    channels = {"webhook": telling.chat, "smtp": mail}
    telling.tasks = [NotifyTask(rig.config, rig.database, clock=lambda: rig.now, channels=channels)]
    mail.fails = "550 no such user"
    hold(rig, "p1")
    assert [("opened", "held", "lux")] == telling.look()
    assert [] == telling.look()
    assert [] == [need.cause for need in overview(rig.config, rig.database, now=rig.now).needs if need.must_last]

    assert [("opened", "channel_fails", "smtp")] == telling.look(0.3)
    [(_, message)] = telling.chat.got
    assert ("messages to people do not get through channel smtp", True) == (
        message["title"], message["lines"][0].endswith(": 550 no such user"),
    )  # fmt: skip
    assert Cause.CHANNEL_FAILS in [need.cause for need in overview(rig.config, rig.database, now=rig.now).needs]
    mail.fails = None
    telling.look(1)
    assert [("resolved", "channel_fails", "smtp")] == telling.look()


def test_stands_in(telling: Telling) -> None:
    """A process that only receives leaves looks and messages to workers, and does both when none has for minutes."""
    rig = telling.rig
    worker = telling.tasks[0]
    telling.tasks = [
        NotifyTask(rig.config, rig.database, clock=lambda: rig.now, channels={"chat": telling.chat}, stands_in=True)
    ]
    telling.look()
    worker.run_once()
    hold(rig, "p1")

    assert [] == telling.look()
    rig.worker._housekeeping()
    assert [[], [("opened", "held", "lux")]] == [telling.look(0.08), telling.look()]
    telling.tasks.append(worker)
    rig.worker._housekeeping()
    rig.decisions.dismiss("melhor-envio/p1", now=rig.now)
    assert [("resolved", "held", "lux")] == telling.look()


def test_no_worker(telling: Telling) -> None:
    """Where no worker was ever there, a process that receives says so, and no backlog besides."""
    rig = telling.rig
    telling.tasks = [
        NotifyTask(rig.config, rig.database, clock=lambda: rig.now, channels={"chat": telling.chat}, stands_in=True)
    ]
    rig.post(posted())
    assert [] == telling.look()
    began = rig.now

    assert [[], [("opened", "no_worker", "all")]] == [telling.look(0.5), telling.look()]
    assert [f"none since {stamp(began)}"] == telling.chat.got[0][1]["lines"]
    rig.worker._housekeeping()
    telling.look(0.08)
    assert [("opened", "backlog", "all"), ("resolved", "no_worker", "all")] == sorted(telling.look())


def test_other_configuration(telling: Telling) -> None:
    """A host that does not have an endpoint does not end its alerts, no matter whose looks come first."""
    rig = telling.rig
    telling.start("melhor-envio", "other")
    with_both = telling.tasks
    telling.start("melhor-envio")
    telling.tasks = [*telling.tasks, *with_both]  # those without it are always first
    for _ in range(3):
        rig.client.post("/webhooks/other")
    rig.configure(endpoints=dict.fromkeys(("melhor-envio", "other"), MELHOR_ENVIO))
    for _ in range(3):
        assert 401 == rig.client.post("/webhooks/other", headers={"x-me-signature": "AAAA"}).status_code

    assert [("opened", "not_proven", "other")] == telling.look()
    assert [] == [one for _ in range(5) for one in telling.look()]
    telling.tasks = telling.tasks[:2]
    assert [("resolved", "not_proven", "other")] == [one for _ in range(5) for one in telling.look(0.1)]


def test_endpoint_gone(telling: Telling) -> None:
    """An endpoint that another host is configured with is not gone: it is once no process has it."""
    rig = telling.rig
    telling.start("melhor-envio", "other")
    rig.post(posted(), endpoint="other")
    with_both = telling.tasks
    telling.start("melhor-envio")
    without, telling.tasks = telling.tasks, [*telling.tasks, *with_both]  # those without it are always first
    rig.work()
    assert [] == [one for _ in range(5) for one in telling.look()]
    telling.tasks = without
    assert [("opened", "endpoint_gone", "other")] == [one for _ in range(5) for one in telling.look(0.1)]


def test_fetch_left_behind(telling: Telling) -> None:
    """What a carrier was to be asked for is left behind, too; a week later it is told no more."""
    row = {"id": "x/1", "endpoint": "former", "delivery": "d", "method": "GET", "url": "https://x.example/"}
    row |= {"wanted": 1, "due_at": telling.rig.now, "asked_at": telling.rig.now, "changed_at": telling.rig.now}
    telling.rig.database.write(lambda connection: connection.execute(insert(fetches).values(row)))
    gone = ("endpoint_gone", "former")

    assert [("opened", *gone)] == [*telling.look(), *telling.look()]
    assert ["a delivery's answer: not fetched"] == telling.chat.got[0][1]["lines"]
    assert ("resolved", *gone) in telling.look(8 * 24)


def test_clock_set_back(telling: Telling) -> None:
    """Looks go on at once when the clock has been set back by an hour, and messages are sent."""
    rig, steady = telling.rig, telling.rig.now
    telling.look()
    worker = Worker(rig.config, rig.database, name="back", clock=lambda: rig.now, steady=lambda: steady)
    rig.now -= HOUR
    worker._correct_clock()
    hold(rig, "p1")

    told = telling.look()
    assert [("opened", "clock_set_back", socket.gethostname()), ("opened", "held", "lux")] == sorted(told)
    assert ["by 3600 s"] in [message["lines"] for _, message in telling.chat.got]


def test_without_keys(telling: Telling) -> None:
    """Where the carrier's keys cannot be fetched, the first refusal is told, as that and not as a wrong secret."""
    _, happening = HAPPENINGS[Cause.KEYS_AWAY]
    happens = happening(telling.rig)
    next(happens)
    assert [("opened", "keys_away", "melhor-envio")] == telling.look()
    [line] = telling.chat.got[0][1]["lines"]
    assert "are not at hand: HTTP 500" in line
    for _ in range(3):
        telling.rig.client.post("/webhooks/melhor-envio")
    assert [] == telling.look()
    next(happens, None)
    assert [("resolved", "keys_away", "melhor-envio")] == telling.look()


def test_critical_only(rig: Rig) -> None:
    """Who wants critical matters alone hears of no others."""
    telling = Telling(rig, at_least="critical")
    hold(rig, "p1")

    assert [] == telling.look()


def test_store_away(rig: Rig) -> None:
    """A store that is away for a minute is told without it, once by each process, and when it is back."""
    telling = Telling(rig)
    telling.tasks = telling.tasks[:1]
    rig.database.write(lambda connection: connection.execute(text("ALTER TABLE watches RENAME TO gone")))
    assert [] == telling.look()
    assert ["store_away"] == [cause for _, cause, _ in telling.look()]
    assert [] == telling.look()
    rig.database.write(lambda connection: connection.execute(text("ALTER TABLE gone RENAME TO watches")))

    assert ("resolved", "store_away") in [(kind, cause) for kind, cause, _ in telling.look()]


class TestCommand:
    def test_test(self, operator: Operator) -> None:
        """`notify test` sends over every channel and says how each went."""
        with MailServer() as mail:
            lines = "\n".join(f"{name} = {value!r}" for name, value in mail.settings.items())
            webhook = f'url = "http://127.0.0.1:1/"\nsecret = "whsec_{"a" * 40}"'
            operator.config.write_text(
                f"{operator.config.read_text()}[notify.smtp]\n{lines}\n[notify.webhook]\n{webhook}\n"
            )
            said = operator.says("notify", "test", code=1)

        assert "smtp: sent\nwebhook: not sent, the connection failed or was closed\n" == said
        assert ["[receiver] warning: a test; nothing is wrong"] == [one["Subject"] for one in mail.mails]

    def test_without(self, operator: Operator) -> None:
        """Without a channel it says what to add."""
        assert "no channel: add a [notify] table (docs/alerts.md)" == operator.fails("notify", "test")

    def test_list(self, operator: Operator) -> None:
        """`notify list` shows what lasts, with what to do."""
        assert "nothing lasts that a person should know\n" == operator.says("notify", "list")
        hold(operator.rig, "p1")
        Telling(operator.rig).look()

        [row] = operator.tells("notify", "list")
        assert ("held", "lux", "1 shipment is held, account lux") == (row["cause"], row["subject"], row["title"])
        assert "receiver shipments --state held" in operator.says("notify", "list")
        assert "  message  " in (listed := operator.says("notify", "list"))
        assert "  queued  " in listed  # whether it was sent is another matter
        assert 0 == receiver("notify", "--help").exit_code

    @pytest.mark.parametrize("hours", [1, 26])
    def test_list_of_what_lasts(self, operator: Operator, hours: int) -> None:
        """One stray request beside the others is no series: `notify list` shows it once it has lasted for a day."""
        rig = operator.rig
        rig.now = time.time() - hours * HOUR
        for _ in range(hours):
            rig.post(posted())
            assert 401 == rig.client.post("/webhooks/melhor-envio", headers={"x-me-signature": "AAAA"}).status_code
            rig.later(HOUR)
            Telling(rig).look()

        told = [row["cause"] for row in operator.tells("notify", "list")]
        assert (["partly_refused"] if hours > 24 else []) == told
