"""The one user of jsonschema: the schemas in ``schemas/`` as validators that answer with a JSON path."""

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match

from adapters import Unreadable

Validator = Callable[[Any], None]


class BadSchema(Exception):
    """A schema file is missing or is not JSON Schema 2020-12."""


@cache
def validator(name: str) -> Validator:
    """A function that passes or raises `Unreadable` with the JSON path of the worst fault.

    Raises `BadSchema` where ``schemas/<name>.json`` is missing or broken.
    """
    schema = document(name)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise BadSchema(f"schemas/{name}.json: {error.message}") from None
    checker = Draft202012Validator(schema)

    def check(payload: Any) -> None:
        if checker.is_valid(payload):
            return
        worst = best_match(checker.iter_errors(payload))
        if worst is not None:
            raise Unreadable(worst.json_path, _sentence(worst))

    return check


def faults(name: str, payload: Any) -> list[Unreadable]:
    """Everything that is wrong with ``payload``, in the order of the schema; each fault with what is expected there,
    where the schema describes it. Raises `BadSchema`.
    """
    found = Draft202012Validator(document(name)).iter_errors(payload)
    return [Unreadable(error.json_path, _expected(error)) for error in found]


def _expected(error: ValidationError) -> str:
    """The sentence for a person who wrote the payload himself: with the names that are too many."""
    if error.validator == "additionalProperties":
        known = cast("dict[str, Any]", error.schema)["properties"]
        strange = sorted(set(cast("dict[str, Any]", error.instance)) - set(known))
        return f"has {', '.join(map(repr, strange))}, which is not known here"
    described = cast("dict[str, Any]", error.schema).get("description")
    return f"{_sentence(error)}; expected: {described}" if described else _sentence(error)


def document(name: str) -> dict[str, Any]:
    """The schema itself. Raises `BadSchema`."""
    try:
        content = files("schemas").joinpath(f"{name}.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadSchema(f"schemas/{name}.json is missing") from None
    try:
        loaded: dict[str, Any] = json.loads(content)
    except ValueError as error:
        raise BadSchema(f"schemas/{name}.json is not JSON: {error}") from None
    return loaded


def _sentence(error: ValidationError) -> str:
    """What is wrong, without the payload: a value may be somebody's address."""
    if error.validator == "required":
        missing = [key for key in cast("list[str]", error.validator_value) if key not in cast("Any", error.instance)]
        return f"lacks {', '.join(map(repr, missing))}"
    if error.validator == "type":
        wanted = error.validator_value
        wanted = " or ".join(wanted) if isinstance(wanted, list) else wanted
        return f"is {_json_type(error.instance)}, expected {wanted}"
    if error.validator in ("enum", "const", "pattern", "minLength", "minItems", "maxLength", "minimum", "maximum"):
        return f"does not satisfy {error.validator} {error.validator_value!r}"
    return f"does not satisfy {error.validator}"


def _json_type(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", dict: "object", list: "array", str: "string", int: "integer", float: "number"}
    return names.get(type(value), type(value).__name__)
