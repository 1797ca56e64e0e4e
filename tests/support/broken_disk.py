"""SQLite that fails by itself, as on a broken disk: no code of the receiver is changed for it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from tests.support.rig import Rig

#: An integer that overflows is an error of the database, not of the row. ``random``: it is not computed beforehand.
_FAILS = "SELECT abs(-9223372036854775807 - 1 - 0 * random())"


@contextmanager
def failing(rig: Rig, statement: str, *, when: str = "1") -> Iterator[None]:
    """Such a statement, as ``INSERT ON links``, cannot be carried out where its row is so; reading goes on."""
    name = f"broken_{statement.replace(' ', '_')}"
    with closing(sqlite3.connect(rig.database_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute(f"CREATE TRIGGER {name} BEFORE {statement} WHEN {when} BEGIN {_FAILS}; END")
        yield
        other.execute(f"DROP TRIGGER {name}")
