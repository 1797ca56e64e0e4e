"""Our shipments on one invoice are found by indexes, no matter how many the account has."""

import re
from typing import Any

from sqlalchemy import event

from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted


def test_index(rig_on_either: Rig) -> None:
    """The look beside a parcel reads no other order's shipments, and so does the look for a delivery that was told."""
    rig, plans = rig_on_either, list[str]()
    rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "events": True}})
    rig.add_order(order("1-01", package("900")))
    rig.post(posted())
    rig.work()
    record = rig.queries.record("melhor-envio/p1")
    assert record is not None
    assert record.generation.sent is not None

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        raw = connection.connection.driver_connection.cursor()
        if not rig.database.is_sqlite:
            raw.execute("SET enable_seqscan = off")  # the tables are nearly empty
        raw.execute(f"EXPLAIN {'QUERY PLAN ' if rig.database.is_sqlite else ''}{statement}", parameters)
        plans.append(str(raw.fetchall()))

    queue = rig.hands("one")[0]
    event.listen(rig.database._reader, "before_cursor_execute", explain)
    assert ("", {}) == queue.beside("lux", "melhor-envio/p1", record.generation.sent)
    assert None is queue.delivery_told("lux", "1-01", "900")

    beside, told = plans
    assert "shipments_order" in beside
    assert not re.search(r"shipments_account|SCAN shipments|Seq Scan", beside)
    assert "attempts_written" in told
