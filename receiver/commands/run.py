"""Commands that start the receiver, its parts or the stand-in VTEX, and that show what would start."""

import signal
from pathlib import Path
from typing import get_args

import click

from receiver.commands._common import bind_option, clear_faults, configuration, fail
from receiver.config import Config
from receiver.processes import server
from receiver.processes.error_reports import start_sentry
from receiver.processes.logs import Format, start_logging
from receiver.sandbox import EXAMPLES, BadFaults, BadOrders, create_sandbox, load_orders, parse_faults
from receiver.sandbox import serve as serve_sandbox
from receiver.store import migrate as migrate_database

_STOP = (signal.SIGTERM, signal.SIGINT)
_AT_LEAST_ONE = click.IntRange(min=1)
log_format_option = click.option(
    "--log-format", type=click.Choice(get_args(Format)), help="How the log is written; default: as configured (text)."
)


def _begin(log_format: Format | None) -> tuple[Path, Config]:
    """The configuration, once it is logged as it says."""
    path, config = configuration()
    start_logging(log_format or config.log_format)
    start_sentry(config.sentry_dsn)
    return path, config


@click.command()
@bind_option("127.0.0.1:8000")
@click.option(
    "--threads", type=_AT_LEAST_ONE, default=16, show_default=True, help="For pages, the API and large bodies."
)
@log_format_option
def serve(bind: str, threads: int, log_format: Format | None) -> None:
    """Receive and work, in one process.

    SIGHUP reads the configuration again.
    """
    path, config = _begin(log_format)
    with clear_faults():
        server.serve(path, config, bind=bind, threads=threads)


@click.command()
@bind_option("127.0.0.1:8000")
@click.option("--processes", type=_AT_LEAST_ONE, default=2, show_default=True)
@click.option(
    "--threads", type=_AT_LEAST_ONE, default=16, show_default=True, help="For pages, the API and large bodies."
)
@log_format_option
def web(bind: str, processes: int, threads: int, log_format: Format | None) -> None:
    """Only receive; `receiver work` does the rest.

    Any number of them, on any number of hosts with PostgreSQL. SIGHUP reads the configuration again.
    """
    path, config = _begin(log_format)
    with clear_faults():
        server.serve(path, config, bind=bind, processes=processes, threads=threads, work=False)


@click.command()
@click.option(
    "--concurrency",
    "--hands",
    type=_AT_LEAST_ONE,
    help="Shipments worked at once, per account; default: as configured. (--hands is the former name.)",
)
@log_format_option
def work(concurrency: int | None, log_format: Format | None) -> None:
    """Only work: make VTEX agree with what was received.

    SIGHUP reads the configuration again.
    """
    path, config = _begin(log_format)
    with clear_faults():
        server.work(path, config, concurrency=concurrency)


@click.command()
@click.option(
    "--orders", type=click.Path(exists=True, path_type=Path), help="JSON list or JSON Lines; default: three examples."
)
@bind_option("127.0.0.1:8099")
@click.option("--fault", "faults", multiple=True, metavar="NAME=VALUE", help="Such as throttle=0.1; may be repeated.")
@click.option("--seed", default=0, show_default=True)
@log_format_option
def sandbox(orders: Path | None, bind: str, faults: tuple[str, ...], seed: int, log_format: Format | None) -> None:
    """Serve a stand-in VTEX, with its faults.

    Its orders come from a file. Without one there are three: an invoice, two invoices, and none yet.
    """
    start_logging(log_format or "text")
    host, _, port = bind.rpartition(":")
    # They wait for `sigwait`, in every thread to come.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    try:
        app = create_sandbox(load_orders(orders or EXAMPLES), parse_faults(faults), seed=seed)
        running = serve_sandbox(app, host, int(port), log_requests=True)
    except (BadFaults, BadOrders, OSError) as error:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
        fail(str(error))
    first = next(iter(app.extensions["sandbox"].orders), "ORDER")
    click.echo(f"stand-in VTEX on {running.url}; what was called: {running.url}/sandbox/calls")
    click.echo(f'  in receiver.toml, [vtex.<account>]: base_url = "{running.url}"')
    click.echo(
        f"  curl -H 'X-VTEX-API-AppKey: key' -H 'X-VTEX-API-AppToken: token' {running.url}/api/oms/pvt/orders/{first}"
    )
    signal.sigwait(_STOP)
    running.stop()
    signal.pthread_sigmask(signal.SIG_SETMASK, former)


@click.command()
def migrate() -> None:
    """Bring the database up to date.

    SQLite does this by itself at start; PostgreSQL waits for this command.
    """
    _, config = configuration()
    with clear_faults():
        migrate_database(config.database)
    click.echo("the database is up to date")


COMMANDS = (serve, web, work, sandbox, migrate)
