"""The command that back-fills the index."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from receiver.calls.background import calls_to
from receiver.commands._common import account_of, account_option, count, fail, json_option, opened, say
from receiver.commands._types import instant
from receiver.operations.backfill import KEPT, Backfill, Progress, TooMany
from receiver.store import Background, Index
from receiver.timing import stamp
from receiver.vtex.answers import VtexError
from receiver.vtex.orders import UnexpectedOrder

#: Without a terminal for a progress bar, a line is printed after this many orders.
_LINE_EVERY = 500


@click.command()
@click.option("--since", required=True, metavar="DATE", callback=instant, help="Invoiced since then (UTC).")
@click.option("--until", metavar="DATE", callback=instant, help="Invoiced before then; default: now.")
@account_option
@json_option
def index(since: float, until: float | None, account: str | None, *, as_json: bool) -> None:
    """Read old orders, so that invoices are found by number or key.

    Every order that was invoiced in the period is read, behind what the workers do. A run that was stopped continues
    where it was.
    """
    now = time.time()
    oldest = now - KEPT.total_seconds()
    if since < oldest:
        fail(f"--since: VTEX shows orders of the last two years only: since {stamp(oldest + 60)[:10]} at the earliest")
    if until is not None and until > now:
        fail("--until: lies ahead; leave it out to read everything up to now")
    if since >= (now if until is None else until):
        fail("--since: must be before --until, and in the past")
    with opened() as (config, database), _shown() as report:
        of = account_of(config, account)
        calls = calls_to(config, database, of, waiting=_say_waiting, gives_way=True)
        known, background = Index(database), Background(database)
        made = Backfill(calls, known, background, clock=time.time, report=report, skip=_say_aside)
        try:
            done = made.run(since, until)
        except (VtexError, TooMany, UnexpectedOrder) as error:
            fail(f"VTEX account {of}: {error}; what was learnt is kept, and the same command continues there")
    fields = {**asdict(done), "account": of, "since": stamp(done.since), "until": stamp(done.until)}
    del fields["reached"]
    skipped = f", {done.skipped} could not be read" if done.skipped else ""
    text = f"{count(done.orders, 'order')} read, {count(done.facts, 'new key')} in the index{skipped}"
    if not done.orders and not done.skipped:
        text = "VTEX lists no order invoiced in this period"
    say(text, fields, as_json=as_json)
    sys.exit(1 if done.skipped else 0)


def _say_waiting(why: str) -> None:
    _say_aside(f"{why}. Ctrl-C ends it; the same command goes on from here")


def _say_aside(text: str) -> None:
    click.echo(text, err=True)


@contextlib.contextmanager
def _shown() -> Iterator[Callable[[Progress], None]]:
    """Progress on stderr: a bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield _line
        return
    columns = (TextColumn("indexing"), BarColumn(), TextColumn("{task.fields[reached]}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task, left = bar.add_task("", total=None, reached=""), TimeLeft()

        def report(at: Progress) -> None:
            rest = left.words(at.reached, at.until, now=time.monotonic())
            reached = f"{count(at.orders, 'order')}, up to {stamp(at.reached)[:10]}{rest}"
            bar.update(task, total=at.until - at.since, completed=at.reached - at.since, reached=reached)

        yield report


class TimeLeft:
    """How long a run will still take, by what it has done so far. Days have different numbers of orders, so it is said
    roughly, and not before a tenth of the period is done."""

    def __init__(self) -> None:
        self._began: tuple[float, float] | None = None

    def words(self, reached: float, until: float, *, now: float) -> str:
        """``, about 3 min left``; nothing where it cannot be said. ``reached`` and ``until`` are in seconds since the
        epoch, ``now`` in seconds of any clock."""
        at, began = self._began = self._began or (reached, now)
        done, rest = reached - at, until - reached
        if done <= 0 or rest <= 0 or done < (done + rest) / 10:
            return ""
        seconds = (now - began) * rest / done
        return f", about {seconds / 60:.0f} min left" if seconds >= 90 else ", about a minute left"


def _line(at: Progress) -> None:
    if at.orders and at.orders % _LINE_EVERY == 0:
        _say_aside(f"{at.orders} orders read; everything invoiced before {stamp(at.reached)} is done")


COMMANDS = (index,)
