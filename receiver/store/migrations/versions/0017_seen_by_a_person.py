"""What an invoice showed when a person assigned a parcel to it."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("shipments", sa.Column("assigned_seen", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("shipments", "assigned_seen")
