"""VTEX ends with the earliest known day of dispatch, whatever order the messages come in; a mail costs what it must."""

import itertools
from typing import Any

import pytest

from receiver.shipments import known_from_json
from receiver.vtex.differences import kept_back
from tests.support.rig import Rig, order, package, posted

#: Five messages of one parcel: two without a date, three of differing days.
MESSAGES: list[dict[str, Any]] = [
    posted(event="order.posted", at=None),
    posted(event="order.posted", at="2026-11-12T09:00:00-03:00"),
    posted(event="order.posted", at="2026-11-10T22:30:00-03:00"),
    posted(event="order.posted", at="2026-11-11T08:00:00-03:00"),
    posted(event="order.posted", at=None, created_at="2026-11-09T13:00:00+00:00"),
]
EARLIEST = "2026-11-10T22:30:00-03:00"


def dates(rig: Rig) -> list[str | None]:
    """What each PATCH said of the dispatch."""
    return [call.body["dispatchedDate"] for call in rig.calls("PATCH")]


def test_every_arrival_order(rig: Rig) -> None:
    """Of all 120 arrival orders each ends with the earliest day at VTEX. A PATCH is made for the first message, and for
    each that makes a day known or an earlier one: never for anything else."""
    arrivals = list(itertools.permutations(MESSAGES))
    rig.add_order(*(order(f"{number}-01", package("900")) for number in range(len(arrivals))))
    for place in range(len(MESSAGES)):
        for number, messages in enumerate(arrivals):
            named = {"id": f"p{number}", "tags": [{"tag": f"{number}-01", "url": None}]}
            rig.post({**messages[place], "data": {**messages[place]["data"], **named}})
        rig.work()
    for number, messages in enumerate(arrivals):
        patched = [call.body["dispatchedDate"] for call in rig.calls("PATCH") if call.order == f"{number}-01"]
        told = [message["data"]["posted_at"] for message in messages]
        days = [day for day in told if day]
        falling = [day for place, day in enumerate(days) if all(day < before for before in days[:place])]
        assert patched == ([None] if told[0] is None else []) + falling
        assert EARLIEST == patched[-1]


@pytest.mark.parametrize("hours", [("22:30", "08:00"), ("08:00", "22:30")])
def test_an_hour_alone(rig: Rig, hours: tuple[str, str]) -> None:
    """Another hour of the same day is no reason for another mail; the story says what is kept back."""
    rig.add_order(order("1-01", package("900")))
    for hour in hours:
        rig.post(posted(at=f"2026-11-10T{hour}:00-03:00"))
        rig.work()

    assert [f"2026-11-10T{hours[0]}:00-03:00"] == dates(rig)
    row = rig.queries.history("melhor-envio/p1")["shipment"]
    said = "dispatched 2026-11-10T08:00:00-03:00: VTEX has 2026-11-10T22:30:00-03:00, and only an earlier day is sent"
    expected = [said] if hours[0] == "22:30" else []
    assert expected == kept_back(known_from_json(row["known"]), row["sent"])


def test_day_of_the_parcel(rig: Rig) -> None:
    """A carrier that tells UTC has told the next day in the evening: the day VTEX shows is the parcel's own."""
    rig.add_order(order("1-01", package("900")))
    rig.post(posted(at="2026-11-11T01:30:00+00:00"))
    rig.work()
    rig.post(posted(at="2026-11-10T12:00:00+00:00"))
    rig.work()

    assert ["2026-11-10T22:30:00-03:00"] == dates(rig)


def test_tracking_that_was_there(rig: Rig) -> None:
    """Where VTEX had the tracking before us, its date cannot be seen: it is left, and the story says so."""
    there = {"trackingNumber": "TN1BR", "trackingUrl": "https://track.example/TN1BR", "courier": "Melhor Envio"}
    rig.add_order(order("1-01", package("900", **there)))
    for day in (12, 11):
        rig.post(posted(at=f"2026-11-{day}T12:00:00-03:00"))
        rig.work()

    assert [] == dates(rig)
    row = rig.queries.history("melhor-envio/p1")["shipment"]
    assert [
        "dispatched 2026-11-11T12:00:00-03:00: VTEX had the tracking already, its date stays as it is"
    ] == kept_back(known_from_json(row["known"]), row["sent"])
