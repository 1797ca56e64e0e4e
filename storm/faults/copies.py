"""Copies of the database: what a power cut leaves, and what a backup holds."""

import contextlib
import os
import shutil
import signal
import sqlite3
import time
from pathlib import Path

from storm.ground import Ground
from storm.run import Outcome, Scene, settle


def power_cut(scene: Scene) -> Outcome:
    """At random moments the file and its log are copied while everything stands still, as a power cut leaves them.

    Each acknowledged parcel must be in the copy, and the copy must be whole.
    """
    with scene.ground() as ground:
        ground.start_apart(workers=1)
        traffic = ground.traffic(rate=120)
        copies, broken, missing, ends = 0, 0, 0, time.monotonic() + scene.seconds
        while time.monotonic() < ends:
            time.sleep(scene.dice.uniform(0.05, 0.3))
            acknowledged = set(traffic.acknowledged)
            held, whole = _copy(ground)
            copies += 1
            broken += not whole
            missing += len(acknowledged - held)
        traffic.stop()
        outcome = settle(ground, traffic)
        outcome.lost += missing
        outcome.demand(not broken, f"{broken} copies are not whole")
        outcome.note = f"{copies} copies; {outcome.note}"
        return outcome


def backup(scene: Scene) -> Outcome:
    """A backup is made while everything runs, and restored on a second machine after the first is gone.

    It holds all that was acknowledged before it began. The second machine brings the rest to VTEX, and writes nothing
    again that VTEX shows already.
    """
    with scene.ground() as ground:
        ground.start_apart(workers=1)
        traffic = ground.traffic()
        time.sleep(scene.seconds / 3)
        acknowledged = set(traffic.acknowledged)
        copy = scene.folder / "backup.db"
        begun = time.monotonic()
        with (
            contextlib.closing(sqlite3.connect(ground.file)) as source,
            contextlib.closing(sqlite3.connect(copy)) as to,
        ):
            source.backup(to)
        took = time.monotonic() - begun
        time.sleep(scene.seconds / 3)
        traffic.stop()
        ground.end(signal.SIGKILL)
        for name in (ground.file, Path(f"{ground.file}-wal"), Path(f"{ground.file}-shm")):
            name.unlink(missing_ok=True)
        shutil.move(copy, ground.file)
        ground.start_serve()
        outcome = settle(ground, more=acknowledged, seconds=30)
        later = [number for number in traffic.acknowledged if number not in acknowledged]
        outcome.doubled += sum(len(ground.patches(number)) > 1 for number in later)
        outcome.slowest = traffic.slowest
        outcome.note = f"backup of {len(acknowledged)} parcels took {took:.2f} s; {traffic.told}"
        return outcome


def _copy(ground: Ground) -> tuple[set[int], bool]:
    """Copy the files while every process is stopped; the parcels in the copy, and whether it is whole."""
    folder = ground.folder / "copy"
    folder.mkdir()
    pids = ground.pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        for name in (ground.file, Path(f"{ground.file}-wal")):
            if name.exists():
                shutil.copy(name, folder / name.name)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    with contextlib.closing(sqlite3.connect(folder / ground.file.name)) as opened:
        whole = opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        names = opened.execute("SELECT id FROM shipments").fetchall()
    shutil.rmtree(folder)
    return {int(name.removeprefix("melhor-envio/p")) for (name,) in names}, whole
