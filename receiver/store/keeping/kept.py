"""What is kept of people, table by table: for how long, and what `receiver forget` does with it.

Retention and forgetting go by this table alone. A test holds it to the schema, so that no new column is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Table, case

from receiver.shipments import State
from receiver.store.people_tables import decisions, sessions
from receiver.store.rows import REVOKED_LEASE
from receiver.store.tables import (
    REPLACED,
    accounts,
    alerts,
    attempts,
    backfills,
    counters,
    defaults,
    deliveries,
    endpoints,
    fetches,
    heard_hours,
    hooks,
    invoices,
    links,
    notifications,
    order_news,
    orders,
    rejects,
    shipments,
    unknown_routes,
    unknown_words,
    updates,
    waits,
    watches,
)

#: What stands where something was blanked.
NOTE = "forgotten: a person asked for it"
#: An update that says nothing, in the form that readers expect.
_NOTHING = '{"key": "forgotten", "status": "other"}'


class Until(StrEnum):
    """When a table's rows are deleted."""

    ROWS = "keep_rows_days after the row's last change"
    SETTLED = "keep_rows_days after the last change, once nothing more happens by itself"
    PARCEL = "with their parcel"
    MESSAGES = "30 days after they were made"
    SESSIONS = "within a day after their end"
    DONE = "once what they wait for is done"
    STAYS = "never: the table holds little, and grows with the configuration alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A table. Each of its columns of text stands in exactly one of ``people``, ``stays`` and ``words``.

    ``since`` is the column that ``until`` counts from. ``people``: where a person's data may stand. ``blank``: what
    `receiver forget` puts into a row's columns, ``None``: it deletes the row. ``stays``: ids and digests, by which a
    repeat is known and a write accounted for; they are searched, and never blanked. ``words``: words of the program and
    the configuration, and addresses of machines. ``parcel`` names the shipment, and the row is forgotten with it;
    ``order`` names the order, likewise.
    """

    until: Until
    since: str | None = None
    people: tuple[str, ...] = ()
    blank: Mapping[str, Any] | None = None
    stays: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    parcel: str | None = None
    order: str | None = None
    searched: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "searched", (*self.people, *self.stays))


_PARCEL_EMPTY = ("sent", "tracking_number", "normalised_number", "order_id", "invoice_number", "evidence")
_UNASSIGNED = ("assigned_order", "assigned_invoice", "assigned_over", "assigned_seen")
_AT_REST = ("reason", "due_at", "check_at")

KEPT: Mapping[Table, Kept] = {
    # The body goes by its own horizons, and the URL's query with it.
    deliveries: Kept(
        until=Until.SETTLED,
        since="received_at",
        people=("body", "headers", "target", "reason", "unknown_words"),
        blank={"body": None, "headers": "{}", "reason": NOTE, "unknown_words": None},
        stays=("id", "dedup", "digest", "notice"),
        words=("endpoint", "carrier", "outcome", "method", "proof", "version"),
    ),
    updates: Kept(
        until=Until.PARCEL,
        people=("said",),
        blank={"said": _NOTHING, "folded": REPLACED},
        stays=("delivery", "shipment", "digest"),
        parcel="shipment",
    ),
    shipments: Kept(
        until=Until.SETTLED,
        since="changed_at",
        people=("known", "note", *_PARCEL_EMPTY, *_UNASSIGNED),
        blank={
            **dict.fromkeys((*_PARCEL_EMPTY, *_UNASSIGNED, *_AT_REST)),
            "state": State.DISMISSED.value,
            "note": NOTE,
            "known": "{}",
            **REVOKED_LEASE,
        },
        stays=("id", "companion_of", "input_digest"),
        words=("endpoint", "account", "state", "reason", "token", "worker_name", "rule"),
    ),
    attempts: Kept(
        until=Until.PARCEL,
        since="begun_at",
        people=("request", "answer", "evidence"),
        blank={"request": None, "answer": None, "evidence": None},
        stays=("id", "shipment", "order_id", "invoice_number"),
        words=("account", "call", "rule", "outcome"),
        parcel="shipment",
    ),
    invoices: Kept(
        until=Until.PARCEL, people=("order_id", "invoice_number", "shipment"), words=("account",), parcel="shipment"
    ),
    waits: Kept(until=Until.PARCEL, people=("value", "shipment"), words=("account", "kind"), parcel="shipment"),
    orders: Kept(
        until=Until.ROWS,
        since="learnt_at",
        people=("value", "order_id", "invoice_number"),
        words=("account", "kind"),
        order="order_id",
    ),
    links: Kept(
        until=Until.ROWS,
        since="told_at",
        people=("value", "order_id", "invoice_number", "also"),
        words=("account", "kind"),
        order="order_id",
    ),
    order_news: Kept(until=Until.DONE, people=("order_id",), words=("account",), order="order_id"),
    # Done: deleted with the bodies. Held: a fetch waits for a person, without its headers.
    fetches: Kept(
        until=Until.ROWS,
        since="changed_at",
        people=("url", "headers", "reason"),
        stays=("id", "delivery"),
        words=("endpoint", "method", "outcome", "token"),
    ),
    decisions: Kept(
        until=Until.SETTLED,
        since="at",
        people=("subject", "before", "after", "note"),
        blank={
            "before": None,
            "after": None,
            "note": NOTE,
            "subject": case((decisions.c.kind == "link", "forgotten"), else_=decisions.c.subject),
        },
        stays=("id", "request_key", "request_digest"),
        words=("actor", "via", "action", "kind"),
        parcel="subject",
    ),
    alerts: Kept(
        until=Until.ROWS,
        since="resolved_at",
        people=("subject", "title", "lines", "command"),
        words=("cause", "severity"),
    ),
    notifications: Kept(
        until=Until.MESSAGES, since="made_at", people=("message", "error"), stays=("id",), words=("channel",)
    ),
    unknown_words: Kept(until=Until.ROWS, since="last_at", people=("word",), stays=("delivery",), words=("carrier",)),
    unknown_routes: Kept(
        until=Until.ROWS, since="last_at", people=("name", "reason", "likely", "target"), words=("cause", "method")
    ),
    rejects: Kept(
        until=Until.ROWS,
        since="at",
        people=("reason", "target", "headers"),
        stays=("id",),
        words=("endpoint", "method"),
    ),
    # A total that fell would look like a restart, and be counted twice.
    counters: Kept(until=Until.STAYS, words=("process", "name", "labels")),
    # A worker forgets those past eight weeks when it adds up new ones.
    heard_hours: Kept(until=Until.STAYS, words=("endpoint",)),
    endpoints: Kept(until=Until.STAYS, words=("name",)),
    watches: Kept(until=Until.ROWS, since="at", words=("name",)),
    # The id of an order marks how far a back-fill is; without it, a day is read twice.
    backfills: Kept(
        until=Until.ROWS, since="finished_at", people=("last_id",), blank={"last_id": None}, words=("account",)
    ),
    accounts: Kept(
        until=Until.STAYS,
        people=("pause_reason", "failing", "failing_writes"),
        blank=dict.fromkeys(("pause_reason", "failing", "failing_since", "failing_writes", "failing_writes_since")),
        words=("name",),
    ),
    hooks: Kept(until=Until.STAYS, words=("account", "url")),
    defaults: Kept(until=Until.STAYS, words=("name",)),
    sessions: Kept(until=Until.SESSIONS, since="begun_at", stays=("id", "proof"), words=("operator",)),
}
