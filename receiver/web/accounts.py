"""The VTEX accounts: pace, pauses, and what went wrong last. For the console and the API."""

from collections import defaultdict
from typing import Any

from receiver.config import Config
from receiver.store import Database, OperatorQueries
from receiver.store.work.attempts import Attempts

#: Failed calls that are shown of an account.
_FAILURES = 5


def configured(config: Config, database: Database, *, now: float) -> list[dict[str, Any]]:
    """Each configured account with its pause and its latest failures, by name. ``now`` in seconds since the epoch."""
    pauses = {one["name"]: one for one in OperatorQueries(database).paused_accounts(now=now)}
    failures = defaultdict(list)
    for one in Attempts(database).latest_failures():
        failures[one["account"]].append(one)
    return [
        {
            "name": name,
            "base_url": account.base_url,
            "pace": account.requests_per_minute,
            "tokens": len(account.app_tokens),
            "has_hook": bool(account.hook_secrets),
            "pause": pauses.get(name),
            "failures": failures[name][:_FAILURES],
        }
        for name, account in sorted(config.accounts.items())
    ]
