"""The command that serves a stand-in VTEX."""

import signal
from pathlib import Path

import click

from receiver.commands._common import bind_option, fail
from receiver.commands._starting import log_format_option
from receiver.commands._types import TEXT
from receiver.processes.logs import Format, start_logging
from receiver.sandbox import EXAMPLES, BadFaults, BadOrders, create_sandbox, load_orders, parse_faults
from receiver.sandbox import serve as serve_sandbox

_STOP = (signal.SIGTERM, signal.SIGINT)


@click.command()
@click.option(
    "--orders", type=click.Path(exists=True, path_type=Path), help="JSON list or JSON Lines; default: three examples."
)
@bind_option("127.0.0.1:8099")
@click.option(
    "--fault", "faults", type=TEXT, multiple=True, metavar="NAME=VALUE", help="Such as throttle=0.1; may be repeated."
)
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
    except (BadFaults, BadOrders) as error:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
        fail(str(error))
    except OSError as error:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
        fail(f"cannot listen at {bind}: {str(error.strerror).partition(' (while')[0]}")
    first = next(iter(app.extensions["sandbox"].orders), "ORDER")
    click.echo(f"stand-in VTEX on {running.url}; what was called: {running.url}/sandbox/calls")
    click.echo(f'  in receiver.toml, [vtex.<account>]: base_url = "{running.url}"')
    click.echo(
        f"  curl -H 'X-VTEX-API-AppKey: key' -H 'X-VTEX-API-AppToken: token' {running.url}/api/oms/pvt/orders/{first}"
    )
    signal.sigwait(_STOP)
    running.stop()
    signal.pthread_sigmask(signal.SIG_SETMASK, former)


COMMANDS = (sandbox,)
