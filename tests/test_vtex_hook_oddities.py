"""VTEX's order hook as it is: twice, late, out of order, cut short, beside its filter, lost, and deleted in silence."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from receiver.http import Http
from receiver.sandbox import serve
from receiver.sandbox.hook import KEPT, SILENT, TRIES
from receiver.store import Background, StoreUnavailable
from receiver.vtex.answers import Rejected
from receiver.vtex.client import Vtex
from receiver.vtex.hook import configuration
from tests.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.test_reconcile import DAY, HOUR, fields
from tests.test_reviewed import INTELIPOST, shipped
from tests.test_sandbox_hook import Listener, listener

__all__ = ["listener"]
SECRET = "s3cr3t-of-the-hook"


@pytest.fixture
def front(rig: Rig) -> Iterator[Rig]:
    """A receiver on loopback, whose hook is installed at the stand-in."""
    rig.configure(
        account={"hook_secrets": [SECRET]}, endpoints={"melhor-envio": MELHOR_ENVIO, "intelipost": INTELIPOST}
    )
    with serve(rig.app) as served:
        url = f"{served.url}/hooks/vtex/lux"
        rig.sandbox_app.extensions["hooks"].save("key", configuration(url, SECRET))
        Background(rig.database).hook_installed("lux", url, now=rig.now)
        yield rig


def vtex(rig: Rig, key: str = "key") -> Vtex:
    rig.configure(account={"hook_secrets": [SECRET], "app_key": key})
    return Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)


def hooks(rig: Rig) -> Any:
    return rig.sandbox_app.extensions["hooks"]


def awaited(rig: Rig) -> None:
    """A parcel whose order has no invoice yet, and is not looked at again for hours."""
    rig.add_order(order("1-01", status="handling"))
    rig.post(posted())
    rig.works_until(DAY)
    assert "awaiting_invoice" == rig.shipment()["state"]


class TestReceived:
    """By a receiver that waits for an invoice."""

    @pytest.mark.parametrize(
        "trouble", [[], ["twice"], ["bare"], ["unfiltered"], ["twice", "bare", "unfiltered", "disorder"]]
    )
    def test_woken(self, front: Rig, trouble: list[str]):
        """However it comes, it wakes the parcel, which is written once."""
        awaited(front)
        front.faults(hook_trouble=frozenset(trouble))
        front.add_order(order("1-01", status="order-created"))
        front.add_order(order("1-01", package("900")))
        front.now += 60
        hooks(front).deliver()
        front.work()

        assert "TN1BR" == fields(front)["trackingNumber"]
        assert 1 == len(front.calls("PATCH"))

    def test_lost(self, front: Rig):
        """An event that never comes costs time, no parcel: it is looked for all the same."""
        awaited(front)
        front.faults(hook_trouble=frozenset({"lost"}))
        front.add_order(order("1-01", package("900")))
        front.work()
        assert fields(front)["trackingNumber"] is None

        front.works_until(6 * HOUR)
        assert "TN1BR" == fields(front)["trackingNumber"]

    def test_told_again(self, front: Rig, monkeypatch: pytest.MonkeyPatch):
        """What could not be stored is answered 503, and VTEX comes again."""
        awaited(front)

        def away(*_: object, **__: object) -> None:
            raise StoreUnavailable("away")

        with monkeypatch.context() as broken:
            broken.setattr(front.database, "write", away)
            front.add_order(order("1-01", package("900")))
        front.now += 1
        hooks(front).deliver()
        front.work()

        assert "TN1BR" == fields(front)["trackingNumber"]

    def test_partly_invoiced(self, front: Rig):
        """An order that is invoiced in part never says ``invoiced``: the parcel of that part is woken all the same."""
        half = {"type": "Output", "issuanceDate": "2026-11-17T10:00:00-03:00", "invoiceNumber": "900"}
        front.add_order(order("A-01", items=[{"id": "1", "quantity": 2}], status="handling"))
        front.post(shipped("A-01", "900"), endpoint="intelipost")
        front.works_until(DAY)
        items = [{"id": "1", "price": 5_000, "quantity": 1}]
        vtex(front).post_invoice("A-01", {**half, "invoiceValue": "5000", "items": items})
        front.configure(account={"hook_secrets": [SECRET]}, endpoints={"intelipost": INTELIPOST})
        front.work()

        assert "payment-approved" == front.sandbox.orders["A-01"]["status"]
        assert "IP1BR" == front.package_of("A-01", "900")["trackingNumber"]

    def test_deleted_in_silence(self, front: Rig, caplog: pytest.LogCaptureFixture):
        """A hook that had nothing to tell for three days is gone; the worker installs it again."""
        front.now += SILENT - 2 * HOUR
        front.work()
        assert "key" in hooks(front).configs
        with caplog.at_level(logging.WARNING):
            front.later(5 * HOUR)

        assert "key" in hooks(front).configs
        assert ["VTEX account lux: VTEX had deleted the order hook; it is there again"] == caplog.messages

    def test_no_right(self, front: Rig, caplog: pytest.LogCaptureFixture):
        """A key that may not look after hooks says so in the log, and its parcels are written."""
        front.faults(lacking=frozenset({"hook"}))
        front.add_order(order("1-01", package("900")))
        front.post(posted())
        with caplog.at_level(logging.WARNING):
            front.later(5 * HOUR)
            front.later(3)  # behind the parcel

        assert "TN1BR" == fields(front)["trackingNumber"]
        assert "the order hook could not be looked at: HTTP 403" in caplog.text
        assert [] == front.desk.paused_accounts(now=front.now)


class TestStandIn:
    """The stand-in's own side of it."""

    @pytest.fixture
    def heard(self, rig: Rig, listener: tuple[Listener, str]) -> Listener:
        vtex(rig).set_hook(configuration(listener[1], "s"))
        listener[0].got.clear()
        return listener[0]

    def events(self, heard: Listener) -> list[str]:
        return [f"{event['OrderId']} {event['State']}" for event, _ in heard.got]

    def test_troubles(self, rig: Rig, heard: Listener):
        """Twice, cut short, beside the filter, late and the newest first."""
        rig.faults(hook_trouble=frozenset({"twice", "bare", "unfiltered", "disorder"}))
        rig.add_order(order("1-01", status="canceled"), order("2-01"))
        assert [] == heard.got
        rig.now += 60
        hooks(rig).deliver()

        assert ["2-01 invoiced", "2-01 invoiced", "1-01 canceled", "1-01 canceled"] == self.events(heard)
        assert {"Domain", "OrderId", "State", "LastChange", "Origin"} == set(heard.got[0][0])

    def test_tries(self, rig: Rig, heard: Listener):
        """What is not answered 200 comes again, ever later, and is dropped in the end."""
        heard.status = 500
        rig.add_order(order("1-01"))
        began, times = rig.now, [rig.now]
        while rig.now < began + 2 * KEPT:
            rig.now += HOUR / 4
            before = len(heard.got)
            hooks(rig).deliver()
            times += [rig.now] * (len(heard.got) - before)

        assert 20 < len(times) <= TRIES + 1
        assert times[-1] - began <= KEPT

    def test_silence(self, rig: Rig, heard: Listener):
        """Three days without an event delete it; an event in between begins them anew."""
        rig.now += SILENT - 1
        rig.add_order(order("1-01"))
        rig.now += SILENT - 1
        vtex(rig).get_hook()
        rig.now += 1
        rig.add_order(order("1-01"))

        assert 1 == len(heard.got)
        assert {} == hooks(rig).configs

    def test_one_a_key(self, rig: Rig, listener: tuple[Listener, str]):
        """A key has one hook, the last; another key has its own."""
        for key, path in (("key", ""), ("key", "?second"), ("other", "?other")):
            vtex(rig, key).set_hook(configuration(f"{listener[1]}{path}", "s"))

        assert {"key": f"{listener[1]}?second", "other": f"{listener[1]}?other"} == {
            key: config["hook"]["url"] for key, config in hooks(rig).configs.items()
        }

    def test_two_filters(self, rig: Rig, listener: tuple[Listener, str]):
        """Statuses and an expression exclude each other: 409."""
        mixed = {**configuration(listener[1], "s"), "filter": {"status": [], "disableSingleFire": True}}
        with pytest.raises(Rejected) as refused:
            vtex(rig).set_hook(mixed)

        assert 409 == refused.value.status
