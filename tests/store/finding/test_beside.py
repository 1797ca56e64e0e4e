"""Our shipments on one invoice are found by indexes, no matter how many the account has."""

import re
from typing import Any

from sqlalchemy import event

from receiver.store.finding.beside import wake_left
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted


def test_index(rig_on_either: Rig) -> None:
    """The look beside a parcel reads no other order's shipments, and so do the look for a delivery that was told, and
    the wake of those that it leaves behind."""
    rig, plans = rig_on_either, list[str]()
    rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "events": True}})
    rig.add_order(order("1-01", package("900")))
    rig.post(posted())
    rig.work()
    record = rig.queries.record("melhor-envio/p1")
    assert record is not None
    sent = record.generation.sent
    assert sent is not None

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.startswith(("SELECT", "UPDATE")):
            return
        raw = connection.connection.driver_connection.cursor()
        if not rig.database.is_sqlite:
            raw.execute("SET enable_seqscan = off")  # the tables are nearly empty
        raw.execute(f"EXPLAIN {'QUERY PLAN ' if rig.database.is_sqlite else ''}{statement}", parameters)
        plans.append(str(raw.fetchall()))

    queue = rig.hands("one")[0]
    event.listen(rig.database._reader, "before_cursor_execute", explain)
    assert ("", {}) == queue.beside("lux", "melhor-envio/p1", sent)
    assert None is queue.delivery_told("lux", "1-01", "900")

    event.listen(rig.database._writer.engine, "before_cursor_execute", explain)
    rig.database.write(lambda to: wake_left(to, record.id, sent, record.known, now=rig.now))

    beside, told, left = plans
    for plan in (beside, left):
        assert "shipments_order" in plan
        assert not re.search(r"shipments_account|SCAN shipments|Seq Scan", plan)
    assert "attempts_written" in told
