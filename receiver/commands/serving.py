"""Commands that receive."""

import click

from receiver.commands._common import bind_option, clear_faults
from receiver.commands._starting import begin, log_format_option
from receiver.commands._types import AT_LEAST_ONE
from receiver.processes import server
from receiver.processes.logs import Format


@click.command()
@bind_option("127.0.0.1:8000")
@click.option(
    "--threads", type=AT_LEAST_ONE, default=16, show_default=True, help="For pages, the API and large bodies."
)
@log_format_option
def serve(bind: str, threads: int, log_format: Format | None) -> None:
    """Receive and work, in one process.

    SIGHUP reads the configuration again.
    """
    path, config = begin(log_format)
    with clear_faults():
        server.serve(path, config, bind=bind, threads=threads)


@click.command()
@bind_option("127.0.0.1:8000")
@click.option("--processes", type=AT_LEAST_ONE, default=2, show_default=True)
@click.option(
    "--threads", type=AT_LEAST_ONE, default=16, show_default=True, help="For pages, the API and large bodies."
)
@log_format_option
def web(bind: str, processes: int, threads: int, log_format: Format | None) -> None:
    """Only receive; `receiver work` does the rest.

    Any number of them, on any number of hosts with PostgreSQL. SIGHUP reads the configuration again.
    """
    path, config = begin(log_format)
    with clear_faults():
        server.serve(path, config, bind=bind, processes=processes, threads=threads, work=False)


COMMANDS = (serve, web)
