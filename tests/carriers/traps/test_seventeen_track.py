"""The traps that 17TRACK sets. The digests were computed with ``openssl dgst -sha256``."""

import copy
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, ReferenceKind, Status, Unreadable, seventeen_track
from receiver import carriers
from tests.support.adapter import POST, payload, proves, read_one

KEY = "17TRACKDEMOKEY00000000000000001"
BODY = '{"event":"TRACKING_STOPPED","data":{"number":"X1","note":"São/ 1.0"}}'.encode()
PROOF = "72233989536b32a303f3a4e839072f656412c0dbd6e18d147d1ca4e1e8a2af34"
KEYED_HASH = "853ac3b26fb1deded835b8784b9d5339f36d6283d1a140c0a8632b3f738068fe"

#: status, or status/sub_status
STATUSES = {
    Status.OTHER: ["NotFound", "Teleported", "Teleported/Delivered_Other"],
    Status.ANNOUNCED: ["InfoReceived/InfoReceived"],
    Status.DISPATCHED: ["InTransit/InTransit_PickedUp"],
    Status.IN_TRANSIT: [
        "InTransit",
        "InTransit/InTransit_Other",
        "AvailableForPickup",
        "DeliveryFailure",
        "Undelivered",
    ],
    Status.OUT_FOR_DELIVERY: ["OutForDelivery/OutForDelivery_Other"],
    Status.DELIVERED: ["Delivered", "Delivered/Delivered_Other"],
    Status.RETURNED: ["Exception/Exception_Returning", "Exception/Exception_Returned"],
    Status.CANCELLED: ["Exception/Exception_Cancel"],
    Status.EXCEPTION: ["Exception/Exception_Other", "Expired/Expired_Other"],
}


def told(status: str, *events: dict, milestones: tuple[dict, ...] = (), **changes) -> dict:
    body = payload("seventeen_track", "not_found")
    main, _, sub = status.partition("/")
    info = body["data"]["track_info"]
    info["latest_status"] = {"status": main, "sub_status": sub or None}
    info["milestone"] = list(milestones)
    info["tracking"]["providers"][0]["events"] = list(events)
    body["data"] |= changes
    return body


def event(utc: str | None, stage: str | None = None, sub: str | None = None, iso: str | None = None, **more) -> dict:
    return {"time_utc": utc, "time_iso": iso, "stage": stage, "sub_status": sub, "description": "x", **more}


class TestSignature:
    def test_body_slash_key(self):
        """Trap 1: body, slash and key are hashed as bytes, with no keyed hash about it."""
        assert proves(seventeen_track, "sign", PROOF, BODY, KEY)
        assert not proves(seventeen_track, "sign", PROOF, BODY + b"\n", KEY)
        assert not proves(seventeen_track, "sign", KEYED_HASH, BODY, KEY)

    def test_version_1(self):
        """Trap 5: version 1 signs in the body; that proves nothing here."""
        with pytest.raises(Unreadable, match="track_info"):
            carriers.load("seventeen_track", seventeen_track).check(
                {"event": "TRACKING_UPDATED", "data": {"number": "1", "track": {"z0": {}}}, "sign": PROOF}
            )


class TestStatus:
    @pytest.mark.parametrize(("expected", "said"), [(status, said) for status in STATUSES for said in STATUSES[status]])
    def test_words(self, expected, said):
        """Traps 14 and 16: the main status decides, three substatuses tell more, unknown words are kept as other."""
        assert expected is read_one(seventeen_track, told(said)).status

    @pytest.mark.parametrize("stage", ["Returning", "Returned"])
    def test_delivered_to_the_sender(self, stage):
        """Trap 14: what was on its way back is delivered to the sender."""
        mile = {"key_stage": stage, "time_utc": "2026-11-17T02:00:00Z"}
        back = read_one(seventeen_track, told("Delivered", milestones=(mile,)))
        assert (Status.RETURNED, None) == (back.status, back.delivered_at)

    def test_returned_by_substatus(self):
        """Trap 14: an event without a stage may tell of the return by its substatus alone."""
        sent_back = event("2026-11-17T02:00:00Z", None, "Exception_Returning")
        assert Status.RETURNED is read_one(seventeen_track, told("Delivered", sent_back)).status

    def test_returned_in_words(self):
        """Trap 14: the carrier's own words tell of a return that 17TRACK has no stage for."""
        sent_back = event("2026-11-17T02:00:00Z", None, "InTransit_Other") | {"description": "Return to sender"}
        undated = event(None, "Returning")
        for back in (sent_back, undated):
            assert Status.RETURNED is read_one(seventeen_track, told("Delivered", back)).status

    @pytest.mark.parametrize(
        ("status", "stage", "sub", "words"),
        [
            ("Teleported/Teleported_Up", None, None, ("Teleported", "Teleported_Up")),
            ("InTransit", "Beaming", None, ("Beaming",)),
            ("InTransit", "Beaming", "InTransit_Beamed", ("InTransit_Beamed",)),
            ("NotFound/NotFound_Other", "Departure", "InTransit_Departure", ()),
            ("Exception/Exception_Lost", None, None, ()),
        ],
    )
    def test_unknown(self, status, stage, sub, words):
        """A word on no list is named, of the latest status and of the events."""
        said = told(status, event("2026-11-15T10:00:00Z", stage, sub))
        assert words == read_one(seventeen_track, said).unknown_words

    def test_unknown_milestone(self):
        """A milestone on no list is named, once it was reached."""
        miles = [{"key_stage": "Beamed", "time_utc": when} for when in ("2026-11-17T02:00:00Z", None)]
        words = [read_one(seventeen_track, told("InTransit", milestones=(mile,))).unknown_words for mile in miles]
        assert [("Beamed",), ()] == words

    def test_unknown_event(self):
        """An event of 17TRACK's that is on no list is kept for a look, not dropped."""
        with pytest.raises(Unreadable, match=r"\$\.event"):
            seventeen_track.read(told("InTransit") | {"event": "TRACKING_LOST"}, POST)

    def test_unreached_milestone(self):
        """Trap 14: every message lists all milestones; one without a time was not reached."""
        mile = {"key_stage": "Returned", "time_utc": None, "time_iso": None}
        assert Status.DELIVERED is read_one(seventeen_track, told("Delivered", milestones=(mile,))).status

    def test_stopped(self):
        """17TRACK also tells that it has given up following a number."""
        with pytest.raises(Ignored, match="stopped"):
            seventeen_track.read(payload("seventeen_track", "tracking_stopped"), POST)


class TestDispatch:
    @pytest.mark.parametrize(
        "early",
        [
            event("2026-11-15T10:00:00Z", "PickedUp"),
            event("2026-11-15T10:00:00Z", None, "InTransit_PickedUp"),
            event("2026-11-15T10:00:00Z", None, "InTransit_Other"),
            event("2026-11-15T10:00:00Z", "Departure", "InTransit_Departure"),
            event("2026-11-15T10:00:00Z", "AvailableForPickup", "AvailableForPickup_Other"),
        ],
    )
    def test_earliest(self, early):
        """Trap 18: PickedUp is often missing; the first sign of possession dates the dispatch."""
        late = event("2026-11-16T10:00:00Z", "OutForDelivery")
        assert (
            "2026-11-15T10:00:00+00:00"
            == read_one(seventeen_track, told("InTransit", late, early)).dispatched_at.isoformat()
        )

    def test_milestone(self):
        """Trap 18: a milestone counts although its event is gone from the list."""
        mile = {"key_stage": "PickedUp", "time_utc": "2026-11-14T10:00:00Z", "time_iso": "2026-11-14T18:00:00+08:00"}
        said = told("InTransit", event("2026-11-16T10:00:00Z", "Arrival"), milestones=(mile,))
        assert "2026-11-14T18:00:00+08:00" == read_one(seventeen_track, said).dispatched_at.isoformat()

    @pytest.mark.parametrize(
        ("stage", "sub"), [("InfoReceived", None), ("Delivered", None), (None, "Exception_Other"), (None, None)]
    )
    def test_no_possession(self, stage, sub):
        """Trap 15: an announcement, a delivery, trouble or nothing do not say when the carrier took it."""
        assert (
            read_one(seventeen_track, told("InTransit", event("2026-11-15T10:00:00Z", stage, sub))).dispatched_at
            is None
        )


class TestTimes:
    @pytest.mark.parametrize(
        ("utc", "iso", "expected"),
        [
            ("2026-11-15T10:00:00Z", "2026-11-15T07:00:00-03:00", "2026-11-15T07:00:00-03:00"),
            ("2026-11-15T10:00:00Z", "2026-11-15T07:00:00-02:00", "2026-11-15T10:00:00+00:00"),
            ("2026-11-15T10:00:00Z", "2026-11-15T07:00:00", "2026-11-15T10:00:00+00:00"),
            ("2026-11-15T10:00:00Z", None, "2026-11-15T10:00:00+00:00"),
            (None, "2026-11-15T07:00:00-03:00", "2026-11-15T07:00:00-03:00"),
        ],
    )
    def test_two_clocks(self, utc, iso, expected):
        """Trap 23: UTC is what counts; the local clock is kept where it says the same."""
        said = told("InTransit", event(utc, "PickedUp", iso=iso))
        assert expected == read_one(seventeen_track, said).dispatched_at.isoformat()

    def test_local_alone(self):
        """Trap 23: a local time without offset needs the endpoint's zone; its day is known all the same."""
        said = told("InTransit", event(None, "PickedUp", iso="2026-11-15T23:30:00"))
        unzoned, zoned = (
            read_one(seventeen_track, said),
            read_one(seventeen_track, said, zone=ZoneInfo("Asia/Shanghai")),
        )
        assert ("2026-11-15", None) == (unzoned.events[0].day.isoformat(), unzoned.dispatched_at)
        assert "2026-11-15T23:30:00+08:00" == zoned.dispatched_at.isoformat()

    def test_local_day(self):
        """Trap 23: the day of an event is the local one, though London is a day behind."""
        said = told("InTransit", event("2026-11-15T23:05:00Z", "Departure", iso="2026-11-16T07:05:00+08:00"))
        assert "2026-11-16" == read_one(seventeen_track, said).events[0].day.isoformat()


class TestValues:
    def test_providers(self):
        """Traps 20 and 29: a second provider's events count, and the first one names the courier."""
        shipment = read_one(seventeen_track, payload("seventeen_track", "delivered_without_pickup"))
        assert ("China Post", 3) == (shipment.courier, len(shipment.events))
        assert "2026-11-17T03:10:00-03:00" == shipment.dispatched_at.isoformat()

    def test_courier(self):
        """Trap 29: the provider's name is spelt as in the shared table, and 17TRACK's number of the carrier is kept."""
        body = payload("seventeen_track", "not_found")
        spelt = []
        for provider in ("dhl", "Globex Local", None):
            body["data"]["track_info"]["tracking"]["providers"][0]["provider"]["name"] = provider
            spelt.append(read_one(seventeen_track, body))
        assert ["DHL", "Globex Local", None] == [each.courier for each in spelt]
        assert {"3011"} == {each.courier_code for each in spelt}

    @pytest.mark.parametrize(("local", "expected"), [("BR1830", ["BR1830"]), ("LX183000006CN", []), (None, [])])
    def test_local_number(self, local, expected):
        """Trap 30: the carrier that delivers abroad has a number of its own, which finds the order as well."""
        body = told("InTransit")
        body["data"]["track_info"]["misc_info"] = {"local_number": local}
        references = read_one(seventeen_track, body).references
        assert [(ReferenceKind.TRACKING_NUMBER, value) for value in expected] == [(r.kind, r.value) for r in references]

    def test_repeated(self):
        """Trap 20: both providers may tell the same line; it is one event."""
        body = told("InTransit", event("2026-11-15T10:00:00Z", "PickedUp"))
        providers = body["data"]["track_info"]["tracking"]["providers"]
        providers.append(copy.deepcopy(providers[0]))
        assert 1 == len(read_one(seventeen_track, body).events)

    def test_empty_address(self):
        """Trap 25: an address may be all null, and the location says where."""
        said = told(
            "InTransit", event("2026-11-15T10:00:00Z", address={"city": None, "state": None}, location="Curitiba/PR")
        )
        assert "Curitiba/PR" == read_one(seventeen_track, said).events[0].city

    def test_address(self):
        """Trap 25: where the address has a city, the location is only another way of writing it."""
        place = {"city": "Curitiba", "state": "PR"}
        said = told("InTransit", event("2026-11-15T10:00:00Z", address=place, location="Curitiba/PR"))
        (seen,) = read_one(seventeen_track, said).events
        assert ("Curitiba", "PR") == (seen.city, seen.state)

    def test_key(self):
        """Trap 30: a number is one parcel only together with its carrier."""
        keys = [read_one(seventeen_track, told("InTransit", carrier=carrier)).key for carrier in (3011, "3011", None)]
        assert ["3011:LX183000006CN", "3011:LX183000006CN", "LX183000006CN"] == keys

    def test_tag(self):
        """Trap 27: the tag is the merchant's own, so the merchant's rules read it."""
        assert () == read_one(seventeen_track, told("InTransit", tag="1830000000001-01")).references
        assert "data.tag" in seventeen_track.REFERENCES
