"""Every fault run, with the databases that it is for and how long it lasts in each form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from storm.faults import copies, kills, load, processes, storage, upgrade, vtex
from storm.run import BOTH, Kind, Outcome, Scene

Form = Literal["short", "core", "long"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """``short``, ``core`` and ``long`` are about the seconds of storm in that form; 0 leaves it out."""

    name: str
    storm: Callable[[Scene], Outcome]
    kinds: tuple[Kind, ...] = BOTH
    short: float = 0
    core: float
    long: float

    def seconds(self, form: Form) -> float:
        return {"short": self.short, "core": self.core, "long": self.long}[form]


SQLITE: tuple[Kind, ...] = ("sqlite",)
POSTGRES: tuple[Kind, ...] = ("postgres",)
RUNS = (
    Run(name="kills", storm=kills.one_by_one, short=6, core=30, long=300),
    Run(name="all-killed", storm=kills.all_at_once, short=4, core=20, long=120),
    Run(name="counters", storm=kills.counters, core=12, long=60),
    Run(name="power-cut", storm=copies.power_cut, kinds=SQLITE, core=15, long=60),
    Run(name="backup", storm=copies.backup, kinds=SQLITE, core=9, long=60),
    Run(name="full-disk", storm=storage.full_disk, kinds=SQLITE, core=8, long=30),
    Run(name="write-lock", storm=storage.write_lock, core=6, long=20),
    Run(name="postgres-restarts", storm=storage.postgres_restarts, kinds=POSTGRES, short=1, core=20, long=120),
    Run(name="frozen-worker", storm=processes.frozen, core=13, long=120),
    Run(name="signals", storm=processes.signals, core=8, long=60),
    Run(name="clock-steps", storm=processes.clock_steps, core=24, long=200),
    Run(name="host-ahead", storm=processes.host_ahead, kinds=POSTGRES, core=15, long=75),
    Run(name="duplicates", storm=load.duplicates, short=3, core=10, long=60),
    Run(name="burst", storm=load.burst, core=8, long=60),
    Run(name="vtex-failing", storm=vtex.failing, core=20, long=300),
    Run(name="vtex-throttled", storm=vtex.throttled, core=20, long=300),
    Run(name="vtex-away", storm=vtex.away, core=8, long=60),
    Run(name="vtex-a-day-away", storm=vtex.a_day_away, core=24, long=144),
    Run(name="late-invoices", storm=vtex.late_invoices, kinds=SQLITE, core=24, long=144),
    Run(name="upgrade", storm=upgrade.pending, core=5, long=50),
    Run(name="soak", storm=load.soak, core=0, long=1_800),
)
