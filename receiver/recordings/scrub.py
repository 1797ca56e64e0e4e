"""PURE: a request without personal data. The body keeps only what we use: the fields that the carrier's schema names,
and the texts that the merchant's reference rules find."""

import json
import re
from dataclasses import replace
from typing import Any

from adapters import Request, Unreadable
from receiver.carriers import Carrier
from receiver.carriers.references import Finder
from receiver.intake.redaction import KEPT_HEADERS, REDACTED

#: Headers that say something about the format; every other one may say something about a person.
#: The name of a field, as opposed to a person's address or telephone number that serves as a key.
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,60}", re.ASCII)


def scrubbed(request: Request, carrier: Carrier, rules: tuple[Finder, ...] = ()) -> Request:
    """The request with ``"[redacted]"`` for every value that neither the carrier's schema names nor a finder finds."""
    kept = (*KEPT_HEADERS, *carrier.headers)
    headers = {name: value for name, value in request.headers.items() if name in kept}
    proof = carrier.probe.unless_headers if carrier.probe else ()  # without it, a signed message would be a probe
    headers |= {name: REDACTED for name in proof if name in request.headers}
    if carrier.query and not request.body:
        return replace(request, headers=headers)
    try:
        payload = _payload(request, carrier)
        body = carrier.encode(_Scrubber(payload, carrier, rules).scrubbed)
    except (Unreadable, ValueError, RecursionError):
        body = REDACTED.encode()
    return replace(request, headers=headers, body=body)


def _payload(request: Request, carrier: Carrier) -> Any:
    """The payload. If the strict decoder refuses it, it is scrubbed anyway, because a person may want to look at it."""
    try:
        return carrier.decode(request)
    except Unreadable:
        return json.loads(request.body)


class _Scrubber:
    """Scrubs one payload."""

    def __init__(self, payload: Any, carrier: Carrier, rules: tuple[Finder, ...]) -> None:
        members = _members(payload, carrier)
        spoken = members if carrier.split else [payload]
        hits = [(finder, [hit for one in spoken for hit in _hits(finder, one)]) for finder in rules]
        self._found = [(finder, found) for finder, found in hits if found]
        # A member is recognised by identity: `split` returns the same objects that are in the payload.
        self._members = {id(member) for member in members}
        self._member = _expanded(carrier.schema.get("$defs", {}).get("member", {}), carrier.schema)
        whole = [carrier.schema, *(carrier.schema["$defs"][name] for name in ("notice",) if carrier.notice)]
        self.scrubbed = self.known(payload, {"allOf": [_expanded(schema, carrier.schema) for schema in whole]})

    def known(self, value: Any, schema: dict[str, Any]) -> Any:
        """A value that the schema names, without its unnamed parts."""
        if id(value) in self._members:
            schema = {"allOf": [schema, self._member]}
        if isinstance(value, dict):
            named = _properties(schema)
            return {
                name if name in named or _NAME.fullmatch(name) else REDACTED: self.known(item, named[name])
                if name in named
                else self.unknown(item)
                for name, item in value.items()
            }
        if isinstance(value, list):
            items = _items(schema)
            if any(id(item) in self._members for item in value):  # items beside members are of the same kind
                items = self._member if items is None else {"allOf": [items, self._member]}
            return [self.unknown(item) if items is None else self.known(item, items) for item in value]
        return value

    def unknown(self, value: Any) -> Any:
        """A value that the schema does not name: redacted, except for what a rule finds in it."""
        if id(value) in self._members:
            return self.known(value, self._member)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, dict | list) and (self._found or self._members):
            inner = self.known(value, {})
            return inner if _holds_more(inner) else REDACTED
        return self._reference(str(value).strip()) or REDACTED

    def _reference(self, written: str) -> str | None:
        """The part of the text that a rule needs to find its reference again."""
        for finder, hits in self._found:
            match = finder.match(written)
            if match and (match.group(1) if match.re.groups else match.group()) in hits:
                return match.group()
            if finder.pattern is None and written in hits:
                return written
        return None


def _members(payload: Any, carrier: Carrier) -> list[Any]:
    """The members of a message that can be split, if they are objects: its parts, or the whole message."""
    if carrier.split is None:
        return []
    try:
        carrier.check(payload)
        parts = [(path, member) for path, member in carrier.split(payload) if isinstance(member, dict)]
        return [payload if path == "$" else member for path, member in parts]
    except Unreadable:
        return []


def _hits(finder: Finder, payload: Any) -> list[str]:
    try:
        return finder.hits(payload)
    except Unreadable:
        return []


def _holds_more(value: Any) -> bool:
    """Whether any text besides ``[redacted]`` is left."""
    if isinstance(value, dict):
        return any(_holds_more(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_more(item) for item in value)
    return isinstance(value, str) and value != REDACTED


def _expanded(schema: Any, root: dict[str, Any]) -> Any:
    """The schema with its local references (``#/$defs/…``) expanded. Ours are never recursive."""
    if isinstance(schema, list):
        return [_expanded(item, root) for item in schema]
    if not isinstance(schema, dict):
        return schema
    written = {name: _expanded(item, root) for name, item in schema.items() if name not in ("$ref", "$defs")}
    if "$ref" in schema:
        definition = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        written["allOf"] = [*written.get("allOf", ()), _expanded(definition, root)]
    return written


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    """Every property that the schema or any of its branches names."""
    found: dict[str, Any] = dict(schema.get("properties", {}))
    for branch in _branches(schema):
        for name, inner in _properties(branch).items():
            found[name] = {"allOf": [found[name], inner]} if name in found else inner
    return found


def _items(schema: dict[str, Any]) -> dict[str, Any] | None:
    if isinstance(schema.get("items"), dict):
        items: dict[str, Any] = schema["items"]
        return items
    return next((found for branch in _branches(schema) if (found := _items(branch)) is not None), None)


def _branches(schema: dict[str, Any]) -> list[dict[str, Any]]:
    nested = [*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    nested += [schema[name] for name in ("if", "then", "else") if name in schema]
    return [branch for branch in nested if isinstance(branch, dict)]
