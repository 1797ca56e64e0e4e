"""Status words that adapters do not know: counted, and found again when a delivery is to be read once more."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_DECLINED = sa.text("outcome IN ('ignored', 'quarantined', 'error')")
_UNKNOWN = sa.text("unknown_words IS NOT NULL")


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("unknown_words", sa.Text(), nullable=True))
    _index("deliveries_declined", ["carrier", "received_at"], _DECLINED)
    _index("deliveries_unknown", ["carrier", "id"], _UNKNOWN)
    op.create_table(
        "unknown_words",
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("first_at", sa.Double(), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("carrier", "word"),
    )


def downgrade() -> None:
    op.drop_table("unknown_words")
    op.drop_index("deliveries_unknown", table_name="deliveries")
    op.drop_index("deliveries_declined", table_name="deliveries")
    op.drop_column("deliveries", "unknown_words")


def _index(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, "deliveries", columns, unique=False, sqlite_where=where, postgresql_where=where)
