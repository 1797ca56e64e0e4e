"""Links apart from what orders taught, who waits for which word, and what is read when nothing else is to be done."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "links",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("invoice_number", sa.Text(), nullable=True),
        sa.Column("told_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account", "kind", "value"),
    )
    op.create_index("links_order", "links", ["account", "order_id"])
    op.create_table(
        "waits",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("shipment", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "kind", "value", "shipment"),
    )
    op.create_index("waits_shipment", "waits", ["shipment"])
    op.create_table(
        "order_news",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("account", "order_id"),
    )
    op.create_index("order_news_due", "order_news", ["account", "due_at"])
    op.create_table(
        "hooks",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("installed_at", sa.Double(), nullable=False),
        sa.Column("checked_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "backfills",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("reached", sa.Double(), nullable=False),
        sa.Column("window_end", sa.Double(), nullable=True),
        sa.Column("last_id", sa.Text(), nullable=True),
        sa.Column("orders", sa.Integer(), server_default="0", nullable=False),
        sa.Column("facts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("account", "since"),
    )
    op.add_column("shipments", sa.Column("rings", sa.Integer(), server_default="0", nullable=False))
    op.add_column("orders", sa.Column("dated_at", sa.Double(), server_default="0", nullable=False))
    op.execute("UPDATE orders SET dated_at = learnt_at")
    # Several orders could be linked to one number only by a race of two commands: the latest word counts.
    op.execute(
        "INSERT INTO links (account, kind, value, order_id, invoice_number, told_at) "
        "SELECT o.account, o.kind, o.value, o.order_id, o.invoice_number, o.learnt_at FROM orders o "
        "WHERE o.source = 'link' AND NOT EXISTS (SELECT 1 FROM orders p WHERE p.source = 'link' "
        "AND p.account = o.account AND p.kind = o.kind AND p.value = o.value "
        "AND (p.learnt_at > o.learnt_at OR (p.learnt_at = o.learnt_at AND p.order_id > o.order_id)))"
    )
    op.execute("DELETE FROM orders WHERE source = 'link'")
    op.drop_column("orders", "source")


def downgrade() -> None:
    op.add_column("orders", sa.Column("source", sa.Text(), server_default="order", nullable=False))
    op.execute(
        "DELETE FROM orders WHERE EXISTS (SELECT 1 FROM links l WHERE l.account = orders.account "
        "AND l.kind = orders.kind AND l.value = orders.value AND l.order_id = orders.order_id)"
    )
    op.execute(
        "INSERT INTO orders (account, kind, value, order_id, invoice_number, source, learnt_at) "
        "SELECT account, kind, value, order_id, invoice_number, 'link', told_at FROM links"
    )
    op.drop_column("orders", "dated_at")
    op.drop_column("shipments", "rings")
    op.drop_table("backfills")
    op.drop_table("hooks")
    op.drop_index("order_news_due", table_name="order_news")
    op.drop_table("order_news")
    op.drop_index("waits_shipment", table_name="waits")
    op.drop_table("waits")
    op.drop_index("links_order", table_name="links")
    op.drop_table("links")
