"""The schemas in ``schemas/``, and the validators made of them.

A compiled check passes what is right. What it does not pass is judged by jsonschema, which names the fault.
"""

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from adapters import Unreadable
from receiver.carriers.schema_check import compiled

Validator = Callable[[Any], None]


class BadSchema(Exception):
    """A schema file is missing or is not JSON Schema 2020-12."""


@cache
def validator(name: str, definition: str | None = None, *, folder: Path | None = None) -> Validator:
    """A function that raises `Unreadable` with the JSON path of the worst fault, if any; with a ``definition``, for
    that one of the schema's ``$defs``.

    Raises `BadSchema` if ``schemas/<name>.json`` is missing, broken, or lacks the definition.
    """
    schema = document(name, definition, folder=folder)
    if folder is not None:  # a test checks the built-in ones: checking forty at every start would be slow
        check_schema(schema, _file(name, folder))
    passes = compiled(schema)

    def check(payload: Any) -> None:
        if passes(payload):
            return
        from receiver.carriers.schema_faults import worst_fault  # noqa: PLC0415  a slow import for what is rare

        if (worst := worst_fault(schema, payload)) is not None:
            raise worst

    return check


def faults(name: str, payload: Any) -> list[Unreadable]:
    """All faults of ``payload``, in the order of the schema. Each says what is expected, if the schema describes it.
    Raises `BadSchema`."""
    from receiver.carriers.schema_faults import all_faults  # noqa: PLC0415  see `validator`

    return all_faults(document(name), payload)


def check_schema(schema: dict[str, Any], file: str) -> None:
    """Raises `BadSchema` if it is not JSON Schema 2020-12."""
    from receiver.carriers.schema_faults import fault_of_schema  # noqa: PLC0415  see `validator`

    if (fault := fault_of_schema(schema)) is not None:
        raise BadSchema(f"{file}: {fault}")


def document(name: str, definition: str | None = None, *, folder: Path | None = None) -> dict[str, Any]:
    """The schema itself, or that one of its ``$defs``; the merchant's own from ``folder``. Raises `BadSchema`."""
    try:
        loaded: dict[str, Any] = json.loads(content(name, folder=folder))
    except ValueError as error:
        raise BadSchema(f"{_file(name, folder)} is not JSON: {error}") from None
    if definition is None:
        return loaded
    if definition not in loaded.get("$defs", {}):
        raise BadSchema(f"{_file(name, folder)} lacks $defs.{definition}")
    return {"$schema": loaded.get("$schema"), "$defs": loaded["$defs"], "$ref": f"#/$defs/{definition}"}


def content(name: str, *, folder: Path | None = None) -> bytes:
    """The schema's file, byte for byte. Raises `BadSchema`."""
    home = folder or files("schemas")
    try:
        return home.joinpath(f"{name}.json").read_bytes()
    except FileNotFoundError:
        raise BadSchema(f"{_file(name, folder)} is missing") from None


def _file(name: str, folder: Path | None) -> str:
    return f"{folder or 'schemas'}/{name}.json"
