"""Statements that are compiled once, and take several rows."""

from typing import Any

import pytest
from sqlalchemy import bindparam, case, event, select

from receiver.store import Database
from receiver.store.prepared import PreparedInsert
from receiver.store.tables import counters

COLUMNS = ("process", "name", "labels", "value", "last_at")


def rows(many: int, first: int = 0) -> list[dict[str, Any]]:
    return [
        {"process": "p", "name": f"n{number:03}", "labels": "[]", "value": float(number), "last_at": 0.0}
        for number in range(first, first + many)
    ]


def kept(database: Database) -> list[tuple[str, float]]:
    found = database.rows(select(counters.c.name, counters.c.value).order_by(counters.c.name))
    return [(row["name"], row["value"]) for row in found]


def test_any_number(database: Database) -> None:
    """However many rows there are, all are written, in their order, and what was written is counted."""
    insert = database.insert(counters).on_conflict_do_nothing(index_elements=["process", "name", "labels"])
    prepared = PreparedInsert(insert, COLUMNS)
    for many in (1, 2, 15, 17, 33, 100, 150):
        database.write(lambda connection: connection.execute(counters.delete()))
        assert many == database.write(lambda connection, many=many: prepared.run(connection, rows(many)))
        assert [(row["name"], row["value"]) for row in rows(many)] == kept(database)

    assert 20 == database.write(lambda connection: prepared.run(connection, rows(70, first=100)))  # 50 are there
    assert 0 == database.write(lambda connection: prepared.run(connection, []))


@pytest.mark.parametrize(("many", "statements"), [(1, 1), (16, 1), (17, 2), (64, 1)])
def test_one_statement(database: Database, many: int, statements: int) -> None:
    """A few rows are one statement, and so one round trip."""
    said: list[str] = []
    event.listen(database._writer.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    prepared = PreparedInsert(database.insert(counters), COLUMNS)
    database.write(lambda connection: prepared.run(connection, rows(many)))
    assert statements == len([one for one in said if "INSERT" in one])


def test_values_of_set(database: Database) -> None:
    """What a row says of the SET counts for that row, and the rows keep their order."""

    upsert = database.insert(counters)
    grows = case((bindparam("grows") == 1, counters.c.value + upsert.excluded.value), else_=counters.c.value)
    prepared = PreparedInsert(
        upsert.on_conflict_do_update(index_elements=["process", "name", "labels"], set_={"value": grows}), COLUMNS
    )
    for _ in range(2):
        said = [{**row, "grows": number % 3 % 2} for number, row in enumerate(rows(8))]
        database.write(lambda connection, said=said: prepared.run(connection, said))
    assert [0.0, 2.0, 2.0, 3.0, 8.0, 5.0, 6.0, 14.0] == [value for _, value in kept(database)]
