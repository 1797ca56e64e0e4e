"""``receiver replay FILE --json``, a dry run: its rate, and its memory for a long file against a short one."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from bench import parcels
from bench.servers import ROOT
from bench.table import Row, Wanted
from receiver.recordings import to_json


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of a replay. ``peak`` is the process's largest resident memory in MiB."""

    seconds: float
    peak: float


def figures(*, short: bool) -> Iterator[Row]:
    """Two rows: the peak of memory, and the rate."""
    few, many = (200, 1_000) if short else (1_000, 100_000)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        small, large = replayed(Path(folder), few), replayed(Path(folder), many)
    yield Row(
        figure=f"replay of {many:,} recordings: peak of memory",
        measured=large.peak,
        baseline=small.peak,
        unit="MiB",
        wanted=Wanted("ratio", most=1.2),
        note=f"baseline: {few:,} recordings",
    )
    rate = (many - few) / (large.seconds - small.seconds)
    yield Row(figure="  rate", measured=rate, unit="/s", note="without the start of the program")


def replayed(folder: Path, recordings: int) -> Replayed:
    """Write this many recordings to a JSON Lines file and replay it in its own process."""
    file = folder / f"{recordings}.jsonl"
    recording = parcels.recorded()
    expected = {name: recording.expected[name] for name in ("endpoint", "received_at", "reply")}
    with file.open("w", encoding="utf-8") as lines:
        for body in islice(parcels.bodies(recording), recordings):
            one = replace(recording, request=replace(recording.request, body=body), expected=expected)
            lines.write(to_json(one) + "\n")
    environment = {**os.environ, "RECEIVER_CONFIG": str(folder / "none.toml")}
    command = [sys.executable, "-m", "receiver.cli", "replay", str(file), "--json"]
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return Replayed(time.perf_counter() - begun, used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))
