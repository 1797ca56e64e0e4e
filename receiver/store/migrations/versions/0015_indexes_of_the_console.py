"""Lists and counts of one VTEX account's shipments, by state; and applied writes, which its index alone counts."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_index("shipments_account", "shipments", ["account", "state", "changed_at"], unique=False)
    op.drop_index("attempts_writes", "attempts")
    applied = sa.text("call = 'PATCH' AND outcome IN ('done', 'applied, seen later')")
    op.create_index(
        "attempts_applied", "attempts", ["begun_at"], unique=False, sqlite_where=applied, postgresql_where=applied
    )


def downgrade() -> None:
    op.drop_index("attempts_applied", "attempts")
    written = sa.text("request IS NOT NULL")
    op.create_index(
        "attempts_writes", "attempts", ["begun_at"], unique=False, sqlite_where=written, postgresql_where=written
    )
    op.drop_index("shipments_account", "shipments")
