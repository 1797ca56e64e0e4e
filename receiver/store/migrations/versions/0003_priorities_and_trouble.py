"""Live before replayed, trouble in a row, and which version read a delivery."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_DUE = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("shipments", sa.Column("priority", sa.Integer(), server_default="0", nullable=False))
    op.drop_index("shipments_due", table_name="shipments")
    _index_due("account", "priority", "due_at")
    op.add_column("accounts", sa.Column("failing", sa.Text(), nullable=True))
    op.add_column("accounts", sa.Column("failing_since", sa.Double(), nullable=True))
    op.add_column("deliveries", sa.Column("version", sa.Text(), nullable=True))
    op.create_index("orders_order", "orders", ["account", "order_id"], unique=False)


def downgrade() -> None:
    op.drop_index("orders_order", table_name="orders")
    op.drop_column("deliveries", "version")
    op.drop_column("accounts", "failing_since")
    op.drop_column("accounts", "failing")
    op.drop_index("shipments_due", table_name="shipments")
    _index_due("account", "due_at")
    op.drop_column("shipments", "priority")


def _index_due(*columns: str) -> None:
    op.create_index("shipments_due", "shipments", list(columns), unique=False, sqlite_where=_DUE, postgresql_where=_DUE)
