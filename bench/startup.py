"""The time to start the app with every carrier, against a start with one, and the CPU of commands that end soon."""

import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import look, servers
from bench.table import Row, Wanted
from receiver.carriers import discover
from receiver.store import Database

#: Commands that a person waits for, and their CPU in milliseconds.
COMMANDS = (("--help",), ("show", "melhor-envio/due"), ("shipments",))
_MOST = 300

#: Builds the app as a server does; with a slug as the second argument, for that carrier alone.
_START = """
import pkgutil, sys
from pathlib import Path
config, *only = sys.argv[1:]
if only:
    found = pkgutil.iter_modules
    pkgutil.iter_modules = lambda path: [one for one in found(path) if one.name[0] == "_" or one.name in only]
from receiver.web.app import create_app
from receiver.config import load
from receiver.store import Database
loaded = load(Path(config))
create_app(loaded, Database(loaded.database))
assert not only or only == list(loaded.carriers)
"""


def figures(*, short: bool) -> Iterator[Row]:
    """Whole processes: from their start to the finished app, and commands from their start to their end."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        url = servers.sqlite_database(folder)
        config = servers.configured(folder, url)
        yield _starts(config, turns=3 if short else 9)
        with contextlib.closing(Database(url)) as database:
            look.fill(database, history=1_000)
        yield from _commands(config, turns=5 if short else 15)


def _starts(config: Path, *, turns: int) -> Row:
    all_of_them, one = [], []
    seconds(config), seconds(config, "melhor_envio")  # the files are cached from here on
    for _ in range(turns):
        one.append(seconds(config, "melhor_envio"))
        all_of_them.append(seconds(config))
    return Row(
        figure=f"start with {len(discover())} carriers",
        measured=statistics.median(all_of_them) * 1e3,
        baseline=statistics.median(one) * 1e3,
        unit="ms",
        wanted=Wanted("ratio", most=1.5),
        note="baseline: with one carrier",
    )


def _commands(config: Path, *, turns: int) -> Iterator[Row]:
    """Commands in turn, so that what else the machine does slows all of them alike."""
    measured = [[cpu(config, *command) for command in COMMANDS] for _ in range(turns + 1)][1:]
    for command, times in zip(COMMANDS, zip(*measured, strict=True), strict=True):
        yield Row(
            figure=f"CPU of receiver {command[0]}",
            measured=statistics.median(times) * 1e3,
            unit="ms",
            wanted=Wanted("measured", most=_MOST),
        )


def seconds(config: Path, *only: str) -> float:
    """The seconds of one start, in its own process."""
    environment = {**os.environ, "PYTHONPATH": str(servers.ROOT)}
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", _START, str(config), *only], check=True, env=environment, cwd=servers.ROOT)
    return time.perf_counter() - begun


def cpu(config: Path, *arguments: str) -> float:
    """The seconds of CPU, of the program and of the system for it, that a command takes from its start to its end."""
    environment = {**os.environ, "RECEIVER_CONFIG": str(config)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "receiver.cli", *arguments],
        check=True, env=environment, cwd=servers.ROOT, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
