"""The traps that EasyPost, AfterShip and UPS set, one sentence each, against the adapters themselves.

The digests were computed with ``openssl dgst -sha256 -mac HMAC``, not with the code under test.
"""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, ReferenceKind, Status, Unreadable, aftership, easypost, ups
from receiver import carriers
from receiver.recordings import read_http
from tests.support.adapter import POST, payload, proves, read_one

EASYPOST_BODY = b'{"object":"Event","weight":136.0}'
EASYPOST_SECRET = "cl\u00e9-easypost-demo"
EASYPOST_PROOF = "hmac-sha256-hex=226b203ca84f10cc5ff1f26cfbc9a7ca1a15167ddc2fce24da15db2ff6685ce3"
AFTERSHIP_BODY = '{"event":"tracking_update","msg":{"note":"São Paulo"}}'.encode()
AFTERSHIP_SECRET = "aftership-demo-secret"
AFTERSHIP_PROOF = "eEuINzqiT1Py+GRxCezj5PbpvRhn3BVZZSCsGksBVUk="

EASYPOST_STATUSES = {
    "unknown": Status.OTHER,
    "available_for_pickup": Status.IN_TRANSIT,
    "failure": Status.EXCEPTION,
    "cancelled": Status.CANCELLED,
    "error": Status.EXCEPTION,
    "teleported": Status.OTHER,
}
AFTERSHIP_STATUSES = {
    "Pending": Status.OTHER,
    "OutForDelivery": Status.OUT_FOR_DELIVERY,
    "AttemptFail": Status.IN_TRANSIT,
    "Exception": Status.EXCEPTION,
    "Expired": Status.EXCEPTION,
    "Teleported": Status.OTHER,
}
#: activityStatus as type/code/descriptionCode
UPS_STATUSES = {
    Status.ANNOUNCED: "M/DP M/MP/003 I/AR/044 I/AR/045 I//077 I//079 I//080 I/OR/157 I//065 I/OC I/PL",
    Status.CANCELLED: "M/VP M/MP/007 MV",
    Status.DISPATCHED: "I/OR/005 I/PU I/PC I/PT I/XD I/AR/038 I//160 I/XD/169",
    Status.IN_TRANSIT: "I/DP I/YP/071 I/FS I//005 I//22 X//022 I/OD/072 X//017 I//040 D//143 D//144 D/FS/161 "
    "D/2Q D/2Q/011 D/1N D/P5 D/F7 D/ZI",
    Status.OUT_FOR_DELIVERY: "I/OT I/OF I/OT/005 I/AR/006 I/AR/021 D/OT/021",
    Status.EXCEPTION: "X/DP X/OR X//013 X//064 X//069",
    Status.RETURNED: "X//034 I//035 I/DP/036 X//067 X//081 D/FS/034 D/UA D/UA/011 D/B0 D/MG/034",
    Status.DELIVERED: "D/FS D//011 D//11 D//026 D/2W D/2W/017 D/MG D/ML/011",
    Status.OTHER: "D D/OT D/DP U/UP U/PX NA Q/QQ U//033 U//118 D//037 D//156 D/Q9 D/FV",
}
#: What is unknown in an activity; nothing in one that has an entry which says nothing
UPS_UNKNOWN = {"D/Q9": ["D/Q9"], "D/OT": ["D/OT"], "I/AR/999": ["999"], "Q/QQ": ["Q"], "Q//999": ["999", "Q"]}


def tracker(**changes) -> dict:
    body = payload("easypost", "in_transit")
    body["result"] |= changes
    return body


def detail(when: str | None, status: str) -> dict:
    return {"datetime": when, "status": status, "message": status}


def parcel(**changes) -> dict:
    body = payload("aftership", "in_transit_mixed_dates")
    body["msg"] |= changes
    return body


def checkpoint(when: str | None, tag: str) -> dict:
    return {"checkpoint_time": when, "tag": tag, "message": tag}


def activity(kind: str, code: str = "", description_code: str = "", **changes) -> dict:
    body = payload("ups", "pickup_scan_leading_space")
    body["activityStatus"] = {"type": kind, "code": code, "description": "x", "descriptionCode": description_code}
    return body | changes


def clocks(local: str, gmt: str, **changes) -> dict:
    named = {"localActivity": local, "gmtActivity": gmt}
    pairs = {f"{name}Date": value[:8] for name, value in named.items()}
    pairs |= {f"{name}Time": value[8:] for name, value in named.items()}
    return activity("I", "AR", **pairs, **changes)


class TestSignatures:
    @pytest.mark.parametrize("resaved", [EASYPOST_BODY.replace(b"136.0", b"136"), EASYPOST_BODY + b"\n"])
    def test_raw_bytes(self, resaved):
        """Trap 1: EasyPost's digest is over the bytes; 136 for 136.0, or a newline at the end, is another body."""
        assert proves(easypost, "x-hmac-signature", EASYPOST_PROOF, EASYPOST_BODY, EASYPOST_SECRET)
        assert not proves(easypost, "x-hmac-signature", EASYPOST_PROOF, resaved, EASYPOST_SECRET)

    def test_trailing_newline(self):
        """Trap 1: a newline that was signed is part of the body."""
        longer = "hmac-sha256-hex=f27265f8490eb74b57869f495c3f27bcd6e36f7ad9754f60b2d34f26de6f608d"
        assert proves(easypost, "x-hmac-signature", longer, EASYPOST_BODY + b"\n", EASYPOST_SECRET)

    @pytest.mark.parametrize("written", ["cl\u00e9-easypost-demo", "cle\u0301-easypost-demo"])
    def test_nfkd(self, written):
        """Trap 3: EasyPost's key is the NFKD form of the secret, however the operator typed the é."""
        composed = "hmac-sha256-hex=ec742a60de2cc041b95d7fd4e8f82b39392a95f9bbdec589fb075c8eff6873ae"
        assert proves(easypost, "x-hmac-signature", EASYPOST_PROOF, EASYPOST_BODY, written)
        assert not proves(easypost, "x-hmac-signature", composed, EASYPOST_BODY, written)

    def test_hex_with_its_prefix(self):
        """Trap 3: EasyPost writes hex behind a prefix; the bare hex is no signature."""
        bare = EASYPOST_PROOF.removeprefix("hmac-sha256-hex=")
        assert not proves(easypost, "x-hmac-signature", bare, EASYPOST_BODY, EASYPOST_SECRET)

    def test_base64(self):
        """Trap 3: AfterShip writes base64; the same digest as hex is no signature."""
        as_hex = "784b88373aa24f53f2f8647109ece3e4f6e9bd1867dc15596520ac1a4b015549"
        assert proves(aftership, "aftership-hmac-sha256", AFTERSHIP_PROOF, AFTERSHIP_BODY, AFTERSHIP_SECRET)
        assert not proves(aftership, "aftership-hmac-sha256", as_hex, AFTERSHIP_BODY, AFTERSHIP_SECRET)

    def test_body_is_not_protected(self):
        """Trap 4: UPS's credential says nothing about the body, so a secret URL can be chosen as well."""
        assert proves(ups, "credential", "s", b"{}", "s")
        assert proves(ups, "credential", "s", b"anything", "s")
        assert "path" in [scheme.kind for scheme in ups.AUTH]

    def test_client_id_is_no_secret(self):
        """Trap 5: x-api-key, which UPS v2 fills with a client id, proves nothing here."""
        assert not proves(ups, "x-api-key", "s", b"{}", "s")

    @pytest.mark.parametrize(
        ("adapter", "header"),
        [(easypost, "x-hmac-signature"), (aftership, "aftership-hmac-sha256"), (ups, "credential")],
    )
    def test_secret_headers_are_named(self, adapter, header):
        """Trap 6: the default scheme names its header, so that it can be redacted."""
        assert (header,) == adapter.AUTH[0].credential_headers

    def test_invented_header(self):
        """Trap 7: the x-hmac-signature-v2 of third-party pages is not EasyPost's."""
        assert not proves(easypost, "x-hmac-signature-v2", EASYPOST_PROOF, EASYPOST_BODY, EASYPOST_SECRET)

    @pytest.mark.parametrize("written", ["aftership-hmac-sha256", "Aftership-Hmac-Sha256"])
    def test_header_case(self, written):
        """Trap 8: AfterShip changed the case of its header once; both prove the body."""
        head = f"POST /webhooks/aftership HTTP/1.1\r\n{written}: {AFTERSHIP_PROOF}\r\n\r\n"
        request = read_http(head.encode() + AFTERSHIP_BODY, received_at=POST.received_at)
        aftership.AUTH[0].check(request, [AFTERSHIP_SECRET])


class TestReplies:
    @pytest.mark.parametrize("adapter", [easypost, aftership, ups])
    def test_always_200(self, adapter):
        """Traps 11 and 13: 200 is success for all three, and a 4xx costs a disabled webhook, 14 retries or nothing
        but the event."""
        assert (200, 200) == (adapter.REPLY.success, adapter.REPLY.unreadable)


class TestStatuses:
    @pytest.mark.parametrize(
        "back",
        [
            detail("2026-11-15T12:00:00Z", "return_to_sender"),
            detail("2026-11-15T12:00:00Z", "in_transit") | {"status_detail": "return"},
            detail("2026-11-15T12:00:00Z", "failure") | {"message": "Unclaimed/Being Returned to Sender"},
        ],
    )
    def test_easypost_returned_delivery(self, back):
        """Trap 14: a delivery after a return in the same history is marked: it may be the merchant's."""
        done = detail("2026-11-18T12:00:00Z", "delivered")
        assert Status.DELIVERED is read_one(easypost, tracker(status="delivered", tracking_details=[done])).status
        returned = read_one(easypost, tracker(status="delivered", tracking_details=[done, back]))
        assert (Status.DELIVERED, True) == (returned.status, returned.returned)

    def test_easypost_delivered_to_the_sender(self):
        """Trap 14: a delivery whose own words name the sender is a return."""
        done = detail("2026-11-18T12:00:00Z", "delivered")
        back = read_one(
            easypost,
            tracker(status="delivered", tracking_details=[done, done | {"message": "Delivered, To Original Sender"}]),
        )
        assert (Status.RETURNED, None, False) == (back.status, back.delivered_at, back.returned)

    def test_easypost_return_label(self):
        """Trap 14: EasyPost marks the label of a return, which has nothing to do with the order's parcel."""
        with pytest.raises(Ignored, match=r"^a return label$"):
            read_one(easypost, tracker(status="delivered", is_return=True))

    def test_easypost_unknown(self):
        """An unknown word is named, of the tracker and of its history alike."""
        seen = [detail("2026-11-16T12:00:00Z", "beamed"), detail("2026-11-16T12:00:00Z", "unknown")]
        assert ("teleported", "beamed") == read_one(
            easypost, tracker(status="teleported", tracking_details=seen)
        ).unknown_words

    def test_easypost_undated(self):
        """Trap 14: a return without a time is no line of the history, and still one."""
        back = detail(None, "return_to_sender")
        returned = read_one(easypost, tracker(status="delivered", tracking_details=[back]))
        assert (Status.RETURNED, ()) == (returned.status, returned.events)

    @pytest.mark.parametrize(
        "changes", [{"return_to_sender": True}, {"subtag": "Exception_010"}, {"subtag": "Exception_011"}]
    )
    def test_aftership_returned_delivery(self, changes):
        """Trap 14: the tag Delivered of a parcel on its way back is no delivery."""
        delivered = {"tag": "Delivered", "checkpoints": [checkpoint("2026-11-17T10:00:00-05:00", "Delivered")]}
        back = read_one(aftership, parcel(**delivered, **changes))
        assert (Status.RETURNED, None) == (back.status, back.delivered_at)
        assert Status.DELIVERED is read_one(aftership, parcel(**delivered)).status

    def test_type_d_alone(self):
        """Trap 14: type D is no delivery without a listed code or the very word, and a date of delivery is not one."""
        dated = {"actualDeliveryDate": "20261116"}
        said = {"type": "D", "code": "QX", "description": "Delivered"}
        assert Status.OTHER is read_one(ups, activity("D", **dated)).status
        assert Status.OTHER is read_one(ups, activity("U", "UP", **dated)).status
        assert Status.DELIVERED is read_one(ups, activity("D", activityStatus=said)).status
        for words in ("Delivered to Agent", "Delivered, signed", ""):
            assert Status.OTHER is read_one(ups, activity("D", activityStatus=said | {"description": words})).status

    @pytest.mark.parametrize(
        "said",
        [
            {"type": "D", "code": "FS", "description": "Package was returned to the sender"},
            {"type": "D", "code": "FS", "descriptionCode": "011", "description": "DELIVERED TO ORIGINAL SENDER"},
            {"type": "X", "code": "Z9", "description": "Returned to Sender"},
            {"type": "X", "code": "Z9", "descriptionCode": "999", "description": "Returning to Sender"},
        ],
    )
    def test_ups_return_in_words(self, said):
        """Trap 14: UPS reports a return as a delivery with a date; its words tell, where no code says otherwise."""
        back = read_one(ups, activity("D", activityStatus=said, actualDeliveryDate="20261116"))
        assert (Status.RETURNED, None, None) == (back.status, back.delivered_at, back.dispatched_at)

    def test_ups_return_requested(self):
        """Trap 14: a return that is confirmed as a request has not begun."""
        said = {"type": "U", "code": "UP", "descriptionCode": "118", "description": "Return to Sender Confirmed"}
        assert Status.OTHER is read_one(ups, activity("U", activityStatus=said)).status

    @pytest.mark.parametrize(("said", "words"), UPS_UNKNOWN.items())
    def test_ups_unknown(self, said, words):
        """An unknown code is named as UPS wrote it."""
        assert words == list(read_one(ups, activity(*said.split("/"))).unknown_words)

    @pytest.mark.parametrize("said", ["D", "U/UP", "NA", "U//033", "D/MG", "I/AR/5", "M/MP/003"])
    def test_ups_known(self, said):
        """A code that has an entry is known, also where it says nothing."""
        assert () == read_one(ups, activity(*said.split("/"))).unknown_words

    @pytest.mark.parametrize(
        ("expected", "said"), [(status, said) for status, rows in UPS_STATUSES.items() for said in rows.split()]
    )
    def test_code_needs_its_type(self, expected, said):
        """Trap 16: DP departs under I, is a manifest under M and a customs matter under X."""
        assert expected is read_one(ups, activity(*said.split("/"))).status

    @pytest.mark.parametrize(("word", "expected"), EASYPOST_STATUSES.items())
    def test_easypost_words(self, word, expected):
        """Traps 14 and 16: waiting at a counter is not delivered, and a word no one listed proves no possession."""
        said = read_one(easypost, tracker(status=word, tracking_details=[detail("2026-11-16T12:00:00Z", "teleported")]))
        assert (expected, None) == (said.status, said.dispatched_at)

    @pytest.mark.parametrize(
        ("tag", "subtag", "expected", "unknown"),
        [
            ("InTransit", "InTransit_002", Status.DISPATCHED, ()),
            ("InTransit", "InTransit_007", Status.IN_TRANSIT, ()),
            ("Exception", "Exception_016", Status.EXCEPTION, ()),
            ("Exception", "Exception_020", Status.CANCELLED, ()),
            ("Exception", "Exception_021", Status.EXCEPTION, ()),
            ("Delivered", "Delivered_005", Status.DELIVERED, ()),
            ("AvailableForPickup", "AvailableForPickup_001", Status.IN_TRANSIT, ()),
            ("Exception", "Exception_099", Status.EXCEPTION, ("Exception_099",)),
            ("Teleported", "Teleported_001", Status.OTHER, ("Teleported", "Teleported_001")),
            ("Pending", None, Status.OTHER, ()),
        ],
    )
    def test_aftership_subtags(self, tag, subtag, expected, unknown):
        """Trap 16: few subtags say more than their tag; an unknown word is named, of checkpoints as well."""
        said = read_one(aftership, parcel(tag=tag, subtag=subtag, checkpoints=[]))
        seen = [checkpoint("2026-11-16T12:00:00Z", tag) | {"subtag": subtag}]
        assert (expected, unknown) == (said.status, said.unknown_words)
        assert unknown[:1] == read_one(aftership, parcel(tag="InTransit", subtag=None, checkpoints=seen)).unknown_words

    @pytest.mark.parametrize(
        "back",
        [
            checkpoint("2026-11-16T10:00:00-05:00", "Exception") | {"subtag": "Exception_010"},
            checkpoint(None, "Exception") | {"subtag": "Exception_011"},
            checkpoint("2026-11-16T10:00:00-05:00", "InTransit") | {"message": "RTO In Transit"},
        ],
    )
    def test_aftership_delivery_after_return(self, back):
        """Trap 14: a delivery after a return in the same history is marked: it may be the merchant's."""
        done = checkpoint("2026-11-17T10:00:00-05:00", "Delivered")
        returned = read_one(aftership, parcel(tag="Delivered", checkpoints=[back, done]))
        assert (Status.DELIVERED, True) == (returned.status, returned.returned)

    @pytest.mark.parametrize(("word", "expected"), AFTERSHIP_STATUSES.items())
    def test_aftership_words(self, word, expected):
        """Trap 16: who attempts a delivery has the parcel; trouble, silence and new words do not say who has it."""
        seen = [checkpoint("2026-11-16T12:00:00Z", "Teleported")]
        said = read_one(aftership, parcel(tag=word, checkpoints=seen, tracking_ship_date=None))
        assert (expected, None) == (said.status, said.dispatched_at)


class TestDispatch:
    def test_easypost_first_event_missing(self):
        """Trap 18: without an in_transit detail the next sign of possession dates the dispatch, delivery does not."""
        out = detail("2026-11-16T12:00:00Z", "out_for_delivery")
        done = detail("2026-11-16T18:00:00Z", "delivered")
        both = read_one(easypost, tracker(status="delivered", tracking_details=[done, out]))
        alone = read_one(easypost, tracker(status="delivered", tracking_details=[done]))
        assert "2026-11-16T12:00:00+00:00" == both.dispatched_at.isoformat()
        assert alone.dispatched_at is None

    def test_aftership_first_event_missing(self):
        """Trap 18: out for delivery dates the dispatch as well, delivery does not."""
        out = checkpoint("2026-11-17T08:00:00-05:00", "OutForDelivery")
        done = checkpoint("2026-11-17T10:00:00-05:00", "Delivered")
        undated = {"tag": "Delivered", "shipment_pickup_date": None, "tracking_ship_date": None}
        both = read_one(aftership, parcel(**undated, checkpoints=[done, out]))
        assert "2026-11-17T08:00:00-05:00" == both.dispatched_at.isoformat()
        assert read_one(aftership, parcel(**undated, checkpoints=[done])).dispatched_at is None

    @pytest.mark.parametrize(
        "said",
        [
            activity("D", "FS"),
            activity("D", "2Q"),
            activity("X", "", "034"),
            activity("X", "", "022"),
            activity("I", "DP", "036"),
            activity("I", "AR", "079"),
            activity("M", "MP"),
            activity("U"),
        ],
    )
    def test_ups_first_event_missing(self, said):
        """Trap 18: of UPS's types only I dates a dispatch."""
        assert read_one(ups, said).dispatched_at is None
        assert read_one(ups, activity("I", "YP")).dispatched_at is not None

    def test_order_of_details(self):
        """Trap 20: the order of EasyPost's details means nothing, their times do."""
        body = payload("easypost", "delivered_out_of_order")
        forward = read_one(easypost, body)
        body["result"]["tracking_details"].reverse()
        backward = read_one(easypost, body)
        assert "2026-11-11T00:27:00+00:00" == forward.dispatched_at.isoformat() == backward.dispatched_at.isoformat()
        assert "2026-11-14T08:00:00+00:00" == forward.happened_at.isoformat() == backward.happened_at.isoformat()
        assert "2026-11-13T19:05:00+00:00" == forward.delivered_at.isoformat() == backward.delivered_at.isoformat()

    @pytest.mark.parametrize(
        ("adapter", "slug", "case"),
        [(easypost, "easypost", "delivered_out_of_order"), (aftership, "aftership", "delivered_full_history")],
    )
    def test_repeated_events(self, adapter, slug, case):
        """Trap 20: the whole history comes each time, and a line that is there twice is one event."""
        events = read_one(adapter, payload(slug, case)).events
        assert len(set(events)) == len(events)

    def test_event_ids(self):
        """Trap 21: EasyPost and AfterShip name their notifications, UPS does not."""
        assert "evt_44015e0ac3b111f1b2d40242ac120002" == easypost.event_id(payload("easypost", "in_transit"), POST)
        assert "4501c7de-1f0a-4b6e-9d2c-3a5b7c9d1e01" == aftership.event_id(parcel(), POST)
        assert not hasattr(ups, "event_id")


class TestTimes:
    def test_checkpoint_with_an_offset_first(self):
        """Trap 23: AfterShip's pickup date was seen in an unsaid zone; a checkpoint's own offset is better."""
        for picked_up in ("2026-11-16T23:40:00", "2026-11-16T13:40:00+00:00", None):
            shipment = read_one(aftership, parcel(shipment_pickup_date=picked_up))
            assert "2026-11-16T18:40:00-05:00" == shipment.dispatched_at.isoformat()

    def test_zone_less_pickup_date(self):
        """Trap 23: a pickup date without an offset needs the endpoint's zone, and is no date without it."""
        bare = parcel(checkpoints=[], tracking_ship_date=None)
        assert read_one(aftership, bare).dispatched_at is None
        local = read_one(aftership, bare, zone=ZoneInfo("America/Sao_Paulo")).dispatched_at
        assert "2026-11-16T23:40:00-03:00" == local.isoformat()

    def test_merchants_ship_date(self):
        """Trap 23: the merchant's ship date is no dispatch before the courier has the parcel."""
        announced = payload("aftership", "info_received")
        assert read_one(aftership, announced).dispatched_at is None
        announced["msg"] |= {"tag": "InTransit", "tracking_ship_date": "2026-11-17T12:00:00-03:00"}
        assert "2026-11-17T12:00:00-03:00" == read_one(aftership, announced).dispatched_at.isoformat()

    def test_merchants_ship_date_against_checkpoints(self):
        """Trap 23: the merchant's ship date is none before the label, nor beside a checkpoint of the dispatch."""
        before = payload("aftership", "info_received")
        before["msg"]["tag"] = "Delivered"
        beside = parcel(checkpoints=[checkpoint("2026-11-13", "InTransit")], shipment_pickup_date=None)
        assert "2026-11-17T08:00:00-03:00" == before["msg"]["tracking_ship_date"]
        for said in (before, beside):
            assert read_one(aftership, said).dispatched_at is None

    @pytest.mark.parametrize("when", ["2026-11-17", "2026-11-17T23:30:00"])
    def test_zone_less_checkpoint(self, when):
        """Trap 23: a checkpoint without an offset keeps its day. Only an hour in the endpoint's zone is an instant."""
        body = parcel(checkpoints=[checkpoint(when, "InTransit")])
        (event,) = read_one(aftership, body).events
        (zoned,) = read_one(aftership, body, zone=ZoneInfo("Asia/Tokyo")).events
        assert (date(2026, 11, 17), None) == (event.day, event.happened_at)
        assert date(2026, 11, 17) == zoned.day
        assert ("T" in when) == (zoned.happened_at is not None and zoned.happened_at.isoformat().endswith("+09:00"))

    def test_delivery_date_of_aftership(self):
        """Trap 23: without a dated Delivered checkpoint the summary's date counts, where it has an offset."""
        summary = {"tag": "Delivered", "checkpoints": [], "shipment_delivery_date": "2026-11-17T10:00:00-05:00"}
        assert "2026-11-17T10:00:00-05:00" == read_one(aftership, parcel(**summary)).delivered_at.isoformat()

    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            pytest.param(clocks("20261116225400", "20261117035400"), "2026-11-16T22:54:00-05:00", id="over midnight"),
            pytest.param(clocks("20261117091230", "20261117034230"), "2026-11-17T09:12:30+05:30", id="half hours"),
            pytest.param(clocks("20261116224500", "20261118034512"), "2026-11-18T03:45:12+00:00", id="impossible"),
            pytest.param(clocks("20261116171233", "20261116221200"), "2026-11-16T22:12:00+00:00", id="33 seconds off"),
            pytest.param(clocks("20261117120000", "20261116213000"), "2026-11-16T21:30:00+00:00", id="14:30 ahead"),
            pytest.param(clocks("", "20261116221233"), "2026-11-16T22:12:33+00:00", id="GMT only"),
            (clocks("20261116171233", "20261116121233", gmtOffset="-05.00"), "2026-11-16T17:12:33-05:00"),
        ],
    )
    def test_ups_clocks(self, said, expected):
        """Trap 23: UPS's pairs give a local time where they agree on an offset; else GMT counts, or gmtOffset."""
        assert expected == read_one(ups, said).happened_at.isoformat()

    def test_ups_local_day(self):
        """Trap 23: whatever the pairs say, the calendar date is the local one as written."""
        (event,) = read_one(ups, payload("ups", "departure_dp_impossible_gmt")).events
        assert date(2026, 11, 16) == event.day

    def test_ups_without_gmt(self):
        """Trap 23: a local time alone needs the endpoint's zone; a date alone is no instant."""
        alone = clocks("20261116171233", "")
        assert read_one(ups, alone).happened_at is None
        assert read_one(ups, clocks("20261116", "20261116")).happened_at is None
        eastern = read_one(ups, alone, zone=ZoneInfo("America/New_York")).happened_at
        assert "2026-11-16T17:12:33-05:00" == eastern.isoformat()

    def test_garbled_time(self):
        """Trap 23: a time that is none is refused with its place."""
        with pytest.raises(Unreadable, match=r"\$\.result\.tracking_details\[0\]\.datetime"):
            read_one(easypost, tracker(tracking_details=[detail("soon", "in_transit")]))


class TestValues:
    def test_leading_space(self):
        """Trap 24: UPS once printed a number with a space before it; the number is the rest."""
        shipment = read_one(ups, payload("ups", "pickup_scan_leading_space"))
        assert "1Z46W0010346001001" == shipment.tracking_number == shipment.key

    @pytest.mark.parametrize(
        "location",
        [None, {}, {"city": "", "stateProvince": ""}, {"city": "Köln", "stateProvince": "NRW", "postalCode": "50667"}],
    )
    def test_ups_schema_is_open(self, location):
        """Trap 25: empty strings, missing keys and foreign addresses are all UPS's own, against its own patterns."""
        body = activity("I", "AR", activityLocation=location) | {"actualDeliveryDate": "", "unheardOf": [1]}
        carriers.load("ups", ups).check(body)
        assert Status.IN_TRANSIT is read_one(ups, body).status

    def test_versions_of_aftership(self):
        """Trap 25: zip and postal_code, short and long messages, nulls: one schema lets all versions in."""
        check = carriers.load("aftership", aftership).check
        check(payload("aftership", "legacy_without_zones"))
        check(payload("aftership", "delivered_full_history"))
        check({"event_id": "1", "msg": {"id": "1", "tracking_number": "1", "tag": "InTransit", "checkpoints": None}})

    def test_images_stay_outside(self):
        """Traps 26 and 31: a delivery photo and who signed for it are no part of what is read."""
        private = {"deliveryPhoto": "iVBORw0KGgo" * 20_000, "receivedBy": "Front desk"}
        assert read_one(ups, activity("D", "FS")) == read_one(ups, activity("D", "FS", **private))

    def test_ups_other_number(self):
        """Trap 30: UPS may know the parcel by a second number, which finds the order as well."""
        (other,) = read_one(ups, activity("I", alternateTrackingNumber=" 9261290100 ")).references
        assert (ReferenceKind.TRACKING_NUMBER, "9261290100") == (other.kind, other.value)
        assert () == read_one(ups, activity("I", alternateTrackingNumber="")).references

    def test_no_reference(self):
        """Trap 27: neither EasyPost nor UPS repeats any name of the merchant's."""
        assert ((), ()) == (easypost.REFERENCES, ups.REFERENCES)
        assert () == read_one(easypost, tracker()).references == read_one(ups, activity("I")).references

    @pytest.mark.parametrize(
        ("order_id", "order_number", "expected"),
        [("v1-01", "1001", ["v1-01"]), (None, "v2-01", ["v2-01"]), ("", "v2-01", ["v2-01"]), (None, None, [])],
    )
    def test_aftership_reference(self, order_id, order_number, expected):
        """Trap 27: AfterShip's order_id names the order, order_number only where there is no id."""
        references = read_one(aftership, parcel(order_id=order_id, order_number=order_number)).references
        assert [(ReferenceKind.ORDER_ID, value) for value in expected] == [(r.kind, r.value) for r in references]

    def test_courier_names(self):
        """Trap 29: AfterShip's slug is a code; known ones get their name, others stay as they are."""
        couriers = [read_one(aftership, parcel(slug=slug)) for slug in ("fedex", "brazil-correios", "globex", None)]
        assert ["FedEx", "Correios", "globex", None] == [each.courier for each in couriers]
        assert ["fedex", "brazil-correios", "globex", ""] == [each.courier_code for each in couriers]

    def test_aftership_other_numbers(self):
        """Trap 30: each courier on the way has a number of its own, which finds the order as well."""
        miles = {"first_mile": {"tracking_number": "A1"}, "last_mile": {"tracking_number": "B2"}}
        same = {"first_mile": None, "last_mile": {"tracking_number": "A1"}}
        numbers = [
            [each.value for each in read_one(aftership, parcel(tracking_number="A1", **more)).references[1:]]
            for more in (miles, same)
        ]
        assert [["B2"], []] == numbers
        (_, other) = read_one(aftership, parcel(tracking_number="A1", **miles)).references
        assert ReferenceKind.TRACKING_NUMBER is other.kind

    def test_easypost_courier(self):
        """Trap 29: EasyPost's code gets the name that shoppers know, or stays as it is; the code is kept beside it."""
        couriers = [read_one(easypost, tracker(carrier=code)) for code in ("DhlEcs", "Globex", None)]
        assert [("DHL eCommerce", "DhlEcs"), ("Globex", "Globex"), (None, "")] == [
            (each.courier, each.courier_code) for each in couriers
        ]

    def test_easypost_other_number(self):
        """Trap 30: the carrier's second number of the parcel finds the order as well."""
        (other,) = read_one(easypost, tracker(carrier_detail={"alternate_identifier": "9361290100"})).references
        assert (ReferenceKind.TRACKING_NUMBER, "9361290100") == (other.kind, other.value)

    def test_tracking_url(self):
        """Trap 29: UPS sends no URL, so the public page is built; AfterShip's own page stands in for the courier's."""
        assert "https://www.ups.com/track?tracknum=1Z46W0010346001001" == read_one(ups, activity("I")).tracking_url
        odd = read_one(ups, activity("I", trackingNumber="1Z 1&n=2"))
        assert "https://www.ups.com/track?tracknum=1Z%201%26n%3D2" == odd.tracking_url
        both = {"courier_tracking_link": "https://c.example/1", "aftership_tracking_url": "https://a.example/1"}
        assert "https://c.example/1" == read_one(aftership, parcel(**both)).tracking_url
        both["courier_tracking_link"] = None
        assert "https://a.example/1" == read_one(aftership, parcel(**both)).tracking_url

    def test_recycled_number(self):
        """Trap 30: carriers recycle numbers, so EasyPost's tracker and AfterShip's tracking are the key."""
        assert "trk_1" == read_one(easypost, tracker(id="trk_1")).key
        assert "as1" == read_one(aftership, parcel(id="as1")).key

    @pytest.mark.parametrize(
        ("adapter", "body"), [(easypost, tracker(tracking_code=" ")), (aftership, parcel(tracking_number=""))]
    )
    def test_blank_number(self, adapter, body):
        """Trap 30: a blank tracking number is no number at all, and never an empty one."""
        assert read_one(adapter, body).tracking_number is None


class TestTestTraffic:
    @pytest.mark.parametrize("where", ["envelope", "tracker"])
    def test_easypost_mode(self, where):
        """Trap 32: EasyPost marks test traffic in the envelope and in the tracker; either is enough."""
        body = tracker()
        (body if where == "envelope" else body["result"])["mode"] = "test"
        with pytest.raises(Ignored, match="test mode"):
            read_one(easypost, body)

    def test_ups_test_environment(self):
        """Trap 32: numbers of UPS's customer integration environment never were parcels."""
        with pytest.raises(Ignored, match="CIE"):
            read_one(ups, activity("I", "OR", trackingNumber=" 1ZCIETST0460099999"))


class TestOtherEvents:
    @pytest.mark.parametrize("result", [None, [], {"status": {"created": 0}}, "gone"])
    def test_other_easypost_events(self, result):
        """EasyPost posts batches, refunds and reports to the same URL: they pass the schema and are ignored."""
        body = {"id": "evt_1", "description": "scan_form.updated", "mode": "test", "result": result}
        carriers.load("easypost", easypost).check(body)
        with pytest.raises(Ignored, match=r"^scan_form\.updated carries no parcel status$"):
            easypost.read(body, POST)

    @pytest.mark.parametrize("kind", ["trackers.updated", "parcel.lost", "", "tracker"])
    def test_unknown_easypost_event(self, kind):
        """An event that is on no list is kept for a look, not dropped."""
        with pytest.raises(Unreadable, match=r"\$\.description"):
            easypost.read({"id": "evt_1", "description": kind, "result": {}}, POST)

    def test_tracker_without_result(self):
        """A tracker event must bring its tracker."""
        with pytest.raises(Unreadable, match="lacks 'result'"):
            carriers.load("easypost", easypost).check({"id": "evt_1", "description": "tracker.updated"})

    def test_unknown_aftership_event(self):
        """An event of AfterShip's that is on no list is kept for a look; one without a name is an update."""
        body = payload("aftership", "in_transit_mixed_dates")
        for event in ("tracking_update", "edd_revise", None):
            assert Status.IN_TRANSIT is read_one(aftership, body | {"event": event}).status
        with pytest.raises(Unreadable, match=r"\$\.event"):
            aftership.read(body | {"event": "tracking_lost"}, POST)

    def test_pending_time(self):
        """AfterShip's alarm about a silent courier says nothing of the parcel."""
        with pytest.raises(Ignored, match="tracking_pending_time"):
            aftership.read(payload("aftership", "pending_time"), POST)
