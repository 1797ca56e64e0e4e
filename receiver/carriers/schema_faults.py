"""The judge of payloads, and the only user of jsonschema: names a fault by its JSON path and in a sentence."""

from itertools import islice
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match

from adapters import Unreadable

#: Faults among which the worst is looked for: a payload that is wrong ten thousand times is wrong.
_MOST_FAULTS = 50


def worst_fault(schema: dict[str, Any], payload: Any) -> Unreadable | None:
    """The fault that says most; ``None``: the payload is as the schema asks."""
    worst = best_match(islice(Draft202012Validator(schema).iter_errors(payload), _MOST_FAULTS))
    return None if worst is None else Unreadable(worst.json_path, _sentence(worst))


def all_faults(schema: dict[str, Any], payload: Any) -> list[Unreadable]:
    """All faults, in the order of the schema. Each says what is expected, if the schema describes it."""
    errors = Draft202012Validator(schema).iter_errors(payload)
    # Each missing member is an error, but those of one place make one sentence.
    return [Unreadable(*fault) for fault in dict.fromkeys((error.json_path, _expected(error)) for error in errors)]


def fault_of_schema(schema: dict[str, Any]) -> str | None:
    """Why it is not JSON Schema 2020-12; ``None``: it is."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return error.message
    return None


def _expected(error: ValidationError) -> str:
    """The sentence for a person who wrote the payload: it names unexpected members."""
    if error.validator == "additionalProperties":
        known = cast("dict[str, Any]", error.schema)["properties"]
        strange = sorted(set(cast("dict[str, Any]", error.instance)) - set(known))
        return f"has {', '.join(map(repr, strange))}, which is not known here"
    described = cast("dict[str, Any]", error.schema).get("description")
    return f"{_sentence(error)}; expected: {described}" if described else _sentence(error)


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
