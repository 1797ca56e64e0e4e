"""A clock that is set back delays no parcel, no pause and no report by as much."""

import logging

import pytest

from receiver.processes.clock_steps import ClockSteps
from receiver.processes.worker import Worker
from receiver.store import Background
from receiver.store.intake.unknown_routes import WARN_EVERY, UnknownRoute, UnknownRoutes
from receiver.store.work.clock_steps import correct
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


def works_for(rig: Rig, hands: Hands, worker: Worker, seconds: int) -> None:
    """Both clocks go, VTEX's own too, and the worker works all the time."""
    for _ in range(0, seconds, 5):
        rig.now += 5
        hands.go(5.0)
        worker.run_until_idle()


@pytest.mark.parametrize("passed", [1.0, 8.0], ids=["not yet due", "due"])
@pytest.mark.parametrize("trouble", [{"server_error": 1.0}, {"reset_after_applying": 1.0}], ids=str)
def test_tried_again(rig_on_either: Rig, trouble: dict[str, float], passed: float) -> None:
    """What VTEX did not answer before the step is tried again after its own wait, and a write whose outcome is not
    known is looked for."""
    rig = rig_on_either
    rig.add_order(order("1-01", package("900")))
    rig.post(posted())
    hands = Hands(rig.now)
    worker = worker_of(rig, hands)
    rig.faults(**trouble)
    worker.run_until_idle()
    assert "due" == rig.shipment()["state"]

    rig.faults()
    hands.go(passed, step=-3_600.0)
    worker._correct_clock()
    works_for(rig, hands, worker, 30)

    assert "in_step" == rig.shipment()["state"]
    assert 1 == len([call for call in rig.calls() if call.method == "PATCH" and call.applied])


def test_looked_for_again(rig: Rig) -> None:
    """An order that was not there is looked for after its own wait. A wait that is longer than the step stays."""
    rig.post(posted())
    hands = Hands(rig.now)
    worker = worker_of(rig, hands)
    worker.run_until_idle()
    assert ("awaiting_order", 30.0) == (rig.shipment()["state"], rig.shipment()["due_at"] - hands.wall)

    due_at = rig.shipment()["due_at"]
    hands.go(0.0, step=-20.0)
    worker._correct_clock()
    assert due_at == rig.shipment()["due_at"]
    hands.go(10.0, step=-3_600.0)
    rig.add_order(order("1-01", package("900")))
    worker._correct_clock()
    works_for(rig, hands, worker, 60)
    assert "in_step" == rig.shipment()["state"]


def test_at_their_time(rig_on_either: Rig) -> None:
    """VTEX's hook is checked, and the log warns of a wrong address, as long after the last time as ever."""
    rig, asked = rig_on_either, {"cause": "unknown_endpoint", "reason": "", "likely": None, "method": "POST"}
    route = UnknownRoute(name="me", target="/webhooks/me", is_endpoint=False, **asked)
    background, routes = Background(rig.database), UnknownRoutes(rig.database)
    background.hook_installed("lux", "https://r.example/hooks/vtex/lux", now=rig.now)
    routes.note(route, now=rig.now)
    now = rig.now - 86_400
    correct(rig.database, back=86_400, now=now - 1, lease=60)

    assert not routes.note(route, now=now + 1)
    assert routes.note(route, now=now + WARN_EVERY)
    assert background.take_hook("lux", before=now, now=now + 60) is not None


def test_reports_go_on(rig: Rig) -> None:
    """The look at the backlog happens once a minute, no matter what the wall clock does."""
    hands = Hands(rig.now)
    worker = worker_of(rig, hands)
    worker._housekeeping()
    hands.go(60.0, step=-3_600.0)
    worker._housekeeping()

    assert hands.steady + 60.0 == worker._next_look
