"""The only user of jsonschema: turns the schemas in ``schemas/`` into validators that report a JSON path."""

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match

from adapters import Unreadable

Validator = Callable[[Any], None]


#: Faults among which the worst is looked for: a payload that is wrong ten thousand times is wrong.
_MOST_FAULTS = 50


class BadSchema(Exception):
    """A schema file is missing or is not JSON Schema 2020-12."""


@cache
def validator(name: str, definition: str | None = None, *, folder: Path | None = None) -> Validator:
    """A function that raises `Unreadable` with the JSON path of the worst fault, if any; with a ``definition``, for
    that one of the schema's ``$defs``.

    Raises `BadSchema` if ``schemas/<name>.json`` is missing, broken, or lacks the definition.
    """
    schema = document(name, folder=folder)
    if definition is not None:
        if definition not in schema.get("$defs", {}):
            raise BadSchema(f"{_file(name, folder)} lacks $defs.{definition}")
        schema = {"$schema": schema.get("$schema"), "$defs": schema["$defs"], "$ref": f"#/$defs/{definition}"}
    if folder is not None:  # a test checks the built-in ones: checking forty at every start would be slow
        check_schema(schema, _file(name, folder))
    checker = Draft202012Validator(schema)

    def check(payload: Any) -> None:
        if checker.is_valid(payload):
            return
        worst = best_match(islice(checker.iter_errors(payload), _MOST_FAULTS))
        if worst is not None:
            raise Unreadable(worst.json_path, _sentence(worst))

    return check


def faults(name: str, payload: Any) -> list[Unreadable]:
    """All faults of ``payload``, in the order of the schema. Each says what is expected, if the schema describes it.
    Raises `BadSchema`."""
    errors = Draft202012Validator(document(name)).iter_errors(payload)
    # Each missing member is an error, but those of one place make one sentence.
    return [Unreadable(*fault) for fault in dict.fromkeys((error.json_path, _expected(error)) for error in errors)]


def _expected(error: ValidationError) -> str:
    """The sentence for a person who wrote the payload: it names unexpected members."""
    if error.validator == "additionalProperties":
        known = cast("dict[str, Any]", error.schema)["properties"]
        strange = sorted(set(cast("dict[str, Any]", error.instance)) - set(known))
        return f"has {', '.join(map(repr, strange))}, which is not known here"
    described = cast("dict[str, Any]", error.schema).get("description")
    return f"{_sentence(error)}; expected: {described}" if described else _sentence(error)


def check_schema(schema: dict[str, Any], file: str) -> None:
    """Raises `BadSchema` if it is not JSON Schema 2020-12."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise BadSchema(f"{file}: {error.message}") from None


def document(name: str, *, folder: Path | None = None) -> dict[str, Any]:
    """The schema itself; the merchant's own from ``folder``. Raises `BadSchema`."""
    try:
        loaded: dict[str, Any] = json.loads(content(name, folder=folder))
    except ValueError as error:
        raise BadSchema(f"{_file(name, folder)} is not JSON: {error}") from None
    return loaded


def content(name: str, *, folder: Path | None = None) -> bytes:
    """The schema's file, byte for byte. Raises `BadSchema`."""
    home = folder or files("schemas")
    try:
        return home.joinpath(f"{name}.json").read_bytes()
    except FileNotFoundError:
        raise BadSchema(f"{_file(name, folder)} is missing") from None


def _file(name: str, folder: Path | None) -> str:
    return f"{folder or 'schemas'}/{name}.json"


def _sentence(error: ValidationError) -> str:
    """The fault without the payload, because a value may be an address."""
    if error.validator == "required":
        return f"lacks {_missing(error)}"
    if error.validator == "anyOf" and all(branch.validator == "required" for branch in error.context or ()):
        ways = dict.fromkeys(_missing(branch) for branch in error.context or ())
        return f"lacks {' or '.join(ways)}"
    if error.validator == "type":
        wanted = error.validator_value
        wanted = " or ".join(wanted) if isinstance(wanted, list) else wanted
        return f"is {_json_type(error.instance)}, expected {wanted}"
    if error.validator in ("enum", "const", "pattern", "minLength", "minItems", "maxLength", "minimum", "maximum"):
        return f"does not satisfy {error.validator} {error.validator_value!r}"
    return f"does not satisfy {error.validator}"


def _missing(error: ValidationError) -> str:
    """The members that ``required`` asks for and that are missing."""
    asked = cast("list[str]", error.validator_value)
    return ", ".join(repr(key) for key in asked if key not in cast("Any", error.instance))


def _json_type(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", dict: "object", list: "array", str: "string", int: "integer", float: "number"}
    return names.get(type(value), type(value).__name__)
