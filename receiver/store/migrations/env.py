"""Alembic's entry: runs over the connection from `receiver.store.engine.migrate`."""

from alembic import context

from receiver.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
