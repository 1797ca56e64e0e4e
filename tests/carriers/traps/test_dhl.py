"""The traps that DHL sets."""

import json
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, ReferenceKind, Status, Unreadable, dhl
from receiver.carriers import discover
from receiver.carriers.references import Rule
from receiver.intake.redaction import REDACTED
from receiver.recordings import load
from tests.support.adapter import POST, payload, proves, read_one
from tests.support.bare_server import Heard, answer, serving
from tests.support.paths import SAMPLES
from tests.support.sending import outcome, rows

BERLIN = ZoneInfo("Europe/Berlin")


def parcel(**changes) -> dict:
    return payload("dhl", "first_transit")["shipments"][0] | {"events": []} | changes


def latest(code: str, when: str | None = "2026-11-17T12:00:00Z", **more) -> dict:
    return {"statusCode": code, "timestamp": when, **more}


def step(scope: str) -> dict:
    return {"scope": scope, "self": "https://api-eu.dhl.com/tracking/push/v1/subscription/1", "secret": "hush-hush"}


class TestSubscription:
    def test_ready(self):
        """Trap 9: the last step before the first parcel is known, and brings none."""
        ((path, member),) = dhl.split(step("subscription.ready"))
        assert "$" == path
        with pytest.raises(Ignored, match="active"):
            dhl.read(member, POST)

    @pytest.mark.parametrize("scope", ["subscription.activate", "subscription.delete", "subscription.deleted"])
    def test_known_steps(self, scope):
        """Trap 9: the other steps of a subscription bring no parcel either."""
        with pytest.raises(Ignored, match="the subscription"):
            dhl.read(step(scope), POST)

    def test_activation(self, rig):
        """Trap 9: DHL waits for a call to its own host that repeats the secret; until it is made, the call is due."""
        heard: list[Heard] = []

        def api(connection, request):
            heard.append(request)
            connection.sendall(answer("200 OK", b"{}"))

        with serving(api) as server:
            settings = {
                "carrier": "dhl",
                "secrets": ["a-good-token"],
                "base_url": server.url,
                "fetch_credentials": "api-key",
            }
            rig.configure(endpoints={"dhl": settings})
            sent = rig.client.post(
                "/webhooks/dhl", json=step("subscription.validate"), headers={"x-webhook-token": "a-good-token"}
            )
            rig.work()
        assert (200, "accepted") == outcome(sent)
        (call,) = heard
        assert ("POST", "/tracking/push/v1/subscription/1") == (call.method, call.target)
        assert ("hush-hush", "api-key") == (call.headers["dhl-api-hook-secret"], call.headers["dhl-api-key"])
        assert [] == rows(rig, "shipments")

    def test_another_host(self, rig):
        """Trap 22: an address on another host than DHL's is never called."""
        rig.configure(endpoints={"dhl": {"carrier": "dhl", "secrets": ["a-good-token"], "fetch_credentials": "key"}})
        said = {**step("subscription.validate"), "self": "https://api-eu.dhl.com.evil.example/subscription/1"}
        sent = rig.client.post("/webhooks/dhl", json=said, headers={"x-webhook-token": "a-good-token"})
        assert (200, "quarantined") == outcome(sent)
        assert [] == rows(rig, "fetches")

    def test_other_step(self):
        """Trap 25: a step that DHL does not describe is kept and refused by name."""
        with pytest.raises(Unreadable, match=r"\$\.scope"):
            dhl.read(step("subscription.sold"), POST)

    def test_secret_in_the_body(self, rig):
        """Trap 6: the secret that activates a subscription is blanked before anything is stored."""
        rig.configure(endpoints={"dhl": {"carrier": "dhl", "secrets": ["a-good-token"]}})
        headers = {"x-webhook-token": "a-good-token"}
        answer = rig.client.post("/webhooks/dhl", json=step("subscription.validate"), headers=headers)
        (kept,) = rows(rig)
        assert (200, "accepted") == outcome(answer)
        assert REDACTED == json.loads(kept["body"])["secret"]
        assert "hush" not in str(kept) + answer.text

    def test_header_of_the_merchants_choice(self):
        """Trap 4: the token says nothing of the body, so that a secret URL may be chosen as well."""
        assert proves(dhl, "x-webhook-token", "s", b"anything", "s")
        assert ["header", "header", "path"] == [scheme.kind for scheme in dhl.AUTH]


EARLIER = {"timestamp": "2026-11-01T12:00:00Z"}


class TestStatus:
    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("pre-transit", Status.ANNOUNCED),
            ("transit", Status.IN_TRANSIT),
            ("delivered", Status.DELIVERED),
            ("failure", Status.EXCEPTION),
            ("unknown", Status.OTHER),
            ("DELIVERED", Status.OTHER),
            ("OK", Status.OTHER),
            ("600", Status.OTHER),
        ],
    )
    def test_code(self, code, expected):
        """Traps 16 and 17: the shared code decides; a division's own word or code is not guessed at."""
        for words in ("DELIVERED", "PU"):
            assert expected is read_one(dhl, parcel(status=latest(code, status=words))).status

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"simplifiedStatus": "Delivered"}, Status.DELIVERED),
            ({"simplifiedStatus": "transit", "divisionalStatus": "OK"}, Status.IN_TRANSIT),
            ({"simplifiedStatus": "unknown", "divisionalStatus": "WC"}, Status.OUT_FOR_DELIVERY),
            ({"divisionalStatus": "PU"}, Status.DISPATCHED),
            ({"divisionalStatus": "OK"}, Status.DELIVERED),
            ({"divisionalStatus": "RT"}, Status.RETURNED),
            ({"divisionalStatus": "ZZ"}, Status.OTHER),
            ({"simplifiedStatus": " "}, Status.OTHER),
        ],
    )
    def test_without_the_shared_code(self, fields, expected):
        """Trap 16: without statusCode the simplified status decides, then the division's own code."""
        read = read_one(dhl, parcel(service="express", status=fields))
        assert expected is read.status

    @pytest.mark.parametrize(
        ("service", "code", "expected"),
        [
            ("parcel-de", "ZU", Status.DELIVERED),
            ("ecommerce", "606", Status.DELIVERED),
            ("ecommerce", "602", Status.RETURNED),
            ("ecommerce", "642", Status.IN_TRANSIT),
            ("ecommerce", "860", Status.RETURNED),
            ("ecommerce-europe", "5", Status.DISPATCHED),
            ("ecommerce-europe", "606", Status.OTHER),
            ("freight", "OK", Status.OTHER),
        ],
    )
    def test_divisions(self, service, code, expected):
        """Trap 16: a code means something in its own division alone."""
        assert expected is read_one(dhl, parcel(service=service, status={"divisionalStatus": code})).status

    def test_no_code_at_all(self):
        """Trap 25: a status without any of the three codes is kept and refused."""
        body = {"scope": "subscription.push", "shipments": [parcel(status={"status": "DELIVERED"})]}
        request = replace(POST, body=json.dumps(body).encode())
        with pytest.raises(Unreadable, match=r"\$\.shipments\[0\]\.status"):
            discover()["dhl"].convert(request)

    def test_unknown_words(self):
        """Unknown codes are named, those of the events too; a known code without a meaning is not."""
        read = read_one(dhl, parcel(status=latest("teleported"), events=[latest("beamed"), latest("unknown")]))
        assert ("beamed", "teleported") == read.unknown_words
        assert ("Z9",) == read_one(dhl, parcel(service="express", status={"divisionalStatus": "Z9"})).unknown_words

    @pytest.mark.parametrize(
        "back",
        [
            latest("transit", status="RT"),
            latest("failure", description="Returned to shipper"),
            latest("transit", remark="The shipment is on its way back to the sender"),
        ],
    )
    def test_delivered_after_a_return(self, back):
        """Trap 14: a delivery after a return in the same history is marked: it may be the merchant's."""
        read = read_one(dhl, parcel(service="express", status=latest("delivered"), events=[back | EARLIER]))
        assert (Status.DELIVERED, True) == (read.status, read.returned)

    def test_returned_in_words(self):
        """Trap 14: a delivery whose own words speak of the sender is a return; a label is only announced."""
        words = "Delivered, returned to sender"
        assert Status.RETURNED is read_one(dhl, parcel(status=latest("delivered", status=words))).status
        assert Status.ANNOUNCED is read_one(dhl, parcel(status=latest("pre-transit", description=words))).status

    def test_announced_and_called_delivered(self):
        """Trap 17: DHL's own sample is called DELIVERED in pre-transit, and is neither delivered nor dispatched."""
        (member,) = payload("dhl", "announced_and_called_delivered")["shipments"]
        said = read_one(dhl, member)
        assert (Status.ANNOUNCED, None, None) == (said.status, said.dispatched_at, said.delivered_at)


class TestTimes:
    def test_status_dates_the_dispatch(self):
        """Trap 23: events have no zone, the status is in UTC; without a zone the status in transit is the dispatch."""
        (member,) = payload("dhl", "first_transit")["shipments"]
        said = read_one(dhl, member)
        assert "2026-11-16T20:15:00+00:00" == said.dispatched_at.isoformat()
        assert [None, None] == [event.happened_at for event in said.events]
        assert ["2026-11-16", "2026-11-15"] == [event.day.isoformat() for event in said.events]

    def test_events_in_a_zone(self):
        """Traps 18 and 23: with the endpoint's zone, the first event in transit is the dispatch."""
        (member,) = payload("dhl", "delivered_events_without_zone")["shipments"]
        assert read_one(dhl, member).dispatched_at is None
        assert "2026-11-16T21:15:00+01:00" == read_one(dhl, member, zone=BERLIN).dispatched_at.isoformat()

    def test_day_alone(self):
        """A status that is dated by its day alone has no instant, even in a known zone: it sorts by its arrival."""
        said = read_one(dhl, parcel(status=latest("transit", "2026-11-17")), zone=BERLIN)
        assert (Status.IN_TRANSIT, None, None) == (said.status, said.happened_at, said.dispatched_at)

    @pytest.mark.parametrize("code", ["pre-transit", "delivered", "failure", "unknown"])
    def test_no_dispatch(self, code):
        """Trap 18: only transit says that DHL has the parcel, and when."""
        assert read_one(dhl, parcel(status=latest(code))).dispatched_at is None

    def test_delivered(self):
        """Trap 23: the status dates the delivery, and a delivered event does where the status has no time."""
        done = latest("delivered", "2026-11-17T13:22:00+01:00")
        assert (
            "2026-11-17T12:22:00+00:00"
            == read_one(dhl, parcel(status=latest("delivered", "2026-11-17T12:22:00Z"))).delivered_at.isoformat()
        )
        said = read_one(dhl, parcel(status=latest("delivered", None), events=[done]))
        assert "2026-11-17T13:22:00+01:00" == said.delivered_at.isoformat() == said.happened_at.isoformat()


class TestValues:
    def test_batch(self):
        """Trap 19: each parcel of a batch is a member of its own; one that cannot be read costs no other."""
        conversion = discover()["dhl"].convert(load(SAMPLES / "dhl" / "one_bad_member.http").request)
        assert ["00340000018400000006"] == [shipment.key for shipment in conversion.shipments]
        assert ["$.shipments[0].status.timestamp"] == [fault.path for fault in conversion.refused]

    def test_id_as_number(self):
        """Trap 24: the id may be a JSON number, and keeps every digit."""
        said = read_one(dhl, parcel(id=1840000000123456789))
        assert "1840000000123456789" == said.key == said.tracking_number

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("http://www.dhl.de/x?c=http", "https://www.dhl.de/x?c=http"),
            ("https://www.dhl.de/x", "https://www.dhl.de/x"),
            ("dhl.de", "https://www.dhl.com/us-en/home/tracking/tracking-parcel.html?submit=1&tracking-id=1%202"),
        ],
    )
    def test_url(self, written, expected):
        """Trap 29: DHL's http becomes https, and DHL's own page stands in where there is no URL."""
        assert expected == read_one(dhl, parcel(id="1 2", serviceUrl=written)).tracking_url

    @pytest.mark.parametrize("references", [{"number": "1840000000001-01"}, [{"number": "1840000000001-01"}]])
    def test_reference(self, references):
        """Traps 25 and 27: one reference or several, the merchant's rule finds the first."""
        path = "details.references.number || details.references[0].number"
        assert ["1840000000001-01"] == Rule.parse(path, ReferenceKind.ORDER_ID).hits(
            {"details": {"references": references}}
        )
        assert () == read_one(dhl, parcel()).references

    @pytest.mark.parametrize(
        ("written", "words"), [("PU", "Picked up"), ("RD", "failure"), ("Zugestellt", "Zugestellt"), (None, "failure")]
    )
    def test_words_of_events(self, written, words):
        """A division's code is no text for shoppers: its meaning stands in, or the shared code."""
        read = read_one(dhl, parcel(service="express", events=[latest("failure", status=written)]))
        assert [words] == [event.description for event in read.events]

    def test_event_without_a_day(self):
        """An event without a time is no line of the history, and its code still counts."""
        read = read_one(dhl, parcel(service="express", events=[latest("transit", None, status="RT")]))
        assert (Status.IN_TRANSIT, ()) == (read.status, read.events)

    def test_pieces(self):
        """Each piece of a shipment has a number of its own, by which the parcel may be known."""
        read = read_one(dhl, parcel(details={"pieceIds": ["JD01", None, 7]}))
        assert ["JD01", "7"] == [each.value for each in read.references]
        assert {ReferenceKind.TRACKING_NUMBER} == {each.kind for each in read.references}

    def test_names_stay_outside(self):
        """Trap 31: the free text in which DHL's own sample has a first name is no event's description."""
        said = read_one(dhl, parcel(events=[latest("delivered", status="Delivered", description="JO")]))
        assert ["Delivered"] == [event.description for event in said.events]
