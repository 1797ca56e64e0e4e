"""When endpoints were heard: added up hour by hour, and the same as the deliveries themselves say."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, insert

from receiver.store import Database
from receiver.store.notify.heard import Heard, Hours
from receiver.store.tables import deliveries
from tests.support.rig import Rig

HOUR, HORIZON = 3600, 1_344


@pytest.fixture
def database(rig_on_either: Rig) -> Database:
    return rig_on_either.database


def deliver(database: Database, *moments: float, endpoint: str = "a", notice: str | None = None) -> None:
    row = {"carrier": "melhor_envio", "outcome": "ignored", "proof": "hmac", "method": "POST", "endpoint": endpoint}
    row |= dict.fromkeys(("target", "headers", "digest"), "")
    rows = [
        {
            "id": f"{endpoint}{at}{notice}",
            "dedup": f"{endpoint}{at}{notice}",
            "received_at": at,
            "notice": notice,
            **row,
        }
        for at in moments
    ]
    database.write(lambda connection: connection.execute(insert(deliveries), rows))


def hours(*each: int) -> list[float]:
    """Three moments in two minutes of each hour."""
    return [hour * HOUR + seconds for hour in each for seconds in (5.0, 30.0, 90.0)]


def test_added_up(database: Database) -> None:
    """Before and after they are added up the hours are the same; fetched answers are not the carrier's."""
    begin = 490_000
    deliver(database, *hours(begin, begin + 1, begin + 60, begin + 99))
    deliver(database, *hours(begin + 99), endpoint="b")
    deliver(database, *hours(begin + 2), notice="n")
    heard, now = Heard(database), (begin + 100) * HOUR + 1.0
    expected: Hours = {"a": dict.fromkeys((begin, begin + 1, begin + 60, begin + 99), 2), "b": {begin + 99: 2}}

    assert expected == heard.minutes(since=begin)
    heard.add_up(now=now, horizon=HORIZON)
    heard.add_up(now=now + 3 * HOUR, horizon=HORIZON)
    assert expected == heard.minutes(since=begin)
    assert {"a": {begin + 99: 2}, "b": {begin + 99: 2}} == heard.minutes(since=begin + 61)


def test_read_once(database: Database) -> None:
    """What was added up is not read again: a start looks at the last hours alone."""
    begin = 490_000
    deliver(database, *hours(*range(begin, begin + 200)))
    heard, now = Heard(database), (begin + 200) * HOUR + 60.0
    heard.add_up(now=now, horizon=HORIZON)
    periods: list[float] = []

    def noted(_connection, _cursor, statement, parameters, *_rest) -> None:
        if "FROM deliveries" in statement:
            values = parameters.values() if isinstance(parameters, dict) else parameters
            periods.extend(value for value in values if isinstance(value, float) and value > HOUR)

    event.listen(database._reader, "before_cursor_execute", noted)
    fresh = Heard(database)
    fresh.add_up(now=now, horizon=HORIZON)
    assert 200 == len(fresh.minutes(since=begin)["a"])
    assert [float((begin + 199) * HOUR)] == periods


def test_new_store(database: Database) -> None:
    """The weeks before the first delivery are not added up, day by day: there is nothing in them."""
    begin, writes = 490_000, list[str]()

    def noted(_connection, _cursor, statement, *_rest) -> None:
        if (word := statement.partition(" ")[0]) in ("INSERT", "DELETE"):
            writes.append(word)

    event.listen(database._writer.engine, "before_cursor_execute", noted)
    Heard(database).add_up(now=begin * HOUR, horizon=HORIZON)
    assert [] == writes
    deliver(database, *hours(begin))
    writes.clear()
    Heard(database).add_up(now=(begin + 2) * HOUR, horizon=HORIZON)

    assert ["INSERT", "DELETE", "INSERT"] == writes
    assert {"a": {begin: 2}} == Heard(database).minutes(since=begin)


def test_late(database: Database) -> None:
    """A delivery that is committed minutes after its hour counts."""
    begin = 490_000
    deliver(database, *hours(begin - 5))
    heard = Heard(database)
    heard.add_up(now=(begin + 1) * HOUR + 600.0, horizon=HORIZON)
    deliver(database, begin * HOUR + 3_599.0)
    heard.add_up(now=(begin + 2) * HOUR + 1_000.0, horizon=HORIZON)

    assert {"a": {begin: 1}} == heard.minutes(since=begin)


def test_together(database: Database) -> None:
    """Workers that add up at the same moment add up once, and none takes back what another one has read."""
    begin = 490_000
    deliver(database, *hours(*range(begin, begin + 72)))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Heard(database).add_up(now=(begin + 73) * HOUR, horizon=HORIZON), range(4)))

    assert dict.fromkeys(range(begin, begin + 72), 2) == Heard(database).minutes(since=begin)["a"]


def test_forgotten(database: Database) -> None:
    """Hours past the horizon go."""
    begin = 490_000
    deliver(database, *hours(begin, begin + 30))
    heard = Heard(database)
    heard.add_up(now=(begin + 32) * HOUR, horizon=HORIZON)
    heard.add_up(now=(begin + 60) * HOUR, horizon=40)

    assert {"a": {begin + 30: 2}} == heard.minutes(since=begin)


def test_configured(database: Database) -> None:
    """Since when an endpoint is configured stays as it was seen first."""
    heard = Heard(database)
    heard.note_endpoints(["a"], now=5.0)
    heard.note_endpoints(["a", "b"], now=9.0)

    assert {"a": 5.0, "b": 9.0} == heard.configured_since()
