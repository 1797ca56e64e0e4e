"""`receiver reconcile` and the end of `receiver show`: what does not agree, and what happens next."""

import time
from typing import Any

import pytest

from receiver.story import Next, next_step
from tests.console import Desk
from tests.rig import Rig, order, package, posted

LONG_AGO = "2024-01-10T12:00:00+00:00"


def told_ago(desk: Desk, hours: float) -> None:
    """What is done from here on happened so long ago: the command's clock is the real one."""
    desk.rig.now = time.time() - hours * 3_600


def tell(desk: Desk, number: int, *packages: dict[str, Any], **said: Any) -> None:
    if packages:
        desk.rig.add_order(order(f"{number}-01", *packages))
    desk.rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}", at=LONG_AGO, **said))
    desk.rig.work()


@pytest.fixture
def desk(rig: Rig) -> Desk:
    made = Desk(rig)
    told_ago(made, 30)
    return made


class TestReconcile:
    def test_without_tracking(self, rig_on_either: Rig):
        """An invoice that was seen without tracking a day ago is listed; one that was written since is not."""
        desk = Desk(rig_on_either)
        told_ago(desk, 30)
        tell(desk, 1, package("A"), package("B"), package("D", trackingNumber="X"))
        tell(desk, 2, package("C"))

        rows = [row for row in desk.tells("reconcile") if row["gap"] == "without_tracking"]
        assert [("lux", "1-01", "A"), ("lux", "1-01", "B")] == sorted(
            (row["account"], row["order_id"], row["invoice_number"]) for row in rows
        )
        assert [] == desk.tells("reconcile", "--older-than", "31")

    def test_never_written(self, desk: Desk):
        """A parcel that is held or waits for its order is listed with its reason; what has nothing to say is not."""
        tell(desk, 1)
        tell(desk, 2, package("A", value=5_000), package("B", value=5_000))
        tell(desk, 3, package("C"))
        tell(desk, 4, event="order.generated")
        desk.rig.desk.dismiss("melhor-envio/p2", now=desk.rig.now)

        rows = [row for row in desk.tells("reconcile") if row["gap"] == "never_written"]
        assert [("melhor-envio/p1", "awaiting_order", "order_not_found")] == [
            (row["shipment"], row["state"], row["reason"]) for row in rows
        ]
        line = next(line for line in desk.says("reconcile").splitlines() if "melhor-envio/p1" in line)
        assert line.startswith("never_written")
        assert line.endswith("order_not_found")

    def test_asked(self, desk: Desk):
        """With --ask VTEX is asked once an order, and what it no longer shows is told."""
        tell(desk, 1, package("A"))
        tell(desk, 2, package("B"))
        tell(desk, 3, package("C"))
        desk.rig.add_order(order("2-01", package("B", trackingNumber="THEIRS", courier="Edited")))
        desk.rig.add_order(order("3-01"))
        before = len(desk.rig.calls())
        assert [] == desk.tells("reconcile")
        assert before == len(desk.rig.calls())

        two, three = desk.tells("reconcile", "--ask")
        assert ["1-01", "2-01", "3-01"] == [call.order for call in desk.rig.calls()[before:]]
        assert ("differs", "melhor-envio/p2", "THEIRS") == (two["gap"], two["shipment"], two["shown"]["trackingNumber"])
        assert "trackingNumber: 'THEIRS', sent 'TN2'" in two["note"]
        assert ("3-01", "C", None, "the order does not show the invoice") == (
            three["order_id"],
            three["invoice_number"],
            three["shown"],
            three["note"],
        )

    def test_not_answered(self, desk: Desk):
        """An order that VTEX does not know, or fails on, does not keep the others from being compared."""
        for number in (1, 2, 3):
            tell(desk, number, package("A"))
        desk.rig.faults(broken=frozenset({"1-01"}))
        desk.rig.sandbox._versions.pop("2-01")
        desk.rig.add_order(order("3-01"))

        assert [
            "not answered: HTTP 500: An error has occurred",
            "VTEX does not know the order",
            "the order does not show the invoice",
        ] == [row["note"] for row in desk.tells("reconcile", "--ask")]

    def test_paused(self, desk: Desk):
        """A paused account is not asked: one line says why."""
        tell(desk, 1, package("A"))
        desk.rig.worker.queue.pause("lux", until=time.time() + 600, reason="429", own_fault=False)

        assert desk.fails("reconcile", "--ask").startswith("VTEX could not be asked to the end: paused until ")

    def test_account(self, desk: Desk):
        """An account's own list; an unknown one is a typing error."""
        tell(desk, 1)
        assert 1 == len(desk.tells("reconcile", "--account", "lux"))
        assert "no account 'nope'; there are lux" == desk.fails("reconcile", "--account", "nope")

    def test_none(self, desk: Desk):
        """Nothing to tell is good news."""
        assert "everything agrees, as far as is known here\n" == desk.says("reconcile")


class TestNext:
    NOW = 1_000.0

    @pytest.mark.parametrize(
        ("row", "paused_until", "expected"),
        [
            ({"state": "due", "due_at": 900.0}, None, Next("the next free hand takes it")),
            ({"state": "due", "due_at": 900.0, "lease_until": 1_030.0}, None, Next("a worker has it in hand")),
            ({"state": "due", "due_at": 900.0, "lease_until": 990.0}, None, Next("the next free hand takes it")),
            ({"state": "due", "due_at": 1_500.0}, 1_200.0, Next("it is tried again", 1_500.0)),
            (
                {"state": "due", "due_at": 900.0},
                1_200.0,
                Next("it is looked at when the account's pause is over", 1_200.0),
            ),
            ({"state": "in_step", "due_at": 1_010.0}, None, Next("the invoice is read back", 1_010.0)),
            ({"state": "in_step"}, 1_200.0, Next("nothing, until the carrier says something new")),
            ({"state": "held"}, None, Next("a person decides: receiver assign, dismiss or retry")),
            ({"state": "waiting"}, None, Next("nothing, until the carrier says more")),
            ({"state": "waiting", "due_at": 2_000.0}, None, Next("its dispatch date has come", 2_000.0)),
        ],
    )
    def test_step(self, row: dict[str, Any], paused_until: float | None, expected: Next):
        """What happens next follows from state, due time, lease and pause."""
        full = {"due_at": None, "lease_until": None, **row}

        assert expected == next_step(full, paused_until=paused_until, now=self.NOW)

    def test_told(self, desk: Desk):
        """The story ends in what comes next, and tells how each delivery was read."""
        tell(desk, 1, package("A", value=5_000), package("B", value=5_000))
        desk.rig.post(posted("1-01", parcel="p1", number="TN1", event="order.delivered", at=LONG_AGO))

        told = desk.says("show", "TN1")
        assert "  next             the next free hand takes it\n" in told
        assert "  chosen among     A, B\n" in told
        assert "accepted, proven by hmac, read by melhor_envio of version " in told
        assert [1, 1] == [told.count(", folded in, sha256 "), told.count(", not folded in yet, sha256 ")]
        [story] = desk.tells("show", "TN1")
        assert {"what": "the next free hand takes it", "at": None} == story["next"]
        assert [True, False] == [one["folded"] for one in story["deliveries"]]
        desk.rig.work()
        assert "  next             a person decides: receiver assign, dismiss or retry\n" in desk.says("show", "TN1")
