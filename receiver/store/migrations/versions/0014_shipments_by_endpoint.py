"""Lists and counts of one endpoint's shipments, by state."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_index("shipments_endpoint", "shipments", ["endpoint", "state", "changed_at"], unique=False)


def downgrade() -> None:
    op.drop_index("shipments_endpoint", "shipments")
