"""The database is full, locked or gone while carriers post."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from storm.ground import Ground
from storm.run import NotHere, Outcome, Scene, settle
from storm.traffic import Traffic

#: A sender waits at most this long for a 503: some carriers hang up after 5 s.
REFUSAL = 5.0
#: `/readyz` answers within this time, and within this and a busy machine's patience in a storm.
READINESS = 1.0


def full_disk(scene: Scene) -> Outcome:
    """The disk is full for a while: deliveries are refused, readiness tells it, and all goes on when there is room."""
    with _small_disk(scene.folder / "disk") as disk, Ground(disk, f"sqlite:///{disk}/receiver.db") as ground:
        ground.start_serve()
        same = ground.pids()
        traffic = ground.traffic(rate=60)
        time.sleep(2)
        since = time.monotonic()
        untrue, slowest = 0, 0.0
        while time.monotonic() - since < scene.seconds:
            _fill(disk)
            said, took = _readiness(ground)
            slowest = max(slowest, took)
            refused = [status for at, _, status in traffic.answers[-8:] if at > since + 1]
            untrue += said == 200 and bool(refused) and set(refused) == {503}
            time.sleep(0.5)
        refusal = traffic.slowest_refusal(since)
        (disk / "filler").unlink()
        again = _next_acknowledged(traffic)
        traffic.stop()
        outcome = settle(ground, traffic)
        outcome.demand(same == ground.pids(), "the processes live on")
        outcome.demand(refusal < REFUSAL, f"a 503 took {refusal:.1f} s")
        outcome.demand(not untrue, f"/readyz said 200 {untrue} times while every delivery was refused")
        outcome.demand(slowest < READINESS, f"/readyz took {slowest:.2f} s")
        outcome.note = f"/readyz {slowest * 1e3:.0f} ms; first 2xx {again:.1f} s after there is room; {outcome.note}"
        return outcome


def write_lock(scene: Scene) -> Outcome:
    """Another program holds the write lock: deliveries are refused in time, and taken when it lets go."""
    with scene.ground() as ground:
        ground.start_apart()
        traffic = ground.traffic()
        time.sleep(1)
        since = time.monotonic()
        with _locked(ground):
            while time.monotonic() < since + scene.seconds:  # as a balancer asks: a first answer may be of before
                ready, took = _readiness(ground)
                time.sleep(0.2)
        time.sleep(2)
        traffic.stop()
        outcome = settle(ground, traffic)
        refusal = traffic.slowest_refusal(since)
        outcome.demand(ready == 503, f"/readyz said {ready} under a lock")
        outcome.demand(refusal < REFUSAL, f"a 503 took {refusal:.1f} s")
        outcome.note = f"503 within {refusal:.1f} s, /readyz {took * 1e3:.0f} ms; {outcome.note}"
        return outcome


def postgres_restarts(scene: Scene) -> Outcome:
    """PostgreSQL is stopped, softly and hard, and started again: the same processes go on by themselves."""
    with scene.ground() as ground:
        ground.start_apart()
        same = ground.pids()
        traffic = ground.traffic()
        waits, ends = [], time.monotonic() + scene.seconds
        for mode, away in (("fast", 1.0), ("immediate", 2.0), ("fast", 8.0), ("immediate", 15.0)):
            time.sleep(2)
            scene.restart_postgres(mode, away)
            waits.append(_next_acknowledged(traffic))
            if time.monotonic() > ends:
                break
        time.sleep(1)
        traffic.stop()
        outcome = settle(ground, traffic)
        outcome.demand(same == ground.pids(), "the processes live on")
        outcome.demand(max(waits) < 10, f"after a start of PostgreSQL the first 2xx took {max(waits):.1f} s")
        refusal = traffic.slowest_refusal()
        outcome.demand(refusal < REFUSAL, f"a 503 took {refusal:.1f} s")
        outcome.note = f"{len(waits)} stops; first 2xx {max(waits):.1f} s after a start; {outcome.note}"
        return outcome


def _readiness(ground: Ground) -> tuple[int, float]:
    """What `/readyz` says, and the seconds it took."""
    begun = time.monotonic()
    return ground.probe("/readyz"), time.monotonic() - begun


def _next_acknowledged(traffic: Traffic) -> float:
    begun, known = time.monotonic(), len(traffic.acknowledged)
    while len(traffic.acknowledged) == known and time.monotonic() - begun < 60:
        time.sleep(0.02)
    return time.monotonic() - begun


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    if os.geteuid() != 0 or not shutil.which("mount"):
        raise NotHere("only root can mount a small disk")
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        shutil.copytree(folder, folder.parent, dirs_exist_ok=True, ignore=shutil.ignore_patterns("filler", "*.db*"))
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "filler").open("ab", buffering=0) as filler:
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while filler.write(b"x" * size) == size:
                    pass


@contextlib.contextmanager
def _locked(ground: Ground) -> Iterator[None]:
    if ground.is_sqlite:
        with contextlib.closing(sqlite3.connect(ground.file, timeout=30, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        return
    with psycopg.connect(ground.database.replace("+psycopg", "")) as connection:
        connection.execute("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()
