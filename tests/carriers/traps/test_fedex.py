"""The traps that FedEx sets. The digests were computed with ``openssl dgst -sha256 -hmac``."""

import copy
import json
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, ReferenceKind, Status, Unreadable, fedex
from receiver.carriers import discover
from receiver.carriers.references import Rule
from tests.support.adapter import POST, payload, proves, read_one

TOKEN = "Fedex-Demo-Security-Token-0001"
BODY = rb'{"transactionId":"t-1","output":{"completeTrackResults":[],"note":"\u00e9 1.0"}}'
IN_BASE64 = "5m+QbJVMrh+IXKifxqyKMcmlvCuVbvDITkF/sN0229c="
IN_HEX = "e66f906c954cae1f885ca89fc6ac8a31c9a5bc2b956ef0c84e417fb0dd36dbd7"
PLAIN_DIGEST = "ZtP2TQb4bcm7iKnG5dnr77dfgJB1sbWMBVJcumh+k5I="

STATUSES = {
    Status.ANNOUNCED: "OC AP EP",
    Status.DISPATCHED: "PU PX DO IP",
    Status.IN_TRANSIT: "AR AF IT DP TR CC HP FD",
    Status.OUT_FOR_DELIVERY: "OD",
    Status.DELIVERED: "DL",
    Status.RETURNED: "RS",
    Status.EXCEPTION: "DE SE CD DD PD",
    Status.OTHER: "CA EA RC SP DS DR OX MD RP ZZ",
}


def parcel(case: str = "picked_up") -> dict:
    ((_, member),) = fedex.split(payload("fedex", case))
    return member


def scan(kind: str, date: str | None = "2026-11-17T10:00:00-06:00") -> dict:
    return {"date": date, "eventType": kind, "eventDescription": kind, "derivedStatusCode": "IT"}


def scanned(*scans: dict, **changes) -> dict:
    return parcel() | {"scanEvents": list(scans), "dateAndTimes": []} | changes


def dated(kind: str, when: str) -> dict:
    return {"type": kind, "dateTime": when}


class TestSignature:
    @pytest.mark.parametrize("written", [IN_BASE64, IN_HEX])
    def test_both_encodings(self, written):
        """Trap 7: the page's snippet says base64 and its prose hex, so either is taken, of the very same bytes."""
        assert proves(fedex, "fdx-signature", written, BODY, TOKEN)
        assert not proves(fedex, "fdx-signature", written, BODY + b"\n", TOKEN)

    def test_plain_digest(self):
        """Trap 7: the formula of the prose, SHA256(token + payload), anybody can lengthen: it proves nothing."""
        assert not proves(fedex, "fdx-signature", PLAIN_DIGEST, BODY, TOKEN)

    def test_success(self):
        """Trap 11: FedEx takes 200 or 202 for success, and repeats what it cannot deliver three times."""
        assert (200, 3) == (fedex.REPLY.success, fedex.RETRIES.times)

    def test_other_product(self):
        """Trap 5: the header of FedEx Supply Chain is another product's."""
        assert not proves(fedex, "x-fdx-sc-signature", IN_BASE64, BODY, TOKEN)


class TestStatus:
    @pytest.mark.parametrize(
        ("expected", "kind"), [(status, kind) for status, kinds in STATUSES.items() for kind in kinds.split()]
    )
    def test_event_type(self, expected, kind):
        """Trap 16: the scan's type decides, its derived status does not, and codes that stand twice decide nothing."""
        assert expected is read_one(fedex, scanned(scan(kind))).status

    @pytest.mark.parametrize("kind", fedex.NO_MOVEMENT)
    def test_estimates_move_nothing(self, kind):
        """Trap 17: a new estimate or a wish of the recipient's, however new, leaves the parcel where it was."""
        newest = scan(kind, "2026-11-18T10:00:00-06:00")
        assert Status.OUT_FOR_DELIVERY is read_one(fedex, scanned(newest, scan("OD"))).status

    def test_unordered(self):
        """Trap 18: FedEx promises no order, so times decide."""
        early, late = scan("DL", "2026-11-17T10:00:00-05:00"), scan("AR", "2026-11-17T10:00:00-06:00")
        for scans in ([early, late], [late, early]):
            assert Status.IN_TRANSIT is read_one(fedex, scanned(*scans)).status

    @pytest.mark.parametrize("zone", [None, ZoneInfo("America/Chicago")])
    def test_pickup_at_midnight(self, zone):
        """Trap 23: a pick-up at midnight, with an offset or without, seems older than the day's label and is not."""
        assert Status.DISPATCHED is read_one(fedex, parcel("picked_up_at_midnight"), zone=zone).status

    def test_delivered_to_the_shipper(self):
        """Trap 14: a delivery after a return in the same history is marked: it may be the merchant's."""
        back = read_one(fedex, parcel("returned_to_shipper"))
        assert (Status.DELIVERED, True) == (back.status, back.returned)

    def test_request_for_return(self):
        """Trap 14: a return that was asked for is none yet."""
        assert Status.DELIVERED is read_one(fedex, scanned(scan("DL"), scan("RT"))).status

    def test_without_scans(self):
        """Trap 17: without scans the latest status speaks, and without both there is nothing to tell."""
        assert Status.ANNOUNCED is read_one(fedex, scanned(latestStatusDetail={"code": "OC"})).status
        with pytest.raises(Ignored, match="nothing to tell"):
            read_one(fedex, scanned(latestStatusDetail=None, error={"code": "TRACKING.TRACKINGNUMBER.NOTFOUND"}))
        with pytest.raises(Unreadable, match="neither"):
            read_one(fedex, scanned(latestStatusDetail=None))

    @pytest.mark.parametrize("kind", ["DL", "RT", "CA", "MD", "RP", "AE"])
    def test_known(self, kind):
        """A code that has an entry is known, also where it says nothing."""
        assert () == read_one(fedex, scanned(scan(kind))).unknown_words

    def test_unknown(self):
        """A code on no list is named, of a scan and, where no scan moves the parcel, of the latest status."""
        latest = {"latestStatusDetail": {"code": "Y2"}}
        assert ("ZZ",) == read_one(fedex, scanned(scan("DL"), scan("ZZ"), **latest)).unknown_words
        assert ("Y2",) == read_one(fedex, scanned(scan("AE"), **latest)).unknown_words

    def test_returned_in_words(self):
        """Trap 14: a delivery whose words say that it went to the shipper is a return."""
        back = scan("DL") | {"eventDescription": "Delivered, package returned to shipper"}
        assert Status.RETURNED is read_one(fedex, scanned(back)).status

    @pytest.mark.parametrize(("kind", "reverse"), [("RP", True), ("LC", True), ("OC", False), ("RS", False)])
    def test_return_label(self, kind, reverse):
        """Trap 14: a label that a shopper got for a return is marked as one; a parcel on its way back is not."""
        assert reverse is read_one(fedex, scanned(scan(kind))).reverse


class TestTimes:
    def test_ship_date(self):
        """Trap 15: the ship date is the label's and dispatches nothing."""
        label = scanned(scan("OC"), dateAndTimes=[dated("SHIP", "2026-11-16T00:00:00-06:00")])
        assert read_one(fedex, label).dispatched_at is None

    def test_pickup_without_zone(self):
        """Trap 23: a pick-up scan at midnight without an offset is no instant; FedEx's own date stands in."""
        delivered = parcel("delivered_with_undated_pickup")
        assert "2026-11-15T00:00:00-06:00" == read_one(fedex, delivered).dispatched_at.isoformat()
        local = read_one(fedex, delivered, zone=ZoneInfo("America/New_York"))
        assert "2026-11-15T00:00:00-05:00" == local.dispatched_at.isoformat()

    def test_tender(self):
        """Trap 23: the date of the tender serves where there is no date of the pick-up."""
        rows = [
            dated("ACTUAL_TENDER", "2026-11-16T00:00:00-06:00"),
            dated("ANTICIPATED_TENDER", "2026-11-15T00:00:00Z"),
        ]
        assert "2026-11-16" == read_one(fedex, scanned(scan("AR"), dateAndTimes=rows)).dispatched_at.date().isoformat()

    def test_scan_before_date(self):
        """Trap 23: a pick-up scan with its time is better than FedEx's midnight."""
        assert "2026-11-16T16:12:00-06:00" == read_one(fedex, parcel()).dispatched_at.isoformat()

    def test_pickup_after_delivery_tour(self):
        """Trap 18: who had it on the delivery vehicle had it, whatever pick-up is scanned later."""
        scans = scan("OD", "2026-11-17T08:55:00-06:00"), scan("PU", "2026-11-17T14:25:00-06:00")
        assert "2026-11-17T08:55:00-06:00" == read_one(fedex, scanned(*scans)).dispatched_at.isoformat()

    @pytest.mark.parametrize("kind", ["DL", "DE", "RS", "ZZ"])
    def test_no_dispatch(self, kind):
        """Trap 18: a delivery, trouble or a return alone do not say when FedEx took the parcel."""
        assert read_one(fedex, scanned(scan(kind))).dispatched_at is None

    def test_delivery_date(self):
        """Trap 23: where the delivery's scan has no instant, FedEx's date of the delivery serves."""
        rows = [dated("ACTUAL_DELIVERY", "2026-11-18T11:02:41-05:00")]
        shipment = read_one(fedex, scanned(scan("DL", "2026-11-18T11:02:41"), dateAndTimes=rows))
        assert "2026-11-18T11:02:41-05:00" == shipment.delivered_at.isoformat()

    def test_repeated_scan(self):
        """Trap 21: FedEx tells of a delivery again when its images arrive; it is one event."""
        assert 1 == len(read_one(fedex, scanned(scan("DL"), scan("DL"))).events)


class TestMembers:
    def test_number_used_again(self):
        """Traps 19 and 30: of two shipments under one number, the newest label's is meant, in whichever order."""
        body = payload("fedex", "number_used_again")
        turned = copy.deepcopy(body)
        turned["output"]["completeTrackResults"][0]["trackResults"].reverse()
        ((path, member),), ((_, same),) = fedex.split(body), fedex.split(turned)
        assert "$.output.completeTrackResults[0].trackResults[1]" == path
        assert "12056~781000018104~FDEG" == read_one(fedex, member).key == read_one(fedex, same).key

    @pytest.mark.parametrize(
        "broken", [None, "x", {}, {"dateAndTimes": 1}, {"dateAndTimes": [None, {"type": "SHIP", "dateTime": "soon"}]}]
    )
    def test_broken_neighbour(self, broken):
        """Trap 19: a neighbour that says no date, or cannot be read, is a member of its own."""
        body = payload("fedex", "picked_up")
        body["output"]["completeTrackResults"][0]["trackResults"].append(broken)
        assert 2 == len(fedex.split(body))

    @pytest.mark.parametrize("broken", [None, "x", {"trackResults": None}, {"trackingNumber": "794850000002"}])
    def test_number_without_results(self, broken):
        """Trap 19: a number without a list of results is refused alone."""
        body = payload("fedex", "picked_up")
        body["output"]["completeTrackResults"].append(broken)
        conversion = discover()["fedex"].convert(replace(POST, body=json.dumps(body).encode(), zone=fedex.ZONE))

        assert (1, 1) == (len(conversion.shipments), len(conversion.refused))
        assert conversion.refused[0].path.startswith("$.output.completeTrackResults[1]")

    def test_images_stay_outside(self):
        """Traps 26 and 31: images of the delivery, and who took it, are no part of what is read."""
        private = {"images": [1, 2, 3] * 1000, "deliveryDetails": {"receivedByName": "J.DOE"}}
        assert read_one(fedex, parcel()) == read_one(fedex, parcel() | private)

    def test_tracking_page(self):
        """Trap 29: FedEx sends no URL; its public page is built, with the number encoded."""
        odd = parcel() | {"trackingNumberInfo": {"trackingNumber": "7 8&9"}}
        assert "https://www.fedex.com/fedextrack/?trknbr=7%208%269" == read_one(fedex, odd).tracking_url

    def test_key(self):
        """Trap 30: FedEx's own id is the key; the number where there is none."""
        told = {"trackingNumber": " 781000018101 ", "trackingNumberUniqueId": ""}
        assert "12056~781000018101~FDEG" == read_one(fedex, parcel()).key
        assert "781000018101" == read_one(fedex, parcel() | {"trackingNumberInfo": told}).key

    @pytest.mark.parametrize("identifier", [{"values": ["1810000000001-01"]}, {"value": "1810000000001-01"}])
    def test_references(self, identifier):
        """Traps 25 and 27: the reference is in `values` or, as specified, in `value`; rules find both."""
        path = "additionalTrackingInfo.packageIdentifiers[?type=='CUSTOMER_REFERENCE'].[values, value][][]"
        member = {"additionalTrackingInfo": {"packageIdentifiers": [{"type": "CUSTOMER_REFERENCE", **identifier}]}}
        assert ["1810000000001-01"] == Rule.parse(path, ReferenceKind.ORDER_ID).hits(member)
        assert () == read_one(fedex, parcel()).references

    @pytest.mark.parametrize(
        ("identifier", "expected"),
        [
            ({"type": "TRACKING_NUMBER_OR_DOORTAG", "values": ["DT1", "", "781000018101", "DT1"]}, ["DT1"]),
            ({"type": "STANDARD_MPS", "value": "781000018100"}, ["781000018100"]),
            ({"type": "PARTNER_CARRIER_NUMBER", "value": ["9261290100"]}, ["9261290100"]),
            ({"type": "STANDARD_MPS", "values": None}, []),
            ({"type": "CUSTOMER_REFERENCE", "values": ["DT1"]}, []),
            (None, []),
        ],
    )
    def test_other_numbers(self, identifier, expected):
        """Trap 30: a door tag and the number of the whole shipment find the order as well."""
        numbers = read_one(
            fedex, parcel() | {"additionalTrackingInfo": {"packageIdentifiers": [identifier]}}
        ).references
        assert [(ReferenceKind.TRACKING_NUMBER, value) for value in expected] == [(r.kind, r.value) for r in numbers]
