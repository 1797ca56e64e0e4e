"""``/metrics``: who may read it, what it says, and that it stays true with several processes."""

import re
from dataclasses import replace
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from receiver.config import Config
from receiver.shipments import State
from receiver.store import Background, Queue
from receiver.store.notify.alerts import Alerts
from receiver.store.notify.watches import Noted, Watches
from receiver.web import metrics
from tests.support.configs import config, faults
from tests.support.paths import ROOT
from tests.support.rig import MELHOR_ENVIO, NOON, UNREADABLE, Rig, eventually, order, package, posted
from tests.support.times import HOUR
from tests.support.vtex_hook import SECRET, event, tell

TOKEN = "a-token-of-prometheus"
PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")


def measured(rig: Rig, **more) -> Rig:
    raw = config(metrics={"token": TOKEN}, **more).metrics
    rig.use(_with(rig.config, raw))
    return rig


def _with(settings: Config, metrics) -> Config:
    return replace(settings, metrics=metrics)


def flushed(rig: Rig, name: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """The samples, once what gathered in memory is written."""
    rig.database.counters.flush(now=rig.now, only_if_due=False)

    def look() -> dict[tuple[str, tuple[str, ...]], float] | None:
        found = samples(rig)
        return found if any(found[one] for one in found if one[0] == name) else None

    return eventually(look)


def samples(rig: Rig) -> dict[tuple[str, tuple[str, ...]], float]:
    """Each sample by its name and the values of its labels, in the order of their names."""
    answer = rig.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert 200 == answer.status_code
    families = text_string_to_metric_families(answer.text)
    return {
        (one.name, tuple(value for _, value in sorted(one.labels.items()))): one.value
        for family in families
        for one in family.samples
    }


class TestAccess:
    def test_off(self, rig: Rig) -> None:
        """Without the setting there is no such address."""
        assert 404 == rig.client.get("/metrics").status_code

    @pytest.mark.parametrize("header", ["", "Bearer ", "Bearer wrong", f"Basic {TOKEN}"])
    def test_token(self, rig: Rig, header: str) -> None:
        """Only who knows the token may read; another one is recorded."""
        measured(rig)

        assert 401 == rig.client.get("/metrics", headers={"Authorization": header}).status_code
        assert ["metrics"] == [row["endpoint"] for row in rig.queries.rejects()]

    def test_settings(self) -> None:
        """A short token and an address without a port are faults."""
        assert ["metrics.token: must have at least 16 characters"] == faults(metrics={"token": "short"})
        assert ["metrics.bind: 'here' is not HOST:PORT, such as 127.0.0.1:9464"] == faults(metrics={"bind": "here"})

    def test_own_address(self, rig: Rig) -> None:
        """Two processes serve at one address of its own, without a token."""
        settings = _with(rig.config, config(metrics={"bind": "127.0.0.1:0"}).metrics)
        first = metrics.serve_metrics(settings, rig.database)
        again = _with(settings, config(metrics={"bind": f"127.0.0.1:{first.port}"}).metrics)
        second = metrics.serve_metrics(again, rig.database)

        with urlopen(f"http://127.0.0.1:{first.port}/metrics") as answer:
            assert "receiver_store_up 1.0" in answer.read().decode()
        first.stop()
        with urlopen(f"http://127.0.0.1:{first.port}/metrics") as answer:
            assert 200 == answer.status
        second.stop()

    def test_address_taken(self, rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
        """Where the address cannot be used the receiver goes on without, with a line in the log."""
        assert (
            metrics.serve_metrics(_with(rig.config, config(metrics={"bind": "192.0.2.1:9"}).metrics), rig.database)
            is None
        )
        assert caplog.messages[0].startswith("metrics not served, the address cannot be used: bind=192.0.2.1:9 ")


class TestContent:
    def test_deliveries(self, rig_on_either: Rig) -> None:
        """Deliveries by outcome, with the last time, and how long they took."""
        rig = measured(rig_on_either)
        for _ in range(2):
            rig.post(posted())
        rig.post(UNREADABLE)
        found = flushed(rig, "receiver_accept_seconds_count")

        many = "receiver_deliveries_total"
        assert (1, 1, 1) == tuple(
            found[many, ("melhor-envio", outcome)] for outcome in ("accepted", "duplicate", "quarantined")
        )
        assert NOON == found["receiver_last_delivery_timestamp_seconds", ("melhor-envio",)]
        assert 3 == found["receiver_accept_seconds_count", ()]
        assert 3 == found["receiver_accept_seconds_bucket", ("+Inf",)]

    def test_rejects(self, rig_on_either: Rig) -> None:
        """What was not let in, by cause; a name that no endpoint has is no label."""
        rig = measured(rig_on_either)
        rig.client.post("/webhooks/melhor-envio", json=posted())
        rig.client.patch("/webhooks/melhor-envio")
        for number in range(2):
            rig.client.post(f"/webhooks/scan-{number}")
        found = samples(rig)

        assert (1, 1, 2) == tuple(
            found["receiver_rejects_total", labels]
            for labels in (
                ("not_authenticated", "melhor-envio"),
                ("unknown_method", "melhor-envio"),
                ("unknown_endpoint", "(unknown)"),
            )
        )

    def test_parcels(self, rig_on_either: Rig) -> None:
        """Parcels by account and state, those held by reason, and each call to VTEX, once."""
        rig = measured(rig_on_either)
        rig.add_order(order("1-01", package("41001")))
        rig.add_order(order("2-01", package("A", value=5_000), package("B", value=5_000)))
        rig.post(posted())
        rig.post(posted("2-01", parcel="p2", number="TN2BR"))
        rig.work()
        found = flushed(rig, "receiver_vtex_call_seconds_count")

        assert (1, 1) == tuple(found["receiver_shipments", ("lux", state)] for state in ("in_step", "held"))
        assert 1 == found["receiver_held", ("ambiguous_invoice",)]
        calls = {labels[1:]: value for (name, labels), value in found.items() if name == "receiver_vtex_calls_total"}
        assert {("GET order", "done"): 2, ("PATCH", "done"): 1} == calls
        assert 3 == found["receiver_vtex_call_seconds_count", ()]

    def test_refusals(self, rig: Rig) -> None:
        """A call that is refused counts once under its outcome, though it is written down twice."""
        measured(rig)
        rig.faults(forbidden=frozenset({"1-01"}))
        rig.post(posted())
        rig.work()

        assert 1 == samples(rig)["receiver_vtex_calls_total", ("lux", "GET order", "refused")]

    def test_background(self, rig: Rig) -> None:
        """Calls for the index count together."""
        measured(rig)
        rig.add_order(order("1-01", package("41001")))
        Background(rig.database).note_news("lux", "1-01", now=rig.now, wait=0)
        rig.work()

        assert (
            1 == flushed(rig, "receiver_vtex_calls_total")["receiver_vtex_calls_total", ("lux", "background", "done")]
        )

    def test_waiting(self, rig: Rig) -> None:
        """How long the oldest parcel has been due, and which accounts are paused."""
        measured(rig)
        assert (0, 0) == tuple(
            samples(rig)[name] for name in (("receiver_oldest_due_seconds", ()), ("receiver_account_paused", ("lux",)))
        )
        Queue(rig.database, worker_name="test", lease=60).accounts.pause(
            "lux", until=rig.now + 1_000, reason="429", own_fault=False
        )
        rig.post(posted())
        rig.now += 90
        measured(rig)  # another process, which has asked nothing yet

        assert (90, 1) == tuple(
            samples(rig)[name] for name in (("receiver_oldest_due_seconds", ()), ("receiver_account_paused", ("lux",)))
        )

    def test_store_away(self, rig: Rig) -> None:
        """While the store is away the answer says that, and what it knows without."""
        measured(rig)
        rig.database.write(lambda connection: connection.execute(text("DROP TABLE counters")))
        rig.client.application.extensions["database"]._reader.dispose()
        found = samples(rig)

        assert 0 == found["receiver_store_up", ()]
        assert {"receiver_store_up", "receiver_build_info"} == {name for name, _ in found}


def test_zeros(rig: Rig) -> None:
    """Counters of a configured endpoint are there before its first event: Prometheus sees an increase from 0 alone."""
    found = samples(measured(rig))

    outcomes = ("accepted", "duplicate", "ignored", "quarantined", "error")
    assert [0] * 5 == [found["receiver_deliveries_total", ("melhor-envio", outcome)] for outcome in outcomes]
    assert 0 == found["receiver_rejects_total", ("not_authenticated", "melhor-envio")]
    assert "receiver_last_delivery_timestamp_seconds" not in {name for name, _ in found}


def test_states(rig: Rig) -> None:
    """Every state of a configured account is there before its first parcel."""
    found = samples(measured(rig))

    assert {state.value: 0.0 for state in State} == {
        labels[1]: value for (name, labels), value in found.items() if name == "receiver_shipments"
    }


def test_last_delivery_of_configured(rig: Rig) -> None:
    """An endpoint that was removed is silent for good and has no such line; one of another process's file has, for as
    long as that process notes that it runs."""
    rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "removed": MELHOR_ENVIO, "elsewhere": MELHOR_ENVIO})
    for endpoint in rig.config.endpoints:
        assert 200 == rig.post(posted(), endpoint=endpoint).status_code
    rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO})
    Watches(rig.database).note(Noted.CONFIGURED, ["elsewhere"], now=rig.now)

    def told() -> set[str]:
        name = "receiver_last_delivery_timestamp_seconds"
        return {labels[0] for found, labels in samples(rig) if found == name}

    measured(rig)
    assert {"melhor-envio", "elsewhere"} == told()
    rig.now += HOUR
    assert {"melhor-envio"} == told()


def test_notifications(rig: Rig) -> None:
    """How many messages are due or failed before. One that was sent or given up is not counted, nor one that was never
    tried and waits for the end of quiet hours."""
    alerts = Alerts(rig.database)
    alerts.put([{"title": "x"}] * 4, ["chat"], now=rig.now)
    alerts.put([{"title": "x", "due_at": rig.now + 60}], ["chat"], now=rig.now)
    alerts.sent(alerts.claim(["chat"], now=rig.now, lease=9), now=rig.now)
    alerts.failed(alerts.claim(["chat"], now=rig.now, lease=9), "no", due_at=None)
    alerts.failed(alerts.claim(["chat"], now=rig.now, lease=9), "later", due_at=rig.now + 60)

    assert 2 == samples(measured(rig))["receiver_notifications_waiting", ()]
    rig.now += 60
    assert 3 == samples(measured(rig))["receiver_notifications_waiting", ()]


def test_taken(rig: Rig) -> None:
    """Events of the order hook and links are counted where they were taken; both series begin with 0."""
    rig.configure(account={"hook_secrets": [SECRET], "link_tokens": ["t0ken"]})
    measured(rig)
    hook, links = ("receiver_taken_total", ("hooks/vtex/lux",)), ("receiver_taken_total", ("links/lux",))
    assert (0, 0) == (samples(rig)[hook], samples(rig)[links])
    tell(rig, event("2-01"))
    tell(rig, event("2-01"), secret="another")
    told = {"tracking_number": "TN1BR", "order": "1-01"}
    for token in ("t0ken", "t0ken", "another"):
        rig.client.post("/links/lux", json=told, headers={"Authorization": f"Bearer {token}"})

    assert (1, 2) == (samples(rig)[hook], samples(rig)[links])


def test_page(rig_on_either: Rig) -> None:
    """The page names every metric with its labels, and no other; connections are PostgreSQL's alone."""
    rig_on_either.configure(account={"hook_secrets": [SECRET]})
    rig = measured(rig_on_either)
    rig.add_order(order("2-01", package("A", value=5_000), package("B", value=5_000)))
    rig.post(posted("2-01"))
    tell(rig, event("2-01"))
    rig.client.patch("/webhooks/melhor-envio")
    rig.client.get("/webhooks/melhor-envio")  # a probe
    rig.work()
    flushed(rig, "receiver_accept_seconds_count")
    answer = rig.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    found = set()
    for family in text_string_to_metric_families(answer):
        name = family.name + ("_total" if family.type == "counter" else "")
        found.add((name, frozenset(family.samples[0].labels) - {"le"}))
    page = re.findall(r"^\| `(\w+)(?:\{(.*)\})?`", PAGE, re.MULTILINE)

    assert rig.database.is_sqlite == (("receiver_database_connections", frozenset()) not in found)
    found.add(("receiver_database_connections", frozenset()))
    assert found == {(name, frozenset(labels.split(",") if labels else ())) for name, labels in page}
