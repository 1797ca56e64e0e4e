"""Whose token a request brings, and how often an address may be refused: for the API, the console and webhooks."""

import math
import threading
from collections.abc import Callable, Mapping

from receiver.config import Person
from receiver.intake.auth_failures import is_one_of

#: Wrong tokens in a minute: of one address, and of all together, from where on an address gets one try.
_OF_ONE, _OF_ALL = 10, 100
_MOST_ADDRESSES = 10_000
_MINUTE = 60


def person_with(token: str, people: Mapping[str, Person]) -> Person | None:
    """The person who has the token. The time it takes does not depend on how close the token is: every person's tokens
    are compared, no matter which one fits."""
    found = [one for one in people.values() if is_one_of(token, one.tokens)]
    return found[0] if found else None


class Throttle:
    """Counts wrong tokens for each minute, so that a guesser must wait and no other person must. ``clock`` is Unix time
    in seconds. Every process counts for itself.

    ``of_one`` and ``of_all`` are how many may be wrong in a minute: of one address, and of all together before each
    gets one try. ``addresses`` is how many of those that were wrong are heard in a minute; further ones wait.
    """

    def __init__(
        self, clock: Callable[[], float], *, of_one: int = _OF_ONE, of_all: float = _OF_ALL, addresses: float = math.inf
    ) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._of_one, self._of_all, self._addresses = of_one, of_all, addresses
        self._minute, self._wrong, self._all = 0, dict[str, int](), 0
        self._proven: set[str] = set()

    def wait(self, address: str) -> int:
        """Seconds until the address may try again; 0: now. An address without a wrong token is not refused, unless too
        many ``addresses`` are wrong already."""
        now = int(self._clock())
        with self._lock:
            if now // _MINUTE != self._minute or address in self._proven:
                return 0
            most = self._of_one if self._all < self._of_all else 1
            tried = self._wrong.get(address, 0)
            waits = tried >= most or (not tried and len(self._wrong) >= self._addresses)
            return _MINUTE - now % _MINUTE if waits else 0

    def wrong(self, address: str) -> None:
        """Count a wrong token."""
        now = int(self._clock())
        with self._lock:
            if now // _MINUTE != self._minute:
                self._minute, self._wrong, self._all = now // _MINUTE, {}, 0
            if len(self._wrong) < _MOST_ADDRESSES or address in self._wrong:
                self._wrong[address] = self._wrong.get(address, 0) + 1
            self._all += 1

    def count(self, address: str, *, proven: bool | None) -> None:
        """Count what came from the address of a machine. One that was ``proven`` before never waits: others may share
        its address, and what it repeats after its secret was changed must not hold up the rest."""
        if proven is False:
            self.wrong(address)
        elif proven and address not in self._proven:
            with self._lock:
                if len(self._proven) >= _MOST_ADDRESSES:
                    self._proven.clear()
                self._proven.add(address)
