"""Defaults that depend on when the database was made: rows of one that was in use before are kept until asked."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    defaults = op.create_table(
        "defaults",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    used = op.get_bind().execute(sa.text("SELECT 1 FROM deliveries LIMIT 1")).first() is not None
    op.bulk_insert(defaults, [{"name": "keep_rows_days", "value": 0.0 if used else 400.0}])


def downgrade() -> None:
    op.drop_table("defaults")
