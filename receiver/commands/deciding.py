"""Commands for a person's decisions, and for retries after a fix."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from receiver.commands._bulk import decide_all, say_retried
from receiver.commands._choosing import bulk_options
from receiver.commands._common import account_of, count, fail, json_option, named, opened, printable, say, standing
from receiver.commands._deciding import decision_options, decisions_of
from receiver.commands._foreseen import say_foreseen
from receiver.commands._listing import count_option, form_of, listing
from receiver.commands._listing import show as show_list
from receiver.commands._types import TEXT
from receiver.operations.choice_preview import NoPreview, foresee
from receiver.operations.decisions import Assigned, NothingToChange
from receiver.operations.order_check import NotShown
from receiver.shipments import Sent, State
from receiver.store import Horizons, Retention
from receiver.store.decisions import DECISION_FIELDS
from receiver.store.operator.bulk import BulkDecisions
from receiver.store.operator.listed import Listed
from receiver.store.operator.queries import Unknown
from receiver.store.operator.shipment_filter import ShipmentFilter
from receiver.vtex.client import BadSegment, check_place


@click.command()
@click.argument("shipment")
@click.option("--order", "order_id", type=TEXT, required=True, metavar="ORDER", help="The VTEX order id.")
@click.option("--invoice", "invoice_number", type=TEXT, metavar="NUMBER", help="The invoice number, as VTEX shows it.")
@click.option(
    "--also", type=TEXT, multiple=True, metavar="ORDER", help="One more order that the parcel serves; may be repeated."
)
@click.option("--unseen", "how", flag_value="unseen", help="Store it although VTEX does not show it, without asking.")
@click.option("--dry-run", "how", flag_value="dry-run", help="Tell what would be sent to VTEX; change nothing.")
@decision_options
@json_option
def assign(
    shipment: str, order_id: str, invoice_number: str | None, also: tuple[str, ...], how: str | None, by: str,
    note: str | None, *, as_json: bool,
) -> None:  # fmt: skip
    """Name a shipment's order, and its invoice.

    That overrules every rule; with --invoice it also overwrites, once, what that invoice holds. SHIPMENT is its id or
    its tracking number. The order is read first: one that VTEX does not show is refused. `receiver unassign` takes it
    back.
    """
    _check_segments(order_id, invoice_number, *also)
    with opened() as (config, database):
        name = named(config, database, shipment)
        try:
            if how == "dry-run":
                ends = foresee(config, database, name, order_id, invoice_number, also=also, now=time.time())
                say_foreseen(ends, as_json=as_json)
                return
            done = decisions_of(config, database, by, note).assign(
                name, order_id, invoice_number, also=also, unseen=how == "unseen"
            )
        except NotShown as error:
            fail(f"not assigned: {printable(str(error))}")
        except NoPreview as error:
            fail(f"nothing can be told: {printable(str(error))}")
        _say_assigned(name, done, as_json=as_json)


def _say_assigned(name: str, done: Assigned, *, as_json: bool) -> None:
    fields = {"shipment": name, "order_id": done.order_id, "invoice_number": done.invoice_number}
    stays = done.stays.place if done.stays else None
    shown = {**fields, "unchecked": done.unchecked, "stays": stays, "companions": list(done.companions)}
    shown["ended"] = list(done.ended)
    text = f"{name}: order {done.order_id}, invoice {done.invoice_number or 'by the rules'}"
    text += "".join(f"; also {companion}" for companion in done.companions) + _what_ended(done.ended)
    text += f"; {done.unchecked}" if done.unchecked else ""
    say(printable(f"{text}{_what_stays(done.stays)}"), shown, as_json=as_json)


@click.command()
@click.argument("shipment")
@decision_options
@json_option
def unassign(shipment: str, by: str, note: str | None, *, as_json: bool) -> None:
    """Take an assignment back: the rules decide again now.

    SHIPMENT is its id, the carrier's own id or its tracking number.
    """
    with opened() as (config, database):
        name = named(config, database, shipment)
        try:
            done = decisions_of(config, database, by, note).unassign(name)
        except Unknown as error:
            fail(str(error))
        ended, stays = done.others.ended, done.stays
        text = f"{name}: not assigned any more, the rules decide again now{_what_ended(ended)}{_what_stays(stays)}"
        shown = {"shipment": name, "stays": stays.place if stays else None, "ended": list(ended)}
        say(printable(text), shown, as_json=as_json)


_DRY_RUN = click.option("--dry-run", is_flag=True, help="Tell how many there are, with examples; change nothing.")


@click.command()
@click.argument("shipment", required=False)
@bulk_options
@_DRY_RUN
@decision_options
@json_option
def dismiss(shipment: str | None, by: str, note: str | None, *, dry_run: bool, as_json: bool, **words: Any) -> None:
    """Send nothing for shipments, no matter what the carrier sends.

    For one, by its id or its tracking number, or for all that the options choose. `receiver retry` opens them again.
    """
    _check_choice(shipment, words)
    with opened() as (config, database):
        if shipment is None:
            decide_all("dismiss", (config, database), words, by, note, dry_run=dry_run, as_json=as_json)
            return
        name = named(config, database, shipment)
        try:
            if not dry_run:
                decisions_of(config, database, by, note).dismiss(name)
            elif not BulkDecisions(database).count("dismiss", ShipmentFilter(ids=(name,))):
                fail(f"{name} is dismissed already")
        except NothingToChange as error:
            fail(str(error))
        text = f"{name}: would be dismissed" if dry_run else f"{name}: dismissed"
        said = {"shipment": name, "dry_run": True} if dry_run else {"shipment": name, "state": State.DISMISSED.value}
        say(text, said, as_json=as_json)


@click.command()
@click.argument("shipment", required=False)
@bulk_options
@_DRY_RUN
@decision_options
@json_option
def retry(shipment: str | None, by: str, note: str | None, *, dry_run: bool, as_json: bool, **words: Any) -> None:
    """Look at shipments again now.

    At one, by its id or its tracking number, or at all that the options choose.
    """
    _check_choice(shipment, words)
    with opened() as (config, database):
        if shipment is None:
            decide_all("retry", (config, database), words, by, note, dry_run=dry_run, as_json=as_json)
            return
        name = named(config, database, shipment)
        if dry_run:
            say(f"{name}: would be looked at again", {"shipment": name, "dry_run": True}, as_json=as_json)
            return
        decisions_of(config, database, by, note).retry(name)
        say_retried(database, 1, of=name, as_json=as_json)


def _check_choice(shipment: str | None, words: Mapping[str, Any]) -> None:
    if (shipment is None) == all(value is None for value in words.values()):
        raise click.UsageError("Name one SHIPMENT, or choose several by --state, --reason, --endpoint …")


@click.command()
@click.argument("account", required=False)
@decision_options
@json_option
def resume(account: str | None, by: str, note: str | None, *, as_json: bool) -> None:
    """End an account's pause now.

    After a correction of its key, or when VTEX is well again: one call is made at once, and the rest follows if VTEX
    answers. Where it does not, the account is paused again. ACCOUNT may be left out where there is only one.
    """
    with opened() as (config, database):
        name = account_of(config, account)
        try:
            decisions_of(config, database, by, note).resume(name)
        except (Unknown, NothingToChange) as error:
            fail(str(error))
        text = f"account {name}: one call is made now, the rest follows if VTEX answers"
        say(text, {"account": name, "resumed": True}, as_json=as_json)


@click.command()
@click.option("--account", type=TEXT, metavar="NAME", help="Only those about this VTEX account, its parcels and links.")
@click.option(
    "--order", type=TEXT, metavar="ORDER", help="Only those that name this VTEX order, or are about its parcels."
)
@count_option("person, way and action")
@listing
def decisions(
    account: str | None, order: str | None, since: float | None, until: float | None, limit: int | None, *,
    counted: bool, as_json: bool, as_csv: bool,
) -> None:  # fmt: skip
    """List what people decided, the newest first.

    Who, from where, what, about what, how it stood before and after, and why.
    """
    form = form_of(limit, as_json=as_json, as_csv=as_csv)
    columns = {
        "at": "at",
        "actor": "by",
        "via": "via",
        "action": "what",
        "subject": "about",
        "before": "before",
        "after": "after",
        "note": "note",
    }
    by = {"actor": "by", "via": "via", "action": "what", "count": "decisions", "last_at": "last"}
    chosen = any(value is not None for value in (account, order, since, until))
    with opened() as (config, database):
        of = account_of(config, account) if account is not None else None
        listed, period = Listed(database), form.period(since, until)
        empty = "no decisions match" if chosen else "no decisions yet"
        if counted:
            rows = listed.count_decisions(period, account=of, order=order)
            show_list(rows, by, form, fields=tuple(by), empty=empty)
        else:
            told = _listed(listed.decisions(period, account=of, order=order), as_json=as_json)
            show_list(told, columns, form, fields=DECISION_FIELDS, empty=empty)


def _listed(rows: Iterator[dict[str, Any]], *, as_json: bool) -> Iterator[dict[str, Any]]:
    return rows if as_json else ({**row, **{side: standing(row[side]) for side in ("before", "after")}} for row in rows)


@click.command()
@json_option
def prune(*, as_json: bool) -> None:
    """Empty the bodies of old deliveries, delete old rows.

    As `keep_bodies_days`, `keep_unreadable_days` and `keep_rows_days` say. The worker does this daily.
    """
    with opened() as (config, database):
        retention = Retention(database)
        pruned = retention.prune(Horizons.of(config), now=time.time())
        days = retention.rows_days(config.keep_rows_days)
        text = f"{count(pruned.bodies, 'body', 'bodies')} emptied, all older than {config.keep_bodies_days:g} days"
        rows = f"; {count(pruned.rows, 'row')} deleted, older than {days:g} days" if days else "; rows stay for ever"
        say(text + rows, {"emptied": pruned.bodies, "deleted": pruned.rows}, as_json=as_json)


def _what_ended(companions: Sequence[str]) -> str:
    return "".join(f"; {companion} ends" for companion in companions)


def _what_stays(sent: Sent | None) -> str:
    return f"; was written to {sent.order_id} / {sent.invoice_number}; that stays there" if sent else ""


def _check_segments(order_id: str, invoice_number: str | None, *also: str) -> None:
    try:
        check_place(order_id, invoice_number, also)
    except BadSegment as error:
        fail(f"{error.field}: {error}")


COMMANDS = (assign, unassign, dismiss, retry, resume, decisions, prune)
