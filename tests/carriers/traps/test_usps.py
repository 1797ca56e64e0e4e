"""The traps that USPS sets. The digests were computed with ``openssl dgst -sha256 -hmac … -binary | base64``."""

import json
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, NotAuthentic, Status, Unreadable, usps
from receiver import carriers
from tests.support.adapter import POST, payload, proves, read_one

SECRET = "usps-demo-secret-of-32-character"
INNER = '{"trackingNumber":"9200","note":"é \\"x\\""}'
PROOF = "OSYF4Kr0GYixrURHCBDxs8l0jJzD6UiUlGHhkEnR0ps="

#: eventCode, or eventCode/eventType where the words matter
STATUSES = {
    Status.ANNOUNCED: ["GX", "MA", "89"],
    Status.DISPATCHED: ["OA", "03", "TM", "PA", "UA"],
    Status.IN_TRANSIT: ["07", "10", "16", "56", "L1", "U1", "NT", "01/Delivered to Agent for Final Delivery"],
    Status.OUT_FOR_DELIVERY: ["OF"],
    Status.DELIVERED: [
        "01",
        "01/DELIVERED, FRONT DOOR/PORCH",
        "01/Delivered to Agent, Front Desk/Reception/Mail Room",
        "01/Delivered, Left with Individual",
    ],
    Status.RETURNED: ["09", "04", "21", "01/Delivered, To Original Sender", "ZZ/Unclaimed/Being Returned to Sender"],
    Status.EXCEPTION: ["05"],
    Status.OTHER: ["80", "83", "GC", "ZZ", ""],
}


def enveloped(inner: str, stamp: str = "2026-11-17T10:00:00Z", *, ascii_only: bool = True) -> bytes:
    envelope = {"subscriptionId": "s", "subscriptionType": "TRACKING", "timestamp": stamp, "payload": inner}
    return json.dumps(envelope, ensure_ascii=ascii_only).encode()


def opened(case: str) -> dict:
    envelope = payload("usps", case)
    return {**envelope, "payload": json.loads(envelope["payload"])}


def event(code: str, local: str | None = "2026-11-17T10:00:00", **more) -> dict:
    kind, _, words = code.partition("/")
    return {"eventCode": kind, "eventType": words or "x", "eventTimestamp": local, **more}


def piece(*events: dict, **changes) -> dict:
    return {"payload": {"trackingNumber": "9200", "trackingEvents": list(events), **changes}}


class TestSignature:
    def test_text_inside(self):
        """Trap 26: what is signed is the timestamp and the decoded text of the payload, however JSON escaped it."""
        assert proves(usps, "x-hmac", PROOF, enveloped(INNER), SECRET)
        assert proves(usps, "x-hmac", PROOF, enveloped(INNER, ascii_only=False), SECRET)

    @pytest.mark.parametrize(
        "body", [enveloped(INNER + " "), enveloped(INNER, "2026-11-17T10:00:01Z"), enveloped("{}"), INNER.encode()]
    )
    def test_altered(self, body):
        """Trap 1: another payload or another timestamp breaks the proof."""
        assert not proves(usps, "x-hmac", PROOF, body, SECRET)

    def test_old_header(self):
        """Trap 8: the header's deprecated name still proves."""
        assert proves(usps, "hmac-header", PROOF, enveloped(INNER), SECRET)

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"timestamp":1,"payload":{}}', b'{"timestamp":"\\ud800"}'])
    def test_nothing_signed(self, body):
        """A body without timestamp and payload proves nothing, and neither does one that names them twice."""
        with pytest.raises(NotAuthentic):
            usps.signed(replace(POST, body=body))
        with pytest.raises(NotAuthentic, match="no JSON"):
            usps.signed(replace(POST, body=b'{"timestamp":"1","timestamp":"2","payload":"{}"}'))


class TestRegistration:
    def test_challenge(self):
        """Trap 9: the challenge is answered in its own form, signed or not."""
        asked = replace(POST, body=b'{"challenge":"abc"}', headers={"x-hmac": "x"})
        assert usps.PROBE.matches(asked)
        assert {"challenge": "abc"} == usps.PROBE.answer(asked)

    def test_at_the_front_door(self, rig):
        """Trap 9: the challenge comes back as it was asked, and a notification is let in by its proof alone."""
        rig.configure(endpoints={"usps": {"carrier": "usps", "secrets": [SECRET]}})
        asked = rig.client.post("/webhooks/usps", json={"challenge": "abc"})
        told = [
            rig.client.post("/webhooks/usps", data=enveloped(INNER), headers={"x-hmac": proof}).status_code
            for proof in (PROOF, PROOF[::-1])
        ]
        assert (200, {"challenge": "abc"}) == (asked.status_code, asked.json)
        assert [200, 401] == told

    def test_event_is_no_challenge(self):
        """Trap 9: a notification that also brings a challenge is no probe."""
        body = json.dumps({**payload("usps", "accepted"), "challenge": "abc"}).encode()
        assert not usps.PROBE.matches(replace(POST, body=body))


class TestStatus:
    @pytest.mark.parametrize(("expected", "code"), [(status, code) for status in STATUSES for code in STATUSES[status]])
    def test_code(self, expected, code):
        """Traps 14 and 15: code 01 is not always the shopper, and what a shipping partner has USPS has not."""
        assert expected is read_one(usps, piece(event(code))).status

    @pytest.mark.parametrize("code", ["L1", "U1", "NT"])
    def test_regional_facility(self, code):
        """Trap 18: a scan of a regional facility dates the dispatch where nothing earlier does."""
        scanned = read_one(usps, piece(event("01", "2026-11-19T10:00:00Z"), event(code, "2026-11-18T10:00:00Z")))
        assert "2026-11-18T10:00:00+00:00" == scanned.dispatched_at.isoformat()

    @pytest.mark.parametrize(
        ("code", "category", "words"),
        [
            ("ZZ", "Lost in Space", ("Lost in Space", "ZZ")),
            ("ZZ", "Accepted", ("ZZ",)),
            ("80", "Delivered", ()),
            ("01", None, ()),
            ("", None, ()),
        ],
    )
    def test_unknown(self, code, category, words):
        """A code or a category on no list is named, also where the other one says where the piece is."""
        assert words == read_one(usps, piece(event(code), statusCategory=category)).unknown_words

    def test_delivery_after_return(self):
        """Trap 14: a delivery after a return in the same history is marked: it may be the merchant's."""
        back = piece(event("01", "2026-11-19T10:00:00Z"), event("09", "2026-11-18T10:00:00Z"))
        assert (Status.DELIVERED, True) == (read_one(usps, back).status, read_one(usps, back).returned)

    @pytest.mark.parametrize(
        ("category", "expected"),
        [("Accepted", Status.DISPATCHED), ("Delivered", Status.OTHER), ("Lost in Space", Status.OTHER)],
    )
    def test_category(self, category, expected):
        """Trap 16: the category helps where the code is unknown, but never makes a delivery."""
        assert expected is read_one(usps, piece(event("ZZ"), statusCategory=category)).status
        assert expected is read_one(usps, piece(statusCategory=category)).status

    def test_newest(self):
        """Trap 20: newest first is what USPS does, and times are what is relied on."""
        events = [event("OA", "2026-11-17T10:00:00Z"), event("OF", "2026-11-18T10:00:00Z")]
        for order in (events, events[::-1]):
            assert Status.OUT_FOR_DELIVERY is read_one(usps, piece(*order)).status

    def test_nothing(self):
        """A piece that no one has seen is nothing to store."""
        with pytest.raises(Ignored, match="nothing to tell"):
            usps.read(opened("nothing_known"), POST)

    def test_other_form(self):
        """Trap 25: a piece that has none of the fields of a status is of a form that is not known."""
        envelope = opened("nothing_known")
        with pytest.raises(Unreadable, match=r"\$\.payload"):
            usps.read(envelope | {"payload": {"trackingNumber": "9200182000000000000007", "scans": []}}, POST)

    def test_other_subscription(self):
        """Trap 25: the subscription whose name is not published is refused by name."""
        with pytest.raises(Unreadable, match=r"\$\.subscriptionType"):
            usps.read(opened("other_subscription"), POST)


class TestTimes:
    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            (event("OA", GMTTimestamp="2026-11-17T17:00:00Z", GMTOffset="-420"), "2026-11-17T10:00:00-07:00"),
            (event("OA", GMTTimestamp="2026-11-17T17:00:00"), "2026-11-17T10:00:00-07:00"),
            (event("OA", "2026-11-17T10:00:00Z", GMTTimestamp="2026-11-17T17:00:00Z"), "2026-11-17T10:00:00-07:00"),
            (event("OA", GMTTimestamp="2026-11-19T17:00:00Z"), "2026-11-19T17:00:00+00:00"),
            (event("OA", GMTOffset=-420), "2026-11-17T10:00:00-07:00"),
            (event("OA", GMTOffset="+60"), "2026-11-17T10:00:00+01:00"),
            (event("OA", "2026-11-17T10:00:00-05:00"), "2026-11-17T10:00:00-05:00"),
        ],
    )
    def test_clocks(self, said, expected):
        """Trap 23: GMT tells the instant and the local clock the offset, where the two agree on one."""
        assert expected == read_one(usps, piece(said)).dispatched_at.isoformat()

    @pytest.mark.parametrize("offset", [None, "", "MST", "-07:00", "99999", "٤٢٠", "+-5"])
    def test_local_alone(self, offset):
        """Trap 23: a local clock alone is a day and no instant, unless the endpoint has a zone."""
        alone = piece(event("OA", GMTOffset=offset))
        assert read_one(usps, alone).dispatched_at is None
        assert "2026-11-17" == read_one(usps, alone).events[0].day.isoformat()
        western = read_one(usps, alone, zone=ZoneInfo("America/Denver"))
        assert "2026-11-17T10:00:00-07:00" == western.dispatched_at.isoformat()

    def test_acceptance_missing(self):
        """Trap 18: the first scan at USPS dates the dispatch, a delivery alone or a return does not."""
        assert (
            "2026-11-19T05:58:00-07:00"
            == read_one(usps, opened("delivered_acceptance_missing")).dispatched_at.isoformat()
        )
        for code in ("01", "09", "05", "GX"):
            assert read_one(usps, piece(event(code, "2026-11-17T10:00:00Z"))).dispatched_at is None


class TestDecoding:
    @pytest.mark.parametrize("inner", ["", "no JSON", '{"a":1,"a":2}', "[" * 100])
    def test_payload_is_no_json(self, inner):
        """Trap 26: a payload that holds no JSON is refused with its place."""
        with pytest.raises(Unreadable, match=r"^\$\.payload: holds no JSON"):
            usps.decode(replace(POST, body=enveloped(inner)))

    def test_rules_reach_inside(self):
        """Traps 26 and 27: the merchant's rules see the opened payload; USPS itself repeats no reference."""
        decoded = usps.decode(replace(POST, body=enveloped('{"trackingNumber":"9200"}')))
        carriers.load("usps", usps).check(decoded)
        assert "9200" == decoded["payload"]["trackingNumber"]
        assert () == usps.REFERENCES == read_one(usps, piece(event("OA"))).references

    @pytest.mark.parametrize("body", [enveloped(INNER), b"[]", b'{"challenge":"abc"}'])
    def test_folded_again(self, body):
        """Trap 26: what was opened is folded in the same form, and what is no notification stays as it is."""
        opened = usps.decode(replace(POST, body=body))
        assert opened == usps.decode(replace(POST, body=usps.encode(opened)))
