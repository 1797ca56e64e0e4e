"""The traps that Blue Dart sets, one sentence each."""

from importlib import import_module
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, Status, Unreadable, bluedart
from receiver.carriers import load
from receiver.carriers.references import Rule, refer
from receiver.recordings import load as load_recording
from receiver.shipments import Known, Update, fold
from tests.support.adapter import POST, payload, proves, read_one
from tests.support.paths import SAMPLES

SETTINGS = ("secrets", "references")
CARRIER = load("bluedart", import_module("adapters.bluedart"))


def member(case="arrived_plus", *, scan=None, **changes):
    """The case's first parcel, with changes to it and to its first scan."""
    body = payload("bluedart", case)["statustracking"][0]
    parcel = body["Shipment"] | changes
    if scan:
        parcel["Scans"]["ScanDetail"][0] |= scan
    return {"Shipment": parcel}


def converted(case):
    return CARRIER.convert(load_recording(Path(SAMPLES) / "bluedart" / f"{case}.http").request)


class TestProof:
    def test_choices(self):
        """Trap 4: nothing is signed; a licence key, a user with a password or a token is agreed at onboarding."""
        assert ["header", "basic", "bearer", "header", "path"] == [scheme.kind for scheme in bluedart.AUTH]
        assert proves(bluedart, "license-key", "bluedart-demo-licence", b"anything", "bluedart-demo-licence")

    def test_client_id(self):
        """Trap 5: the client id beside the key is no secret and proves nothing."""
        assert not proves(bluedart, "client-id", "bluedart-demo-licence", b"{}", "bluedart-demo-licence")


class TestBatch:
    def test_one_parcel_three_times(self):
        """Trap 19: one message tells of one parcel three times, in no order; together they are one story."""
        told = converted("one_parcel_three_times_lite").shipments
        updates = [Update(shipment=each, received_at=POST.received_at, digest="") for each in told]
        known = fold(Known(), updates)

        assert {"38000000003"} == {each.key for each in told}
        assert "2026-11-18T14:36:00+05:30" == known.dispatched_at.isoformat()
        assert Status.IN_TRANSIT == known.status.value
        assert known == fold(Known(), updates[::-1])

    def test_one_write(self, rig):
        """Trap 19: the three scans of one message are one write to VTEX."""
        recording = load_recording(Path(SAMPLES) / "bluedart" / "one_parcel_three_times_lite.http")
        rig.configure(endpoints={"bluedart": {name: recording.expected["endpoint"][name] for name in SETTINGS}})
        rig.now = recording.request.received_at.timestamp()
        rig.add_order(*recording.expected["orders"])

        answer = rig.play(recording, endpoint="bluedart").json
        rig.work()

        assert ("accepted", 3) == (answer["outcome"], answer["shipments"])
        assert ["2026-11-18T14:36:00+05:30"] == [call.body["dispatchedDate"] for call in rig.calls("PATCH")]

    def test_bad_member(self):
        """Trap 19: a member that cannot be read is named by its place, and the others are taken."""
        conversion = converted("one_bad_member")

        assert ["38000000007"] == [each.key for each in conversion.shipments]
        assert ["$.statustracking[0].Shipment.ScanDate"] == [each.path for each in conversion.refused]

    def test_order_of_scans(self):
        """Trap 20: within a parcel the array's order means nothing either."""
        body = member("history_advance")
        forward = read_one(bluedart, body)
        body["Shipment"]["Scans"]["ScanDetail"].reverse()

        assert forward == read_one(bluedart, body)
        assert Status.DELIVERED == forward.status

    def test_repeated_scan(self):
        """Trap 20: a scan that is there twice is one event."""
        body = member()
        body["Shipment"]["Scans"]["ScanDetail"] *= 2

        assert 1 == len(read_one(bluedart, body).events)


class TestStatuses:
    @pytest.mark.parametrize(
        ("scan", "expected"),
        [
            ({"ScanGroupType": "T", "ScanType": "DL", "ScanCode": "000"}, Status.DELIVERED),
            ({"ScanGroupType": "RT", "ScanType": "DL", "ScanCode": "000"}, Status.RETURNED),
            ({"ScanGroupType": "RS", "ScanType": "UD", "ScanCode": "001"}, Status.RETURNED),
            ({"ScanGroupType": "T", "ScanType": "RT", "ScanCode": "074"}, Status.RETURNED),
            ({"ScanGroupType": "S", "ScanType": "DL", "ScanCode": "000"}, Status.OTHER),
            ({"ScanGroupType": "T", "ScanType": "UD", "ScanCode": "000"}, Status.OTHER),
            ({"ScanGroupType": "T", "ScanType": "UD", "ScanCode": "001"}, Status.IN_TRANSIT),
            ({"ScanGroupType": "S", "ScanType": "UD", "ScanCode": "015"}, Status.IN_TRANSIT),
            ({"ScanGroupType": "S", "ScanType": "UD", "ScanCode": "009"}, Status.IN_TRANSIT),
            ({"ScanGroupType": "T", "ScanType": "UD", "ScanCode": "206"}, Status.IN_TRANSIT),
            ({"ScanGroupType": "T", "ScanType": "UD", "ScanCode": "208"}, Status.IN_TRANSIT),
            ({"ScanGroupType": "T", "ScanType": "UD", "ScanCode": "092"}, Status.OUT_FOR_DELIVERY),
            ({"ScanGroupType": "T", "ScanType": "DL", "ScanCode": "188"}, Status.RETURNED),
            ({"ScanGroupType": "T", "ScanType": "UD", "ScanCode": "016"}, Status.RETURNED),
            ({"ScanGroupType": "T", "ScanType": "DL", "ScanCode": "021"}, Status.EXCEPTION),
            ({"ScanGroupType": "T", "ScanType": "DL", "ScanCode": "090"}, Status.EXCEPTION),
            ({"ScanGroupType": "T", "ScanType": "DL", "ScanCode": "099"}, Status.EXCEPTION),
            ({"ScanGroupType": "T", "ScanType": "UD", "ScanCode": "180"}, Status.OTHER),
            ({"ScanGroupType": "RW", "ScanType": "UD", "ScanCode": "001"}, Status.OTHER),
            ({"ScanGroupType": "S", "ScanType": "UD", "ScanCode": "0"}, Status.OTHER),
            ({"ScanGroupType": "S", "ScanType": "UD", "ScanCode": "002"}, Status.OUT_FOR_DELIVERY),
            ({"ScanGroupType": "T", "ScanType": "UD", "ScanCode": "003"}, Status.IN_TRANSIT),
        ],
    )
    def test_codes(self, scan, expected):
        """Traps 14 and 16: a code means something with its group and type alone, and the way back delivers nothing."""
        shipment = read_one(bluedart, member(scan=scan))

        assert expected == shipment.status
        assert (expected is Status.DELIVERED) == (shipment.delivered_at is not None)

    @pytest.mark.parametrize(
        ("scan", "words"),
        [
            ({"ScanGroupType": "T", "ScanType": "UD", "ScanCode": "536"}, ("T UD 536",)),
            ({"ScanGroupType": "T", "ScanType": "UD", "ScanCode": "000"}, ("T UD 000",)),
            ({"ScanGroupType": "T", "ScanType": "UD", "ScanCode": "180"}, ()),
            ({"ScanGroupType": "RW", "ScanType": "UD", "ScanCode": "001"}, ()),
            ({"ScanGroupType": "RT", "ScanType": "UD", "ScanCode": "999"}, ()),
        ],
    )
    def test_unknown_codes(self, scan, words):
        """A code on no list is named with its group and type, and so is a delivery that is not closed."""
        assert words == read_one(bluedart, member(scan=scan)).unknown_words

    def test_unknown_code_in_the_history(self):
        """An unknown code of an older scan is named as well."""
        body = member("history_advance")
        body["Shipment"]["Scans"]["ScanDetail"][0]["ScanCode"] = "777"

        assert ("S UD 777",) == read_one(bluedart, body).unknown_words

    def test_delivered_after_a_return(self):
        """Trap 14: a delivery after a return in the same history is marked: it may be the merchant's."""
        body = member("history_advance")
        body["Shipment"]["Scans"]["ScanDetail"][0] |= {"ScanGroupType": "T", "ScanType": "RT", "ScanCode": "074"}
        shipment = read_one(bluedart, body)

        assert (Status.DELIVERED, True) == (shipment.status, shipment.returned)

    @pytest.mark.parametrize(
        ("scan", "status"),
        [
            ({"ScanGroupType": "T", "ScanType": "DL", "ScanCode": "000"}, Status.RETURNED),
            ({"ScanGroupType": "S", "ScanType": "UD", "ScanCode": "015"}, Status.RETURNED),
            ({"ScanGroupType": "T", "ScanType": "DL", "ScanCode": "098"}, Status.EXCEPTION),
        ],
    )
    def test_reverse_pickup(self, scan, status):
        """Trap 14: mode R marks a pickup from the shopper, and its delivery brings the parcel to the merchant."""
        shipment = read_one(bluedart, member(scan=scan, ShipmentMode="R"))

        assert (True, status) == (shipment.reverse, shipment.status)
        assert (None, None) == (shipment.dispatched_at, shipment.delivered_at)
        assert not read_one(bluedart, member(scan=scan)).reverse

    @pytest.mark.parametrize("scans", [{"ScanDetail": []}, None])
    def test_no_scans(self, scans):
        """A parcel without a scan has no news."""
        with pytest.raises(Ignored, match="no scans"):
            bluedart.read(member(Scans=scans), POST)

    def test_other_form(self):
        """Trap 25: scans without a date, or a parcel without any field of a scan, are of a form that is not known."""
        undated = member(scan={"ScanDate": ""})
        undated["Shipment"]["Scans"]["ScanDetail"] = undated["Shipment"]["Scans"]["ScanDetail"][:1]

        for unknown in (undated, {"Shipment": {"WaybillNo": "1", "History": []}}):
            with pytest.raises(Unreadable, match="no scan with a date"):
                bluedart.read(unknown, POST)


class TestDates:
    def test_pickup_before_possession(self):
        """Trap 15: a pickup date beside a scan that proves no possession is a plan, not a dispatch."""
        shipment = read_one(bluedart, member("unknown_code_before_pickup"))

        assert (Status.OTHER, None) == (shipment.status, shipment.dispatched_at)

    @pytest.mark.parametrize(
        ("date", "time", "expected"),
        [
            ("16-11-2026", "1444", "2026-11-16T14:44:00+05:30"),
            ("18-11-2026", "0900", "2026-11-17T09:15:00+05:30"),
            ("30-12-0000", "0000", "2026-11-17T09:15:00+05:30"),
            ("16-11-2026", "", "2026-11-17T09:15:00+05:30"),
            ("", "", "2026-11-17T09:15:00+05:30"),
            (None, None, "2026-11-17T09:15:00+05:30"),
        ],
    )
    def test_pickup(self, date, time, expected):
        """Traps 18 and 23: the pickup dates the dispatch; where it is blank, of the year 0000 or later than a scan, the
        first scan that shows the parcel moving does."""
        assert expected == read_one(bluedart, member(PickUpDate=date, PickUpTime=time)).dispatched_at.isoformat()

    def test_lite_delivery(self):
        """Trap 18: the edition Lite has no pickup date, so a delivery alone dates no dispatch."""
        flat = member("one_parcel_three_times_lite", ScanGroupType="T", ScanType="DL", ScanCode="000")
        shipment = read_one(bluedart, flat)

        assert (Status.DELIVERED, None) == (shipment.status, shipment.dispatched_at)

    @pytest.mark.parametrize("written", ["2026-11-17", "17/11/2026", "31-11-2026"])
    def test_other_format(self, written):
        """Trap 23: a date that is no such date is refused with its place."""
        with pytest.raises(Unreadable, match=r"ScanDetail\[0\]\.ScanDate"):
            bluedart.read(member(scan={"ScanDate": written}), POST)

    def test_zone(self):
        """Trap 23: IST is India's; another zone's name is no one's to guess, and leaves the day alone."""
        (event,) = read_one(bluedart, member(scan={"StatusTimeZone": "GST"}, PickUpDate="")).events

        assert ("2026-11-17", None) == (event.day.isoformat(), event.happened_at)
        assert "+04:00" in read_one(bluedart, member(), zone=ZoneInfo("Asia/Dubai")).happened_at.isoformat()


class TestValues:
    def test_padded_words(self):
        """Texts come padded and end in a bar."""
        assert ["SHIPMENT ARRIVED"] == [event.description for event in read_one(bluedart, member()).events]

    def test_number_stays_text(self):
        """Trap 24: a waybill given as a number is the same parcel."""
        assert read_one(bluedart, member(WaybillNo=38000000001)).key == read_one(bluedart, member()).key

    def test_reference(self):
        """Trap 27: RefNo is the merchant's own, of whatever kind: a rule says that it is the order."""
        rule = Rule.parse("Shipment.RefNo", "order_id")
        shipment = read_one(bluedart, member())

        assert () == shipment.references
        assert ["1938000000001-01"] == [one.value for one in refer(shipment, member(), (rule,))]

    def test_no_personal_data(self):
        """Trap 31: who received the parcel is not kept."""
        assert "SAMPLE SHOPPER" not in repr(read_one(bluedart, member("delivered_plus_repeated")))
