"""Drains a backlog while VTEX fails often: how many parcels get through, and how fast compared to the possible rate.

The stand-in answers each call after 100 ms: a tenth with 429, a tenth with 500, a twentieth not at all, and a twentieth
of the writes are applied before the connection breaks. One thing is not realistic, so that it ends within minutes: a
429 comes without ``Retry-After`` and pauses for `SILENCE`, not for the usual minimum of a minute.
"""

import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import servers
from bench.table import Row, Wanted
from receiver.http import Http
from receiver.processes.worker import Worker
from receiver.sandbox import Faults
from receiver.vtex.client import Vtex
from tests.support.rig import Rig, order, package, posted

#: The shortest duration of a call in seconds, and the worker's concurrency.
LATENCY, HANDS = 0.1, 16
#: Seconds of pause after a 429.
SILENCE = 0.2
FAULTS = Faults(throttle=0.1, server_error=0.1, reset_before=0.05, reset_after_applying=0.05, slow=(1.0, LATENCY))
#: The share of the backlog in step when the rate is measured: until then all threads are busy, later they wait for
#: back-offs. And the share at which the faults end.
MEASURED, DURING = 0.5, 0.9
_LONGEST = 1_200.0
_AT_REST = ("in_step", "held", "gave_up")


@dataclass(slots=True)
class _Silences:
    """The account's pauses, as spans that do not overlap."""

    spans: list[tuple[float, float]] = field(default_factory=list)

    def note(self, now: float, until: float) -> None:
        if self.spans and now <= self.spans[-1][1]:
            self.spans[-1] = (self.spans[-1][0], max(until, self.spans[-1][1]))
        else:
            self.spans.append((now, until))

    @property
    def seconds(self) -> float:
        return sum(until - now for now, until in self.spans)


def figures(*, short: bool) -> Iterator[Row]:
    """The result of the backlog, and its rate compared to the ideal."""
    parcels = 200 if short else 5_000
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        drained = drain(Path(folder), parcels)
    name = f"drain, {parcels:,} parcels"
    all_of_them = Wanted("measured", least=parcels, most=parcels)
    yield Row(figure=f"{name}: in step", measured=drained.in_step, wanted=all_of_them, note=drained.others)
    yield Row(figure="  invoices written twice", measured=drained.twice, wanted=Wanted("measured", most=0))
    yield Row(
        figure="  calls a second while VTEX fails",
        measured=drained.calls / drained.took,
        baseline=drained.calls / drained.ideal,
        wanted=Wanted("ratio", least=0.95),
        note=f"ideal: {drained.calls:,} calls x {drained.alone:.3f} s / {HANDS} hands + {drained.silent:.1f} s silent "
        f"after 429 + {drained.pauses} probes x {drained.alone:.3f} s = {drained.ideal:.1f} s; "
        f"took {drained.took:.1f} s",
    )
    yield Row(
        figure="  calls for a parcel",
        measured=drained.calls / drained.meanwhile,
        baseline=least_calls(FAULTS),
        wanted=Wanted("measured", most=3.5),
        note="baseline: a GET, a PATCH, a GET after each PATCH of unknown outcome, each repeated until it is answered",
    )


def least_calls(faults: Faults) -> float:
    """The calls that a parcel needs on average, if none is made without need.

    A read is repeated until it is answered. A write that VTEX refuses (429) is repeated. After an error or a broken
    connection its outcome is unknown: the order is read, and where it does not show the write, the write is repeated.
    """
    arrives = 1 - faults.reset_before
    throttled = arrives * faults.throttle
    fails = arrives * (1 - faults.throttle) * faults.server_error
    answered = 1 - faults.reset_before - throttled - fails
    read, not_applied = 1 / answered, faults.reset_before + fails
    unknown = not_applied + answered * faults.reset_after_applying
    write = (1 + unknown * read) / (1 - throttled - not_applied)
    return read + write


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """``calls`` were made in ``took`` seconds of faults, for ``meanwhile`` parcels that came into step meanwhile.

    A single call takes ``alone`` seconds; for ``silent`` seconds the account was paused. At the end ``in_step`` parcels
    are in step; ``others`` describes the rest.
    """

    calls: int
    alone: float
    took: float
    meanwhile: int
    silent: float
    pauses: int
    in_step: int
    twice: int
    others: str

    @property
    def ideal(self) -> float:
        """Seconds in which these calls could be made: with all threads busy while the account is open, and one probe
        alone after each pause."""
        return self.calls * self.alone / HANDS + self.silent + self.pauses * self.alone


def drain(folder: Path, parcels: int) -> Drained:
    """Drain a backlog while VTEX fails, and the rest of it when it fails no more."""
    with Rig(folder, servers.sqlite_database(folder)) as rig:
        numbers = range(1, parcels + 1)
        _fill(rig, numbers)
        alone = _alone(rig)
        answered: list[float] = []

        def answer(seconds: float) -> None:
            answered.append(time.monotonic())
            time.sleep(seconds)

        rig.on_slow, rig.sandbox.faults = answer, FAULTS
        begun, first = time.monotonic(), rig.now
        silences = _Silences()
        worker = _worker(rig, silences, clock=lambda: first + time.monotonic() - begun)
        worker.start()
        meanwhile = _wait(rig, begun, lambda counts: counts.get("in_step", 0) >= MEASURED * parcels).get("in_step", 0)
        took = time.monotonic() - begun
        calls, spans = len(answered), _Silences(list(silences.spans))
        _wait(rig, begun, lambda counts: counts.get("in_step", 0) >= DURING * parcels)
        rig.sandbox.faults = Faults()
        counts = _wait(rig, begun, lambda counts: sum(counts.get(state, 0) for state in _AT_REST) >= parcels)
        worker.stop()
        return Drained(
            calls=calls,
            alone=alone,
            took=took,
            meanwhile=meanwhile,
            silent=spans.seconds,
            pauses=len(spans.spans),
            in_step=counts.get("in_step", 0),
            twice=sum(len(rig.sandbox.writes(f"{number}-01", "900")) > 1 for number in numbers),
            others=", ".join(f"{many} {state}" for state, many in counts.items() if state != "in_step"),
        )


def _fill(rig: Rig, numbers: Iterable[int]) -> None:
    """Receive a parcel for each number, each with its own order, without processing it."""
    rig.configure(read_back_seconds=0)
    for number in numbers:
        rig.add_order(order(f"{number}-01", package("900")))
        rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}"))


def _alone(rig: Rig) -> float:
    """Seconds of a single call, including the stand-in's latency: the median of twenty."""
    vtex = Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=time.time)
    rig.on_slow, rig.sandbox.faults = time.sleep, Faults(slow=(1.0, LATENCY))
    taken = []
    for _ in range(20):
        begun = time.perf_counter()
        vtex.get_order("1-01")
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def _worker(rig: Rig, silences: _Silences, *, clock: Any) -> Worker:
    worker = Worker(rig.config, rig.database, name="drain", concurrency=HANDS, clock=clock, least_pause=SILENCE)
    pause = worker.queue.accounts.pause

    def noted(account: str, *, until: float, **rest: Any) -> bool:
        silences.note(clock(), until)
        return pause(account, until=until, **rest)

    worker.queue.accounts.pause = noted  # type: ignore[method-assign]
    return worker


def _wait(rig: Rig, begun: float, enough: Any) -> dict[str, int]:
    """Check ten times a second until ``enough``, or until time is up; returns the present counts."""
    counts = _counts(rig)
    while not enough(counts) and time.monotonic() - begun < _LONGEST:
        time.sleep(0.1)
        counts = _counts(rig)
    return counts


def _counts(rig: Rig) -> dict[str, int]:
    """Shipments by state, without SQLAlchemy's share: the worker needs the interpreter meanwhile."""
    with rig.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT state, count(*) FROM shipments GROUP BY state")
        return {state: many for state, many in rows}  # noqa: C416  rows are no pairs to a type checker
