"""The tables about people who use the receiver: what they decided, and who is signed in."""

from sqlalchemy import Column, Double, Index, Table, Text

from receiver.store.tables import metadata

#: What people decided, in the order they did; rows are only added. ``kind`` and ``subject`` say what it was about,
#: ``before`` and ``after`` are JSON objects or null. A request that bears a key is carried out once.
decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("note", Text),
    Column("request_key", Text),
    Column("request_digest", Text),
)
Index("decisions_at", decisions.c.at, decisions.c.id)
Index("decisions_subject", *(decisions.c[name] for name in ("kind", "subject", "at", "id")))
Index("decisions_request", decisions.c.actor, decisions.c.request_key, unique=True)

#: People who are signed in to the console. ``id`` is a digest of the cookie. ``proof`` is one of cookie and token: it
#: holds as long as the operator has that token.
sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("operator", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("begun_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
)
