"""Prints what an assignment would send to VTEX."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from receiver.commands._common import printable
from receiver.operations.choice_preview import Foreseen


def say_foreseen(ends: Sequence[Foreseen], *, as_json: bool) -> None:
    """A block of lines for each shipment, or a JSON object."""
    for end in ends:
        if as_json:
            click.echo(json.dumps({"dry_run": True, **asdict(end)}))
        else:
            click.echo(printable("\n".join(_lines(end))))


def _lines(end: Foreseen) -> Iterator[str]:
    how = "".join(f", {part}" for part in (end.reason, f"by {end.rule}" if end.rule else None) if part)
    yield f"{end.shipment}: would be {end.state}{how}"
    if end.note:
        yield f"  {end.note}"
    for call in end.calls:
        yield f"  {call.method} {call.path}"
        yield from (f"    {name:<15} {_text(value)}" for name, value in call.body.items())
        if call.replaces:
            yield f"    in place of     {', '.join(f'{name} {value}' for name, value in call.replaces.items())}"
    if not end.calls:
        yield "  nothing would be sent to VTEX"


def _text(value: object) -> str:
    return "(none)" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
