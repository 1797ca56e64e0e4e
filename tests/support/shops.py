"""Shops whose carriers are heard as in life: by day, less on Saturdays, hardly at night, not on Sundays."""

import math
import random
from collections.abc import Mapping

DAY, WEEK = 24, 7 * 24
#: The part of its busiest rate that an endpoint has in each hour from 7 to 21.
_BY_DAY = (0.3, 0.8, 1.2, 1.2, 1.0, 0.8, 1.0, 1.3, 1.3, 1.2, 1.0, 0.7, 0.5, 0.3)
_AT_NIGHT = 0.02


def heard(
    rates: Mapping[str, float], *, weeks: int, seed: int,
    days: Mapping[int, float | Mapping[str, float]] | None = None,
) -> dict[str, dict[int, int]]:  # fmt: skip
    """By endpoint: in how many minutes of each hour it was heard. Hour 0 is a Monday's. ``rates`` are deliveries an
    hour; ``days`` multiply those of a day, of all endpoints or by endpoint."""
    dice, found = random.Random(seed), {name: dict[int, int]() for name in rates}
    for hour in range(weeks * WEEK):
        change = (days or {}).get(hour // DAY, 1.0)
        for name, rate in rates.items():
            times = change if isinstance(change, float) else change.get(name, 1.0)
            many = _poisson(dice, rate * times * _part(hour))
            if minutes := len({dice.randrange(60) for _ in range(many)}):
                found[name][hour] = minutes
    return found


def _part(hour: int) -> float:
    day, of_day = divmod(hour % WEEK, DAY)
    by_day = _BY_DAY[of_day - 7] if 7 <= of_day < 21 else _AT_NIGHT
    return by_day * (1.0, 0.5, 0.0)[max(0, day - 4)]


def _poisson(dice: random.Random, mean: float) -> int:
    many, left = 0, dice.random()
    while mean and left > math.exp(-mean):
        left *= dice.random()
        many += 1
    return many
