"""How one merchant writes the order, which store it is of, and that it is a return, into a carrier's fields: rules,
tried in order."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.functions import Functions

from adapters import Reference, ReferenceKind, Shipment, text
from adapters._values import MAX_TEXT


class BadRule(Exception):
    """A rule cannot work; the message says which part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """``path`` (JMESPath) finds texts in the payload, ``pattern`` cuts them (group 1, else the whole match). A pattern
    meets no text of more than 500 characters."""

    path: str
    pattern: re.Pattern[str] | None = None

    def found(self, payload: Any) -> list[Any]:
        """What stands at the path, of any type."""
        try:
            found = jmespath.compile(self.path).search(payload)
        except JMESPathTypeError:  # a function met another type than it takes: this payload lacks the field
            return []
        return found if isinstance(found, list) else [found]

    def match(self, written: str) -> re.Match[str] | None:
        """Where the pattern fits; nowhere in a text that is too long for a reference: `re` may need minutes for it."""
        return self.pattern.search(written) if self.pattern and len(written) <= MAX_TEXT else None

    def hits(self, payload: Any) -> list[str]:
        """The distinct texts found, in the payload's order. Raises `adapters.Unreadable` for unfit text."""
        hits: dict[str, None] = {}
        for candidate in self.found(payload):
            if isinstance(candidate, bool) or not isinstance(candidate, str | int):
                continue
            written = str(candidate).strip()
            match = self.match(written)
            if self.pattern and not match:
                continue
            hit = match.group(1) if match and match.re.groups else match.group() if match else written
            checked = text(hit, f"$.{self.path}")
            if checked:
                hits[checked] = None
        return list(hits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Finder):
    """What it finds names the order or invoice, as ``kind`` says. ``template`` puts back what the carrier cut off:
    ``{}`` in it stands for what was found."""

    kind: ReferenceKind
    template: str | None = None

    @classmethod
    def parse(cls, path: str, kind: str, pattern: str | None = None, template: str | None = None) -> "Rule":
        """Raises `BadRule`."""
        kinds = [str(known) for known in ReferenceKind]
        if kind not in kinds:
            raise BadRule(f"is = {kind!r} is none of {', '.join(kinds)}")
        if template is not None and template.count("{}") != 1:
            raise BadRule(f"template {template!r} must hold {{}} once, for what the rule finds")
        return cls(path=_path(path), kind=ReferenceKind(kind), pattern=_pattern(pattern), template=template)

    def names(self, payload: Any) -> list[str]:
        """What the hits name, in the merchant's own writing. Raises `adapters.Unreadable`."""
        return [self.template.replace("{}", hit) if self.template else hit for hit in self.hits(payload)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRule(Finder):
    """A parcel in whose payload it finds anything is of the VTEX account ``account``."""

    account: str

    @classmethod
    def parse(cls, path: str, account: str, pattern: str | None = None) -> "AccountRule":
        """Raises `BadRule`."""
        return cls(path=_path(path), account=account, pattern=_pattern(pattern))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseRule(Finder):
    """A parcel in whose payload it finds a text, or a plain ``true``, is a return or an exchange."""

    @classmethod
    def parse(cls, path: str, pattern: str | None = None) -> "ReverseRule":
        """Raises `BadRule`."""
        return cls(path=_path(path), pattern=_pattern(pattern))

    def marks(self, payload: Any) -> bool:
        """Raises `adapters.Unreadable`."""
        if self.pattern is None and any(found is True for found in self.found(payload)):
            return True
        return bool(self.hits(payload))


def _path(path: str) -> str:
    try:
        unknown = _functions(jmespath.compile(path).parsed) - Functions.FUNCTION_TABLE.keys()
    except JMESPathError as error:
        raise BadRule(f"path {path!r} is not JMESPath: {str(error).splitlines()[0]}") from None
    if unknown:
        raise BadRule(f"path {path!r} uses {', '.join(sorted(unknown))}, which JMESPath does not have")
    return path


def _pattern(pattern: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern) if pattern else None
    except re.error as error:
        raise BadRule(f"pattern {pattern!r} is not a regular expression: {error}") from None


def _functions(tree: Mapping[str, Any]) -> set[str]:
    """The names of the functions that a parsed JMESPath calls."""
    names = {tree["value"]} if tree["type"] == "function_expression" else set[str]()
    return names.union(*(_functions(child) for child in tree["children"] if isinstance(child, dict)))


def refer(shipment: Shipment, payload: Any, rules: tuple[Rule, ...]) -> tuple[Reference, ...]:
    """The shipment's references under the merchant's rules.

    The first rule of a kind that hits speaks for that kind; a kind with rules is never taken from the adapter's own
    reading, which the merchant has overruled. Two hits are both kept: two names for one thing are for a person.
    """
    ruled = {rule.kind for rule in rules}
    kept = [reference for reference in shipment.references if reference.kind not in ruled]
    if ReferenceKind.INVOICE_NUMBER in ruled:
        kept = [reference for reference in kept if reference.kind != ReferenceKind.INVOICE_SERIES]
    answered: set[ReferenceKind] = set()
    for rule in rules:
        if rule.kind in answered:
            continue
        names = rule.names(payload)
        if names:
            answered.add(rule.kind)
            kept.extend(Reference(rule.kind, name) for name in names)
    return tuple(kept)


def account_of(payload: Any, rules: Sequence[AccountRule]) -> str | None:
    """The account that the first rule which finds anything names; ``None`` where none does. Raises
    `adapters.Unreadable`."""
    return next((rule.account for rule in rules if rule.hits(payload)), None)
