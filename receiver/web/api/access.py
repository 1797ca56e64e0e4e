"""Who uses the API: a person of the configuration, by a bearer token of their own."""

from collections.abc import Callable, Mapping

from flask import g, request

from receiver.config import Person
from receiver.intake.auth_failures import AuthFailures
from receiver.web.api.answers import Refused
from receiver.web.incoming import bearer_token, note_refused
from receiver.web.people import Throttle, person_with


class Access:
    """Finds the person behind a request. ``clock`` is Unix time in seconds."""

    def __init__(
        self, people: Mapping[str, Person], auth_failures: AuthFailures, *, clock: Callable[[], float]
    ) -> None:
        self._people, self._auth_failures = people, auth_failures
        self._throttle = Throttle(clock)

    def person(self) -> Person:
        """The person who has the request's token. Raises `Refused`.

        A right token always enters, no matter how many wrong ones came from its address: behind a proxy all share one,
        and no stranger may lock operators out. A token is too long to be guessed.
        """
        token = bearer_token()
        found = None if token is None else person_with(token, self._people)
        if found is not None:
            return found
        self._refuse("no bearer token" if token is None else "the bearer token is no operator's")
        raise Refused(401, "Send the token of an operator: Authorization: Bearer …", WWW_Authenticate="Bearer")

    def _refuse(self, reason: str) -> None:
        address = request.remote_addr or ""
        if left := self._throttle.wait(address):
            raise Refused(429, f"Too many wrong tokens. Try again in {left} s.", Retry_After=str(left))
        self._throttle.wrong(address)
        note_refused(self._auth_failures, "api", reason)


def person() -> Person:
    """Who sent the request that is answered now."""
    found: Person = g.person
    return found


def must_decide() -> Person:
    """The same, where the role is ``decide``. Raises `Refused`."""
    if person().role != "decide":
        raise Refused(403, f"{person().name} may view; this needs the role decide.")
    return person()
