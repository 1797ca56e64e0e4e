"""The house rules, held against every carrier in ``adapters/`` and every recording in ``tests/samples/<slug>/``.

Both are found by looking: a new carrier is covered before its author writes a test.
"""

import functools
import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, reduce
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters import UNDERWAY, Ignored, NotAuthentic, Probe, Reply, Request, Retries, Shipment, Status, Unreadable
from adapters._signatures import whole_body
from receiver.carriers import Carrier, Conversion, discover
from receiver.carriers.quality import worth
from receiver.carriers.schemas import check_schema
from receiver.config import Endpoint, parse
from receiver.intake.redaction import REDACTED
from receiver.recordings import Recording, load
from receiver.shipments import shipment_to_json
from tests.support import own_carriers
from tests.support.both_checks import BothChecks
from tests.support.damage import GARBLED, GONE, crash, damaged, unsound
from tests.support.import_law import breaches
from tests.support.paths import SAMPLES
from tests.support.recorded import recordings_of, try_each

#: The house's carriers; with ``--own-carriers FOLDER`` those of the folder instead.
HOME = own_carriers.folder / "samples" if own_carriers.folder else SAMPLES
HELD = {slug: one for slug, one in discover(own_carriers.folder).items() if one.own == bool(own_carriers.folder)}
CARRIERS = [pytest.param(carrier, id=slug) for slug, carrier in HELD.items()]
every_carrier = pytest.mark.parametrize("carrier", CARRIERS)


def every_recording(test: Callable[[Any, Path], None]) -> Callable[..., None]:
    """One test for each carrier, of all its recordings."""

    @every_carrier
    @functools.wraps(test)
    def of_carrier(self: Any, carrier: Carrier) -> None:
        try_each(recordings_of(carrier.slug, home=HOME), functools.partial(test, self))

    del of_carrier.__wrapped__  # else pytest would ask for the argument ``path``
    return of_carrier


#: Carriers of which we know where the number is, and no word for where a parcel is; why.
NUMBERS_ONLY = {"shipstation_v1": "version 1 has no tracking events (shipstation.com/docs/api/models/webhook)"}
#: Carriers that never say when, so that a dispatch has no date; why.
UNDATED = {"packlink": "the shipment that is fetched has no times, and no state of its own for the collection"}
#: Carriers of which no message is known that asks nothing, so that nothing is ignored; why.
ALL_NEWS = {
    "chazki": "its webhook is one body, a status of a delivery",
    "enviopack": "both types of its notices lead to a shipment; another type is quarantined",
    "frete_rapido": 'the webhook "Ocorrência" sends occurrences alone, each about a freight',
    "logmanager": "its webhook is one body, a status of an order",
    "packlink": "each event leads to a shipment; another one is quarantined",
    "paquery": "its webhook is one body, an event of a shipment",
    "shippit": "its mapped webhook is one body, the state of an order",
}
NO_PAYLOAD = {
    "empty": b"",
    "null": b"null",
    "empty array": b"[]",
    "empty object": b"{}",
    "100 KB of brackets": b"[" * 100_000,
    "NaN": b'{"a":NaN}',
    "5,000 digits": b'{"a":' + b"7" * 5000 + b"}",
    "invalid UTF-8": b'{"a":"\xff"}',
    "duplicate keys that differ": b'{"a":1,"a":2}',
}


class Case:
    """One recording under the settings it was made with."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self.recording: Recording = load(path)
        self.expected = self.recording.expected
        self.endpoint: Endpoint = _endpoint(path, self.expected["endpoint"])
        self.carrier: Carrier = self.endpoint.carrier
        self.request: Request = replace(self.recording.request, zone=self.endpoint.zone)
        answers = self.recording.answers.items()
        self.answers = {url: replace(answer, zone=self.endpoint.zone) for url, answer in answers}

    @property
    def outcome(self) -> str:
        return self.expected["reply"]["outcome"]

    @property
    def ending(self) -> tuple[object, ...]:
        """How the recording ends: recordings that end alike are read alike."""
        statuses = sorted({said["status"] for said in self.expected.get("shipments", ())})
        return self.outcome, self.expected.get("ignored"), *statuses

    def shipments(self) -> list[Shipment]:
        """What the request tells of, with what is fetched because of it."""
        found, asked = [], [self.request]
        while asked:
            conversion = converted(self.carrier, asked.pop(0))
            assert [] == conversion.refused
            found += conversion.shipments
            asked += [self.answers[fetch.url] for fetch in conversion.fetches if fetch.wanted]
        return found

    @property
    def signed(self) -> Request:
        return self.endpoint.scheme.sign(self.request, self.endpoint.secrets[0])

    @property
    def bare(self) -> Request:
        """The request as someone sends it who has no credential at all."""
        headers = {name for scheme in self.carrier.auth for name in scheme.credential_headers}
        kept = {name: value for name, value in self.request.headers.items() if name not in headers}
        return replace(self.request, headers=kept, query="", token="")


def _endpoint(path: Path, settings: dict) -> Endpoint:
    raw = {"vtex": {"store": {"app_key": "key", "app_token": "token"}}, "endpoints": {"recorded": settings}}
    if own_carriers.folder:
        raw["receiver"] = {"carriers": str(own_carriers.folder)}
    return parse(raw, path=path, environ={}).endpoints["recorded"]


@cache
def case(path: Path) -> Case:
    return Case(path)


def cases(carrier: Carrier) -> list[Case]:
    return [case(path) for path in sorted((HOME / carrier.slug).glob("*.http"))]


class TestModule:
    @every_carrier
    def test_declares(self, carrier):
        """The module declares every name of the contract, each of its kind."""
        module = inspect.getmodule(carrier.read)

        assert isinstance(module.NAME, str)
        assert module.NAME.strip() == module.NAME != ""
        assert isinstance(module.AUTH, tuple)
        assert isinstance(module.REPLY, Reply)
        assert isinstance(module.PROBE, Probe | None)
        assert isinstance(module.RETRIES, Retries | None)
        assert module.TRACKING_PAGE is None or 1 == module.TRACKING_PAGE.count("{number}")
        assert isinstance(module.ZONE, ZoneInfo | None)
        assert isinstance(module.REFERENCES, tuple)
        assert [] == [hint for hint in module.REFERENCES if not isinstance(hint, str) or not hint]
        assert ["payload", "request"] == list(inspect.signature(module.read).parameters)

    @every_carrier
    def test_law(self, carrier):
        """The module is pure: no I/O, no clock, no environment, the standard library and `adapters` alone."""
        source = Path(carrier.read.__code__.co_filename).read_text(encoding="utf-8")

        assert [] == breaches(f"adapters/{carrier.slug}.py", source)

    @every_carrier
    def test_docs(self, carrier):
        """``DOCS`` leads to the governing documentation."""
        parts = urlsplit(carrier.docs)

        assert "https" == parts.scheme
        assert parts.hostname

    @every_carrier
    def test_reply(self, carrier):
        """Success is a 2xx; an unreadable body gets 200 or 422 and nothing else."""
        assert 200 <= carrier.reply.success < 300
        assert carrier.reply.unreadable in (200, 422)

    @every_carrier
    def test_auth(self, carrier):
        """There is a way to prove the sender, and no two ways that an endpoint's settings could not tell apart."""
        meanings = [(scheme.kind, scheme.credential_headers) for scheme in carrier.auth]

        assert meanings
        assert len(meanings) == len(set(meanings))

    @every_carrier
    def test_auth_fails_closed(self, carrier):
        """An empty request proves nothing under any scheme."""
        empty = Request(method="POST", path="/", headers={}, body=b"", received_at=datetime(2026, 1, 1, tzinfo=UTC))

        for scheme in carrier.auth:
            with pytest.raises(NotAuthentic):
                scheme.check(empty, ["user:password", "key"])


class TestSchema:
    @every_carrier
    def test_open(self, carrier):
        """The schema is JSON Schema 2020-12, lets unknown fields pass, and leaves formats to the adapter."""
        assert "https://json-schema.org/draft/2020-12/schema" == carrier.schema["$schema"]
        check_schema(carrier.schema, carrier.slug)
        for keywords in _schemas(carrier.schema):
            assert "format" not in keywords
            assert keywords.get("additionalProperties") is not False
            assert keywords.get("unevaluatedProperties") is not False


def _schemas(schema: object) -> Iterator[dict]:
    """The schema and all inside it, as keywords; the names under ``properties`` and its like are no keywords."""
    if isinstance(schema, list):
        for inner in schema:
            yield from _schemas(inner)
    if isinstance(schema, dict):
        yield schema
        for keyword, inner in schema.items():
            if keyword in ("properties", "patternProperties", "$defs", "dependentSchemas"):
                yield from _schemas(list(inner.values()))
            elif keyword not in ("const", "enum", "default", "examples"):
                yield from _schemas(inner)


class TestRecordings:
    @every_carrier
    def test_enough(self, carrier):
        """At least four recordings: a dispatch, a delivery and something ignored among them."""
        told = [said for one in cases(carrier) if one.outcome == "accepted" for said in one.expected["shipments"]]

        assert len(cases(carrier)) >= 4
        if carrier.slug in NUMBERS_ONLY:
            assert [] == [said for said in told if Status(said["status"]).in_possession or said.get("dispatched_at")]
        else:
            undated = UNDERWAY if carrier.slug in UNDATED else (Status.DISPATCHED,)
            assert [said for said in told if said["status"] in undated or said.get("dispatched_at")]
            assert [said for said in told if said["status"] == Status.DELIVERED]
        ignored = [one for one in cases(carrier) if one.outcome == "ignored" and one.expected["ignored"]]
        assert (carrier.slug in ALL_NEWS) is not bool(ignored)

    def test_no_strangers(self):
        """Every folder with recordings belongs to a carrier: a misspelt one would be tested by no one."""
        assert {path.parent.name for path in HOME.rglob("*.http")} <= set(HELD)

    @every_recording
    def test_says(self, path):
        """A recording says where it comes from, which carrier sent it, and what it is signed with."""
        expected = load(path).expected

        assert worth(expected["source"])
        assert path.parent.name == expected["endpoint"]["carrier"]
        assert expected["endpoint"]["secrets"]
        assert case(path).carrier.slug == path.parent.name

    @every_recording
    def test_reply(self, path):
        """The reply that a recording expects is the one its carrier declares."""
        one = case(path)
        unreadable = one.outcome == "quarantined"

        assert one.expected["reply"]["status"] == (one.endpoint.unreadable if unreadable else one.carrier.reply.success)

    @every_recording
    def test_no_credentials(self, path):
        """No credential lies in a recording: headers, query and secret fields are redacted, the secret is nowhere."""
        one = case(path)
        names = {name for scheme in one.carrier.auth for name in scheme.credential_headers}
        queried = {scheme.name for scheme in one.carrier.auth if scheme.kind == "query"}
        payload = one.carrier.decode(one.request) if one.carrier.secret_fields else None

        assert {REDACTED} >= {value for name, value in one.request.headers.items() if name in names}
        assert {REDACTED} >= {value for name, value in parse_qsl(one.request.query) if name in queried}
        assert {REDACTED, None, ""} >= {_field(payload, dotted) for dotted in one.carrier.secret_fields}
        for secret in one.endpoint.secrets:
            assert secret.encode() not in path.read_bytes()


def _field(payload: object, dotted: str) -> object:
    return reduce(lambda node, name: node.get(name) if isinstance(node, dict) else None, dotted.split("."), payload)


class TestConversion:
    @every_recording
    def test_exact(self, path):
        """The recording converts to exactly what it expects, nothing more and nothing less."""
        one = case(path)
        if one.outcome == "probe":
            assert one.carrier.probe.matches(one.request)
        elif one.outcome == "ignored":
            with pytest.raises(Ignored) as ignored:
                one.carrier.convert(one.request)
            assert one.expected["ignored"] == ignored.value.reason
        elif one.outcome == "quarantined":
            assert_quarantined(one)
        else:
            told = one.shipments()
            assert one.expected["shipments"] == [shipment_to_json(shipment) for shipment in told]
            assert [] == (list(unsound(told)) if told else [])

    @every_recording
    def test_pure(self, path):
        """Converting twice gives the same, and leaves the payload as it was."""
        one = case(path)
        first, second = answer(one.carrier, one.request), answer(one.carrier, one.request)

        assert first == second
        if isinstance(first, tuple):
            payload, _ = first
            assert one.carrier.decode(one.request) == payload


class TestProof:
    @every_recording
    def test_accepted(self, path):
        """Signed with any of its secrets, the recording is proven."""
        one = case(path)

        for secret in one.endpoint.secrets:
            one.endpoint.scheme.check(one.endpoint.scheme.sign(one.request, secret), one.endpoint.secrets)

    @every_recording
    def test_other_secret(self, path):
        """Signed with another secret, it is not."""
        one = case(path)

        with pytest.raises(NotAuthentic):
            one.endpoint.scheme.check(one.signed, [another(secret) for secret in one.endpoint.secrets])

    @every_recording
    def test_no_credential(self, path):
        """Without a credential it is not, nor with the redacted one."""
        one = case(path)

        for request in (one.bare, one.request):
            with pytest.raises(NotAuthentic):
                one.endpoint.scheme.check(request, one.endpoint.secrets)

    @every_recording
    def test_altered_body(self, path):
        """Where the scheme signs the body, one changed byte anywhere breaks the proof."""
        one, scheme = case(path), case(path).endpoint.scheme
        signed, body = one.signed, one.signed.body
        if scheme.sign(replace(one.request, body=body + b" "), one.endpoint.secrets[0]).headers == signed.headers:
            assert "hmac" != scheme.kind or getattr(scheme, "message", whole_body) is not whole_body
            return  # it proves the sender, not what was sent

        for at, byte in enumerate(body):
            with pytest.raises(NotAuthentic):
                scheme.check(replace(signed, body=body[:at] + bytes([byte ^ 1]) + body[at + 1 :]), one.endpoint.secrets)

    @every_recording
    def test_no_probe(self, path):
        """A real event is never mistaken for a probe. Without its credential only one that asks nothing may be one."""
        one = case(path)
        if one.carrier.probe is None or one.outcome == "probe":
            return

        assert not one.carrier.probe.matches(one.signed)
        assert one.outcome == "ignored" or not one.carrier.probe.matches(one.bare)


class TestDamage:
    """Whatever arrives, the outcome is sound shipments or a named refusal, never a crash and never half a fact."""

    @every_carrier
    def test_damaged(self, carrier):
        """Every field in turn removed, nulled and garbled, once for each outcome that it takes part in; both checks of
        the schema always agree."""
        tried, faults = set(), []
        for one in cases(carrier):
            for request in (one.request, *one.answers.values()):
                payload = json_or_nothing(request.body)
                both = BothChecks(carrier, own_carriers.folder, payload)
                for place in places(payload):
                    if (what := (request.fetched, field_of(place), one.ending)) in tried:
                        continue
                    tried.add(what)
                    for value in (GONE, *GARBLED):
                        changed = damaged(payload, place, value)
                        sent = replace(request, body=json.dumps(changed).encode())
                        fault = both.disagreement(sent, changed) or crash(carrier, sent)
                        if fault:
                            named = "removed" if value is GONE else f"= {value!r:.40}"
                            faults.append(f"{one.name}: {place} {named}: {fault}")

        assert [] == faults[:20]

    @every_recording
    def test_cut_short(self, path):
        """A body that breaks off anywhere is refused by name, whatever its format."""
        one = case(path)
        faults = [crash(one.carrier, replace(one.request, body=one.request.body[:end])) for end in range(0, 2000, 7)]

        assert [] == [fault for fault in faults if fault]

    @every_carrier
    def test_no_payload(self, carrier):
        """A body that is no payload is refused by name and never read as shipments."""
        first = cases(carrier)[0].request
        request = replace(first, query="") if carrier.query else first  # there the message is
        found = {name: self._of_no_payload(carrier, replace(request, body=body)) for name, body in NO_PAYLOAD.items()}

        assert dict.fromkeys(NO_PAYLOAD, (True, None)) == found

    @staticmethod
    def _of_no_payload(carrier, request):
        return isinstance(answer(carrier, request), str), crash(carrier, request)


def another(secret: str) -> str:
    """A secret that is not this one and is written in the same way: in hex, in base64, in PEM, or as any text."""
    if "-----BEGIN" in secret:
        return _another_key()
    middle = len(secret) // 2
    return secret[:middle] + ("1" if secret[middle] == "0" else "0") + secret[middle + 1 :]


@cache
def _another_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kind, written = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    return key.private_bytes(written, kind, serialization.NoEncryption()).decode()


def assert_quarantined(one: Case) -> None:
    """Refused by name, all of it or, where the recording expects shipments, those members that are bad."""
    if "shipments" not in one.expected:
        with pytest.raises(Unreadable):
            one.carrier.convert(one.request)
        return
    conversion = one.carrier.convert(one.request)
    assert conversion.refused
    assert one.expected["shipments"] == [shipment_to_json(shipment) for shipment in conversion.shipments]


def converted(carrier: Carrier, request: Request) -> Conversion:
    """The request's conversion; of an answer that was fetched, nothing where it asks nothing of us."""
    try:
        return carrier.convert(request)
    except Ignored:
        if not request.fetched:
            raise
        return Conversion(payload=None, parcels=[], refused=[])


def answer(carrier: Carrier, request: Request) -> tuple[object, list[Shipment]] | str:
    """What the carrier makes of the request: payload and shipments, or the sentence with which it declines."""
    try:
        conversion = carrier.convert(request)
        return conversion.payload, conversion.shipments
    except (Ignored, Unreadable) as declined:
        return f"{type(declined).__name__}: {declined}"


def json_or_nothing(body: bytes) -> object:
    """The payload to damage field by field; a body in another format has no such fields."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def field_of(place: tuple) -> tuple:
    """The field at a place: the same one in each item of a list."""
    return tuple("*" if isinstance(name, int) else name for name in place)


def places(node: object, above: tuple = ()) -> Iterator[tuple]:
    """Every value inside a JSON tree by its place; of a long list the first three stand for all."""
    inside = node.items() if isinstance(node, dict) else enumerate(node[:3]) if isinstance(node, list) else ()
    for name, inner in inside:
        yield (*above, name)
        yield from places(inner, (*above, name))
