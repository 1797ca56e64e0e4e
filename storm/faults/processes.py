"""Signals, frozen processes, and clocks that are wrong."""

import contextlib
import os
import signal
import time

from storm.run import Outcome, Scene, settle

#: A frozen neighbour delays others by less than this, in seconds (PostgreSQL; on SQLite it holds the file's lock).
NEIGHBOUR = 3.0
#: A step of the clock delays no call by more than this, in seconds.
STEP = 10.0


def frozen(scene: Scene) -> Outcome:
    """One worker of three freezes, as a paused machine does, and later goes on."""
    with scene.ground() as ground:
        ground.start_apart(workers=3)
        traffic = ground.traffic(rate=50)
        time.sleep(2)
        gaps, ends = [], time.monotonic() + scene.seconds
        while time.monotonic() < ends:
            time.sleep(scene.dice.uniform(0.5, 1.0))
            pid = ground.processes[f"work-{scene.dice.randint(1, 3)}"].process.pid
            os.kill(pid, signal.SIGSTOP)
            gaps.append(max(ground.watch_writes(12)))
            os.kill(pid, signal.SIGCONT)
        traffic.stop()
        outcome = settle(ground, traffic)
        if not ground.is_sqlite:
            outcome.demand(
                max(gaps) < NEIGHBOUR, f"VTEX heard nothing for {max(gaps):.1f} s while one worker was frozen"
            )
        outcome.note = f"{len(gaps)} freezes, longest silence at VTEX {max(gaps):.1f} s; {outcome.note}"
        return outcome


def signals(scene: Scene) -> Outcome:
    """HUP loads the configuration again, without a request that is cut off; TERM ends and it starts again."""
    with scene.ground() as ground:
        ground.start_apart(workers=1)
        traffic = ground.traffic()
        rounds, ends = 0, time.monotonic() + scene.seconds
        while time.monotonic() < ends:
            time.sleep(scene.dice.uniform(1.0, 2.0))
            for one in ground.processes.values():
                one.send(signal.SIGHUP)
            rounds += 1
        time.sleep(2)
        by_hup = traffic.cut_off
        codes = ground.end(signal.SIGTERM)
        ground.start_apart(workers=1)
        time.sleep(1)
        traffic.stop()
        outcome = settle(ground, traffic)
        outcome.demand(not by_hup, f"HUP cut off {by_hup} requests")
        outcome.demand(not any(codes), f"TERM ended with {codes}")
        by_term = traffic.cut_off - by_hup  # those not yet accepted when the port closes: their carriers repeat them
        outcome.note = f"{rounds} HUPs; a TERM cut off {by_term}; {outcome.note}"
        return outcome


def clock_steps(scene: Scene) -> Outcome:
    """The clock steps back by 90 s and forward by an hour."""
    offset = scene.folder / "offset"
    with scene.ground(pace=6_000) as ground:
        offset.write_text("0", encoding="ascii")
        ground.start("web", "serve", clock=f"shifted({str(offset)!r})")
        ground.ready()
        traffic = ground.traffic(senders=4, rate=10)
        time.sleep(4)
        gaps = {}
        for step in ("-90", "3600"):
            offset.write_text(step, encoding="ascii")
            gaps[step] = max(ground.watch_writes(scene.seconds / 2))
        traffic.stop()
        outcome = settle(ground, traffic)
        for step, gap in gaps.items():
            outcome.demand(gap < STEP, f"VTEX heard nothing for {gap:.0f} s after a step of {step} s")
        outcome.note = (
            f"silence at VTEX {gaps['-90']:.1f} s after -90 s, {gaps['3600']:.1f} s after +1 h; {outcome.note}"
        )
        return outcome


def host_ahead(scene: Scene) -> Outcome:
    """A second host's clock is 100 s ahead; then that host is gone."""
    offset = scene.folder / "offset"
    with scene.ground(pace=6_000) as ground:
        offset.write_text("100", encoding="ascii")
        ground.start_apart(workers=1)
        ground.start("ahead", "work", clock=f"shifted({str(offset)!r})")
        traffic = ground.traffic(senders=2, rate=8)
        ground.processes["ahead"].says("tracking written")
        ahead = ground.processes.pop("ahead")
        with contextlib.suppress(ProcessLookupError):
            ahead.process.kill()
        ahead.process.wait()
        gap = max(ground.watch_writes(scene.seconds))
        traffic.stop()
        outcome = settle(ground, traffic)
        outcome.demand(gap < STEP, f"VTEX heard nothing for {gap:.0f} s after a host that was ahead had gone")
        outcome.note = f"silence at VTEX {gap:.1f} s; {outcome.note}"
        return outcome
