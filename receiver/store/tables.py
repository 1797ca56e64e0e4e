"""The tables. ``migrations/`` creates them, and a test keeps both equal. Times are seconds since the epoch.

`receiver.store.indexes` has their indexes.
"""

from sqlalchemy import BigInteger, Column, Double, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

#: Priorities: live updates and manual actions come before bulk work.
LIVE, BULK = PRIORITIES = (0, 1)

#: What arrived. ``dedup`` outlives the body, which retention empties. For a fetched answer, ``notice`` is the delivery
#: that asked for it.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("endpoint", Text, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("received_at", Double, nullable=False),
    Column("dedup", Text, nullable=False, unique=True),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    Column("method", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary),
    Column("digest", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("version", Text),  # of its last reading: program+digest of adapter and schema
    Column("notice", Text),
    Column("unknown_words", Text),  # a JSON list: status words that the adapter did not know; null: none
)
#: Deliveries that wait for a fix. A statement with exactly this text can use the index.
UNREADABLE = "outcome IN ('quarantined', 'error')"
#: Deliveries without updates. A statement with exactly this text can use the index.
DECLINED = "outcome IN ('ignored', 'quarantined', 'error')"

#: Status words that adapters did not know, counted by carrier; bounded. ``delivery`` is the last one with the word.
unknown_words = Table(
    "unknown_words",
    metadata,
    Column("carrier", Text, primary_key=True),
    Column("word", Text, primary_key=True),
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("count", Integer, nullable=False),
    Column("delivery", Text, nullable=False),
)

#: Fetches that messages ask for, one row for all that ask the same; ``delivery`` is the last of them. ``quiet_until``
#: delays all of the endpoint's. ``headers`` may hold a secret, and go when the fetch is done.
fetches = Table(
    "fetches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("endpoint", Text, nullable=False),
    Column("delivery", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("headers", Text, nullable=False, server_default="{}"),
    Column("wanted", Integer, nullable=False),
    Column("outcome", Text),  # null: under way
    Column("status", Integer),
    Column("reason", Text),
    Column("due_at", Double),
    Column("lease_until", Double),
    Column("token", Text),
    Column("quiet_until", Double),
    Column("update_count", Integer, nullable=False, server_default="0"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("asked_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
)

#: Values of ``updates.folded``: not yet settled by a worker, settled, and no longer what the delivery is read as.
NEW, FOLDED, REPLACED = 0, 1, 2

#: What one delivery says of one shipment; ``folded`` is its status.
updates = Table(
    "updates",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("delivery", Text, nullable=False),
    Column("shipment", Text, nullable=False),
    Column("received_at", Double, nullable=False),
    Column("digest", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("folded", Integer, nullable=False, server_default="0"),
)

#: The queue, the lock and the wanted state: one row per parcel, ``<endpoint>/<carrier's id>``.
shipments = Table(
    "shipments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("endpoint", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("note", Text),
    Column("due_at", Double),  # when a worker should look; null: nothing to do until news comes
    Column("check_at", Double),  # VTEX is not asked before this; null: only news, a link or a person reopens it
    Column("priority", Integer, nullable=False, server_default="0"),  # one of `PRIORITIES`
    Column("lease_until", Double),
    Column("token", Text),
    Column("worker_name", Text),
    Column("update_count", Integer, nullable=False, server_default="0"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("waits", Integer, nullable=False, server_default="0"),
    Column("input_digest", Text),  # of what the last decision was made from
    Column("known", Text, nullable=False, server_default="{}"),
    Column("sent", Text),
    Column("tracking_number", Text),
    Column("normalised_number", Text),  # the same without spaces, hyphens, dots and case, for finding
    Column("order_id", Text),
    Column("invoice_number", Text),
    Column("rule", Text),
    Column("evidence", Text),
    Column("assigned_order", Text),
    Column("assigned_invoice", Text),
    Column("assigned_at", Double),
    Column("assigned_over", Text),  # the cancellation that was known when a person assigned it anyway
    Column("assigned_seen", Text),  # the tracking number of the invoice then; empty: it had none; null: it was not read
    Column("wanted_since", Double),
    Column("generation", Integer, nullable=False, server_default="1"),
    Column("wake_count", Integer, nullable=False, server_default="0"),  # how often a change of its order has woken it
    Column("companion_of", Text),  # the parcel that serves several orders, where this row stands for one more of them
    Column("first_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
)
#: Shipments that are counted by reason. A statement with exactly this text can use the index.
UNSETTLED = "state IN ('waiting', 'due', 'awaiting_order', 'awaiting_invoice', 'held', 'gave_up')"

#: Every call to VTEX, stored before it is made. ``outcome`` null: begun, with no recorded end. ``shipment`` is
#: `about_order` for a call that belongs to no shipment.
attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("shipment", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("account", Text, nullable=False),
    Column("call", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("invoice_number", Text),
    Column("rule", Text),
    Column("evidence", Text),
    Column("request", Text),
    Column("begun_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("status", Integer),
    Column("outcome", Text),
    Column("answer", Text),
)

#: Writes that VTEX has applied. A statement with exactly this text can use the index.
APPLIED_WRITE = "call = 'PATCH' AND outcome IN ('done', 'applied, seen later')"

#: The owner of each invoice: the shipment whose tracking it carries, the first that intended to write it.
invoices = Table(
    "invoices",
    metadata,
    Column("account", Text, primary_key=True),
    Column("order_id", Text, primary_key=True),
    Column("invoice_number", Text, primary_key=True),
    Column("shipment", Text, nullable=False),
)

#: Which order a number belongs to, learned from orders that were read. ``dated_at``: when the invoice was issued, else
#: when this was first learned. It distinguishes the parcels of a recycled number.
orders = Table(
    "orders",
    metadata,
    Column("account", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("order_id", Text, primary_key=True),
    Column("invoice_number", Text),
    Column("learnt_at", Double, nullable=False),
    Column("dated_at", Double, nullable=False, server_default="0"),
)

#: Links: which order a name belongs to, as the merchant says. The newest link of a name is kept.
links = Table(
    "links",
    metadata,
    Column("account", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("invoice_number", Text),
    Column("told_at", Double, nullable=False),
    Column("also", Text),  # the other places that the parcel serves: order and invoice of each, as JSON
)

#: The names by which a link or an order may refer to a stuck shipment, a person to one that was not written yet, and a
#: link to a written one that has several numbers.
waits = Table(
    "waits",
    metadata,
    Column("account", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("shipment", Text, primary_key=True),
)

#: Changed orders that are read for the index when nothing else is due.
order_news = Table(
    "order_news",
    metadata,
    Column("account", Text, primary_key=True),
    Column("order_id", Text, primary_key=True),
    Column("due_at", Double, nullable=False),
    Column("noted_at", Double, nullable=False, server_default="0"),
    Column("tries", Integer, nullable=False, server_default="0"),
)

#: VTEX's order hooks that this receiver installed, and when each was last seen in place.
hooks = Table(
    "hooks",
    metadata,
    Column("account", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("installed_at", Double, nullable=False),
    Column("checked_at", Double, nullable=False),
)

#: Progress of back-fills: everything invoiced before ``reached`` is done, and in the window that begins there the
#: orders up to ``last_id``.
backfills = Table(
    "backfills",
    metadata,
    Column("account", Text, primary_key=True),
    Column("since", Double, primary_key=True),
    Column("until", Double, nullable=False),
    Column("reached", Double, nullable=False),
    Column("window_end", Double),
    Column("last_id", Text),
    Column("orders", Integer, nullable=False, server_default="0"),
    Column("facts", Integer, nullable=False, server_default="0"),
    Column("finished_at", Double),
)

#: Rate limit and circuit breaker of a VTEX account, shared by every worker of every host.
accounts = Table(
    "accounts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next_slot_at", Double, nullable=False, server_default="0"),
    Column("paused_until", Double, nullable=False, server_default="0"),
    Column("pause_reason", Text),
    Column("pauses", Integer, nullable=False, server_default="0"),
    Column("own_fault", Integer, nullable=False, server_default="0"),
    Column("failing", Text),  # the orders whose reads failed since the last answered read
    Column("failing_since", Double),
    Column("failing_writes", Text),
    Column("failing_writes_since", Double),
)

#: What was counted, a row for each process: no two wait for one row. ``labels`` are a JSON list of values.
counters = Table(
    "counters",
    metadata,
    Column("process", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("labels", Text, primary_key=True),
    Column("value", Double, nullable=False),
    Column("last_at", Double, nullable=False),
)

#: Alerts, one for each cause and subject; ``lines`` are a JSON list. ``is_told``: the message about its beginning was
#: queued, at ``told_at``, when ``told_count`` were concerned. ``resolved_at`` null: the alert is open.
alerts = Table(
    "alerts",
    metadata,
    Column("cause", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("severity", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("lines", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("resolved_at", Double),
    Column("is_told", Integer, nullable=False, server_default="0"),
    Column("told_at", Double),
    Column("told_count", Integer, nullable=False, server_default="0"),
)

#: Messages to people, one for each channel, as JSON. ``due_at`` null: sent, or given up with ``error``.
notifications = Table(
    "notifications",
    metadata,
    Column("id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("due_at", Double),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("sent_at", Double),
    Column("error", Text),
)

#: What one process of all does at a time and when it did it last, and notes: see `receiver.store.notify.watches`.
watches = Table(
    "watches",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("value", Double, nullable=False, server_default="0"),
)

#: In how many minutes of each hour since the epoch an endpoint was heard.
heard_hours = Table(
    "heard_hours",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("minutes", Integer, nullable=False),
)

#: Endpoints of the configuration; ``since``: when a worker first saw it there.
endpoints = Table(
    "endpoints", metadata, Column("name", Text, primary_key=True), Column("since", Double, nullable=False)
)

#: Webhooks that no endpoint takes, counted by the name that was asked for and by cause; bounded. ``warned_at``: when
#: the log said so last.
unknown_routes = Table(
    "unknown_routes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("cause", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("likely", Text),
    Column("method", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("warned_at", Double, nullable=False),
)

#: The last failed authentications, with their reasons; bounded, and without bodies.
rejects = Table(
    "rejects",
    metadata,
    Column("id", Text, primary_key=True),
    Column("endpoint", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("reason", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("headers", Text, nullable=False),
)

#: Defaults that depend on when the database was made; a setting overrules them.
defaults = Table("defaults", metadata, Column("name", Text, primary_key=True), Column("value", Double, nullable=False))
