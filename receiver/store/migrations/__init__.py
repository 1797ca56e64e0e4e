"""Schema migrations (Alembic). With ``HEAD``, a running receiver need not import Alembic; a test checks its value."""

HEAD = "0017"
