"""What every template may use: texts, numbers and times, links to pages, form tokens, and what only some may see."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from flask import g, request, url_for
from markupsafe import Markup, escape

from receiver.timing import stamp
from receiver.vtex.answers import without_words
from receiver.web.console import charts, notes
from receiver.web.console.context import here, person
from receiver.web.console.cookies import form_token
from receiver.web.console.language import DEFAULT, LANGUAGES, Speech
from receiver.web.console.pages._page import Page


def widgets(pages: Mapping[str, Page], *, clock: Callable[[], float]) -> Mapping[str, Any]:
    """The names that templates know, for one request."""
    speech = Speech(g.language, clock())
    decides = g.get("person") is not None and g.person.role == "decide"
    open_to = (one for one in pages.values() if one.position is not None and (decides or not one.is_for_deciding))
    shown = sorted(open_to, key=lambda page: page.position or 0)
    return {
        "t": speech.text,
        "number": speech.number,
        "money": speech.money,
        "duration": speech.duration,
        "age": speech.age,
        "hour": speech.hour,
        "stamp": stamp,
        "bars": charts.bars,
        "chart": charts,
        "now": speech.now,
        "language": g.language,
        "languages": LANGUAGES.values(),
        "in_language": _in_language,
        "shown_at": here,
        "person": g.get("person"),
        "private": lambda value: private(value, speech),
        "told": lambda text: told(text, speech),
        "fault_of": lambda text: fault_of(text, speech),
        "form_token": lambda action: form_token(g.secret, unquote(action)),
        "as_json": _as_json,
        "pages": shown,
        "here": request.blueprint.removeprefix("console.") if request.blueprint else "",
        "searched": next((page for page in pages.values() if page.is_searched), None),
        "link_to": lambda name, **query: link_to(name, **query) if name in pages else None,
    }


def private(value: Any, speech: Speech) -> Any:
    """A buyer's data: as they are for the role ``decide``; ``view`` reads that they are hidden."""
    return value if person().role == "decide" or value in (None, "") else speech.text("frame.hidden")


def told(text: str, speech: Speech) -> Markup:
    """What the reconciler or VTEX says, in the person's language where there is a text for it; ``view`` does not read
    VTEX's own words."""
    public = text if person().role == "decide" else without_words(text)
    return _marked(public, notes.told(public, speech), speech)


def fault_of(text: str, speech: Speech) -> Markup:
    """Why something did not get in or cannot be read, in the person's language where there is a text for it."""
    path, said = notes.fault(text, speech)
    return escape(path) + _marked(text.removeprefix(path), said, speech)


def _marked(written: str, said: str, speech: Speech) -> Markup:
    """What is still English says so, for who hears the page."""
    is_english = said == written and speech.language.code != DEFAULT
    return Markup('<span lang="en">{}</span>').format(said) if is_english else escape(said)


def link_to(name: str, **query: Any) -> str:
    """The address of a page's first route, with filters."""
    page = url_for(f"console.{name}.index")
    return f"{page}?{urlencode(query)}" if query else page


def _as_json(value: Any) -> str:
    """A value as a person reads it: with every letter as it is. The template escapes it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _in_language(code: str) -> str:
    """The address of this page in another language."""
    path, _, query = here().partition("?")
    kept = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "language"]
    return f"{path}?{urlencode([*kept, ('language', code)])}"
