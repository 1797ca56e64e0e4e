"""Columns under the trade's words: what the last decision was made from, the optimistic counters, the lease's owner,
the rate limit's next slot."""

from alembic import op

revision = "0006"
down_revision = "0005"

_RENAMED = {
    "shipments": {"arrivals": "update_count", "holder": "worker_name", "basis": "input_digest", "rings": "wake_count"},
    "fetches": {"arrivals": "update_count"},
    "updates": {"taken": "folded"},
    "accounts": {"free_at": "next_slot_at"},
}


def upgrade() -> None:
    for table, columns in _RENAMED.items():
        for former, name in columns.items():
            op.execute(f"ALTER TABLE {table} RENAME COLUMN {former} TO {name}")


def downgrade() -> None:
    for table, columns in _RENAMED.items():
        for former, name in columns.items():
            op.execute(f"ALTER TABLE {table} RENAME COLUMN {name} TO {former}")
