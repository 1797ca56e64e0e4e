"""What the console's overview counts, in both databases."""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import event, insert

from receiver.store import Database
from receiver.store.operator.overview import MOST_OVERDUE, Backlog, Overview, last_hours
from receiver.store.tables import attempts, deliveries, shipments, unknown_words
from tests.support.store_cases import NOW

HOUR = int(NOW // 3600)


def put(database: Database, table: Any, *rows: dict[str, Any]) -> None:
    """Rows, their other columns of text filled with a word."""
    filled = [
        {one.name: "x" if one.type.python_type is str else 0 for one in table.c if not one.nullable}
        | {"id": f"{number}", "dedup": f"{number}"}
        | row
        for number, row in enumerate(rows)
    ]
    known = [{name: value for name, value in row.items() if name in table.c} for row in filled]
    database.write(lambda connection: connection.execute(insert(table), known))


def parcel(state: str, reason: str | None = None, **rest: Any) -> dict[str, Any]:
    return {"state": state, "reason": reason, "account": "lux", "priority": 0, "due_at": None, **rest}


def test_unsettled(database: Database) -> None:
    """Parcels by state and reason, without those that are settled."""
    rows = [parcel("held", "second_parcel")] * 2 + [parcel("held", "vtex_refused"), parcel("gave_up")]
    rows += [parcel("in_step"), parcel("kept", "other_parcel"), parcel("cancelled"), parcel("dismissed")]
    put(database, shipments, *rows)

    counted = Overview(database).unsettled()
    assert {("held", "second_parcel"): 2, ("held", "vtex_refused"): 1, ("gave_up", ""): 1} == counted


def test_backlog(database: Database) -> None:
    """What is overdue, in the accounts asked for; what is due later is no backlog."""
    dues = [("lux", 0, -30.0), ("lux", 1, -90.0), ("lux", 0, 60.0), ("other", 0, -600.0), ("lux", 0, None)]
    rows = [parcel("due", account=name, priority=n, due_at=at and NOW + at) for name, n, at in dues]
    put(database, shipments, *rows)
    overview = Overview(database)

    assert Backlog(2, NOW - 90) == overview.backlog(["lux", "empty"], now=NOW)
    assert Backlog() == overview.backlog(["empty"], now=NOW)


def test_large_backlog(database: Database) -> None:
    """A large one is counted only so far."""
    put(database, shipments, *[parcel("due", due_at=NOW - one) for one in range(MOST_OVERDUE + 10)])

    assert Backlog(MOST_OVERDUE, NOW - MOST_OVERDUE - 9) == Overview(database).backlog(["lux"], now=NOW)


def test_open(database: Database) -> None:
    """Deliveries that wait for a fix, and words that no adapter knows."""
    outcomes = ("quarantined", "error", "accepted", "ignored", "quarantined")
    put(database, deliveries, *({"outcome": one} for one in outcomes))
    put(database, unknown_words, {"word": "a"}, {"word": "b"})
    overview = Overview(database)

    assert (3, 2) == (overview.unreadable(), overview.unknown_words())


class TestHours:
    def test_heard(self, database: Database) -> None:
        """Deliveries by hour and endpoint, from the hour's first second to its last."""
        at = [HOUR * 3600.0, HOUR * 3600.0 + 3599.9, (HOUR - 1) * 3600.0 + 3599.9]
        put(database, deliveries, *({"received_at": one, "endpoint": "ep"} for one in at))

        assert [{}, {"ep": 1}, {"ep": 2}] == Overview(database).heard(last_hours(NOW, 3), now=NOW)

    def test_written(self, database: Database) -> None:
        """Writes of tracking that VTEX has applied; no reads, no events, none that failed."""
        kinds = [("PATCH", "{}", "done"), ("PATCH", "{}", "applied, seen later"), ("PATCH", "{}", "refused")]
        kinds += [("PATCH", "{}", None), ("PUT", "{}", "done"), ("GET order", None, "done")]
        rows = [{"call": call, "request": sent, "outcome": how, "begun_at": NOW} for call, sent, how in kinds]
        put(database, attempts, *rows)

        assert [0, 2] == Overview(database).written(last_hours(NOW, 2), now=NOW)

    def test_once(self, database: Database) -> None:
        """An hour that is over is counted once, the present one each time; all that are counted, by one question."""
        overview, asked = Overview(database), []
        event.listen(database._reader, "before_cursor_execute", lambda *call: asked.append(call[2]))
        for turn in range(3):
            overview.heard(last_hours(NOW + 120, 24), now=NOW + 120 + turn)

        assert [24, 1, 1] == [one.count("count(*)") for one in asked]


@pytest.fixture(params=["migrated_sqlite_url", "new_postgres_url"], ids=["sqlite", "postgres"])
def new(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database that no test has used: PostgreSQL plans by what it has seen in its tables, even if they are empty."""
    with closing(Database(request.getfixturevalue(request.param))) as database:
        yield database


@pytest.mark.parametrize(
    ("question", "index"),
    [
        ("unsettled", "shipments_reason"),
        ("unreadable", "deliveries_(open|declined)"),  # over an empty table both cost the same
        ("backlog", "shipments_due"),
        ("heard", "deliveries_heard"),
        ("written", "attempts_applied"),
    ],
)
def test_index(new: Database, question: str, index: str) -> None:
    """Every question is answered from an index, in SQLite and in PostgreSQL."""
    database, plans = new, list[str]()

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            prefix = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
            raw = connection.connection.driver_connection.cursor()
            if not database.is_sqlite:
                raw.execute("SET enable_seqscan = off")  # the tables are empty
            raw.execute(prefix + statement, parameters)
            plans.append(str(raw.fetchall()))

    event.listen(database._reader, "before_cursor_execute", explain)
    overview = Overview(database)
    asked = {
        "backlog": lambda: overview.backlog(["lux"], now=NOW),
        "heard": lambda: overview.heard([HOUR], now=NOW),
        "written": lambda: overview.written([HOUR], now=NOW),
    }
    asked.get(question, lambda: getattr(overview, question)())()

    assert all(re.search(index, plan) for plan in plans), plans
    assert plans
