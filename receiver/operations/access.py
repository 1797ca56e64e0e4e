"""What a key may do at VTEX, found out by reading alone. Notify invoice shows only when an invoice is written."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from receiver.config import Account, Config
from receiver.http import Http
from receiver.store import Database, Paused, Queue, RateLimited
from receiver.vtex.answers import Misconfigured, NotFound, Refused, Rejected, Unroutable, VtexError
from receiver.vtex.client import Vtex

#: An order that cannot be there. Whether VTEX looks for it is what tells of the key.
NO_ORDER = "receiver-check-0"
#: The list of orders, as short as it may be.
_SHORT_LIST = {"page": "1", "per_page": "1"}
#: Seconds that a person waits for a slot of the account's rate limit.
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What was asked, and whether it is allowed; ``None``: VTEX did not say. ``needed``: without it nothing is written.
    ``why`` is VTEX's answer, in a few words."""

    what: str
    allowed: bool | None
    needed: bool
    why: str


def is_fine(found: Iterable[Access]) -> bool:
    """Whether all that is needed is allowed."""
    return not any(one.needed and not one.allowed for one in found)


def is_refused(found: Iterable[Access]) -> bool:
    """Whether VTEX refuses what is needed. What is neither fine nor refused was not answered."""
    return any(one.needed and one.allowed is False for one in found)


def access_check(config: Config, database: Database, account: str) -> "AccessCheck":
    """The check of an account of the configuration, for a person who waits."""
    settings = config.accounts[account]
    http = Http([settings.base_url])
    return AccessCheck(
        settings,
        Queue(database, worker_name=f"person-{time.time_ns()}", lease=config.lease),
        lambda one: Vtex(one, http, clock=time.time),
        clock=time.time,
        sleep=time.sleep,
    )


class AccessCheck:
    """Asks for one account. ``make`` gives the way to VTEX for an account's settings; ``clock`` is Unix time in
    seconds, ``sleep`` waits for a slot of the rate limit."""

    def __init__(
        self,
        account: Account,
        queue: Queue,
        make: Callable[[Account], Vtex],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._account, self._queue, self._make = account, queue, make
        self._clock, self._sleep = clock, sleep

    def run(self) -> Iterator[Access]:
        """Each finding as it is made: the tokens one by one, then what the first that works may do besides. Nothing is
        written at VTEX, and no pause begins or ends. Raises `Paused` where VTEX asked for quiet, `RateLimited`,
        `receiver.store.StoreUnavailable`."""
        working: Vtex | None = None
        several = len(self._account.app_tokens)
        for number, token in enumerate(self._account.app_tokens, 1):
            vtex = self._make(replace(self._account, app_tokens=(token,)))
            name = f"app token {number} of {several}" if several > 1 else "app key and token"
            for found in self._key(vtex, name, needed=working is None and number == several):
                yield found
                working = working or (vtex if found.allowed else None)
        if working is None:
            return
        if self._account.hook_secrets:
            yield self._role("Feed v3 and Hook Admin (receiver hook)", working.get_hook)
        lists = working
        yield self._role("List Orders (receiver index)", lambda: lists.list_orders(_SHORT_LIST))

    def _key(self, vtex: Vtex, name: str, *, needed: bool) -> Iterator[Access]:
        error = self._ask(lambda: vtex.get_order(NO_ORDER))
        if isinstance(error, Refused):  # it knows the key, and not for this
            yield Access(what=name, allowed=True, needed=needed, why="accepted")
            yield Access(what="View order", allowed=False, needed=True, why=str(error))
        elif isinstance(error, Misconfigured):
            yield Access(what=name, allowed=False, needed=needed, why=str(error))
        elif _is_answer(error):
            yield Access(what=name, allowed=True, needed=needed, why="accepted")
            yield Access(what="View order", allowed=True, needed=True, why="allowed")
        else:
            yield Access(what=name, allowed=None, needed=needed, why=str(error))

    def _role(self, what: str, ask: Callable[[], Any]) -> Access:
        error = self._ask(ask)
        if isinstance(error, Refused | Misconfigured):
            return Access(what=what, allowed=False, needed=False, why=str(error))
        return (
            Access(what=what, allowed=True, needed=False, why="allowed")
            if _is_answer(error)
            else Access(what=what, allowed=None, needed=False, why=str(error))
        )

    def _ask(self, ask: Callable[[], Any]) -> VtexError | None:
        """How the call ended. Each takes a slot of the rate limit. A pause for a key that did not work is no obstacle:
        whether it works now is the question."""
        now, interval = self._clock(), 60.0 / self._account.requests_per_minute
        try:
            starts = self._queue.accounts.reserve_read(
                self._account.name, interval=interval, now=now, max_wait=_PATIENCE
            )
        except Paused:
            if not self._queue.accounts.is_own_fault(self._account.name):
                raise
            starts = now
        except RateLimited as limited:  # a worker's probe is under way
            if limited.at > now + _PATIENCE:
                raise
            starts = limited.at
        if starts > now:
            self._sleep(starts - now)
        try:
            ask()
        except VtexError as error:
            return error
        return None


def _is_answer(error: VtexError | None) -> bool:
    return error is None or (isinstance(error, NotFound | Rejected) and not isinstance(error, Unroutable))
