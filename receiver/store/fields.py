"""The fields of a row in every list: of the API, the command line and files."""

from receiver.store.tables import fetches

#: The fields of a shipment in a list; its story has the rest.
SHIPMENT_FIELDS = (
    *("id", "endpoint", "account", "state", "reason", "note", "tracking_number", "order_id", "invoice_number", "rule"),
    *("assigned_order", "assigned_invoice", "due_at", "first_at", "changed_at"),
)
#: What did not get in.
REJECT_FIELDS = ("id", "at", "endpoint", "reason", "count", "method", "target", "headers")
#: What is kept of a fetch and is the queue's own, or may hold a secret.
_HIDDEN = ("headers", "token", "update_count", "wanted", "lease_until", "quiet_until")
FETCH_FIELDS = tuple(column.name for column in fetches.c if column.name not in _HIDDEN)
#: A delivery without its body.
DELIVERY_FIELDS = (
    *("id", "endpoint", "carrier", "received_at", "outcome", "reason", "method", "target", "headers", "digest"),
    *("proof", "version", "notice", "unknown_words"),
)
