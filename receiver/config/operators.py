"""``[operators.<name>]``: the people who may use the API, and what each may do."""

import re
from collections.abc import Mapping

from receiver.config.model import Person
from receiver.config.tables import Table

#: Characters that a token needs at least: too many to guess.
LEAST_TOKEN = 24
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62})")


def operators(tables: Mapping[str, Table]) -> dict[str, Person]:
    """The people by their names. A fault is noted where a token is short, or belongs to two of them."""
    people: dict[str, Person] = {}
    owners: dict[str, str] = {}
    for name, table in tables.items():
        if not _NAME.fullmatch(name):
            table.fault("", "is not an operator's name (letters, digits, . _ @ -; at most 63)")
        tokens = table.texts("token")
        if any(len(token) < LEAST_TOKEN for token in tokens):
            table.fault("token", f"must have at least {LEAST_TOKEN} characters: openssl rand -hex 24 makes one")
        if not all(token.isascii() and token.isprintable() and " " not in token for token in tokens):
            table.fault("token", "holds characters that cannot travel in a header")
        for token in tokens:
            if owners.setdefault(token, name) != name:
                table.fault("token", f"is also the token of {owners[token]}: the record must tell two people apart")
        people[name] = Person(name=name, tokens=tokens, role=table.choice("role", ("view", "decide"), "view"))
        table.finish()
    return people
