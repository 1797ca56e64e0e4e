"""At a glance: what needs a person, what waits and why, pauses of accounts, and when each carrier was last heard."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from receiver.calls.pause_end import how_it_ends
from receiver.config import Config
from receiver.notify.causes import Cause, Finding, Severity
from receiver.notify.findings import Findings
from receiver.notify.refusals import last_refused
from receiver.store import Database, OperatorQueries, StoreUnavailable
from receiver.store.counters import PROBES, last_deliveries, last_of
from receiver.store.notify.alerts import Alerts
from receiver.store.operator.listed import Listed
from receiver.store.operator.shipment_filter import ShipmentFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """``needs``: what stops the work stands first. ``counts``: parcels by account, state and reason. ``due_since``:
    since when the oldest due parcel has waited for a worker. ``pauses``: by account, as
    `OperatorQueries.paused_accounts` gives them, and how each ``ends``. ``heard``: when each endpoint last had a
    delivery, ``checked``: when its carrier last checked the URL, ``refused``: when a sender was last not proven;
    ``None``: never. Times are Unix time in seconds."""

    now: float
    needs: tuple[Finding, ...]
    counts: tuple[Mapping[str, Any], ...]
    due_since: float | None
    pauses: Mapping[str, Mapping[str, Any]]
    heard: Mapping[str, float | None]
    checked: Mapping[str, float | None]
    refused: Mapping[str, float | None]

    def reasons(self, state: str, account: str | None = None) -> dict[str, int]:
        """How many parcels in a state have each reason, of one account or of all; the most frequent first."""
        found: dict[str, int] = {}
        for row in self.counts:
            if row["state"] == state and account in (None, row["account"]):
                reason = row["reason"] or ""
                found[reason] = found.get(reason, 0) + row["count"]
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def overview(config: Config, database: Database, *, now: float) -> Overview:
    """The overview at ``now``. Raises `StoreUnavailable`."""
    queries = OperatorQueries(database)
    paused = {row["name"]: row for row in queries.paused_accounts(now=now) if row["name"] in config.accounts}
    begun = {(one["cause"], one["subject"]): one["opened_at"] for one in Alerts(database).all()}
    # What is often over by itself, such as a pause that VTEX asked for, needs a person once it has lasted.
    needs = [
        one
        for one in Findings(config, database, clock=lambda: now).all()
        if not one.must_last or now >= begun.get((one.cause.value, one.subject), now) + one.must_last
    ]
    needs += _store_away(database)
    totals, due_since = database.counters.totals(), queries.oldest_unsettled()
    last, checked, refused = last_deliveries(totals), last_of(PROBES, totals), last_refused(totals)
    return Overview(
        now=now,
        needs=tuple(sorted(needs, key=lambda one: one.cause.severity is not Severity.CRITICAL)),
        counts=tuple(Listed(database).count_shipments(ShipmentFilter())),
        due_since=due_since if due_since is not None and due_since <= now else None,
        pauses={name: {**row, "ends": how_it_ends(name, own_fault=row["own_fault"])} for name, row in paused.items()},
        heard={name: last.get(name) for name in config.endpoints},
        checked={name: checked.get(name) for name in config.endpoints},
        refused={name: refused.get(name) for name in config.endpoints},
    )


def _store_away(database: Database) -> Iterator[Finding]:
    """A database that is read may refuse to write, as on a full disk. Where it cannot be read, nothing is told here."""
    try:
        database.check_writable()
    except StoreUnavailable as error:
        line = " ".join(str(error).split())
        yield Finding(cause=Cause.STORE_AWAY, subject=socket.gethostname(), lines=(line,))
