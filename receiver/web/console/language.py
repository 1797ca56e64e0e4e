"""English, Portuguese and Spanish: every text of the console, and how numbers and times are written."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from flask import request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from receiver.timing import moment
from receiver.web.console.cookies import LANGUAGE

#: A text in one language: as it is, or for one and for several.
Text = str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Language:
    """``name`` in the language itself, ``tag`` for browsers, what stands between thousands, and before cents."""

    code: str
    name: str
    tag: str
    thousands: str
    cents: str


LANGUAGES = {
    one.code: one
    for one in (
        Language("en", "English", "en", ",", "."),
        Language("pt", "Português", "pt-BR", ".", ","),
        Language("es", "Español", "es", "\N{NARROW NO-BREAK SPACE}", ","),
    )
}
DEFAULT = "en"
#: Characters of Accept-Language that are looked at: browsers send some fifty, and anybody may send many.
_LONGEST = 200
#: Files whose keys come out of the database, or from VTEX.
_STORED = ("states", "reasons", "outcomes", "order_statuses")


def chosen() -> Language:
    """The language that the person has picked, else the browser's best one."""
    for picked in (request.args.get("language", ""), request.cookies.get(LANGUAGE, "")):
        if picked in LANGUAGES:
            return LANGUAGES[picked]
    wanted = parse_accept_header(request.headers.get("Accept-Language", "")[:_LONGEST], LanguageAccept)
    return LANGUAGES[wanted.best_match(LANGUAGES, DEFAULT)]


@cache
def texts() -> dict[str, dict[str, Text]]:
    """Every text as ``<file>.<key>``, in each language. A file of `texts` belongs to the page of its name."""
    found = {}
    for file in files("receiver.web.console").joinpath("texts").iterdir():
        if file.name.endswith(".toml"):
            for key, by_language in tomllib.loads(file.read_text(encoding="utf-8")).items():
                found[f"{file.name.removesuffix('.toml')}.{key}"] = by_language
    return found


@dataclass(frozen=True, slots=True)
class Speech:
    """Says things in one language. ``now`` is Unix time in seconds."""

    language: Language
    now: float

    def text(self, key: str, **values: Any) -> str:
        """The text with its ``{values}`` filled in; ``count`` also picks the form for one or for several. A state,
        reason or outcome that an older version stored, or a status of VTEX's, that has no text is shown as it is."""
        file, _, code = key.partition(".")
        if file in _STORED and key not in texts():
            return code
        found = texts()[key][self.language.code]
        if not isinstance(found, str):
            found = found["one" if values.get("count") == 1 else "other"]
        shown = {name: self.number(one) if isinstance(one, int) else one for name, one in values.items()}
        return found.format(**shown)

    def number(self, value: float) -> str:
        """A whole number."""
        return f"{value:,.0f}".replace(",", self.language.thousands)

    def money(self, cents: int) -> str:
        """An amount in the order's currency, which VTEX does not name there."""
        return f"{self.number(cents // 100)}{self.language.cents}{cents % 100:02}"

    def duration(self, seconds: float) -> str:
        """How long, in the largest unit that fits: ``40 s``, ``5 min``, ``3 h``, ``12 d``."""
        for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
            if seconds >= 2 * length or (unit == "min" and seconds >= length):
                return f"{self.number(seconds // length)} {unit}"
        return f"{max(0, seconds):.0f} s"

    def age(self, at: float) -> str:
        """How long ago a moment was, or how far ahead it is."""
        key = "frame.ago" if at <= self.now else "frame.ahead"
        return self.text(key, time=self.duration(abs(self.now - at)))

    def hour(self, hour: int) -> str:
        """An hour since the epoch, as the time at which it begins."""
        return f"{moment(hour * 3_600):%H:%M} UTC"
