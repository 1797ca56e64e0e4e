"""From body to shipments: strict decoding, schema and `read`, for every recording of every carrier."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from adapters import Ignored, Request, Unreadable, strict_json
from bench.parcels import SAMPLES
from bench.table import Row, Wanted
from receiver.carriers import Carrier, discover
from receiver.recordings import Recording, walk

_FAST_ENOUGH = Wanted("measured", most=0.5)


def figures(*, short: bool) -> Iterator[Row]:
    """One row for every carrier; the baseline is the carrier's decoding alone."""
    turns, everything = 20 if short else 200, list[float]()
    for carrier in discover().values():
        requests = recorded(carrier)
        converted = [_median(partial(convert, carrier, one), turns) for one in requests]
        everything += converted
        decoded = [_median(partial(decode, carrier, one), turns) for one in requests]
        yield Row(
            figure=f"read() and schema: {carrier.slug}",
            measured=statistics.median(converted),
            baseline=statistics.median(decoded),
            unit="ms",
            wanted=_FAST_ENOUGH,
            note=f"{len(requests)} recordings, the slowest {max(converted):.2f} ms; baseline: decoding alone",
        )
    yield Row(
        figure="  all recordings: median",
        measured=statistics.median(everything),
        unit="ms",
        wanted=Wanted("measured", most=0.04),
        note=f"{len(everything) / sum(everything) * 1e3:,.0f} conversions a second and core",
    )


def recorded(carrier: Carrier) -> list[Request]:
    """The carrier's recordings as they reach its adapter, and the answers fetched because of them."""
    found = [one for one in walk(SAMPLES / carrier.slug) if isinstance(one, Recording)]
    return [replace(request, zone=carrier.zone) for one in found for request in (one.request, *one.answers.values())]


def convert(carrier: Carrier, request: Request) -> int:
    """The number of shipments in a request; none if it is ignored or refused."""
    try:
        return len(carrier.convert(request).shipments)
    except (Ignored, Unreadable):
        return 0


def decode(carrier: Carrier, request: Request) -> None:
    """Decode only; some recordings exist because that fails."""
    with contextlib.suppress(Unreadable):
        strict_json(request.body) if request.fetched else carrier.decode(request)


def _median(work: Callable[[], object], turns: int) -> float:
    """The median time in milliseconds."""
    taken = []
    for _ in range(turns):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1e3
