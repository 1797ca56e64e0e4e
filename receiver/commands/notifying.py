"""Who is told when a person is needed: a test of each channel, and what lasts at this moment."""

import json
import time
from collections.abc import Mapping
from typing import Any

import click

from receiver.commands._common import configuration, fail, json_option, opened, printable, show_rows
from receiver.notify.causes import has_lasted
from receiver.notify.channels import open_channels, send_now
from receiver.notify.messages import message
from receiver.shipments.plain import plain
from receiver.store.notify.alerts import Alerts

_NO_CHANNEL = "no channel: add a [notify] table (docs/alerts.md)"


@click.group()
def notify() -> None:
    """Messages to people: test the channels, list what lasts."""


@notify.command(name="test")
def test_channels() -> None:
    """Send a test message over every channel.

    Exit code 1 where one did not take it.
    """
    _, config = configuration()
    channels = open_channels(config.notify)
    if not channels:
        fail(_NO_CHANNEL)
    results = send_now(channels, message("test", "warning", "a test; nothing is wrong"), at=time.time())
    for name, reason in results.items():
        click.echo(printable(f"{name}: {'sent' if reason is None else f'not sent, {reason}'}"))
    if any(results.values()):
        raise SystemExit(1)


@notify.command(name="list")
@json_option
def list_alerts(*, as_json: bool) -> None:
    """List what lasts, and messages that were not sent.

    The worker looks once a minute, and queues a message about what lasts. Messages that wait or were given up stand at
    the end.
    """
    columns = {"severity": "severity", "title": "what", "since": "since", "told": "message", "command": "what to do"}
    with opened() as (_, database):
        alerts = Alerts(database)
        lasting = [one for one in alerts.all() if has_lasted(one, now=time.time())]
        unsent = alerts.unsent()
    if as_json:
        for row in (*map(_lasting, lasting), *map(_unsent, unsent)):
            click.echo(json.dumps(plain(row)))
        return
    rows = [{**row, "since": row["opened_at"], "told": "queued" if row["is_told"] else "none yet"} for row in lasting]
    show_rows(rows, columns, as_json=False, empty="nothing lasts that a person should know")
    for one in unsent:
        state = "given up" if one["due_at"] is None else "tried again"
        click.echo(printable(f"! {one['channel']}: {one['error'] or 'not sent yet'}, {state}"))


def _lasting(alert: Mapping[str, Any]) -> dict[str, Any]:
    names = ("cause", "subject", "severity", "count", "title", "lines", "command")
    told_at = alert["told_at"] if alert["is_told"] else None
    return {"what": "lasts", **{name: alert[name] for name in names}, "since": alert["opened_at"], "told_at": told_at}


def _unsent(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "channel", "error", "tries", "made_at", "due_at")
    return {"what": "unsent", **{name: row[name] for name in names}, "title": row["message"]["title"]}


COMMANDS = (notify,)
