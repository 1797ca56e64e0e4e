"""PURE: bars as an SVG draws them."""

from collections.abc import Sequence
from dataclasses import dataclass

#: The size of the drawing, in its own units; the page scales it.
WIDTH, HEIGHT = 240, 60
_GAP = 2.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, and its number. One of nothing is a hair's breadth high."""

    x: float
    y: float
    width: float
    height: float
    value: int


def bars(values: Sequence[int]) -> list[Bar]:
    """A bar for each value, from left to right; the highest one fills the height."""
    if not values:
        return []
    room, most = WIDTH / len(values), max(*values, 1)
    heights = [max(value / most * (HEIGHT - 1), 1.0) for value in values]
    return [
        Bar(round(at * room, 2), round(HEIGHT - height, 2), round(room - _GAP, 2), round(height, 2), value)
        for at, (value, height) in enumerate(zip(values, heights, strict=True))
    ]
