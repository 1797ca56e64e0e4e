"""A clock that is set back delays no parcel, no pause and no report by as much."""

import logging

import pytest

from receiver.processes.clock_steps import ClockSteps
from receiver.processes.worker import Worker
from tests.support.rig import Rig, order, package, posted


class Hands:
    """A wall clock and a steady one, in seconds."""

    def __init__(self, now: float) -> None:
        self.wall, self.steady = now, 1_000.0

    def go(self, seconds: float, *, step: float = 0.0) -> None:
        self.wall += seconds + step
        self.steady += seconds


@pytest.mark.parametrize(
    ("step", "seen"), [(-90.0, 90.0), (-3.0, 3.0), (-1.0, 0.0), (0.0, 0.0), (3600.0, 0.0)], ids=str
)
def test_look(step: float, seen: float) -> None:
    """Only a step back counts, once; what NTP slews does not."""
    hands = Hands(5_000.0)
    steps = ClockSteps(lambda: hands.wall, lambda: hands.steady)
    hands.go(60.0, step=step)

    assert seen == pytest.approx(steps.look())
    assert 0.0 == steps.look()


def test_many_small_steps() -> None:
    """Steps that are too small to count do not add up to one."""
    hands = Hands(5_000.0)
    steps = ClockSteps(lambda: hands.wall, lambda: hands.steady)
    for _ in range(10):
        hands.go(60.0, step=-1.0)
        assert 0.0 == steps.look()


def worker_of(rig: Rig, hands: Hands) -> Worker:
    return Worker(rig.config, rig.database, name="stepped", clock=lambda: hands.wall, steady=lambda: hands.steady)


def test_due_before(rig_on_either: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """What was due before the step is worked at once, leases end in time, and a pause ends after its own length."""
    rig = rig_on_either
    rig.add_order(order("1-01", package("900")))
    rig.post(posted())
    hands = Hands(rig.now + 1)
    worker = worker_of(rig, hands)
    worker.queue.accounts.pause("lux", until=hands.wall + 30, reason="429", own_fault=False)
    hands.go(1.0, step=-3_600.0)
    worker._correct_clock()
    worker.run_until_idle()
    assert [] == rig.calls()

    hands.go(30.0)
    worker.run_until_idle()

    assert "in_step" == rig.shipment()["state"]
    assert ["clock was set back, what was due is due now: seconds=3600 shipments=1"] == [
        record.getMessage() for record in caplog.records if record.levelno > logging.WARNING
    ]


def test_leased_before(rig: Rig) -> None:
    """A lease that a dead process took before the step lasts no longer than a lease."""
    rig.add_order(order("1-01", package("900")))
    rig.post(posted())
    hands = Hands(rig.now + 1)
    worker = worker_of(rig, hands)
    queue, _ = rig.hands("dead")
    assert 1 == len(queue.claim("lux", most=1, now=hands.wall))
    hands.go(1.0, step=-3_600.0)
    worker._correct_clock()
    hands.go(rig.config.lease + 1)
    worker.run_until_idle()

    assert "in_step" == rig.shipment()["state"]


def test_reports_go_on(rig: Rig) -> None:
    """The look at the backlog happens once a minute, no matter what the wall clock does."""
    hands = Hands(rig.now)
    worker = worker_of(rig, hands)
    worker._housekeeping()
    hands.go(60.0, step=-3_600.0)
    worker._housekeeping()

    assert hands.steady + 60.0 == worker._next_look
