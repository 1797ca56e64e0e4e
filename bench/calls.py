"""The calls to VTEX for ten webhooks about one parcel, where nine say nothing new."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import servers
from bench.table import Row, Wanted
from tests.support.rig import Rig, order, package, posted

WEBHOOKS = 10


def figures(*, short: bool) -> Iterator[Row]:  # noqa: ARG001  there is no shorter form
    """One row for each kind of call; the baseline makes one GET and one PATCH for every webhook."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        got, patched, read_back = calls_for_one_parcel(Path(folder))
    for name, measured, baseline in (("GET", got, WEBHOOKS), ("PATCH", patched, WEBHOOKS), ("read-back", read_back, 0)):
        yield Row(
            figure=f"calls for {WEBHOOKS} webhooks: {name}",
            measured=measured,
            baseline=baseline,
            wanted=Wanted("measured", least=1, most=1),
        )
    yield Row(
        figure="  in all",
        measured=got + patched + read_back,
        baseline=2 * WEBHOOKS,
        wanted=Wanted("measured", most=3),
        note="baseline: a GET and a PATCH for every webhook, computed",
    )


def calls_for_one_parcel(folder: Path) -> tuple[int, int, int]:
    """GETs, PATCHes and read-backs, if the worker finishes each webhook before the next one arrives."""
    with Rig(folder, servers.sqlite_database(folder)) as rig:
        rig.configure(read_back_seconds=10)
        rig.add_order(order("1-01", package("100")))
        for turn in range(WEBHOOKS):
            rig.post(posted(protocol=f"ORD-{turn}"))
            rig.work()
        before = len(rig.calls("GET"))
        for _ in range(WEBHOOKS):
            rig.later(10)
        return before, len(rig.calls("PATCH")), len(rig.calls("GET")) - before
