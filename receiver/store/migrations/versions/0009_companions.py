"""A parcel may serve several orders: a companion for each but the first, and links that name them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_COMPANION = sa.text("companion_of IS NOT NULL")


def upgrade() -> None:
    op.add_column("shipments", sa.Column("companion_of", sa.Text(), nullable=True))
    op.create_index(
        "shipments_companions",
        "shipments",
        ["companion_of"],
        unique=False,
        sqlite_where=_COMPANION,
        postgresql_where=_COMPANION,
    )
    op.add_column("links", sa.Column("also", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("links", "also")
    op.drop_index("shipments_companions", table_name="shipments")
    op.drop_column("shipments", "companion_of")
