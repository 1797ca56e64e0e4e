"""Statements of the accept path, compiled once and handed to the driver as they are.

SQLAlchemy looks a statement up, binds it and wraps its result at each execution: for a row of twenty values that costs
more than the database does. Several rows are one statement: each further one would be a round trip to PostgreSQL, and
in SQLite a moment in which Python gives up its lock, and waits for it again.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, cast

from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.sql.dml import Insert

#: Without it the count of what was written is thrown away.
_COUNTED = {"preserve_rowcount": True}
#: How many rows one statement may have. Each number has a text of its own.
_SIZES = (64, 32, *range(16, 0, -1))
#: The placeholders of one row.
_ROW = re.compile(r"VALUES (\([^()]*\))")


class PreparedInsert:
    """An INSERT, or an upsert, of rows with these columns, whose keys differ; further names are parameters of its SET.
    Values reach the driver as they are given: text or ``None``, numbers, bytes. A number that is ``None`` in each of
    several rows would be text to PostgreSQL."""

    def __init__(self, statement: Insert, columns: Iterable[str]) -> None:
        self._statement, self._columns = statement, list(columns)
        self._texts: dict[int, str] = {}
        #: The names of what follows the rows, and values that no row gives.
        self._rest: Sequence[str] = ()
        self._defaults: Mapping[str, Any] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Write the rows, in their order; returns how many were inserted or updated."""
        if not self._texts:
            self._compile(connection.dialect)
        written = 0
        for rest, alike in groupby(rows, key=self._values_of_rest):
            left = list(alike)
            for size in _sizes(len(left)):
                some, left = left[:size], left[size:]
                values = (*(row[name] for row in some for name in self._columns), *rest)
                result = connection.exec_driver_sql(self._texts[size], values, execution_options=_COUNTED)
                written += result.rowcount
        return written

    def _values_of_rest(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple([row[name] if name in row else self._defaults[name] for name in self._rest])

    def _compile(self, dialect: Dialect) -> None:
        # By place, not by name: the driver would look for the names in each text.
        by_place: Any = dialect if dialect.positional else cast("Any", type(dialect))(paramstyle="format")
        compiled = self._statement.inline().compile(dialect=by_place, column_keys=self._columns)
        places, many = list(compiled.positiontup or ()), len(self._columns)
        self._columns, self._rest, self._defaults = places[:many], places[many:], compiled.params
        before, row, after = _ROW.split(compiled.string, maxsplit=1)
        self._texts = {size: f"{before}VALUES {', '.join([row] * size)}{after}" for size in _SIZES}


def _sizes(many: int) -> Iterable[int]:
    """The sizes of the statements for so many rows, the largest first."""
    for size in _SIZES:
        while many >= size:
            many -= size
            yield size
