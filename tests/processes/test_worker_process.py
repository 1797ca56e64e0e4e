"""Worker processes under real signals: killed or stopped in the middle of a call to VTEX."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from receiver.store.engine import StoreUnavailable, is_sqlite, turnstile_of
from receiver.store.tables import metadata
from tests.support.forked import Forked
from tests.support.paths import ROOT
from tests.support.rig import Rig, order, package, posted

#: A worker as a process of its own, on the machine's clock.
PROGRAM = """
import logging, pathlib, sys, threading
from receiver.config import load
from receiver.store import Database
from receiver.processes.worker import Worker

logging.basicConfig(level=logging.INFO)
config = load(pathlib.Path(sys.argv[1]), {})
Worker(config, Database(config.database), name="child").start()
threading.Event().wait()
"""
SETTINGS = """
[receiver]
database = "{database}"
read_back_seconds = 0
[vtex.lux]
app_key = "key"
app_token = "token"
base_url = "{vtex}"
[endpoints.melhor-envio]
secrets = ["rig-secret"]
[[endpoints.melhor-envio.references]]
path = "data.tags[*].tag"
is = "order_id"
"""
LEASE = 60.0


class Held:
    """A stand-in VTEX that holds an answer until it is let go."""

    def __init__(self, rig: Rig, method: str) -> None:
        self.reached, self.let_go = threading.Event(), threading.Event()
        rig.on_slow = self._hold
        rig.faults(slow=(1.0, 1.0), methods=frozenset({method}))

    def _hold(self, _: float) -> None:
        self.reached.set()
        assert self.let_go.wait(30)


@pytest.fixture
def started(rig_on_either: Rig, tmp_path: Path) -> Iterator[tuple[Rig, Any]]:
    """The rig on the machine's clock, with one parcel to do, and a way to start a worker process."""
    rig, children = rig_on_either, []
    rig.now = time.time()
    rig.add_order(order("1-01", package("900")))
    rig.post(posted(at="2024-01-10T12:00:00+00:00"))
    settings = tmp_path / "child.toml"
    settings.write_text(SETTINGS.format(database=rig.database_url, vtex=rig.vtex_url))

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM, str(settings)]
        children.append(Forked(command, stderr=subprocess.PIPE, text=True, cwd=ROOT))
        return children[-1]

    yield rig, start
    for child in children:
        child.kill()
        child.communicate()


#: What each worker looks after beside its claims, once a minute.
_LOOKS = {"alerts", "endpoints", "heard_hours", "watches"}


def everything(rig: Rig) -> dict[str, list[str]]:
    """Every row of the store that a claim may change."""
    tables = [table for table in metadata.sorted_tables if table.name not in _LOOKS]
    return {table.name: sorted(map(repr, rig.database.rows(select(table)))) for table in tables}


def test_killed(started: tuple[Rig, Any]):
    """A worker killed while VTEX holds its PATCH leaves the intent; after the lease another one reads, and writes
    nothing again."""
    rig, start = started
    held = Held(rig, "PATCH")
    child = start()
    assert held.reached.wait(20)
    child.send_signal(signal.SIGKILL)
    child.wait()
    held.let_go.set()
    rig.faults()
    assert [None] == [one["outcome"] for one in rig.attempts() if one["call"] == "PATCH"]

    rig.work()
    assert "due" == rig.shipment()["state"]
    rig.now = time.time() + LEASE + 1
    rig.work()

    assert "in_step" == rig.shipment()["state"]
    assert ["GET", "PATCH", "GET"] == [call.method for call in rig.calls()]
    assert 1 == len(rig.sandbox.writes("1-01", "900"))


def stop(child: subprocess.Popen[str], rig: Rig) -> None:
    """Stop the process, but not while one of its threads writes: SQLite's lock would stay with it, against everybody.
    PostgreSQL locks rows, and none that matter here while VTEX holds the call."""
    while True:
        child.send_signal(signal.SIGSTOP)
        os.waitpid(child.pid, os.WUNTRACED)
        if not is_sqlite(rig.database_url):
            return
        turnstile = turnstile_of(rig.database_url)
        try:
            with closing(turnstile), turnstile.turn(patience=0.2):
                return
        except StoreUnavailable:
            child.send_signal(signal.SIGCONT)
            time.sleep(0.05)  # that process has its write to finish


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_stopped(started: tuple[Rig, Any], method: str):
    """A worker stopped in a call, whose lease expired and was taken over, changes nothing in the store once it is
    woken, and calls no more."""
    rig, start = started
    held = Held(rig, method)
    child = start()
    assert held.reached.wait(20)
    stop(child, rig)
    rig.faults()
    rig.now = time.time() + LEASE + 1
    rig.work()
    assert "in_step" == rig.shipment()["state"]
    before, calls = everything(rig), len(rig.calls())

    held.let_go.set()
    child.send_signal(signal.SIGCONT)
    assert child.stderr is not None
    assert any("lease lost" in line for line in iter(child.stderr.readline, "")), "it ended without a word"

    assert (before, calls) == (everything(rig), len(rig.calls()))
    assert 1 == len(rig.sandbox.writes("1-01", "900"))
