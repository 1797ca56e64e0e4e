"""Deciding: what only a person may do, and what is done again after a fix."""

import time

import click

from receiver.calls.background import BackgroundCalls
from receiver.commands._common import (
    background_calls,
    count,
    fail,
    json_option,
    named,
    opened,
    printable,
    reason_option,
    say,
    state_option,
)
from receiver.commands.checking import pause_line
from receiver.config import Config
from receiver.operations import decisions
from receiver.shipments import Sent
from receiver.store import Database, OperatorQueries
from receiver.store.operator import Unknown
from receiver.vtex.client import BadSegment, path_segment


@click.command()
@click.argument("shipment")
@click.option("--order", "order_id", required=True, metavar="ORDER", help="The VTEX order id.")
@click.option("--invoice", "invoice_number", metavar="NUMBER", help="The invoice number, as VTEX shows it.")
@click.option("--unseen", is_flag=True, help="Store it although VTEX does not show it; VTEX is not asked.")
@json_option
def assign(shipment: str, order_id: str, invoice_number: str | None, *, unseen: bool, as_json: bool) -> None:
    """Name a shipment's order, and its invoice.

    That overrules every rule; with --invoice it also overwrites, once, what that invoice holds. SHIPMENT is its id or
    its tracking number. The order is read first: one that VTEX does not show is refused. `receiver unassign` takes it
    back.
    """
    _check_segments(order_id, invoice_number)
    with opened() as (config, database):
        queries = OperatorQueries(database)
        name = named(queries, shipment)
        calls = "not looked up at VTEX (--unseen)" if unseen else _calls_for(queries, name, config, database)
        try:
            done = decisions.assign(queries, name, order_id, invoice_number, calls=calls, now=time.time())
        except decisions.NotShown as error:
            fail(f"not assigned: {printable(str(error))}")
        fields = {"shipment": name, "order_id": done.order_id, "invoice_number": done.invoice_number}
        shown = {**fields, "unchecked": done.unchecked, "stays": _place(done.stays)}
        text = f"{name}: order {done.order_id}, invoice {done.invoice_number or 'by the rules'}"
        text += f"; {done.unchecked}" if done.unchecked else ""
        say(printable(f"{text}{_what_stays(done.stays)}"), shown, as_json=as_json)


@click.command()
@click.argument("shipment")
@json_option
def unassign(shipment: str, *, as_json: bool) -> None:
    """Take an assignment back: the rules decide again now.

    SHIPMENT is its id or its tracking number.
    """
    with opened() as (_, database):
        queries = OperatorQueries(database)
        name = named(queries, shipment)
        try:
            stays = queries.unassign(name, now=time.time())
        except Unknown as error:
            fail(str(error))
        text = f"{name}: not assigned any more, the rules decide again now{_what_stays(stays)}"
        say(printable(text), {"shipment": name, "stays": _place(stays)}, as_json=as_json)


@click.command()
@click.argument("shipment")
@json_option
def dismiss(shipment: str, *, as_json: bool) -> None:
    """Send nothing for a shipment, no matter what the carrier sends.

    `receiver retry` opens it again. SHIPMENT is its id or its tracking number.
    """
    with opened() as (_, database):
        queries = OperatorQueries(database)
        name = named(queries, shipment)
        queries.dismiss(name, now=time.time())
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
        queries = OperatorQueries(database)
        if state is not None:
            many = queries.retry_all(state=state, reason=reason, now=time.time())
        else:
            queries.retry(named(queries, shipment or ""), now=time.time())
            many = 1
        paused = queries.paused_accounts(now=time.time())
        lines = [
            f"{count(many, 'shipment')} will be looked at again",
            *(f"account {pause_line(row)}" for row in paused),
        ]
        told = {"retried": many, **({"paused_accounts": [row["name"] for row in paused]} if paused else {})}
        say("\n".join(lines), told, as_json=as_json)


@click.command()
@json_option
def prune(*, as_json: bool) -> None:
    """Empty the bodies of old deliveries.

    Those past `keep_bodies_days` that do not wait for a fix. The worker does this daily.
    """
    with opened() as (config, database):
        emptied = OperatorQueries(database).prune(bodies_before=time.time() - config.keep_bodies_days * 86_400)
        text = f"{count(emptied, 'body', 'bodies')} emptied, all older than {config.keep_bodies_days:g} days"
        say(text, {"emptied": emptied}, as_json=as_json)


def _calls_for(queries: OperatorQueries, shipment: str, config: Config, database: Database) -> BackgroundCalls | str:
    """Calls to the shipment's account, or why there are none."""
    account = queries.account_of(shipment)
    if account not in config.accounts:
        return f"not looked up at VTEX: account {account} is not in the configuration"
    return background_calls(config, database, account)


def _place(sent: Sent | None) -> dict[str, str] | None:
    if sent is None:
        return None
    place = {"order_id": sent.order_id, "invoice_number": sent.invoice_number}
    return {**place, "tracking_number": sent.tracking_number}


def _what_stays(sent: Sent | None) -> str:
    return f"; was written to {sent.order_id} / {sent.invoice_number}; that stays there" if sent else ""


def _check_segments(order_id: str, invoice_number: str | None) -> None:
    for name, text in (("order", order_id), ("invoice", invoice_number)):
        try:
            path_segment("-" if text is None else text)
        except BadSegment as error:
            fail(f"{name}: {error}")


COMMANDS = (assign, unassign, dismiss, retry, prune)
