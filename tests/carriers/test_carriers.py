"""Carriers are found, not listed: what is in ``adapters/`` loads whole, or the boot stops with its name."""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

import adapters
from adapters import Header, Ignored, Probe, Reply, Request, Shipment, Status, Unreadable
from receiver import carriers
from receiver.carriers import BrokenCarriers, Conversion, available, discover, load, schemas
from receiver.carriers.registry import _REQUIRED
from receiver.carriers.schemas import BadSchema, document, validator
from receiver.config import load as load_config

TOY = """
from adapters import Header, Reply, Shipment, Status
NAME, DOCS, AUTH, REPLY, REFERENCES = "Toy", "https://toy.example", (Header("x"),), Reply(), ()
PROBE = RETRIES = ZONE = TRACKING_PAGE = None
def read(payload, request):
    return [Shipment(key=payload["data"]["id"], status=Status.DISPATCHED)]
"""


GONE = object()


@pytest.fixture
def adapters_here(monkeypatch, tmp_path):
    """A folder of adapters beside the real ones, and schemas that are looked for in another folder."""
    monkeypatch.setattr(adapters, "__path__", [*adapters.__path__, str(tmp_path)])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    available.cache_clear()
    yield tmp_path
    available.cache_clear()
    for name in [name for name in sys.modules if name.startswith("adapters.toy")]:
        del sys.modules[name]


def module(**changes) -> ModuleType:
    made = ModuleType("adapters.toy")
    plain = {
        "NAME": "Toy", "DOCS": "https://toy.example", "AUTH": (Header("x"),), "REPLY": Reply(), "PROBE": None,
        "RETRIES": None, "ZONE": None, "TRACKING_PAGE": None, "REFERENCES": (), "read": lambda payload, request: [],
    }  # fmt: skip
    for name, value in {**plain, **changes}.items():
        if value is not GONE:
            setattr(made, name, value)
    return made


def test_discovered():
    """Every module is a carrier under its own name, in alphabetical order, but for those that begin with "_"."""
    modules = sorted(file.stem for file in Path(adapters.__file__).parent.glob("*.py"))

    assert [name for name in modules if not name.startswith("_")] == list(discover())
    assert list(discover()) == [carrier.slug for carrier in discover().values()]


def test_found_without_a_list(adapters_here):
    """A module that appears is looked for at once; one that lacks its schema stops the boot."""
    (adapters_here / "toy.py").write_text(TOY)

    with pytest.raises(BrokenCarriers, match=r"^adapters/toy\.py: schemas/toy\.json is missing$"):
        discover()


def test_all_faults_at_once(adapters_here):
    """Every module that does not load is named with its fault; none is passed over in silence."""
    (adapters_here / "toy_syntax.py").write_text("def read(:")
    (adapters_here / "toy_import.py").write_text("import no_such_package")
    (adapters_here / "toy_empty.py").write_text("")
    with pytest.raises(BrokenCarriers) as caught:
        discover()

    empty, unimportable, broken = str(caught.value).splitlines()
    assert f"adapters/toy_empty.py lacks {', '.join(_REQUIRED)}" == empty
    assert unimportable.startswith("adapters/toy_import.py does not load: ModuleNotFoundError: ")
    assert broken.startswith("adapters/toy_syntax.py does not load: SyntaxError: ")


def test_loaded_on_demand(adapters_here, tmp_path):
    """A short command loads the carriers that it needs, and no other one stops it; a server loads all."""
    (adapters_here / "toy.py").write_text("")
    path = tmp_path / "receiver.toml"
    path.write_text('[vtex.lux]\napp_key = "k"\napp_token = "t"\n[endpoints.frenet]\nsecrets = ["s3cret"]\n')
    config = load_config(path, {}, every_carrier=False)

    assert "frenet" == config.endpoints["frenet"].carrier.slug
    assert "toy" in config.carriers
    for needs_it in (lambda: config.carriers["toy"], lambda: load_config(path, {})):
        with pytest.raises(BrokenCarriers, match=r"^adapters/toy\.py lacks NAME"):
            needs_it()


@pytest.mark.parametrize("name", _REQUIRED)
def test_lacking(name):
    """Each part of the contract is asked for by name."""
    with pytest.raises(BrokenCarriers, match=f"^adapters/ups.py lacks {name}$"):
        load("ups", module(**{name: GONE}))


def test_defaults():
    """Plain JSON, no event id and no secret fields, unless the module says otherwise."""
    plain = load("ups", module())
    special = load(
        "ups", module(decode=lambda request: {"a": 1}, event_id=lambda payload, request: "e1", SECRET_FIELDS=["token"])
    )
    request = Request(method="POST", path="/", headers={}, body=b'{"a": 2}', received_at=None)

    assert ({"a": 2}, None, ()) == (plain.decode(request), plain.event_id({}, request), plain.secret_fields)
    assert ({"a": 1}, "e1", ("token",)) == (
        special.decode(request),
        special.event_id({}, request),
        special.secret_fields,
    )


class TestShipments:
    @staticmethod
    def shipments(body: bytes, read) -> tuple:
        """What becomes of a body under a schema that wants an object."""

        def check(payload):
            if not isinstance(payload, dict):
                raise Unreadable("$", "is no object")

        carrier = replace(load("ups", module(read=read)), check=check)
        conversion = carrier.convert(Request(method="POST", path="/", headers={}, body=body, received_at=None))
        return conversion.payload, conversion.shipments

    def test_read(self):
        """The payload and what the adapter makes of it."""
        payload, found = self.shipments(
            b'{"id": "p1"}', lambda payload, request: [Shipment(key=payload["id"], status=Status.DISPATCHED)]
        )

        assert ({"id": "p1"}, ["p1"]) == (payload, [one.key for one in found])

    @pytest.mark.parametrize("body", [b"[]", b"{", b""])
    def test_unfit(self, body):
        """What is no JSON, or breaks the schema, is unreadable and never reaches the adapter."""
        with pytest.raises(Unreadable):
            self.shipments(body, lambda payload, request: pytest.fail("was read"))

    def test_ignored(self):
        """An adapter's refusal passes through."""

        def ignoring(payload, request):
            raise Ignored("a test")

        with pytest.raises(Ignored, match="a test"):
            self.shipments(b"{}", ignoring)


class TestMembers:
    @staticmethod
    def converted(*members: object) -> Conversion:
        """A message of several parcels, each wanting an ``id``; "no" and "never" as one are refused."""

        def check_member(member):
            if not isinstance(member, dict):
                raise Unreadable("$", "is no object")

        def read(member, request):
            if member["id"] == "no":
                raise Unreadable("$.id", "is refused")
            if member["id"] == "never":
                raise Ignored("asks nothing")
            return [Shipment(key=member["id"], status=Status.DISPATCHED)]

        def split(payload):
            return [(f"$.all[{n}]", one) for n, one in enumerate(payload["all"])]

        carrier = replace(
            load("frenet", module(read=read, split=split)), check=lambda _: None, check_member=check_member
        )
        body = json.dumps({"all": members}).encode()
        return carrier.convert(Request(method="POST", path="/", headers={}, body=body, received_at=None))

    def test_good_ones_live(self):
        """A bad member, by the schema or by the adapter, is named with its place; the good ones are taken."""
        conversion = self.converted({"id": "a"}, "bad", {"id": "no"}, {"id": "never"}, {"id": "b"})

        assert [("a", {"id": "a"}), ("b", {"id": "b"})] == [(one.key, member) for one, member in conversion.parcels]
        assert ["$.all[1]: is no object", "$.all[2].id: is refused"] == [str(one) for one in conversion.refused]

    def test_none_is_good(self):
        """Without a good member the message is refused, or ignored where none is bad."""
        with pytest.raises(Unreadable, match=r"^\$\.all\[1\]\.id: is refused$"):
            self.converted({"id": "never"}, {"id": "no"})
        with pytest.raises(Ignored, match="asks nothing"):
            self.converted({"id": "never"})
        with pytest.raises(Ignored, match="without any parcel"):
            self.converted()

    def test_schema_of_members(self):
        """Who splits needs a schema of a member."""
        with pytest.raises(BrokenCarriers, match=r"schemas/ups\.json lacks \$defs\.member"):
            load("ups", module(split=lambda payload: []))


@pytest.fixture
def schema_file(monkeypatch, tmp_path):
    """Schemas are looked for in a folder of the test's own."""
    monkeypatch.setattr(schemas, "files", lambda package: tmp_path)
    validator.cache_clear()
    yield lambda content: (tmp_path / "toy.json").write_text(content)
    validator.cache_clear()


class TestSchemas:
    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ("{", "is not JSON"),
            ('{"type": "objekt"}', "is not valid under any of the given schemas"),
            ('{"required": "id"}', "is not of type 'array'"),
        ],
    )
    def test_broken(self, tmp_path, content, why):
        """A merchant's schema that is no schema is named with its fault."""
        (tmp_path / "toy.json").write_text(content)

        with pytest.raises(BadSchema, match=f"^{tmp_path}/toy.json.*{why}"):
            validator("toy", folder=tmp_path)

    def test_missing(self):
        """So is one that is not there."""
        with pytest.raises(BadSchema, match=r"^schemas/nobody\.json is missing$"):
            document("nobody")

    @pytest.mark.parametrize(
        ("schema", "payload", "path", "why"),
        [
            ('{"required": ["id", "at"]}', {"at": 1}, "$", "lacks 'id'"),
            ('{"type": "object"}', None, "$", "is null, expected object"),
            ('{"type": ["object", "string"]}', True, "$", "is boolean, expected object or string"),
            ('{"properties": {"id": {"type": "string"}}}', {"id": 5}, "$.id", "is integer, expected string"),
            ('{"properties": {"id": {"type": "integer"}}}', {"id": 0.5}, "$.id", "is number, expected integer"),
            ('{"items": {"enum": ["a"]}}', ["a", "Rua das Flores 7"], "$[1]", "does not satisfy enum ['a']"),
            ('{"minItems": 1}', [], "$", "does not satisfy minItems 1"),
            ('{"not": {}}', "Rua das Flores 7", "$", "does not satisfy not"),
        ],
    )
    def test_sentences(self, schema_file, schema, payload, path, why):
        """A fault says where and what, and never quotes the payload: a value may be someone's address."""
        schema_file(schema)
        with pytest.raises(Unreadable) as caught:
            validator("toy")(payload)

        assert (path, why) == (caught.value.path, caught.value.why)

    def test_passes(self, schema_file):
        """What fits passes without a word."""
        schema_file('{"required": ["id"]}')

        assert None is validator("toy")({"id": 1})


def test_loading_is_done_once():
    """The carriers are loaded once for the life of the process."""
    assert discover() is carriers.discover()


class TestContract:
    """What an adapter cannot give out, whatever its code says."""

    def test_no_key(self):
        """A shipment without a key is a mistake of the adapter."""
        with pytest.raises(ValueError, match="needs a key"):
            Shipment(key="", status=Status.OTHER)

    @pytest.mark.parametrize("name", ["happened_at", "dispatched_at", "delivered_at"])
    def test_no_zone(self, name):
        """A time without a zone is no time."""
        with pytest.raises(ValueError, match=f"{name} has no zone"):
            Shipment(key="p", status=Status.OTHER, **{name: datetime(2026, 11, 10, 12)})

    @pytest.mark.parametrize("body", [b"{", b"[" * 1_900, b"[1]"])
    def test_no_challenge(self, body):
        """A body that is no JSON object holds no challenge."""
        probe = Probe(challenge="challenge")
        asked = Request(method="POST", path="/", query="", headers={}, body=body, received_at=datetime.now(UTC))

        assert (False, None) == (probe.matches(asked), probe.answer(asked))
