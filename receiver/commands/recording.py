"""`record`: the next deliveries of an endpoint as recordings that can be committed."""

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from receiver.commands._common import count, fail, opened
from receiver.commands._types import AMOUNT, AT_LEAST_ONE
from receiver.config import Endpoint
from receiver.processes.stop_request import Stopped, StopRequest, stop_request
from receiver.recordings import write_http
from receiver.recordings.recorder import captured
from receiver.store import OperatorQueries
from receiver.store.engine import PRIVATE

#: Seconds between looks for new deliveries.
_LOOK = 0.5
#: Seconds that a delivery may take from arrival to commit, and that hosts' clocks may differ.
_LATE = 30.0


@click.command()
@click.argument("endpoint_name", metavar="ENDPOINT")
@click.option("--next", "many", type=AT_LEAST_ONE, default=5, show_default=True, help="Stop after so many.")
@click.option("--minutes", type=AMOUNT, default=60.0, show_default=True, help="Wait no longer.")
@click.option("--past", is_flag=True, help="Begin with what is stored already.")
@click.option(
    "--to", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("recordings"), show_default=True,
    help="Where the recordings go, into a folder of the carrier's name.",
)  # fmt: skip
def record(endpoint_name: str, many: int, minutes: float, folder: Path, *, past: bool) -> None:
    """Write the next deliveries of an endpoint as recordings.

    A receiver must be running; it notices nothing. Of each body only the fields that the carrier's schema names stay,
    and what your reference rules find; credentials are blank. Read them once more before you commit them.
    """
    with opened() as (config, database):
        endpoint = config.endpoints.get(endpoint_name)
        if endpoint is None:
            fail(f"no endpoint {endpoint_name!r}; there are {', '.join(config.endpoints)}")
        home = folder / endpoint.carrier.slug
        click.echo(f"recording what arrives at /webhooks/{endpoint_name} into {home}/ (Ctrl-C ends it)", err=True)
        written = 0
        since = 0.0 if past else time.time()
        until = time.monotonic() + minutes * 60
        with contextlib.suppress(Stopped), stop_request(signal.SIGINT) as stop:
            for row in _arriving(OperatorQueries(database), endpoint_name, since=since, until=until, stop=stop):
                if row["body"] is None:
                    continue
                click.echo(str(_recorded(row, endpoint, home)))
                written += 1
                if written == many:
                    break
    click.echo(f"{count(written, 'recording')} written", err=True)


def _recorded(row: dict[str, Any], endpoint: Endpoint, home: Path) -> Path:
    """Write the delivery as a recording; returns the file with the request."""
    recording = captured(row, endpoint)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = home / f"{recording.name}.http"
    _write(file, write_http(recording.request))
    expected = json.dumps(recording.expected, indent=2, ensure_ascii=False) + "\n"
    _write(file.with_suffix(".expected.json"), expected.encode())
    return file


def _arriving(
    queries: OperatorQueries, endpoint: str, *, since: float, until: float, stop: StopRequest
) -> Iterator[dict[str, Any]]:
    """The stored deliveries, each once, as they arrive. Raises `Stopped` when a signal asked for it."""
    seen: dict[str, float] = {}
    while True:
        for row in queries.deliveries(endpoint=endpoint, since=since):
            if row["id"] not in seen:
                seen[row["id"]] = row["received_at"]
                yield row
        # A delivery may be committed a little after it arrived: only that much of the past is read again.
        since = max([since, *(at - _LATE for at in seen.values())])
        seen = {name: at for name, at in seen.items() if at >= since}
        left = until - time.monotonic()
        if left <= 0:
            return
        stop.pause(min(_LOOK, left))


def _write(file: Path, content: bytes) -> None:
    file.touch(mode=PRIVATE)
    file.write_bytes(content)


COMMANDS = (record,)
