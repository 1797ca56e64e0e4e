"""What a person knew when he named an order, when an order's change was heard of, what was written to an order, and
invoice numbers without zeros."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("shipments", sa.Column("assigned_at", sa.Double(), nullable=True))
    op.add_column("shipments", sa.Column("assigned_over", sa.Text(), nullable=True))
    op.add_column("order_news", sa.Column("noted_at", sa.Double(), server_default="0", nullable=False))
    op.add_column("accounts", sa.Column("failing_writes", sa.Text(), nullable=True))
    op.add_column("accounts", sa.Column("failing_writes_since", sa.Double(), nullable=True))
    op.create_index(
        "attempts_written",
        "attempts",
        ["order_id", "id"],
        sqlite_where=sa.text("request IS NOT NULL"),
        postgresql_where=sa.text("request IS NOT NULL"),
    )
    op.execute("DELETE FROM orders WHERE kind = 'invoice_number' AND value LIKE '0%'")  # learnt again when read


def downgrade() -> None:
    op.drop_index("attempts_written", "attempts")
    op.drop_column("accounts", "failing_writes_since")
    op.drop_column("accounts", "failing_writes")
    op.drop_column("order_news", "noted_at")
    op.drop_column("shipments", "assigned_over")
    op.drop_column("shipments", "assigned_at")
