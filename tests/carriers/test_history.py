"""What every adapter asks of a history."""

from datetime import UTC, date, datetime, timedelta

import pytest

from adapters import UNDERWAY, History, Scan, Status, TrackingEvent, Unreadable, look_up, oldest_first, single_event

MORNING, NOON = datetime(2026, 11, 16, 8, tzinfo=UTC), datetime(2026, 11, 16, 12, tzinfo=UTC)
LINE = TrackingEvent(day=date(2026, 11, 16), description="Departed")


def scan(status: Status = Status.IN_TRANSIT, happened_at: datetime | None = None, **more: object) -> Scan:
    return Scan(status=status, happened_at=happened_at, **more)


class TestTimes:
    def test_first_and_last(self) -> None:
        """Times decide, in whichever order the scans came."""
        for scans in ((scan(happened_at=NOON), scan(happened_at=MORNING)), (scan(happened_at=MORNING), scan())):
            assert MORNING == History(scans).first()
        assert NOON == History((scan(happened_at=NOON), scan(happened_at=MORNING))).last()

    def test_statuses(self) -> None:
        """Only scans with the named statuses count."""
        history = History((scan(Status.ANNOUNCED, MORNING), scan(Status.DELIVERED, NOON)))

        assert NOON == history.first(Status.DELIVERED, Status.RETURNED)
        assert MORNING == history.last(Status.ANNOUNCED)
        assert [MORNING, NOON] == history.times()

    def test_undated(self) -> None:
        """A scan without an instant dates nothing."""
        assert (None, None) == (History((scan(),)).first(), History((scan(),)).last())
        assert [] == History(()).times()

    @pytest.mark.parametrize(
        ("on", "first"), [(date(2026, 11, 15), None), (date(2026, 11, 16), MORNING), (None, MORNING)]
    )
    def test_an_earlier_day(self, on: date | None, first: datetime | None) -> None:
        """What has a day alone may be the earlier scan: then the first instant is not known."""
        picked_up = scan(Status.DISPATCHED, on=on)
        history = History((scan(happened_at=NOON, on=LINE.day), picked_up, scan(happened_at=MORNING, on=LINE.day)))

        assert first == history.first(*UNDERWAY)
        assert NOON == history.last(*UNDERWAY)
        assert MORNING == history.first(Status.IN_TRANSIT)

    def test_local_days(self) -> None:
        """Days are the carrier's own: an evening there may be the next day in UTC."""
        late = datetime(2026, 11, 17, 1, tzinfo=UTC)
        history = History((scan(happened_at=late, on=LINE.day), scan(on=LINE.day)))

        assert late == history.first()

    @pytest.mark.parametrize(
        ("beside", "allowed"),
        [
            (scan(Status.DELIVERED, NOON), True),
            (scan(Status.DISPATCHED), False),
            (scan(Status.ANNOUNCED), True),
            (scan(Status.ANNOUNCED, MORNING), True),
            (scan(Status.ANNOUNCED, NOON), False),
            (scan(Status.ANNOUNCED, on=date(2026, 11, 16)), True),
            (scan(Status.ANNOUNCED, on=date(2026, 11, 17)), False),
        ],
    )
    def test_ship_date(self, beside: Scan, *, allowed: bool) -> None:
        """A ship date dates the dispatch only where no scan does, and not before the label."""
        assert allowed == History((beside,)).allows(MORNING)
        assert not History(()).allows(None)


class TestSettled:
    def test_delivery_after_return(self) -> None:
        """A delivery after a return stays one and is marked: it may be the merchant's, or the return was called off."""
        for back in (scan(Status.RETURNED), scan(Status.RETURNED, MORNING)):
            history = History((back, scan(Status.DELIVERED, NOON)))

            assert Status.DELIVERED is history.settled(Status.DELIVERED)
            assert history.returned_before(Status.DELIVERED)
            assert not history.returned_before(Status.IN_TRANSIT)

    def test_called_off(self) -> None:
        """A parcel that moved on after its return is delivered, though no scan says so yet."""
        history = History((scan(Status.RETURNED, MORNING), scan(Status.OUT_FOR_DELIVERY, NOON)))

        assert Status.DELIVERED is history.settled(Status.DELIVERED)

    def test_return_at_the_end(self) -> None:
        """Where the return is the last step, the delivery is its end: to the merchant."""
        ends = (
            (scan(Status.RETURNED),),
            (scan(Status.DELIVERED, MORNING), scan(Status.RETURNED, NOON)),
            (scan(Status.DELIVERED, NOON), scan(Status.RETURNED, NOON)),
        )
        for scans in ends:
            assert Status.RETURNED is History(scans).settled(Status.DELIVERED)

    @pytest.mark.parametrize("status", [status for status in Status if status is not Status.DELIVERED])
    def test_other_statuses(self, status: Status) -> None:
        """No other status is changed."""
        assert status is History((scan(Status.RETURNED),)).settled(status)

    def test_no_return(self) -> None:
        """A delivery without a return stays one."""
        assert Status.DELIVERED is History((scan(),)).settled(Status.DELIVERED)


class TestOldestFirst:
    OLD, LOST, NEW = scan(happened_at=MORNING), scan(Status.EXCEPTION), scan(Status.DELIVERED, NOON)

    def test_dated(self) -> None:
        """Dates decide, and those of one moment keep their order."""
        again = scan(Status.OUT_FOR_DELIVERY, MORNING)

        assert (self.OLD, again, self.NEW) == oldest_first([self.NEW, self.OLD, again], "$").scans
        assert () == oldest_first([], "$").scans

    @pytest.mark.parametrize("at", range(3))
    def test_undated(self, at: int) -> None:
        """A scan without a date stands where the list has it, whichever way the list runs."""
        placed = [self.OLD, self.NEW]
        placed.insert(at, self.LOST)

        assert tuple(placed) == oldest_first(placed, "$").scans == oldest_first(placed[::-1], "$").scans

    def test_promised(self) -> None:
        """A list that begins with the oldest is believed, though it may not keep to it, and though nothing shows it."""
        alone, first = [self.NEW, self.LOST], [self.LOST, self.NEW]
        mixed = [self.NEW, self.OLD, self.LOST]

        assert tuple(alone) == oldest_first(alone, "$", promised=True).scans
        assert tuple(first) == oldest_first(first, "$", promised=True).scans
        assert (self.OLD, self.NEW, self.LOST) == oldest_first(mixed, "$", promised=True).scans

    def test_alone(self) -> None:
        """One scan has its place."""
        assert (self.LOST,) == oldest_first([self.LOST], "$").scans

    def test_unknown_place(self) -> None:
        """Where the dates do not run one way, or there is one alone, the scan without a date may be the newest."""
        later = scan(happened_at=NOON + timedelta(hours=1))
        for listed in (
            [self.NEW, self.LOST],
            [self.NEW, self.LOST, scan(happened_at=NOON)],
            [self.LOST, self.LOST],
            [self.NEW, later, self.OLD, self.LOST],
        ):
            with pytest.raises(Unreadable, match=r"\$\.list: has an event without a date"):
                oldest_first(listed, "$.list")


class TestLines:
    def test_events(self) -> None:
        """A line that is there twice is one event, and a scan without a line is none."""
        assert (LINE,) == History((scan(event=LINE), scan(), scan(event=LINE))).events

    def test_unknown_words(self) -> None:
        """Each unknown word is named once."""
        scans = (scan(unknown_word="teleported"), scan(), scan(unknown_word="teleported"), scan(unknown_word="lost?"))

        assert ("teleported", "lost?") == History(scans).unknown_words


class TestScanOf:
    def test_line(self) -> None:
        """A day and words make a line for shoppers, with the instant and the place."""
        departed = Scan.of(
            Status.IN_TRANSIT, "x", on=LINE.day, happened_at=NOON, words="Departed", city="Reno", state="NV"
        )

        assert (
            TrackingEvent(day=LINE.day, description="Departed", happened_at=NOON, city="Reno", state="NV")
            == departed.event
        )
        assert (Status.IN_TRANSIT, NOON, "x") == (departed.status, departed.happened_at, departed.unknown_word)

    @pytest.mark.parametrize(("on", "words"), [(None, "Departed"), (LINE.day, "")])
    def test_no_line(self, on: date | None, words: str) -> None:
        """What cannot be shown still counts: its status and its instant."""
        assert scan(Status.RETURNED, NOON, on=on) == Scan.of(Status.RETURNED, on=on, happened_at=NOON, words=words)

    def test_cancelled_label(self) -> None:
        """A label that is cancelled is no event for shoppers."""
        assert () == single_event(Status.CANCELLED, on=LINE.day, happened_at=NOON, words="Cancelado")
        assert Scan.of(Status.CANCELLED, on=LINE.day, happened_at=NOON, words="Cancelado").event is None

    @pytest.mark.parametrize("code", ["ready_to_pickup", "START_DELIVERY", "status_7", "OutForDelivery"])
    def test_bare_code(self, code: str) -> None:
        """A code is told in words, and where its status has none, not at all."""
        (shown,) = single_event(Status.IN_TRANSIT, on=LINE.day, happened_at=NOON, words=code)

        assert "On its way" == shown.description
        assert () == single_event(Status.ANNOUNCED, on=LINE.day, happened_at=NOON, words=code)


class TestLookUp:
    @pytest.mark.parametrize(
        ("word", "expected"),
        [
            ("moving", (Status.IN_TRANSIT, "")),
            ("noted", (Status.OTHER, "")),
            ("Moving", (Status.OTHER, "Moving")),
            ("", (Status.OTHER, "")),
            (None, (Status.OTHER, "")),
        ],
    )
    def test_words(self, word: str | None, expected: tuple[Status, str]) -> None:
        """Only a word that the table lacks is unknown: a known word may say nothing, and so may no word at all."""
        assert expected == look_up({"moving": Status.IN_TRANSIT, "noted": Status.OTHER}, word)
