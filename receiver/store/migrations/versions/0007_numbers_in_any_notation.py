"""A shipment is found by its tracking number in any notation: without spaces, hyphens, dots and case."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_FILL = (
    "UPDATE shipments SET normalised_number = "
    "nullif(upper(replace(replace(replace(tracking_number, ' ', ''), '-', ''), '.', '')), '') "
    "WHERE tracking_number IS NOT NULL"
)


def upgrade() -> None:
    op.drop_index("shipments_number", "shipments")
    op.add_column("shipments", sa.Column("normalised_number", sa.Text(), nullable=True))
    op.execute(_FILL)
    op.create_index("shipments_number", "shipments", ["normalised_number"])


def downgrade() -> None:
    op.drop_index("shipments_number", "shipments")
    op.drop_column("shipments", "normalised_number")
    op.create_index("shipments_number", "shipments", ["tracking_number"])
