"""The time to start the app with every carrier, against a start with one."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import servers
from bench.table import Row, Wanted
from receiver.carriers import discover

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
    """One row: whole processes, from their start to the finished app."""
    turns = 3 if short else 9
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        config = servers.configured(folder, servers.sqlite_database(folder))
        all_of_them, one = [], []
        seconds(config), seconds(config, "melhor_envio")  # the files are cached from here on
        for _ in range(turns):
            one.append(seconds(config, "melhor_envio"))
            all_of_them.append(seconds(config))
    yield Row(
        figure=f"start with {len(discover())} carriers",
        measured=statistics.median(all_of_them) * 1e3,
        baseline=statistics.median(one) * 1e3,
        unit="ms",
        wanted=Wanted("ratio", most=1.5),
        note="baseline: with one carrier",
    )


def seconds(config: Path, *only: str) -> float:
    """The seconds of one start, in its own process."""
    environment = {**os.environ, "PYTHONPATH": str(servers.ROOT)}
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", _START, str(config), *only], check=True, env=environment, cwd=servers.ROOT)
    return time.perf_counter() - begun
