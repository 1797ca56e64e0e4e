"""PURE: which endpoints have fallen silent, against their own rhythm by hour of week.

What is known is in how many minutes of each hour an endpoint was heard: a burst of webhooks counts once. The silence
since its last delivery is a stretch of the week, such as Tuesday from 9 to 12. It is compared with the same stretch of
the four weeks before.

- A stretch that is quiet every week, such as a night or a Sunday, expects nothing.
- One odd week does not count: of three weeks or more, the quietest is left out. A past holiday changes nothing.
- While the other endpoints of the account are heard as usual, the silence is this endpoint's own.
- While they are not, it may be a holiday. Then the first day on which it was expected is forgiven, unless it fell
  silent in the middle of its work: a holiday begins in a pause.
- Where the whole account is silent, the account is reported once, and none of its endpoints.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

_DAY, _WEEK = 24, 7 * 24
#: Weeks that are compared, and the fewest from which a rhythm can be told.
WEEKS, _FEWEST_WEEKS = 4, 2
#: Hours that are looked at: the weeks compared, and before them a silence that lasts.
HORIZON_HOURS = 2 * WEEKS * _WEEK
#: Minutes in which an endpoint was expected and not heard. Chance alone does that once in millions of stretches.
_MISSING = 15.0
#: Where it is heard too rarely for that: a silence so many times as long as the longest one, after so many minutes.
_TIMES, _FEWEST = 2.5, 8
#: Hours before and after a silence began in which the endpoint was, and would have been, at work.
_AT_WORK = 3
#: Hours from when an endpoint is missed until after its working day.
_WORKING_DAY = 16
#: The part of what is usual from which on others count as heard as usual.
_AS_USUAL = 0.75


@dataclass(frozen=True, slots=True)
class Rhythm:
    """In how many minutes of each ``hour`` since the epoch an endpoint was heard; hours without any are left out.
    Endpoints of one ``account`` have their holidays together. ``limit``: hours of silence that are reported whatever
    the rhythm says, ``0``: never; ``None``: by the rhythm."""

    account: str
    hours: Mapping[int, int]
    limit: float | None = None
    _ordered: list[int] = field(init=False, repr=False, compare=False)
    _sums: list[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ordered = sorted(self.hours)
        object.__setattr__(self, "_ordered", ordered)
        object.__setattr__(self, "_sums", [0, *accumulate(map(self.hours.__getitem__, ordered))])

    @property
    def last(self) -> int:
        """The last hour in which it was heard."""
        return self._ordered[-1]

    def heard(self, begin: int, end: int) -> int:
        """Minutes in which it was heard from the hour ``begin`` on and before the hour ``end``."""
        return self._sums[bisect_left(self._ordered, end)] - self._sums[bisect_left(self._ordered, begin)]

    def usual(self, begin: int, end: int) -> float:
        """The same in the weeks before, at the same time of the week: the least, after the quietest of three weeks or
        more. 0: there are too few weeks."""
        if end <= begin:
            return 0.0
        starts = (begin - week * _WEEK for week in range(1, WEEKS + 1))
        weeks = sorted(self.heard(start, start + end - begin) for start in starts if start >= self._ordered[0])
        return float(weeks[1] if len(weeks) > 2 else weeks[0]) if len(weeks) >= _FEWEST_WEEKS else 0.0

    @property
    def is_known(self) -> bool:
        """Whether it was heard for long enough, and often enough, that its longest silence means something."""
        return self.last - self._ordered[0] >= _FEWEST_WEEKS * _WEEK and self._sums[-1] >= _FEWEST

    def longest_silence(self) -> int:
        """Hours of the longest silence in the four weeks before it was last heard."""
        recent = self._ordered[bisect_left(self._ordered, self.last - WEEKS * _WEEK) :]
        return max((later - earlier for earlier, later in pairwise(recent)), default=0)

    def at_work(self, begin: int) -> bool:
        """Whether it fell silent, before the hour ``begin``, while it was heard as usual, and would have been for
        hours."""
        before = (begin - _AT_WORK, begin)
        return self.usual(begin, begin + _AT_WORK) >= _MISSING and self.heard(*before) >= _AS_USUAL * self.usual(
            *before
        )


@dataclass(frozen=True, slots=True)
class Silence:
    """``subject`` is an endpoint, or an account where ``of_account``. ``since``: the hour in which it was last heard;
    ``usual``: in how many minutes it is usually heard in such a stretch of the week, 0 where that cannot be said."""

    subject: str
    since: int
    usual: float
    of_account: bool = False


def silences(rhythms: Mapping[str, Rhythm], present: int) -> list[Silence]:
    """The silences at the beginning of the hour ``present``. An endpoint that was never heard has no rhythm."""
    heard = {name: one for name, one in rhythms.items() if one.hours}
    found = [
        Silence(name, one.last, 0.0)
        for name, one in heard.items()
        if one.limit is not None and 0 < one.limit <= present - one.last - 1
    ]
    by_rhythm = {name: one for name, one in heard.items() if one.limit is None}
    for account in dict.fromkeys(one.account for one in by_rhythm.values()):
        found += _of_account(account, {name: one for name, one in by_rhythm.items() if one.account == account}, present)
    return found


def _of_account(account: str, endpoints: Mapping[str, Rhythm], present: int) -> list[Silence]:
    is_quiet = len(endpoints) > 1 and all(one.last < present - 1 for one in endpoints.values())
    if is_quiet and _is_silent(whole := _together(account, endpoints.values()), [], present):
        return [Silence(account, whole.last, whole.usual(whole.last + 1, present), of_account=True)]
    return [
        Silence(name, one.last, one.usual(one.last + 1, present))
        for name, one in endpoints.items()
        if _is_silent(one, [other for other in endpoints.values() if other is not one], present)
    ]


def _is_silent(one: Rhythm, others: Sequence[Rhythm], present: int) -> bool:
    """Whether the silence since it was last heard is unusual, while the others of its account are heard or are not."""
    begin = one.last + 1
    missed = one.usual(begin, present)
    if missed < _MISSING:
        return one.is_known and present - begin > _TIMES * max(_DAY, one.longest_silence())
    share = _share(others, begin, present)
    if share >= _AS_USUAL:
        return missed * share >= _MISSING
    return one.at_work(begin) or one.usual(_after_first_day(one, begin, present), present) >= _MISSING


def _share(others: Sequence[Rhythm], begin: int, present: int) -> float:
    """Which part of what is usual the others were heard, at most 1; 0 where they were heard too little to say it."""
    heard = sum(other.heard(begin, present) for other in others)
    usual = sum(other.usual(begin, present) for other in others)
    return min(1.0, heard / usual) if min(heard, usual) >= _MISSING else 0.0


def _after_first_day(one: Rhythm, begin: int, present: int) -> int:
    """The hour after the first working day on which it was missed."""
    missed = (hour for hour in range(begin + 1, present + 1) if one.usual(begin, hour) >= _MISSING)
    return next(missed, present) + _WORKING_DAY


def _together(account: str, rhythms: Iterable[Rhythm]) -> Rhythm:
    hours: dict[int, int] = {}
    for one in rhythms:
        for hour, minutes in one.hours.items():
            hours[hour] = hours.get(hour, 0) + minutes
    return Rhythm(account, hours)
