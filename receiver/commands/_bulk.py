"""Decisions about many shipments at the command line."""

import time
from typing import Any

from receiver.commands._choosing import chosen_shipments
from receiver.commands._common import count, printable, say
from receiver.commands._deciding import decisions_of
from receiver.commands.checking import pause_line
from receiver.config import Config
from receiver.operations.bulk import EXAMPLES
from receiver.shipments import State
from receiver.store import Database, OperatorQueries
from receiver.store.operator.bulk import BulkAction, BulkDecisions
from receiver.store.operator.shipment_filter import ShipmentFilter


def decide_all(
    action: BulkAction,
    of: tuple[Config, Database],
    words: dict[str, Any],
    by: str,
    note: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Decide about all that the words choose, or with ``dry_run`` only tell how many there are."""
    config, database = of
    meant = chosen_shipments(config, database, words)
    if dry_run:
        _say_preview(action, BulkDecisions(database), meant, as_json=as_json)
        return
    many = decisions_of(config, database, by, note).decide_all(action, meant).decided
    if action == "retry":
        say_retried(database, many, as_json=as_json)
    else:
        say(f"{count(many, 'shipment')} dismissed", {"dismissed": many}, as_json=as_json)


def _say_preview(action: BulkAction, bulk: BulkDecisions, of: ShipmentFilter, *, as_json: bool) -> None:
    many, rows = bulk.count(action, of), bulk.examples(action, of, most=EXAMPLES)
    done = "looked at again" if action == "retry" else "dismissed"
    names = ("id", "state", "reason", "tracking_number", "order_id")
    lines = [f"{count(many, 'shipment')} would be {done}"]
    lines += ["  " + "  ".join(str(row[name]) for name in names if row[name]) for row in rows]
    lines += ["  …"] if many > len(rows) else []
    counted = {"dry_run": True, "action": action, "shipments": many, "examples": [row["id"] for row in rows]}
    say(printable("\n".join(lines)), counted, as_json=as_json)


def say_retried(database: Database, many: int, *, of: str | None = None, as_json: bool) -> None:
    """Tell how many are looked at again, ``of``: only this one; and which accounts are paused: theirs wait."""
    paused = OperatorQueries(database).paused_accounts(now=time.time())
    lines = [f"{count(many, 'shipment')} will be looked at again", *(f"account {pause_line(row)}" for row in paused)]
    counted: dict[str, Any] = {"retried": many, **({"shipment": of, "state": State.DUE.value} if of else {})}
    counted |= {"paused_accounts": [row["name"] for row in paused]} if paused else {}
    say("\n".join(lines), counted, as_json=as_json)
