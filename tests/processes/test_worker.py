"""Workers that die, sleep or fail: nothing is lost and nothing written twice."""

import logging
import threading
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from receiver.processes.worker import Worker
from receiver.store import StoreUnavailable
from receiver.store.notify.watches import Noted, Watches
from receiver.store.tables import metadata
from receiver.vtex.answers import Transient
from receiver.vtex.client import Vtex
from tests.support.reconciling import fields
from tests.support.rig import MELHOR_ENVIO, Rig, eventually, order, package, posted
from tests.support.times import DAY

LEASE = 60.0


class Dying(Vtex):
    """VTEX as a process sees it that is gone before it can hear the answer of its PATCH."""

    def patch_invoice(self, order_id: str, invoice_number: str, body: dict[str, Any]) -> Any:
        super().patch_invoice(order_id, invoice_number, body)
        raise SystemExit


def everything(rig: Rig) -> dict[str, list[Any]]:
    """Every row of the store."""
    return {table.name: sorted(map(repr, rig.database.rows(select(table)))) for table in metadata.sorted_tables}


class Gateway(Vtex):
    """VTEX behind a gateway that gives up waiting for the answer of a PATCH."""

    def patch_invoice(self, order_id: str, invoice_number: str, body: dict[str, Any]) -> Any:
        super().patch_invoice(order_id, invoice_number, body)
        raise Transient("HTTP 504", 504)


class TestDying:
    """A worker that is gone between a write and its record."""

    def test_after_the_call(self, rig_on_either: Rig):
        """The next worker reads first, finds the write, and does not write again."""
        rig = rig_on_either
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        queue, reconciler = rig.hands("dying", Dying)
        [claim] = queue.claim("lux", most=1, now=rig.now)
        with pytest.raises(SystemExit):
            reconciler.run(claim)
        assert [None] == [one["outcome"] for one in rig.attempts() if one["call"] == "PATCH"]

        rig.later(LEASE - 1)
        assert ["GET", "PATCH"] == [call.method for call in rig.calls()]
        rig.later(2)

        assert ["GET", "PATCH", "GET"] == [call.method for call in rig.calls()]
        row = rig.shipment()
        assert ("in_step", "TN1BR") == (row["state"], row["sent"]["trackingNumber"])
        assert ("1-01", "900", "only_open_invoice") == (row["order_id"], row["invoice_number"], row["rule"])
        assert ["applied, seen later"] == [one["outcome"] for one in rig.attempts() if one["call"] == "PATCH"]

    def test_gateway(self, rig: Rig):
        """A gateway's 504 says nothing of a PATCH: it is looked up like one without an answer."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        queue, reconciler = rig.hands("behind", Gateway)
        [claim] = queue.claim("lux", most=1, now=rig.now)
        reconciler.run(claim)
        assert ("due", "vtex_unavailable") == (rig.shipment()["state"], rig.shipment()["reason"])
        rig.later(10)

        assert ["done", "applied, seen later", "done"] == [one["outcome"] for one in rig.attempts()]

    def test_restarted(self, rig: Rig):
        """A worker that comes back under its name frees its own leases at once."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        queue, reconciler = rig.hands("rig", Dying)
        [claim] = queue.claim("lux", most=1, now=rig.now)
        with pytest.raises(SystemExit):
            reconciler.run(claim)

        assert 1 == rig.worker.queue.free_own_leases()
        rig.work()
        assert "in_step" == rig.shipment()["state"]
        assert 1 == len(rig.calls("PATCH"))

    def test_before_the_call(self, rig: Rig):
        """An intent whose call was never made is looked up, found missing, and the write is made."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        rig.faults(reset_before=1.0, methods=frozenset({"PATCH"}))
        rig.work()
        rig.faults()
        rig.later(10)

        assert ["done", "not visible later", "done", "done"] == [one["outcome"] for one in rig.attempts()]
        assert "TN1BR" == fields(rig)["trackingNumber"]


class TestLostLease:
    """Who has lost the lease is silent."""

    def test_no_call(self, rig_on_either: Rig):
        """A worker whose shipment was taken over makes no call and changes nothing."""
        rig = rig_on_either
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        queue, reconciler = rig.hands("slow")
        [claim] = queue.claim("lux", most=1, now=rig.now)
        rig.later(LEASE + 1)
        assert "in_step" == rig.shipment()["state"]
        before, calls = everything(rig), len(rig.calls())

        reconciler.run(claim)

        assert (before, calls) == (everything(rig), len(rig.calls()))

    @pytest.mark.parametrize("call", ["GET", "PATCH"])
    def test_slept_through(self, rig: Rig, call: str):
        """A worker that sleeps through its lease during a call says nothing about it, whatever VTEX answered."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())

        def sleep(_: float) -> None:
            rig.now += LEASE

        rig.on_slow = sleep
        rig.faults(slow=(1.0, 1.0), methods=frozenset({call}), unauthorized=call == "GET")
        queue, reconciler = rig.hands("slow")
        [claim] = queue.claim("lux", most=1, now=rig.now)
        reconciler.run(claim)

        assert "due" == rig.shipment()["state"]
        assert [] == rig.queries.paused_accounts(now=rig.now)
        assert rig.attempts()[-1]["outcome"] is None

        rig.faults()
        rig.work()
        assert "TN1BR" == fields(rig)["trackingNumber"]
        assert 1 == len(rig.calls("PATCH"))

    def test_waited_through(self, rig: Rig):
        """A worker that waits for its place until the lease is over makes no call."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        queue, _ = rig.hands("slow")
        [claim] = queue.claim("lux", most=1, now=rig.now)
        rig.configure(account={"requests_per_minute": 60})

        def sleep(_: float) -> None:
            rig.now += LEASE

        rig.hands("slow", sleep=sleep)[1].run(claim)

        assert ["GET"] == [call.method for call in rig.calls()]
        assert "due" == rig.shipment()["state"]


class TestStumbling:
    """What goes wrong on our own side."""

    def test_store_away(self, rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
        """A store that refuses the settlement leaves the shipment to its lease; nothing is written twice."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        with monkeypatch.context() as patched:
            patched.setattr(rig.worker.queue, "settle", _refuse)
            free = threading.Semaphore(0)
            [claim] = rig.worker.queue.claim("lux", most=1, now=rig.now)
            rig.worker._one(claim.id, partial(rig.worker._reconciler.run, claim), free)
        assert ["result not recorded, it will be retried when its lease expires: name=melhor-envio/p1 reason=away"] == [
            record.getMessage() for record in caplog.records if record.levelname == "ERROR"
        ]

        rig.work()
        assert "due" == rig.shipment()["state"]
        rig.later(LEASE + 1)
        assert "in_step" == rig.shipment()["state"]
        assert 1 == len(rig.calls("PATCH"))

    def test_store_away_at_the_booking(self, rig: Rig, monkeypatch: pytest.MonkeyPatch):
        """A store that refuses a booking leaves the shipment to its lease: it is no fault of the shipment's."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        queue, reconciler = rig.hands("one")
        [claim] = queue.claim("lux", most=1, now=rig.now)
        with monkeypatch.context() as patched:
            patched.setattr(queue, "reserve", _refuse)
            with pytest.raises(StoreUnavailable):
                reconciler.run(claim)

        assert ("due", None, 0) == tuple(rig.shipment()[name] for name in ("state", "reason", "tries"))
        rig.later(LEASE + 1)
        assert "in_step" == rig.shipment()["state"]

    @pytest.mark.parametrize("where", ["advance", "plan", "decide", "names_of"])
    def test_our_fault(self, rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, where: str):
        """A fault of ours backs off with growing delays and is logged; once it is corrected the parcel goes out."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        with monkeypatch.context() as patched:
            patched.setattr(f"receiver.reconcile.reconciler.{where}", _fail)
            rig.works_until(60)
        assert ("due", "internal_error") == (rig.shipment()["state"], rig.shipment()["reason"])
        errors = [record for record in caplog.records if record.levelname == "ERROR"]
        assert 3 <= len(errors) <= 6
        assert {"internal error: shipment=melhor-envio/p1"} == {record.getMessage() for record in errors}
        assert all(record.exc_info for record in errors)

        rig.works_until(600)
        assert "TN1BR" == fields(rig)["trackingNumber"]

    def test_our_fault_with_a_dismissed_one(self, rig: Rig, monkeypatch: pytest.MonkeyPatch):
        """A fault of ours does not bring back what a person has dismissed."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted(None))
        rig.work()
        rig.decisions.dismiss("melhor-envio/p1", now=rig.now)
        rig.post(posted())
        with monkeypatch.context() as patched:
            patched.setattr("receiver.reconcile.reconciler.advance", _fail)
            rig.work()
        rig.works_until(DAY)

        assert ("dismissed", None) == (rig.shipment()["state"], rig.shipment()["due_at"])
        assert [] == rig.calls()

    def test_orphan(self, rig: Rig):
        """What an endpoint told before it left the configuration is kept, and done when the endpoint comes back."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        rig.configure(endpoints={"another": MELHOR_ENVIO})
        rig.works_until(2 * DAY)

        assert "endpoint melhor-envio is not in the configuration" == rig.shipment()["note"]
        assert [] == rig.calls()

        rig.configure()
        rig.works_until(DAY)
        assert "TN1BR" == fields(rig)["trackingNumber"]

    def test_old_backlog(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        """A backlog that grows old is told once, and once more when it is worked off."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        for _ in range(30):
            rig.now += 60
            rig.worker._housekeeping()
        rig.work()
        for _ in range(3):
            rig.now += 60
            rig.worker._housekeeping()

        assert ["backlog is old, shipments wait: oldest_minutes=16", "backlog cleared"] == [
            record.getMessage() for record in caplog.records if record.levelno > logging.INFO
        ]

    def test_wrong_clock(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        """A clock that differs from VTEX's by more than a minute is told once, and stored for the alerts."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        ahead = Worker(rig.config, rig.database, name="ahead", clock=lambda: rig.now + 95, steady=lambda: rig.now)
        ahead.run_until_idle()
        for _ in range(3):
            rig.now += 60
            ahead._housekeeping()

        assert ["clock differs from VTEX's, set it by NTP: seconds_ahead=95"] == [
            record.getMessage() for record in caplog.records if record.levelno > logging.INFO
        ]
        assert [95] == [round(note.value) for note in Watches(rig.database).notes(Noted.CLOCK).values()]

    def test_endpoint_gone(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        """A worker that starts names each endpoint that it is not configured with and that has unfinished shipments."""
        for parcel in ("p1", "p2"):
            rig.post(posted(parcel=parcel))
        rig.configure(endpoints={"me": MELHOR_ENVIO})
        rig.worker.start()
        rig.worker.stop()

        said = "endpoint is not configured here, its unfinished shipments rest: endpoint=melhor-envio shipments=2"
        assert [said] == [one.getMessage() for one in caplog.records if one.levelno > logging.INFO]

    def test_loop_survives(self, rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
        """A worker whose store is away for a while goes on when it is back."""
        rig.add_order(order("1-01", package("900")))
        with monkeypatch.context() as patched:
            patched.setattr(rig.worker.queue, "something_due", _refuse)
            rig.worker.start()
            eventually(lambda: [one for one in caplog.records if "store unavailable" in one.getMessage()])
        rig.post(posted())
        try:
            eventually(lambda: rig.shipment()["state"] == "in_step")
        finally:
            rig.worker.stop()


def _refuse(*_: Any, **__: Any) -> Any:
    raise StoreUnavailable("away")


def _fail(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError


def test_slow_answers_under_a_short_lease(rig: Rig) -> None:
    """However short the lease, a call ends before it: a slow VTEX is reported, and not a lease lost for ever."""
    rig.configure(lease=5)
    longest = rig.worker._reconciler._clients["lux"]._http._total

    assert longest + rig.config.lease / 2 <= rig.config.lease
