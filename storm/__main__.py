"""``python -m storm [--short|--long] [--only NAME] [--database KIND] [--seed N]``: run the faults, print a table."""

import argparse
import contextlib
import json
import random
import secrets
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from storm.postgres import Cluster, cluster
from storm.run import BOTH, Kind, NotHere, Outcome, Scene
from storm.runs import RUNS, Form, Run

_COLUMNS = "{:<19}{:<10}{:>8}{:>6}{:>9}{:>7}{:>9}  {}"


def main(arguments: list[str] | None = None) -> int:
    """Run, print one line for each; the exit code is 1 where something was lost, doubled, wrong or broken."""
    options = _options(arguments)
    form: Form = "long" if options.long else "short" if options.short else "core"
    chosen = [
        (run, kind)
        for run in RUNS
        for kind in run.kinds
        if (run.seconds(form) or options.only)
        and run.name in (options.only or [run.name])
        and kind in (options.database or BOTH)
    ]
    folder = options.keep.resolve() / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    print(f"seed {options.seed}; logs and results in {folder}")
    print(_COLUMNS.format("run", "database", "acked", "lost", "doubled", "wrong", "slowest", "verdict"), flush=True)
    begun, failed, results = time.monotonic(), 0, []
    with contextlib.ExitStack() as opened:
        servers = _Servers(opened)
        for run, kind in chosen:
            outcome = _run(run, kind, form, folder / f"{run.name}-{kind}", options.seed, servers)
            failed += isinstance(outcome, Outcome) and not outcome.passed
            print(_line(run, kind, outcome), flush=True)
            told = asdict(outcome) if isinstance(outcome, Outcome) else {"left_out": str(outcome)}
            results.append({"run": run.name, "database": kind, "seed": options.seed, "form": form, **told})
            (folder / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"{len(chosen)} runs, {failed} failed, in {time.monotonic() - begun:.0f} s")
    return int(failed > 0)


class _Servers:
    """The PostgreSQL server of this storm, started by the first run that needs it."""

    def __init__(self, opened: contextlib.ExitStack) -> None:
        self._opened = opened
        self._cluster: Cluster | None = None

    @property
    def postgres(self) -> Cluster:
        if self._cluster is None:
            self._cluster = self._opened.enter_context(cluster())
        return self._cluster


def _run(run: Run, kind: Kind, form: Form, folder: Path, seed: str, servers: _Servers) -> Outcome | NotHere:
    folder.mkdir(parents=True)
    try:
        scene = Scene(
            folder=folder,
            kind=kind,
            seconds=run.seconds(form) or run.core or 60,
            dice=random.Random(f"{seed}/{run.name}/{kind}"),
            new_database=_sqlite if kind == "sqlite" else servers.postgres.new_database,
            restart_postgres=_no_server if kind == "sqlite" else servers.postgres.restart,
        )
        return run.storm(scene)
    except NotHere as lacking:
        return lacking
    except Exception as error:  # one run that breaks must not hide the others
        return Outcome(faults=[f"{type(error).__name__}: {error}"])


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'receiver.db'}"


def _no_server(_mode: str, _away: float) -> None:
    raise NotHere("SQLite has no server")


def _line(run: Run, kind: Kind, outcome: Outcome | NotHere) -> str:
    if isinstance(outcome, NotHere):
        return _COLUMNS.format(run.name, kind, "-", "-", "-", "-", "-", f"left out: {outcome}")
    said = "; ".join(["FAILED", *outcome.faults, outcome.note]) if not outcome.passed else f"ok; {outcome.note}"
    numbers = (outcome.acknowledged, outcome.lost, outcome.doubled, outcome.wrong)
    return _COLUMNS.format(run.name, kind, *numbers, f"{outcome.slowest:.2f} s", said)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m storm", description="Run the receiver through faults.")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--short", action="store_true", help="some of them, about two minutes")
    form.add_argument("--long", action="store_true", help="all of them, for longer")
    parser.add_argument("--only", action="append", choices=[run.name for run in RUNS], help="one run; may be repeated")
    parser.add_argument("--database", action="append", choices=BOTH, help="one database; may be repeated")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="repeats the dice of an earlier storm")
    parser.add_argument("--keep", type=Path, default=Path(".storm"), help="where logs and results go")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
