"""The rules of an endpoint that search a payload: each is a table with a JMESPath. Faults name the table."""

from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

from receiver.carriers.references import AccountRule, BadRule, ReverseRule, Rule, compiled
from receiver.config.tables import Table

T = TypeVar("T")


def references(table: Table) -> tuple[Rule, ...]:
    """``[[endpoints.x.references]]``: how the merchant writes the order."""

    def parse(rule: Table, path: str, pattern: str | None) -> Rule | None:
        said, template = rule.text("is"), rule.text("template", None)
        if said:
            return Rule.parse(path, said, pattern, template)
        compiled(path, pattern)  # what is wrong with the rest is told, too
        return None

    return tuple(_rules(table, "references", parse))


def accounts(table: Table, known: Collection[str]) -> tuple[AccountRule, ...]:
    """``[[endpoints.x.accounts]]``: which parcels belong to another one of the ``known`` accounts."""

    def parse(rule: Table, path: str, pattern: str | None) -> AccountRule | None:
        account = rule.text("is")
        if account and known and account not in known:
            rule.fault("", f"is = {account!r} has no [vtex.{account}] table")
        return AccountRule.parse(path, account or "", pattern)

    return tuple(_rules(table, "accounts", parse))


def reverse(table: Table) -> tuple[ReverseRule, ...]:
    """``[[endpoints.x.reverse]]``: what marks the label of a return or an exchange."""

    def parse(_: Table, path: str, pattern: str | None) -> ReverseRule:
        return ReverseRule.parse(path, pattern)

    return tuple(_rules(table, "reverse", parse))


def _rules(table: Table, key: str, parse: Callable[[Table, str, str | None], T | None]) -> Iterator[T]:
    for number, given in enumerate(table.list_of_tables(key)):
        rule = Table(given, f"{table.where}.{key}[{number}]", table.faults)
        path, pattern = rule.text("path"), rule.text("pattern", None)
        try:
            made = parse(rule, path or "@", pattern)
        except BadRule as error:
            for why in error.args:
                rule.fault("", why)
            made = None
        rule.finish()
        if made is not None and path:
            yield made
