"""Deciding: what only a person may do, and what is done again after a fix."""

import time
from typing import Any

import click

from receiver.commands._common import (
    count,
    endpoint_option,
    fail,
    json_option,
    known,
    named,
    opened,
    reason_option,
    say,
    state_option,
)
from receiver.config import Config
from receiver.intake import Intake, Outcome
from receiver.store import Desk, Inbox
from receiver.store.desk import OPEN, Unknown
from receiver.vtex.client import BadSegment, segment


@click.command()
@click.argument("shipment")
@click.option("--order", "order_id", required=True, metavar="ORDER", help="The VTEX order id.")
@click.option("--invoice", "invoice_number", metavar="NUMBER", help="The invoice number, as VTEX shows it.")
@json_option
def assign(shipment: str, order_id: str, invoice_number: str | None, *, as_json: bool) -> None:
    """Name a shipment's order, and its invoice.

    That overrules every rule; with --invoice it also overwrites, once, what that invoice holds. SHIPMENT is its id or
    its tracking number.
    """
    _check_segments(order_id, invoice_number)
    with opened() as (_, database):
        desk = Desk(database)
        name = named(desk, shipment)
        desk.assign(name, order_id=order_id, invoice_number=invoice_number, now=time.time())
        said = {"shipment": name, "order_id": order_id, "invoice_number": invoice_number}
        say(f"{name}: order {order_id}, invoice {invoice_number or 'by the rules'}", said, as_json=as_json)


@click.command()
@click.argument("shipment")
@json_option
def dismiss(shipment: str, *, as_json: bool) -> None:
    """Send nothing for a shipment, whatever comes.

    `receiver retry` opens it again. SHIPMENT is its id or its tracking number.
    """
    with opened() as (_, database):
        desk = Desk(database)
        name = named(desk, shipment)
        desk.dismiss(name, now=time.time())
        say(f"{name}: dismissed", {"shipment": name}, as_json=as_json)


@click.command()
@click.argument("shipment", required=False)
@state_option
@reason_option
@json_option
def retry(shipment: str | None, state: str | None, reason: str | None, *, as_json: bool) -> None:
    """Look at shipments again now.

    At one, by its id or its tracking number, or at all of a --state and --reason.
    """
    if (shipment is None) == (state is None):
        raise click.UsageError("Name one SHIPMENT, or a --state.")
    if reason is not None and state is None:
        raise click.UsageError("--reason goes with --state.")
    with opened() as (_, database):
        desk = Desk(database)
        if state is not None:
            many = desk.retry_all(state=state, reason=reason, now=time.time())
        else:
            desk.retry(named(desk, shipment or ""), now=time.time())
            many = 1
        say(f"{count(many, 'shipment')} will be looked at again", {"retried": many}, as_json=as_json)


@click.command()
@click.argument("delivery", required=False)
@click.option("--outcome", type=click.Choice(OPEN), help="Only these; default: both.")
@endpoint_option
@json_option
def reprocess(delivery: str | None, outcome: str | None, endpoint: str | None, *, as_json: bool) -> None:
    """Run quarantined and failed deliveries again.

    As after a fix of an adapter: one by its id, or all.
    """
    if delivery is not None and (outcome or endpoint):
        raise click.UsageError("Name one DELIVERY, or all with --outcome and --endpoint.")
    with opened() as (config, database):
        desk, intake = Desk(database), Intake(config, Inbox(database))
        ids = [delivery] if delivery is not None else _open(desk, config, outcome, endpoint)
        left = 0
        for name in ids:
            reading = intake.reprocess(_delivery(desk, name), behind=len(ids) > 1)
            left += reading.outcome in (Outcome.QUARANTINED, Outcome.ERROR)
            said = {"delivery": name, "outcome": str(reading.outcome), "reason": reading.reason}
            say(f"{name}  {reading.outcome}  {reading.reason or ''}".rstrip(), said, as_json=as_json)
        if not as_json:
            click.echo(f"{count(len(ids), 'delivery', 'deliveries')} run again, {left} still to be fixed")


@click.command()
@json_option
def prune(*, as_json: bool) -> None:
    """Empty the bodies of old deliveries.

    Those past `keep_bodies_days` that do not wait for a fix. The worker does this daily.
    """
    with opened() as (config, database):
        emptied = Desk(database).prune(bodies_before=time.time() - config.keep_bodies_days * 86_400)
        text = f"{count(emptied, 'body', 'bodies')} emptied, all older than {config.keep_bodies_days:g} days"
        say(text, {"emptied": emptied}, as_json=as_json)


def _check_segments(order_id: str, invoice_number: str | None) -> None:
    for name, text in (("order", order_id), ("invoice", invoice_number)):
        try:
            segment("-" if text is None else text)
        except BadSegment as error:
            fail(f"{name}: {error}")


def _open(desk: Desk, config: Config, outcome: str | None, endpoint: str | None) -> list[str]:
    """The ids first: what is run again may come under the other outcome, and must not be run twice."""
    outcomes = [outcome] if outcome else OPEN
    rows = (row for one in outcomes for row in desk.deliveries(outcome=one, endpoint=endpoint))
    return [row["id"] for row in known(rows, config, endpoint)]


def _delivery(desk: Desk, name: str) -> dict[str, Any]:
    try:
        return desk.delivery(name)
    except Unknown as error:
        fail(str(error))


COMMANDS = (assign, dismiss, retry, reprocess, prune)
