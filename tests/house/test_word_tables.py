"""What a carrier's words mean is a fact from somewhere: each table of them names its source and the day of reading."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADAPTERS = sorted(path for path in (ROOT / "adapters").glob("*.py") if not path.name.startswith("_"))
DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")
#: Words that lead to a source: a URL, a repository, a document in quotes, or code that was read.
SOURCE = re.compile(
    r'https?://|\w\.(?:com|co|org|net|io|cl)/|"[A-Z][^"]+"|\bDOCS\b|\bapi-docs\b|\bPublication\b|\bcode\b'
)
#: A table that goes on from the one above it says so.
SAME = re.compile(r"\b[Ss]ame (?:page|document|place|sources?|appendix)\b")


def tables(source: str) -> list[tuple[str, str]]:
    """Name and comment of each table of statuses at the top of a module, in order."""
    lines, found = source.splitlines(), []
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        entries = [leaf for leaf in ast.walk(node.value) if isinstance(leaf, ast.Dict | ast.DictComp)]
        if not entries or "Status." not in (ast.get_source_segment(source, node.value) or ""):
            continue
        above = node.lineno - 1
        while above and lines[above - 1].startswith("#"):
            above -= 1
        comment = " ".join(line.lstrip("#: ") for line in lines[above : node.lineno - 1])
        found.append((node.targets[0].id, comment))
    return found


def unfounded(source: str) -> list[str]:
    """The tables of a module without a source and a day of their own, or of the table that they go on from."""
    missing, founded = [], False
    for name, comment in tables(source):
        own = bool(DAY.search(comment) and SOURCE.search(comment))
        going_on = founded and (not comment or bool(SAME.search(comment)))
        if not own and not going_on:
            missing.append(name)
        founded = own or going_on
    return missing


@pytest.mark.parametrize("path", ADAPTERS, ids=lambda path: path.stem)
def test_source(path: Path) -> None:
    """Each table of statuses stands below a comment with its source and a day."""
    assert [] == unfounded(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# https://docs.example.com/statuses, read 2026-11-28", []),
        ('# "Statuses", version 2, read 2026-11-28', []),
        ("# https://docs.example.com/statuses", ["STATUSES"]),
        ("# as everybody knows, 2026-11-28", ["STATUSES"]),
        ("", ["STATUSES"]),
    ],
)
def test_seen(comment: str, expected: list[str]) -> None:
    """A table without a source, or without a day, is seen."""
    assert expected == unfounded(f'{comment}\nSTATUSES = {{"ok": Status.DELIVERED}}\n')
