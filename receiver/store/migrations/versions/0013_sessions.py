"""Sessions of the console, and the indexes by which its overview counts."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    unsettled = sa.text("state IN ('waiting', 'due', 'awaiting_order', 'awaiting_invoice', 'held', 'gave_up')")
    op.create_index(
        "shipments_reason",
        "shipments",
        ["state", "reason", "changed_at"],
        unique=False,
        sqlite_where=unsettled,
        postgresql_where=unsettled,
    )
    op.create_index("deliveries_heard", "deliveries", ["received_at", "endpoint"], unique=False)
    op.drop_index("deliveries_received", "deliveries")
    written = sa.text("request IS NOT NULL")
    op.create_index(
        "attempts_writes", "attempts", ["begun_at"], unique=False, sqlite_where=written, postgresql_where=written
    )


def downgrade() -> None:
    op.drop_index("attempts_writes", "attempts")
    op.create_index("deliveries_received", "deliveries", ["received_at"], unique=False)
    op.drop_index("deliveries_heard", "deliveries")
    op.drop_index("shipments_reason", "shipments")
    op.drop_table("sessions")
