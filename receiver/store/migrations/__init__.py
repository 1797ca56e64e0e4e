"""Schema migrations (Alembic). ``HEAD`` spares a running receiver the import of Alembic; a test keeps it true."""

HEAD = "0011"
