"""VTEX's order hook as it comes: twice, late, cut short, beside its filter, lost, and deleted in silence."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from receiver.http import Http
from receiver.sandbox import serve
from receiver.sandbox.hook import SILENT
from receiver.store import Background, StoreUnavailable
from receiver.vtex.client import Vtex
from receiver.vtex.hook import configuration
from tests.support.reconciling import INTELIPOST, fields, shipped
from tests.support.rig import MELHOR_ENVIO, NOON, Rig, order, package, posted
from tests.support.times import DAY, HOUR

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
        assert ["order hook set again, VTEX had deleted it: account=lux"] == caplog.messages

    def test_no_right(self, front: Rig, caplog: pytest.LogCaptureFixture):
        """A key that may not look after hooks says so in the log, and its parcels are written."""
        front.faults(lacking=frozenset({"hook"}))
        front.add_order(order("1-01", package("900")))
        front.post(posted())
        with caplog.at_level(logging.WARNING):
            front.later(5 * HOUR)
            front.later(3)  # behind the parcel

        assert "TN1BR" == fields(front)["trackingNumber"]
        assert "order hook not checked: account=lux reason=HTTP 403" in caplog.text
        assert [] == front.queries.paused_accounts(now=front.now)


class TestForeignHook:
    def test_foreign_hook(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        """The URL of someone else's hook may hold a token: the log gets none of what follows its path."""
        rig.configure(account={"hook_secrets": ["hook-secret"]})
        Background(rig.database).hook_installed("lux", "https://r.example/hooks/vtex/lux", now=NOON - 86_400)
        body = {"filter": {"type": "FromWorkflow"}, "hook": {"url": "https://u:pw@erp.example/in?code=s3cret#x"}}
        rig.sandbox_app.extensions["hooks"].configs["key"] = body
        with caplog.at_level(logging.WARNING):
            rig.work()

        assert "https://erp.example/in" in caplog.text
        assert "s3cret" not in caplog.text
        assert "pw" not in caplog.text
