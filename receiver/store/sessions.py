"""Sessions of the console: of the cookie only a digest is stored. A session ends with the token that began it."""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress

from sqlalchemy import delete, insert, select, update

from receiver.store.database import Database
from receiver.store.engine import StoreUnavailable
from receiver.store.people_tables import sessions

#: Seconds after which a session ends, and seconds without a request after which it ends.
LONGEST_SESSION, LONGEST_IDLE = 12 * 3600.0, 30 * 60.0
#: Seconds between two notes that a session is in use: not every page costs a write.
_NOTED_EVERY = 60.0


class Sessions:
    """Begins, finds and ends sessions. Times are Unix time in seconds. Every method raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, operator: str, token: str, *, now: float) -> str:
        """The cookie of a new session of the operator, who signed in with the token."""
        cookie = secrets.token_urlsafe(32)
        texts = {"id": _digest(cookie), "operator": operator, "proof": _digest(cookie, token)}
        row = {**texts, "begun_at": now, "seen_at": now}
        self._database.write(lambda connection: connection.execute(insert(sessions), row))
        return cookie

    def find(
        self, cookie: str, tokens_of: Callable[[str], Iterable[str]], *, now: float, is_used: bool = True
    ) -> str | None:
        """The operator whose session a cookie opens, if it lasts and the operator still has the token. ``is_used``: its
        idle time begins again now."""
        s, key = sessions.c, _digest(cookie)
        rows = self._database.rows(select(sessions).where(s.id == key))
        if not rows:
            return None
        row = rows[0]
        has_ended = now >= row["begun_at"] + LONGEST_SESSION or now >= row["seen_at"] + LONGEST_IDLE
        if has_ended or all(row["proof"] != _digest(cookie, token) for token in tokens_of(row["operator"])):
            with suppress(StoreUnavailable):  # it opens nothing, all the same
                self.end(cookie)
            return None
        if is_used and now >= row["seen_at"] + _NOTED_EVERY:
            seen = update(sessions).where(s.id == key).values(seen_at=now)
            with suppress(StoreUnavailable):  # a full disk keeps no person from looking
                self._database.write(lambda connection: connection.execute(seen))
        return str(row["operator"])

    def end(self, cookie: str) -> None:
        """Sign out: the cookie opens nothing any more."""
        ended = delete(sessions).where(sessions.c.id == _digest(cookie))
        self._database.write(lambda connection: connection.execute(ended))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
