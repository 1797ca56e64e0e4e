"""Statements of the accept path, compiled once and handed to the driver as they are.

SQLAlchemy looks a statement up, binds it and wraps its result at each execution: for a row of twenty values that costs
more than the database does.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.sql.dml import Insert

#: Without it the count of what was written is thrown away.
_COUNTED = {"preserve_rowcount": True}


class PreparedInsert:
    """An INSERT, or an upsert, of rows with these columns; further names are parameters of its SET. Values reach the
    driver as they are given: text, numbers, bytes, ``None``."""

    def __init__(self, statement: Insert, columns: Iterable[str]) -> None:
        self._statement, self._columns = statement, list(columns)
        self._text = ""
        self._order: Sequence[str] | None = None
        self._defaults: Mapping[str, Any] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Write the rows, in their order; returns how many were inserted or updated."""
        if not self._text:
            self._compile(connection.dialect)
        if self._order is None:
            values: list[Any] = [{**self._defaults, **row} for row in rows]
        else:
            values = [
                tuple([row[name] if name in row else self._defaults[name] for name in self._order]) for row in rows
            ]
        return connection.exec_driver_sql(self._text, values, execution_options=_COUNTED).rowcount

    def _compile(self, dialect: Dialect) -> None:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)
        self._order, self._defaults = compiled.positiontup, compiled.params
        self._text = compiled.string
