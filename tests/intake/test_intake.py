"""From bytes to a recorded outcome: bad input is kept and named, repeats are known, mistakes can be mended."""

import json
import logging
from dataclasses import replace

import pytest

from adapters import Reply, Shipment, Status, Unreadable, strict_json
from receiver.intake import Intake, Outcome
from receiver.store import Inbox
from tests.support.rig import Rig, order, package, posted
from tests.support.sending import ENDPOINTS, good, outcome, rows, serve, toy

AFTER_A_4XX = {"melhor-envio": 200, "easypost": 200, "aftership": 200, "ups": 200, "frenet": 422, "intelipost": 422}
DEEP = {"event": "order.posted", "data": {"id": "p1"}, "more": json.loads("[" * 64 + "]" * 64)}
ESCAPED_NUL, SURROGATE = "\\u0000", "\\ud800"


@pytest.fixture
def six(rig: Rig) -> Rig:
    """A receiver with an endpoint of every carrier."""
    rig.configure(endpoints=ENDPOINTS)
    return rig


@pytest.fixture
def carrier(rig: Rig):
    """Put a carrier of the test's own in place of melhor_envio."""
    return lambda **parts: serve(rig, toy(**parts))


def intake(rig: Rig) -> Intake:
    return Intake(rig.config, Inbox(rig.database), clock=lambda: rig.now)


def reprocess(rig: Rig, number: int = 0) -> Outcome:
    """Run one of the stored deliveries again."""
    return intake(rig).reprocess(rig.queries.delivery(rows(rig)[number]["id"])).outcome


NOT_JSON = {
    "null": (b"null", "$", "null"),
    "number": (b"17", "$", "integer"),
    "brackets": (b"[" * 20_000, "$", "nested deeper than 64"),
    "depth 65": (json.dumps(DEEP).encode(), "$", "nested deeper than 64"),
    "NaN": (b'{"a": NaN}', "$", "contains NaN"),
    "Infinity": (b'{"a": -Infinity}', "$", "contains -Infinity"),
    "5,000 digits": (b'{"a": ' + b"1" * 5_000 + b"}", "$", "number of 5000 digits"),
    "latin-1": ('{"a": "ç"}'.encode("latin-1"), "$", "is not UTF-8 (byte 7)"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "$", "is not UTF-8"),
    "duplicate keys": (b'{"a": 1, "a": 2}', "$..'a'", "twice, with different values"),
    "cut": (b'{"a": ', "$", "is not JSON"),
    "text": (b"hello", "$", "is not JSON"),
}


class TestBadInput:
    @pytest.mark.parametrize(("body", "path", "why"), NOT_JSON.values(), ids=NOT_JSON)
    def test_body(self, six, body, path, why):
        """What no carrier would send is kept, and answered with what is wrong where: never 5xx."""
        for endpoint, status in AFTER_A_4XX.items():
            answer = six.post(body, endpoint=endpoint)
            problem = answer.json

            assert (status, "quarantined") == outcome(answer)
            assert "application/problem+json" == answer.mimetype
            assert (path, status) == (problem["path"], problem["status"])
            assert problem["detail"].startswith(f"{endpoint.replace('-', '_')}: {path}: ")
            assert why in problem["detail"]
            assert "Traceback" not in answer.text
            row = rows(six)[-1]
            assert (body, "quarantined", problem["delivery"]) == (row["body"], row["outcome"], row["id"])
        assert [] == rows(six, "shipments")

    def test_list(self, six):
        """A list where an object belongs is named as such; Frenet may send a list, but of objects."""
        for endpoint, status in AFTER_A_4XX.items():
            answer = six.post(b"[[]]", endpoint=endpoint)

            assert (status, "$[0]" if endpoint == "frenet" else "$") == (answer.status_code, answer.json["path"])
            assert "array" in answer.json["detail"]

    def test_empty(self, six):
        """A proven empty body is no probe where the carrier has none."""
        without_probe = [name for name in ENDPOINTS if name != "melhor-envio"]

        assert [(AFTER_A_4XX[name], "quarantined") for name in without_probe] == [
            outcome(six.post(b"", endpoint=name)) for name in without_probe
        ]

    @pytest.mark.parametrize(
        ("data", "path", "why"),
        [
            ('{"tracking": "T"}', "$.data", "lacks 'id'"),
            ('{"id": {}}', "$.data.id", "is object, expected string or integer"),
            ('{"id": "p1", "tracking": ["T"]}', "$.data.tracking", "is array, expected string or integer or null"),
            (f'{{"id": "p1", "tracking": "T{ESCAPED_NUL}"}}', "$.data.tracking", "contains a control character"),
            (f'{{"id": "p1", "tracking": "T{SURROGATE}"}}', "$.data.tracking", "contains a lone surrogate"),
            (f'{{"id": "{SURROGATE}"}}', "$.data.id", "contains a lone surrogate"),
            ('{"id": "p1", "posted_at": "soon"}', "$.data.posted_at", "is not an ISO 8601 time"),
            (f'{{"id": "{"x" * 501}"}}', "$.data.id", "is 501 characters long"),
            ('{"id": " "}', "$.data.id", "is blank"),
        ],
    )
    def test_field(self, rig, data, path, why):
        """A field that is missing or unfit is named by its path; the delivery is kept."""
        answer = rig.post(f'{{"event": "order.posted", "data": {data}}}'.encode())

        assert (200, "quarantined") == outcome(answer)
        assert path == answer.json["path"]
        assert why in answer.json["detail"]
        assert f"{path}: " in rows(rig)[0]["reason"]

    @pytest.mark.parametrize("unfit", [ESCAPED_NUL, SURROGATE])
    def test_field_not_used(self, rig_on_either, unfit):
        """The same in a field that no one reads does no harm on either database."""
        answer = rig_on_either.post(f'{{"event": "order.posted", "data": {{"id": "p1", "note": "{unfit}"}}}}'.encode())

        assert (200, "accepted") == outcome(answer)

    @pytest.mark.parametrize("unfit", [ESCAPED_NUL, SURROGATE])
    def test_unfit_on_either(self, rig_on_either, unfit):
        """Nothing of an unfit payload, reason included, is too much for either database."""
        answer = rig_on_either.post(f'{{"event": "order.posted", "data": {{"id": "{unfit}", "{unfit}": 1}}}}'.encode())

        assert (200, "quarantined") == outcome(answer)
        assert (200, "quarantined") == outcome(rig_on_either.post(f'{{"{unfit}": 1, "{unfit}": 2}}'.encode()))

    @pytest.mark.parametrize(("endpoint", "status"), [("melhor-envio", 422), ("frenet", 200)])
    def test_override(self, rig, endpoint, status):
        """The endpoint decides otherwise where the merchant says so."""
        rig.configure(endpoints={endpoint: {**ENDPOINTS[endpoint], "unreadable": status}})

        assert (status, "quarantined") == outcome(rig.post(b"null", endpoint=endpoint))

    def test_one_warning(self, rig, caplog):
        """The log warns once, however often the same bytes come; there is one row and one answer."""
        first, second = rig.post(b"[]"), rig.post(b"[]")

        assert first.json == second.json
        assert [first.json["delivery"]] == [row["id"] for row in rows(rig)]
        (warning,) = [record.message for record in caplog.records if record.levelno == logging.WARNING]
        assert first.json["delivery"] in warning
        assert "carrier=melhor_envio reason=$: is array, expected object" in warning


STREET = "Rua das Flores 17"


def stumble(payload, request):
    """An adapter with a mistake in it, whose exception quotes the payload."""
    return {}[payload["data"]["street"]]


class TestAdapterMistakes:
    @pytest.mark.parametrize(
        "parts",
        [
            {"read": stumble},
            {"event_id": stumble},
            {"decode": lambda request: stumble(strict_json(request.body), request)},
            {"read": lambda *_: None},
            {"read": lambda *_: [{"key": STREET}]},
            {"read": lambda *_: [Shipment(key="p1", status=Status.DISPATCHED, tracking_number=b"1")]},
            {"read": lambda *_: [Shipment(key="", status=Status.DISPATCHED)]},
            {"read": lambda payload, request: TestAdapterMistakes.for_ever(payload)},
        ],
    )
    def test_error(self, rig, carrier, caplog, parts):
        """An adapter's own mistake: 200, kept for reprocessing; the log has kind and place, and no value."""
        carrier(**parts)
        caplog.set_level(logging.DEBUG)
        answer = rig.post({"event": "order.posted", "data": {"id": "p1", "street": STREET}})

        assert (200, "error") == outcome(answer)
        (row,) = rows(rig)
        assert ("error", answer.json["delivery"]) == (row["outcome"], row["id"])
        assert STREET.encode() in row["body"]
        assert (
            "adapter failed, delivery kept for receiver reprocess: endpoint=melhor-envio carrier=melhor_envio "
            in caplog.text
        )
        assert ".py:" in row["reason"]
        assert STREET not in caplog.text + row["reason"] + answer.text
        assert [] == rows(rig, "shipments")

    @staticmethod
    def for_ever(payload):
        return TestAdapterMistakes.for_ever(payload)

    @pytest.mark.parametrize("key", ["p\x00", "p\ud800", b"p1"])
    def test_unfit_key(self, rig_on_either, key):
        """A key or an event id that a database would refuse is quarantined, on either of them."""
        serve(rig_on_either, toy(read=lambda *_: [Shipment(key=key, status=Status.DISPATCHED)]))
        assert (200, "quarantined") == outcome(rig_on_either.post(posted()))
        serve(rig_on_either, toy(event_id=lambda *_: key))
        assert (200, "quarantined") == outcome(rig_on_either.post(posted(parcel="p2")))

    def test_success(self, rig, carrier):
        """A carrier that wants another success code gets it; our own mistake is 200 regardless."""
        carrier(REPLY=Reply(success=202))
        assert (202, "accepted") == outcome(rig.post(posted()))
        carrier(REPLY=Reply(success=202), read=stumble)
        assert (200, "error") == outcome(rig.post(posted(parcel="p2")))


class TestRepeats:
    def test_bytes(self, rig):
        """The same bytes again are a duplicate of the first delivery, under its id."""
        first, second = rig.post(posted()), rig.post(posted())

        assert [(200, "accepted"), (200, "duplicate")] == [outcome(first), outcome(second)]
        assert first.json["delivery"] == second.json["delivery"]
        assert (1, 1) == (len(rows(rig)), len(rows(rig, "updates")))

    def test_endpoints(self, rig):
        """Two endpoints are two senders: the same bytes at both are two deliveries."""
        rig.configure(endpoints=dict.fromkeys(("a", "b"), ENDPOINTS["melhor-envio"]))

        assert ["accepted"] * 2 == [rig.post(posted(), endpoint=name).json["outcome"] for name in ("a", "b")]

    @pytest.mark.parametrize(
        ("endpoint", "irrelevant"),
        [
            ("easypost", lambda payload: payload.update(updated_at="2030-01-01T00:00:00Z", status="in_queue")),
            ("aftership", lambda payload: payload.update(ts=1)),
            ("intelipost", lambda payload: payload["history"].update(created=1, provider_message="x")),
        ],
    )
    def test_event(self, six, endpoint, irrelevant):
        """A redelivery differs in what no one reads: the carrier's event id and what it says make it a duplicate."""
        payload = good(endpoint)
        first = six.post(payload, endpoint=endpoint)
        irrelevant(payload)
        second = six.post(payload, endpoint=endpoint)

        assert [(200, "accepted"), (200, "duplicate")] == [outcome(first), outcome(second)]
        assert first.json["delivery"] == second.json["delivery"]

    @pytest.mark.parametrize(
        ("endpoint", "correct"),
        [
            ("easypost", lambda payload: payload["result"].update(tracking_code="CORRECTED1")),
            ("aftership", lambda payload: payload["msg"].update(tracking_number="CORRECTED1")),
            ("intelipost", lambda payload: payload.update(tracking_code="CORRECTED1")),
        ],
    )
    def test_correction(self, six, endpoint, correct):
        """A corrected number under the same event id is news."""
        payload = good(endpoint)
        six.post(payload, endpoint=endpoint)
        correct(payload)

        assert (200, "accepted") == outcome(six.post(payload, endpoint=endpoint))
        assert "CORRECTED1" in rows(six, "updates")[-1]["said"]

    def test_ignored(self, rig):
        """What is ignored is known again as well."""
        first, second = rig.post(posted(event="order.pending")), rig.post(posted(event="order.pending"))

        assert [(200, "ignored"), (200, "duplicate")] == [outcome(first), outcome(second)]
        assert ["the label went back to the cart"] == [row["reason"] for row in rows(rig)]


class TestCouriers:
    """The endpoint's setting names a gateway's couriers; the name is stored with the update."""

    @pytest.mark.parametrize(("code", "expected"), [("Brazil-Correios", "Correios"), ("jadlog", "its own")])
    def test_named(self, rig, code, expected):
        """The setting comes before the adapter's name, without regard to the code's case."""
        told = Shipment(key="p1", status=Status.DISPATCHED, courier="its own", courier_code=code)
        couriers = {"brazil-correios": "Correios"}
        serve(rig, toy(read=lambda _payload, _request: [told]), couriers=couriers)
        rig.post(posted())

        (stored,) = rig.queries.history("melhor-envio/p1")["deliveries"]
        assert expected == stored["said"]["courier"]


class TestReprocess:
    @pytest.fixture
    def broken(self, rig):
        """Deliveries fail as the test says until they are mended."""
        sound = rig.config.endpoints["melhor-envio"].carrier

        def fail(fault):
            def read(payload, request):
                raise fault

            serve(rig, replace(sound, read=read))

        fail.mend = lambda: serve(rig, sound)
        return fail

    @pytest.mark.parametrize(
        ("fault", "stored"), [(Unreadable("$.data", "is new to us"), "quarantined"), (KeyError("data"), "error")]
    )
    def test_mended(self, rig, broken, fault, stored):
        """After a fix of the adapter a kept delivery is accepted, and its parcel reaches VTEX."""
        rig.add_order(order("1-01", package("900")))
        broken(fault)
        assert stored == rig.post(posted()).json["outcome"]
        assert stored == reprocess(rig)
        broken.mend()

        assert Outcome.ACCEPTED == reprocess(rig)
        rig.work()
        assert "TN1BR" == rig.package_of("1-01", "900")["trackingNumber"]
        assert [("accepted", None)] == [(row["outcome"], row["reason"]) for row in rows(rig)]

    def test_twice(self, rig, broken):
        """Run again once more, a delivery says nothing new: the shipment and VTEX stay as they are."""
        rig.add_order(order("1-01", package("900")))
        broken(KeyError("data"))
        rig.post(posted())
        broken.mend()
        reprocess(rig)
        rig.work()
        before, calls = rig.shipment(), len(rig.calls())

        assert Outcome.ACCEPTED == reprocess(rig)
        rig.work()
        assert (before["known"], before["sent"], before["state"]) == tuple(
            rig.shipment()[name] for name in ("known", "sent", "state")
        )
        assert calls == len(rig.calls())
        assert 1 == len(rows(rig))

    def test_wakes(self, rig, broken):
        """A delivery that is run again makes a shipment at rest due."""
        rig.post(posted(event="order.generated", number=None))
        broken(KeyError("data"))
        rig.post(posted())
        rig.work()
        broken.mend()
        assert "waiting" == rig.shipment()["state"]

        reprocess(rig, 1)
        assert rig.shipment()["due_at"] is not None

    def test_repeat_after(self, rig, broken):
        """What was run again is known when the carrier sends the same bytes once more."""
        broken(KeyError("data"))
        rig.post(posted())
        broken.mend()
        reprocess(rig)

        assert (200, "duplicate") == outcome(rig.post(posted()))

    def test_repeat_before(self, rig, broken):
        """The carrier's own repeat after the fix is accepted; the kept delivery then turns out to be its duplicate."""
        broken(KeyError("data"))
        rig.post(posted())
        broken.mend()
        again = rig.post(posted())

        assert (200, "accepted") == outcome(again)
        assert Outcome.DUPLICATE == reprocess(rig)
        assert [("duplicate", f"same as {again.json['delivery']}"), ("accepted", None)] == [
            (row["outcome"], row["reason"]) for row in rows(rig)
        ]
        assert Outcome.DUPLICATE == reprocess(rig)
        assert 1 == len(rows(rig, "updates"))

    def test_correction(self, six):
        """A quarantined event does not shut the door on its correction, which has the same event id."""
        payload = good("easypost")
        number = payload["result"]["tracking_code"]
        payload["result"]["tracking_code"] = None
        assert "quarantined" == six.post(payload, endpoint="easypost").json["outcome"]
        payload["result"]["tracking_code"] = number

        assert (200, "accepted") == outcome(six.post(payload, endpoint="easypost"))

    def test_event_of_two_bodies(self, six):
        """Two kept deliveries that mean the same under one event id end as one and its duplicate."""
        sound = six.config.endpoints["easypost"].carrier
        payload = good("easypost")

        def read(payload, request):
            raise Unreadable("$", "is new to us")

        serve(six, replace(sound, read=read), endpoint="easypost")
        for status in ("pending", "in_queue"):
            six.post({**payload, "status": status}, endpoint="easypost")
        serve(six, sound, endpoint="easypost")

        assert [Outcome.ACCEPTED, Outcome.DUPLICATE] == [reprocess(six, number) for number in (0, 1)]
        assert 1 == len(rows(six, "updates"))

    def test_ignored_after(self, rig, broken):
        """The fix may as well be that there is nothing to do."""
        broken(KeyError("data"))
        rig.post(posted(event="order.pending"))
        broken.mend()

        assert Outcome.IGNORED == reprocess(rig)
        assert ["the label went back to the cart"] == [row["reason"] for row in rows(rig)]

    def test_reads_as_received(self, rig, broken):
        """The adapter gets what it would have got then: the bytes, the time of receipt, the endpoint's zone."""
        seen = []
        broken(KeyError("data"))
        rig.post(posted(), **{"user-agent": "yes"})
        serve(rig, toy(read=lambda _, request: seen.append(request) or []))
        rig.now += 86_400
        reprocess(rig)

        (request,) = seen
        assert posted() == json.loads(request.body)
        assert ("POST", "/webhooks/melhor-envio", "yes") == (
            request.method,
            request.path,
            request.headers["user-agent"],
        )
        assert rig.now - 86_400 == request.received_at.timestamp()

    def test_impossible(self, rig, broken):
        """An endpoint that is gone and a body that retention emptied are said to be so."""
        broken(KeyError("data"))
        rig.post(posted())
        row = rig.queries.delivery(rows(rig)[0]["id"])

        assert "the body was emptied by retention" == intake(rig).reprocess({**row, "body": None}).reason
        rig.configure(endpoints={"ups": ENDPOINTS["ups"]})
        assert "endpoint melhor-envio is not in the configuration" == intake(rig).reprocess(row).reason
        assert ["error"] == [row["outcome"] for row in rows(rig)]
