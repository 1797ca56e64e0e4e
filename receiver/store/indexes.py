"""The indexes of the tables. ``migrations/`` creates them, and a test keeps both equal.

They stand apart because a running program does not need them: a partial index makes SQLAlchemy import every dialect.
"""

from sqlalchemy import Index, text

from receiver.store.tables import (
    APPLIED_WRITE,
    DECLINED,
    UNREADABLE,
    UNSETTLED,
    attempts,
    deliveries,
    fetches,
    links,
    metadata,
    notifications,
    order_news,
    orders,
    shipments,
    updates,
    waits,
)

__all__ = ["metadata"]

Index("deliveries_heard", deliveries.c.received_at, deliveries.c.endpoint)
Index("deliveries_open", deliveries.c.id, sqlite_where=text(UNREADABLE), postgresql_where=text(UNREADABLE))
Index(
    "deliveries_declined",
    *(deliveries.c.carrier, deliveries.c.received_at),
    sqlite_where=text(DECLINED),
    postgresql_where=text(DECLINED),
)
_UNKNOWN = text("unknown_words IS NOT NULL")
Index("deliveries_unknown", *(deliveries.c.carrier, deliveries.c.id), sqlite_where=_UNKNOWN, postgresql_where=_UNKNOWN)
_FETCH_DUE = text("due_at IS NOT NULL")
Index("fetches_due", fetches.c.endpoint, fetches.c.due_at, sqlite_where=_FETCH_DUE, postgresql_where=_FETCH_DUE)
_NEW_UPDATE = text("folded = 0")
Index("updates_new", updates.c.shipment, sqlite_where=_NEW_UPDATE, postgresql_where=_NEW_UPDATE)
Index("updates_shipment", updates.c.shipment, updates.c.id)
Index("updates_delivery", updates.c.delivery)
_DUE = text("due_at IS NOT NULL")
Index(
    "shipments_due",
    *(shipments.c.account, shipments.c.priority, shipments.c.due_at),
    sqlite_where=_DUE,
    postgresql_where=_DUE,
)
Index("shipments_number", shipments.c.normalised_number)
Index("shipments_order", shipments.c.order_id)
Index("shipments_state", shipments.c.state, shipments.c.changed_at)
Index("shipments_account", shipments.c.account, shipments.c.state, shipments.c.changed_at)
Index("shipments_endpoint", shipments.c.endpoint, shipments.c.state, shipments.c.changed_at)
Index(
    "shipments_reason",
    *(shipments.c.state, shipments.c.reason, shipments.c.changed_at),
    sqlite_where=text(UNSETTLED),
    postgresql_where=text(UNSETTLED),
)
_COMPANION = text("companion_of IS NOT NULL")
Index("shipments_companions", shipments.c.companion_of, sqlite_where=_COMPANION, postgresql_where=_COMPANION)
_LEASED = text("lease_until IS NOT NULL")
Index("shipments_leased", shipments.c.account, shipments.c.lease_until, sqlite_where=_LEASED, postgresql_where=_LEASED)
_OPEN_ATTEMPT = text("outcome IS NULL")
Index("attempts_shipment", attempts.c.shipment, attempts.c.id)
Index("attempts_open", attempts.c.shipment, sqlite_where=_OPEN_ATTEMPT, postgresql_where=_OPEN_ATTEMPT)
_WRITTEN = text("request IS NOT NULL")
Index("attempts_written", attempts.c.order_id, attempts.c.id, sqlite_where=_WRITTEN, postgresql_where=_WRITTEN)
Index("attempts_applied", attempts.c.begun_at, sqlite_where=text(APPLIED_WRITE), postgresql_where=text(APPLIED_WRITE))
_REFUSED = text("outcome = 'refused'")
Index("attempts_refused", attempts.c.account, attempts.c.begun_at, sqlite_where=_REFUSED, postgresql_where=_REFUSED)
Index("links_order", links.c.account, links.c.order_id)
Index("waits_shipment", waits.c.shipment)
Index("order_news_due", order_news.c.account, order_news.c.due_at)
Index("orders_order", orders.c.account, orders.c.order_id)
_UNSENT = text("due_at IS NOT NULL")
Index("notifications_due", notifications.c.due_at, sqlite_where=_UNSENT, postgresql_where=_UNSENT)
