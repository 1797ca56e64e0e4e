"""What options take: texts that say something, dates, and numbers that every database can hold."""

import math
from typing import Any

import click

from receiver.shipments.plain import seconds

#: The largest number of an option: the limit of a query holds it, on both databases.
_LARGEST = 1_000_000_000


class _Text(click.ParamType[str]):
    """A text that is not empty. What a shell makes of an unset variable must not choose more than was meant."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is."""
        if not value.strip():
            self.fail("it is empty; leave the option out, or give it a value", param, ctx)
        return value


class _Amount(click.FloatRange):
    """A number of at least 0, and neither infinite nor ``nan``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value} is no number", param, ctx)
        return found


TEXT = _Text()
AMOUNT = _Amount(min=0.0)
AT_LEAST_ONE = click.IntRange(min=1, max=_LARGEST)
FROM_ZERO = click.IntRange(min=0, max=_LARGEST)


def instant(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """A date or a time as seconds since the epoch; without an offset it is UTC."""
    try:
        return None if value is None else seconds(value)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is no date, such as 2026-01-31 or 2026-01-31T12:00:00Z") from None
