"""The command that reads stored deliveries again: after a fix of an adapter, or to see what a fix would change."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from receiver.commands._changes import change_lines, plain_changes
from receiver.commands._common import carrier_option, count, endpoint_option, fail, json_option, opened, printable, say
from receiver.commands._deciding import decision_options, decisions_of
from receiver.commands._types import TEXT, instant
from receiver.config import Config
from receiver.intake import Intake, Outcome
from receiver.operations.decisions import Decisions
from receiver.operations.rereading import Reread, Rereading
from receiver.store import Database, Inbox, OperatorQueries
from receiver.store.intake.unknown_words import UnknownWords
from receiver.store.operator.queries import OPEN, Unknown


@click.command()
@click.argument("delivery", required=False)
@click.option("--outcome", type=click.Choice(OPEN), help="Only these; default: both.")
@click.option("--accepted", is_flag=True, help="Accepted deliveries instead, with today's adapter.")
@click.option("--unknown", type=TEXT, metavar="WORD", help="The deliveries that had this unknown status word instead.")
@endpoint_option
@carrier_option
@click.option("--since", metavar="DATE", callback=instant, help="Received since then (UTC).")
@click.option("--dry-run", is_flag=True, help="Show what would change of each parcel; nothing is stored.")
@decision_options
@json_option
def reprocess(
    delivery: str | None,
    outcome: str | None,
    unknown: str | None,
    endpoint: str | None,
    carrier: str | None,
    since: float | None,
    by: str,
    note: str | None,
    *,
    accepted: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Read stored deliveries again.

    After a fix of an adapter: one by its id, else all that were quarantined or failed. With --accepted those that were
    accepted, and with --unknown those that had a status word that the adapter did not know. Many are worked on behind
    what is live.
    """
    chosen = {"--outcome": outcome, "--accepted": accepted, "--unknown": unknown}
    _refuse_contradictions(delivery, chosen, carrier, endpoint or since)
    with opened() as (config, database):
        _check_known(database, config, endpoint, carrier)
        if delivery is not None:
            ids = [delivery]
        elif unknown is not None:
            ids = UnknownWords(database).deliveries_with(unknown, carrier=carrier)
        else:
            outcomes = ["accepted"] if accepted else [outcome] if outcome else OPEN
            ids = OperatorQueries(database).delivery_ids(
                outcomes, endpoint=endpoint, carrier=carrier, since=since or 0.0
            )
        if dry_run:
            _show_differences(config, database, ids, as_json=as_json)
            return
        # An accepted delivery does not repeat its fetches, unless it is named.
        fetch = delivery is not None or not (accepted or unknown)
        decisions = decisions_of(config, database, by, note)
        _run_again(decisions, ids, fetch=fetch, quiet=accepted, as_json=as_json)
        if unknown is not None:
            _forget(database, unknown, carrier, as_json=as_json)


def _refuse_contradictions(
    delivery: str | None, chosen: Mapping[str, object], carrier: str | None, narrowed: object
) -> None:
    if sum(bool(value) for value in chosen.values()) > 1:
        raise click.UsageError(f"{', '.join(chosen)} exclude each other.")
    if delivery is not None and (any(chosen.values()) or carrier or narrowed):
        raise click.UsageError("Name one DELIVERY, or all with --outcome and --endpoint.")
    if chosen["--unknown"] is not None and narrowed:
        raise click.UsageError("--unknown goes with --carrier only.")


def _run_again(decisions: Decisions, ids: Sequence[str], *, fetch: bool, quiet: bool, as_json: bool) -> None:
    """``quiet``: only what cannot be read any more has a line of its own."""
    left = 0
    for name in _with_progress(ids):
        try:
            reading = decisions.reprocess(name, bulk=len(ids) > 1, fetch=fetch)
        except Unknown as error:
            fail(str(error))
        failed = reading.outcome in (Outcome.QUARANTINED, Outcome.ERROR)
        left += failed
        if as_json or failed or not quiet:
            said = {"delivery": name, "outcome": str(reading.outcome), "reason": reading.reason}
            say(printable(f"{name}  {reading.outcome}  {reading.reason or ''}".rstrip()), said, as_json=as_json)
    if not as_json:
        click.echo(f"{count(len(ids), 'delivery', 'deliveries')} run again, {left} still to be fixed")


def _forget(database: Database, word: str, carrier: str | None, *, as_json: bool) -> None:
    """Delete the word if no delivery has it any more."""
    words = UnknownWords(database)
    gone = words.forget_unused(word, carrier=carrier)
    left = words.deliveries_with(word, carrier=carrier)
    if as_json:
        return
    for slug in gone:
        click.echo(printable(f"the word {word} is forgotten: no delivery of {slug} has it any more"))
    if left:
        many = count(len(left), "delivery has", "deliveries have")
        click.echo(printable(f"{many} the word {word} still: the adapter does not know it yet"))


def _show_differences(config: Config, database: Database, ids: Sequence[str], *, as_json: bool) -> None:
    rereading = Rereading(config, OperatorQueries(database), Intake(config, Inbox(database)))
    parcels = 0
    for found in rereading.differences(_with_progress(ids)):
        parcels += 1
        if as_json:
            click.echo(json.dumps(_plain(found)))
        else:
            for line in _lines(found):
                click.echo(printable(line))
    if as_json:
        return
    summary = rereading.summary
    for name, reason in summary.unreadable.items():
        click.echo(printable(f"{name}  cannot be read today, it stays as it is: {reason}"))
    many = count(summary.read, "delivery", "deliveries")
    click.echo(f"{many} read, {summary.otherwise} otherwise than before; {count(parcels, 'parcel')} would change")


def _lines(found: Reread) -> Iterator[str]:
    yield found.shipment
    yield from (f"  {line}" for line in change_lines(found.changes))
    yield f"  {'then':<16}{found.follow_up}"


def _plain(found: Reread) -> dict[str, Any]:
    return {"shipment": found.shipment, "changes": plain_changes(found.changes), "then": found.follow_up}


def _with_progress(ids: Sequence[str]) -> Iterator[str]:
    """A running count on stderr, if it is a terminal and standard output is not."""
    if len(ids) < 2 or not sys.stderr.isatty() or sys.stdout.isatty():
        yield from ids
        return
    columns = (TextColumn("reading again"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(ids)


def _check_known(database: Database, config: Config, endpoint: str | None, carrier: str | None) -> None:
    """End the command for a name that is neither stored nor configured."""
    known: tuple[tuple[str, str | None, Callable[[], list[str]]], ...] = (
        ("endpoint", endpoint, lambda: list(config.endpoints)),
        ("carrier", carrier, lambda: sorted({one.carrier.slug for one in config.endpoints.values()})),
    )
    for kind, name, configured in known:
        if name is None or name in configured():
            continue
        if not OperatorQueries(database).has_deliveries(**{kind: name}):
            fail(f"no {kind} {name!r}; there are {', '.join(configured())}")


COMMANDS = (reprocess,)
