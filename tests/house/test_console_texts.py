"""Every text of the console exists in three languages, and no template has a text of its own."""

import re
import string
from pathlib import Path

import pytest

from adapters import ReferenceKind, Status
from receiver.carriers.quality import LEVELS
from receiver.intake.unknown_routes import RouteCause
from receiver.operations.forgetting import NAMED
from receiver.operations.side_by_side import Mark
from receiver.reconcile.names import CARRIER_ORDER
from receiver.reconcile.names import NAMES as NAMES_OF_LINKS
from receiver.shipments import Reason, State, Visibility
from receiver.shipments.next_step import Next
from receiver.shipments.reasons import Kind
from receiver.store.decisions import KINDS
from receiver.store.keeping.kept import KEPT
from receiver.store.operator import queries as operator
from receiver.store.work.attempts import APPLIED, GONE
from receiver.vtex.answers import Throttled, VtexError, outcome_of
from receiver.vtex.orders import UnexpectedOrder
from receiver.vtex.rules import RULES
from receiver.web.console.language import LANGUAGES, Speech, texts
from receiver.web.console.pages import PAGES, decisions
from receiver.web.console.pages.overview import _ALERTS
from receiver.web.console.pages.parcels import NAMES
from tests.support.paths import ROOT

CONSOLE = ROOT / "receiver" / "web" / "console"
TEMPLATES = sorted(CONSOLE.joinpath("templates").glob("*.html"))
SOURCES = [*TEMPLATES, *CONSOLE.rglob("*.py")]
#: What a template may say in any language: signs, names of keys, and the settings that the closed console shows.
SAME_EVERYWHERE = re.compile(
    r"[\W\d_]*|j|k|n|Enter|\[operators\.ana\].*|openssl rand -hex 24|data-[a-z]+=\"\d*\"", re.DOTALL
)


def forms(text: object) -> list[str]:
    return [text] if isinstance(text, str) else list(text.values())


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def faults(text: dict[str, object]) -> list[str]:
    """What is wrong with a text."""
    all_forms = [one for each in text.values() for one in forms(each)]
    checks = {
        "a language is missing": set(LANGUAGES) == set(text),
        "not all have the same forms": 1 == len({isinstance(one, str) for one in text.values()}),
        "empty, or with blanks around it": all(one and one.strip() == one for one in all_forms),
        "other values in one language": 1 == len({frozenset(fields(forms(each)[-1])) for each in text.values()}),
        "a full stop in one language": 1 == len({one.endswith(".") for one in all_forms}),
    }
    return [fault for fault, is_right in checks.items() if not is_right]


def test_languages():
    """A text has all languages, with the same values and forms, and ends alike."""
    assert {} == {key: found for key, text in texts().items() if (found := faults(text))}


def test_used():
    """Each text is used, and each that is used exists."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    named = {key for key in re.findall(r'["\'](\w+\.\w+)["\']', source) if key.partition(".")[0] in FILES}
    named = {key for key in named if not key.endswith(("_", ".html"))}
    built = {f"{name}.{one}" for name, found in BUILT.items() for one in found}

    assert set() == set(texts()) - named - built
    assert set() == (named | built) - set(texts())


def kinds_of(error: type[Exception]) -> list[type[Exception]]:
    return [error, *(one for each in error.__subclasses__() for one in kinds_of(each))]


#: What may be stored of a call to VTEX that went wrong.
OUTCOMES = {outcome_of(error("")) for error in (*kinds_of(VtexError)[1:], UnexpectedOrder) if error is not Throttled}
OUTCOMES |= {outcome_of(Throttled("", 429, None)), GONE}
for _path in (ROOT / "receiver").rglob("*.py"):
    _source = _path.read_text(encoding="utf-8")
    OUTCOMES |= set(re.findall(r'(?:_end|Ending)\([^()]*?(?:, |else )"([a-z, ]+)"', _source))
OUTCOMES -= set(APPLIED)

FILES = {key.partition(".")[0] for key in texts()}
_BULK = ("", "title_", "count_", "what_", "do_")
#: Keys that are put together.
BUILT = {
    "states": [state.value for state in State],
    "reasons": [reason.value for reason in Reason],
    "advice": [reason.value for reason in Reason if reason.kind is not Kind.WAITING],
    "frame": ["role_view", "role_decide"],
    "overview": ["needs_held", "needs_gave_up", "needs_stopped", "needs_other"],
    "alerts": sorted(_ALERTS),
    "outcomes": sorted(OUTCOMES),
    "faults": [key.removeprefix("faults.") for key in texts() if key.startswith("faults.")],
    "login": ["ended", "undecided"],
    "fault": ["400", "403", "404", "413", "503"],
    "order_statuses": [key.removeprefix("order_statuses.") for key in texts() if key.startswith("order_statuses.")],
    "statuses": [status.value for status in Status],
    "next": [step.name.lower() for step in Next],
    "rules": list(RULES),
    "notes": [key.removeprefix("notes.") for key in texts() if key.startswith("notes.")],  # found by their English
    "parcels": [
        *(f"filter_{name}" for name in NAMES),
        *(f"kind_{kind.value}" for kind in Kind),
        *(f"bulk_{what}{action}" for what in _BULK for action in ("retry", "dismiss")),
    ],
    "parcel": [
        *(f"mark_{mark}" for mark in Mark),
        *(f"reference_{kind}" for kind in ReferenceKind if kind != "tracking_number"),
        *(f"seen_{one.name.lower()}" for one in Visibility),
    ],
}
for _page in PAGES:
    BUILT[_page.PAGE.name] = [*BUILT.get(_page.PAGE.name, ()), "title"]
BUILT["deliveries"] += [f"outcome_{one}" for one in operator.OUTCOMES]
BUILT["refused"] += [
    *RouteCause,
    "likely_endpoint",
    "likely_carrier",
    "likely_account",
    "account_takes_none",
    "account_address",
]
BUILT["carriers"] += [f"level_{one}" for one in (*LEVELS, "own")]
BUILT["links"] += [f"kind_{one}" for one in (*NAMES_OF_LINKS, CARRIER_ORDER)]
BUILT["decisions"] += [f"data_{one}" for one in NAMED]
BUILT["forget"] += [f"by_{one}" for one in NAMED]
BUILT["forget"] += [f"table_{table.name}" for table, kept in KEPT.items() if kept.searched]
BUILT["decisions"] += [f"field_{one}" for one in decisions.FIELDS]
BUILT["decisions"] += [f"via_{one}" for one in ("console", "api", "command_line")]
BUILT["decisions"] += [f"action_{one}" for one in decisions.ACTIONS] + [f"kind_{one}" for one in KINDS]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_no_hard_text(template: Path):
    """What a template says comes from the texts."""
    source = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
    spoken = re.findall(r'(?:aria-label|title|alt|placeholder|value)="([^"]+)"', source)
    spoken += [part.strip() for part in re.split(r"<[^>]*>", source)]

    assert [] == [part for part in spoken if not SAME_EVERYWHERE.fullmatch(part)]


def test_numbers():
    """Numbers, ages and hours are written as each language writes them."""
    said = [
        (speech.number(1_234_567), speech.age(1_000 - 3 * 3600), speech.age(1_000 + 600))
        for speech in (Speech(language, 1_000.0) for language in LANGUAGES.values())
    ]

    assert [
        ("1,234,567", "3 h ago", "in 10 min"),
        ("1.234.567", "há 3 h", "em 10 min"),
        ("1\u202f234\u202f567", "hace 3 h", "en 10 min"),
    ] == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0 s"), (59, "59 s"), (60, "1 min"), (7_199, "119 min"), (7_200, "2 h"), (3 * 86_400, "3 d")],
)
def test_duration(seconds, said):
    """A duration is told in the largest unit of which there are two."""
    assert said == Speech(LANGUAGES["en"], 0.0).duration(seconds)
