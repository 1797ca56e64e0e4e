"""The fold of receiver/shipments: whatever the order of arrival, the same news ends in the same state."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import Reference, ReferenceKind, Shipment, Status, TrackingEvent
from receiver.shipments import (
    RECYCLED_AFTER,
    Known,
    Update,
    advance,
    fold,
    known_from_json,
    known_to_json,
    local_time,
    restart,
    shipment_from_json,
    shipment_to_json,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

# Few values on purpose: collisions are what a fold must survive.
instants = st.builds(
    lambda hours, offset: (NOON + hours * HOUR).astimezone(timezone(offset)),
    st.integers(min_value=-2, max_value=2),
    st.sampled_from([timedelta(0), timedelta(hours=-3), timedelta(hours=5, minutes=30)]),
)
references = st.builds(Reference, st.sampled_from(ReferenceKind), st.sampled_from(["1", "2"]))
events = st.builds(
    TrackingEvent,
    day=st.sampled_from([date(2026, 3, 1), date(2026, 3, 2)]),
    description=st.sampled_from(["Posted", "On its way"]),
    happened_at=st.none() | instants,
    city=st.sampled_from(["", "Recife"]),
    state=st.sampled_from(["", "PE"]),
)
shipments = st.builds(
    Shipment,
    key=st.just("parcel"),
    status=st.sampled_from(Status),
    happened_at=st.none() | instants,
    tracking_number=st.sampled_from([None, "BR1", "BR2"]),
    tracking_url=st.sampled_from([None, "https://a.example/", "https://b.example/"]),
    courier=st.sampled_from([None, "Correios", "Jadlog"]),
    courier_code=st.sampled_from(["", "brazil-correios"]),
    dispatched_at=st.none() | instants,
    delivered_at=st.none() | instants,
    references=st.lists(references, max_size=2).map(tuple),
    events=st.lists(events, max_size=2).map(tuple),
    volume=st.sampled_from(["", "1", "2", "10"]),
    reverse=st.booleans(),
    unknown_words=st.sampled_from([(), ("14",), ("14", "15")]),
)
updates = st.builds(
    Update,
    shipment=shipments,
    received_at=st.sampled_from([NOON, NOON + HOUR]),  # our own clock, always UTC
    digest=st.sampled_from(["d1", "d2"]),
)
several = st.lists(updates, max_size=8)
shuffled = several.flatmap(lambda news: st.tuples(st.just(news), st.permutations(news)))
starts = st.builds(Known, since=st.none() | instants)


def written(known: Known) -> str:
    return json.dumps(known_to_json(known), sort_keys=True)


def told(known: Known) -> tuple[object, ...]:
    """Everything a fold tells VTEX, times down to their offsets."""
    times = [known.dispatched_at, known.delivered_at]
    return (
        known.tracking_number,
        known.tracking_url,
        known.courier,
        known.delivered,
        known.voided,
        known.cancelled_after_possession,
        known.reverse,
        [time and time.isoformat() for time in times],
    )


class TestAnyOrder:
    """Commutative, idempotent, associative: in the value, in the text that is stored, and in what VTEX is told."""

    @given(starts, shuffled)
    def test_permutation(self, start, orders):
        """The order of arrival does not matter."""
        known, other = (fold(start, order) for order in orders)

        assert known == other
        assert written(known) == written(other)
        assert told(known) == told(other)

    @pytest.mark.parametrize(
        "said",
        [
            pytest.param(lambda at: {"happened_at": at}, id="happened_at"),
            pytest.param(lambda at: {"happened_at": at, "status": Status.CANCELLED}, id="cancelled"),
            pytest.param(lambda at: {"dispatched_at": at}, id="dispatched_at"),
            pytest.param(lambda at: {"delivered_at": at}, id="delivered_at"),
            pytest.param(lambda at: {"delivered_at": at, "volume": str(at.utcoffset())}, id="delivered_at of volumes"),
            pytest.param(
                lambda at: {"events": (TrackingEvent(day=date(2026, 3, 1), description="Posted", happened_at=at),)},
                id="events",
            ),
        ],
    )
    def test_same_instant(self, said):
        """One instant written with two offsets folds to the same text, whichever came first."""
        news = [
            Update(
                shipment=Shipment(**{"key": "parcel", "status": Status.DELIVERED, **said(at)}),
                received_at=NOON,
                digest="d",
            )
            for at in (NOON, NOON.astimezone(timezone(-3 * HOUR)))
        ]

        known, other = fold(Known(), news), fold(Known(), news[::-1])

        assert written(known) == written(other)
        assert told(known) == told(other)

    @given(starts, several, st.data())
    def test_repetition(self, start, news, data):
        """News told again changes nothing."""
        again = data.draw(st.lists(st.sampled_from(news), max_size=6)) if news else []

        known, other = fold(start, news), fold(fold(start, news), again)

        assert known == other
        assert written(known) == written(other)
        assert told(known) == told(other)

    @given(starts, several, st.data())
    def test_batches(self, start, news, data):
        """One claim with all the news or many with some: the same, also when the state was stored in between."""
        cuts = sorted(data.draw(st.lists(st.integers(0, len(news)), max_size=3)))

        known = start
        for begin, end in zip([0, *cuts], [*cuts, len(news)], strict=True):
            known = known_from_json(json.loads(written(fold(known, news[begin:end]))))

        assert fold(start, news) == known
        assert written(fold(start, news)) == written(known)
        assert told(fold(start, news)) == told(known)


class TestUnknownWord:
    """The carrier's newest word is kept where its adapter does not know it."""

    def test_newest(self):
        """It is told while the newest status is unknown because of it."""
        known = fold(Known(), [update(0), update(1, Status.OTHER, unknown_words=("14", "15"))])

        assert "15" == known.unknown_word

    def test_followed(self):
        """A word that is known ends it, and one that says nothing of the parcel as well."""
        unknown = update(1, Status.OTHER, unknown_words=("14",))

        assert "" == fold(Known(), [unknown, update(2)]).unknown_word
        assert "" == fold(Known(), [unknown, update(2, Status.OTHER)]).unknown_word
        assert "" == fold(Known(), [update(2, unknown_words=("14",))]).unknown_word

    def test_read_again(self):
        """Of two readings of one delivery, the one that knows the word holds."""
        unknown, known = update(1, Status.OTHER, unknown_words=("14",)), update(1, Status.IN_TRANSIT)

        for news in ([unknown, known], [known, unknown]):
            assert ("in_transit", "") == (fold(Known(), news).status.value, fold(Known(), news).unknown_word)


class TestJson:
    @given(starts, several)
    def test_known(self, start, news):
        """A stored fold is the fold."""
        known = fold(start, news)

        assert known == known_from_json(json.loads(written(known)))

    @given(shipments)
    def test_shipment(self, shipment):
        """A stored shipment is the shipment."""
        assert shipment == shipment_from_json(json.loads(json.dumps(shipment_to_json(shipment))))

    def test_nothing(self):
        """What is unknown is not written."""
        assert {} == known_to_json(Known())
        assert {"key": "k", "status": "other"} == shipment_to_json(Shipment(key="k", status=Status.OTHER))


def update(hours: float = 0, status: Status = Status.IN_TRANSIT, **said) -> Update:
    """News of ``hours`` after noon, heard as it happened."""
    at = NOON + hours * HOUR
    return Update(
        shipment=Shipment(**{"key": "parcel", "status": status, "happened_at": at, **said}), received_at=at, digest="d"
    )


class TestNewest:
    def test_newest_holds(self):
        """The newest word about URL, number and courier holds."""
        known = fold(
            Known(),
            [
                update(1, tracking_url="https://old.example/", tracking_number="OLD", courier="Old"),
                update(2, tracking_url="https://new.example/", tracking_number="NEW", courier="New"),
            ],
        )

        assert ("https://new.example/", "NEW", "New") == (
            known.tracking_url,
            known.tracking_number,
            known.courier.value,
        )

    @pytest.mark.parametrize("silence", [None, ""])
    def test_silence_takes_nothing(self, silence):
        """Newer news that says nothing of the URL leaves the one we know."""
        known = fold(Known(), [update(1, tracking_url="https://a.example/"), update(2, tracking_url=silence)])

        assert "https://a.example/" == known.tracking_url

    def test_never_older_over_newer(self):
        """Older news that comes late changes no word of the newer."""
        late = update(1, Status.ANNOUNCED, tracking_url="https://old.example/")
        known = fold(Known(), [update(2, Status.OUT_FOR_DELIVERY, tracking_url="https://new.example/"), late])

        assert ("https://new.example/", "out_for_delivery") == (known.tracking_url, known.status.value)

    def test_event_time_before_receipt(self):
        """It counts when it happened, not when we heard of it."""
        heard_first = Update(shipment=update(5, courier="New").shipment, received_at=NOON, digest="d1")
        heard_later = Update(shipment=update(4, courier="Old").shipment, received_at=NOON + 9 * HOUR, digest="d2")

        assert "New" == fold(Known(), [heard_first, heard_later]).courier.value

    def test_receipt_where_no_event_time(self):
        """News without a time of its own happened when we heard it."""
        undated = Update(shipment=update(happened_at=None, courier="New").shipment, received_at=NOON + HOUR, digest="d")

        assert "New" == fold(Known(), [undated, update(0.5, courier="Old")]).courier.value


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        (NOON, timezone(-3 * HOUR), "2026-03-01T09:00:00-03:00"),
        (NOON, None, "2026-03-01T12:00:00+00:00"),
        (NOON.astimezone(timezone(-5 * HOUR)), timezone(-3 * HOUR), "2026-03-01T07:00:00-05:00"),
    ],
)
def test_local_time(at: datetime, zone: timezone | None, expected: str):
    """What is told in UTC is put into the zone, if one is known; a local time stays. The machine's zone is not used."""
    assert expected == local_time(at, zone).isoformat()


class TestDispatch:
    def test_earliest(self):
        """The first dispatch is the dispatch, whichever news brings it, and whatever the offsets."""
        early = datetime.fromisoformat("2026-03-01T08:00:00-03:00")  # 11:00 UTC
        known = fold(Known(), [update(1, dispatched_at=NOON), update(2, dispatched_at=early), update(3)])

        assert early == known.dispatched_at

    def test_never_guessed(self):
        """A parcel on its way without a stated dispatch has no dispatch time."""
        known = fold(Known(), [update(1, Status.IN_TRANSIT)])

        assert (True, None) == (known.in_possession, known.dispatched_at)

    @pytest.mark.parametrize("status", Status)
    def test_possession(self, status):
        """Only a status that proves it says the carrier has the parcel; an exception or an unknown word does not."""
        proving = {"dispatched", "in_transit", "out_for_delivery", "delivered", "returned"}

        assert (status.value in proving) == fold(Known(), [update(status=status)]).in_possession

    def test_possession_by_date(self):
        """A stated dispatch proves possession, whatever the status."""
        assert fold(Known(), [update(status=Status.OTHER, dispatched_at=NOON)]).in_possession


class TestDelivered:
    def test_every_volume(self):
        """A shipment is delivered when each of its volumes is, at the time of the last."""
        first = update(1, Status.DELIVERED, volume="1", delivered_at=NOON + HOUR)
        second = update(2, Status.DELIVERED, volume="2", delivered_at=NOON + 2 * HOUR)
        known = fold(Known(), [update(0, volume="2"), first])

        assert (False, None) == (known.delivered, known.delivered_at)
        assert (True, NOON + 2 * HOUR) == (fold(known, [second]).delivered, fold(known, [second]).delivered_at)

    def test_time_unknown(self):
        """A volume delivered at an unknown time leaves the time of the whole unknown."""
        first = update(1, Status.DELIVERED, volume="1", delivered_at=NOON)
        second = update(2, Status.DELIVERED, volume="2")

        known = fold(Known(), [first, second])

        assert (True, None) == (known.delivered, known.delivered_at)

    @pytest.mark.parametrize(("boxes", "expected"), [((), True), (("1",), True), (("1", "2"), False)])
    def test_no_volume_named(self, boxes, expected):
        """A delivery that names no volume is that of the only box; of several boxes it may be any."""
        news = [update(box, volume=name) for box, name in enumerate(boxes)]

        assert expected is fold(Known(), [*news, update(9, Status.DELIVERED)]).delivered

    def test_stays(self):
        """Delivered stays delivered, whatever is heard afterwards."""
        assert fold(Known(), [update(1, Status.DELIVERED), update(2, Status.IN_TRANSIT)]).delivered

    def test_nothing_known(self):
        """A parcel no one spoke of is not delivered."""
        assert not Known().delivered


class TestVolumes:
    def test_no_volume_named(self):
        """The number of a box comes before that of a message which names none."""
        whole, box = update(0, tracking_number="FREIGHT"), update(1, volume="BR1", tracking_number="BR1")

        assert "FREIGHT" == fold(Known(), [whole]).tracking_number
        assert "BR1" == fold(Known(), [whole, box]).tracking_number
        assert "FREIGHT" == fold(Known(), [whole, update(1, volume="2")]).tracking_number
        assert fold(Known(), [whole, box]).volume_with("FREIGHT") is None

    def test_lowest_number(self):
        """Volumes count as numbers: 9 comes before 10."""
        known = fold(Known(), [update(volume=name, tracking_number=f"BR{name}") for name in ("10", "9", "11")])

        assert "BR9" == known.tracking_number

    def test_lowest_with_a_number(self):
        """The lowest volume that has a tracking number lends it, and its own URL with it."""
        known = fold(
            Known(),
            [
                update(volume="1", tracking_url="https://one.example/"),
                update(volume="2", tracking_number="BR2", tracking_url="https://two.example/"),
            ],
        )

        assert ("BR2", "https://two.example/") == (known.tracking_number, known.tracking_url)

    def test_others_kept(self):
        """The other volumes' numbers are kept with the shipment."""
        known = fold(Known(), [update(volume="1", tracking_number="BR1"), update(volume="2", tracking_number="BR2")])

        assert {"1": "BR1", "2": "BR2"} == {name: one.tracking_number.value for name, one in known.volumes.items()}

    def test_no_number(self):
        """Without any number there is none, and the URL may still be known."""
        known = fold(Known(), [update(tracking_url="https://a.example/")])

        assert (None, "https://a.example/") == (known.tracking_number, known.tracking_url)
        assert (None, None) == (Known().tracking_number, Known().tracking_url)


class TestCancelled:
    def test_voided(self):
        """A label cancelled before the carrier had the parcel is void."""
        known = fold(Known(), [update(1, Status.ANNOUNCED), update(2, Status.CANCELLED)])

        assert (True, False) == (known.voided, known.cancelled_after_possession)

    def test_after_possession(self):
        """Cancelled after the carrier took it is another thing: the parcel is somewhere."""
        known = fold(Known(), [update(1, Status.DISPATCHED), update(2, Status.CANCELLED)])

        assert (False, True) == (known.voided, known.cancelled_after_possession)

    @pytest.mark.parametrize("status", [Status.IN_TRANSIT, Status.DELIVERED])
    def test_taken_up_again(self, status):
        """News that the carrier has the parcel takes a cancellation back; what was told before it does not."""
        cancelled, has_it = update(1, Status.CANCELLED), [update(at, status) for at in (0, 2)]

        assert fold(Known(), [cancelled, has_it[0]]).cancelled_after_possession
        assert not fold(Known(), [cancelled, *has_it]).cancelled_after_possession
        assert not fold(Known(), [cancelled, has_it[1]]).voided

    @pytest.mark.parametrize("status", [Status.ANNOUNCED, Status.OTHER, Status.EXCEPTION])
    def test_stands(self, status):
        """A cancellation stands, whatever else the carrier says of a parcel that it does not have."""
        later = update(2, status)

        assert fold(Known(), [update(1, Status.CANCELLED), later]).voided
        told = [update(0, Status.DISPATCHED), update(1, Status.CANCELLED), later]
        assert fold(Known(), told).cancelled_after_possession

    def test_far_ahead(self):
        """A scan that is dated years ahead counts as of its arrival: it hides no cancellation."""
        scan = replace(update(1, Status.IN_TRANSIT), received_at=NOON)
        ahead = replace(scan, shipment=replace(scan.shipment, happened_at=NOON + timedelta(days=13_000)))
        slightly = replace(scan, shipment=replace(scan.shipment, happened_at=NOON + timedelta(days=1)))

        assert (NOON, NOON + timedelta(days=1)) == (ahead.stamp[0], slightly.stamp[0])
        assert fold(Known(), [ahead, update(2, Status.CANCELLED)]).cancelled_after_possession


class TestCancelledVolumes:
    """A label of several that was cancelled is no box."""

    BOTH = (update(0, volume="1", tracking_number="BR1"), update(0, volume="2", tracking_number="BR2"))

    @pytest.mark.parametrize(("cancelled", "living"), [("1", "BR2"), ("2", "BR1")])
    def test_one(self, cancelled: str, living: str):
        """The parcel is the other one: its number, and delivered with it; the cancellation is not the parcel's."""
        other = {"1": "2", "2": "1"}[cancelled]
        gone = update(1, Status.CANCELLED, volume=cancelled)
        known = fold(Known(), [*self.BOTH, gone, update(2, Status.DELIVERED, volume=other)])

        assert (living, True, False) == (known.tracking_number, known.delivered, known.cancelled_after_possession)
        assert (gone.stamp, {"BR1", "BR2"}) == (known.cancelled, set(known.numbers))
        assert known.volume_with("BR" + cancelled) is None

    def test_number_to_come(self):
        """A cancelled volume's number is not the parcel's, even while the living one has none, unless the carrier gives
        one to the whole shipment."""
        told = [self.BOTH[0], update(0, volume="2"), update(1, Status.CANCELLED, volume="1")]

        assert fold(Known(), told).tracking_number is None
        assert "ALL" == fold(Known(), [*told, update(1, Status.ANNOUNCED, tracking_number="ALL")]).tracking_number

    def test_all(self):
        """With all of them cancelled the parcel is, and keeps its number."""
        known = fold(Known(), [*self.BOTH, *(update(1, Status.CANCELLED, volume=name) for name in "12")])

        assert ("BR1", True) == (known.tracking_number, known.cancelled_after_possession)

    def test_delivered(self):
        """A box that was delivered stays one, even if its label is cancelled afterwards."""
        told = [update(1, Status.DELIVERED, volume="1"), update(2, Status.CANCELLED, volume="1")]
        known = fold(Known(), [*self.BOTH, *told])

        assert ("BR1", False) == (known.tracking_number, known.delivered)

    def test_whole(self):
        """A message that names no volume speaks of all of them."""
        cancelled = fold(Known(), [*self.BOTH, update(1, Status.CANCELLED)])
        resumed = fold(cancelled, [update(2, Status.IN_TRANSIT)])

        assert (True, False) == (cancelled.cancelled_after_possession, resumed.cancelled_after_possession)

    def test_unnamed_scan(self):
        """A scan that names no volume revives none of several; of a single one it is."""
        told = [update(1, Status.CANCELLED, volume="1"), update(2, Status.IN_TRANSIT)]

        assert ["2"] == list(fold(Known(), [*self.BOTH, *told]).boxes)
        assert not fold(Known(), [self.BOTH[0], *told]).cancelled_after_possession


class TestUnion:
    def test_references_and_events(self):
        """References and events only ever add up, each once."""
        order, invoice = Reference(ReferenceKind.ORDER_ID, "1-01"), Reference(ReferenceKind.INVOICE_NUMBER, "42")
        posted = TrackingEvent(day=date(2026, 3, 1), description="Posted")
        moving = TrackingEvent(day=date(2026, 3, 2), description="On its way")

        known = fold(
            Known(),
            [
                update(1, references=(order,), events=(posted,)),
                update(2, references=(order, invoice), events=(moving,)),
            ],
        )

        assert frozenset({order, invoice}) == known.references
        assert frozenset({posted, moving}) == known.events

    def test_values(self):
        """The values of one kind come sorted; two of them are for a person to decide."""
        two = tuple(Reference(ReferenceKind.ORDER_ID, value) for value in ("2-01", "1-01"))

        known = fold(Known(), [update(references=two)])

        assert ["1-01", "2-01"] == known.values(ReferenceKind.ORDER_ID)
        assert [] == known.values(ReferenceKind.INVOICE_KEY)


class TestRecycled:
    DELIVERED = fold(Known(), [update(0, Status.DELIVERED, tracking_number="BR1")])

    def after(self, silence: timedelta) -> Update:
        return update(silence / HOUR, Status.ANNOUNCED)

    def test_after_silence(self):
        """News more than 60 silent days after the delivery speaks of another parcel, from its own time on."""
        news = self.after(RECYCLED_AFTER + HOUR)

        known, begun = advance(self.DELIVERED, [news])

        assert timedelta(days=60) == RECYCLED_AFTER
        assert 1 == begun
        assert fold(Known(since=NOON + RECYCLED_AFTER + HOUR), [news]) == known
        assert not known.delivered

    def test_batches(self):
        """One claim with everything ends like a claim for each piece of news, in whatever order they came."""
        told = [update(0, Status.DELIVERED, tracking_number="BR1"), self.after(RECYCLED_AFTER + HOUR)]
        told += [self.after(2 * RECYCLED_AFTER), update(2 * RECYCLED_AFTER / HOUR + 1, Status.DELIVERED)]
        told += [self.after(4 * RECYCLED_AFTER)]

        known, begun = Known(), 0
        for one in told:
            known, more = advance(known, [one])
            begun += more

        assert (known, begun) == advance(Known(), reversed(told))
        assert 2 == begun

    @pytest.mark.parametrize("silence", [timedelta(0), timedelta(days=59), RECYCLED_AFTER, -timedelta(days=90)])
    def test_not_before(self, silence):
        """Until 60 days have passed it is the same parcel, and so is whatever lies before."""
        news = self.after(silence)

        assert (fold(self.DELIVERED, [news]), 0) == advance(self.DELIVERED, [news])

    @pytest.mark.parametrize("end", [Status.RETURNED, Status.CANCELLED, Status.EXCEPTION])
    def test_other_ends(self, end):
        """A parcel that was sent back, cancelled, or in trouble at last may have ended, too."""
        ended, news = (
            fold(Known(), [update(0, Status.DISPATCHED), update(1, end)]),
            self.after(RECYCLED_AFTER + 2 * HOUR),
        )

        assert (fold(Known(since=news.stamp[0]), [news]), 1) == advance(ended, [news])
        assert (True, False) == (ended.is_past(news.received_at), ended.is_past(NOON + RECYCLED_AFTER))

    def test_under_way(self):
        """A parcel that was on its way stays the same one, however long it was silent."""
        under_way = fold(Known(), [update(0, Status.IN_TRANSIT)])

        assert 0 == advance(under_way, [self.after(timedelta(days=400))])[1]
        assert 0 == advance(Known(), [self.after(timedelta(days=400))])[1]

    def test_only_with_news(self):
        """Silence alone recycles nothing."""
        assert (self.DELIVERED, 0) == advance(self.DELIVERED, [])

    def test_older_news(self):
        """News from before the generation belongs to the parcel before it, and is not folded in."""
        known = Known(since=NOON)

        assert known == fold(known, [update(-1, Status.DELIVERED, tracking_number="OLD")])
        assert "NEW" == fold(known, [update(0, tracking_number="NEW")]).tracking_number


class TestRestart:
    """A parcel is folded from the beginning again, where the beginning is still there."""

    TOLD = (update(0), update(1, Status.DISPATCHED))

    def test_whole(self):
        """With its oldest news among the updates it starts with nothing known."""
        assert Known() == restart(fold(Known(), self.TOLD), self.TOLD)

    def test_oldest_is_gone(self):
        """Without it the parcel keeps what it knows."""
        known = fold(Known(), self.TOLD)

        assert (None, None) == (restart(known, self.TOLD[1:]), restart(known, ()))

    def test_generation(self):
        """News of the parcel before does not count."""
        since = NOON + HOUR / 2
        known = fold(Known(since=since), self.TOLD)

        assert Known(since=since) == restart(known, self.TOLD)
