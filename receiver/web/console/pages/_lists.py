"""What lists have in common: the words of their address, and pages that follow one another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import abort, request, url_for

from receiver.shipments.plain import seconds
from receiver.store.operator.listings import Ask
from receiver.store.operator.listings import Page as Found
from receiver.web import cursors

_ROWS = 50
#: A page that came out short, because no index knows a filter, is filled up by so many looks more.
_LOOKS = 3
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class List:
    """A page of a list: the words that chose it, its rows, and the cursor of the next page. ``route`` is its address
    without words."""

    route: str
    words: Mapping[str, str]
    rows: list[dict[str, Any]] = field(default_factory=list)
    next: str | None = None

    def address(self, **changes: str | None) -> str:
        """The address of the list with these words; ``None`` takes one out."""
        query = {name: value for name, value in {**self.words, **changes}.items() if value}
        return f"{url_for(self.route)}?{urlencode(query)}" if query else url_for(self.route)

    @property
    def is_first(self) -> bool:
        return not request.args.get("cursor")


def given(*names: str, sent: Mapping[str, str] | None = None, **choices: tuple[str, ...]) -> dict[str, str]:
    """The filled-in words of the address, or of a form that was ``sent``. Answers 400 for one that makes no sense."""
    words = request.args if sent is None else sent
    found = {name: word for name in (*names, *choices) if (word := words.get(name, "").strip())}
    for name, value in found.items():
        if len(value) > _LONGEST or value not in choices.get(name, (value,)):
            abort(400)
    return found


def filters(words: Mapping[str, str]) -> dict[str, Any]:
    """The same as a listing takes them: ``since`` and ``until`` as times. Answers 400 for a date that is none."""
    try:
        return {name: seconds(value) if name in ("since", "until") else value for name, value in words.items()}
    except (ValueError, OverflowError):
        abort(400)


def listed(name: str, kinds: tuple[type, ...], words: Mapping[str, str], read: Callable[[Ask], Found]) -> List:
    """The page of the list of a console page (``name``) that the address asks for. ``kinds`` are the types of its
    keys."""
    cursor = request.args.get("cursor")
    try:
        found = read(Ask(_ROWS, cursors.decoded(name, kinds, cursor) if cursor else None))
    except cursors.BadCursor:
        abort(400)
    for _ in range(_LOOKS):
        if found.next is None or len(found.rows) >= _ROWS:
            break
        more = read(Ask(_ROWS - len(found.rows), found.next))
        found = Found([*found.rows, *more.rows], more.next)
    following = cursors.encoded(name, found.next) if found.next else None
    return List(route=f"console.{name}.index", words=words, rows=found.rows, next=following)
