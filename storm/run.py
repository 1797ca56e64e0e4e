"""What a fault run gets, what it returns, and the judgement that all of them share: lost, doubled, wrong."""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from storm.ground import Ground
from storm.traffic import Traffic

Kind = Literal["sqlite", "postgres"]
BOTH: tuple[Kind, ...] = ("sqlite", "postgres")


class NotHere(Exception):
    """This machine lacks what the run needs; the message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """``seconds`` is about how long the run may last; ``new_database`` makes an empty one and gives its URL."""

    folder: Path
    kind: Kind
    seconds: float
    dice: random.Random
    new_database: Callable[[Path], str]
    restart_postgres: Callable[[str, float], None]

    def ground(self, **settings: object) -> Ground:
        """A machine with a new database."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return Ground(self.folder, self.new_database(self.folder), **settings)  # type: ignore[arg-type]


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What was seen. ``faults`` are sentences, one for each promise that was broken."""

    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    slowest: float = 0.0
    note: str = ""
    faults: list[str] = field(default_factory=list)

    def demand(self, kept: object, promise: str) -> None:
        """Note a promise that was not kept."""
        if not kept:
            self.faults.append(promise)

    @property
    def passed(self) -> bool:
        return not (self.lost or self.doubled or self.wrong or self.faults)


def settle(ground: Ground, *traffics: Traffic, seconds: float = 60, more: Iterable[int] = ()) -> Outcome:
    """Wait until VTEX shows every acknowledged parcel, or hears of no other for ``seconds``; then judge.

    Lost: acknowledged, and neither at VTEX nor in the database. Doubled: a second PATCH of one invoice. Wrong: a number
    on an invoice that is not its own.
    """
    numbers = set(more).union(*(traffic.acknowledged for traffic in traffics))
    unwritten = {number for number in numbers if not ground.patches(number)}
    heard = time.monotonic()
    while unwritten and time.monotonic() - heard < seconds:
        time.sleep(0.2)
        left = {number for number in unwritten if not ground.patches(number)}
        heard = time.monotonic() if left < unwritten else heard
        unwritten = left
    patches = {number: ground.patches(number) for number in numbers}
    outcome = Outcome(
        acknowledged=len(numbers),
        lost=len(unwritten - ground.stored()) if unwritten else 0,
        doubled=sum(max(0, len(made) - 1) for made in patches.values()),
        wrong=sum(call.body["trackingNumber"] != f"TN{number}BR" for number, made in patches.items() for call in made),
        slowest=max((traffic.slowest for traffic in traffics), default=0.0),
        note="; ".join(traffic.told for traffic in traffics),
    )
    outcome.wrong += sum(bool(ground.sandbox.writes(f"{number}-01", f"R{number}")) for number in numbers)
    outcome.demand(outcome.acknowledged, "something is acknowledged")
    outcome.demand(
        not unwritten, f"{len(unwritten)} acknowledged parcels are not at VTEX, and none came for {seconds:.0f} s"
    )
    return outcome
