"""What the metrics count equals what the database holds, also after processes were killed under traffic."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import func, select

from receiver.store import Database, migrate
from receiver.store.counters import DELIVERIES, VTEX_CALLS
from receiver.store.tables import attempts, deliveries
from tests.support.processes import Sender, Site, together
from tests.support.rig import eventually

#: Seconds of traffic, and seconds between two kills.
STORM, EVERY = 2.0, 0.4


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    url = request.getfixturevalue(request.param)
    migrate(url)
    with Site(tmp_path, url, lease=5) as made:
        yield made


def storm(site: Site) -> Counter[int]:
    """Senders that send each webhook twice, while the processes that answer and that work are killed; the statuses."""
    web, work = site.start("web", "--processes", "2"), site.start("work")
    work.says("worker started")
    sender, numbers, ends = Sender(web.url), count(), time.monotonic() + STORM

    def take_part(role: int) -> list[int]:
        statuses = []
        while time.monotonic() < ends:
            if role == 0:
                time.sleep(EVERY)
                web.kill_child()
            else:
                statuses.append(sender.post(next(numbers) // 2 % 100))
        return statuses

    found = Counter(status for statuses in together(5, take_part, range(5)) for status in statuses)
    eventually(lambda: "in_step" in {row["state"] for row in site.queries.shipments()})
    work.kill()
    web.send(signal.SIGTERM)
    web.ended()
    return found


def test_equal(site: Site) -> None:
    """Deliveries by outcome, and calls to VTEX that were answered: no kill loses one or counts one twice."""
    site.add_orders(range(100))
    statuses = storm(site)

    d, a = deliveries.c, attempts.c
    with closing(Database(site.database)) as database:
        totals = database.counters.totals()
        stored = database.rows(select(d.outcome, func.count().label("many")).group_by(d.outcome))
        called = database.rows(select(a.call, func.count().label("many")).where(a.outcome == "done").group_by(a.call))
    counted = {labels[1]: one.value for (name, labels), one in totals.items() if name == DELIVERIES.name}
    assert {row["outcome"]: row["many"] for row in stored} == {
        outcome: many for outcome, many in counted.items() if outcome != "duplicate"
    }
    assert statuses[200] <= sum(counted.values())
    ended = {labels[1:]: one.value for (name, labels), one in totals.items() if name == VTEX_CALLS.name}
    calls = {call: many for (call, outcome), many in ended.items() if outcome == "done" and call != "background"}
    assert {row["call"]: row["many"] for row in called} == calls
    assert {"GET order", "PATCH"} <= calls.keys()
    assert counted["duplicate"] > 0
