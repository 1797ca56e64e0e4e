"""A web process's memory under continuous deliveries."""

import contextlib
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench import parcels, servers
from bench.load import LoadFailed, saturate
from bench.table import Row, Wanted

_THREADS = 16
_SAMPLES = 10


def figures(*, short: bool) -> Iterator[Row]:
    """One row: resident memory at the end, against the same process after warming up."""
    deliveries = 2_000 if short else 50_000
    wanted = Wanted("ratio", most=1.1)
    name = f"memory of a web process, {deliveries:,} deliveries"
    try:
        warm, *later = sampled(deliveries)
    except servers.NotHere as error:
        yield Row(figure=name, measured=None, wanted=wanted, note=str(error))
        return
    along = " ".join(f"{one:.1f}" for one in [warm, *later])
    yield Row(
        figure=name, measured=max(later), baseline=warm, unit="MiB", wanted=wanted, note=f"along the way: {along}"
    )


def sampled(deliveries: int) -> list[float]:
    """Resident memory in MiB, first after a tenth of the deliveries and then after every further tenth."""
    source, found = parcels.requests(), []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        config = servers.configured(folder, servers.sqlite_database(folder))
        command = ("web", "--processes", "1", "--threads", str(_THREADS))
        port, pid = stack.enter_context(servers.receiver(config, *command))
        for _ in range(_SAMPLES):
            batch = list(islice(source, deliveries // _SAMPLES))
            load = saturate(port, batch, seconds=600, connections=_THREADS)
            if load.statuses != {200: len(batch)}:
                raise LoadFailed(f"the answers were {dict(load.statuses)}")
            found.append(sum(servers.resident(child) for child in servers.children(pid)))
    return found
