"""Commands that list what arrived, and the state of each parcel."""

from typing import Any

import click

from receiver.commands._choosing import choice_options, chosen_shipments, of_account_option, of_order_option
from receiver.commands._common import account_of, endpoint_option, endpoints_of, known, opened, outcome_option
from receiver.commands._listing import count_option, form_of, listing
from receiver.commands._listing import show as show_list
from receiver.commands._types import TEXT
from receiver.config import Config
from receiver.store.operator.fields import DELIVERY_FIELDS, FETCH_FIELDS, LISTED_FIELDS, REJECT_FIELDS
from receiver.store.operator.listed import Listed


@click.command()
@choice_options
@count_option("account, state and reason")
@listing
def shipments(limit: int | None, *, counted: bool, as_json: bool, as_csv: bool, **words: Any) -> None:
    """List shipments, the latest change first."""
    form = form_of(limit, as_json=as_json, as_csv=as_csv)
    columns = {
        "id": "shipment",
        "state": "state",
        "reason": "reason",
        "tracking_number": "number",
        "order_id": "order",
        "invoice_number": "invoice",
        "rule": "chosen by",
        "changed_at": "changed",
    }
    of_count = {"account": "account", "state": "state", "reason": "reason", "count": "shipments", "last_at": "last"}
    empty = "no shipments match" if any(value is not None for value in words.values()) else "no shipments yet"
    with opened() as (config, database):
        listed, of = Listed(database), chosen_shipments(config, database, words)
        most = form.period(None, None).limit
        found = iter(listed.count_shipments(of)) if counted else listed.shipments(of, limit=most)
        rows = known(found, config, words["endpoint"])
        show_list(
            rows if counted or as_json or as_csv else map(_with_awaited, rows),
            of_count if counted else columns,
            form,
            fields=tuple(of_count if counted else LISTED_FIELDS),
            empty=empty,
        )


def _with_awaited(row: dict[str, Any]) -> dict[str, Any]:
    """For people: the order that a shipment waits for stands where its order will."""
    return {**row, "order_id": f"awaits {row['awaited_order']}"} if row["awaited_order"] else row


@click.command()
@outcome_option
@endpoint_option
@of_account_option
@of_order_option
@count_option("carrier, outcome and reason")
@listing
def deliveries(
    since: float | None, until: float | None, limit: int | None, *, counted: bool, as_json: bool, as_csv: bool,
    **wanted: str | None,
) -> None:  # fmt: skip
    """List deliveries, the latest arrival first. Bodies are not shown: see `receiver export`.

    With --count: those that were ignored, quarantined or failed, unless an outcome, account or order is named.
    """
    form = form_of(limit, as_json=as_json, as_csv=as_csv)
    columns = {
        "id": "delivery",
        "received_at": "received",
        "endpoint": "endpoint",
        "outcome": "outcome",
        "reason": "reason",
    }
    by = {"carrier": "carrier", "outcome": "outcome", "reason": "reason", "count": "deliveries", "last_at": "last"}
    chosen = any(value is not None for value in (since, until, *wanted.values()))
    empty = "no deliveries match" if chosen else "every delivery was taken" if counted else "no deliveries yet"
    with opened() as (config, database):
        _check_account(config, wanted["account"])
        listed, period = Listed(database), form.period(since, until)
        found = iter(listed.count_deliveries(period, **wanted)) if counted else listed.deliveries(period, **wanted)
        rows = known(found, config, wanted["endpoint"])
        show_list(rows, by if counted else columns, form, fields=tuple(by) if counted else DELIVERY_FIELDS, empty=empty)


@click.command()
@endpoint_option
@of_account_option
@count_option("endpoint and outcome")
@listing
def fetches(
    endpoint: str | None, account: str | None, since: float | None, until: float | None, limit: int | None, *,
    counted: bool, as_json: bool, as_csv: bool,
) -> None:  # fmt: skip
    """List what carriers were to be asked for.

    The latest change first. What is held or given up is tried again by `receiver reprocess DELIVERY`.
    """
    form = form_of(limit, as_json=as_json, as_csv=as_csv)
    columns = {
        "changed_at": "changed",
        "endpoint": "endpoint",
        "outcome": "outcome",
        "due_at": "due",
        "reason": "reason",
        "delivery": "asked for by",
        "url": "what",
    }
    of_count = {"endpoint": "endpoint", "outcome": "outcome", "count": "fetches", "last_at": "last"}
    with opened() as (config, database):
        listed, period = Listed(database), form.period(since, until)
        of = endpoints_of(config, account, endpoint)
        found = iter(listed.count_fetches(period, endpoints=of)) if counted else listed.fetches(period, endpoints=of)
        rows = known(found, config, endpoint)
        show_list(
            rows,
            of_count if counted else columns,
            form,
            fields=tuple(of_count if counted else FETCH_FIELDS),
            empty="nothing was to be fetched",
        )


@click.command()
@click.option("--endpoint", type=TEXT, metavar="NAME", help="Only those that asked for this name.")
@of_account_option
@count_option("endpoint and reason")
@listing
def rejects(
    endpoint: str | None, account: str | None, since: float | None, until: float | None, limit: int | None, *,
    counted: bool, as_json: bool, as_csv: bool,
) -> None:  # fmt: skip
    """List what did not get in.

    Senders that could not prove themselves, and webhooks to an address or with a method that no endpoint has: the
    newest first, with the reason, which they are not told.

    Of senders the last 200 of an endpoint are kept, at most five a second. The metric receiver_rejects_total counts
    all.
    """
    form = form_of(limit, as_json=as_json, as_csv=as_csv)
    columns = {
        "at": "at",
        "endpoint": "endpoint",
        "reason": "reason",
        "count": "times",
        "method": "method",
        "target": "target",
    }
    by = {"endpoint": "endpoint", "reason": "reason", "count": "times", "last_at": "last"}
    with opened() as (config, database):
        listed, period, of = Listed(database), form.period(since, until), endpoints_of(config, account, endpoint)
        if of is not None and account is not None and endpoint is None:
            its = config.accounts[account]
            of += [its.hook_route, its.links_route]  # what else has a secret of the account
        rows = listed.count_rejects(period, endpoints=of) if counted else listed.rejects(period, endpoints=of)
        fields = tuple(by) if counted else REJECT_FIELDS
        show_list(rows, by if counted else columns, form, fields=fields, empty="nothing was rejected")


def _check_account(config: Config, account: str | None) -> None:
    """End the command where the account is not configured: a typing error would look like an empty list."""
    if account is not None:
        account_of(config, account)


COMMANDS = (shipments, deliveries, fetches, rejects)
