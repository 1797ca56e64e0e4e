"""The traps that ShipEngine sets, one sentence each.

The signature was made with ``openssl dgst -sha256 -sign``, the modulus taken with ``openssl rsa -modulus``; the key is
the one of the recordings.
"""

import json
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, NotAuthentic, Status, UnknownKey, Unreadable, shipengine
from tests.support.adapter import POST, payload, read_one

BODY = b'{"resource_type":"TRACK_EVENT_V2","data":{"tracking_number":"1Z","weight":1.0}}'
STAMP = "2026-11-17T23:58:00Z"  # two minutes before POST arrives
SIGNATURE = (
    "HFLNl+fXVno1eLPLCO9djFt54otcfFp1Sl2Rlx/oxiMpsJ+mE6tKH1mrNbaXSarnI4zCiZLBv0CsNcrsyFdk7mTh7UTNHN6VuVL3"
    "RiSfuIs9/7HvWTgakLz/0bCpjcXxjRZRjUjnNvJ54zIu0OEQfQHfjYsihfh/3K5YIhaMVvx/GJFyAv8dbYk0KwcPWQGqXIy9fbc1"
    "QwLtTHbEKVCQ8PIcmJ+b6ZphzlZWwSklTU/rN64Gg+o+o9ANk5MglZBgWhYKI/MwEU6OEuzVejmaQT8sWgd3M5ok4AdbhiKN0pIz"
    "9b+2skM2p97fug88VTCerU6TLLG0iSlAZSn+bQXO1w=="
)
MODULUS = (
    "hebioPSZNzJWO9wf1y3JiYxNAngoW9JwJ07ANKubtx_h-"
    "ZdKfK6VEmX8y5UF4YOlsTOVVNgckNQmoVaMox7IARgYyuD0oxgMZYNm5xaCx8iAqlqlUH-ELPz27omPJoBccRIvYFzTTTpP4dZdN"
    "yraGGpVX793RJyLdj-_2M7tKwK718DOjHOPCow4d-h62-EGG2iX7OJ6smiyRhIstjsQiWlYNlZy-GwJmJnv1lf7hk2_1OruiivF1"
    "QWuC5_NttDmL20_WjlYeOjl_O9F5DmQmdqAUIslivLCClbpsJ0tqYgluOGA2Qalj_dRxwcI0bbYviCxwRrwV_8UhN1BO3uzYQ"
)
KEYS = json.dumps({"keys": [{"kty": "RSA", "kid": "35c0de00-demo", "e": "AQAB", "n": MODULUS}]})
HEADERS = {
    "x-shipengine-rsa-sha256-signature": SIGNATURE,
    "x-shipengine-rsa-sha256-key-id": "35c0de00-demo",
    "x-shipengine-timestamp": STAMP,
}
SIGNED = replace(POST, headers=HEADERS, body=BODY)


def refused(**changes) -> str:
    """Why the request with these changes is not proven."""
    with pytest.raises(NotAuthentic) as refusal:
        shipengine.AUTH[0].check(replace(SIGNED, **changes), [KEYS])
    return refusal.value.reason


def parcel(case="picked_up_v2", **changes):
    body = payload("shipengine", case)
    body["data"] |= changes
    return body


def event(when, code, detail=None, local=None):
    return {
        "occurred_at": when,
        "carrier_occurred_at": local,
        "description": "x",
        "status_code": code,
        "status_detail_code": detail,
    }


class TestSignature:
    def test_over_time_and_bytes(self):
        """Trap 1: the published key proves the time and the bytes; a body written again is another one."""
        shipengine.AUTH[0].check(SIGNED, [KEYS])

        assert "does not match" in refused(body=BODY.replace(b"1.0", b"1"))
        assert "does not match" in refused(headers=HEADERS | {"x-shipengine-timestamp": "2026-11-17T23:59:00Z"})

    @pytest.mark.parametrize("missing", list(HEADERS))
    def test_header_missing(self, missing):
        """Trap 3: each of the three headers is needed."""
        assert "is missing" in refused(headers={name: value for name, value in HEADERS.items() if name != missing})

    @pytest.mark.parametrize("off", [timedelta(minutes=4), timedelta(minutes=-8)])
    def test_window(self, off):
        """ShipEngine's advice: what was signed more than five minutes before or after our clock is refused."""
        assert "off our clock" in refused(received_at=POST.received_at + off)

    def test_unknown_key(self):
        """A key id that is not in the set says so, since ShipEngine may have changed its keys."""
        with pytest.raises(UnknownKey):
            shipengine.AUTH[0].check(
                replace(SIGNED, headers=HEADERS | {"x-shipengine-rsa-sha256-key-id": "new"}), [KEYS]
            )

    def test_choices(self):
        """A webhook may also bring headers of its own, or credentials in its URL."""
        assert ["rsa", "header", "basic", "path"] == [scheme.kind for scheme in shipengine.AUTH]
        assert "https://api.shipengine.com/jwks" == shipengine.AUTH[0].keys_url

    def test_user_agent(self):
        """Trap 7: ``User-Agent: ShipEngine/v1``, which integrators check, proves nothing."""
        assert "is missing" in refused(headers={"user-agent": "ShipEngine/v1"})


class TestStatuses:
    @pytest.mark.parametrize(
        "detail", [None, "ELEC_ADVICE_RECD_BY_CARRIER", "AWAITING_PICKUP_DROP_OFF", "SHIPMENT_CREATED"]
    )
    def test_accepted_is_a_label(self, detail):
        """Trap 15: AC was seen on labels that were merely prepared; only its detail can say that a carrier has it."""
        said = event("2026-11-16T22:44:46Z", "AC", detail)
        shipment = read_one(
            shipengine, parcel(status_code="AC", status_detail_code=detail, events=[said], ship_date=None)
        )

        assert (Status.ANNOUNCED, None) == (shipment.status, shipment.dispatched_at)

    @pytest.mark.parametrize(
        "detail", ["PICKED_UP", "COLLECTION_MADE", "DROPPED_OFF", "DESPATCHED", "RECEIVED_BY_CARRIER"]
    )
    def test_accepted_and_taken(self, detail):
        """Trap 15: with one of these details it is the dispatch."""
        said = event("2026-11-16T22:44:46Z", "AC", detail)
        shipment = read_one(shipengine, parcel(status_code="AC", status_detail_code=detail, events=[said]))

        assert Status.DISPATCHED == shipment.status
        assert "2026-11-16T22:44:46+00:00" == shipment.dispatched_at.isoformat()

    @pytest.mark.parametrize(
        ("code", "detail", "expected"),
        [
            ("DE", None, Status.DELIVERED),
            ("DE", "PICKED_UP", Status.DELIVERED),
            ("DE", "CARRIER_STATUS_NOT_MAPPED", Status.DELIVERED),
            ("DE", "RETURN_TO_SENDER", Status.RETURNED),
            ("DE", "NOT_COLLECTED_FROM_PICKUP_POINT", Status.RETURNED),
            ("DE", "DELIVERED_TO_ALTERNATIVE_DELIVERY_LOCATION", Status.IN_TRANSIT),
            ("DE", "DELIVERED_TO_NEIGHBOUR", Status.DELIVERED),
            ("SP", "PARCEL_COLLECTED_FROM_PICKUP_POINT", Status.DELIVERED),
            ("SP", "DELIVERED", Status.IN_TRANSIT),
            ("NY", "CANCELLED_BEFORE_DESPATCH", Status.CANCELLED),
            ("EX", "RETURN_TO_SENDER", Status.RETURNED),
            ("DE", "DELIVERED_TO_LOCKER_COLLECTION_POINT", Status.IN_TRANSIT),
            ("SP", None, Status.IN_TRANSIT),
            ("IT", "OUT_FOR_DELIVERY", Status.OUT_FOR_DELIVERY),
            ("AT", "ATTEMPTED_DELIVERY", Status.IN_TRANSIT),
            ("EX", "CARRIER_DELAYS", Status.EXCEPTION),
            ("UN", None, Status.OTHER),
            ("XX", "DELIVERED", Status.OTHER),
            (None, None, Status.OTHER),
        ],
    )
    def test_codes(self, code, detail, expected):
        """Traps 14 and 16: a locker and the way back are no delivery, and only DE is one."""
        shipment = read_one(
            shipengine, parcel(status_code=code, status_detail_code=detail, actual_delivery_date="2026-11-19T13:52:00Z")
        )

        assert expected == shipment.status
        assert (expected is Status.DELIVERED) == (shipment.delivered_at is not None)

    @pytest.mark.parametrize(
        ("code", "detail", "words"),
        [
            ("XX", "BEAMED_UP", ("XX", "BEAMED_UP")),
            ("IT", "BEAMED_UP", ("BEAMED_UP",)),
            ("UN", "CARRIER_STATUS_NOT_MAPPED", ()),
            ("DE", "PROOF_OF_DELIVERY", ()),
            ("EX", "RETURN_TO_SENDER", ()),
            (None, None, ()),
        ],
    )
    def test_unknown(self, code, detail, words):
        """Both codes are named where no table has them, of the parcel and of its events alike."""
        said = {"status_code": code, "status_detail_code": detail}
        assert words == read_one(shipengine, parcel(**said, events=[])).unknown_words
        assert (
            words[:1]
            == read_one(shipengine, parcel(events=[event("2026-11-16T22:44:46Z", code, detail)])).unknown_words
        )

    @pytest.mark.parametrize(
        "back",
        [
            event("2026-11-18T10:00:00Z", "EX", "RETURN_TO_SENDER"),
            event(None, "EX", "REFUSED_BY_CUSTOMER"),
            event("2026-11-18T10:00:00Z", "IT") | {"description": "Return to Sender Processed"},
        ],
    )
    def test_delivery_after_return(self, back):
        """Trap 14: a delivery after a return in the same history is marked: it may be the merchant's."""
        events = [event("2026-11-20T10:00:00Z", "DE", "DELIVERED"), back]
        shipment = read_one(shipengine, parcel(status_code="DE", status_detail_code="DELIVERED", events=events))

        assert (Status.DELIVERED, True) == (shipment.status, shipment.returned)

    @pytest.mark.parametrize("kind", ["API_BATCH", "LABEL_CREATED_V2", "FULFILLMENT_SHIPPED_V2"])
    def test_thin_notices(self, kind):
        """Trap 22: all but the tracking events only name a resource, which no one fetches here."""
        with pytest.raises(Ignored, match=kind):
            shipengine.read({"resource_type": kind, "resource_url": "https://api.shipengine.com/v1/batches/se-1"}, POST)

    def test_unknown_notice(self):
        """An event that is on no list is kept for a look, not dropped."""
        with pytest.raises(Unreadable, match=r"\$\.resource_type"):
            shipengine.read({"resource_type": "track", "resource_url": None}, POST)


class TestTimes:
    def test_order_of_events(self):
        """Trap 20: the array is sorted by local clocks, so times decide, and repeated scans are told once each."""
        body = payload("shipengine", "delivered_unsorted_false_z")
        forward = read_one(shipengine, body)
        body["data"]["events"].reverse()
        body["data"]["events"] *= 2
        backward = read_one(shipengine, body)

        assert (forward.dispatched_at, forward.delivered_at, forward.happened_at) == (
            backward.dispatched_at,
            backward.delivered_at,
            backward.happened_at,
        )
        assert len(forward.events) == len(backward.events)

    def test_false_z(self):
        """Trap 23: the carrier's clock is local even where it ends in Z: it gives the day and the offset, the other the
        instant. So does VTEX's dispatchedDate."""
        shipment = read_one(
            shipengine, parcel(events=[event("2026-11-18T02:41:00Z", "IT", local="2026-11-17T21:41:00Z")])
        )
        (told,) = shipment.events

        assert "2026-11-17" == told.day.isoformat()
        assert "2026-11-17T21:41:00-05:00" == told.happened_at.isoformat() == shipment.dispatched_at.isoformat()

    @pytest.mark.parametrize("local", [None, "2026-11-18T02:41:00Z", "2026-11-17T21:41:07", "2026-11-20T02:41:00"])
    def test_no_local_time(self, local):
        """Where no zone lies between the two clocks, the instant stays as it is."""
        shipment = read_one(shipengine, parcel(events=[event("2026-11-18T02:41:00Z", "DE", local=local)]))

        assert "2026-11-18T02:41:00+00:00" == shipment.happened_at.isoformat()

    def test_events_before_ship_date(self):
        """Trap 23: `ship_date` is a label's date at some carriers; a scan is better."""
        assert (
            "2026-11-16T17:32:00-05:00"
            == read_one(shipengine, parcel(ship_date="2026-11-15T08:00:00Z")).dispatched_at.isoformat()
        )

    @pytest.mark.parametrize(
        ("code", "ship_date", "zone", "expected"),
        [
            ("IT", "2026-11-16T16:09:00Z", None, "2026-11-16T16:09:00+00:00"),
            ("IT", "2026-11-16T16:09:00", None, None),
            ("IT", "2026-11-16T16:09:00", ZoneInfo("America/New_York"), "2026-11-16T16:09:00-05:00"),
            ("NY", "2026-11-16T16:09:00Z", None, None),
        ],
    )
    def test_ship_date(self, code, ship_date, zone, expected):
        """Trap 23: without a scan `ship_date` serves, once the carrier has the parcel and where its zone is known."""
        body = parcel(status_code=code, status_detail_code=None, events=None, ship_date=ship_date)
        at = read_one(shipengine, body, zone=zone).dispatched_at

        assert expected == (at and at.isoformat())

    def test_delivery_alone(self):
        """Trap 18: a delivery scan dates no dispatch."""
        body = parcel(status_code="DE", ship_date=None, events=[event("2026-11-19T18:52:00Z", "DE")])

        assert read_one(shipengine, body).dispatched_at is None

    def test_undated_event(self):
        """An event without a time is no line of history."""
        assert () == read_one(shipengine, parcel(events=[event(None, "IT")])).events


class TestCourier:
    @pytest.mark.parametrize(("code", "expected"), [("stamps_com", "USPS"), ("ups", "UPS"), ("globex_local", None)])
    def test_code_is_no_name(self, code, expected):
        """Trap 29: `stamps_com` sells USPS postage; a code on no list is shown to no shopper, and kept."""
        shipment = read_one(shipengine, parcel(carrier_code=code))
        assert (expected, code) == (shipment.courier, shipment.courier_code)

    @pytest.mark.parametrize(
        ("resource_url", "expected"),
        [
            ("https://api.shipengine.com/v1/tracking?carrier_code=usps&tracking_number=94", "USPS"),
            ("garbage", None),
            (None, None),
        ],
    )
    def test_code_in_the_url(self, resource_url, expected):
        """Trap 29: version 1 names the carrier in `resource_url` alone."""
        assert expected == read_one(shipengine, parcel(carrier_code=None) | {"resource_url": resource_url}).courier
