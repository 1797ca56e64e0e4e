"""The compiled check of a schema passes what jsonschema passes, and decides nothing else."""

import sys
from functools import cache

import pytest

from adapters import Unreadable
from receiver.carriers.schema_check import compiled
from receiver.carriers.schema_faults import worst_fault
from receiver.carriers.schemas import validator


@cache
def blanks() -> list[str]:
    """Every character that Python counts as blank: a tenth of a second, and not of every collection."""
    return [chr(code) for code in range(0x110000) if chr(code).isspace()]


@pytest.mark.parametrize("pattern", [r"\S", r"^\s*tracker\.", r"^shipment\."])
def test_patterns(pattern):
    """A pattern means what it means to Python, where other dialects count other characters as blank."""
    schema = {"pattern": pattern}
    texts = [
        *blanks(),
        "\ufeff",
        "\u200b",
        "a",
        "",
        "tracker.",
        "tracker",
        "\x1ftracker.",
        "\ufefftracker.",
        "shipment.x",
    ]

    assert [worst_fault(schema, text) is None for text in texts] == [compiled(schema)(text) for text in texts]


@pytest.mark.parametrize(
    ("schema", "payload"),
    [
        ({"pattern": r"^\d$"}, "\u0663"),
        ({"pattern": "^a$"}, "a\n"),
        ({"patternProperties": {r"^\d": {"type": "string"}}}, {"\u0663": "a"}),
        ({"type": "string"}, "\ud800"),
    ],
)
def test_left_to_jsonschema(schema, payload):
    """What may mean something else to the compiled check is left to jsonschema, which passes it."""
    assert not compiled(schema)(payload)
    assert None is worst_fault(schema, payload)


def test_values_stay():
    """A value of a schema is no schema, even if it looks like one."""
    value = {"pattern": r"\S"}

    assert compiled({"const": value})(value)


@pytest.mark.parametrize(
    "schema", [{"type": "objekt"}, {"$ref": "#/$defs/none"}, {"$ref": "http://127.0.0.1:9/schema.json"}]
)
def test_broken(schema):
    """A schema that cannot be compiled passes nothing, and nothing is fetched for it."""
    assert not compiled(schema)({})


def test_without_it(monkeypatch):
    """Where `jsonschema_rs` is not installed, jsonschema decides alone."""
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    validator.cache_clear()
    check = validator("vtex_invoice")

    assert not compiled({})({})
    with pytest.raises(Unreadable, match="lacks"):
        check({})
    validator.cache_clear()
