"""Orders of the past, and a back-fill over them."""

from datetime import UTC, datetime
from typing import Any

from receiver.calls.background import BackgroundCalls
from receiver.http import Http
from receiver.operations.backfill import Backfill
from receiver.store import Background, Queue
from receiver.vtex.client import Vtex
from tests.support.rig import Rig, order, package
from tests.support.times import DAY


def invoiced(rig: Rig, number: int, days_ago: float, **rest: Any) -> None:
    """An order whose invoice bears its number."""
    at = datetime.fromtimestamp(rig.now - days_ago * DAY, UTC).isoformat()
    rig.add_order(order(f"{number}-01", package(f"{number}", **rest), invoicedDate=at, creationDate=at))


def made(rig: Rig, **rest: Any) -> Backfill:
    # Woken shipments go first: someone has to work on them meanwhile.
    vtex = Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)
    queue = Queue(rig.database, worker_name="backfill", lease=60)
    calls = BackgroundCalls(queue, vtex, clock=lambda: rig.now, sleep=rig.later, gives_way=True)
    return Backfill(calls, rig.index, Background(rig.database), clock=lambda: rig.now, **rest)
