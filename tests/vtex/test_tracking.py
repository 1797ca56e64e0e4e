"""The PUT's body: events and delivery as the carrier told them, in VTEX's terms, and nothing invented."""

import itertools
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest

from adapters import Shipment, Status, TrackingEvent, Unreadable
from receiver.carriers.schemas import document, validator
from receiver.recordings import load
from receiver.recordings.replay import Replay
from receiver.shipments import Known, SentTracking, Update, fold, known_from_json, known_to_json, with_local_days
from receiver.shipments.twins import together
from receiver.vtex.tracking import MOST_DESCRIPTION, Tracking, events, tracking
from tests.support.paths import SAMPLES
from tests.support.recorded import RECORDED, recordings_of, try_each
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted

BRASILIA = timezone(timedelta(hours=-3))
NOON = datetime(2026, 11, 10, 12, tzinfo=BRASILIA)
NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def said(status: Status, at: datetime, **rest: Any) -> Update:
    return Update(shipment=Shipment(key="p1", status=status, happened_at=at, **rest), received_at=at, digest="")


def delivered(at: datetime = NOON + DAY, **rest: Any) -> Update:
    return said(Status.DELIVERED, at, **{"delivered_at": at, **rest})


POSTED = said(Status.DISPATCHED, NOON, dispatched_at=NOON)


def told(*updates: Update, now: datetime = NOW) -> tuple[bool, str | None]:
    """Delivered, and when, of what these updates come to."""
    body = tracking([fold(Known(), updates)], now=now.timestamp()).body
    return body["isDelivered"], body["deliveredDate"]


def note(*updates: Update) -> str:
    return tracking([fold(Known(), updates)], now=NOW.timestamp()).note


def event(text: str = "Em trânsito", at: datetime | None = NOON, **rest: Any) -> TrackingEvent:
    return TrackingEvent(**{"day": at.date() if at else NOON.date(), "description": text, "happened_at": at, **rest})


class TestDelivery:
    def test_local_minutes(self):
        """The local time as the carrier's offset has it, to the minute, without a zone."""
        assert (True, "2026-11-11 23:59") == told(
            POSTED, delivered(datetime(2026, 11, 11, 23, 59, 59, tzinfo=BRASILIA))
        )
        assert (True, "2026-11-12 02:59") == told(POSTED, delivered(datetime(2026, 11, 12, 2, 59, tzinfo=UTC)))

    def test_not_yet(self):
        """Nothing but a delivery is one: neither a last mile, nor a way back, nor trouble."""
        for status in set(Status) - {Status.DELIVERED}:
            assert (False, None) == told(POSTED, said(status, NOON + DAY))

    def test_unknown_time(self):
        """Delivered at a time that no one gave: the time stays null."""
        assert (True, None) == told(POSTED, delivered(delivered_at=None))

    def test_every_volume(self):
        """Delivered once every volume is, at the time of the last; one time missing leaves it open."""
        first, last = delivered(NOON + DAY, volume="1"), delivered(NOON + 2 * DAY, volume="2")

        assert (False, None) == told(said(Status.IN_TRANSIT, NOON, volume="2"), first)
        assert (True, "2026-11-12 12:00") == told(last, first)
        assert (True, None) == told(delivered(volume="2", delivered_at=None), first)

    def test_before_dispatch(self):
        """A time before the dispatch is withheld, with a note: connectors refuse such (KI-856984)."""
        early = (POSTED, delivered(NOON - HOUR))

        assert (True, None) == told(*early)
        assert "2026-11-10T11:00-03:00 is before the dispatch, 2026-11-10T12:00-03:00" in note(*early)

    def test_minute_of_the_dispatch(self):
        """VTEX gets the time to the minute: one within the minute of the dispatch is not before it."""
        at_once = (said(Status.DISPATCHED, NOON, dispatched_at=NOON), delivered(NOON + timedelta(seconds=30)))

        assert (True, "2026-11-10 12:00") == told(*at_once)
        assert "" == note(*at_once)

    def test_one_dispatched_later(self):
        """Of two parcels of an invoice one dispatch after the delivery is enough to withhold its time."""
        one = fold(Known(), [POSTED, delivered(NOON + 2 * DAY)])
        late = NOON + 3 * DAY
        other = fold(Known(), [said(Status.DISPATCHED, late, dispatched_at=late), delivered(NOON + DAY)])
        both = tracking([one, other], now=NOW.timestamp())

        assert (True, None) == (both.body["isDelivered"], both.body["deliveredDate"])
        assert "2026-11-12T12:00-03:00 is before the dispatch, 2026-11-13T12:00-03:00" in both.note

    def test_clock_ahead(self):
        """A delivery a little ahead of us is told once it has passed."""
        ahead = NOW + HOUR
        waiting = tracking([fold(Known(), [POSTED, delivered(ahead)])], now=NOW.timestamp())

        assert (False, ahead.timestamp()) == (waiting.body["isDelivered"], waiting.again)
        assert "still ahead" in waiting.note
        assert (True, "2026-11-18 13:00") == told(POSTED, delivered(ahead), now=ahead)

    def test_far_ahead(self):
        """Of one more than a day ahead only the time is withheld: it is wrong, the delivery need not be."""
        far = (POSTED, delivered(NOW + DAY + HOUR))

        assert (True, None) == told(*far)
        assert "withheld" in note(*far)

    def test_back_at_the_sender(self):
        """A delivery after the parcel turned back is the sender's; one sent back after its delivery was delivered."""
        back = said(Status.RETURNED, NOON + DAY)

        assert (False, None) == told(POSTED, back, delivered(NOON + 2 * DAY))
        assert "to its sender" in note(POSTED, back, delivered(NOON + 2 * DAY))
        assert (True, "2026-11-11 11:00") == told(POSTED, back, delivered(NOON + DAY - HOUR))

    def test_called_off_return(self):
        """A delivery that comes with an earlier return in one message is told by a person or not at all. One that was
        delivered before stays so."""
        both = said(Status.DELIVERED, NOON + DAY, delivered_at=NOON + DAY, returned=True)

        assert (False, None) == told(POSTED, both)
        assert "it turned back before it was delivered on 2026-11-11T" in note(POSTED, both)
        assert (True, "2026-11-11 11:00") == told(POSTED, both, delivered(NOON + DAY - HOUR))

    def test_in_any_order(self):
        """No matter what comes first, the same is told; and the store keeps all of it."""
        updates = [POSTED, said(Status.RETURNED, NOON + DAY), delivered(NOON + 2 * DAY), delivered(NOON + HOUR)]
        folds = [fold(Known(), turn) for turn in itertools.permutations(updates)]
        kept = [known_from_json(json.loads(json.dumps(known_to_json(known)))) for known in folds]

        assert [folds[0]] * len(kept) == kept
        assert not folds[0].turned_back

    def test_parcels_of_one_invoice(self):
        """An invoice of two parcels is delivered once both are; their events are one history."""
        one, other = (fold(Known(), [delivered(NOON + n * DAY, events=(event(f"{n}"),))]) for n in (2, 1))
        both = tracking([one, other], now=NOW.timestamp()).body

        assert (True, "2026-11-12 12:00") == (both["isDelivered"], both["deliveredDate"])
        assert ["1", "2"] == [one["description"] for one in both["events"]]
        assert not tracking([one, fold(Known(), [POSTED])], now=NOW.timestamp()).body["isDelivered"]


class TestToldBefore:
    """What VTEX was told as delivered is never taken back; what speaks against it is a doubt, for a person."""

    TOLD = SentTracking(digest="", at=0.0, delivered=True, delivered_date="2026-11-11 12:00")

    def after(self, *updates: Update, zone: tzinfo | None = None) -> Tracking:
        """What is told next, once VTEX was told of the delivery."""
        return tracking([fold(Known(), updates)], now=NOW.timestamp(), zone=zone, told=self.TOLD)

    def test_earlier_return(self):
        """A return before the delivery that comes late: both facts are named, on the parcel's clock."""
        late = self.after(POSTED, delivered(), said(Status.RETURNED, NOON + HOUR), zone=BRASILIA)

        assert (True, "2026-11-11 12:00") == (late.body["isDelivered"], late.body["deliveredDate"])
        assert "VTEX was told that it is delivered (2026-11-11 12:00)" in late.doubt
        assert "turned back on 2026-11-10T13:00-03:00 and was delivered on 2026-11-11T12:00-03:00" in late.doubt
        arrived = replace(said(Status.RETURNED, NOON + HOUR), received_at=NOON + 2 * DAY)
        assert late.doubt == self.after(POSTED, delivered(), arrived, zone=BRASILIA).doubt

    def test_later_volume(self):
        """A volume that is heard of later, until it is delivered too: the date is then that of the last one."""
        first, second = delivered(volume="1"), said(Status.IN_TRANSIT, NOON, volume="2", tracking_number="TN2")
        late = self.after(first, second)
        both = self.after(first, second, delivered(NOON + 2 * DAY, volume="2"))

        assert (True, "2026-11-11 12:00") == (late.body["isDelivered"], late.body["deliveredDate"])
        assert "the carrier says of volume 2 of TN2 that it is not" in late.doubt
        assert ("2026-11-12 12:00", "") == (both.body["deliveredDate"], both.doubt)

    def test_later_parcel(self):
        """So it is with a parcel that joins the invoice; one without volumes is named by its number alone."""
        other = said(Status.IN_TRANSIT, NOON + 2 * DAY, tracking_number="TN2")
        both = [fold(Known(), [POSTED, delivered()]), fold(Known(), [other])]
        doubt = tracking(both, now=NOW.timestamp(), told=self.TOLD).doubt

        assert doubt.endswith("; the carrier says of TN2 that it is not")

    def test_return_after_the_delivery(self):
        """A parcel that is sent back once it was delivered was delivered."""
        assert not self.after(POSTED, delivered(), said(Status.RETURNED, NOON + 2 * DAY)).doubt

    def test_not_told(self):
        """A delivery after a return is a doubt whether VTEX was told or not; a volume on its way is none."""
        back = said(Status.RETURNED, NOON + HOUR)
        doubt = tracking([fold(Known(), [POSTED, back, delivered()])], now=NOW.timestamp()).doubt
        on_its_way = [delivered(volume="1"), said(Status.IN_TRANSIT, NOON, volume="2")]

        assert doubt.startswith("VTEX was not told that it is delivered; the carrier says that it turned back")
        assert not tracking([fold(Known(), on_its_way)], now=NOW.timestamp()).doubt

    @pytest.mark.parametrize("end", [Status.RETURNED, Status.EXCEPTION])
    def test_a_part(self, end: Status):
        """A volume that turned back, or whose last word is trouble, beside one that was delivered: VTEX is not told."""
        first, second = delivered(volume="1"), said(end, NOON + DAY, volume="2", tracking_number="TN2")
        doubt = tracking([fold(Known(), [first, second])], now=NOW.timestamp())
        again = said(Status.IN_TRANSIT, NOON + 2 * DAY, volume="2")

        assert not doubt.body["isDelivered"]
        assert "a part was delivered, and that volume 2 of TN2 turned back or is in trouble" in doubt.doubt
        before = said(Status.IN_TRANSIT, NOON, volume="2")
        assert doubt.doubt == tracking([fold(Known(), [first, before, second])], now=NOW.timestamp()).doubt
        found = tracking([fold(Known(), [first, second, again])], now=NOW.timestamp())
        assert (end is Status.RETURNED) is bool(found.doubt)
        assert not tracking([fold(Known(), [second])], now=NOW.timestamp()).doubt

    def test_silence(self):
        """A part was delivered, and nothing more is heard: after a week a person is to ask for the rest. Any news of
        any volume starts the week again, and so does a message that tells it late."""
        first = delivered(volume="1", tracking_number="TN1")
        second = said(Status.IN_TRANSIT, NOON, volume="2", tracking_number="TN2")

        def at(*updates: Update, now: datetime, zone: tzinfo | None = None) -> Tracking:
            return tracking([fold(Known(), updates)], now=now.timestamp(), zone=zone)

        ends = NOON + 8 * DAY
        before, after = at(first, second, now=ends - HOUR), at(first, second, now=ends, zone=BRASILIA)
        assert ("", ends.timestamp()) == (before.doubt, before.again)
        silent = "a part was delivered, and nothing has been heard of volume 2 of TN1 since 2026-11-11T12:00-03:00"
        assert (f"VTEX was not told that it is delivered; {silent}", None) == (after.doubt, after.again)
        assert (silent, False) == (after.note, after.body["isDelivered"])
        for status in (Status.IN_TRANSIT, Status.OTHER):
            news = at(first, second, said(status, NOON + 2 * DAY, volume="2"), now=ends)
            assert ("", (ends + DAY).timestamp()) == (news.doubt, news.again)
        late = at(second, replace(first, received_at=NOON + 3 * DAY), now=ends)
        assert ("", (ends + 2 * DAY).timestamp()) == (late.doubt, late.again)
        assert at(second, now=ends + 90 * DAY).again is None
        assert not at(first, second, delivered(volume="2"), now=ends + 90 * DAY).doubt

    def test_silence_of_twins(self):
        """What another endpoint tells of the parcel's volumes is news, too."""
        boxes = [said(Status.IN_TRANSIT, NOON, volume=name, tracking_number=f"TN{name}") for name in "12"]
        own = fold(Known(), [*boxes, delivered(volume="1")])
        other = fold(Known(), [said(Status.IN_TRANSIT, NOON + 2 * DAY, volume="2", tracking_number="TN2")])

        assert (NOON + 9 * DAY).timestamp() == tracking([together(own, other)], now=NOON.timestamp()).again

    def test_volume_without_a_name(self):
        """A delivery that names none of several volumes may be of any; that of a named one is no doubt."""
        boxes = [said(Status.IN_TRANSIT, NOON, volume=name, tracking_number=f"TN{name}") for name in "12"]
        doubt = tracking([fold(Known(), [*boxes, delivered()])], now=NOW.timestamp()).doubt

        assert doubt.endswith("was delivered or turned back: it may be volume 1 of TN1, volume 2 of TN1")
        assert not tracking([fold(Known(), [*boxes, delivered(volume="1")])], now=NOW.timestamp()).doubt


class TestEvents:
    def test_fields(self):
        """City, state, words, and the local day: not that of the instant in UTC."""
        late = event("Saiu para entrega", datetime(2026, 11, 10, 22, tzinfo=BRASILIA), city="Recife", state="PE")

        assert [{"city": "Recife", "state": "PE", "description": "Saiu para entrega", "date": "2026-11-10"}] == events(
            fold(Known(), [said(Status.IN_TRANSIT, NOON, events=(late,))]).events
        )

    def test_order(self):
        """By instant, then by day, then by words, however they came."""
        wanted = [
            event("first", NOON - HOUR),
            event("a", NOON),
            event("b", NOON),
            event("a day without a time", None, day=date(2026, 11, 11)),
            event("last", NOON + DAY),
        ]
        for turn in itertools.permutations(wanted):
            assert [one.description for one in wanted] == [one["description"] for one in events(turn)]

    def test_same(self):
        """What would look the same at VTEX is one event: told twice, or twice within a day at one place."""
        assert 1 == len(events([event(), event(), event(at=NOON + HOUR), event(at=None)]))
        assert 2 == len(events([event(), event(city="Recife")]))
        assert 2 == len(events([event(), event(at=NOON + DAY)]))

    def test_without_words(self):
        """An event that says nothing is none."""
        assert [] == events([event("")])

    @pytest.mark.parametrize(
        ("at", "day"),
        [(datetime(2036, 11, 10, 12, tzinfo=UTC), None), (NOON, date(2036, 11, 10)), (None, date(2026, 11, 20))],
    )
    def test_ahead(self, at: datetime | None, day: date | None):
        """An event dated more than a day ahead is left out, by its instant or by its day: the right one is not known.
        Its message may still say that the parcel is delivered."""
        wrong = event("Entregue", at, **({"day": day} if day else {}))
        body = tracking([fold(Known(), [POSTED, delivered(events=(event(), wrong))])], now=NOW.timestamp()).body

        assert (["Em trânsito"], True) == ([one["description"] for one in body["events"]], body["isDelivered"])
        later = datetime(2036, 11, 10, 12, tzinfo=UTC).timestamp()
        assert 2 == len(tracking([fold(Known(), [delivered(events=(event(), wrong))])], now=later).body["events"])

    def test_a_day_ahead(self):
        """An event of tomorrow is sent: it may be tomorrow already where the parcel is, and clocks differ."""
        near = [event("a", NOW + DAY - HOUR), event("b", None, day=date(2026, 11, 19))]
        known = fold(Known(), [said(Status.IN_TRANSIT, NOON, events=tuple(near))])

        assert 2 == len(tracking([known], now=NOW.timestamp()).body["events"])

    def test_long(self):
        """VTEX takes so many characters of a description."""
        assert [MOST_DESCRIPTION] == [len(one["description"]) for one in events([event("ç" * 6_000)])]

    def test_nothing_to_say(self):
        """Without events and without a delivery there is nothing to send; a delivery alone is something."""
        assert tracking([fold(Known(), [POSTED])], now=NOW.timestamp()).is_empty
        assert not tracking([fold(Known(), [POSTED, delivered()])], now=NOW.timestamp()).is_empty
        assert not tracking(
            [fold(Known(), [said(Status.RETURNED, NOON, events=(event(),))])], now=NOW.timestamp()
        ).is_empty

    def test_digest(self):
        """Equal sets are equal, in whatever order they came; another event or a delivery is a change."""
        one = said(Status.IN_TRANSIT, NOON, events=(event("a"), event("b")))
        other = said(Status.IN_TRANSIT, NOON, events=(event("b"), event("a")))
        more = said(Status.IN_TRANSIT, NOON, events=(event("c"),))
        digests = [tracking([fold(Known(), updates)], now=NOW.timestamp()).digest for updates in
                   ([one], [other], [one, more], [one, delivered()])]  # fmt: skip

        assert digests[0] == digests[1]
        assert 3 == len(set(digests))


class TestSchema:
    CHECK = staticmethod(validator("vtex_tracking"))
    BODY: dict[str, Any] = {  # noqa: RUF012  no one changes it
        "isDelivered": True,
        "deliveredDate": "2026-11-10 12:00",
        "events": [{"city": "", "state": "", "description": "x", "date": "2026-11-10"}],
    }

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"deliveredDate": "2026-11-10T12:00"}, "$.deliveredDate"),
            ({"isDelivered": "true"}, "$.isDelivered"),
            ({"events": [{**BODY["events"][0], "date": "10/11/2026"}]}, "$.events[0].date"),
            ({"events": [{**BODY["events"][0], "description": "x" * 5_001}]}, "$.events[0].description"),
            ({"events": [{"description": "x", "date": "2026-11-10"}]}, "$.events[0]"),
            ({"events": None}, "$.events"),
            ({"hasReturnedToSender": True}, "$"),
        ],
    )
    def test_bites(self, change, path):
        """The schema refuses what VTEX's reference does not allow, and takes its own example."""
        self.CHECK(self.BODY)
        with pytest.raises(Unreadable) as refused:
            self.CHECK({**self.BODY, **change})

        assert path == refused.value.path

    def test_as_published(self):
        """The keys and the required ones are those of the OpenAPI file's UpdateTrackingStatusRequest and Event."""
        schema = document("vtex_tracking")
        event_keys = ["city", "state", "description", "date"]

        assert ["isDelivered", "deliveredDate", "events"] == schema["required"] == list(schema["properties"])
        item = schema["properties"]["events"]["items"]
        assert event_keys == item["required"] == list(item["properties"])

    @pytest.mark.parametrize("carrier", RECORDED)
    def test_every_recording(self, carrier):
        """Every body that a recording comes to keeps to the schema."""

        def keeps_to_it(path):
            for one in Replay().dry(load(path)).fields:
                if one.tracking is not None:
                    self.CHECK(one.tracking["body"])

        try_each(recordings_of(carrier), keeps_to_it)


class TestTimes:
    def test_utc_carrier(self, rig: Rig):
        """22:30 in São Paulo, as a carrier writes it in UTC: the endpoint's zone tells the local time."""
        rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "events": True, "zone": "America/Sao_Paulo"}})
        rig.add_order(order("1-01", package("900")))
        rig.post(posted(event="order.delivered", at="2026-11-11T01:30:00+00:00", posted_at="2026-11-09T12:00:00+00:00"))
        rig.work()

        [call] = rig.calls("PUT")
        assert "2026-11-10 22:30" == call.body["deliveredDate"], call.body
        assert {"2026-11-10"} >= {one["date"] for one in call.body["events"]}

    def test_days(self, rig: Rig):
        """A scan late in the evening, told in UTC as one of the next day: VTEX gets the parcel's day, from the receiver
        and from a dry run alike."""
        told = load(SAMPLES / "easypost" / "out_for_delivery_order_link.http")
        settings = {**told.expected["endpoint"], "zone": "America/Sao_Paulo"}
        told = replace(told, expected={**told.expected, "endpoint": settings})
        rig.configure(endpoints={"easypost": settings})
        rig.add_order(*told.expected["orders"])
        for link in told.expected["links"]:
            rig.link(link["tracking_number"], link["order"])
        assert 200 == rig.play(told, endpoint="easypost").status_code
        rig.work()

        for body in (rig.calls("PUT")[-1].body, Replay().dry(told).fields[0].tracking["body"]):
            assert ["2026-11-12", "2026-11-12", "2026-11-16"] == [one["date"] for one in body["events"]]

    @pytest.mark.parametrize(
        ("at", "zone", "day"),
        [
            (datetime(2026, 11, 11, 1, 30, tzinfo=UTC), BRASILIA, date(2026, 11, 10)),
            (datetime(2026, 11, 11, 1, 30, tzinfo=UTC), None, date(2026, 11, 11)),
            (datetime(2026, 11, 11, 0, 30, tzinfo=timezone(timedelta(hours=-2))), BRASILIA, date(2026, 11, 11)),
            (None, BRASILIA, date(2026, 11, 11)),
        ],
    )
    def test_local_day(self, at: datetime | None, zone: tzinfo | None, day: date):
        """What is told in UTC has its day in the zone; what is told in local time, or without a time, has its own."""
        scan = TrackingEvent(day=at.date() if at else date(2026, 11, 11), description="x", happened_at=at)
        (event,) = with_local_days(Shipment(key="p", status=Status.IN_TRANSIT, events=(scan,)), zone).events

        assert day == event.day

    @pytest.mark.parametrize("zone", [None, BRASILIA])
    def test_carriers_own_day(self, zone: tzinfo | None):
        """A day that is not the UTC date was told by the carrier itself, and no zone changes it."""
        at = datetime(2026, 11, 18, 2, 41, tzinfo=UTC)
        for day in (date(2026, 11, 17), date(2026, 11, 19)):
            scan = TrackingEvent(day=day, description="x", happened_at=at)
            (event,) = with_local_days(Shipment(key="p", status=Status.IN_TRANSIT, events=(scan,)), zone).events

            assert day == event.day

    def test_days_in_order(self):
        """Events go out in the order of the days that VTEX is told."""
        late = TrackingEvent(
            day=datetime(2026, 11, 10).date(),
            description="late evening",
            happened_at=datetime(2026, 11, 10, 22, tzinfo=BRASILIA),
        )
        bare = TrackingEvent(day=datetime(2026, 11, 11).date(), description="next day", happened_at=None)
        dates = [one["date"] for one in events([late, bare])]

        assert sorted(dates) == dates

    def test_within_the_minute(self):
        """Never before the dispatch, as VTEX is told both: minutes cut off put 12:00:40 before 12:00:30."""
        at = datetime(2026, 11, 10, 12, 0, 30, tzinfo=BRASILIA)
        one = Update(
            shipment=Shipment(
                key="p",
                status=Status.DELIVERED,
                happened_at=at,
                dispatched_at=at,
                delivered_at=at + timedelta(seconds=10),
            ),
            received_at=at,
            digest="",
        )
        body = tracking([fold(Known(), [one])], now=at.timestamp() + 999).body

        assert body["deliveredDate"] is None or body["deliveredDate"] > "2026-11-10 12:00"
