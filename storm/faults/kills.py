"""kill -9, of one process at a time and of all at once, while carriers post."""

import contextlib
import os
import signal
import time

from storm.ground import Ground
from storm.run import Outcome, Scene, settle

_EVERY = 2.0


def one_by_one(scene: Scene) -> Outcome:
    """Every two seconds one process is killed: a child, gunicorn's parent, or a worker. Dead ones are started again."""
    with scene.ground() as ground:
        ground.start_apart()
        return _killed_one_by_one(scene, ground)


def all_at_once(scene: Scene) -> Outcome:
    """Everything is killed at a random moment, and started again."""
    with scene.ground() as ground:
        ground.start_serve()
        traffic = ground.traffic()
        kills, slowest, ends = 0, 0.0, time.monotonic() + scene.seconds
        while time.monotonic() < ends:
            time.sleep(scene.dice.uniform(0.3, 2.5))
            kills += _kill(ground.pids())
            ground.end(signal.SIGKILL)
            ground.start("web", "serve")
            slowest = max(slowest, ground.ready())
        traffic.stop()
        outcome = settle(ground, traffic)
        outcome.note = f"{kills} kills; ready again within {slowest:.1f} s; {outcome.note}"
        return outcome


def counters(scene: Scene) -> Outcome:
    """After kills, the counters of `/metrics` equal the rows of the database."""
    with scene.ground() as ground:
        ground.start_apart(workers=1)
        outcome = _killed_one_by_one(scene, ground)
        ground.end()  # what a process counts outside a commit is written when it ends
        ((rows,),) = ground.rows("SELECT count(*) FROM deliveries WHERE outcome = 'accepted'")
        ((counted,),) = ground.rows(
            "SELECT sum(value) FROM counters WHERE name = 'receiver_deliveries_total' AND labels LIKE '%\"accepted\"%'"
        )
        outcome.demand(rows == counted, f"the counter says {counted} accepted deliveries, the database holds {rows}")
        outcome.note = f"{rows} deliveries counted; {outcome.note}"
        return outcome


def _killed_one_by_one(scene: Scene, ground: Ground) -> Outcome:
    traffic = ground.traffic()
    ground.mind()
    kills, ends = 0, time.monotonic() + scene.seconds
    while time.monotonic() < ends:
        time.sleep(_EVERY)
        if pids := ground.pids():
            kills += _kill([scene.dice.choice(pids)])
    traffic.stop()
    ground.leave()
    ground.start_again()
    outcome = settle(ground, traffic)
    outcome.note = f"{kills} kills; {outcome.note}"
    return outcome


def _kill(pids: list[int]) -> int:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(pids)
