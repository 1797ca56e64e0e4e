"""One screen: what needs a person, what waits and why, the accounts, and when each carrier was last heard."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click
from rich.cells import cell_len, set_cell_size

from receiver.commands._common import count, json_option, opened, printable, terminal_width
from receiver.config import Config
from receiver.notify.causes import Cause, Finding
from receiver.notify.overview import Overview, overview
from receiver.shipments import State
from receiver.shipments.plain import plain
from receiver.timing import stamp

#: The most lines of each part: all of them, and the line between, fit a terminal of 24 lines with a prompt.
_NEEDS, _WAITS, _ACCOUNTS, _ENDPOINTS = 7, 4, 4, 6
_WAITING = (State.DUE, State.AWAITING_ORDER, State.AWAITING_INVOICE, State.WAITING)


@click.command()
@json_option
def status(*, as_json: bool) -> None:
    """Show in one screen what needs a person.

    And what waits and why, the accounts, and when each endpoint last heard from its carrier.
    """
    with opened() as (config, database):
        found = overview(config, database, now=time.time())
    if as_json:
        click.echo(json.dumps(plain(_plain(found, config))))
        return
    width = terminal_width()
    for line in _screen(found, config):
        text = printable(line)
        click.echo(text if width is None or cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…")


def _screen(found: Overview, config: Config) -> Iterator[str]:
    needs = [f"! {_need(found, one)}" for one in found.needs]
    yield from _at_most(_NEEDS, needs or ["nothing needs a person"], "receiver notify list")
    waits = [text for state in _WAITING if (text := _wait(found, state))]
    if found.due_since is not None:
        waits.append(f"the oldest due since {stamp(found.due_since)}, for {_span(found.now - found.due_since)}")
    yield from _at_most(_WAITS + 1, waits or ["nothing waits"], "")
    paused_first = sorted(config.accounts, key=lambda name: (name not in found.pauses, name))
    yield from _at_most(_ACCOUNTS, [_account(found, config, name) for name in paused_first], "receiver check")
    longest_first = sorted(found.heard.items(), key=lambda one: (one[1] is not None, one[1] or 0.0, one[0]))
    yield from _at_most(_ENDPOINTS, [_endpoint(found, *one) for one in longest_first], "receiver status --json")


def _at_most(most: int, lines: Sequence[str], rest: str) -> Iterable[str]:
    if len(lines) <= most:
        return lines
    left = len(lines) - most + 1
    return [*lines[: most - 1], f"… and {left} more{f': {rest}' if rest else ''}"]


def _need(found: Overview, one: Finding) -> str:
    """A matter, what to do, and last what a narrow terminal may cut off."""
    state = {Cause.HELD: State.HELD, Cause.GAVE_UP: State.GAVE_UP}.get(one.cause)
    detail = _reasons(found.reasons(state, one.subject)) if state is not None else "".join(one.lines[:1])
    return f"{one.title}: {one.command}" + (f" ({detail})" if detail else "")


def _wait(found: Overview, state: State) -> str | None:
    reasons = found.reasons(state)
    if not reasons:
        return None
    why = _reasons({reason: many for reason, many in reasons.items() if reason})
    return f"{count(sum(reasons.values()), 'parcel')} {state.value}{f': {why}' if why else ''}"


def _reasons(reasons: dict[str, int]) -> str:
    return ", ".join(f"{many} {reason}" for reason, many in reasons.items())


def _account(found: Overview, config: Config, name: str) -> str:
    pause, pace = found.pauses.get(name), f"account {name}: {config.accounts[name].requests_per_minute:g} a minute"
    if pause is None:
        return pace
    when = f"paused until {stamp(pause['until'])}" if pause["until"] > found.now else "about to be tried again"
    return f"{pace}, {when}; it ends {pause['ends']} ({pause['reason']})"


def _endpoint(found: Overview, name: str, at: float | None) -> str:
    if at is not None:
        return f"endpoint {name}: last heard {stamp(at)}, {_span(found.now - at)} ago"
    checked, refused = found.checked[name], found.refused[name]
    if refused is not None and refused > (checked or 0.0):  # a check may look like an unsigned event
        when = f"a sender refused {stamp(refused)}, {_span(found.now - refused)} ago"
        return f"endpoint {name}: never heard, {when}: receiver rejects --endpoint {name}"
    if checked is None:
        return f"endpoint {name}: never heard"
    return f"endpoint {name}: never heard, URL checked {stamp(checked)}, {_span(found.now - checked)} ago"


def _span(seconds: float) -> str:
    """A time span as people say it, in its largest unit."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return count(int(seconds // size), unit)
    return count(max(0, int(seconds)), "second")


def _plain(found: Overview, config: Config) -> dict[str, Any]:
    """The same as one object."""
    shown = ("until", "reason", "own_fault", "ends")
    return {
        "at": found.now,
        "needs": [
            {"cause": one.cause.value, "severity": one.cause.severity.value, "subject": one.subject}
            | {"count": one.count, "title": one.title, "lines": list(one.lines), "command": one.command}
            for one in found.needs
        ],
        "shipments": [dict(row) for row in found.counts],
        "oldest_due_at": found.due_since,
        "accounts": [
            {
                "account": name,
                "requests_per_minute": account.requests_per_minute,
                "pause": {key: found.pauses[name][key] for key in shown} if name in found.pauses else None,
            }
            for name, account in config.accounts.items()
        ],
        "endpoints": [
            {"endpoint": name, "carrier": config.endpoints[name].carrier.slug, "last_delivery_at": at}
            | {"last_check_at": found.checked[name]}
            for name, at in found.heard.items()
        ],
    }


COMMANDS = (status,)
