"""What a page gets, and what it may ask about the request that is answered now."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from flask import abort, current_app, g, request, url_for

from receiver.config import Config, Person
from receiver.operations.decisions import Actor, Decisions
from receiver.store import Database
from receiver.web.outage import Outage

#: The field of a form that says where the form stands: there a person is led who has to sign in first.
SHOWN_AT = "shown_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """``clock`` is Unix time in seconds."""

    config: Config
    database: Database
    outage: Outage
    clock: Callable[[], float]

    def decisions(self, *, note: str | None = None) -> Decisions:
        """The decisions of the person who sent the request, as the command line and the API take them. Answers 403
        where the role is ``view``."""
        actor = Actor(must_decide().name, "console")
        return Decisions(self.config, self.database, actor, note=note, clock=self.clock)


def stands_at(address: str) -> None:
    """The page that answers a form has this address: there a person finds it in another language."""
    g.address = address


def here() -> str:
    """The address of the page that is made now. One that answers a form says where it stands (`stands_at`), or is left
    for the first of its pages."""
    if request.method in ("GET", "HEAD"):
        return f"{quote(request.path)}?{urlencode(request.args)}"
    of_page = f"{request.blueprint}.index"
    first = of_page if of_page in current_app.view_functions else "console.overview.index"
    return str(g.get("address") or url_for(first))


def person() -> Person:
    """Who is signed in."""
    found: Person = g.person
    return found


def must_decide() -> Person:
    """The same, where the role is ``decide``; else the request is answered 403."""
    if person().role != "decide":
        abort(403)
    return person()
