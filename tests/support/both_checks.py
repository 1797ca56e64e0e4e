"""The compiled check of a schema and jsonschema, compared on a payload and on its damage."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.validators import extend

from adapters import Ignored, Request, Unreadable
from receiver.carriers import Carrier
from receiver.carriers.schema_check import compiled
from receiver.carriers.schemas import document

#: Halves of surrogates, as `repr` writes them. The compiled check cannot hold them, and leaves them to jsonschema.
_HALVES = re.compile(r"\\ud[89a-f]")
Check = Callable[[Any], bool]


class BothChecks:
    """Both checks by each schema of a carrier. Parts of ``payload`` that damage leaves as they are, jsonschema judges
    once: to judge all of it again for each damage would take most of the time."""

    def __init__(self, carrier: Carrier, folder: Path | None, payload: object) -> None:
        self._carrier = carrier
        judge = _Remembering(set(map(id, _nodes(payload)))).validator
        given = {None: carrier.check, "notice": carrier.check_notice, "member": carrier.check_member}
        self._checks: dict[str | None, tuple[Check, Check]] = {}
        for definition in [name for name, check in given.items() if check is not None]:
            schema = document(carrier.slug, definition, folder=folder)
            self._checks[definition] = compiled(schema), judge(schema).is_valid

    def disagreement(self, request: Request, damaged: object) -> str | None:
        """Where the two differ about a damaged payload that ``request`` holds."""
        payload = damaged if self._carrier.decode.__name__ == "_json_body" else self._decoded(request)
        for definition, checks in self._checks.items():
            members = [payload] if definition != "member" else self._members(payload)
            for differing in filter(None, (_difference(*checks, member) for member in members)):
                return f"{definition or 'schema'}: {differing}"
        return None

    def _decoded(self, request: Request) -> object:
        try:
            return self._carrier.decode(request)
        except Unreadable:
            return None

    def _members(self, payload: object) -> Iterable[object]:
        if self._carrier.split is None or not self._checks[None][0](payload):
            return []
        try:
            return [member for _, member in self._carrier.split(payload)]
        except (Ignored, Unreadable):
            return []


def _difference(passes: Check, judge: Check, payload: object) -> str | None:
    quick, sound = passes(payload), judge(payload)
    if quick and not sound:
        return "the compiled check passes what jsonschema refuses"
    if sound and not quick and not _HALVES.search(repr(payload)):
        return "the compiled check refuses what jsonschema passes"
    return None


class _Remembering:
    """jsonschema's validator, which judges an object by a schema once if the object's id is among ``kept``."""

    def __init__(self, kept: set[int]) -> None:
        self._kept, self._sound = kept, set[tuple[int, int]]()
        self.validator: Any = extend(Draft202012Validator, {"properties": self._properties, "items": self._items})

    def _judged(self, validator: Any, inner: object, schema: object) -> Iterator[Any]:
        if (key := (id(inner), id(schema))) in self._sound:
            return
        failed = False
        for error in validator.descend(inner, schema):
            failed = True
            yield error
        if not failed and id(inner) in self._kept:
            self._sound.add(key)

    def _properties(self, validator: Any, schemas: dict[str, Any], instance: object, _: Any) -> Iterator[Any]:
        if isinstance(instance, dict):
            for name in schemas.keys() & instance.keys():
                yield from self._judged(validator, instance[name], schemas[name])

    def _items(self, validator: Any, schema: Any, instance: object, beside: dict[str, Any]) -> Iterator[Any]:
        if isinstance(instance, list):
            for inner in instance[len(beside.get("prefixItems", ())) :]:
                yield from self._judged(validator, inner, schema)


def _nodes(node: object) -> Iterator[object]:
    yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(inner)
