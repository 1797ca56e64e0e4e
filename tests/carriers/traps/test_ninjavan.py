"""The traps that Ninja Van sets, one sentence each.

The digests were computed with ``openssl dgst -sha256 -hmac ninjavan-demo-client-secret``.
"""

from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, Status, Unreadable, ninjavan
from receiver.carriers.schemas import validator
from tests.support.adapter import POST, payload, proves, read_one

SECRET = "ninjavan-demo-client-secret"
BODY = rb'{"tracking_id":"NVSGDEMO360001","status":"Picked Up","weight":1.50,"note":"caf\u00e9 \/"}'
PROOF = "hv+7By0ScSZKm2oQT/nxdrUVCyYt+/oL8F7OUTYUet8="
PROOF_IN_HEX = "86ffbb072d1271264a9b6a104ff9f176b5150b262dfbfa0bf05ece5136147adf"


def parcel(case="picked_up_v2", **changes):
    return payload("ninjavan", case) | changes


class TestSignature:
    def test_raw_bytes(self):
        """Trap 1: the bytes are signed; a zero or an escape less is another body."""
        assert proves(ninjavan, "x-ninjavan-hmac-sha256", PROOF, BODY, SECRET)
        assert not proves(ninjavan, "x-ninjavan-hmac-sha256", PROOF, BODY.replace(b"1.50", b"1.5"), SECRET)
        assert not proves(ninjavan, "x-ninjavan-hmac-sha256", PROOF, BODY.replace(rb"\/", b"/"), SECRET)

    def test_base64(self):
        """Trap 3: the signature is base64; the same digest in hex is none."""
        assert not proves(ninjavan, "x-ninjavan-hmac-sha256", PROOF_IN_HEX, BODY, SECRET)
        assert ["hmac"] == [scheme.kind for scheme in ninjavan.AUTH]


class TestStatuses:
    @pytest.mark.parametrize("word", ["Delivered", "On Vehicle for Delivery", "Arrived at Transit Hub", "Picked Up"])
    def test_on_its_way_back(self, word):
        """Trap 14: on the way back the words are the same, and none of them is a delivery or a dispatch."""
        back = read_one(ninjavan, parcel(status=word, is_parcel_on_rts_leg=True))

        assert (Status.RETURNED, None, None) == (back.status, back.delivered_at, back.dispatched_at)

    @pytest.mark.parametrize(
        "before", ["Returned to Sender", "On Vehicle for Delivery (RTS)", "Return to Sender Triggered"]
    )
    @pytest.mark.parametrize("word", ["Completed", "Successful Delivery"])
    def test_on_its_way_back_v1(self, before, word):
        """Trap 14: version 1 has no flag; the status before tells that what is completed is the return."""
        back = read_one(ninjavan, parcel("completed_after_return_v1", status=word, previous_status=before))

        assert (Status.RETURNED, None) == (back.status, back.delivered_at)

    def test_no_parcel_to_return(self):
        """Trap 14: what is cancelled or not yet taken is not on its way back, whatever the flag says."""
        assert Status.CANCELLED == read_one(ninjavan, parcel(status="Cancelled", is_parcel_on_rts_leg=True)).status

    @pytest.mark.parametrize("flag", [None, "false"])
    def test_which_way(self, flag):
        """Trap 14: a delivery of version 2 that does not say which way is not to be read."""
        with pytest.raises(Unreadable, match="is_parcel_on_rts_leg"):
            validator("ninjavan")(parcel("delivered_v2", is_parcel_on_rts_leg=flag))

    @pytest.mark.parametrize(
        "word", ["Driver dispatched for Pickup", "Van En-route to Pickup", "Staging", "Pending Pickup"]
    )
    def test_driver_dispatched(self, word):
        """Trap 15: a driver who is "dispatched" for the pickup does not have the parcel."""
        shipment = read_one(ninjavan, parcel(status=word))

        assert (Status.ANNOUNCED, None, ()) == (shipment.status, shipment.dispatched_at, shipment.events)

    @pytest.mark.parametrize(
        "word", ["At PUDO", "Arrived at Distribution Point", "Pending Pickup at Distribution Point"]
    )
    def test_points(self, word):
        """Trap 14: a parcel at a point of Ninja Van's is with Ninja Van until the shopper collects it."""
        shipment = read_one(ninjavan, parcel(status=word))

        assert (Status.IN_TRANSIT, None) == (shipment.status, shipment.delivered_at)
        assert Status.RETURNED == read_one(ninjavan, parcel(status=word, is_parcel_on_rts_leg=True)).status

    @pytest.mark.parametrize("word", ["delivered", "Teleported"])
    def test_unknown_words(self, word):
        """Trap 16: a word on no list claims nothing, and is named; one of the status before is not."""
        shipment = read_one(ninjavan, parcel(status=word, previous_status="Beamed"))

        assert (Status.OTHER, None, None) == (shipment.status, shipment.dispatched_at, shipment.delivered_at)
        assert (word,) == shipment.unknown_words

    @pytest.mark.parametrize(
        "word",
        ["En-route to Sorting Hub", "Transferred to 3PL", "First Attempt Delivery Fail", "On Vehicle for Delivery"],
    )
    def test_pickup_never_came(self, word):
        """Trap 18: the first sign that Ninja Van has the parcel dates the dispatch."""
        shipment = read_one(ninjavan, parcel("pickup_v1_without_offset", status=word), zone=ZoneInfo("Asia/Manila"))

        assert shipment.happened_at == shipment.dispatched_at is not None

    def test_delivery_is_no_dispatch(self):
        """Trap 18: a delivery alone does not say when the parcel was taken."""
        assert read_one(ninjavan, parcel("delivered_v2")).dispatched_at is None

    @pytest.mark.parametrize("word", ["Parcel Size", "Parcel Weight", "Parcel Measurements Update"])
    def test_measured(self, word):
        """A parcel that was measured has not moved."""
        with pytest.raises(Ignored, match="measured"):
            ninjavan.read(parcel(status=word), POST)


class TestValues:
    @pytest.mark.parametrize(
        ("written", "zone", "expected"),
        [
            ("2026-11-16T18:20:44+0800", None, "2026-11-16T18:20:44+08:00"),
            ("2026-11-16T18:20:44+0800", ZoneInfo("Asia/Jakarta"), "2026-11-16T18:20:44+08:00"),
            ("2026-11-16 18:20:44", ZoneInfo("Asia/Jakarta"), "2026-11-16T18:20:44+07:00"),
            ("2026-11-16 18:20:44", None, None),
        ],
    )
    def test_offset(self, written, zone, expected):
        """Trap 23: an offset without a colon holds; without any, only the endpoint knows the country."""
        at = read_one(ninjavan, parcel(timestamp=written), zone=zone).dispatched_at

        assert expected == (at and at.isoformat())

    def test_key(self):
        """Trap 21: `id` is the order's; the parcel goes by its tracking id."""
        assert "NVMYDEMO360005" == read_one(ninjavan, parcel("pickup_v1_without_offset")).key

    def test_reference(self):
        """Trap 27: the merchant's order number comes back as it was given; a blank one is none."""
        assert ["1936000000001-01"] == [one.value for one in read_one(ninjavan, parcel()).references]
        assert () == read_one(ninjavan, parcel(shipper_order_ref_no=" ")).references

    def test_city(self):
        """Trap 29: only a hub has a city; the words are the longer ones, where there are two."""
        (event,) = read_one(ninjavan, parcel("origin_hub_first_heard_v2", event="Arrived, Sorting")).events

        assert ("Arrived, Sorting", "Singapore") == (event.description, event.city)

    @pytest.mark.parametrize("case", ["delivered_v2", "completed_after_return_v1"])
    def test_no_personal_data(self, case):
        """Trap 31: who signed, with which identity number, and the proof's address are not kept."""
        kept = repr(read_one(ninjavan, parcel(case)))

        assert not [word for word in ("Sample S", "0000036", "proof.example") if word in kept]
