"""Follow what arrives and what becomes of it."""

import contextlib
import json
import signal
import time
from collections.abc import Mapping
from typing import Any

import click

from receiver.commands._common import fail, json_option, opened, printable
from receiver.commands._types import FROM_ZERO
from receiver.processes.stop_request import Stopped, stop_request
from receiver.shipments.plain import plain
from receiver.store import StoreUnavailable
from receiver.store.operator.following import Following
from receiver.timing import stamp

#: Seconds between two looks.
_EVERY = 0.5


@click.command()
@click.argument("endpoint", required=False)
@click.option("--lines", "most", type=FROM_ZERO, default=10, show_default=True, help="Earlier deliveries.")
@json_option
def tail(endpoint: str | None, most: int, *, as_json: bool) -> None:
    """Follow deliveries and what becomes of them.

    Of one endpoint, or of all; the newest stands last. Ctrl-C ends it.
    """
    with opened() as (config, database):
        if endpoint is not None and endpoint not in config.endpoints:
            fail(f"no endpoint {endpoint!r}; there are {', '.join(config.endpoints)}")
        following = Following(database, endpoint=endpoint)
        with contextlib.suppress(Stopped), stop_request(signal.SIGINT) as stop:
            _show(following.before(most, now=time.time()), as_json=as_json)
            while True:
                stop.pause(_EVERY)
                try:
                    _show(following.new(now=time.time()), as_json=as_json)
                except StoreUnavailable as error:
                    click.echo(f"the database does not answer, trying again: {' '.join(str(error).split())}", err=True)


def _show(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    for row in rows:
        click.echo(json.dumps(plain(row)) if as_json else printable(_line(row)))


def _line(row: Mapping[str, Any]) -> str:
    if row["what"] == "delivery":
        parts = [stamp(row["received_at"]), row["endpoint"], row["outcome"], *row["shipments"], row["reason"]]
    else:
        number = row["tracking_number"]
        order = row["order_id"] and f"order {row['order_id']}"
        invoice = row["invoice_number"] and f"invoice {row['invoice_number']}"
        parts = [stamp(row["changed_at"]), "→", row["id"], row["state"], row["reason"], number, order, invoice]
    return "  ".join(str(part) for part in parts if part)


COMMANDS = (tail,)
