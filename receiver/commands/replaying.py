"""The `replay` command runs recordings through the code of a live request; `export` makes recordings."""

import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from receiver.commands._changes import change_lines, plain_changes
from receiver.commands._common import (
    configuration,
    count,
    endpoint_option,
    fail,
    json_option,
    known,
    opened,
    outcome_option,
    printable,
)
from receiver.commands._types import AT_LEAST_ONE, TEXT
from receiver.config import Config, default_path
from receiver.http import Http
from receiver.intake import FETCHED, Intake, read, stored_request
from receiver.processes.worker import Worker
from receiver.recordings import BadRecording, Recording, to_json, walk
from receiver.recordings.against import Differing, NoSuchVersion, differing, replayed, version
from receiver.recordings.replay import Fields, Replay, Replayed, bad, orders_by_id
from receiver.recordings.scrub import scrubbed
from receiver.sandbox import BadOrders, load_orders
from receiver.store import Inbox, OperatorQueries
from receiver.vtex.orders import UnexpectedOrder

_Walked = Recording | BadRecording
#: Recordings stored before a worker looks: all webhooks of one parcel in a batch cause one write.
_BATCH = 200


def _base_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right:
        raise click.BadParameter(f"{value!r} is not a URL such as http://127.0.0.1:8000")
    return value


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--orders", "orders_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="VTEX orders to decide on: a JSON list or JSON Lines.",
)  # fmt: skip
@click.option("--endpoint", type=TEXT, metavar="NAME", help="Take every recording for this configured endpoint.")
@click.option("--send", is_flag=True, help="Store them and write to VTEX for real.")
@click.option(
    "--to",
    "base_url",
    metavar="URL",
    callback=_base_url,
    help="POST them, signed again, to a receiver, or an endpoint's URL.",
)
@click.option("--limit", type=AT_LEAST_ONE, help="Stop after so many.")
@click.option(
    "--against",
    type=TEXT,
    metavar="FOLDER|REV",
    help="Compare with other adapters: a folder that has them, or a git revision.",
)
@json_option
def replay(
    paths: tuple[Path, ...],
    orders_file: Path | None,
    endpoint: str | None,
    base_url: str | None,
    limit: int | None,
    against: str | None,
    *,
    send: bool,
    as_json: bool,
) -> None:
    """Run recordings again: a dry run, unless you say so.

    PATHS are .http files, folders of them, and exported JSON Lines. Without --send or --to nothing is sent or stored:
    it prints the fields wanted and, with orders, the invoice chosen, the rule, the exact PATCH and the PUT of
    its events.
    Exit code 0: all came out as expected. With --against it prints which shipments the other version of the adapters
    read otherwise (before → after); exit code 0: none.
    """
    if sum([send, base_url is not None, orders_file is not None, against is not None]) > 1:
        raise click.UsageError("--send, --to, --orders and --against exclude each other.")
    config = _config(needed=send or endpoint is not None)
    if config is not None and endpoint is not None and endpoint not in config.endpoints:
        fail(f"no endpoint {endpoint!r}; there are {', '.join(config.endpoints)}")
    run = Replay(config=config, endpoint=endpoint, orders=_orders(orders_file))
    recordings = _with_progress(islice((one for path in paths for one in walk(path)), limit))
    if send:
        results = _sent(run, recordings)
    elif base_url is not None:
        http = Http([base_url])
        results = _each(recordings, lambda one: run.post(one, base_url, http))
    else:
        results = _each(recordings, run.dry)
    if against is not None:
        arguments = [*map(str, paths), *_given("--endpoint", endpoint), *_given("--limit", limit)]
        with _only_errors_logged():
            sys.exit(_compare(against, arguments, results, as_json=as_json))
    with _only_errors_logged():
        sys.exit(_print(results, as_json=as_json))


@click.command()
@endpoint_option
@outcome_option
@click.option("--raw", is_flag=True, help="Bodies as they came, with personal data. Otherwise only what we use.")
def export(endpoint: str | None, outcome: str | None, *, raw: bool) -> None:
    """Write stored deliveries as recordings, for `replay`.

    One JSON line each. Scrubbed: what neither the carrier's schema names nor a reference rule of the endpoint finds is
    blanked.
    """
    left_out = 0
    with opened() as (config, database):
        for row in known(OperatorQueries(database).deliveries(endpoint=endpoint, outcome=outcome), config, endpoint):
            if row["proof"] == FETCHED:
                continue  # it is fetched again when its notice is sent again
            recording = _recording(config, row, raw=raw)
            if recording is None:
                left_out += 1
            else:
                click.echo(to_json(recording))
    if left_out:
        many = count(left_out, "delivery", "deliveries")
        click.echo(f"{many} left out: the body was emptied, or the endpoint is not in the configuration", err=True)


@contextlib.contextmanager
def _only_errors_logged() -> Iterator[None]:
    """Held and quarantined items are printed as results, so they are not logged as well."""
    log = logging.getLogger("receiver")
    former = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(former)


def _sent(run: Replay, recordings: Iterator[_Walked]) -> Iterator[Replayed]:
    with opened() as (config, database):
        intake, queries = Intake(config, Inbox(database)), OperatorQueries(database)
        worker = Worker(config, database, name=f"replay-{time.time_ns()}")
        while batch := list(islice(recordings, _BATCH)):
            stored = list(_each(batch, lambda one: run.send(one, intake)))
            worker.run_until_idle()
            for one, result in zip(batch, stored, strict=True):
                yield result if isinstance(one, BadRecording) else run.ended(one, result, queries)


def _each(recordings: Iterable[_Walked], run: Callable[[Recording], Replayed]) -> Iterator[Replayed]:
    return (bad("", one) if isinstance(one, BadRecording) else run(one) for one in recordings)


def _print(results: Iterable[Replayed], *, as_json: bool) -> int:
    """Print each result as it comes; returns the exit code."""
    total = failed = 0
    for result in results:
        total += 1
        failed += not result.as_expected
        click.echo(json.dumps(_plain(result)) if as_json else printable(_text(result)))
    if not total:
        fail("no recordings there")
    if not as_json:
        click.echo(f"{count(total, 'recording')}, {total - failed} as expected, {failed} not")
    return 1 if failed else 0


def _given(option: str, value: object) -> list[str]:
    return [] if value is None else [option, str(value)]


def _compare(against: str, arguments: list[str], results: Iterable[Replayed], *, as_json: bool) -> int:
    """Print the differences from another version of the adapters; returns the exit code."""
    try:
        with version(against) as folder:
            before = replayed(folder, arguments)
    except NoSuchVersion as error:
        fail(str(error))
    after = [_plain(result) for result in results]
    found = list(differing(before, after))
    for one in found:
        click.echo(json.dumps(_plain_difference(one)) if as_json else printable("\n".join(_difference(one))))
    if not as_json:
        click.echo(f"{count(len(after), 'recording')}, {len(found)} read otherwise than by {against}")
    return 1 if found else 0


def _difference(one: Differing) -> Iterator[str]:
    yield one.name
    yield from (f"  {line}" for line in change_lines(one.outcome))
    for shipment, changed in one.shipments.items():
        yield f"  {shipment}"
        yield from (f"    {line}" for line in change_lines(changed))


def _plain_difference(one: Differing) -> dict[str, Any]:
    shipments = {shipment: plain_changes(changed) for shipment, changed in one.shipments.items()}
    return {"name": one.name, "message": plain_changes(one.outcome), "shipments": shipments}


def _with_progress(recordings: Iterator[_Walked]) -> Iterator[_Walked]:
    """A running count on stderr, if it is a terminal and standard output is not."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield from recordings
        return
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(recordings, total=None)


def _config(*, needed: bool) -> Config | None:
    """The configuration, if there is one: recordings can have their own endpoint settings."""
    return configuration()[1] if needed or default_path().exists() else None


def _orders(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return orders_by_id(load_orders(path))
    except (BadOrders, UnexpectedOrder) as error:
        fail(str(error))


def _text(result: Replayed) -> str:
    about = [result.carrier, result.outcome, str(result.status or "")]
    first = " ".join(part for part in about if part) + (f": {result.reason}" if result.reason else "")
    lines = [": ".join(part for part in (result.name, first) if part)]
    for parcel in result.fields:
        lines += _of_shipment(parcel)
    lines += [f"! {difference}" for difference in result.differences]
    return ("ok      " if result.as_expected else "DIFFERS ") + "\n          ".join(lines)


def _of_shipment(parcel: Fields) -> Iterator[str]:
    wanted = {name: value for name, value in parcel.wanted.items() if name not in ("events", "key")}
    yield f"{parcel.shipment}: {json.dumps(wanted, ensure_ascii=False)}"
    if parcel.patch:
        where = f"invoice {parcel.patch['invoice']} of {parcel.patch['order']}"
        yield f"{where}, by {parcel.rule}: PATCH {json.dumps(parcel.patch['body'], ensure_ascii=False)}"
    if parcel.tracking:
        where = f"invoice {parcel.tracking['invoice']} of {parcel.tracking['order']}"
        yield f"{where}: PUT tracking {json.dumps(parcel.tracking['body'], ensure_ascii=False)}"
    if parcel.state and not (parcel.patch and parcel.state == "in_step"):
        why = f", {parcel.reason}" if parcel.reason else ""
        yield f"{parcel.state}{why}{f': {parcel.note}' if parcel.note else ''}"


def _plain(result: Replayed) -> dict[str, Any]:
    return {
        "name": result.name,
        "carrier": result.carrier,
        "outcome": str(result.outcome),
        "reason": result.reason,
        "status": result.status,
        "as_expected": result.as_expected,
        "differences": list(result.differences),
        "shipments": [{one.name: getattr(parcel, one.name) for one in fields(Fields)} for parcel in result.fields],
    }


def _recording(config: Config, row: dict[str, Any], *, raw: bool) -> Recording | None:
    endpoint = config.endpoints.get(row["endpoint"])
    if endpoint is None or row["body"] is None:
        return None
    request, source = stored_request(row, endpoint), "exported from deliveries"
    expected: dict[str, Any] = {
        "endpoint": {"carrier": row["carrier"]},
        "received_at": request.received_at.isoformat(),
        "reply": {"outcome": row["outcome"]},
    }
    if not raw:
        request = scrubbed(request, endpoint.carrier, endpoint.rules)
        source += ", scrubbed to the fields we use"
        probe = endpoint.carrier.probe
        if read(endpoint, request).outcome != row["outcome"] or (probe and probe.matches(request)):
            del expected["reply"]  # the fault was in a scrubbed part
    return Recording(name=f"{row['endpoint']}/{row['id']}", request=request, expected={"source": source, **expected})


COMMANDS = (replay, export)
