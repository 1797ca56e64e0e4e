"""Rules for how one merchant writes the order, its store, and a return into a carrier's fields. They are tried in
order."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.functions import Functions

from adapters import Reference, ReferenceKind, Shipment, text
from adapters._values import MAX_TEXT

#: The references that may name an order, in the order in which VTEX is asked for them.
ORDER_KINDS = (ReferenceKind.ORDER_ID, ReferenceKind.SEQUENCE, ReferenceKind.ORDER_GROUP)


class BadRule(Exception):
    """A rule is invalid; each of ``args`` says which part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """``path`` (JMESPath) finds texts in the payload, ``pattern`` cuts them (group 1, else the whole match). A pattern
    meets no text of more than 500 characters."""

    path: str
    pattern: re.Pattern[str] | None = None

    def found(self, payload: Any) -> list[Any]:
        """The values at the path, of any type."""
        try:
            found = _walk(self.path)(payload)
        except JMESPathTypeError:  # a function got a wrong type: this payload lacks the field
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
    """Finds references to the order or invoice; ``kind`` says to which. ``template`` restores what the carrier cut off:
    ``{}`` in it is replaced by the text found."""

    kind: ReferenceKind
    template: str | None = None

    @classmethod
    def parse(cls, path: str, kind: str, pattern: str | None = None, template: str | None = None) -> "Rule":
        """Raises `BadRule`."""
        kinds, wrong = [str(known) for known in ReferenceKind], list[str]()
        if kind not in kinds:
            wrong.append(f"is = {kind!r} is none of {', '.join(kinds)}")
        if template is not None and template.count("{}") != 1:
            wrong.append(f"template {template!r} must hold {{}} once, for what the rule finds")
        found = compiled(path, pattern, *wrong)
        return cls(path=path, kind=ReferenceKind(kind), pattern=found, template=template)

    def names(self, payload: Any) -> list[str]:
        """The references in the merchant's own notation. Raises `adapters.Unreadable`."""
        return list(dict.fromkeys(map(self._restored, self.hits(payload))))

    def beside(self, payload: Any) -> list[str]:
        """What stands where the rule points and is no part of a reference: what the pattern cuts off, and the texts
        that it does not fit. None of it is as long as a note."""
        if self.pattern is None:
            return []
        texts = [str(one).strip() for one in self.found(payload) if isinstance(one, str | int)]
        return [self._around(written) for written in texts if len(written) <= MAX_TEXT]

    def _around(self, written: str) -> str:
        match = self.match(written)
        if match is None:
            return written
        start, end = match.span(1 if match.re.groups else 0)
        return f"{written[: max(start, 0)]} {written[max(end, 0) :]}"

    def _restored(self, hit: str) -> str:
        """The text with what the carrier cut off; as it is where the carrier left it whole."""
        if self.template is None:
            return hit
        before, _, behind = self.template.partition("{}")
        is_whole = hit.startswith(before) and hit.endswith(behind) and len(hit) > len(before + behind) > 0
        return hit if is_whole else f"{before}{hit}{behind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRule(Finder):
    """If it finds anything in a payload, the parcel belongs to the VTEX account ``account``."""

    account: str

    @classmethod
    def parse(cls, path: str, account: str, pattern: str | None = None) -> "AccountRule":
        """Raises `BadRule`."""
        return cls(path=path, account=account, pattern=compiled(path, pattern))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseRule(Finder):
    """If it finds a text or a plain ``true`` in a payload, the parcel is a return or an exchange."""

    @classmethod
    def parse(cls, path: str, pattern: str | None = None) -> "ReverseRule":
        """Raises `BadRule`."""
        return cls(path=path, pattern=compiled(path, pattern))

    def marks(self, payload: Any) -> bool:
        """Raises `adapters.Unreadable`."""
        if self.pattern is None and any(found is True for found in self.found(payload)):
            return True
        return bool(self.hits(payload))


@lru_cache(maxsize=1024)
def _walk(path: str) -> Callable[[Any], Any]:
    """Leads from a payload to what JMESPath finds there. Nearly all paths are names and lists: those are walked without
    JMESPath, whose interpreter costs as much as the rest of a delivery's conversion."""
    expression = jmespath.compile(path)
    return _steps(expression.parsed) or expression.search


def _steps(tree: Mapping[str, Any]) -> Callable[[Any], Any] | None:
    """The steps of a parsed JMESPath; ``None`` if it has others than these."""
    if tree["type"] == "field":
        return partial(_member, name=tree["value"])
    way = {"subexpression": _through, "projection": _each}.get(tree["type"])
    if way is None:
        return None
    steps = [step for child in tree["children"] if (step := _steps(child))]
    return partial(way, steps=steps) if len(steps) == len(tree["children"]) else None


def _member(value: Any, *, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _through(value: Any, *, steps: Sequence[Callable[[Any], Any]]) -> Any:
    for step in steps:
        value = step(value)
    return value


def _each(value: Any, *, steps: Sequence[Callable[[Any], Any]]) -> list[Any] | None:
    to_list, from_item = steps
    items = to_list(value)
    if not isinstance(items, list):
        return None
    return [found for item in items if (found := from_item(item)) is not None]


def compiled(path: str, pattern: str | None, *wrong: str) -> re.Pattern[str] | None:
    """The pattern. Raises `BadRule` with all that is ``wrong``, what is of path and pattern behind the rest."""
    found, faults = None, [*wrong, *_faults_of(path)]
    try:
        found = re.compile(pattern) if pattern else None
    except re.error as error:
        faults.append(f"pattern {pattern!r} is not a regular expression: {error}")
    if faults:
        raise BadRule(*faults)
    return found


def _faults_of(path: str) -> Iterator[str]:
    try:
        unknown = _functions(jmespath.compile(path).parsed) - Functions.FUNCTION_TABLE.keys()
    except JMESPathError as error:
        yield f"path {path!r} is not JMESPath: {str(error).splitlines()[0]}"
    else:
        if unknown:
            yield f"path {path!r} uses {', '.join(sorted(unknown))}, which JMESPath does not have"


def _functions(tree: Mapping[str, Any]) -> set[str]:
    """The names of the functions that a parsed JMESPath calls."""
    names = {tree["value"]} if tree["type"] == "function_expression" else set[str]()
    return names.union(*(_functions(child) for child in tree["children"] if isinstance(child, dict)))


def refer(shipment: Shipment, payload: Any, rules: tuple[Rule, ...]) -> tuple[Reference, ...]:
    """The shipment's references under the merchant's rules.

    The first rule of a kind that finds something decides that kind. A kind with rules is never taken from the adapter,
    which the merchant has overruled. Two texts found are both kept: a person must choose.
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
    """The account of the first rule that finds anything; ``None`` if none does. Raises `adapters.Unreadable`."""
    return next((rule.account for rule in rules if rule.hits(payload)), None)
