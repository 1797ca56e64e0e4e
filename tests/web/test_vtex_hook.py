"""VTEX tells that an order changed: who waits for it looks at once, and the index learns before the carrier asks."""

import json
import logging
import threading
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import select

from receiver.sandbox import Faults, create_sandbox, serve
from receiver.store import Background, Queue, StoreUnavailable
from receiver.store.notify.watches import Watches
from receiver.store.tables import order_news
from receiver.store.work.background import MOST_NEWS
from receiver.timing import stamp
from receiver.vtex.hook import PING, Event, configuration, read_configuration, read_event
from tests.support.reconciling import fields, naming
from tests.support.rig import MELHOR_ENVIO, NOON, Rig, eventually, order, package, posted
from tests.support.times import DAY, HOUR
from tests.support.vtex_hook import SECRET, event, tell

KEY = "35261112345678000195550010000009001123456789"


@pytest.fixture
def hooked(rig_on_either: Rig) -> Rig:
    keys = naming("invoice_key")["melhor-envio"]
    endpoints = {"melhor-envio": MELHOR_ENVIO, "keys": keys}
    rig_on_either.configure(endpoints=endpoints, account={"hook_secrets": [SECRET, "old-secret"]})
    return rig_on_either


def to_read(rig: Rig) -> list[str]:
    return [row["order_id"] for row in rig.database.rows(select(order_news.c.order_id))]


class TestWoken:
    """Who waits for the order."""

    def test_invoice_appears(self, hooked: Rig):
        """A parcel whose order has no invoice yet is written the moment the hook tells of one, without waiting."""
        hooked.add_order(order("1-01"))
        hooked.post(posted())
        hooked.works_until(DAY)
        assert "awaiting_invoice" == hooked.shipment()["state"]
        began = hooked.now
        hooked.add_order(order("1-01", package("900")))
        assert {"outcome": "accepted", "woken": 1} == tell(hooked, event()).get_json()
        hooked.work()

        assert "TN1BR" == fields(hooked)["trackingNumber"]
        assert began == hooked.now
        assert [] == to_read(hooked)

    @pytest.mark.parametrize(("kind", "written"), [("order_id", "1"), ("order_group", "1"), ("order_id", "1-01")])
    def test_order_appears(self, hooked: Rig, kind: str, written: str):
        """So is one whose order was not there, by whatever name it waits."""
        hooked.configure(endpoints=naming(kind), account={"hook_secrets": [SECRET]})
        hooked.post(posted(written))
        hooked.works_until(DAY)
        hooked.add_order(order("1-01", package("900")))
        assert 1 == tell(hooked, event(state="payment-approved")).get_json()["woken"]
        hooked.work()

        assert "TN1BR" == fields(hooked)["trackingNumber"]

    def test_sequence(self, hooked: Rig):
        """One that waits for a sequence hears of it from the reading of the order."""
        hooked.configure(endpoints=naming("sequence"), account={"hook_secrets": [SECRET]})
        hooked.post(posted("501"))
        hooked.works_until(DAY)
        hooked.add_order(order("1-01", package("900"), sequence="501"))
        tell(hooked, event())
        hooked.work()

        assert "TN1BR" == fields(hooked)["trackingNumber"]

    def test_given_up(self, hooked: Rig):
        """One that was given up begins again; one that is held is looked at again, and stays held where the order says
        what it said."""
        hooked.configure(account={"hook_secrets": [SECRET]}, horizon_days=1)
        hooked.post(posted())
        hooked.post(posted("2-01", parcel="p2", number="TN2BR"))
        hooked.add_order(order("2-01", package("1"), package("2"), value=20_000))
        hooked.works_until(3 * DAY)
        assert ["gave_up", "held"] == [hooked.shipment(f"melhor-envio/{name}")["state"] for name in ("p1", "p2")]
        assert [1, 1] == [tell(hooked, event(name)).get_json()["woken"] for name in ("1-01", "2-01")]
        hooked.work()

        assert ["awaiting_order", "held"] == [hooked.shipment(f"melhor-envio/{one}")["state"] for one in ("p1", "p2")]


class TestLearnt:
    """The worker reads orders that changed."""

    @pytest.mark.parametrize("state", ["order-created", "handling", "invoiced", "canceled", "something-new", None, 5])
    def test_any_status(self, hooked: Rig, state: Any):
        """Whatever an event says of the order's status, the order is read: only that tells what it has."""
        hooked.add_order(order("1-01", package("900", invoiceKey=KEY)))
        tell(hooked, event(state=state))
        hooked.work()

        assert ["1-01"] == [row["order_id"] for row in hooked.index.orders_named("lux", "invoice_key", KEY)]

    def test_before_the_carrier(self, hooked: Rig):
        """An invoice is known before the carrier's webhook that carries nothing but its key."""
        hooked.add_order(order("1-01", package("900", invoiceKey=KEY)))
        tell(hooked, event())
        assert [] == hooked.calls()
        hooked.work()
        assert (["GET"], []) == ([call.method for call in hooked.calls()], to_read(hooked))
        hooked.post(posted(KEY), endpoint="keys")
        hooked.work()

        assert "TN1BR" == fields(hooked)["trackingNumber"]

    def test_after_the_carrier(self, hooked: Rig):
        """A parcel that waits with nothing but a key is woken by the reading."""
        hooked.post(posted(KEY), endpoint="keys")
        hooked.work()
        hooked.add_order(order("1-01", package("900", invoiceKey=KEY)))
        tell(hooked, event())
        hooked.work()

        assert "TN1BR" == fields(hooked)["trackingNumber"]

    def test_burst(self, hooked: Rig):
        """However many events of an order come before it is read, of whatever status, they are one reading."""
        hooked.add_order(order("1-01", package("900")))
        for state in ("order-created", "handling", "invoiced", "canceled") * 5:
            tell(hooked, event(state=state))
            hooked.now += 1
        hooked.work()
        hooked.later(HOUR)

        assert ["1-01"] == [call.order for call in hooked.calls()]

    def test_burst_of_the_awaited(self, hooked: Rig):
        """Nor does the index read what the woken parcel reads: all events of the burst are its one reading."""
        hooked.add_order(order("1-01"))
        hooked.post(posted())
        hooked.works_until(DAY)
        before = len(hooked.calls())
        for state in ("order-created", "handling", "canceled") * 3:
            tell(hooked, event(state=state))
        hooked.work()

        assert (before + 1, []) == (len(hooked.calls()), to_read(hooked))

    def test_partly_invoiced(self, hooked: Rig):
        """A later event reads the order again: what was invoiced since is learnt."""
        hooked.add_order(order("1-01", package("900")))
        tell(hooked, event(state="payment-approved"))
        hooked.work()
        hooked.add_order(order("1-01", package("900"), package("901", invoiceKey=KEY)))
        tell(hooked, event())
        hooked.work()

        assert ["901"] == [row["invoice_number"] for row in hooked.index.orders_named("lux", "invoice_key", KEY)]

    def test_behind_live_work(self, hooked: Rig):
        """Parcels go first."""
        hooked.add_order(order("1-01", package("900")), order("2-01", package("900")))
        tell(hooked, event("2-01"))
        hooked.post(posted())
        hooked.work()
        assert ["1-01", "1-01"] == [call.order for call in hooked.calls()]
        hooked.later(3)

        assert ["1-01", "1-01", "2-01"] == [call.order for call in hooked.calls()]

    def test_trouble(self, hooked: Rig):
        """VTEX's own trouble is met later; a pause is waited out; what is not there is let go."""
        hooked.add_order(order("1-01"))
        for name in ("1-01", "9-01"):
            tell(hooked, event(name))
        hooked.faults(server_error=1.0)
        hooked.work()
        assert ["1-01", "9-01"] == sorted(to_read(hooked))
        hooked.faults(throttle=1.0)
        hooked.later(31)
        (paused,) = hooked.queries.paused_accounts(now=hooked.now)
        assert hooked.now + 60 == paused["until"]
        hooked.faults()
        calls = len(hooked.calls())
        hooked.later(59)
        assert calls == len(hooked.calls())
        hooked.later(60)
        hooked.later(120)

        assert ([], []) == (to_read(hooked), hooked.queries.paused_accounts(now=hooked.now))

    def test_never_ending_trouble(self, hooked: Rig):
        """An order that always fails is tried once a day after the first hours, and let go of after a week."""
        hooked.faults(server_error=1.0)
        tell(hooked, event())
        for _ in range(12):
            hooked.later(3_600)

        assert (["1-01"], 8) == (to_read(hooked), len(hooked.calls()))
        for _ in range(8):
            hooked.later(DAY)
        assert ([], 15) == (to_read(hooked), len(hooked.calls()))

    def test_news_while_read(self, hooked: Rig):
        """Events that come while their order is being read make it read once more."""
        background = Background(hooked.database)
        tell(hooked, event())
        taken = background.take_news("lux", now=hooked.now)
        assert taken is not None
        assert background.take_news("lux", now=hooked.now) is None
        for state in ("handling", "invoiced", "canceled"):
            tell(hooked, event(state=state))
        background.news_read(taken)
        assert ["1-01"] == to_read(hooked)
        hooked.add_order(order("1-01", package("900")))
        hooked.work()

        assert (1, []) == (len(hooked.calls()), to_read(hooked))

    def test_bounded(self, hooked: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
        """Of a queue that no one gets to, the oldest are let go of: counted, and logged with the way to read them."""
        assert MOST_NEWS > 10_000
        monkeypatch.setattr("receiver.store.work.background.MOST_NEWS", 2)
        for number in range(5):
            hooked.now += 1
            tell(hooked, event(f"{number}-01"))
        first = NOON + 1

        hooked.later(3_600)

        assert {"3-01", "4-01"} >= set(to_read(hooked))
        totals = hooked.database.counters.totals()
        assert 3 == totals["receiver_order_news_dropped_total", ("lux",)].value
        [line] = [line for line in caplog.messages if line.startswith("changed orders dropped unread")]
        assert f"account=lux orders=3 since={stamp(first)} next=receiver index --since reads them" in line


class TestDoor:
    """What is answered."""

    @pytest.mark.parametrize("secret", [SECRET, None, "wrong"])
    def test_ping(self, hooked: Rig, secret: str | None):
        """The ping at registration is answered without any effect, proven or not."""
        answer = tell(hooked, {"hookConfig": "ping"}, secret=secret)
        assert (200, "ping") == (answer.status_code, answer.get_json()["outcome"])
        assert ([], []) == (hooked.queries.rejects(), to_read(hooked))

    def test_long(self, hooked: Rig):
        """A body larger than any event is refused unread, and only a short one is looked at for a ping."""
        ping = json.dumps(PING).encode()

        assert 413 == tell(hooked, b"[" + b"[]," * 6_000 + b"[]]").status_code
        assert 200 == tell(hooked, ping, secret=None).status_code
        assert 401 == tell(hooked, ping + b" " * 100, secret=None).status_code
        assert 401 == tell(hooked, b"[" + b"[]," * 6_000 + b"[]]", secret=None).status_code

    def test_secrets(self, hooked: Rig):
        """Every configured secret enters; without one nothing happens but a note."""
        assert [200, 200, 401, 401] == [
            tell(hooked, event(), secret=secret).status_code for secret in (SECRET, "old-secret", "wrong", None)
        ]
        reasons = ["x-hook-secret is missing", "x-hook-secret holds another secret"]
        assert reasons == [row["reason"] for row in hooked.queries.rejects()]
        assert "wrong" not in str(hooked.queries.rejects())

    @pytest.mark.parametrize(
        "body",
        [b"", b"no", b"[" * 10_000, b"[]", b"{}", event(None), event(""), event(5), event("x" * 201), event("a\nb")],
    )
    def test_unreadable(self, hooked: Rig, body: Any):
        """What names no order is answered 200 all the same: VTEX would only repeat it."""
        answer = tell(hooked, body)
        assert (200, "ignored") == (answer.status_code, answer.get_json()["outcome"])
        assert [] == to_read(hooked)

    def test_off(self, rig: Rig):
        """Without secrets, and for accounts that are not there, there is no such route."""
        assert [404, 404] == [tell(rig, event(), account=name).status_code for name in ("lux", "other")]

    def test_store_away(self, hooked: Rig, monkeypatch: pytest.MonkeyPatch):
        """While nothing can be stored, 503: VTEX comes again."""

        def away(*_: object, **__: object) -> None:
            raise StoreUnavailable("away")

        monkeypatch.setattr(hooked.database, "write", away)
        assert 503 == tell(hooked, event()).status_code


@pytest.mark.parametrize(
    "body",
    [
        event(),
        {"orderId": "1-01", "state": "invoiced", "eventId": "x"},
        event(state="payment-pending", LastState=None),
        event(state=None),
        {"OrderId": " 1-01 "},
    ],
)
def test_read_event(body: dict[str, Any]) -> None:
    """Both kinds of hook, in either case, with and without the fields that VTEX's guide leaves out."""
    assert Event("1-01") == read_event(body)


def test_configuration() -> None:
    """What is installed is what is read back, but for the secret."""
    found = read_configuration(configuration("https://x.example/h", SECRET))
    assert found is not None
    assert ("https://x.example/h", ("x-hook-secret",)) == (found.url, found.headers)
    assert SECRET not in repr(found)
    assert [None] * 4 == [read_configuration(body) for body in (None, {}, {"hook": {}}, {"hook": {"url": ""}})]


def test_end_to_end(rig: Rig) -> None:
    """Over real HTTP: the stand-in's hook is installed, an invoice appears, the parcel is written."""
    rig.configure(account={"hook_secrets": [SECRET]})
    rig.add_order(order("1-01"))
    rig.post(posted())
    rig.work()
    with serve(rig.app) as front:
        hooks = rig.sandbox_app.extensions["hooks"]
        hooks.save("key", configuration(f"{front.url}/hooks/vtex/lux", SECRET))
        rig.add_order(order("1-01", package("900")))
        rig.work()

    assert "TN1BR" == fields(rig)["trackingNumber"]


class TestLookingAfter:
    """VTEX deletes a hook that is silent for three days."""

    @pytest.fixture
    def installed(self, rig: Rig) -> Any:
        rig.configure(account={"hook_secrets": [SECRET]})
        with serve(rig.app) as front:
            url = f"{front.url}/hooks/vtex/lux"
            rig.sandbox_app.extensions["hooks"].save("key", configuration(url, SECRET))
            Background(rig.database).hook_installed("lux", url, now=rig.now)
            yield rig, rig.sandbox_app.extensions["hooks"].configs, url

    def test_there(self, installed: Any):
        """One that is there is looked at every four hours, and only looked at."""
        rig, _, _ = installed
        rig.later(3_600)
        assert [] == rig.calls()
        rig.later(4 * 3_600)
        rig.later(3_600)
        assert ["GET"] == [call.method for call in rig.calls()]

    def test_deleted(self, installed: Any, caplog: pytest.LogCaptureFixture):
        """One that VTEX deleted is installed again, told once, without the secret."""
        rig, configs, url = installed
        configs.clear()
        with caplog.at_level(logging.WARNING):
            rig.later(5 * 3_600)
        assert url == configs["key"]["hook"]["url"]
        assert ["order hook set again, VTEX had deleted it: account=lux"] == caplog.messages
        assert SECRET not in caplog.text

    def test_foreign(self, installed: Any, caplog: pytest.LogCaptureFixture):
        """Someone else's hook is not touched, and told, until ours is there again."""
        rig, configs, url = installed
        configs["key"]["hook"]["url"] = "https://erp.example/hook"
        rig.later(5 * 3_600)
        assert "https://erp.example/hook" == configs["key"]["hook"]["url"]
        assert {"lux": f"it should lead to {url}"} == Watches(rig.database).lost_hooks()
        configs["key"]["hook"]["url"] = url
        rig.later(5 * 3_600)
        assert {} == Watches(rig.database).lost_hooks()
        assert "order hook leads elsewhere now: account=lux address=https://erp.example/hook" in caplog.text

    def test_trouble(self, installed: Any):
        """Trouble of VTEX's is no reason for another hook; a pause puts the look off."""
        rig, configs, _ = installed
        configs.clear()
        queue = Queue(rig.database, worker_name="x", lease=60)
        queue.accounts.pause("lux", until=rig.now + 5 * 3_600 + 60, reason="429", own_fault=False)
        rig.later(5 * 3_600)
        assert ({}, []) == (configs, rig.calls())
        rig.later(61)
        assert "key" in configs

    def test_not_ours(self, rig: Rig):
        """A hook that was not installed from here is no one's concern."""
        rig.configure(account={"hook_secrets": [SECRET]})
        rig.later(5 * 3_600)
        assert [] == rig.calls()


def test_in_the_background(rig: Rig) -> None:
    """A running worker reads orders that changed, in a thread of its own."""
    rig.configure(account={"hook_secrets": [SECRET]})
    rig.add_order(order("1-01", package("900")))
    tell(rig, event())
    rig.worker.start()
    eventually(lambda: rig.index.orders_named("lux", "invoice_number", "900"))
    rig.worker.stop()

    assert [] == to_read(rig)


def test_one_hangs(rig: Rig) -> None:
    """While one account's VTEX leaves a reading hanging, another's hook is looked after and its orders are read."""
    let_go = threading.Event()
    with ExitStack() as stack:
        other = create_sandbox([order("2-01", package("901"))])
        url = stack.enter_context(serve(other)).url
        rig.configure(
            account={"hook_secrets": [SECRET]},
            accounts={"second": {"base_url": url, "hook_secrets": [SECRET]}},
            endpoints={"melhor-envio": {**MELHOR_ENVIO, "account": "lux"}},
        )
        hooks = other.extensions["hooks"].configs
        front = stack.enter_context(serve(rig.app)).url
        Background(rig.database).hook_installed("second", f"{front}/hooks/vtex/second", now=rig.now - DAY)
        rig.on_slow = lambda _: let_go.wait(30)
        rig.sandbox.faults = Faults(slow=(1.0, 1.0))
        tell(rig, event())
        worker = rig.new_worker("busy")
        worker.start()
        stack.callback(worker.stop)
        stack.callback(let_go.set)
        eventually(rig.calls)

        eventually(lambda: hooks)
        rig.now += 5
        tell(rig, event("2-01"), account="second")
        eventually(lambda: rig.index.orders_named("second", "invoice_number", "901"))
        assert not let_go.is_set()
