"""What the commands share that choose shipments: the options of the filter."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from receiver.commands._common import account_of, carrier_option, endpoint_option, fail, reason_option, state_option
from receiver.commands._types import TEXT, instant
from receiver.config import Config
from receiver.operations.parcels import chosen
from receiver.store import Database
from receiver.store.operator.shipment_filter import ShipmentFilter

_Command = TypeVar("_Command", bound=Callable[..., Any])
of_account_option = click.option("--account", type=TEXT, metavar="NAME", help="Only those of this VTEX account.")
of_order_option = click.option("--order", type=TEXT, metavar="ORDER", help="Only those of this VTEX order.")

_OPTIONS = (
    state_option,
    reason_option,
    endpoint_option,
    carrier_option,
    of_account_option,
    of_order_option,
    click.option("--number", type=TEXT, help="Only those with this tracking number."),
    click.option(
        "--search", type=TEXT, metavar="TEXT", help="Only those with this tracking, order or invoice number, key or id."
    ),
)
_PERIOD = (
    click.option("--since", metavar="DATE", callback=instant, help="Only those changed from then on (UTC)."),
    click.option("--until", metavar="DATE", callback=instant, help="Only those changed before then (UTC)."),
)


def choice_options(command: _Command) -> _Command:
    """The options of the filter, but for ``--since`` and ``--until``: every listing has those."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def bulk_options(command: _Command) -> _Command:
    """All options of the filter, for a command that may be about many shipments."""
    for option in reversed(_PERIOD):
        command = option(command)
    return choice_options(command)


def chosen_shipments(config: Config, database: Database, words: dict[str, Any]) -> ShipmentFilter:
    """The filter that the options mean. An account, carrier or endpoint that is not configured ends the command: a
    typing error would look like an empty list. An endpoint may be of a former configuration."""
    if words["account"] is not None:
        account_of(config, words["account"])
    carriers = sorted({one.carrier.slug for one in config.endpoints.values()})
    if words["carrier"] not in (None, *carriers):
        fail(f"no endpoint of carrier {words['carrier']!r}; there are {', '.join(carriers)}")
    return chosen(config, database, words)
