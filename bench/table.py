"""The table of figures."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Wanted:
    """A bound on what was ``measured``, or on its ``ratio`` to the baseline. ``aim`` is the goal beyond it."""

    of: Literal["measured", "ratio"]
    least: float | None = None
    most: float | None = None
    aim: float | None = None

    def met_by(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        exact = self.least is not None and self.least == self.most
        bounds = (("=" if exact else "≥", self.least), ("≤", None if exact else self.most), ("aim", self.aim))
        told = ", ".join(f"{sign} {_short(bound)}" for sign, bound in bounds if bound is not None)
        return f"ratio {told}" if self.of == "ratio" else told


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure, in ``unit``. ``measured`` is ``None`` if it could not be measured; ``note`` says why."""

    figure: str
    measured: float | None
    unit: str = ""
    baseline: float | None = None
    wanted: Wanted | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return None if self.measured is None or not self.baseline else self.measured / self.baseline

    @property
    def met(self) -> bool | None:
        """Whether the bound is met; ``None`` without a bound. A figure that could not be measured is not met."""
        if self.wanted is None:
            return None
        value = self.ratio if self.wanted.of == "ratio" else self.measured
        return value is not None and self.wanted.met_by(value)

    def plain(self) -> dict[str, Any]:
        """The row for JSON."""
        return {**asdict(self), "ratio": self.ratio, "wanted": str(self.wanted or ""), "met": self.met}


def lines(rows: Iterable[Row]) -> list[str]:
    """The rows as text under one heading, every column as wide as its widest cell."""
    cells = [("figure", "measured", "baseline", "ratio", "wanted", "met", "note"), *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]


def _cells(row: Row) -> tuple[str, ...]:
    met = {None: "", True: "yes", False: "NO"}[row.met]
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    told = (row.figure, _with_unit(row.measured, row.unit), _with_unit(row.baseline, row.unit), ratio)
    return (*told, str(row.wanted or ""), met, row.note)


def _with_unit(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{_short(value)} {unit}".rstrip()


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
