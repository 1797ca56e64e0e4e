"""Which endpoints have fallen silent: against their own rhythm, and without a false alarm."""

from bisect import bisect_left
from collections.abc import Mapping
from itertools import pairwise

import pytest

from receiver.notify.rhythm import HORIZON_HOURS, Rhythm, Silence, silences
from tests.support.shops import DAY, WEEK, heard

#: Deliveries an hour at the busiest time.
SHOPS = {
    "large": {"gateway": 30.0, "courier": 12.0, "abroad": 3.0},
    "one carrier": {"gateway": 8.0},
    "small": {"gateway": 1.0, "courier": 0.4},
}
#: A Monday without any, a Wednesday on which one carrier works a little, and three days of a sale.
HOLIDAY, HALF_HOLIDAY, SALE = 5 * 7, 9 * 7 + 2, (7 * 7 + 3, 7 * 7 + 4, 7 * 7 + 5)
DAYS = {HOLIDAY: 0.0, HALF_HOLIDAY: {"gateway": 0.0, "courier": 0.3, "abroad": 0.0}, **dict.fromkeys(SALE, 4.0)}
Hours = Mapping[str, Mapping[int, int]]


def found(hours: Hours, present: int, **limits: float) -> list[Silence]:
    """The silences at the hour, of what is known then."""
    known = {name: _between(of, present - HORIZON_HOURS, present) for name, of in hours.items()}
    return silences({name: Rhythm("lux", of, limits.get(name)) for name, of in known.items()}, present)


def _between(hours: Mapping[int, int], begin: int, end: int) -> dict[int, int]:
    ordered = list(hours.items())
    return dict(ordered[bisect_left(ordered, (begin, 0)) : bisect_left(ordered, (end, 0))])


def stopped(hours: Hours, at: int, *names: str) -> dict[str, dict[int, int]]:
    """The same, but these endpoints are not heard from an hour on."""
    return {
        name: {hour: many for hour, many in of.items() if hour < at or name not in names} for name, of in hours.items()
    }


def told_after(hours: Hours, at: int, subject: str) -> int:
    """Hours from an endpoint's or an account's last delivery to when it is told."""
    last = max(hour for name, of in hours.items() if subject in (name, "lux") for hour in of if hour < at)
    told = next(hour for hour in range(at, at + 4 * WEEK) if subject in [one.subject for one in found(hours, hour)])
    return told - last - 1


def longest(hours: Mapping[int, int], begin: int, end: int) -> int:
    """The longest silence, of those that touch the stretch, in the four weeks before."""
    gaps = [
        later - earlier
        for week in range(1, 5)
        for earlier, later in pairwise(sorted(hours))
        if later > begin - week * WEEK and earlier < end - week * WEEK
    ]
    return max(gaps)


@pytest.mark.parametrize("shop", SHOPS)
def test_no_false_alarm(shop: str) -> None:
    """Eight weeks with nights, Sundays, two holidays and a sale: no endpoint is told, at no hour."""
    hours = heard(SHOPS[shop], weeks=13, seed=1, days=DAYS)

    looks = [hour for hour in range(5 * WEEK, 13 * WEEK) if any(hour - 1 not in of for of in hours.values())]
    assert [] == [(hour, one) for hour in looks for one in found(hours, hour)]


@pytest.mark.parametrize("hour", [9, 14, 20], ids=lambda hour: f"at_{hour}")
@pytest.mark.parametrize("day", [0, 5], ids=["Monday", "Saturday"])
@pytest.mark.parametrize("name", SHOPS["large"])
def test_stopped_beside_others(name: str, day: int, hour: int) -> None:
    """An endpoint that stops while others are heard is told within three times its longest gap of that day."""
    hours, at = heard(SHOPS["large"], weeks=8, seed=3), 6 * WEEK + day * DAY + hour

    after = told_after(stopped(hours, at, name), at, name)

    day_before = 6 * WEEK + day * DAY
    assert 3 * longest(hours[name], day_before - DAY, at + DAY) >= after


@pytest.mark.parametrize(("shop", "hour"), [("large", 11), ("one carrier", 11), ("large", 22), ("one carrier", 22)])
def test_all_stopped(shop: str, hour: int) -> None:
    """A whole account that stops at work is told within hours, once; one that stops in a pause, on the second day."""
    hours, at = heard(SHOPS[shop], weeks=8, seed=3), 6 * WEEK + DAY + hour
    subject = "lux" if len(hours) > 1 else "gateway"

    after = told_after(stopped(hours, at, *hours), at, subject)

    assert (4 if hour == 11 else 40) >= after
    silent = found(stopped(hours, at, *hours), at + after + 2)
    assert [(subject, len(hours) > 1)] == [(one.subject, one.of_account) for one in silent]


def test_odd_week() -> None:
    """A past holiday does not hide that an endpoint stops at that time of the week."""
    hours, at = heard(SHOPS["large"], weeks=8, seed=3, days={5 * 7: 0.0}), 6 * WEEK + 10

    assert 4 >= told_after(stopped(hours, at, "gateway"), at, "gateway")


def test_lasts() -> None:
    """A silence is told for as long as it lasts, for three weeks and more."""
    hours, at = heard(SHOPS["large"], weeks=8, seed=3), 6 * WEEK

    silent = stopped(hours, at, "gateway")
    assert [["gateway"]] * 4 == [[one.subject for one in found(silent, at + days * DAY)] for days in (3, 7, 9, 13)]
    one = stopped(heard(SHOPS["one carrier"], weeks=8, seed=3), at, "gateway")
    assert [["gateway"]] * 4 == [[one.subject for one in found(one, at + weeks * WEEK)] for weeks in (1, 2, 3, 4)]


def test_rare() -> None:
    """An endpoint that is heard a few times a week is told within three times its longest gap."""
    hours = heard({"rare": 0.1}, weeks=16, seed=2)
    of, at = hours["rare"], 10 * WEEK

    assert 3 * longest(of, at - 4 * WEEK, at) >= told_after(stopped(hours, at, "rare"), at, "rare")


def test_young() -> None:
    """An endpoint without two weeks has no rhythm, and one that was never heard has none either."""
    hours = heard({"new": 30.0, "old": 30.0}, weeks=8, seed=3)
    young = {"new": {hour: many for hour, many in hours["new"].items() if hour > 5 * WEEK}, "never": {}}

    noon, once = 6 * WEEK + 2 * DAY + 12, {"once": dict.fromkeys(range(3), 9)}
    assert [] == found(once, 3 * WEEK)
    assert [] == found(stopped({**young, "old": hours["old"]}, noon - 5, "new"), noon)


def test_limit() -> None:
    """A limit of its own takes the place of the rhythm; 0 is never told."""
    hours = {"slow": {1_000: 1}, "never": {1_000: 1}}

    assert [] == found(hours, 1_024, slow=24, never=0)
    assert [Silence("slow", 1_000, 0.0)] == found(hours, 1_025, slow=24, never=0)
