"""The `demo` command, which is what ``make run`` shows."""

import math
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from receiver.commands._common import bind_option, count, fail, printable, table
from receiver.demo import OWN_INVOICE, OWN_ORDER, Demo, DemoFailed, Line, free_bind, running
from receiver.processes.stop_request import Stopped, stop_request
from receiver.vtex.rules import RULES


@click.command()
@click.option(
    "--once", is_flag=True, help="End after the table; exit code 1 if anything ended otherwise than expected."
)
@bind_option("127.0.0.1:8000")
@click.option(
    "--samples",
    default=Path("tests/samples"),
    show_default=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of recordings.",
)
def demo(bind: str, samples: Path, *, once: bool) -> None:
    """Show the main job end to end.

    The receiver, a stand-in VTEX beside it, and every recording posted over HTTP. Where the port is taken, another one
    serves.
    """
    lines: list[Line] = []
    try:
        with (
            # No matter which signal ends this process, the receiver that it started must end, too.
            stop_request(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as stop,
            tempfile.TemporaryDirectory(prefix="receiver-demo-") as folder,
            running(samples, Path(folder), bind=free_bind(bind), stop=stop) as show,
        ):
            click.echo(f"receiver on {show.url} (SQLite, web and worker in one process)")
            click.echo(f"stand-in VTEX on {show.vtex_url}")
            click.echo(f"posting {count(len(show.recordings), 'recording')}, signed, over HTTP …\n")
            lines = _play(show)
            _print(lines)
            if not once:
                _keep_serving(show)
    except DemoFailed as error:
        fail(str(error))
    except (Stopped, KeyboardInterrupt):
        click.echo("\nstopped")
    if once and (not lines or any(line.differences for line in lines)):
        sys.exit(1)


def _play(show: Demo) -> list[Line]:
    """A bar on a terminal: it takes some seconds."""
    many, console = len(show.recordings), Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("posting", total=many)

        def report(posted: int) -> None:
            what = "posting" if posted < many else "waiting for the last of them"
            bar.update(task, completed=posted, description=what)

        return show.play(report)


def _print(lines: list[Line]) -> None:
    rows = [[_marked(line), line.reply, line.state, _place(line), line.why, line.vtex] for line in lines]
    wide = list(table(("recording", "answer", "ended", "order / invoice", "chosen by", "VTEX holds now"), rows))
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else math.inf
    for shown in wide if max(map(len, wide)) <= room else map(_narrow, rows):
        click.echo(shown)
    click.echo("\nchosen by")
    for rule, meaning in RULES.items():
        if any(line.why == rule for line in lines):
            click.echo(f"  {rule:<22} {meaning}")
    click.echo()
    wrong = [line for line in lines if line.differences]
    for line in wrong:
        for difference in line.differences:
            click.echo(f"✗ {line.recording}: {printable(difference)}")
    click.echo(
        f"{count(len(lines), 'recording')} of {count(len({line.carrier for line in lines}), 'carrier')}: "
        f"{len(lines) - len(wrong)} ended as expected, {len(wrong)} not; "
        f"{sum(1 for line in lines if line.vtex)} of them show on a VTEX invoice."
    )


def _marked(line: Line) -> str:
    return f"{line.recording} ✗" if line.differences else line.recording


def _place(line: Line) -> str:
    return f"{line.order} / {line.invoice}" if line.invoice else line.order


def _narrow(row: list[str]) -> str:
    """A row for a terminal that is too narrow for the table."""
    recording, reply, state, place, why, vtex = row
    first = f"{recording}: {reply}" + (f", {state}" if state else "")
    second = f"\n    {place}, by {why}" if why else ""
    return printable(first + second + (f"\n    {vtex}" if vtex else ""))


def _keep_serving(show: Demo) -> None:
    click.echo(f"\nSend one yourself (order {OWN_ORDER} waits for it):\n\n{show.curl()}\n")
    click.echo(f"Console: {show.url}/console   Token: {show.token}\n")
    click.echo(f"Look: {show.vtex_url}/sandbox/orders/{OWN_ORDER}   {show.url}/readyz   Stop: Ctrl-C\n")
    for row in show.news():
        click.echo(printable(f"{row['id']}: {row['state']}{' · ' + row['note'] if row['note'] else ''}"))
        if row["invoice_number"] == OWN_INVOICE and row["sent"]:
            number, courier = row["sent"].tracking_number, row["sent"].courier
            click.echo(printable(f"  invoice {OWN_INVOICE} of {OWN_ORDER} has {number} · {courier}, by {row['rule']}"))


COMMANDS = (demo,)
