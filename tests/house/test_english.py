"""Plain English where people read it: pages, help, reasons, states, log lines and messages."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from receiver.cli import main
from receiver.shipments import Reason, State
from tests.support.paths import ROOT

#: Words that CONTRIBUTING's prose rules ban: archaic, or a person where the subject is a thing in the code.
BANNED = re.compile(
    r"\b(anew|whoever|whomever|in vain|be it|shall|stumbled?|is told of|of which the|whatever comes|lapsed?|"
    r"somebody|nobody|the next free hand|turned away|burns? no tries)\b",
    re.IGNORECASE,
)
#: CONTRIBUTING names the banned words.
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
SOURCES = sorted(
    file for folder in ("receiver", "adapters", "bench", "storm") for file in (ROOT / folder).rglob("*.py")
)


#: Tokens that hold words.
_WORDED = (tokenize.COMMENT, tokenize.NAME, tokenize.STRING)


@cache  # names and comments come again by the thousand
def banned(text: str) -> list[str]:
    return [match[0] for match in BANNED.finditer(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page):
    """A page's lines, each with what is banned in it."""
    found = [(number, word) for number, line in enumerate(page.read_text().splitlines(), 1) for word in banned(line)]

    assert [] == found


def commands(group: click.Group, path: str = "receiver") -> Iterator[tuple[str, click.Command]]:
    yield path, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


@pytest.mark.parametrize(("path", "command"), [pytest.param(*one, id=one[0]) for one in commands(main)])
def test_help(path, command):
    """What ``--help`` says of a command and of each of its options."""
    context = click.Context(command, info_name=path)

    assert [] == banned(command.get_help(context))


def test_sentences():
    """Reasons and states."""
    assert [] == [(one.value, word) for one in [*Reason, *State] for word in banned(one.sentence)]


def test_source():
    """Log lines, errors, what commands print, docstrings, comments and names: every word of the program."""
    found = [(str(source.relative_to(ROOT)), *one) for source in SOURCES for one in in_source(source)]

    assert [] == found


def in_source(source: Path) -> list[tuple[int, str]]:
    """The banned words of a file, each with its line."""
    if _is_clean(source.read_text(encoding="utf-8")):
        return []
    with source.open("rb") as file:
        read = [one for one in tokenize.tokenize(file.readline) if one.type in _WORDED]
    texts = [(one.start[0], one.string.replace("_", " ") if one.type == tokenize.NAME else one.string) for one in read]
    return [(line, word) for line, text in texts for word in banned(text)]


def _is_clean(text: str) -> bool:
    """True where no banned word stands in the file at all: to take it apart takes a hundred times as long."""
    return BANNED.search(text.replace("_", " ").replace("\\n", "\n")) is None


TESTS = sorted(file for file in (ROOT / "tests").rglob("*.py") if file != Path(__file__))


def test_what_tests_say():
    """Docstrings and comments of the tests. Their data may be anybody's words."""
    found = [(str(source.relative_to(ROOT)), *one) for source in TESTS for one in said_by_test(source)]

    assert [] == found


def said_by_test(source: Path) -> list[tuple[int, str]]:
    """The banned words of a test file's docstrings and comments, each with its line."""
    text = source.read_text(encoding="utf-8")
    if _is_clean(text):
        return []
    read = [one for one in tokenize.generate_tokens(io.StringIO(text).readline) if one.type == tokenize.COMMENT]
    texts = [(one.start[0], one.string) for one in read]
    nodes = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Module | ast.FunctionDef | ast.ClassDef)]
    texts += [(getattr(node, "lineno", 1), ast.get_docstring(node) or "") for node in nodes]

    return [(line, word) for line, said in texts for word in banned(said)]


#: A log line: a phrase without a colon of its own, then its values.
_LOG_LINE = re.compile(r"[^:%=]+(: [a-z_]+=%[-#0 +.\d]*[a-zA-Z]( [a-z_]+=(%[-#0 +.\d]*[a-zA-Z]|\w[^%=]*))*)?")


def test_log_lines():
    """A log line begins with a phrase that never changes, then come ``key=value``: no value without its key, and no
    word between them."""
    found = []
    for source in SOURCES:
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
                continue
            if call.func.attr not in ("debug", "info", "warning", "error", "exception"):
                continue
            if not (isinstance(call.func.value, ast.Name) and call.func.value.id == "log"):
                continue
            text = call.args[0]
            if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
                found.append(f"{source.relative_to(ROOT)}:{call.lineno}: the text must stand in the call")
            elif not _LOG_LINE.fullmatch(text.value):
                found.append(f"{source.relative_to(ROOT)}:{call.lineno}: {text.value}")

    assert [] == found
