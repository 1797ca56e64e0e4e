"""PURE: a request without personal data: of the body only what we use survives, the fields that the carrier's schema
names and the texts that the merchant's reference rules find."""

import json
import re
from dataclasses import replace
from typing import Any

from adapters import Request, Unreadable
from receiver.carriers import discover
from receiver.recordings import REDACTED
from receiver.references import Rule
from receiver.schemas import document

#: Headers that say something about the format; every other one may say something about a person.
_KEPT_HEADERS = ("content-type", "user-agent", "as-webhook-version")
#: The name of a field, as opposed to somebody's address or telephone number that serves as a key.
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,60}", re.ASCII)


def scrubbed(request: Request, slug: str, rules: tuple[Rule, ...] = ()) -> Request:
    """The request with ``"[redacted]"`` for every value that neither the schema of ``slug`` names nor a rule finds."""
    headers = {name: value for name, value in request.headers.items() if name in _KEPT_HEADERS}
    try:
        payload = json.loads(request.body)
        schema = document(slug)
        if "notice" in schema.get("$defs", {}):
            schema = {**schema, "allOf": [*schema.get("allOf", ()), {"$ref": "#/$defs/notice"}]}
        member = _expanded(schema.get("$defs", {}).get("member", {}), schema)
        scrubber = _Scrubber(payload, rules, _members(payload, slug), member)
        body = json.dumps(scrubber.known(payload, _expanded(schema, schema))).encode()
    except (ValueError, RecursionError):
        body = REDACTED.encode()
    return replace(request, headers=headers, body=body)


class _Scrubber:
    """Goes through one payload; ``members`` are the parts of it that ``member`` is the schema of."""

    def __init__(self, payload: Any, rules: tuple[Rule, ...], members: list[Any], member: dict[str, Any]) -> None:
        self._members, self._member = {id(each) for each in members}, member
        self._found = [(rule, hits) for rule in rules if (hits := _hits(rule, payload))]

    def known(self, value: Any, schema: dict[str, Any]) -> Any:
        """A value that the schema names, without what it holds besides."""
        if isinstance(value, dict):
            named = _properties(self._member if id(value) in self._members else schema)
            return {
                name if name in named or _NAME.fullmatch(name) else REDACTED: self.known(item, named[name])
                if name in named
                else self.unknown(item)
                for name, item in value.items()
            }
        if isinstance(value, list):
            items = _items(schema)
            return [self.unknown(item) if items is None else self.known(item, items) for item in value]
        return value

    def unknown(self, value: Any) -> Any:
        """A value that the schema does not name: blank, but for what a rule finds in it."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, dict | list) and (self._found or self._members):
            inner = self.known(value, {})
            return inner if _holds_more(inner) else REDACTED
        return self._reference(str(value).strip()) or REDACTED

    def _reference(self, written: str) -> str | None:
        """As much of the text as the rule needs to find its reference again."""
        for rule, hits in self._found:
            match = rule.pattern.search(written) if rule.pattern else None
            if match and (match.group(1) if match.re.groups else match.group()) in hits:
                return match.group()
            if rule.pattern is None and written in hits:
                return written
        return None


def _members(payload: Any, slug: str) -> list[Any]:
    """The parts that the carrier's module splits the message into, where it does and can."""
    carrier = discover().get(slug)
    if carrier is None or carrier.split is None:
        return []
    try:
        carrier.check(payload)
    except Unreadable:
        return []
    return [member for _, member in carrier.split(payload)]


def _hits(rule: Rule, payload: Any) -> list[str]:
    try:
        return rule.hits(payload)
    except Unreadable:
        return []


def _holds_more(value: Any) -> bool:
    """Whether anything but blanks is left."""
    if isinstance(value, dict):
        return any(_holds_more(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_more(item) for item in value)
    return isinstance(value, str) and value != REDACTED


def _expanded(schema: Any, root: dict[str, Any]) -> Any:
    """The schema with its local references (``#/$defs/…``) put in place. Ours are never recursive."""
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
    """Every property the schema names, whichever of its branches does."""
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
