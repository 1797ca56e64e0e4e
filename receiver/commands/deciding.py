"""Deciding: what only a person may do, and what is done again after a fix."""

import time

import click

from receiver.commands._common import count, fail, json_option, named, opened, reason_option, say, state_option
from receiver.store import Desk
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


COMMANDS = (assign, dismiss, retry, prune)
