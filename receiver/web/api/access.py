"""Who uses the API: a person of the configuration, by a bearer token of their own."""

import threading
from collections.abc import Callable, Mapping

from flask import g, request

from receiver.config import Person
from receiver.intake.auth_failures import AuthFailures, harmless, is_one_of
from receiver.web.api.answers import Refused

#: Wrong tokens from one address in a minute, before they are answered 429 and not recorded any more.
_WRONG_A_MINUTE = 10
_MOST_ADDRESSES = 10_000
_MINUTE = 60


class Access:
    """Finds the person behind a request. ``clock`` is Unix time in seconds."""

    def __init__(
        self, people: Mapping[str, Person], auth_failures: AuthFailures, *, clock: Callable[[], float]
    ) -> None:
        self._people, self._auth_failures, self._clock = tuple(people.values()), auth_failures, clock
        self._lock = threading.Lock()
        self._minute, self._wrong = 0, dict[str, int]()

    def person(self) -> Person:
        """The person who has the request's token. Raises `Refused`.

        A right token always enters, no matter how many wrong ones came from its address: behind a proxy all share one,
        and no stranger may lock operators out. A token is too long to be guessed.
        """
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        is_bearer = kind.lower() == "bearer"
        # Every person's tokens are compared, no matter which one fits: the time tells nothing.
        found = [one for one in self._people if is_one_of(token.strip(), one.tokens)] if is_bearer else []
        if found:
            return found[0]
        self._refuse("the bearer token is no operator's" if is_bearer else "no bearer token")
        raise Refused(401, "Send the token of an operator: Authorization: Bearer …", WWW_Authenticate="Bearer")

    def _refuse(self, reason: str) -> None:
        left = self._too_many(request.remote_addr or "")
        if left:
            raise Refused(429, f"Too many wrong tokens. Try again in {left} s.", Retry_After=str(left))
        self._auth_failures.note(
            "api", reason, method=request.method, target=request.path, headers=harmless(request.headers.items())
        )

    def _too_many(self, address: str) -> int:
        """Count one more; the seconds until the next minute where that is too many, else 0."""
        now = int(self._clock())
        with self._lock:
            if now // _MINUTE != self._minute or len(self._wrong) >= _MOST_ADDRESSES:
                self._minute, self._wrong = now // _MINUTE, {}
            self._wrong[address] = self._wrong.get(address, 0) + 1
            return _MINUTE - now % _MINUTE if self._wrong[address] > _WRONG_A_MINUTE else 0


def person() -> Person:
    """Who sent the request that is answered now."""
    found: Person = g.person
    return found


def must_decide() -> Person:
    """The same, where the role is ``decide``. Raises `Refused`."""
    if person().role != "decide":
        raise Refused(403, f"{person().name} may view; this needs the role decide.")
    return person()
