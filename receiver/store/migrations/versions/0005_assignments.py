"""What a person knew when he named an order, when an order's change was heard of, and invoice numbers without zeros."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("shipments", sa.Column("assigned_at", sa.Double(), nullable=True))
    op.add_column("shipments", sa.Column("assigned_over", sa.Text(), nullable=True))
    op.add_column("order_news", sa.Column("noted_at", sa.Double(), server_default="0", nullable=False))
    op.execute("DELETE FROM orders WHERE kind = 'invoice_number' AND value LIKE '0%'")  # learnt again when read


def downgrade() -> None:
    op.drop_column("order_news", "noted_at")
    op.drop_column("shipments", "assigned_over")
    op.drop_column("shipments", "assigned_at")
