"""What commands share that run for long: how they log, and how they begin."""

from pathlib import Path
from typing import get_args

import click

from receiver.commands._common import configuration
from receiver.config import Config
from receiver.processes.error_reports import start_sentry
from receiver.processes.logs import Format, start_logging

log_format_option = click.option(
    "--log-format", type=click.Choice(get_args(Format)), help="How the log is written; default: as configured (text)."
)


def begin(log_format: Format | None) -> tuple[Path, Config]:
    """The configuration, once it is logged as it says."""
    path, config = configuration()
    start_logging(log_format or config.log_format)
    start_sentry(config.sentry_dsn)
    return path, config
