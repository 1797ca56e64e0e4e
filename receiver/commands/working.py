"""The command that only works."""

import click

from receiver.commands._common import clear_faults
from receiver.commands._starting import begin, log_format_option
from receiver.commands._types import AT_LEAST_ONE
from receiver.processes import working
from receiver.processes.logs import Format


@click.command()
@click.option(
    "--concurrency",
    "--hands",
    type=AT_LEAST_ONE,
    help="Shipments worked at once, per account; default: as configured. (--hands is the former name.)",
)
@log_format_option
def work(concurrency: int | None, log_format: Format | None) -> None:
    """Only work: make VTEX agree with what was received.

    SIGHUP reads the configuration again.
    """
    path, config = begin(log_format)
    with clear_faults():
        working.work(path, config, concurrency=concurrency)


COMMANDS = (work,)
