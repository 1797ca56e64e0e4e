"""`receiver reconcile` and the end of `receiver show`: what does not agree, and what happens next."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.operations.comparing import Comparing
from receiver.shipments.next_step import NextStep, next_step
from receiver.store.operator.discrepancies import Discrepancies
from tests.support.console import Operator, receiver, write_config
from tests.support.frenet_events import prepared, scanned
from tests.support.invoicing import INVOICE, InvoicingDriver, an_order
from tests.support.reconciling import learn
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import HOUR

LONG_AGO = "2024-01-10T12:00:00+00:00"
_PAUSE_OVER = "it is looked at when the account's pause is over"


def told_ago(operator: Operator, hours: float) -> None:
    """What is done from here on happened so long ago: the command's clock is the real one."""
    operator.rig.now = time.time() - hours * 3_600


def tell(operator: Operator, number: int, *packages: dict[str, Any], **said: Any) -> None:
    if packages:
        operator.rig.add_order(order(f"{number}-01", *packages))
    operator.rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}", at=LONG_AGO, **said))
    operator.rig.work()


@pytest.fixture
def operator(rig: Rig) -> Operator:
    made = Operator(rig)
    told_ago(made, 30)
    return made


class TestReconcile:
    def test_without_tracking(self, rig_on_either: Rig):
        """An invoice that was seen without tracking a day ago is listed; one that was written since is not."""
        operator = Operator(rig_on_either)
        told_ago(operator, 30)
        tell(operator, 1, package("A"), package("B"), package("D", trackingNumber="X"))
        tell(operator, 2, package("C"))

        rows = [row for row in operator.tells("reconcile") if row["gap"] == "without_tracking"]
        assert [("lux", "1-01", "A"), ("lux", "1-01", "B")] == sorted(
            (row["account"], row["order_id"], row["invoice_number"]) for row in rows
        )
        assert [] == operator.tells("reconcile", "--older-than", "31")

    def test_never_written(self, operator: Operator):
        """A parcel that is held or waits for its order is listed with its reason; what has nothing to say is not."""
        tell(operator, 1)
        tell(operator, 2, package("A", value=5_000), package("B", value=5_000))
        tell(operator, 3, package("C"))
        tell(operator, 4, event="order.generated")
        operator.rig.decisions.dismiss("melhor-envio/p2", now=operator.rig.now)

        rows = [row for row in operator.tells("reconcile") if row["gap"] == "never_written"]
        assert [("melhor-envio/p1", "awaiting_order", "order_not_found")] == [
            (row["shipment"], row["state"], row["reason"]) for row in rows
        ]
        line = next(line for line in operator.says("reconcile").splitlines() if "melhor-envio/p1" in line)
        assert line.startswith("never_written")
        assert line.endswith("order_not_found")

    def test_not_applied(self, operator: Operator):
        """An invoice that VTEX never showed our write on has no tracking, and the parcel that was meant for it is told
        with the reason; one whose write is yet to be looked for is believed."""
        rig = operator.rig
        rig.configure(endpoints=operator.endpoints, read_back_seconds=10)
        rig.faults(visible_after=1e9)
        tell(operator, 1, package("A"))
        assert [] == operator.tells("reconcile")
        rig.later(10)
        rig.later(60)
        rig.later(600)

        (row,) = operator.tells("reconcile")
        assert ("without_tracking", "1-01", "A") == (row["gap"], row["order_id"], row["invoice_number"])
        assert ("melhor-envio/p1", "TN1", "not_applied") == (row["shipment"], row["tracking_number"], row["reason"])
        rig.add_order(order("1-01", package("A", trackingNumber="TN1")))
        learn(rig, rig.sandbox.orders["1-01"])
        assert [] == operator.tells("reconcile")

    def test_moved_away(self, operator: Operator):
        """An invoice whose write was lost has no tracking, whatever was written for its parcel elsewhere since; nor is
        that parcel meant for it any more."""
        rig = operator.rig
        rig.faults(reset_before=1.0, methods=frozenset({"PATCH"}))
        tell(operator, 1, package("A"))
        assert [("melhor-envio/p1", "vtex_unavailable")] * 2 == [
            (row["shipment"], row["reason"]) for row in operator.tells("reconcile")
        ]
        rig.faults()
        rig.add_order(order("2-01", package("B")))
        rig.decisions.assign("melhor-envio/p1", order_id="2-01", invoice_number="B", now=rig.now)
        rig.later(HOUR)
        assert "TN1" == rig.package_of("2-01", "B")["trackingNumber"]

        assert [("1-01", "A", None, None)] == [
            (row["order_id"], row["invoice_number"], row["shipment"], row["note"])
            for row in operator.tells("reconcile")
        ]

    def test_one_number_twice(self, rig_on_either: Rig):
        """Two invoices of an order that show one number both have tracking; a third one has not."""
        operator = Operator(rig_on_either)
        told_ago(operator, 30)
        box = [package(name, trackingNumber="TN1") for name in ("A", "B")]
        learn(operator.rig, order("1-01", *box, package("C")))

        assert ["C"] == [row["invoice_number"] for row in operator.tells("reconcile")]

    def test_as_last_read(self, rig_on_either: Rig):
        """An order counts as it was last read: not a number that someone has taken away since, nor an invoice that is
        not there any more, nor one whose order is cancelled."""
        operator = Operator(rig_on_either)
        told_ago(operator, 30)
        learn(operator.rig, order("1-01", package("A", trackingNumber="X")), order("2-01", package("B")))
        learn(operator.rig, order("3-01", package("D")))
        assert ["B", "D"] == [row["invoice_number"] for row in operator.tells("reconcile")]
        operator.rig.now += HOUR
        learn(operator.rig, order("1-01", package("A")), order("2-01", package("C", trackingNumber="X")))
        learn(operator.rig, order("3-01", package("D"), status="canceled"))

        assert ["A"] == [row["invoice_number"] for row in operator.tells("reconcile")]

    def test_never_numbered(self, rig_on_either: Rig):
        """A parcel that the carrier took and never gave a number is listed; a label alone is not, with a number or
        without, nor is what is sent once its date has come."""
        operator = Operator(rig_on_either)
        told_ago(operator, 30)
        rig = operator.rig
        rig.configure(endpoints=operator.endpoints, send_on="label")
        rig.post(posted("1-01", parcel="p1", number=None, at=LONG_AGO))
        rig.post(posted("2-01", parcel="p2", number=None, event="order.generated"))
        rig.work()
        rig.configure(endpoints=operator.endpoints)
        rig.post(posted("3-01", parcel="p3", event="order.generated"))
        rig.post(posted("4-01", parcel="p4", at=datetime.fromtimestamp(rig.now + 20 * HOUR, UTC).isoformat()))
        rig.work()
        assert "dispatch_ahead" == rig.shipment("melhor-envio/p4")["reason"]

        assert [("never_written", "melhor-envio/p1", "no_tracking_number")] == [
            (row["gap"], row["shipment"], row["reason"]) for row in operator.tells("reconcile")
        ]
        assert [] == operator.tells("reconcile", "--older-than", "31")

    @pytest.mark.parametrize(("hours", "listed"), [(5, False), (25, True)])
    def test_label_is_no_parcel(self, operator: Operator, hours: float, listed: bool):
        """A parcel is known from when the carrier took it, not from when its label was bought."""
        told_ago(operator, 240)
        tell(operator, 1, event="order.generated")
        told_ago(operator, hours)
        at = datetime.fromtimestamp(operator.rig.now, UTC).isoformat(timespec="seconds")
        operator.rig.post(posted("1-01", parcel="p1", number="TN1", at=at))
        operator.rig.later(1)

        assert [at.replace("+00:00", "Z")] * listed == [row["since"] for row in operator.tells("reconcile")]

    def test_recycled_number(self, operator: Operator):
        """The next parcel of a recycled number is known from its own first word, not from the one before it."""
        rig = operator.rig
        for hours, event in ((80 * 24, "order.delivered"), (5, "order.posted")):
            told_ago(operator, hours)
            at = datetime.fromtimestamp(rig.now, UTC).isoformat(timespec="seconds")
            rig.post(
                posted(event=event, at=None, delivered_at=at if hours > 24 else None, created_at=at, updated_at=at)
            )
            rig.later(1)
        assert 2 == rig.shipment()["generation"]

        assert [] == operator.tells("reconcile")
        assert 1 == len(operator.tells("reconcile", "--older-than", "4"))

    def test_clock_ahead(self, operator: Operator):
        """A dispatch date that lies ahead does not hide a parcel."""
        operator.rig.post(posted("1-01", at="2199-01-01T00:00:00+00:00"))
        operator.rig.work()

        assert ["future_date"] == [row["reason"] for row in operator.tells("reconcile")]

    def test_asked(self, operator: Operator):
        """With --ask VTEX is asked once an order, and what it no longer shows is told."""
        tell(operator, 1, package("A"))
        tell(operator, 2, package("B"))
        tell(operator, 3, package("C"))
        operator.rig.add_order(order("2-01", package("B", trackingNumber="THEIRS", courier="Edited")))
        operator.rig.add_order(order("3-01"))
        before = len(operator.rig.calls())
        assert [] == operator.tells("reconcile")
        assert before == len(operator.rig.calls())

        two, three = operator.tells("reconcile", "--ask")
        assert ["1-01", "2-01", "3-01"] == [call.order for call in operator.rig.calls()[before:]]
        assert ("differs", "melhor-envio/p2", "THEIRS") == (two["gap"], two["shipment"], two["shown"]["trackingNumber"])
        assert two["note"].startswith("VTEX shows tracking number THEIRS (we sent TN2), no tracking URL (we sent http")
        assert two["note"].endswith("courier Edited (we sent Melhor Envio)")
        assert ("3-01", "C", None, "the order does not show the invoice") == (
            three["order_id"],
            three["invoice_number"],
            three["shown"],
            three["note"],
        )

    def test_delivery(self, operator: Operator):
        """A delivery that VTEX acknowledged and does not show is told, once VTEX has had an hour to show it."""
        endpoint = {**MELHOR_ENVIO, "events": True}
        operator.rig.configure(endpoints={"melhor-envio": endpoint})
        operator.config = write_config(
            operator.rig.folder, operator.rig.database_url, operator.rig.vtex_url, {"melhor-envio": endpoint}
        )
        for number, hours in ((1, 30), (2, 0.5)):
            told_ago(operator, 30)
            tell(operator, number, package("A"))
            told_ago(operator, hours)
            operator.rig.faults(unapplied=1.0)
            tell(operator, number, event="order.delivered")
            operator.rig.faults()

        (found,) = operator.tells("reconcile", "--ask")
        assert ("differs", "melhor-envio/p1", True, False) == (
            found["gap"],
            found["shipment"],
            found["sent"]["isDelivered"],
            found["shown"]["isDelivered"],
        )
        assert "VTEX shows no delivery (we sent 2024-01-10 09:00)" == found["note"]

    def test_asked_of_some(self, operator: Operator):
        """With --older-than only of what was written before that, with --account only of that account's."""
        rig = operator.rig
        endpoints = {name: {**MELHOR_ENVIO, "account": name} for name in ("lux", "alt")}
        rig.configure(endpoints=endpoints, accounts={"alt": {}})
        operator.config = write_config(rig.folder, rig.database_url, rig.vtex_url, endpoints)
        with operator.config.open("a", encoding="utf-8") as file:
            file.write(f'[vtex.alt]\napp_key = "key"\napp_token = "token"\nbase_url = "{rig.vtex_url}"\n')
        for number, (name, hours) in enumerate([("lux", 50), ("lux", 30), ("alt", 50), ("lux", 10)]):
            told_ago(operator, hours)
            rig.add_order(order(f"{number}-01", package("A")))
            rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}", at=LONG_AGO), endpoint=name)
            rig.work()

        def asked(*options: str) -> list[str]:
            before = len(rig.calls())
            operator.says("reconcile", "--ask", *options)
            return sorted(call.order for call in rig.calls()[before:])

        assert ["0-01", "1-01", "2-01"] == asked()
        assert ["0-01", "2-01"] == asked("--older-than", "40")
        assert ["0-01"] == asked("--older-than", "40", "--account", "lux")
        assert ["2-01"] == asked("--account", "alt")

    def test_not_answered(self, operator: Operator):
        """An order that VTEX does not know, or fails on, does not keep the others from being compared."""
        for number in (1, 2, 3):
            tell(operator, number, package("A"))
        operator.rig.faults(broken=frozenset({"1-01"}))
        operator.rig.sandbox._versions.pop("2-01")
        operator.rig.add_order(order("3-01"))

        assert [
            "not answered: HTTP 500: An error has occurred",
            "VTEX does not know the order",
            "the order does not show the invoice",
        ] == [row["note"] for row in operator.tells("reconcile", "--ask")]

    def test_kept(self, operator: Operator):
        """Where a number that a person typed is kept, or a person is yet to decide, VTEX is compared, too; not where a
        person wants nothing sent."""
        later = "2026-11-11T12:00:00+00:00"
        for number in (1, 2, 3):
            tell(operator, number, package("A"))
            operator.rig.add_order(order(f"{number}-01", package("A", trackingNumber="TYPED")))
            link = f"https://t.example/{number}"
            told = {"parcel": f"p{number}", "number": f"TN{number}", "at": LONG_AGO, "tracking_url": link}
            operator.rig.post(posted(f"{number}-01", **told, created_at="2026-11-10T12:00:00+00:00"))
        operator.rig.work()
        operator.rig.post(posted("2-01", parcel="p2", number="TN2", event="order.cancelled", canceled_at=later))
        operator.rig.work()
        operator.rig.decisions.dismiss("melhor-envio/p3", now=operator.rig.now)
        assert ["kept", "held", "dismissed"] == [
            operator.rig.shipment(f"melhor-envio/p{number}")["state"] for number in (1, 2, 3)
        ]

        assert [("differs", "melhor-envio/p1"), ("differs", "melhor-envio/p2")] == [
            (row["gap"], row["shipment"]) for row in operator.tells("reconcile", "--ask")
        ]

    @pytest.mark.parametrize("policy", ["latest", "join"])
    def test_our_own_other_parcel(self, rig: Rig, policy: str):
        """What another parcel of ours has made of an invoice since is not told as a difference."""
        operator = Operator(rig, **{"melhor-envio": {**MELHOR_ENVIO, "second_parcel": policy}})
        told_ago(operator, 30)
        tell(operator, 1, package("A"))
        rig.post(posted("1-01", parcel="p2", number="TN2", at="2024-01-11T12:00:00+00:00"))
        rig.work()
        assert "TN2" in rig.package_of("1-01", "A")["trackingNumber"]
        before = len(rig.calls())
        assert [] == operator.tells("reconcile", "--ask")
        assert before + 1 == len(rig.calls())

        rig.add_order(order("1-01", package("A", trackingNumber="TYPED")))
        assert ["melhor-envio/p2"] == [row["shipment"] for row in operator.tells("reconcile", "--ask")]

    @pytest.mark.parametrize("leaves", ["TN1", "TN3", "dismissed"])
    def test_its_last_writer_has_left(self, rig_on_either: Rig, leaves: str):
        """One of three parcels that share an invoice went elsewhere, or a person dismissed the one that wrote last:
        what was last written there is compared for one of those that stayed."""
        rig = rig_on_either
        operator = Operator(rig, **{"melhor-envio": {**MELHOR_ENVIO, "second_parcel": "join"}})
        told_ago(operator, 30)
        rig.add_order(order("2-01", package("B")))
        tell(operator, 1, package("A"))
        for number in (2, 3):
            rig.post(posted("1-01", parcel=f"p{number}", number=f"TN{number}", at=f"2024-01-1{number}T12:00:00+00:00"))
            rig.work()
        if leaves == "dismissed":
            rig.decisions.dismiss("melhor-envio/p3", now=rig.now)
        else:
            rig.decisions.assign(f"melhor-envio/p{leaves[-1]}", order_id="2-01", invoice_number="B", now=rig.now)
        rig.work()
        assert "TN1;TN2;TN3" == rig.package_of("1-01", "A")["trackingNumber"]
        assert "differs" not in [row["gap"] for row in operator.tells("reconcile", "--ask")]

        rig.package_of("1-01", "A")["trackingNumber"] = "TYPED"
        (row,) = [row for row in operator.tells("reconcile", "--ask") if row["gap"] == "differs"]
        assert "VTEX shows tracking number TYPED (we sent TN1;TN2;TN3)" == row["note"]
        assert row["shipment"] != f"melhor-envio/p{'3' if leaves == 'dismissed' else leaves[-1]}"

    def test_paused(self, operator: Operator):
        """A paused account is not asked: one line says why, beside all that is known without asking."""
        tell(operator, 1, package("A"))
        tell(operator, 2)
        operator.rig.worker.queue.accounts.pause("lux", until=time.time() + 600, reason="429", own_fault=False)

        unasked, unwritten = operator.tells("reconcile", "--ask", code=1)
        assert ("never_written", "not_asked", "lux") == (unwritten["gap"], unasked["gap"], unasked["account"])
        assert unasked["note"].startswith("not asked to the end: paused until ")
        assert "not asked to the end: paused until " in operator.says("reconcile", "--ask", code=1)

    def test_two_accounts(self, operator: Operator):
        """One account's trouble does not keep the other from being compared."""
        rig = operator.rig
        endpoints = {name: {**MELHOR_ENVIO, "account": name} for name in ("lux", "alt")}
        rig.configure(endpoints=endpoints, accounts={"alt": {}})
        operator.config = write_config(rig.folder, rig.database_url, rig.vtex_url, endpoints)
        with operator.config.open("a", encoding="utf-8") as file:
            file.write(f'[vtex.alt]\napp_key = "key"\napp_token = "token"\nbase_url = "{rig.vtex_url}"\n')
        for number, name in enumerate(endpoints):
            rig.add_order(order(f"{number}-01", package("A")))
            rig.post(posted(f"{number}-01", number=f"TN{number}", at=LONG_AGO), endpoint=name)
            rig.work()
            rig.add_order(order(f"{number}-01", package("A")))
        rig.worker.queue.accounts.pause("alt", until=time.time() + 600, reason="429", own_fault=False)

        assert [("not_asked", "alt"), ("differs", "lux")] == [
            (row["gap"], row["account"]) for row in operator.tells("reconcile", "--ask", code=1)
        ]

    def test_unknown_account(self, operator: Operator):
        """What was written to an account that is configured no more cannot be asked for, and is not passed over."""
        operator.rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "account": "alt"}}, accounts={"alt": {}})
        tell(operator, 1, package("A"))

        assert [("not_asked", "alt", "the account is not in the configuration")] == [
            (row["gap"], row["account"], row["note"]) for row in operator.tells("reconcile", "--ask", code=1)
        ]
        assert [] == operator.tells("reconcile")

    def test_long_table(self, operator: Operator, monkeypatch: pytest.MonkeyPatch):
        """Where a table is cut, what was asked for is not what is missing."""
        monkeypatch.setattr("receiver.commands._common.MOST_ROWS", 2)
        for number in (1, 2):
            tell(operator, number, package("A"))
            operator.rig.add_order(order(f"{number}-01"))
        learn(operator.rig, *(order(f"{number}-01", package("A")) for number in (3, 4, 5)))
        lines = operator.says("reconcile", "--ask").splitlines()

        assert ["differs", "differs"] == [line.split()[0] for line in lines[1:3]]
        assert "… the first 2; --json gives all, filters give fewer" == lines[3]

    def test_account(self, operator: Operator):
        """An account's own list; an unknown one is a typing error."""
        tell(operator, 1)
        assert 1 == len(operator.tells("reconcile", "--account", "lux"))
        assert "no account 'nope'; there are lux" == operator.fails("reconcile", "--account", "nope")

    def test_none(self, operator: Operator):
        """Nothing to tell is good news."""
        assert "nothing older than 24 h is open (--older-than 0 shows all)\n" == operator.says("reconcile")
        assert "nothing is open\n" == operator.says("reconcile", "--older-than", "0")


class TestNext:
    NOW = 1_000.0

    @pytest.mark.parametrize(
        ("row", "paused_until", "expected"),
        [
            ({"state": "due", "due_at": 900.0}, None, NextStep("waiting for a free worker")),
            ({"state": "due", "due_at": 900.0, "lease_until": 1_030.0}, None, NextStep("a worker is at it")),
            ({"state": "due", "due_at": 900.0, "lease_until": 990.0}, None, NextStep("waiting for a free worker")),
            ({"state": "due", "due_at": 1_500.0}, 1_200.0, NextStep("it is tried again", 1_500.0)),
            ({"state": "due", "due_at": 900.0}, 1_200.0, NextStep(_PAUSE_OVER, 1_200.0)),
            (
                {"state": "in_step", "due_at": 1_010.0, "check_at": 1_010.0},
                None,
                NextStep("the invoice is read back", 1_010.0),
            ),
            ({"state": "in_step", "due_at": 1_010.0}, 1_200.0, NextStep(_PAUSE_OVER, 1_200.0)),
            ({"state": "in_step"}, 1_200.0, NextStep("nothing, until the carrier says something new")),
            ({"state": "held"}, None, NextStep("a person decides: receiver assign, dismiss or retry")),
            ({"state": "waiting"}, None, NextStep("nothing, until the carrier says more")),
            ({"state": "waiting", "due_at": 2_000.0}, None, NextStep("its dispatch date has come", 2_000.0)),
        ],
    )
    def test_step(self, row: dict[str, Any], paused_until: float | None, expected: NextStep):
        """What happens next follows from state, due time, lease and pause."""
        full = {"due_at": None, "check_at": None, "lease_until": None, "reason": None, "sent": None, **row}

        assert expected == next_step(full, paused_until=paused_until, now=self.NOW)

    def test_no_reference(self, rig: Rig):
        """Where the carrier names no order, no one says that VTEX is asked: there is nothing to ask it for."""
        rig.post(posted(None))
        rig.work()

        expected = NextStep("it is looked at again; at once if a link or news names its order", rig.now + 30)
        assert expected == next_step(rig.shipment(), paused_until=None, now=rig.now)
        rig.later(30)
        assert [] == rig.calls()

    def test_in_step(self, rig: Rig):
        """What VTEX has may still be due: to be read back, for its events, or for a delivery that lies ahead."""

        def upcoming() -> NextStep:
            return next_step(rig.queries.history("frenet/1")["shipment"], paused_until=None, now=rig.now)

        lead = 3 * HOUR - rig.now % 60
        prepared(rig)  # it reads back after ten seconds
        ahead = datetime.fromtimestamp(rig.now, UTC).replace(tzinfo=None)  # three hours, as Frenet's zone reads it
        rig.post(scanned("Objeto entregue", kind="9", at=ahead), endpoint="frenet")
        rig.work()
        assert NextStep("the invoice is read back", rig.now + 10) == upcoming()
        bare, shown = order("A-01"), order("A-01", package("900", trackingNumber="TN1", courier="Frenet"))
        rig.add_order(bare)
        rig.later(10)
        assert NextStep("the invoice is read back", rig.now + 60) == upcoming()
        rig.add_order(shown)
        rig.later(60)
        assert NextStep("its delivery, whose time lies ahead, is told", rig.now + lead - 70) == upcoming()
        rig.add_order(bare)
        rig.later(lead - 70)
        assert NextStep("its events are told; VTEX did not find the invoice for them yet", rig.now + 30) == upcoming()
        rig.add_order(shown)
        rig.later(30)
        assert NextStep("nothing, until the carrier says something new") == upcoming()

    def test_paused(self, operator: Operator):
        """While its account is paused the story says until when, and why."""
        tell(operator, 1)
        operator.rig.worker.queue.accounts.pause("lux", until=2e9, reason="HTTP 401: the key", own_fault=True)

        told = operator.says("show", "TN1")
        ends = "when the key works; after a correction: receiver resume lux, or SIGHUP to a worker"
        assert f"  account          lux, paused until 2033-05-18T03:33:20Z: HTTP 401: the key; it ends {ends}\n" in told
        assert f"  next             2033-05-18T03:33:20Z: {_PAUSE_OVER}\n" in told
        [story] = operator.tells("show", "TN1")
        assert {"until": "2033-05-18T03:33:20Z", "reason": "HTTP 401: the key", "ends": ends} == story["paused"]
        operator.rig.worker.queue.accounts.resume("lux")
        assert "  account          lux\n" in operator.says("show", "TN1")

    def test_told(self, operator: Operator):
        """The story ends in what comes next, and tells how each delivery was read."""
        tell(operator, 1, package("A", value=5_000), package("B", value=5_000))
        operator.rig.post(posted("1-01", parcel="p1", number="TN1", event="order.delivered", at=LONG_AGO))

        told = operator.says("show", "TN1")
        assert "  next             waiting for a free worker\n" in told
        assert "  chosen among     A, B\n" in told
        assert "accepted (authenticated by hmac; adapter melhor_envio " in told
        assert 1 == told.count("; not worked on yet")
        [story] = operator.tells("show", "TN1")
        assert {"what": "waiting for a free worker", "at": None} == story["next"]
        assert [True, False] == [one["folded"] for one in story["deliveries"]]
        operator.rig.work()
        assert "  next             a person decides: receiver assign, dismiss or retry\n" in operator.says(
            "show", "TN1"
        )


class TestReconcileTellsTheTruth:
    def test_told_by_another(self, rig: Rig):
        """Of two endpoints that tell one parcel, the one that did not write there sent nothing that could differ."""
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "twin": {**MELHOR_ENVIO}})
        rig.add_order(order("1-01", package("900")))
        for endpoint in ("melhor-envio", "twin"):
            rig.post(posted(), endpoint=endpoint)
            rig.work()
        rig.now += HOUR
        rig.post(posted(tracking_url="https://better.example/TN1BR", event="order.delivered"))
        rig.work()
        assert "https://better.example/TN1BR" == rig.package_of("1-01", "900")["trackingUrl"]

        rig.now += HOUR
        comparing = Comparing(rig.database, {"lux": InvoicingDriver(rig).vtex}, clock=lambda: rig.now)
        assert [] == [one["note"] for one in comparing.differing(Discrepancies(rig.database).written()) if one]

    def test_learns(self, operator: Operator):
        """Every order that is read teaches the index, also what `invoice` reads to see its invoice."""
        operator.rig.add_order(an_order())
        (file := operator.rig.folder / "bill.json").write_text(json.dumps(INVOICE))
        operator.says("invoice", "1-01", file)

        assert ["1-01"] == [row["order_id"] for row in operator.rig.index.orders_named("lux", "invoice_number", "900")]

    def test_no_age(self, operator: Operator):
        """What is no number of hours is a typing error, and no good news."""
        tell(operator, 1)
        result = receiver("reconcile", "--older-than", "nan", config=operator.config)

        assert "everything agrees" not in result.output


class TestShowTellsTheTruth:
    def test_not_there(self, operator: Operator):
        """What VTEX does not show is not what VTEX has."""
        operator.rig.configure(read_back_seconds=10)
        operator.rig.faults(unapplied=1.0, methods=frozenset({"PATCH"}))
        tell(operator, 1, package("A"))
        operator.rig.works_until(2 * HOUR)

        assert "VTEX has" not in operator.says("show", "melhor-envio/p1")
