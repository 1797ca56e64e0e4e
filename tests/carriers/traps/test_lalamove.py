r"""The traps that Lalamove sets, one sentence each.

The digest was computed with ``openssl dgst -sha256 -hmac sk_prod_demo_lalamove`` from
``printf '1795016505\r\nPOST\r\n/webhooks/lalamove\r\n\r\n%s' "$DATA"``.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, NotAuthentic, Status, Unreadable, lalamove
from receiver.intake.redaction import REDACTED
from receiver.recordings import load
from tests.support.adapter import POST, payload, read_one
from tests.support.paths import SAMPLES
from tests.support.sending import rows

SECRET = "sk_prod_demo_lalamove"
PROOF = "bbfa74e0dfd2ae6e05c1a876ad804fbf115dc97f249dfe2a0496b7d0f2ed4e9e"
DATA = (
    r'{"order":{"orderId":"3300000000000000001","status":"PICKED_UP","note":"São \/ Paulo"},'
    r'"updatedAt":"2026-11-18T23:41.00Z"}'
)
BODY = '{"timestamp":1795016505,"signature":"%s","eventId":"A","eventType":"ORDER_STATUS_CHANGED","data":%s}'
SIGNED = BODY % (PROOF, DATA)


def proves(body: str, *, path: str = "/webhooks/lalamove", secret: str = SECRET) -> bool:
    try:
        lalamove.AUTH[0].check(replace(POST, path=path, body=body.encode()), [secret])
    except NotAuthentic:
        return False
    return True


def event(case="picked_up", *, data=None, **order):
    body = payload("lalamove", case)
    body["data"] |= data or {}
    body["data"]["order"] |= order
    return body


class TestSignature:
    def test_over_the_text(self):
        """Trap 1: the text of `data` is signed as it stands, escapes and all, with the time and our URL's path."""
        assert proves(SIGNED)
        assert not proves(SIGNED.replace(r"\/", "/"))
        assert not proves(SIGNED.replace("1795016505", "1795016506"))
        assert not proves(SIGNED, secret="sk_prod_another")

    def test_path(self):
        """Trap 10: the path is part of it, so a proxy that cuts a prefix off breaks the proof."""
        assert not proves(SIGNED, path="/hooks/webhooks/lalamove")
        assert ["hmac", "path"] == [scheme.kind for scheme in lalamove.AUTH]

    @pytest.mark.parametrize(
        "body",
        [
            SIGNED.replace(",", " ,\n", 1).replace(":", " : ", 1),
            SIGNED.replace('"timestamp":1795016505', '"timestamp":"1795016505"'),
            "\n" + SIGNED.replace('"eventId":"A"', '"x":[{"data":1,"signature":"00"}]') + "\n",
        ],
    )
    def test_around_the_data(self, body):
        """Only the members of the outermost object count, however they are spaced."""
        assert proves(body)

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "{",
            "{}",
            "[]",
            '"data"',
            '{"data":',
            '{"a":1 "b":2}',
            '{"data":' + "[" * 100_000,
            BODY % ("not hex", DATA),
            BODY % ("", DATA),
            SIGNED.replace('"signature"', '"sign"'),
            SIGNED[:-1],
            SIGNED[:-1] + ',"data":{"order":{"orderId":"1","status":"COMPLETED"}}}',
            SIGNED[:-1] + ',"data":' + DATA + "}",
        ],
    )
    def test_no_crash(self, body):
        """Whatever arrives is proven or refused by name; a second `data` beside the signed one is refused."""
        assert not proves(body)

    def test_not_utf_8(self):
        """Bytes that are no text are refused."""
        with pytest.raises(NotAuthentic):
            lalamove.AUTH[0].check(replace(POST, body=b'{"data":"\xff"}'), [SECRET])

    def test_signature_is_not_kept(self):
        assert ("signature",) == lalamove.SECRET_FIELDS


class TestRegistration:
    @pytest.mark.parametrize(("method", "body"), [("POST", b""), ("POST", b"{}"), ("GET", b""), ("HEAD", b"")])
    def test_probe(self, method, body):
        """Trap 9: saving the URL sends an empty body, or an empty object, that must be answered with 200."""
        assert lalamove.PROBE.matches(replace(POST, method=method, body=body))

    def test_no_probe(self):
        """Trap 9: whatever says anything is no probe."""
        assert not lalamove.PROBE.matches(replace(POST, body=b'{"eventType":"ORDER_CREATED"}'))

    def test_unreadable(self):
        """Trap 13: ten answers other than 200 disable the URL, so what cannot be read is answered with 200 too."""
        assert (200, 200) == (lalamove.REPLY.success, lalamove.REPLY.unreadable)


class TestStatuses:
    @pytest.mark.parametrize("word", ["ASSIGNING_DRIVER", "ON_GOING"])
    def test_no_parcel_yet(self, word):
        """Trap 15: a driver who was found does not have the parcel yet."""
        shipment = read_one(lalamove, event(status=word))

        assert (Status.ANNOUNCED, None, ()) == (shipment.status, shipment.dispatched_at, shipment.events)

    @pytest.mark.parametrize(
        ("word", "expected"),
        [("REJECTED", Status.EXCEPTION), ("EXPIRED", Status.EXCEPTION), ("DELIVERED", Status.OTHER)],
    )
    def test_other_ends(self, word, expected):
        """Traps 14 and 16: an order without a driver and a word on no list, which is named, are no deliveries."""
        shipment = read_one(lalamove, event("completed_after_local_midnight", status=word))

        assert (expected, None, None) == (shipment.status, shipment.delivered_at, shipment.dispatched_at)
        assert (("DELIVERED",) if word == "DELIVERED" else ()) == shipment.unknown_words

    def test_completed_alone(self):
        """Trap 18: a completed order does not say when the parcel was picked up."""
        shipment = read_one(lalamove, event("completed_after_local_midnight"))

        assert (Status.DELIVERED, None) == (shipment.status, shipment.dispatched_at)

    @pytest.mark.parametrize(
        "kind", ["DRIVER_ASSIGNED", "POD_STATUS_CHANGED", "ORDER_EDITED", "WALLET_BALANCE_CHANGED"]
    )
    def test_other_events(self, kind):
        """Only one kind of event has the order's status; the proof of one stop is not the delivery of all."""
        with pytest.raises(Ignored, match=kind):
            lalamove.read(event() | {"eventType": kind}, POST)

    @pytest.mark.parametrize("proof", [None, {}, {"status": "PENDING"}, {"status": "DELIVERED"}, {"status": "SIGNED"}])
    def test_proof_of_a_stop(self, proof):
        """Trap 14: the proof of one stop is not the delivery of all."""
        with pytest.raises(Ignored, match="no stop failed"):
            lalamove.read(event("stop_failed", stops=[{}, {"POD": proof}]), POST)

    def test_failed_stop(self):
        """Trap 14: a stop that failed speaks against a delivery that comes later; the order has no status here."""
        shipment = read_one(lalamove, event("stop_failed", status="COMPLETED"))

        assert (Status.EXCEPTION, True, None) == (shipment.status, shipment.returned, shipment.delivered_at)

    def test_unknown_proof(self):
        """Trap 16: a stop's word that is on no list is named; a failed stop counts beside it."""
        stops = [{"POD": {"status": "MISLAID"}}, {"POD": {"status": "FAILED"}}]
        alone, beside = (read_one(lalamove, event("stop_failed", stops=each)) for each in (stops[:1], stops))

        assert (Status.OTHER, ("MISLAID",), False) == (alone.status, alone.unknown_words, alone.returned)
        assert (Status.EXCEPTION, ("MISLAID",), True) == (beside.status, beside.unknown_words, beside.returned)

    def test_unknown_kind(self):
        """A kind of event that is not documented is kept as unreadable, not ignored."""
        with pytest.raises(Unreadable, match=r"\$\.eventType"):
            lalamove.read(event() | {"eventType": "ORDER_TELEPORTED"}, POST)

    def test_replaced(self):
        """A replacement speaks of two orders: the new one stands in for the one before it."""
        new, old = lalamove.read(event("order_replaced"), POST)

        assert ("3300000000000000021", Status.ANNOUNCED) == (new.key, new.status)
        assert [("tracking_number", "3300000000000000020")] == [(one.kind, one.value) for one in new.references]
        assert (old.key, new.key) == (new.replaces, old.replaced_by)
        assert Status.OTHER is old.status
        assert ((), "") == (read_one(lalamove, event()).references, read_one(lalamove, event()).replaces)

    def test_replaced_named_beside(self):
        """The former order may be named beside the new one: so three integrators read it, and one inside."""
        new, old = lalamove.read(event("order_replaced_named_beside"), POST)

        assert ("3300000000000000042", "3300000000000000041") == (new.key, new.replaces)
        assert ("3300000000000000041", "3300000000000000042") == (old.key, old.replaced_by)

    def test_replaced_without_a_status(self):
        """A replacement may say nothing of where the parcel is; that is no unknown word."""
        new, _ = lalamove.read(event("order_replaced", status=None), POST)

        assert (Status.OTHER, ()) == (new.status, new.unknown_words)

    @pytest.mark.parametrize(
        "body", [event() | {"apiKey": "pk_test_demo"}, event(shareLink="https://share.sandbox.lalamove.com?PH33")]
    )
    def test_sandbox(self, body):
        """Trap 32: the sandbox shows in the key and in the link, and either is enough."""
        with pytest.raises(Ignored, match="sandbox"):
            lalamove.read(body, POST)


class TestValues:
    def test_false_z(self):
        """Trap 23: the instant is the signed `timestamp`; the text ends in Z and shows the market's clocks."""
        shipment = read_one(lalamove, event(data={"updatedAt": "2026-11-18T23:41.00Z"}))

        assert datetime(2026, 11, 18, 15, 41, 45, tzinfo=UTC) == shipment.dispatched_at
        assert "2026-11-18T23:41:45+08:00" == shipment.dispatched_at.isoformat()

    @pytest.mark.parametrize("written", ["2026-11-19T00:30.05Z", "2026-11-19T00:30:05Z", "2026-11-19T0:30.5Z"])
    def test_local_day(self, written):
        """Trap 23: the day is the market's, as written, however the clock beside it is spelt."""
        (line,) = read_one(lalamove, event("completed_after_local_midnight", data={"updatedAt": written})).events

        assert "2026-11-19" == line.day.isoformat()
        assert 18 == line.happened_at.astimezone(UTC).day
        assert "2026-11-19" == line.happened_at.date().isoformat()

    @pytest.mark.parametrize(
        ("written", "local"),
        [
            (None, "2026-11-18T15:41:45+00:00"),
            ("2026-11-18", "2026-11-18T15:41:45+00:00"),
            ("2026-11-25T23:41.00Z", "2026-11-18T15:41:45+00:00"),
            ("2026-11-18T12:41.00Z", "2026-11-18T12:41:45-03:00"),
            ("2026-11-18T21:11.00Z", "2026-11-18T21:11:45+05:30"),
        ],
    )
    def test_market(self, written, local):
        """Trap 23: the market's offset is the difference of the two clocks; without a likely one the time is UTC's."""
        shipment = read_one(lalamove, event(data={"updatedAt": written}))

        assert local == shipment.dispatched_at.isoformat()

    def test_zone_of_the_endpoint(self):
        """Trap 23: the zone that an operator sets comes before what the clocks suggest."""
        shipment = read_one(lalamove, event(), zone=ZoneInfo("America/Sao_Paulo"))

        assert "2026-11-18T12:41:45-03:00" == shipment.dispatched_at.isoformat()

    def test_no_timestamp(self):
        """A blank time dates nothing."""
        shipment = read_one(lalamove, event() | {"timestamp": ""})

        assert (None, None) == (shipment.happened_at, shipment.dispatched_at)

    def test_long_number(self):
        """Trap 24: nineteen digits are more than a float holds; as number or as text they stay what they are."""
        assert "3316227378875113999" == read_one(lalamove, event(orderId=3316227378875113999)).key
        assert "3316227378875113999" == read_one(lalamove, event(orderId="3316227378875113999")).tracking_number

    def test_event_id(self):
        """Trap 21: an event is known by what is signed; another `eventId` on a captured message is no other event."""
        known = lalamove.event_id(event(), POST)

        assert known.startswith("3300000000000000001:1795016505:")
        assert known == lalamove.event_id(event() | {"eventId": "ANOTHER"}, POST)
        assert known == lalamove.event_id(event() | {"eventType": "ORDER_REPLACED"}, POST)
        assert known != lalamove.event_id(event() | {"timestamp": 1795016506}, POST)
        assert known != lalamove.event_id(event(status="COMPLETED"), POST)
        assert lalamove.event_id(event() | {"eventType": "DRIVER_ASSIGNED"}, POST) is None


class TestLive:
    """Through the front door, to VTEX."""

    @pytest.fixture
    def shop(self, rig):
        rig.configure(endpoints={"lalamove": {"secrets": [SECRET]}})
        recording = load(SAMPLES / "lalamove" / "picked_up.http")
        rig.now = recording.request.received_at.timestamp()
        rig.add_order(*recording.expected["orders"])
        rig.link("3300000000000000001", "1933000000001-01")
        return rig, recording

    def test_signed(self, shop):
        """A signed event reaches the invoice, and its proof is not kept."""
        rig, recording = shop

        assert 200 == rig.play(recording, endpoint="lalamove").status_code
        rig.work()

        assert "3300000000000000001" == rig.package_of("1933000000001-01", "33001")["trackingNumber"]
        assert [REDACTED] == [json.loads(row["body"])["signature"] for row in rows(rig)]

    def test_another_event_id(self, shop):
        """A captured message whose unsigned `eventId` was changed is a repeat, and nothing is stored twice."""
        rig, recording = shop
        sent = lalamove.AUTH[0].sign(replace(recording.request, path="/webhooks/lalamove"), SECRET)
        changed = replace(sent, body=sent.body.replace(b"33C0DE00-0000", b"44C0DE00-0000"))

        for request in (sent, changed):
            assert 200 == rig.send(request, endpoint="lalamove", signed=False).status_code

        assert sent.body != changed.body
        assert 1 == len(rows(rig))

    def test_completed_after_a_failed_stop(self, shop):
        """An order that is COMPLETED though a stop failed, in the same second, is held: the driver may have brought it
        back."""
        rig, recording = shop
        rig.play(recording, endpoint="lalamove")
        rig.work()
        rig.now += 3600
        for kind, case in (("POD_STATUS_CHANGED", "stop_failed"), ("ORDER_STATUS_CHANGED", "picked_up")):
            body = event(case, status="COMPLETED") | {"eventType": kind, "timestamp": 1795019105}
            sent = replace(recording.request, path="/webhooks/lalamove", body=json.dumps(body).encode())
            assert "accepted" == rig.send(sent, endpoint="lalamove").json["outcome"]
        rig.work()

        row = rig.shipment("lalamove/3300000000000000001")
        assert ("held", "delivery_doubted") == (row["state"], row["reason"])
        assert [] == [call for call in rig.calls("PUT") if call.body["isDelivered"]]

    def test_unsigned(self, shop):
        """The same event without its proof is refused; the empty request of the registration is not."""
        rig, recording = shop

        assert 401 == rig.send(recording.request, endpoint="lalamove", signed=False).status_code
        assert 200 == rig.client.post("/webhooks/lalamove").status_code
        assert [] == rows(rig)
