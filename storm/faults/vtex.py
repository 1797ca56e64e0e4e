"""VTEX fails, throttles, is away for a day, or has its invoices late."""

import time
from random import Random

from receiver.sandbox import Faults
from storm import clocks
from storm.run import Outcome, Scene, settle
from tests.support.rig import order, package

_DAY = 86_400.0


def failing(scene: Scene) -> Outcome:
    """A tenth of the calls is answered 500, a tenth not at all, and a tenth of the writes is applied without answer."""
    faults = Faults(server_error=0.1, reset_before=0.1, reset_after_applying=0.1)
    return _under(scene, faults)


def throttled(scene: Scene) -> Outcome:
    """A third of the calls is answered 429, with ``Retry-After: 1``."""
    return _under(scene, Faults(throttle=0.33, retry_after=1))


def _under(scene: Scene, faults: Faults) -> Outcome:
    with scene.ground() as ground:
        ground.start_apart()
        ground.sandbox.faults = faults
        traffic = ground.traffic(rate=20)
        time.sleep(scene.seconds)
        traffic.stop()
        calls, written = len(ground.sandbox.calls), sum(bool(ground.patches(n)) for n in traffic.acknowledged)
        ground.sandbox.faults = Faults()
        outcome = settle(ground, traffic, seconds=180)
        outcome.note = f"{calls} calls, {written} of {outcome.acknowledged} written meanwhile; {outcome.note}"
        return outcome


def away(scene: Scene) -> Outcome:
    """VTEX is away: carriers are acknowledged as fast as before, and VTEX gets all of it afterwards."""
    with scene.ground() as ground:
        ground.start_serve()
        before = ground.traffic(rate=30)
        time.sleep(3)
        before.stop()
        ground.blackout()
        meanwhile = ground.traffic(rate=30, first=100_001)
        time.sleep(scene.seconds)
        meanwhile.stop()
        ground.light()
        outcome = settle(ground, before, meanwhile, seconds=120)
        outcome.demand(meanwhile.slowest < 1, f"an acknowledgement took {meanwhile.slowest:.2f} s while VTEX was away")
        outcome.note = f"slowest 2xx {before.slowest * 1e3:.0f} ms before, {meanwhile.slowest * 1e3:.0f} ms meanwhile"
        return outcome


def a_day_away(scene: Scene) -> Outcome:
    """VTEX is away for a day, by a clock that runs faster: nothing gives up, and nothing is written twice."""
    factor = _DAY / scene.seconds
    with scene.ground(lease=60 * factor) as ground:
        ground.start("web", "web", "--processes", "1")
        ground.ready()
        ground.traffic(rate=100, many=100).join()
        ground.blackout()
        stored = ground.stored()
        since = time.time()
        ground.start("work", "work", clock=f"faster({factor}, {since})")
        time.sleep(scene.seconds)
        ground.light()
        ends = time.monotonic() + 60
        while any(not ground.patches(number) for number in stored) and time.monotonic() < ends:
            time.sleep(0.1)
        virtual = clocks.virtual_now(factor, since) - since - _DAY
        outcome = settle(ground, more=stored, seconds=1)
        outcome.note = f"all written {virtual / 3600:.1f} h after VTEX was back, by the faster clock"
        return outcome


def late_invoices(scene: Scene) -> Outcome:
    """Invoices appear between seconds and three days after the webhook, by a clock that runs faster."""
    factor = 3 * _DAY / scene.seconds
    many, dice = 60, Random(scene.dice.random())
    since = time.time()

    def clock() -> float:
        return clocks.virtual_now(factor, since)

    with scene.ground(lease=60 * factor, clock=clock) as ground:
        ground.start("web", "web", "--processes", "1")
        ground.ready()
        traffic = ground.traffic(rate=100, many=many)
        traffic.join()
        for number in range(1, many + 1):
            ground.sandbox.put(order(f"{number}-01"))
        since = time.time()
        ground.start("work", "work", clock=f"faster({factor}, {since})")
        left = {number: dice.choice((60, 600, 7_200, 43_200, _DAY, 2.9 * _DAY)) for number in range(1, many + 1)}
        while left:
            passed = clock() - since
            for number in [number for number, due in left.items() if due <= passed]:
                ground.sandbox.put(order(f"{number}-01", package(str(number))))
                del left[number]
            time.sleep(0.02)
        outcome = settle(ground, traffic, seconds=60)
        outcome.note = f"{many} parcels, the last invoice 2.9 days late; {outcome.note}"
        return outcome
